//! The keys that sign access tokens, opened once and kept parsed.

use std::sync::Arc;

use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    signing::PrivateKey,
};
use watchfire_domain::bootstrap::NewSigningKey;
use watchfire_model::object::KeyState;

use crate::{App, Error, Result, Vault};

/// What the private keys are sealed for.
const SEALED_FOR: &str = "signing_key";

/// The key that signs now, and all that verify.
#[derive(Debug)]
pub struct SigningKeys {
    /// Signs.
    pub active: Arc<PrivateKey>,
    /// Every published key, parsed.
    pub verifying: KeySet,
}

/// Seals a key that was just made.
pub(crate) fn seal_new(vault: &Vault, key: &PrivateKey) -> Result<NewSigningKey> {
    let kid = key.thumbprint().to_owned();
    let sealed_private = vault.seal(SEALED_FOR, &kid, key.to_pkcs8()).map_err(Error::internal)?;
    Ok(NewSigningKey {
        kid,
        public_jwk: key.public_jwk(),
        sealed_private,
    })
}

impl App {
    /// Opens the published keys; again after each rotation.
    pub(crate) fn open_signing_keys(&self) -> Result<()> {
        let directory = self.state.directory();
        let active = directory
            .signing_keys()
            .find(|key| key.state == KeyState::Active)
            .ok_or_else(|| Error::internal("no signing key is active"))?;
        let opened = self
            .vault
            .open(SEALED_FOR, &active.kid, &active.sealed_private)
            .map_err(Error::internal)?;
        let active = PrivateKey::from_pkcs8(&opened).map_err(Error::internal)?;
        let verifying = KeySet::from_jwks(directory.signing_keys().map(|key| &key.public_jwk), &[Algorithm::Rs256]);
        self.signing_keys.store(Some(Arc::new(SigningKeys {
            active: Arc::new(active),
            verifying,
        })));
        Ok(())
    }

    /// The keys as they are now.
    ///
    /// # Errors
    /// [`Error::Internal`] before the start is over.
    pub fn signing_keys(&self) -> Result<Arc<SigningKeys>> {
        self.signing_keys
            .load_full()
            .ok_or_else(|| Error::internal("the signing keys are not open"))
    }
}
