//! A sign-in between its first step and the code; it travels sealed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::console_sign_in::IdpIdentity;
use watchfire_model::{
    id::UserId,
    object::{Administrator, User},
};

use crate::{App, Error, Result};

/// What it is sealed for.
const SEALED_FOR: &str = "admin_sign_in";
/// How long it waits.
const SECONDS: u64 = 5 * 60;

/// The first step, as it was done.
#[derive(Serialize, Deserialize)]
pub(in crate::identity) struct Pending {
    user_id: String,
    first: First,
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
enum First {
    /// Another password, another sign-in.
    Password { hash: String },
    /// Another provider, another sign-in.
    Provider {
        issuer: String,
        subject: String,
        email: Option<String>,
    },
}

/// Whose code is waited for.
pub(in crate::identity) struct Awaited {
    pub(in crate::identity) administrator: Administrator,
    pub(in crate::identity) user: User,
    /// Who they are at the provider, when that was the first step.
    pub(in crate::identity) identity: Option<IdpIdentity>,
}

impl Pending {
    pub(super) fn by_password(user_id: &UserId, password_hash: &str) -> Self {
        Self::new(
            user_id,
            First::Password {
                hash: sha256_hex(password_hash),
            },
        )
    }

    pub(in crate::identity) fn at_provider(user_id: &UserId, identity: IdpIdentity) -> Self {
        let IdpIdentity { issuer, subject, email } = identity;
        Self::new(user_id, First::Provider { issuer, subject, email })
    }

    fn new(user_id: &UserId, first: First) -> Self {
        Self {
            user_id: user_id.to_string(),
            first,
            expires_at: 0,
        }
    }
}

impl App {
    /// Seals it; its time begins now.
    pub(in crate::identity) fn seal_pending(&self, mut pending: Pending) -> Result<String> {
        pending.expires_at = self.clock.now().plus(Duration::from_secs(SECONDS)).as_seconds();
        let json = serde_json::to_vec(&pending).map_err(Error::internal)?;
        let sealed = self.vault.seal(SEALED_FOR, "", &json);
        sealed.map_err(Error::internal)
    }

    /// Whose first step this was, if it still counts.
    pub(in crate::identity) fn awaited(&self, sealed: &str) -> Option<Awaited> {
        let json = self.vault.open(SEALED_FOR, "", sealed).ok()?;
        let pending: Pending = serde_json::from_slice(&json).ok()?;
        if self.clock.now().as_seconds() >= pending.expires_at {
            return None;
        }
        let directory = self.state.directory();
        let user = directory.administrator(&pending.user_id)?;
        let administrator = directory.console_administrator(&pending.user_id)?;
        let settings = directory.console_sign_in();
        let (counts, identity) = match pending.first {
            First::Password { hash } => {
                let same = administrator.password_hash.as_deref().map(sha256_hex) == Some(hash);
                (same && settings.takes_passwords(), None)
            }
            First::Provider { issuer, subject, email } => {
                let same = settings.active().is_some_and(|oidc| oidc.issuer == issuer);
                (same, Some(IdpIdentity { issuer, subject, email }))
            }
        };
        counts.then(|| Awaited {
            administrator: Administrator::clone(administrator),
            user: User::clone(user),
            identity,
        })
    }
}
