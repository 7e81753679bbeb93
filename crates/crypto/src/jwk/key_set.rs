//! JWK sets: the good keys parsed and kept, the others listed with why.

use serde_json::Value;

use super::{Algorithm, JwkError, VerificationKey};

/// Keys that a set may have (JWT-08).
pub const MAX_KEYS: usize = 100;

/// Why a document is no key set at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not an object with a list `keys`.
    #[error("not a JWK set")]
    NotASet,
    /// More than [`MAX_KEYS`] keys.
    #[error("a JWK set with more than 100 keys")]
    TooManyKeys,
}

/// Why no key can be chosen for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// No usable key has the token's `kid`. Fetching the set again may help (JWT-05).
    #[error("no key has the token's key id")]
    UnknownKid,
    /// The keys that come into question are not bound to the token's algorithm.
    #[error("no key is for the token's algorithm")]
    WrongAlgorithm,
}

/// A key of a set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedKey {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Its `kid`, if that much could be read.
    pub kid: Option<String>,
    /// What is wrong with it.
    pub reason: JwkError,
}

/// Parsed, cached public keys.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    rejected: Vec<RejectedKey>,
}

impl KeySet {
    /// Reads `{"keys":[…]}`. A broken key does not spoil the ones beside it.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(jwks: &Value, allowed: &[Algorithm]) -> Result<Self, KeySetError> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeySetError::NotASet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        Ok(Self::from_jwks(keys, allowed))
    }

    /// Takes JWKs one by one.
    pub fn from_jwks<'a>(jwks: impl IntoIterator<Item = &'a Value>, allowed: &[Algorithm]) -> Self {
        let mut set = Self::default();
        for (index, jwk) in jwks.into_iter().enumerate() {
            match VerificationKey::from_jwk(jwk, allowed) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.rejected.push(RejectedKey {
                    index,
                    kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
                    reason,
                }),
            }
        }
        set
    }

    /// The set without the keys that `revoked` names by `kid` or by thumbprint (JWT-06).
    #[must_use]
    pub fn without(&self, revoked: &[String]) -> Self {
        let is_revoked = |key: &&VerificationKey| {
            let mut names = revoked.iter();
            names.any(|name| key.kid() == Some(name) || key.thumbprint() == name)
        };
        Self {
            keys: self.keys.iter().filter(|key| !is_revoked(key)).cloned().collect(),
            rejected: self.rejected.clone(),
        }
    }

    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// The others.
    pub fn rejected(&self) -> &[RejectedKey] {
        &self.rejected
    }

    /// Whether no key is usable.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that a token with this `kid` and algorithm may have been signed with: those of that
    /// `kid`, or every one when the token has none. Never an empty list.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<&VerificationKey>, NoKey> {
        let named: Vec<_> = self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid).collect();
        if named.is_empty() && kid.is_some() {
            return Err(NoKey::UnknownKid);
        }
        let bound: Vec<_> = named.into_iter().filter(|key| key.allows(algorithm)).collect();
        if bound.is_empty() {
            return Err(NoKey::WrongAlgorithm);
        }
        Ok(bound)
    }
}

impl From<VerificationKey> for KeySet {
    fn from(key: VerificationKey) -> Self {
        Self {
            keys: vec![key],
            rejected: Vec::new(),
        }
    }
}
