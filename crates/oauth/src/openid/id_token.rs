//! ID tokens: who has signed in at the provider, for us, in answer to this request (Core 1.0 section 3.1.3.7).

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};
use watchfire_crypto::{
    digest::half_hash_base64url,
    jwk::{KeySet, NoKey},
    jws::{UnverifiedJws, VerifyError},
    mac::constant_time_eq,
};
use watchfire_model::time::Timestamp;

use crate::claims;

/// How long ago an ID token may have been made: it is fetched right after the person was there.
pub const MAX_AGE: Duration = Duration::from_secs(600);
/// Characters of a `sub` (Core 1.0 section 2).
pub const MAX_SUBJECT_CHARS: usize = 255;
/// Values of `amr` that are read.
const MAX_METHODS: usize = 20;

/// Why an ID token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// It is no JWT, or not a strict one.
    #[error("the ID token is not a well-formed JWT")]
    Unparsable,
    /// `none`, a symmetric algorithm, or one that the provider does not name.
    #[error("the ID token's algorithm is not accepted")]
    Algorithm,
    /// No key of the provider has its `kid`.
    #[error("the provider has no key for the ID token")]
    UnknownKey,
    /// The signature is not that of the provider's key.
    #[error("the ID token's signature is not valid")]
    Signature,
    /// `iss` is another one.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// It is for another client, or for others too and not issued to us.
    #[error("the ID token is for another client")]
    Audience,
    /// `exp` has passed, or is no date.
    #[error("the ID token has expired")]
    Expired,
    /// `iat` or `nbf` lies ahead, is too long ago, or is no date.
    #[error("the ID token was not issued now")]
    IssuedAt,
    /// It answers another request.
    #[error("the ID token answers another request")]
    Nonce,
    /// It belongs to another access token.
    #[error("the ID token belongs to another access token")]
    AccessTokenHash,
    /// `sub` is missing, or far too long.
    #[error("the ID token has no usable subject")]
    Subject,
}

impl IdTokenError {
    /// The same in one word, for the System Log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unparsable => "ID_TOKEN_MALFORMED",
            Self::Algorithm => "ID_TOKEN_ALGORITHM",
            Self::UnknownKey => "ID_TOKEN_KEY",
            Self::Signature => "ID_TOKEN_SIGNATURE",
            Self::Issuer => "ID_TOKEN_ISSUER",
            Self::Audience => "ID_TOKEN_AUDIENCE",
            Self::Expired => "ID_TOKEN_EXPIRED",
            Self::IssuedAt => "ID_TOKEN_ISSUED_AT",
            Self::Nonce => "ID_TOKEN_NONCE",
            Self::AccessTokenHash => "ID_TOKEN_ACCESS_TOKEN_HASH",
            Self::Subject => "ID_TOKEN_SUBJECT",
        }
    }

    /// Whether newer keys of the provider may help.
    pub const fn may_be_rotation(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }
}

/// What an ID token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `iss`
    pub issuer: &'a str,
    /// Our client id there.
    pub client_id: &'a str,
    /// What was sent with the request.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
    /// How far the clocks may be apart.
    pub skew: Duration,
}

/// An ID token of which nothing is known but its shape.
#[derive(Clone, Debug)]
pub struct UnverifiedIdToken {
    jws: UnverifiedJws,
}

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdToken {
    /// `sub`
    pub subject: String,
    /// `email`
    pub email: Option<String>,
    /// Whether the provider has seen that the address is theirs: `email_verified` is `true`, the truth value.
    pub email_verified: bool,
    /// `acr`
    pub acr: Option<String>,
    /// `amr`
    pub amr: Vec<String>,
}

impl UnverifiedIdToken {
    /// Reads a token.
    ///
    /// # Errors
    /// [`IdTokenError::Unparsable`]; [`IdTokenError::Algorithm`] for an unsigned one.
    pub fn parse(token: &str) -> Result<Self, IdTokenError> {
        let jws = UnverifiedJws::parse(token).map_err(|error| match error {
            watchfire_crypto::jws::JwsError::Unsigned => IdTokenError::Algorithm,
            _ => IdTokenError::Unparsable,
        })?;
        Ok(Self { jws })
    }

    /// Verifies the signature and then the claims. `keys` are bound to the algorithms that are taken.
    ///
    /// # Errors
    /// [`IdTokenError`].
    pub fn verify(&self, keys: &KeySet, expected: &Expected<'_>) -> Result<IdToken, IdTokenError> {
        let verified = self.jws.verify(keys).map_err(|error| match error {
            VerifyError::NoKey(NoKey::UnknownKid) => IdTokenError::UnknownKey,
            VerifyError::NoKey(NoKey::WrongAlgorithm) | VerifyError::UnsupportedAlgorithm => IdTokenError::Algorithm,
            VerifyError::BadSignature => IdTokenError::Signature,
        })?;
        let claims = verified.claims().map_err(|_| IdTokenError::Unparsable)?;
        if claims::string(&claims, "iss") != Some(expected.issuer) {
            return Err(IdTokenError::Issuer);
        }
        check_audience(&claims, expected.client_id)?;
        check_times(&claims, expected)?;
        let nonce = claims::string(&claims, "nonce").unwrap_or_default();
        if expected.nonce.is_empty() || !constant_time_eq(nonce, expected.nonce) {
            return Err(IdTokenError::Nonce);
        }
        let algorithm = verified.header().algorithm().ok_or(IdTokenError::Algorithm)?;
        if let Some(value) = claims.get("at_hash").filter(|value| !value.is_null()) {
            let hash = expected.access_token.map(|token| half_hash_base64url(algorithm, token));
            if hash.is_none() || value.as_str() != hash.as_deref() {
                return Err(IdTokenError::AccessTokenHash);
            }
        }
        read(&claims)
    }
}

impl IdToken {
    /// Takes the address out of the provider's answer about this user, where the token has none.
    #[must_use]
    pub fn with_userinfo(self, userinfo: &Value) -> Self {
        // Core 1.0 section 5.3.2: an answer about somebody else is no answer.
        let is_same = userinfo.get("sub").and_then(Value::as_str) == Some(&self.subject);
        if self.email.is_some() || !is_same {
            return self;
        }
        Self {
            email: userinfo.get("email").and_then(Value::as_str).map(str::to_owned),
            email_verified: userinfo.get("email_verified") == Some(&Value::Bool(true)),
            ..self
        }
    }

    /// The address, if the provider has seen that it is theirs.
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|email| self.email_verified && !email.is_empty())
    }
}

/// `aud` has us in it; `azp` is us where it is there, and it is there when others are in `aud` too.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenError> {
    if !claims::audience_has(claims, &[client_id.to_owned()]) {
        return Err(IdTokenError::Audience);
    }
    let has_others = claims.get("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
    match claims.get("azp") {
        None | Some(Value::Null) if !has_others => Ok(()),
        Some(Value::String(azp)) if azp == client_id => Ok(()),
        _ => Err(IdTokenError::Audience),
    }
}

fn check_times(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), IdTokenError> {
    let date = |name: &str| claims.get(name).and_then(claims::numeric_date).map(Timestamp::from_seconds);
    let expiry = date("exp").ok_or(IdTokenError::Expired)?;
    if expiry.plus(expected.skew) <= expected.now {
        return Err(IdTokenError::Expired);
    }
    let issued = date("iat").ok_or(IdTokenError::IssuedAt)?;
    let latest = expected.now.plus(expected.skew);
    let not_before = claims.get("nbf").is_some_and(|nbf| !nbf.is_null());
    let begun = !not_before || date("nbf").is_some_and(|at| at <= latest);
    if issued > latest || issued.plus(MAX_AGE).plus(expected.skew) < expected.now || !begun {
        return Err(IdTokenError::IssuedAt);
    }
    Ok(())
}

fn read(claims: &Map<String, Value>) -> Result<IdToken, IdTokenError> {
    let subject = claims::string(claims, "sub").unwrap_or_default();
    let is_plain = !subject.chars().any(|c| c.is_control());
    if subject.is_empty() || subject.chars().count() > MAX_SUBJECT_CHARS || !is_plain {
        return Err(IdTokenError::Subject);
    }
    let amr = claims.get("amr").and_then(Value::as_array).into_iter().flatten();
    Ok(IdToken {
        subject: subject.to_owned(),
        email: claims::string(claims, "email").map(str::to_owned),
        email_verified: claims.get("email_verified") == Some(&Value::Bool(true)),
        acr: claims::string(claims, "acr").map(str::to_owned),
        amr: amr.filter_map(Value::as_str).take(MAX_METHODS).map(str::to_owned).collect(),
    })
}
