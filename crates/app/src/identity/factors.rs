//! Second factors of users (okta.md 10.1).

use watchfire_crypto::totp;
use watchfire_domain::factor::{ActivateFactor, DeleteFactor, EnrolFactor};
use watchfire_model::{
    id::FactorId,
    log::RequestOrigin,
    object::{Factor, User},
};
use zeroize::Zeroizing;

use super::users::{MANAGE, READ};
use crate::{App, Error, Result, access::Principal, entropy::base62};

/// Seconds that a code is shown for.
pub const STEP_SECONDS: i64 = totp::STEP_SECONDS;

/// What the shared secrets are sealed for.
pub(crate) const SEALED_FOR: &str = "totp_secret";

/// A user's factor.
#[derive(Clone, Debug)]
pub struct UserFactor {
    /// The factor.
    pub factor: Factor,
    /// Whose it is.
    pub user: User,
}

/// A factor that was just made.
#[derive(Debug)]
pub struct Enrolled {
    /// The factor.
    pub factor: UserFactor,
    /// The shared secret in base32: shown this once.
    pub shared_secret: Zeroizing<String>,
}

/// Who issues the codes, by name only: both are RFC 6238.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorProvider {
    /// Okta Verify's codes.
    Okta,
    /// Google Authenticator's codes.
    Google,
}

impl FactorProvider {
    /// The name over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "OKTA",
            Self::Google => "GOOGLE",
        }
    }
}

impl App {
    /// The factors of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub async fn factors(&self, caller: &Principal, user: &str) -> Result<Vec<UserFactor>> {
        caller.require(READ)?;
        let user = self.named_user(caller, user).await?;
        let factors = self.children::<Factor>(user.id.as_str()).await?.into_iter();
        let with_user = |factor| UserFactor {
            factor,
            user: user.clone(),
        };
        Ok(factors.map(with_user).collect())
    }

    /// One factor of a user.
    ///
    /// # Errors
    /// As for the list.
    pub async fn factor(&self, caller: &Principal, user: &str, id: &str) -> Result<UserFactor> {
        caller.require(READ)?;
        let user = self.named_user(caller, user).await?;
        let factor = self.get::<Factor>(id).await?.filter(|factor| factor.user_id == user.id);
        let factor = factor.ok_or_else(|| Error::not_found(id, "UserFactor"))?;
        Ok(UserFactor { factor, user })
    }

    /// Begins to enrol a factor.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the user has one of this provider, and as for the list.
    pub async fn enrol_factor(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        user: &str,
        provider: FactorProvider,
    ) -> Result<Enrolled> {
        caller.require(MANAGE)?;
        let user = self.managed_user(caller, user).await?;
        let mut secret = Zeroizing::new([0; totp::SECRET_BYTES]);
        self.entropy.fill(secret.as_mut_slice());
        // The secret is bound to the id, so the id is made before the decision; it is no secret.
        let id = FactorId::new(format!("{}{}", FactorId::PREFIX, base62(&*self.entropy, 17)));
        let sealed = self.vault.seal(SEALED_FOR, id.as_str(), secret.as_slice());
        let command = EnrolFactor {
            id,
            user_id: user.id.clone(),
            provider: provider.as_str(),
            sealed_secret: sealed.map_err(Error::internal)?,
            actor: caller.actor.clone(),
            origin,
        };
        let factor = self.commands.run(command).await?;
        Ok(Enrolled {
            factor: UserFactor { factor, user },
            shared_secret: totp::encode_secret(secret.as_slice()),
        })
    }

    /// Takes a factor into use with its first code.
    ///
    /// # Errors
    /// `E0000068` for a wrong code, `E0000038` when it is in use, and as for one factor.
    pub async fn activate_factor(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        (user, id): (&str, &str),
        code: &str,
    ) -> Result<UserFactor> {
        caller.require(MANAGE)?;
        let UserFactor { factor, user } = self.factor_to_manage(caller, user, id).await?;
        let command = ActivateFactor {
            id: factor.id.clone(),
            user_id: user.id.clone(),
            step: self.matching_step(&factor, code)?,
            actor: caller.actor.clone(),
            origin,
        };
        let factor = self.commands.run(command).await?;
        Ok(UserFactor { factor, user })
    }

    /// Forgets a factor.
    ///
    /// # Errors
    /// As for one factor.
    pub async fn delete_factor(&self, caller: &Principal, origin: RequestOrigin, user: &str, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let UserFactor { factor, user } = self.factor_to_manage(caller, user, id).await?;
        let command = DeleteFactor {
            id: factor.id,
            user_id: user.id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    async fn factor_to_manage(&self, caller: &Principal, user: &str, id: &str) -> Result<UserFactor> {
        let user = self.managed_user(caller, user).await?;
        let factor = self.get::<Factor>(id).await?.filter(|factor| factor.user_id == user.id);
        let factor = factor.ok_or_else(|| Error::not_found(id, "UserFactor"))?;
        Ok(UserFactor { factor, user })
    }

    /// The time step whose code `code` is, when it is the current one or next to it.
    pub(crate) fn matching_step(&self, factor: &Factor, code: &str) -> Result<Option<u64>> {
        let secret = self
            .vault
            .open(SEALED_FOR, factor.id.as_str(), &factor.sealed_secret)
            .map_err(Error::internal)?;
        let step = totp::matching_step(&secret, code, self.clock.now().as_seconds());
        Ok(step.and_then(|step| u64::try_from(step).ok()))
    }
}
