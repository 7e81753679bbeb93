//! The installation's key, encrypted under a passphrase (argon2id) or under another key (ADR 0024).
//!
//! The file is JSON. What it says of itself is authenticated: nobody can make the next start derive a weaker key.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    base64url, random,
    seal::{Binding, SealError, SealingKey},
};

const FORMAT: u32 = 1;
/// What the key is sealed for.
const PURPOSE: &str = "key_file";
/// What argon2id costs: more than a sign-in, for it is paid once a start (RFC 9106 section 4, the second choice).
const MEMORY_KIB: u32 = 64 * 1_024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// No file makes a start take more memory.
const MOST_MEMORY_KIB: u32 = 4 * 1_024 * 1_024;

/// Why a key file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Not a file of this form.
    #[error("it is not an encrypted key file")]
    Malformed,
    /// Of a newer version.
    #[error("it was made by a newer version")]
    Version,
    /// It is under a passphrase, and a key was given, or the other way round.
    #[error("it is encrypted under a {0}, which was not given")]
    OtherMethod(&'static str),
    /// Another passphrase or key.
    #[error("the {0} is not the one that it is encrypted under")]
    WrongSecret(&'static str),
    /// The tag does not match.
    #[error("it was altered")]
    Altered,
    /// No randomness, no memory.
    #[error("the key cannot be derived")]
    Failed,
}

/// What a key file is encrypted under.
#[derive(Clone)]
pub struct KeySecret(Secret);

#[derive(Clone)]
enum Secret {
    Passphrase(Zeroizing<String>),
    Key(Zeroizing<[u8; 32]>),
}

impl KeySecret {
    /// A passphrase.
    pub fn passphrase(text: &str) -> Self {
        Self(Secret::Passphrase(Zeroizing::new(text.to_owned())))
    }

    /// A key.
    pub fn key(key: [u8; 32]) -> Self {
        Self(Secret::Key(Zeroizing::new(key)))
    }

    /// What it is, for people.
    pub const fn name(&self) -> &'static str {
        match self.0 {
            Secret::Passphrase(_) => "passphrase",
            Secret::Key(_) => "key",
        }
    }

    fn sealing_key(&self, protection: &Protection) -> Result<SealingKey, WrapError> {
        match (&self.0, protection) {
            (Secret::Passphrase(passphrase), Protection::Passphrase(derivation)) => derivation.derive(passphrase),
            (Secret::Key(key), Protection::Key) => SealingKey::new(key).map_err(|_| WrapError::Failed),
            (_, protection) => Err(WrapError::OtherMethod(protection.name())),
        }
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({})", self.name())
    }
}

/// An encrypted key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrappedKey {
    watchfire_key_file: u32,
    /// The name of the key in it.
    id: String,
    protection: Protection,
    sealed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "camelCase", deny_unknown_fields)]
enum Protection {
    Passphrase(Derivation),
    Key,
}

impl Protection {
    const fn name(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Key => "key",
        }
    }
}

/// How the passphrase becomes a key: argon2id, version 0x13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Derivation {
    kdf: Kdf,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kdf {
    Argon2id,
}

impl Derivation {
    fn new() -> Result<Self, WrapError> {
        let salt: [u8; 16] = random::bytes().map_err(|_| WrapError::Failed)?;
        Ok(Self {
            kdf: Kdf::Argon2id,
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: base64url::encode(salt),
        })
    }

    fn derive(&self, passphrase: &str) -> Result<SealingKey, WrapError> {
        if self.memory_kib > MOST_MEMORY_KIB {
            return Err(WrapError::Malformed);
        }
        let salt = base64url::decode(&self.salt).map_err(|_| WrapError::Malformed)?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| WrapError::Malformed)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice())
            .map_err(|_| WrapError::Failed)?;
        SealingKey::new(&key).map_err(|_| WrapError::Failed)
    }
}

impl WrappedKey {
    /// Whether a file's text is of this form, whatever is in it.
    pub fn is_one(text: &str) -> bool {
        text.trim_start().starts_with('{')
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`WrapError::Malformed`], [`WrapError::Version`].
    pub fn parse(text: &str) -> Result<Self, WrapError> {
        /// What every version has.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct AnyVersion {
            watchfire_key_file: u32,
        }
        let any: AnyVersion = serde_json::from_str(text).map_err(|_| WrapError::Malformed)?;
        if any.watchfire_key_file != FORMAT {
            return Err(WrapError::Version);
        }
        serde_json::from_str(text).map_err(|_| WrapError::Malformed)
    }

    /// Encrypts a key.
    ///
    /// # Errors
    /// [`WrapError::Failed`].
    pub fn wrap(key: &[u8; 32], secret: &KeySecret) -> Result<Self, WrapError> {
        let id = SealingKey::new(key).map_err(|_| WrapError::Failed)?.id();
        let mut wrapped = Self {
            watchfire_key_file: FORMAT,
            id,
            protection: match secret.0 {
                Secret::Passphrase(_) => Protection::Passphrase(Derivation::new()?),
                Secret::Key(_) => Protection::Key,
            },
            sealed: String::new(),
        };
        let sealing = secret.sealing_key(&wrapped.protection)?;
        let head = wrapped.head()?;
        wrapped.sealed = sealing.seal(binding(&head), key).map_err(|_| WrapError::Failed)?;
        Ok(wrapped)
    }

    /// Decrypts the key.
    ///
    /// # Errors
    /// [`WrapError`].
    pub fn unwrap_with(&self, secret: &KeySecret) -> Result<Zeroizing<[u8; 32]>, WrapError> {
        let sealing = secret.sealing_key(&self.protection)?;
        let opened = sealing
            .open(binding(&self.head()?), &self.sealed)
            .map_err(|error| match error {
                SealError::OtherKey => WrapError::WrongSecret(secret.name()),
                SealError::Malformed => WrapError::Malformed,
                SealError::Altered => WrapError::Altered,
                SealError::Failed => WrapError::Failed,
            })?;
        let key: [u8; 32] = opened.as_slice().try_into().map_err(|_| WrapError::Malformed)?;
        Ok(Zeroizing::new(key))
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`WrapError::Failed`], which strings and numbers rule out.
    pub fn to_text(&self) -> Result<String, WrapError> {
        let text = serde_json::to_string_pretty(self).map_err(|_| WrapError::Failed)?;
        Ok(format!("{text}\n"))
    }

    /// The name of the key in it, as it says; it is checked when the file is opened.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is encrypted under: a passphrase or a key.
    pub const fn method(&self) -> &'static str {
        self.protection.name()
    }

    /// Everything that is authenticated.
    fn head(&self) -> Result<String, WrapError> {
        serde_json::to_string(&(self.watchfire_key_file, &self.id, &self.protection)).map_err(|_| WrapError::Failed)
    }
}

const fn binding(head: &str) -> Binding<'_> {
    Binding {
        purpose: PURPOSE,
        id: head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn secrets() -> [KeySecret; 2] {
        [KeySecret::passphrase("correct horse battery"), KeySecret::key([9; 32])]
    }

    #[test]
    fn a_key_opens_under_what_it_was_encrypted_under() {
        for secret in secrets() {
            let text = WrappedKey::wrap(&KEY, &secret).unwrap().to_text().unwrap();
            assert!(WrappedKey::is_one(&text));
            let read = WrappedKey::parse(&text).unwrap();
            assert_eq!(*read.unwrap_with(&secret).unwrap(), KEY);
            assert_eq!(
                (read.id(), read.method()),
                (SealingKey::new(&KEY).unwrap().id().as_str(), secret.name())
            );
            assert!(!text.contains(&base64url::encode(KEY)));
        }
    }

    #[test]
    fn under_anything_else_it_says_what_is_wrong() {
        let [passphrase, key] = secrets();
        let of = |secret| WrappedKey::wrap(&KEY, secret).unwrap();
        let cases = [
            (
                of(&passphrase),
                KeySecret::passphrase("correct horse batterx"),
                "the passphrase is not the one that it is encrypted under",
            ),
            (
                of(&passphrase),
                key.clone(),
                "it is encrypted under a passphrase, which was not given",
            ),
            (
                of(&key),
                KeySecret::key([8; 32]),
                "the key is not the one that it is encrypted under",
            ),
            (
                of(&key),
                passphrase.clone(),
                "it is encrypted under a key, which was not given",
            ),
        ];
        for (file, secret, expected) in cases {
            assert_eq!(file.unwrap_with(&secret).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn nothing_in_the_file_can_be_changed() {
        let [passphrase, key] = secrets();
        let whole = WrappedKey::wrap(&KEY, &key).unwrap();
        let other_id = WrappedKey {
            id: "0000000000000000".to_owned(),
            ..whole.clone()
        };
        assert_eq!(other_id.unwrap_with(&key), Err(WrapError::Altered));
        let weak = WrappedKey::wrap(&KEY, &passphrase).unwrap();
        let text = weak.to_text().unwrap().replace("\"passes\": 3", "\"passes\": 1");
        assert!(WrappedKey::parse(&text).unwrap().unwrap_with(&passphrase).is_err());
        let cases = [
            ("{}", WrapError::Malformed),
            ("no key", WrapError::Malformed),
            (r#"{"watchfireKeyFile": 2}"#, WrapError::Version),
            (r#"{"watchfireKeyFile": 1}"#, WrapError::Malformed),
        ];
        for (text, expected) in cases {
            assert_eq!(WrappedKey::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn shows_no_secret() {
        for secret in secrets() {
            assert!(["KeySecret(passphrase)", "KeySecret(key)"].contains(&format!("{secret:?}").as_str()));
        }
    }
}
