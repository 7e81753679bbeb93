//! Behaviours (okta.md 10.3).

use watchfire_domain::behavior::{CreateBehavior, DeleteBehavior, ReplaceBehavior, SetBehaviorStatus};
use watchfire_model::{
    id::BehaviorId,
    log::RequestOrigin,
    object::{BehaviorDraft, BehaviorRule, Status},
};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads behaviours.
pub const READ: &str = "okta.behaviors.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.behaviors.manage";

impl App {
    /// Every behaviour, oldest first; of the same age, by name.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn behaviors(&self, caller: &Principal) -> Result<Vec<BehaviorRule>> {
        caller.require(READ)?;
        let mut behaviors: Vec<BehaviorRule> = self.all().await?;
        behaviors.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        Ok(behaviors)
    }

    /// One behaviour.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub async fn behavior(&self, caller: &Principal, id: &str) -> Result<BehaviorRule> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "Behavior"))
    }

    /// Makes a behaviour.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a taken name, or one behaviour too many.
    pub async fn create_behavior(&self, caller: &Principal, origin: RequestOrigin, draft: BehaviorDraft) -> Result<BehaviorRule> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreateBehavior {
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Replaces a behaviour.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for another type; and as for making one.
    pub async fn replace_behavior(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        draft: BehaviorDraft,
    ) -> Result<BehaviorRule> {
        caller.require(MANAGE)?;
        self.commands
            .run(ReplaceBehavior {
                id: BehaviorId::new(id),
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a behaviour.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] while a rule names it.
    pub async fn delete_behavior(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        self.commands
            .run(DeleteBehavior {
                id: BehaviorId::new(id),
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Switches a behaviour on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for one that goes off while a rule names it.
    pub async fn set_behavior_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        status: Status,
    ) -> Result<BehaviorRule> {
        caller.require(MANAGE)?;
        self.commands
            .run(SetBehaviorStatus {
                id: BehaviorId::new(id),
                status,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }
}
