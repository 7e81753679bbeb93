//! A user's life cycle.

use watchfire_model::{
    id::UserId,
    log::{Actor, EventType, RequestOrigin},
    object::{AuthnTransaction, Factor, Kind, Session, SessionToken, User, UserStatus},
    row::Decision,
    slice::{Need, Slice},
};

use super::{event, find, with_status};
use crate::{
    Rejection,
    administrator::{authority_needs, is_super},
    command::{Command, Context, Decided},
    entity_risk::{Done, settle, settle_needs},
    session::end_sessions,
};

/// What is to happen to a user (okta.md 10.1, `lifecycle/…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// It may be used.
    Activate,
    /// It is activated again.
    Reactivate,
    /// It is switched off.
    Deactivate,
    /// It is switched off for a while.
    Suspend,
    /// The while is over.
    Unsuspend,
    /// It may try again after too many failures.
    Unlock,
    /// It must change its password.
    ExpirePassword,
    /// Its password no longer works.
    ResetPassword,
    /// Its second factors are forgotten.
    ResetFactors,
}

/// Changes where a user is in its life.
#[derive(Clone, Debug)]
pub struct ChangeUser {
    /// Whom.
    pub id: UserId,
    /// What is to happen.
    pub change: UserChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeUser {
    type Outcome = User;

    fn needs(&self) -> Vec<Need> {
        let id = self.id.as_str();
        let mut needs = vec![
            Need::object::<User>(id),
            Need::children::<Factor>(id),
            Need::children::<Session>(id),
            Need::children::<SessionToken>(id),
            Need::children::<AuthnTransaction>(id),
            settle_needs(&self.id),
        ];
        if self.shuts_out() {
            needs.extend(authority_needs(&self.actor.id));
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<User> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeUser {
    const fn shuts_out(&self) -> bool {
        matches!(self.change, UserChange::Deactivate | UserChange::Suspend)
    }

    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, User), Rejection> {
        let old = find(slice, &self.id)?;
        let shuts_out = self.shuts_out();
        if shuts_out && !may_shut_out(&self.actor, old, slice) {
            return Err(Rejection::Forbidden);
        }
        let mut decision = Decision::new();
        let by = (&self.actor, &self.origin);
        let user = carry_out(self.change, old, slice, &mut decision, context, by)?;
        if shuts_out || self.change == UserChange::ResetPassword {
            end_sessions(&user, slice, &mut decision, context, by);
            let done = if shuts_out {
                &[Done::SessionsEnded][..]
            } else {
                &[Done::SessionsEnded, Done::PasswordChanged]
            };
            settle(&user, done, slice, &mut decision, context, by);
        }
        Ok((decision, user))
    }
}

/// Whether `actor` may switch `user` off: nobody themselves, and an administrator only somebody who is a super
/// administrator at this moment. So one is always left, whoever asks at the same time (ADR 0009).
pub(crate) fn may_shut_out(actor: &Actor, user: &User, slice: &Slice) -> bool {
    let asked_by = UserId::new(actor.id.as_str());
    asked_by != user.id && (!user.administrator || is_super(slice, &asked_by))
}

/// Switches `user` off because a rule says so. The slice holds its factors; ending its sessions is the
/// caller's.
///
/// # Errors
/// When it is switched off already.
pub(crate) fn deactivate(
    user: &User,
    slice: &Slice,
    decision: &mut Decision,
    context: &mut Context<'_>,
    by: (&Actor, &RequestOrigin),
) -> Result<User, Rejection> {
    carry_out(UserChange::Deactivate, user, slice, decision, context, by)
}

fn carry_out(
    change: UserChange,
    old: &User,
    slice: &Slice,
    decision: &mut Decision,
    context: &mut Context<'_>,
    by: (&Actor, &RequestOrigin),
) -> Result<User, Rejection> {
    let user = changed(old, change, context)?;
    decision.put(user.clone());
    context.log(decision, event(event_type(change), by.0, by.1, &user));
    if matches!(change, UserChange::ResetFactors | UserChange::Deactivate) {
        for factor in slice.children::<Factor>(user.id.as_str()) {
            decision.delete(Kind::Factor, factor.id.as_str());
        }
    }
    Ok(user)
}

fn changed(old: &User, change: UserChange, context: &Context<'_>) -> Result<User, Rejection> {
    use UserStatus as S;
    let to = |status: S| with_status(old, status, context.now);
    let usable = if old.password_hash.is_some() {
        S::Active
    } else {
        S::Provisioned
    };
    match (change, old.status) {
        (UserChange::Activate, S::Staged | S::Deprovisioned) => Ok(User {
            activated: Some(context.now),
            ..to(usable)
        }),
        (UserChange::Activate, S::Active | S::Provisioned) => Err(Rejection::catalogued("E0000016")),
        (UserChange::Reactivate, S::Provisioned | S::Recovery) => Ok(to(old.status)),
        (UserChange::Deactivate, status) if status != S::Deprovisioned => Ok(to(S::Deprovisioned)),
        (UserChange::Suspend, S::Active) => Ok(to(S::Suspended)),
        (UserChange::Suspend, _) => Err(refused("suspendUser", "Cannot suspend a user that is not active")),
        (UserChange::Unsuspend, S::Suspended) => Ok(to(usable)),
        (UserChange::Unsuspend, _) => Err(refused("unsuspendUser", "Cannot unsuspend a user that is not suspended")),
        (UserChange::Unlock, S::LockedOut) => Ok(to(usable)),
        (UserChange::ExpirePassword, S::Active | S::PasswordExpired) if old.password_hash.is_some() => Ok(to(S::PasswordExpired)),
        (UserChange::ResetPassword, S::Active | S::Provisioned | S::PasswordExpired | S::LockedOut | S::Recovery) => Ok(User {
            password_hash: None,
            ..to(S::Recovery)
        }),
        (UserChange::ResetFactors, status) if status != S::Deprovisioned => Ok(with_status_kept(old, context)),
        _ => Err(Rejection::catalogued("E0000038")),
    }
}

fn with_status_kept(old: &User, context: &Context<'_>) -> User {
    User {
        status_changed: old.status_changed,
        ..with_status(old, old.status, context.now)
    }
}

fn refused(operation: &str, cause: &str) -> Rejection {
    Rejection::Invalid {
        field: operation.to_owned(),
        causes: vec![cause.to_owned()],
    }
}

const fn event_type(change: UserChange) -> EventType {
    match change {
        UserChange::Activate => EventType::UserActivate,
        UserChange::Reactivate => EventType::UserReactivate,
        UserChange::Deactivate => EventType::UserDeactivate,
        UserChange::Suspend => EventType::UserSuspend,
        UserChange::Unsuspend => EventType::UserUnsuspend,
        UserChange::Unlock => EventType::UserAccountUnlock,
        UserChange::ExpirePassword => EventType::UserExpirePassword,
        UserChange::ResetPassword => EventType::UserResetPassword,
        UserChange::ResetFactors => EventType::FactorResetAll,
    }
}
