//! Making, changing and removing users (okta.md 10.1).

mod change;
mod create;
mod delete;
pub mod password;
mod profile;
mod update;

pub(crate) use self::change::{deactivate, may_shut_out};
pub use self::{
    change::{ChangeUser, UserChange},
    create::{CreateUser, UserDraft},
    delete::{DeleteUser, Deleted},
    update::{ProfileChange, UpdateUser},
};

use watchfire_model::{
    id::UserId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{User, UserStatus},
    slice::Slice,
    time::Timestamp,
};

use crate::Rejection;

/// The built-in group that every user is in, folded as natural keys are.
pub const EVERYONE: &str = "everyone";

const TAKEN: &str = "An object with this field already exists in the current organization";

/// The user with `id`.
pub(crate) fn find<'s>(slice: &'s Slice, id: &UserId) -> Result<&'s User, Rejection> {
    slice
        .get::<User>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "User"))
}

/// The weak entity tag of a user (okta.md 11.3): it changes with every change an administrator can see,
/// but not with a sign-in.
pub fn entity_tag(user: &User) -> String {
    // In milliseconds, as the store keeps times.
    format!("{:x}", user.last_updated.as_micros().div_euclid(1_000))
}

/// A change's time: always after the one before it, so that no two versions share an entity tag.
pub(crate) fn touched(user: &User, now: Timestamp) -> Timestamp {
    now.max(user.last_updated.plus(std::time::Duration::from_millis(1)))
}

pub(crate) fn with_status(user: &User, status: UserStatus, now: Timestamp) -> User {
    User {
        status,
        status_changed: Some(now),
        last_updated: touched(user, now),
        ..user.clone()
    }
}

/// An event about a user.
pub(crate) fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, user: &User) -> LogEvent {
    LogEvent::new(event_type, actor.clone())
        .from_request(origin)
        .target(target(user))
}

/// A user as the System Log names it.
pub(crate) fn target(user: &User) -> Target {
    Target::user(user.id.as_str(), &user.login, user.display_name())
}
