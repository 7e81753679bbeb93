//! Making a user.

use serde_json::{Map, Value};
use watchfire_model::{
    id::{GroupId, UserId},
    log::{Actor, EventType, RequestOrigin},
    object::{Group, Membership, User, UserStatus, fold},
    row::Decision,
    slice::{Need, Slice},
};

use super::{EVERYONE, TAKEN, event, profile};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    group,
};

/// What an administrator says of a new user.
#[derive(Clone, Debug)]
pub struct UserDraft {
    /// The profile as it came.
    pub profile: Map<String, Value>,
    /// The hash of its password, argon2id in PHC form.
    pub password_hash: Option<String>,
    /// Groups it is to be in beside `Everyone`.
    pub group_ids: Vec<GroupId>,
    /// Whether it may be used at once.
    pub activate: bool,
    /// Whether it must change its password first (`nextLogin=changePassword`).
    pub password_expired: bool,
}

/// Makes a user.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// What it is to be.
    pub draft: UserDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateUser {
    type Outcome = User;

    fn needs(&self) -> Vec<Need> {
        let login = self.draft.profile.get("login").and_then(Value::as_str).unwrap_or_default();
        let mut needs = vec![Need::natural::<User>(fold(login)), Need::natural::<Group>(EVERYONE)];
        needs.extend(self.draft.group_ids.iter().map(|id| Need::object::<Group>(id.as_str())));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<User> {
        self.try_decide(slice, context).into()
    }
}

impl CreateUser {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, User), Rejection> {
        let login = profile::check(&self.draft.profile, "newUser")?;
        if slice.by_natural::<User>(&fold(&login)).is_some() {
            return Err(Rejection::invalid("login", TAKEN));
        }
        let groups = self.groups(slice)?;
        let user = self.user(login, context);
        let mut decision = Decision::new();
        decision.put(user.clone());
        context.log(&mut decision, event(EventType::UserCreate, &self.actor, &self.origin, &user));
        if self.draft.activate {
            context.log(
                &mut decision,
                event(EventType::UserActivate, &self.actor, &self.origin, &user),
            );
        }
        if let Some(everyone) = slice.by_natural::<Group>(EVERYONE) {
            decision.put(membership(everyone, &user, context));
        }
        for group in groups {
            decision.put(membership(group, &user, context));
            decision.put(Group {
                last_membership_updated: context.now,
                ..group.clone()
            });
            let joined = event(EventType::GroupUserAdd, &self.actor, &self.origin, &user).target(group::target(group));
            context.log(&mut decision, joined);
        }
        Ok((decision, user))
    }

    /// The groups that were asked for, `Everyone` left out: the user is in it anyway.
    fn groups<'s>(&self, slice: &'s Slice) -> Result<Vec<&'s Group>, Rejection> {
        let mut groups: Vec<&Group> = Vec::new();
        for id in &self.draft.group_ids {
            let group = slice
                .get::<Group>(id.as_str())
                .ok_or_else(|| Rejection::invalid("groupIds", &format!("Invalid group id {id}")))?;
            let is_everyone = fold(&group.name) == EVERYONE;
            if !is_everyone && !groups.iter().any(|known| known.id == group.id) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    fn user(&self, login: String, context: &mut Context<'_>) -> User {
        let draft = &self.draft;
        let status = match (draft.activate, &draft.password_hash) {
            (false, _) => UserStatus::Staged,
            (true, None) => UserStatus::Provisioned,
            (true, Some(_)) if draft.password_expired => UserStatus::PasswordExpired,
            (true, Some(_)) => UserStatus::Active,
        };
        User {
            id: UserId::generate(context.ids),
            login,
            profile: profile::present(&draft.profile),
            status,
            password_hash: draft.password_hash.clone(),
            administrator: false,
            created: context.now,
            activated: draft.activate.then_some(context.now),
            status_changed: draft.activate.then_some(context.now),
            last_login: None,
            last_updated: context.now,
            password_changed: draft.password_hash.as_ref().map(|_| context.now),
        }
    }
}

fn membership(group: &Group, user: &User, context: &Context<'_>) -> Membership {
    Membership {
        group_id: group.id.clone(),
        user_id: user.id.clone(),
        created: context.now,
    }
}
