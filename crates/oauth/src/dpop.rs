//! DPoP proofs (RFC 9449, okta.md 1.5).
//!
//! Only for apps that asked for bound tokens: the proof of any other app is not even looked at
//! (okta.md 13 row 40). As with assertions, the caller remembers the `jti` and answers
//! [`DpopError::Replayed`].

mod nonce;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;
use watchfire_crypto::{
    digest,
    jwk::{Algorithm, VerificationKey},
    jws::{JwsError, UnverifiedJws},
    mac::constant_time_eq,
};
use watchfire_model::time::Timestamp;

pub use self::nonce::Nonces;
use crate::{claims, error::OAuthError};

/// How old a proof may be.
pub const MAX_AGE: Duration = Duration::from_secs(300);
/// How far ahead `iat` may lie.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(60);
/// Bytes of a `jti`.
pub const MAX_JTI_BYTES: usize = 256;

/// Why a proof is refused. All are 400 (okta.md 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub enum DpopError {
    /// No `DPoP` header at the token endpoint.
    Missing,
    /// More than one `DPoP` header.
    Multiple,
    /// Not a JWT.
    Unparsable,
    /// No key in its header, or one that is not acceptable.
    Invalid,
    /// `typ` is another.
    Type,
    /// `alg` is not one of RS and ES, or does not go with the key.
    Algorithm,
    /// The key in its header did not sign it.
    Signature,
    /// `htm` is not the request's method.
    Method,
    /// `htu` is not the request's URL.
    Url,
    /// `iat` is absent or no number.
    IssuedAt,
    /// `iat` lies ahead.
    IssuedInFuture,
    /// `iat` is more than five minutes ago.
    TooOld,
    /// It has an `exp`, which has passed.
    Expired,
    /// `jti` is absent or no string.
    Jti,
    /// The `jti` was used before.
    Replayed,
    /// `ath` is not the hash of the access token.
    AccessTokenHash,
    /// Another key than the one the token is bound to.
    NotBound,
    /// No nonce, or one that is not valid (any more). The answer carries a fresh one.
    UseNonce,
    /// A bound token without a proof, at a resource.
    ResourceNeedsProof,
    /// A bound token under another scheme than `DPoP`, at a resource.
    ResourceNeedsScheme,
}

impl DpopError {
    /// `error`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UseNonce => "use_dpop_nonce",
            Self::ResourceNeedsProof | Self::ResourceNeedsScheme => "invalid_request",
            _ => "invalid_dpop_proof",
        }
    }

    /// `error_description`.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Missing => "The DPoP proof JWT header is missing.",
            Self::Multiple => "Multiple DPoP proof JWT headers are not allowed.",
            Self::Unparsable => "The DPoP proof JWT cannot be parsed.",
            Self::Invalid => "The DPoP proof JWT is invalid.",
            Self::Type => "'typ' must be 'dpop+jwt' in the DPoP proof JWT.",
            Self::Algorithm => "The DPoP proof JWT signature algorithm is invalid.",
            Self::Signature => "The DPoP proof JWT signature is invalid.",
            Self::Method => "'htm' claim in the DPoP proof JWT is invalid.",
            Self::Url => "'htu' claim in the DPoP proof JWT is invalid.",
            Self::IssuedAt => "'iat' claim in the DPoP proof JWT is invalid.",
            Self::IssuedInFuture => "The DPoP proof JWT is issued in the future.",
            Self::TooOld => "The DPoP proof JWT is issued more than five minutes in the past.",
            Self::Expired => "The DPoP proof JWT is expired.",
            Self::Jti => "'jti' claim in the DPoP proof JWT is invalid.",
            Self::Replayed => "The DPoP proof JWT has already been used.",
            Self::AccessTokenHash => "'ath' claim in the DPoP proof does not match the presented access_token.",
            Self::NotBound => "The access_token is not bound to the provided DPoP proof.",
            Self::UseNonce => "Authorization server requires nonce in DPoP proof.",
            Self::ResourceNeedsProof => "The resource request requires a DPoP proof.",
            Self::ResourceNeedsScheme => {
                "The resource request must use the DPoP authentication scheme when using a DPoP bound token."
            }
        }
    }
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        Self::bad_request(error.code(), error.description())
    }
}

/// The access token that a proof at a resource goes with.
#[derive(Clone, Copy, Debug)]
pub struct PresentedToken<'a> {
    /// The token as it was presented.
    pub token: &'a str,
    /// The thumbprint it is bound to (`cnf.jkt`).
    pub jkt: &'a str,
}

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its method, in capitals.
    pub method: &'a str,
    /// The URLs it may have been sent to; query and fragment do not count.
    pub urls: &'a [String],
    /// At the token endpoint: the nonces, one of which the proof must have.
    pub nonces: Option<&'a Nonces>,
    /// At a resource: the token.
    pub token: Option<PresentedToken<'a>>,
    /// The current time.
    pub now: Timestamp,
}

/// A proof that its own key signed, for this request. Only [`verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    jkt: String,
    jti: String,
    issued_at: Timestamp,
}

impl VerifiedProof {
    /// The RFC 7638 thumbprint of its key.
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    /// `jti`, which may be used once with this key.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Until when the `jti` must be remembered.
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at.plus(MAX_AGE)
    }
}

/// The one value among those of the `DPoP` headers of a request; `None` when there is no such header.
///
/// # Errors
/// [`DpopError::Multiple`].
pub fn single<'a>(headers: impl IntoIterator<Item = &'a str>) -> Result<Option<&'a str>, DpopError> {
    let mut headers = headers.into_iter();
    let first = headers.next();
    match headers.next() {
        None => Ok(first),
        Some(_) => Err(DpopError::Multiple),
    }
}

/// Verifies a proof. Claims that are not asked for are ignored: some SDKs send a nonce everywhere.
///
/// # Errors
/// [`DpopError`].
pub fn verify(proof: &str, expected: &Expected<'_>) -> Result<VerifiedProof, DpopError> {
    let jws = UnverifiedJws::parse(proof).map_err(|error| match error {
        JwsError::Unsigned => DpopError::Algorithm,
        _ => DpopError::Unparsable,
    })?;
    if !jws.header().typ().is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
        return Err(DpopError::Type);
    }
    let algorithm = jws.header().algorithm().filter(|it| Algorithm::OKTA.contains(it));
    let algorithm = algorithm.ok_or(DpopError::Algorithm)?;
    let jwk = jws.header().jwk().ok_or(DpopError::Invalid)?;
    let key = VerificationKey::from_jwk(jwk, Algorithm::OKTA).map_err(|_| DpopError::Invalid)?;
    if !key.allows(algorithm) {
        return Err(DpopError::Algorithm);
    }
    let verified = jws.verify_with(&key).map_err(|_| DpopError::Signature)?;
    let claims = verified.claims().map_err(|_| DpopError::Unparsable)?;
    check_request(&claims, expected)?;
    let issued_at = check_times(&claims, expected.now)?;
    let jti = claims::string(&claims, "jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES);
    let jti = jti.ok_or(DpopError::Jti)?;
    check_nonce(&claims, expected)?;
    check_token(&claims, key.thumbprint(), expected)?;
    Ok(VerifiedProof {
        jkt: key.thumbprint().to_owned(),
        jti: jti.to_owned(),
        issued_at,
    })
}

fn check_request(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), DpopError> {
    if claims::string(claims, "htm") != Some(expected.method) {
        return Err(DpopError::Method);
    }
    let url = claims::string(claims, "htu")
        .and_then(|htu| Url::parse(htu).ok())
        .ok_or(DpopError::Url)?;
    if !expected
        .urls
        .iter()
        .any(|it| Url::parse(it).is_ok_and(|it| is_same_target(&it, &url)))
    {
        return Err(DpopError::Url);
    }
    Ok(())
}

/// RFC 9449 section 4.3 step 9: without query and fragment, after normalisation.
fn is_same_target(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
        && a.path() == b.path()
        && a.username() == b.username()
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, DpopError> {
    let date = |name: &str| claims.get(name).and_then(claims::numeric_date).map(Timestamp::from_seconds);
    let issued_at = date("iat").ok_or(DpopError::IssuedAt)?;
    if issued_at > now.plus(CLOCK_LEEWAY) {
        return Err(DpopError::IssuedInFuture);
    }
    if issued_at.plus(MAX_AGE) < now {
        return Err(DpopError::TooOld);
    }
    if date("exp").is_some_and(|expiry| expiry <= now) {
        return Err(DpopError::Expired);
    }
    Ok(issued_at)
}

fn check_nonce(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), DpopError> {
    let Some(nonces) = expected.nonces else { return Ok(()) };
    let nonce = claims::string(claims, "nonce").ok_or(DpopError::UseNonce)?;
    nonces.accepts(nonce, expected.now).then_some(()).ok_or(DpopError::UseNonce)
}

fn check_token(claims: &Map<String, Value>, thumbprint: &str, expected: &Expected<'_>) -> Result<(), DpopError> {
    let Some(presented) = expected.token else { return Ok(()) };
    let hash = digest::sha256_base64url(presented.token);
    if !claims::string(claims, "ath").is_some_and(|ath| constant_time_eq(ath, &hash)) {
        return Err(DpopError::AccessTokenHash);
    }
    if !constant_time_eq(thumbprint, presented.jkt) {
        return Err(DpopError::NotBound);
    }
    Ok(())
}
