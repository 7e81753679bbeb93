//! A person says yes or no to what a rule wants to do.

use watchfire_model::{
    entity::Entity,
    id::{ActionId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{
        Action, ActionCall, ActionState, AuthnTransaction, EntityRisk, EntityRiskRule, Factor, Org, Session, SessionToken, User,
    },
    row::Decision,
    slice::{Need, Slice},
};

use super::{about, not_found};
use crate::{
    Rejection,
    administrator::authority_needs,
    command::{Command, Context, Decided},
    entity_risk::{Done, settle},
    session::end_sessions,
    user,
};

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Approve,
    /// It is not.
    Reject,
}

/// Approves or rejects an action that waits for it. What is to be done here is done at once, what is to
/// be done outside becomes due.
#[derive(Clone, Debug)]
pub struct DecideApproval {
    /// Which.
    pub id: ActionId,
    /// What is said.
    pub verdict: Verdict,
    /// Why, for the log.
    pub reason: Option<String>,
    /// Whether the author of a rule may approve what it asks for (architecture section 8 says no; an
    /// organisation of one has nobody else).
    pub author_may: bool,
    /// Who says it.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DecideApproval {
    type Outcome = Action;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Action>(self.id.as_str())]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(action) = slice.get::<Action>(self.id.as_str()) else {
            return Vec::new();
        };
        // There is one organisation: that it is loaded says that we have asked.
        if !slice.all::<Org>().is_empty() {
            return Vec::new();
        }
        let mut needs = vec![Need::all::<Org>()];
        needs.extend(
            action
                .cause
                .as_ref()
                .map(|cause| Need::object::<EntityRiskRule>(cause.rule.as_str())),
        );
        if let Some(id) = action.user().map(UserId::as_str) {
            needs.extend(authority_needs(&self.actor.id));
            needs.extend([
                Need::object::<User>(id),
                Need::children::<Session>(id),
                Need::children::<SessionToken>(id),
                Need::children::<AuthnTransaction>(id),
                Need::children::<Factor>(id),
                Need::object::<EntityRisk>(Entity::User(UserId::new(id)).to_string()),
            ]);
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Action> {
        self.try_decide(slice, context).into()
    }
}

impl DecideApproval {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Action), Rejection> {
        let old = slice.get::<Action>(self.id.as_str()).ok_or_else(|| not_found(&self.id))?;
        if old.state != ActionState::AwaitingApproval {
            return Err(refused(&format!(
                "The action does not wait for an approval: it is {}",
                old.state.as_str()
            )));
        }
        if self.verdict == Verdict::Approve && !self.author_may && self.is_author(old, slice) {
            return Err(refused(
                "Whoever changed the rule last may not approve what it asks for; another administrator can",
            ));
        }
        if self.verdict == Verdict::Approve && !self.may_shut_out(old, slice) {
            return Err(Rejection::Forbidden);
        }
        let mut decision = Decision::new();
        let event_type = match self.verdict {
            Verdict::Approve => EventType::SecurityActionApprove,
            Verdict::Reject => EventType::SecurityActionReject,
        };
        let mut event = about(
            LogEvent::new(event_type, self.actor.clone()).from_request(&self.origin),
            old,
            slice,
        );
        if let Some(reason) = &self.reason {
            event = event.debug("reason", reason.as_str());
        }
        context.log(&mut decision, event);
        let state = match self.verdict {
            Verdict::Reject => ActionState::Rejected,
            Verdict::Approve => self.carry_out(old, slice, &mut decision, context),
        };
        let action = Action {
            state,
            due_at: context.now,
            resumed_at: Some(context.now),
            finished_at: (state != ActionState::Pending).then_some(context.now),
            ..old.clone()
        };
        decision.put(action.clone());
        Ok((decision, action))
    }

    /// What switches a user off is for those who could do it without the rule.
    fn may_shut_out(&self, action: &Action, slice: &Slice) -> bool {
        let ActionCall::DeactivateUser { user } = &action.call else {
            return true;
        };
        let user = slice.get::<User>(user.as_str());
        user.is_none_or(|user| user::may_shut_out(&self.actor, user, slice))
    }

    fn is_author(&self, action: &Action, slice: &Slice) -> bool {
        let rule = action
            .cause
            .as_ref()
            .and_then(|cause| slice.get::<EntityRiskRule>(cause.rule.as_str()));
        rule.and_then(|rule| rule.last_updated_by.as_ref())
            .is_some_and(|author| *author == self.actor.id)
    }

    /// Does what is done here; what is done outside becomes due. A user who is gone needs nothing more.
    fn carry_out(&self, action: &Action, slice: &Slice, decision: &mut Decision, context: &mut Context<'_>) -> ActionState {
        let by = (&self.actor, &self.origin);
        let found = action.user().and_then(|id| slice.get::<User>(id.as_str()));
        match (&action.call, found) {
            (ActionCall::EndSessions { .. }, Some(user)) => {
                let clear = user::event(EventType::UserSessionClear, by.0, by.1, user);
                context.log(decision, clear);
                end_sessions(user, slice, decision, context, by);
                settle(user, &[Done::SessionsEnded], slice, decision, context, by);
                ActionState::Done
            }
            (ActionCall::DeactivateUser { .. }, Some(user)) => {
                // One that is off already stays off.
                if let Ok(off) = user::deactivate(user, slice, decision, context, by) {
                    end_sessions(&off, slice, decision, context, by);
                    settle(&off, &[Done::SessionsEnded], slice, decision, context, by);
                }
                ActionState::Done
            }
            (ActionCall::UniversalLogout { app, .. }, Some(user)) => {
                let logout = user::event(EventType::UserUniversalLogout, by.0, by.1, user);
                context.log(
                    decision,
                    logout
                        .debug("appInstanceIds", serde_json::json!([app]).to_string())
                        .debug("traceId", action.id.as_str()),
                );
                ActionState::Pending
            }
            (ActionCall::EndSessions { .. } | ActionCall::DeactivateUser { .. }, _) => ActionState::Done,
            (ActionCall::Workflow { .. } | ActionCall::HookDelivery { .. } | ActionCall::UniversalLogout { .. }, _) => {
                ActionState::Pending
            }
        }
    }
}

fn refused(cause: &str) -> Rejection {
    Rejection::Invalid {
        field: "action".to_owned(),
        causes: vec![format!("action: {cause}")],
    }
}
