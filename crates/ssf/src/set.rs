//! A Security Event Token on its way from bytes to facts (RFC 8417, ssf.md 1).
//!
//! [`UnverifiedSet`] knows nothing but the token's shape and whom it claims to be from;
//! [`UnverifiedSet::verify`] makes a [`VerifiedSet`] of it, in the order of ssf.md 1.5.

mod body;
mod claims;

use std::collections::BTreeSet;

use watchfire_crypto::{
    jwk::{Algorithm, KeySet, NoKey},
    jws::{JwsError, UnverifiedJws, VerifyError},
};
use watchfire_model::time::Timestamp;

pub use self::claims::{ClockSkew, MAX_JTI_CHARS, read_claims};
use crate::{
    dialect::Dialect,
    error::SetError,
    event::SecurityEvent,
    normalisation::{Normalisation, Notes},
};

/// Bytes of a request's body unless the caller says otherwise (JWT-08).
pub const MAX_BODY_BYTES: usize = watchfire_crypto::jws::MAX_TOKEN_BYTES;

/// A token of which nothing is known but its shape.
#[derive(Clone, Debug)]
pub struct UnverifiedSet {
    jws: UnverifiedJws,
    issuer: String,
    explicit_type: ExplicitType,
}

/// `typ`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExplicitType {
    /// One of the two spellings of a SET's (SET-02).
    Set,
    /// None, or that of any JWT (AMB-19).
    Missing,
}

/// What a token must say to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// How it is read.
    pub dialect: &'a Dialect,
    /// `iss`, to the letter (SET-12).
    pub issuer: &'a str,
    /// Values of `aud` of which one must be there (SET-14).
    pub audiences: &'a [String],
    /// Now.
    pub now: Timestamp,
    /// How far the sender's clock may be off.
    pub skew: ClockSkew,
}

/// A token whose signature and claims have been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedSet {
    /// `iss`
    pub issuer: String,
    /// `jti`
    pub jti: String,
    /// `iat`
    pub issued_at: Timestamp,
    /// `txn`
    pub txn: Option<String>,
    /// Its events, in the token's order.
    pub events: Vec<SecurityEvent>,
    /// Each way in which it is not as SSF 1.0 has it and was taken all the same.
    pub normalisations: Vec<Normalisation>,
    /// SHA-256 of the claims as they were signed: the same token signed anew has the same (SET-23).
    pub digest: [u8; 32],
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFailure {
    /// None of these keys is the token's; newer ones may be (JWT-05).
    #[error("{0}")]
    UnknownKey(SetError),
    /// Whatever the keys, it is refused.
    #[error("{0}")]
    Refused(SetError),
}

impl VerifyFailure {
    /// What the sender is told.
    pub fn into_error(self) -> SetError {
        match self {
            Self::UnknownKey(error) | Self::Refused(error) => error,
        }
    }

    /// Whether to fetch the key set again and try once more.
    pub const fn needs_newer_keys(&self) -> bool {
        matches!(self, Self::UnknownKey(_))
    }
}

impl From<SetError> for VerifyFailure {
    fn from(error: SetError) -> Self {
        Self::Refused(error)
    }
}

impl UnverifiedSet {
    /// Reads a request's body of at most [`MAX_BODY_BYTES`], in any form of clients.md 9.
    ///
    /// # Errors
    /// `invalid_request` for what is no SET, `invalid_key` for algorithms that are never taken,
    /// `invalid_issuer` when there is no `iss`.
    pub fn parse(body: &[u8]) -> Result<Self, SetError> {
        Self::parse_within(body, MAX_BODY_BYTES)
    }

    /// As [`UnverifiedSet::parse`], for receivers whose limit is a setting.
    ///
    /// # Errors
    /// As [`UnverifiedSet::parse`].
    pub fn parse_within(body: &[u8], max_bytes: usize) -> Result<Self, SetError> {
        if body.len() > max_bytes {
            return Err(SetError::unreadable());
        }
        let token = body::token(body).ok_or_else(SetError::unreadable)?;
        let jws = UnverifiedJws::parse_within(&token, max_bytes).map_err(refuse_shape)?;
        let explicit_type = ExplicitType::read(jws.header().typ())?;
        if jws.header().algorithm().is_none() {
            return Err(SetError::no_key());
        }
        let claims = jws.unverified_claims().map_err(|_| SetError::unreadable())?;
        let issuer = claims::issuer(&claims)?.to_owned();
        Ok(Self {
            jws,
            issuer,
            explicit_type,
        })
    }

    /// `iss` as the token says; nobody has vouched for it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `kid` as the token says.
    pub fn key_id(&self) -> Option<&str> {
        self.jws.header().kid()
    }

    /// The token.
    pub const fn jws(&self) -> &UnverifiedJws {
        &self.jws
    }

    /// Checks type, key, signature and claims, in this order (ssf.md 1.5).
    ///
    /// # Errors
    /// [`VerifyFailure`].
    pub fn verify(&self, keys: &KeySet, expected: &Expected<'_>) -> Result<VerifiedSet, VerifyFailure> {
        let mut notes = Notes::default();
        if self.explicit_type == ExplicitType::Missing {
            if !expected.dialect.allow_missing_typ {
                return Err(SetError::unreadable().into());
            }
            notes.add(Normalisation::TypeMissing);
        }
        if self.issuer != expected.issuer {
            return Err(SetError::unknown_issuer().into());
        }
        notes.add_if(self.key_id().is_none(), Normalisation::KeyIdMissing);
        self.check_key(keys, expected.dialect)?;
        let verified = self.jws.verify(keys).map_err(|error| self.refuse_signature(error))?;
        claims::read_noting(verified.payload(), expected, notes).map_err(VerifyFailure::Refused)
    }

    /// SET-06: exactly one key, with or without `kid`. One key listed twice is one key.
    fn check_key(&self, keys: &KeySet, dialect: &Dialect) -> Result<(), VerifyFailure> {
        let refused = || VerifyFailure::Refused(SetError::no_key());
        let algorithm = self.jws.header().algorithm().ok_or_else(refused)?;
        if dialect.rs256_only && algorithm != Algorithm::Rs256 {
            return Err(refused());
        }
        let candidates = keys
            .candidates(self.key_id(), algorithm)
            .map_err(|error| self.refuse_signature(VerifyError::NoKey(error)))?;
        let distinct: BTreeSet<_> = candidates.iter().map(|key| key.thumbprint()).collect();
        if distinct.len() > 1 {
            return Err(refused());
        }
        Ok(())
    }

    /// A sender that names no key may have changed it; one that names a key that is known has not.
    fn refuse_signature(&self, error: VerifyError) -> VerifyFailure {
        let may_have_changed = self.key_id().is_none();
        match error {
            VerifyError::NoKey(NoKey::UnknownKid) => VerifyFailure::UnknownKey(SetError::no_key()),
            VerifyError::NoKey(NoKey::WrongAlgorithm) if may_have_changed => VerifyFailure::UnknownKey(SetError::no_key()),
            VerifyError::BadSignature if may_have_changed => VerifyFailure::UnknownKey(SetError::bad_signature()),
            VerifyError::BadSignature => VerifyFailure::Refused(SetError::bad_signature()),
            VerifyError::NoKey(NoKey::WrongAlgorithm) | VerifyError::UnsupportedAlgorithm => {
                VerifyFailure::Refused(SetError::no_key())
            }
        }
    }
}

impl ExplicitType {
    /// SET-02; what no dialect takes is refused before anybody asks whose token it is.
    fn read(typ: Option<&str>) -> Result<Self, SetError> {
        let is = |typ: &str, name: &str| typ.eq_ignore_ascii_case(name);
        match typ {
            Some(typ) if is(typ, "secevent+jwt") || is(typ, "application/secevent+jwt") => Ok(Self::Set),
            None => Ok(Self::Missing),
            Some(typ) if is(typ, "JWT") => Ok(Self::Missing),
            Some(_) => Err(SetError::unreadable()),
        }
    }
}

/// `alg: none` is asked for a key like every other algorithm that is never taken.
fn refuse_shape(error: JwsError) -> SetError {
    match error {
        JwsError::Unsigned => SetError::no_key(),
        _ => SetError::unreadable(),
    }
}
