//! The outbox as administrators see it: approvals, dead letters.

use watchfire_domain::action::{DecideApproval, KIND, RedriveActions, SettleHeld, Verdict};
use watchfire_model::{
    id::ActionId,
    log::RequestOrigin,
    object::{Action, ActionState},
};

use super::workflows::READ;
use crate::{App, Error, Result, access::Principal, reads::Listed, state::TargetKey};

/// Actions that one decision redrives, and that are read at one time.
const PAGE: u32 = 100;

/// What a person says of an action that waits for it.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Whether it is done.
    pub approved: bool,
    /// Why.
    pub reason: Option<String>,
}

/// The scopes that decide over them; either will do.
const MANAGE: &[&str] = &[super::workflows::MANAGE, "watchfire.actions.manage"];

impl App {
    /// A page of the actions in `state`, or of all, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when `after` is none of ours.
    pub async fn actions(
        &self,
        caller: &Principal,
        state: Option<ActionState>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Action>> {
        caller.require(READ)?;
        let parent = state.map(ActionState::as_str);
        let page: Listed<(Action, i64)> = self.places_under(parent, after, limit).await?;
        Ok(Listed {
            items: page.items.into_iter().map(|(action, _)| action).collect(),
            next: page.next,
        })
    }

    /// One action with what was tried.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub async fn action(&self, caller: &Principal, id: &str) -> Result<Action> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, KIND))
    }

    /// Approves or rejects an action.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when it waits for nothing, or when whoever approves has
    /// written the rule.
    pub async fn decide_approval(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        approval: Approval,
    ) -> Result<Action> {
        caller.require_any(MANAGE)?;
        let command = DecideApproval {
            id: ActionId::new(id),
            verdict: if approval.approved {
                Verdict::Approve
            } else {
                Verdict::Reject
            },
            reason: approval.reason,
            author_may: self.settings.author_may_approve,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Releases or cancels what a restore has held: of a target, or all of it. Says how much that was.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn settle_held(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        target: Option<&TargetKey>,
        approval: Approval,
    ) -> Result<usize> {
        caller.require_any(MANAGE)?;
        let mut settled = 0_usize;
        let mut after: Option<String> = None;
        loop {
            let parent = Some(ActionState::Held.as_str());
            let page: Listed<(Action, i64)> = self.places_under(parent, after.as_deref(), PAGE).await?;
            let is_of = |action: &Action| target.is_none() || TargetKey::of(&action.call).as_ref() == target;
            let wanted = page.items.into_iter().map(|(action, _)| action).filter(is_of);
            let ids: Vec<ActionId> = wanted.map(|action| action.id).collect();
            if !ids.is_empty() {
                let done = self.settle_each(caller, &origin, ids, &approval).await?;
                settled = settled.saturating_add(done.len());
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(settled),
            }
        }
    }

    /// Releases or cancels one action that a restore has held.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none with this id is held.
    pub async fn settle_one(&self, caller: &Principal, origin: RequestOrigin, id: &str, approval: Approval) -> Result<Action> {
        caller.require_any(MANAGE)?;
        let settled = self.settle_each(caller, &origin, vec![ActionId::new(id)], &approval).await?;
        settled.into_iter().next().ok_or_else(|| Error::not_found(id, "HeldAction"))
    }

    async fn settle_each(
        &self,
        caller: &Principal,
        origin: &RequestOrigin,
        ids: Vec<ActionId>,
        approval: &Approval,
    ) -> Result<Vec<Action>> {
        let command = SettleHeld {
            ids,
            verdict: if approval.approved {
                Verdict::Approve
            } else {
                Verdict::Reject
            },
            reason: approval.reason.clone(),
            actor: caller.actor.clone(),
            origin: origin.clone(),
        };
        self.commands.run(command).await
    }

    /// Makes a dead letter due again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no dead letter with this id.
    pub async fn redrive(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<Action> {
        caller.require_any(MANAGE)?;
        let redriven = self.redrive_all(caller, &origin, vec![ActionId::new(id)]).await?;
        redriven.into_iter().next().ok_or_else(|| Error::not_found(id, "DeadLetter"))
    }

    /// Makes every dead letter of a target due again, and says how many there were.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn redrive_target(&self, caller: &Principal, origin: RequestOrigin, target: &TargetKey) -> Result<usize> {
        caller.require_any(MANAGE)?;
        let mut redriven = 0_usize;
        let mut after: Option<String> = None;
        loop {
            let parent = Some(ActionState::Dead.as_str());
            let page: Listed<(Action, i64)> = self.places_under(parent, after.as_deref(), PAGE).await?;
            let is_of = |action: &Action| TargetKey::of(&action.call).as_ref() == Some(target);
            let ids: Vec<ActionId> = page
                .items
                .into_iter()
                .map(|(it, _)| it)
                .filter(is_of)
                .map(|it| it.id)
                .collect();
            if !ids.is_empty() {
                redriven = redriven.saturating_add(self.redrive_all(caller, &origin, ids).await?.len());
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(redriven),
            }
        }
    }

    async fn redrive_all(&self, caller: &Principal, origin: &RequestOrigin, ids: Vec<ActionId>) -> Result<Vec<Action>> {
        let command = RedriveActions {
            ids,
            actor: caller.actor.clone(),
            origin: origin.clone(),
        };
        self.commands.run(command).await
    }
}
