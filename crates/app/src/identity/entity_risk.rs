//! The risk of users (okta.md 9.7), and why an entity has its level.

use watchfire_domain::user_risk::{ClearCauses, SetUserRisk};
use watchfire_engine::entity;
pub use watchfire_engine::entity::{CauseExplanation, Explanation, Remedy};
use watchfire_model::{
    entity::Entity,
    id::UserId,
    log::RequestOrigin,
    object::{CauseKind, EntityRisk},
    signal::RiskLevel,
    time::Timestamp,
};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads users' risk.
pub const READ: &str = "okta.userRisk.read";
/// The scope that overrides it.
pub const MANAGE: &str = "okta.userRisk.manage";
/// The scope that reads why.
pub const EXPLAIN: &str = "watchfire.read";
/// The scope that clears causes.
pub const CLEAR: &str = "watchfire.manage";

/// How risky a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRisk {
    /// Who.
    pub user: UserId,
    /// How; `None` is NONE.
    pub level: Option<RiskLevel>,
    /// Why; absent for NONE.
    pub reason: Option<String>,
}

/// What is known of an entity, to be explained as of a time.
#[derive(Clone, Debug)]
pub struct KnownRisk {
    /// What is known.
    pub risk: EntityRisk,
    /// As of when.
    pub now: Timestamp,
}

impl KnownRisk {
    /// The level with everything that it is made of.
    pub fn explain(&self) -> Explanation<'_> {
        entity::explain(&self.risk.causes, self.now)
    }

    fn of_user(&self, user: UserId) -> UserRisk {
        let explanation = self.explain();
        let strongest = explanation.causes.iter().find(|it| it.counts);
        let reason = strongest.map(|it| it.cause.reason.clone().unwrap_or_else(|| it.cause.kind.as_str().to_owned()));
        UserRisk {
            user,
            level: explanation.level,
            reason: reason.filter(|_| explanation.level.is_some()),
        }
    }
}

impl App {
    /// How risky a user is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; without the scope.
    pub async fn user_risk(&self, caller: &Principal, name: &str) -> Result<UserRisk> {
        caller.require(READ)?;
        let user = self.named_user(caller, name).await?.id;
        Ok(self.known_risk(Entity::User(user.clone())).await?.of_user(user))
    }

    /// Says how risky a user is. Returns whether the user had no risk record before.
    ///
    /// # Errors
    /// [`Error::NotFound`]; without the scope.
    pub async fn set_user_risk(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        name: &str,
        (level, reason): (RiskLevel, Option<String>),
    ) -> Result<(UserRisk, bool)> {
        caller.require(MANAGE)?;
        let user = self.named_user(caller, name).await?.id;
        let command = SetUserRisk {
            user: user.clone(),
            level,
            reason,
            limits: self.settings.guard,
            actor: caller.actor.clone(),
            origin,
        };
        let set = self.commands.run(command).await?;
        let known = KnownRisk {
            risk: set.risk,
            now: self.clock.now(),
        };
        Ok((known.of_user(user), set.created))
    }

    /// What is known of an entity's risk.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a user that is not there, and for devices and sessions of which nothing is
    /// known; without the scope.
    pub async fn entity_risk(&self, caller: &Principal, entity: Entity) -> Result<KnownRisk> {
        caller.require(EXPLAIN)?;
        let Some(user) = entity.user() else {
            let known = self.get::<EntityRisk>(&entity.to_string()).await?;
            let risk = known.ok_or_else(|| Error::not_found(entity.id(), "EntityRisk"))?;
            let now = self.clock.now();
            return Ok(KnownRisk { risk, now });
        };
        let user = self.named_user(caller, user.as_str()).await?.id;
        self.known_risk(Entity::User(user)).await
    }

    /// Clears what speaks against an entity: causes of these kinds, or all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing is known of it; without the scope.
    pub async fn clear_causes(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        entity: Entity,
        kinds: Vec<CauseKind>,
    ) -> Result<()> {
        caller.require(CLEAR)?;
        let entity = match entity {
            Entity::User(name) => Entity::User(self.named_user(caller, name.as_str()).await?.id),
            other => other,
        };
        let command = ClearCauses {
            entity,
            kinds,
            limits: self.settings.guard,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await.map(drop)
    }

    async fn known_risk(&self, entity: Entity) -> Result<KnownRisk> {
        let now = self.clock.now();
        let known = self.get(&entity.to_string()).await?;
        let risk = known.unwrap_or_else(|| EntityRisk::new(entity, now));
        Ok(KnownRisk { risk, now })
    }
}
