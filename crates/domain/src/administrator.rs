//! Who may use the Admin Console: inviting, accepting, changing a role, taking the access away.

mod authority;

pub(crate) use self::authority::{authority_needs, authority_needs_of_both, is_super};

use watchfire_model::{
    id::UserId,
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{AdminRole, AdminSession, Administrator, AdministratorLink, ApiToken, Invitation, Kind, Passkey, User, UserStatus},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use self::authority::{is_another_super, role_of};
use crate::{
    Rejection, api_token,
    command::{Command, Context, Decided},
    passkey, user,
};

/// Characters of a password of the console at the least.
pub const MIN_PASSWORD_CHARS: usize = 12;

/// The type in an unknown administrator's error text (okta.md 11.6).
const KIND: &str = "Administrator";

/// Checks a password of the console against what may be known without its hash.
///
/// # Errors
/// `E0000080` with one sentence a fault.
pub fn check_password(password: &str, login: &str) -> Result<(), Rejection> {
    let mut causes = Vec::new();
    if password.chars().count() < MIN_PASSWORD_CHARS {
        causes.push(format!("The password needs {MIN_PASSWORD_CHARS} characters or more."));
    }
    if password.chars().count() > user::password::MAX_CHARS {
        causes.push(format!(
            "The password must not be longer than {} characters.",
            user::password::MAX_CHARS
        ));
    }
    let folded = password.to_lowercase();
    let name = login.split('@').next().unwrap_or(login).to_lowercase();
    if folded == login.to_lowercase() || folded == name {
        causes.push("The password must not be the user name.".to_owned());
    }
    let mut characters = password.chars();
    if characters.next().is_some_and(|first| characters.all(|other| other == first)) {
        causes.push("The password must not be one character again and again.".to_owned());
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Rejection::Catalogued {
        code: "E0000080",
        causes,
    })
}

/// Gives the oldest administrator an invitation while nobody has ever accepted one: who starts the
/// server on an empty store gets in by it.
#[derive(Clone, Debug)]
pub struct InviteFirst {
    /// Who it is.
    pub user_id: UserId,
    /// What the link ends with, hashed.
    pub invitation: Invitation,
}

impl Command for InviteFirst {
    /// Whether the link works.
    type Outcome = bool;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<User>(self.user_id.as_str()), Need::all::<Administrator>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<bool> {
        let enrolled = slice.all::<Administrator>().iter().any(|it| it.is_enrolled());
        let known = slice.get::<User>(self.user_id.as_str()).is_some();
        let mut decision = Decision::new();
        if enrolled || !known {
            return Decided::done(decision, false);
        }
        let old = slice.get::<Administrator>(self.user_id.as_str());
        decision.put(Administrator {
            user_id: self.user_id.clone(),
            role: AdminRole::SuperAdmin,
            password_hash: None,
            sealed_totp: None,
            last_step: None,
            invitation: Some(self.invitation.clone()),
            created: old.map_or(context.now, |old| old.created),
            last_updated: context.now,
        });
        Decided::done(decision, true)
    }
}

/// Makes a user an administrator with `role`, or changes that, and gives them a link. What they signed in
/// with before works until the link is used.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom.
    pub user_id: UserId,
    /// What they may do.
    pub role: AdminRole,
    /// What the link ends with, hashed.
    pub invitation: Invitation,
    /// Who asks. They may make themselves a new link, but not another role.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for Invite {
    type Outcome = Administrator;

    fn needs(&self) -> Vec<Need> {
        needs_of(&self.user_id, &self.asked_by)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Administrator> {
        self.try_decide(slice, context).into()
    }
}

impl Invite {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Administrator), Rejection> {
        let user = user::find(slice, &self.user_id)?;
        let old = role_of(slice, &self.user_id);
        let changes = old.is_some_and(|old| old != self.role);
        if !is_super(slice, &self.asked_by) || (changes && self.asked_by == self.user_id) {
            return Err(Rejection::Forbidden);
        }
        if user.status.is_off() {
            return Err(Rejection::invalid("login", "The user is suspended or deactivated"));
        }
        let by = (&self.actor, &self.origin);
        let mut decision = Decision::new();
        if let Some(old) = old.filter(|_| changes) {
            context.log(&mut decision, privilege(EventType::UserPrivilegeRevoke, old, user, by));
        }
        context.log(&mut decision, privilege(EventType::UserPrivilegeGrant, self.role, user, by));
        decision.put(User {
            administrator: true,
            last_updated: user::touched(user, context.now),
            ..user.clone()
        });
        let administrator = self.invited(slice.get::<Administrator>(self.user_id.as_str()), context.now);
        decision.put(administrator.clone());
        Ok((decision, administrator))
    }

    fn invited(&self, old: Option<&Administrator>, now: Timestamp) -> Administrator {
        Administrator {
            user_id: self.user_id.clone(),
            role: self.role,
            password_hash: old.and_then(|old| old.password_hash.clone()),
            sealed_totp: old.and_then(|old| old.sealed_totp.clone()),
            last_step: old.and_then(|old| old.last_step),
            invitation: Some(self.invitation.clone()),
            created: old.map_or(now, |old| old.created),
            last_updated: now,
        }
    }
}

/// Changes what an administrator may do. Their sessions go on with the new role.
#[derive(Clone, Debug)]
pub struct ChangeRole {
    /// Whose.
    pub user_id: UserId,
    /// To what.
    pub role: AdminRole,
    /// Who asks; nobody changes their own role, so one who may everything is always left.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeRole {
    type Outcome = Administrator;

    fn needs(&self) -> Vec<Need> {
        needs_of(&self.user_id, &self.asked_by)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Administrator> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeRole {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Administrator), Rejection> {
        let (user, old) = find(slice, &self.user_id)?;
        if !is_another_super(slice, &self.asked_by, &self.user_id) {
            return Err(Rejection::Forbidden);
        }
        let administrator = Administrator {
            role: self.role,
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(administrator.clone());
        let by = (&self.actor, &self.origin);
        context.log(&mut decision, privilege(EventType::UserPrivilegeRevoke, old.role, user, by));
        context.log(&mut decision, privilege(EventType::UserPrivilegeGrant, self.role, user, by));
        Ok((decision, administrator))
    }
}

/// Takes an administrator's access away: sessions end, and API tokens are revoked. Who is invited again
/// later begins without them.
#[derive(Clone, Debug)]
pub struct Remove {
    /// Whose.
    pub user_id: UserId,
    /// Who asks; nobody removes themselves.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for Remove {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = needs_of(&self.user_id, &self.asked_by);
        needs.push(Need::children::<ApiToken>(self.user_id.as_str()));
        needs.push(Need::children::<AdministratorLink>(self.user_id.as_str()));
        needs.push(Need::children::<Passkey>(self.user_id.as_str()));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl Remove {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (user, old) = find(slice, &self.user_id)?;
        if !is_another_super(slice, &self.asked_by, &self.user_id) {
            return Err(Rejection::Forbidden);
        }
        let by = (&self.actor, &self.origin);
        let mut decision = Decision::new();
        decision.delete(Kind::Administrator, self.user_id.as_str());
        end_sessions(slice, &self.user_id, &mut decision);
        passkey::remove_all(slice, &self.user_id, &mut decision);
        for link in slice.children::<AdministratorLink>(self.user_id.as_str()) {
            decision.delete(Kind::AdministratorLink, link.id.as_str());
        }
        for token in slice.children::<ApiToken>(self.user_id.as_str()) {
            api_token::revoke(token, &mut decision, context, by);
        }
        decision.put(User {
            administrator: false,
            last_updated: user::touched(user, context.now),
            ..user.clone()
        });
        context.log(&mut decision, privilege(EventType::UserPrivilegeRevoke, old.role, user, by));
        Ok((decision, ()))
    }
}

/// Accepts an invitation: from now on this password and this authenticator app are the ones.
#[derive(Clone)]
pub struct AcceptInvitation {
    /// Whose it was found to be.
    pub user_id: UserId,
    /// What the link ends with, hashed.
    pub invitation_hash: String,
    /// The new password's hash.
    pub password_hash: String,
    /// The authenticator app's secret, sealed.
    pub sealed_totp: String,
    /// The time step of the code that was shown.
    pub step: u64,
    /// From where.
    pub origin: RequestOrigin,
}

impl std::fmt::Debug for AcceptInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcceptInvitation")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl Command for AcceptInvitation {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = needs_of(&self.user_id, &self.user_id);
        needs.push(Need::children::<Passkey>(self.user_id.as_str()));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl AcceptInvitation {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (user, old) = find(slice, &self.user_id)?;
        if user.status.is_off() || !is_open(old, &self.invitation_hash, context.now) {
            return Err(Rejection::not_found(self.user_id.as_str(), "Invitation"));
        }
        let mut decision = Decision::new();
        if matches!(user.status, UserStatus::Staged | UserStatus::Provisioned) {
            decision.put(user::with_status(user, UserStatus::Active, context.now));
        }
        end_sessions(slice, &self.user_id, &mut decision);
        passkey::remove_all(slice, &self.user_id, &mut decision);
        decision.put(Administrator {
            password_hash: Some(self.password_hash.clone()),
            sealed_totp: Some(self.sealed_totp.clone()),
            last_step: Some(self.step),
            invitation: None,
            last_updated: context.now,
            ..old.clone()
        });
        for event_type in [EventType::UserUpdatePassword, EventType::FactorActivate] {
            let event = LogEvent::new(event_type, actor(user)).from_request(&self.origin);
            let event = event.target(user::target(user)).debug("application", APPLICATION);
            context.log(&mut decision, event);
        }
        Ok((decision, ()))
    }
}

/// How the console is called in log events.
pub(crate) const APPLICATION: &str = "Admin Console";

/// Whether the link with this hash may be used at `now`.
pub fn is_open(administrator: &Administrator, hash: &str, now: Timestamp) -> bool {
    let invitation = administrator.invitation.as_ref();
    invitation.is_some_and(|invitation| invitation.hash == hash && now < invitation.expires_at)
}

pub(crate) fn actor(user: &User) -> Actor {
    Actor::user(user.id.as_str(), &user.login, user.display_name())
}

fn privilege(event_type: EventType, role: AdminRole, user: &User, (actor, origin): (&Actor, &RequestOrigin)) -> LogEvent {
    let member = if event_type == EventType::UserPrivilegeRevoke {
        "privilegeRevoked"
    } else {
        "privilegeGranted"
    };
    user::event(event_type, actor, origin, user).debug(member, role.as_str())
}

fn needs_of(user_id: &UserId, asked_by: &UserId) -> Vec<Need> {
    let mut needs = authority_needs_of_both(user_id, asked_by);
    needs.push(Need::children::<AdminSession>(user_id.as_str()));
    needs
}

fn find<'s>(slice: &'s Slice, user_id: &UserId) -> Result<(&'s User, &'s Administrator), Rejection> {
    let found = slice
        .get::<User>(user_id.as_str())
        .zip(slice.get::<Administrator>(user_id.as_str()));
    found.ok_or_else(|| Rejection::not_found(user_id.as_str(), KIND))
}

fn end_sessions(slice: &Slice, user_id: &UserId, decision: &mut Decision) {
    for session in slice.children::<AdminSession>(user_id.as_str()) {
        decision.delete(Kind::AdminSession, session.id.as_str());
    }
}

#[cfg(test)]
mod tests;
