//! The keys that sign access tokens, opened once and kept parsed.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    signing::{NewKey, PrivateKey},
};
use watchfire_domain::{bootstrap::NewSigningKey, signing_key::RotateSigningKeys};
use watchfire_model::{
    log::{Actor, RequestOrigin},
    object::{KeyState, SigningKey},
};

use crate::{App, Error, Result, Vault, access::Principal, sequencer::ErrorChain};

/// The scope that rotates them.
pub const MANAGE: &str = "watchfire.manage";

/// What the private keys are sealed for.
pub(crate) const SEALED_FOR: &str = "signing_key";
/// How often it is looked whether the active key is old enough to go.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

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

/// Makes a signing key.
pub(crate) async fn generate() -> Result<PrivateKey> {
    let key = tokio::task::spawn_blocking(|| PrivateKey::generate(NewKey::Rsa2048))
        .await
        .map_err(Error::internal)?;
    key.map_err(Error::internal)
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

    /// The keys that are published (okta.md 1.6): the one that signs, the one that will, and those whose
    /// tokens have not all expired. Oldest first.
    pub fn published_keys(&self) -> Vec<SigningKey> {
        let now = self.clock.now();
        let directory = self.state.directory();
        let is_published = |key: &&Arc<SigningKey>| key.retire_at.is_none_or(|at| at > now);
        let mut keys: Vec<_> = directory
            .signing_keys()
            .filter(is_published)
            .map(|key| SigningKey::clone(key))
            .collect();
        keys.sort_by(|a, b| (a.created, &a.kid).cmp(&(b.created, &b.kid)));
        keys
    }

    /// The JWK set at `/oauth2/v1/keys`.
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.published_keys();
        watchfire_oauth::discovery::keys(keys.iter().map(|key| &key.public_jwk))
    }

    /// Makes the next key the active one.
    ///
    /// # Errors
    /// Without the scope, or when the store does not take it.
    pub async fn rotate_signing_keys(&self, caller: &Principal, origin: RequestOrigin) -> Result<Vec<SigningKey>> {
        caller.require(MANAGE)?;
        self.rotate(caller.actor.clone(), Some(origin)).await?;
        Ok(self.published_keys())
    }

    async fn rotate(&self, actor: Actor, origin: Option<RequestOrigin>) -> Result<()> {
        let has_next = self.published_keys().iter().any(|key| key.state == KeyState::Next);
        let fresh = seal_new(&self.vault, &generate().await?)?;
        let spare = if has_next {
            None
        } else {
            Some(seal_new(&self.vault, &generate().await?)?)
        };
        let command = RotateSigningKeys {
            fresh,
            spare,
            actor,
            origin,
        };
        self.commands.run(command).await?;
        self.open_signing_keys()
    }

    /// Opens the keys again whenever another node has rotated them.
    pub(crate) async fn follow_signing_keys(self, stop: CancellationToken) {
        let mut changes = self.state.changes();
        let kids = |app: &Self| -> Vec<(String, KeyState)> {
            let directory = app.state.directory();
            directory.signing_keys().map(|key| (key.kid.clone(), key.state)).collect()
        };
        let mut opened = kids(&self);
        while let Some(Ok(())) = stop.run_until_cancelled(changes.changed()).await {
            let now = kids(&self);
            if now != opened {
                match self.open_signing_keys() {
                    Ok(()) => opened = now,
                    Err(error) => {
                        tracing::error!(error = %ErrorChain(&error), "the signing keys of another node could not be opened")
                    }
                }
            }
        }
    }

    /// Rotates by itself, when the active key has signed for as long as the operator allows.
    pub(crate) async fn rotate_when_due(self, lifetime: Duration, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            if let Err(error) = self.rotate_if_due(lifetime).await {
                tracing::warn!(error = %ErrorChain(&error), "the signing keys could not be rotated");
            }
        }
    }

    async fn rotate_if_due(&self, lifetime: Duration) -> Result<()> {
        let now = self.clock.now();
        let keys = self.published_keys();
        // A key that was published as the next one is older than its service; that only rotates sooner.
        let is_due = |key: &SigningKey| key.state == KeyState::Active && key.created.plus(lifetime) <= now;
        let org = self.state.directory().org().map(|org| org.id.clone());
        match org {
            Some(org) if keys.iter().any(is_due) => self.rotate(Actor::system(&org), None).await,
            _ => Ok(()),
        }
    }
}
