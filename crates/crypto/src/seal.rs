//! Secrets at rest: AES-256-GCM, each bound to the row it belongs to.
//!
//! A sealed text is base64url of: one version byte, eight bytes that name the key, twelve of nonce,
//! the ciphertext and its tag. Version and key id are authenticated with the row's name, so that a
//! sealed value copied to another row, or opened under another purpose, does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use crate::{base64url, digest};

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;
const HEADER_LEN: usize = 1 + KEY_ID_LEN;

/// Why a sealed text does not open, or a secret cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a sealed text, or of a version that this build does not know.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed under another key: the key file was changed or lost.
    #[error("sealed under another key")]
    OtherKey,
    /// The tag does not match: altered, or moved from another row.
    #[error("the sealed value was altered or belongs elsewhere")]
    Altered,
    /// The cipher refused to work.
    #[error("sealing failed")]
    Failed,
}

/// What a sealed value belongs to. It opens only under the same binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// What the secret is for: `signing_key`, `totp_secret`.
    pub purpose: &'a str,
    /// The id of its row.
    pub id: &'a str,
}

/// The key that seals the secrets of one installation.
pub struct SealingKey {
    cipher: RandomizedNonceKey,
    id: [u8; KEY_ID_LEN],
}

impl SealingKey {
    /// Takes thirty-two random bytes, the content of the key file.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the cipher refuses the key, which aws-lc does not do for this length.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let mut named = Zeroizing::new(b"watchfire sealing key id".to_vec());
        named.extend_from_slice(key);
        let mut id = [0; KEY_ID_LEN];
        for (to, from) in id.iter_mut().zip(digest::sha256(&*named)) {
            *to = from;
        }
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError::Failed)?;
        Ok(Self { cipher, id })
    }

    /// A short name of the key, safe to show: the first eight bytes of a hash of it, in hex.
    pub fn id(&self) -> String {
        digest::hex(self.id)
    }

    /// Seals `secret` for the row that `binding` names.
    ///
    /// # Errors
    /// [`SealError::Failed`] when there is no randomness.
    pub fn seal(&self, binding: Binding<'_>, secret: &[u8]) -> Result<String, SealError> {
        let mut body = secret.to_vec();
        let sealed = self
            .cipher
            .seal_in_place_append_tag(Aad::from(self.associated_data(binding)), &mut body);
        let nonce = sealed.map_err(|_| SealError::Failed)?;
        let mut out = self.header().to_vec();
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&body);
        Ok(base64url::encode(out))
    }

    /// Opens a sealed text of the row that `binding` names.
    ///
    /// # Errors
    /// [`SealError`] but `Failed`.
    pub fn open(&self, binding: Binding<'_>, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = base64url::decode(sealed).map_err(|_| SealError::Malformed)?;
        let (header, rest) = bytes.split_at_checked(HEADER_LEN).ok_or(SealError::Malformed)?;
        let (version, key_id) = header.split_first().ok_or(SealError::Malformed)?;
        if *version != VERSION {
            return Err(SealError::Malformed);
        }
        if key_id != self.id {
            return Err(SealError::OtherKey);
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(self.associated_data(binding));
        let plain = self.cipher.open_in_place(nonce, aad, &mut body);
        let length = plain.map_err(|_| SealError::Altered)?.len();
        body.truncate(length);
        Ok(body)
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [VERSION; HEADER_LEN];
        for (to, from) in header.iter_mut().skip(1).zip(self.id) {
            *to = from;
        }
        header
    }

    /// The purpose's length comes before it, so that no two bindings have the same bytes.
    fn associated_data(&self, binding: Binding<'_>) -> Vec<u8> {
        let mut data = self.header().to_vec();
        data.extend_from_slice(&binding.purpose.len().to_be_bytes());
        data.extend_from_slice(binding.purpose.as_bytes());
        data.extend_from_slice(binding.id.as_bytes());
        data
    }
}

/// The name of the key that a sealed text was made with, as [`SealingKey::id`] gives it.
pub fn key_id(sealed: &str) -> Option<String> {
    let bytes = base64url::decode(sealed).ok()?;
    let (version, rest) = bytes.split_first()?;
    let id = rest.get(..KEY_ID_LEN).filter(|_| *version == VERSION)?;
    Some(digest::hex(id))
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Binding<'_> = Binding {
        purpose: "totp_secret",
        id: "ost1",
    };

    #[test]
    fn opens_what_it_sealed() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        for secret in [b"".as_slice(), b"secret", &[0; 1000]] {
            let sealed = key.seal(ROW, secret).unwrap();
            assert_eq!(key.open(ROW, &sealed).unwrap().as_slice(), secret);
        }
        assert_ne!(key.seal(ROW, b"x").unwrap(), key.seal(ROW, b"x").unwrap(), "fresh nonces");
    }

    #[test]
    fn does_not_open_elsewhere() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let sealed = key.seal(ROW, b"secret").unwrap();
        for row in [
            Binding {
                purpose: "totp_secret",
                id: "ost2",
            },
            Binding {
                purpose: "signing_key",
                id: "ost1",
            },
            Binding {
                purpose: "totp_secreto",
                id: "st1",
            },
        ] {
            assert_eq!(key.open(row, &sealed), Err(SealError::Altered), "{row:?}");
        }
        let other = SealingKey::new(&[8; 32]).unwrap();
        assert_eq!(other.open(ROW, &sealed), Err(SealError::OtherKey));
    }

    #[test]
    fn refuses_every_changed_byte() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let sealed = base64url::decode(&key.seal(ROW, b"secret").unwrap()).unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(ROW, &base64url::encode(&changed)).is_err(), "byte {index}");
            assert!(key.open(ROW, &base64url::encode(&sealed[..index])).is_err(), "cut at {index}");
        }
        assert_eq!(key.open(ROW, "no base64!"), Err(SealError::Malformed));
    }

    #[test]
    fn shows_no_key() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), format!("SealingKey({})", key.id()));
        assert_eq!(key.id().len(), 16);
        assert_eq!(key_id(&key.seal(ROW, b"secret").unwrap()), Some(key.id()));
    }
}
