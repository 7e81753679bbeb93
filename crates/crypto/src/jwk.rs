//! Public keys as JWK (RFC 7517), each bound to the algorithms it may verify before any token is
//! looked at (JWT-01, JWT-02).

mod algorithm;
mod key_set;
mod material;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value};

use self::material::Material;
pub use self::{
    algorithm::{Algorithm, Curve, KeyType},
    key_set::{KeySet, KeySetError, MAX_KEYS, NoKey, RejectedKey},
};

/// Bits of the shortest RSA modulus that is taken (JWT-04).
pub const MIN_RSA_BITS: usize = 2048;
/// Bits of the longest RSA modulus that is taken (JWT-04).
pub const MAX_RSA_BITS: usize = 8192;

/// Why a JWK is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// No JSON object.
    #[error("a JWK must be an object")]
    NotAnObject,
    /// A member that the key type needs is absent.
    #[error("the member '{0}' is missing")]
    MissingMember(&'static str),
    /// A member of the wrong type, or that does not decode.
    #[error("the member '{0}' is malformed")]
    MalformedMember(&'static str),
    /// `kty`, or `crv`, is none that is known here.
    #[error("the key type is not supported")]
    UnsupportedKeyType,
    /// `kty` is `oct`: a shared secret does not belong into a set of public keys (JWT-03).
    #[error("symmetric keys are not accepted")]
    Symmetric,
    /// Private members are there: whoever published this key has lost it (JWT-03).
    #[error("the key contains private members")]
    PrivateKey,
    /// An RSA modulus under [`MIN_RSA_BITS`].
    #[error("the RSA modulus has {bits} bits, fewer than 2048")]
    RsaTooShort {
        /// Its length.
        bits: usize,
    },
    /// An RSA modulus over [`MAX_RSA_BITS`].
    #[error("the RSA modulus has {bits} bits, more than 8192")]
    RsaTooLong {
        /// Its length.
        bits: usize,
    },
    /// An RSA modulus that is even, or an exponent that is even, under 3 or huge.
    #[error("the RSA key is not a valid one")]
    InvalidRsaKey,
    /// The point is not on its curve, or its coordinates have the wrong length.
    #[error("the point is not on the curve")]
    InvalidPoint,
    /// `use` or `key_ops` say that the key is for something else (JWT-02).
    #[error("the key is not for verifying signatures")]
    NotForVerification,
    /// `alg` is none that this key, or this caller, can verify with.
    #[error("the algorithm of the key is not accepted")]
    AlgorithmNotAllowed,
}

/// A well-formed public key, whatever it may be used for.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    material: Material,
}

impl PublicKey {
    /// Checks the members that make the key and its `kid`; leaves `use`, `key_ops` and `alg` alone.
    ///
    /// # Errors
    /// [`JwkError`] but `NotForVerification` and `AlgorithmNotAllowed`.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let members = jwk.as_object().ok_or(JwkError::NotAnObject)?;
        let material = Material::read(members)?;
        let kid = optional_string(members, "kid")?.map(str::to_owned);
        Ok(Self { kid, material })
    }

    /// `kid`; `None` when absent or null.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type of key.
    pub const fn key_type(&self) -> KeyType {
        self.material.key_type()
    }

    /// The RFC 7638 thumbprint with SHA-256, base64url.
    pub fn thumbprint(&self) -> String {
        self.material.thumbprint()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.key_type(), self.thumbprint())
    }
}

/// The RFC 7638 thumbprint (SHA-256, base64url) of a public JWK.
///
/// # Errors
/// What [`PublicKey::from_jwk`] says.
pub fn thumbprint(jwk: &Value) -> Result<String, JwkError> {
    PublicKey::from_jwk(jwk).map(|key| key.thumbprint())
}

/// A public key that is parsed, cached and bound to its algorithms.
#[derive(Clone)]
pub struct VerificationKey {
    kid: Option<String>,
    thumbprint: String,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

impl VerificationKey {
    /// Takes a public JWK for the algorithms that its type, its `alg` and the caller all allow.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn from_jwk(jwk: &Value, allowed: &[Algorithm]) -> Result<Self, JwkError> {
        let key = PublicKey::from_jwk(jwk)?;
        let members = jwk.as_object().ok_or(JwkError::NotAnObject)?;
        check_purpose(members)?;
        let algorithms = bound_algorithms(members, key.key_type(), allowed)?;
        let verifiers: Result<Vec<_>, _> = algorithms
            .into_iter()
            .map(|algorithm| key.material.verifier(algorithm).map(|verifier| (algorithm, verifier)))
            .collect();
        Ok(Self {
            thumbprint: key.thumbprint(),
            kid: key.kid,
            verifiers: verifiers?,
        })
    }

    /// `kid`; `None` when absent or null.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The RFC 7638 thumbprint with SHA-256, base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The algorithms that this key is bound to.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether this key is bound to `algorithm`.
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms().any(|own| own == algorithm)
    }

    /// Whether `signature` is one of `message`; false when the key is not bound to `algorithm`.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let mut verifiers = self.verifiers.iter().filter(|(own, _)| *own == algorithm);
        verifiers.any(|(_, verifier)| verifier.verify_sig(message, signature).is_ok())
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("thumbprint", &self.thumbprint)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish()
    }
}

/// JWT-02: `use` must be `sig` and `key_ops` contain `verify`, where they are given.
fn check_purpose(members: &Map<String, Value>) -> Result<(), JwkError> {
    if optional_string(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::NotForVerification);
    }
    match members.get("key_ops") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|it| it == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(JwkError::NotForVerification),
        Some(_) => Err(JwkError::MalformedMember("key_ops")),
    }
}

fn bound_algorithms(members: &Map<String, Value>, key_type: KeyType, allowed: &[Algorithm]) -> Result<Vec<Algorithm>, JwkError> {
    let named = optional_string(members, "alg")?;
    let bound: Vec<_> = Algorithm::ALL
        .iter()
        .copied()
        .filter(|it| it.key_type() == key_type && allowed.contains(it))
        .filter(|it| named.is_none_or(|name| it.is_named(name)))
        .collect();
    if bound.is_empty() {
        return Err(JwkError::AlgorithmNotAllowed);
    }
    Ok(bound)
}

/// A member that is a string, or absent, or null.
fn optional_string<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::MalformedMember(name)),
    }
}
