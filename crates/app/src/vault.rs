//! Secrets that must be used again: sealed under the key file, bound to what they belong to.

use watchfire_crypto::{
    mac::HmacSha256,
    seal::{Binding, SealError, SealingKey},
};
use watchfire_engine::model::HashKey;
use zeroize::Zeroizing;

/// The key from outside the database (architecture invariant 7).
#[derive(Debug)]
pub struct Vault {
    sealing: SealingKey,
    id_key: Zeroizing<[u8; 32]>,
    nonce_key: Zeroizing<[u8; 32]>,
    model_key: HashKey,
}

impl Vault {
    /// A vault under the 32 bytes of the key file.
    ///
    /// # Errors
    /// When the key is not usable.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let derive = HmacSha256::new(key);
        Ok(Self {
            sealing: SealingKey::new(key)?,
            id_key: Zeroizing::new(derive.sign(b"watchfire ids")),
            nonce_key: Zeroizing::new(derive.sign(b"watchfire dpop nonces")),
            model_key: model_key(&derive.sign(b"watchfire sign-in values")),
        })
    }

    /// The name of the key, safe to show.
    pub fn key_id(&self) -> String {
        self.sealing.id()
    }

    /// The key under which ids are made.
    pub fn id_key(&self) -> &[u8] {
        self.id_key.as_slice()
    }

    /// The key under which DPoP nonces are made.
    pub fn nonce_key(&self) -> &[u8] {
        self.nonce_key.as_slice()
    }

    /// The key under which the risk model hashes what it remembers: a profile tells nobody where its user
    /// has been.
    pub const fn model_key(&self) -> &HashKey {
        &self.model_key
    }

    /// Seals `secret` for `purpose`, bound to the object `id`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, purpose: &str, id: &str, secret: &[u8]) -> Result<String, SealError> {
        self.sealing.seal(binding(purpose, id), secret)
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and object.
    ///
    /// # Errors
    /// When it was sealed under another key, for another place, or changed since.
    pub fn open(&self, purpose: &str, id: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.sealing.open(binding(purpose, id), sealed)
    }
}

fn model_key(derived: &[u8; 32]) -> HashKey {
    let mut key = [0; 16];
    key.iter_mut().zip(derived).for_each(|(to, from)| *to = *from);
    HashKey::new(key)
}

const fn binding<'a>(purpose: &'a str, id: &'a str) -> Binding<'a> {
    Binding { purpose, id }
}
