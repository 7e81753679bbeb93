//! Client assertions: `private_key_jwt` (RFC 7523, okta.md 1.3.2).
//!
//! A `jti` is used up only by an assertion whose signature is good, for its client, at one stroke
//! with the answer; so the caller asks its replay memory after [`UnverifiedAssertion::verify`] and
//! answers [`AssertionError::Replayed`] itself.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};
use watchfire_crypto::{
    jwk::{KeySet, NoKey},
    jws::{JwsError, UnverifiedJws, VerifyError},
};
use watchfire_model::{id::ClientId, time::Timestamp};

use crate::{claims, error::OAuthError};

/// How far ahead `exp` may lie (okta.md 1.3.2).
pub const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// What is let pass beyond [`MAX_LIFETIME`]: some SDKs send exactly an hour (okta.md 1.3.2).
pub const LIFETIME_LEEWAY: Duration = Duration::from_secs(60);
/// How far ahead `iat` may lie, for clients whose clock is fast (okta.md 1.3.2).
pub const ISSUED_AT_LEEWAY: Duration = Duration::from_secs(300);
/// The clock skew that an operator has not set (okta.md 1.3.2).
pub const DEFAULT_SKEW: Duration = Duration::from_secs(60);
/// Bytes of a `jti`.
pub const MAX_JTI_BYTES: usize = 256;

/// Why an assertion does not authenticate its client. All are 401 `invalid_client` (okta.md 1.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub enum AssertionError {
    /// Not a JWT, or not a strict one.
    Unparsable,
    /// `none`, `HS*`, or one that no key of the client is for.
    Algorithm,
    /// `kid` names no active key of the client.
    UnknownKid,
    /// No key of the client verifies it.
    Signature,
    /// The client registered no key.
    NoKeys,
    /// None of the client's keys is usable.
    KeySetInvalid,
    /// `iss` is not the client.
    Issuer,
    /// `sub` is not the client.
    Subject,
    /// `aud` is not this endpoint.
    Audience,
    /// No `exp`, or none that is a number.
    NoExpiry,
    /// `exp` has passed.
    Expired,
    /// `exp` is more than an hour away.
    ExpiresTooLate,
    /// `iat` or `nbf` lies ahead.
    IssuedInFuture,
    /// The `jti` was used before.
    Replayed,
    /// The document at `jwks_uri` could not be had, or is none.
    JwksUriFailed,
    /// It has no key.
    JwksUriEmpty,
    /// It has keys that `kid` cannot tell apart.
    JwksUriRepeatsKid,
    /// The header's `jku` is another address than the client's `jwks_uri`.
    JkuMismatch,
}

impl AssertionError {
    /// `error_description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Unparsable => "The parsing of the client_assertion failed.",
            Self::Algorithm => "The client_assertion JWT signature algorithm is invalid.",
            Self::UnknownKid => "The client_assertion JWT kid is invalid.",
            Self::Signature => "The client_assertion signature is invalid.",
            Self::NoKeys => "The client does not have a JWKSet configured, but the client_assertion requires one.",
            Self::KeySetInvalid => "The client JWKSet is invalid.",
            Self::Issuer => "The issuer claim for client_assertion is not a valid client_id.",
            Self::Subject => "The subject claim for client_assertion is not a valid client_id.",
            Self::Audience => "The audience claim for client_assertion must be the endpoint invoked for the request.",
            Self::NoExpiry => "The client_assertion must contain the 'exp' claim as seconds since epoch.",
            Self::Expired => "The client_assertion token is expired.",
            Self::ExpiresTooLate => "The client_assertion token has an expiration too far into the future.",
            Self::IssuedInFuture => "The client_assertion token must be issued before the current time.",
            Self::Replayed => "The client_assertion token has already been used.",
            Self::JwksUriFailed => "Error retrieving the client JWKSet from jwks_uri.",
            Self::JwksUriEmpty => "The client JWKSet from jwks_uri must contain at least one key.",
            Self::JwksUriRepeatsKid => "All keys in the client JWKSet from jwks_uri must have a unique kid.",
            Self::JkuMismatch => "The 'jku' in JWT and 'jwks_uri' doesn't match.",
        }
    }
}

impl From<AssertionError> for OAuthError {
    fn from(error: AssertionError) -> Self {
        Self::unauthorized("invalid_client", error.description())
    }
}

/// What an assertion is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client that [`UnverifiedAssertion::client_id`] named and whose keys are used.
    pub client_id: &'a ClientId,
    /// What `aud` may say: see [`audiences`].
    pub audiences: &'a [String],
    /// The client's `jwks_uri`, for the header's `jku`.
    pub jwks_uri: Option<&'a str>,
    /// The current time.
    pub now: Timestamp,
    /// How far the clocks may be apart.
    pub skew: Duration,
}

/// What `aud` may say at an endpoint of the organisation at `org_url`: the endpoint, the token
/// endpoint, the bare issuer, each with and without a slash at its end (okta.md 1.3.2, clients.md 4).
pub fn audiences(org_url: &str, endpoint_path: &str) -> Vec<String> {
    let org_url = org_url.trim_end_matches('/');
    let mut accepted = Vec::new();
    for path in ["", "/oauth2/v1/token", endpoint_path] {
        for slash in ["", "/"] {
            let audience = format!("{org_url}{path}{slash}");
            if !accepted.contains(&audience) {
                accepted.push(audience);
            }
        }
    }
    accepted
}

/// An assertion that nothing is known of but its shape.
#[derive(Clone, Debug)]
pub struct UnverifiedAssertion {
    jws: UnverifiedJws,
    claims: Map<String, Value>,
}

/// An assertion that one of the client's keys signed and whose claims hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    client_id: ClientId,
    jti: Option<String>,
    expires_at: Timestamp,
}

impl UnverifiedAssertion {
    /// Reads the parameter.
    ///
    /// # Errors
    /// [`AssertionError::Unparsable`]; [`AssertionError::Algorithm`] for an unsigned one.
    pub fn parse(assertion: &str) -> Result<Self, AssertionError> {
        let jws = UnverifiedJws::parse(assertion).map_err(|error| match error {
            JwsError::Unsigned => AssertionError::Algorithm,
            _ => AssertionError::Unparsable,
        })?;
        let claims = jws.unverified_claims().map_err(|_| AssertionError::Unparsable)?;
        Ok(Self { jws, claims })
    }

    /// The client it claims to be from: whose keys to verify it with. If there is no such client,
    /// the answer is [`AssertionError::Issuer`].
    ///
    /// # Errors
    /// [`AssertionError::Issuer`] when `iss` is no string.
    pub fn client_id(&self) -> Result<&str, AssertionError> {
        claims::string(&self.claims, "iss").ok_or(AssertionError::Issuer)
    }

    /// Verifies the signature and then the claims.
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn verify(&self, keys: &KeySet, expected: &Expected<'_>) -> Result<VerifiedAssertion, AssertionError> {
        self.verify_signature(keys, expected)?;
        for (name, error) in [("iss", AssertionError::Issuer), ("sub", AssertionError::Subject)] {
            if claims::string(&self.claims, name) != Some(expected.client_id.as_str()) {
                return Err(error);
            }
        }
        if !claims::audience_has(&self.claims, expected.audiences) {
            return Err(AssertionError::Audience);
        }
        let expires_at = self.check_times(expected)?;
        let jti = match self.claims.get("jti") {
            None | Some(Value::Null) => None,
            Some(Value::String(jti)) if !jti.is_empty() && jti.len() <= MAX_JTI_BYTES => Some(jti.clone()),
            Some(_) => return Err(AssertionError::Unparsable),
        };
        Ok(VerifiedAssertion {
            client_id: expected.client_id.clone(),
            jti,
            expires_at,
        })
    }

    fn verify_signature(&self, keys: &KeySet, expected: &Expected<'_>) -> Result<(), AssertionError> {
        let jku = self.jws.header().members().get("jku").and_then(Value::as_str);
        if let (Some(jku), Some(jwks_uri)) = (jku, expected.jwks_uri)
            && jku != jwks_uri
        {
            return Err(AssertionError::JkuMismatch);
        }
        if self.jws.header().algorithm().is_none() {
            return Err(AssertionError::Algorithm);
        }
        if keys.is_empty() {
            let has_broken = !keys.rejected().is_empty();
            return Err(if has_broken {
                AssertionError::KeySetInvalid
            } else {
                AssertionError::NoKeys
            });
        }
        match self.jws.verify(keys) {
            Ok(_) => Ok(()),
            Err(VerifyError::NoKey(NoKey::UnknownKid)) => Err(AssertionError::UnknownKid),
            Err(VerifyError::NoKey(NoKey::WrongAlgorithm) | VerifyError::UnsupportedAlgorithm) => Err(AssertionError::Algorithm),
            Err(VerifyError::BadSignature) => Err(AssertionError::Signature),
        }
    }

    /// Checks `exp`, `nbf` and `iat`; gives the instant after which it is refused as expired.
    fn check_times(&self, expected: &Expected<'_>) -> Result<Timestamp, AssertionError> {
        let date = |name: &str| match self.claims.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => claims::lenient_numeric_date(value)
                .map(|it| Some(Timestamp::from_seconds(it)))
                .ok_or(()),
        };
        let expiry = date("exp")
            .map_err(|()| AssertionError::NoExpiry)?
            .ok_or(AssertionError::NoExpiry)?;
        if expiry.plus(expected.skew) <= expected.now {
            return Err(AssertionError::Expired);
        }
        if expiry > expected.now.plus(MAX_LIFETIME + LIFETIME_LEEWAY) {
            return Err(AssertionError::ExpiresTooLate);
        }
        for (name, leeway) in [("iat", ISSUED_AT_LEEWAY.max(expected.skew)), ("nbf", expected.skew)] {
            let at = date(name).map_err(|()| AssertionError::Unparsable)?;
            if at.is_some_and(|at| at > expected.now.plus(leeway)) {
                return Err(AssertionError::IssuedInFuture);
            }
        }
        Ok(expiry.plus(expected.skew))
    }
}

impl VerifiedAssertion {
    /// The client, authenticated.
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// `jti`, which may be used once.
    pub fn jti(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// Until when the `jti` must be remembered: `exp` and the skew.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
