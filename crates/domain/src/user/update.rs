//! Changing what an administrator says of a user.

use serde_json::{Map, Value};
use watchfire_model::{
    id::UserId,
    log::{Actor, EventType, RequestOrigin},
    object::{User, UserStatus, fold},
    row::Decision,
    slice::{Need, Slice},
};

use super::{TAKEN, entity_tag, event, find, profile, touched};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{Done, settle, settle_needs},
};

/// What happens to a profile.
#[derive(Clone, Debug)]
pub enum ProfileChange {
    /// Only the members that are named (`POST`).
    Merge(Map<String, Value>),
    /// All of it (`PUT`).
    Replace(Map<String, Value>),
}

/// Changes a user.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Whom.
    pub id: UserId,
    /// What happens to the profile.
    pub profile: ProfileChange,
    /// The hash of the new password, where there is one.
    pub password_hash: Option<String>,
    /// The entity tags of `If-Match`; any when absent.
    pub if_match: Option<Vec<String>>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for UpdateUser {
    type Outcome = User;

    fn needs(&self) -> Vec<Need> {
        let (ProfileChange::Merge(change) | ProfileChange::Replace(change)) = &self.profile;
        let mut needs = vec![Need::object::<User>(self.id.as_str()), settle_needs(&self.id)];
        let login = change.get("login").and_then(Value::as_str);
        needs.extend(login.map(|login| Need::natural::<User>(fold(login))));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<User> {
        self.try_decide(slice, context).into()
    }
}

impl UpdateUser {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, User), Rejection> {
        let old = find(slice, &self.id)?;
        self.check_precondition(old)?;
        if old.status == UserStatus::Deprovisioned {
            return Err(Rejection::catalogued("E0000038"));
        }
        let profile = match &self.profile {
            ProfileChange::Merge(change) => profile::merged(&old.profile, change),
            ProfileChange::Replace(all) => profile::present(all),
        };
        let login = profile::check(&profile, "user")?;
        if slice
            .by_natural::<User>(&fold(&login))
            .is_some_and(|other| other.id != old.id)
        {
            return Err(Rejection::invalid("login", TAKEN));
        }
        let profile_changed = profile != old.profile;
        let mut user = User {
            login,
            profile,
            last_updated: touched(old, context.now),
            ..old.clone()
        };
        let mut decision = Decision::new();
        if let Some(hash) = &self.password_hash {
            set_password(&mut user, hash, context);
            context.log(
                &mut decision,
                event(EventType::UserUpdatePassword, &self.actor, &self.origin, &user),
            );
            let by = (&self.actor, &self.origin);
            settle(&user, &[Done::PasswordChanged], slice, &mut decision, context, by);
        }
        if profile_changed {
            context.log(
                &mut decision,
                event(EventType::UserUpdateProfile, &self.actor, &self.origin, &user),
            );
        }
        decision.put(user.clone());
        Ok((decision, user))
    }

    fn check_precondition(&self, user: &User) -> Result<(), Rejection> {
        let tag = entity_tag(user);
        match &self.if_match {
            Some(tags) if !tags.contains(&tag) => Err(Rejection::catalogued("E0000231")),
            _ => Ok(()),
        }
    }
}

/// A password from an administrator makes a user that waited for one usable.
fn set_password(user: &mut User, hash: &str, context: &Context<'_>) {
    user.password_hash = Some(hash.to_owned());
    user.password_changed = Some(context.now);
    let waits = matches!(
        user.status,
        UserStatus::Provisioned | UserStatus::Recovery | UserStatus::PasswordExpired
    );
    if waits {
        user.status = UserStatus::Active;
        user.status_changed = Some(context.now);
    }
}
