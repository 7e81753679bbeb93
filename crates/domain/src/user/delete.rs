//! Removing a user: the first call switches it off, the second one removes it (okta.md 10.1).

use watchfire_model::{
    id::UserId,
    log::{Actor, EventType, RequestOrigin},
    object::{
        AdminSession, Administrator, AdministratorLink, ApiToken, AuthnTransaction, Factor, Kind, Membership, Passkey, Session,
        SessionToken, SignInProfile, User, UserStatus,
    },
    row::Decision,
    slice::{Need, Slice},
};

use super::{change::may_shut_out, event, find, with_status};
use crate::{
    Rejection,
    administrator::authority_needs,
    command::{Command, Context, Decided},
    session::end_sessions,
};

/// Removes a user, or switches it off when it is not off yet.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// Whom.
    pub id: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// What the call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is off.
    Deactivated,
    /// It is gone, with everything that was its own.
    Removed,
}

impl Command for DeleteUser {
    type Outcome = Deleted;

    fn needs(&self) -> Vec<Need> {
        let id = self.id.as_str();
        let mut needs = vec![
            Need::object::<User>(id),
            Need::object::<Administrator>(id),
            Need::children::<AdminSession>(id),
            Need::children::<AdministratorLink>(id),
            Need::children::<Passkey>(id),
            Need::object::<SignInProfile>(id),
            Need::children::<Membership>(id),
            Need::children::<Factor>(id),
            Need::children::<ApiToken>(id),
            Need::children::<Session>(id),
            Need::children::<SessionToken>(id),
            Need::children::<AuthnTransaction>(id),
        ];
        needs.extend(authority_needs(&self.actor.id));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Deleted> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteUser {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Deleted), Rejection> {
        let user = find(slice, &self.id)?;
        if !may_shut_out(&self.actor, user, slice) {
            return Err(Rejection::Forbidden);
        }
        let mut decision = Decision::new();
        end_sessions(user, slice, &mut decision, context, (&self.actor, &self.origin));
        if user.status != UserStatus::Deprovisioned {
            let user = with_status(user, UserStatus::Deprovisioned, context.now);
            context.log(
                &mut decision,
                event(EventType::UserDeactivate, &self.actor, &self.origin, &user),
            );
            decision.put(user);
            return Ok((decision, Deleted::Deactivated));
        }
        context.log(
            &mut decision,
            event(EventType::UserDeleteInitiated, &self.actor, &self.origin, user),
        );
        self.remove(slice, &mut decision);
        Ok((decision, Deleted::Removed))
    }

    fn remove(&self, slice: &Slice, decision: &mut Decision) {
        let id = self.id.as_str();
        for membership in slice.children::<Membership>(id) {
            decision.delete(Kind::Membership, Membership::id(&membership.group_id, &membership.user_id));
        }
        for factor in slice.children::<Factor>(id) {
            decision.delete(Kind::Factor, factor.id.as_str());
        }
        for token in slice.children::<ApiToken>(id) {
            decision.delete(Kind::ApiToken, token.id.as_str());
        }
        for session in slice.children::<AdminSession>(id) {
            decision.delete(Kind::AdminSession, session.id.as_str());
        }
        crate::passkey::remove_all(slice, &self.id, decision);
        for link in slice.children::<AdministratorLink>(id) {
            decision.delete(Kind::AdministratorLink, link.id.as_str());
        }
        if slice.get::<Administrator>(id).is_some() {
            decision.delete(Kind::Administrator, id);
        }
        if slice.get::<SignInProfile>(id).is_some() {
            decision.delete(Kind::SignInProfile, id);
        }
        decision.delete(Kind::User, id);
    }
}
