//! Who may everything, at the moment of a decision.

use watchfire_model::{
    id::UserId,
    object::{AdminRole, Administrator, User},
    slice::{Need, Slice},
};

/// What [`is_super`] looks at.
pub(crate) fn authority_needs(user_id: &str) -> [Need; 2] {
    [Need::object::<User>(user_id), Need::object::<Administrator>(user_id)]
}

/// The same for who is changed and who asks for it.
pub(crate) fn authority_needs_of_both(user_id: &UserId, asked_by: &UserId) -> Vec<Need> {
    let mut needs = authority_needs(user_id.as_str()).to_vec();
    if asked_by != user_id {
        needs.extend(authority_needs(asked_by.as_str()));
    }
    needs
}

/// Whether this is a super administrator at the moment of the decision: what was true when the call came in
/// may have been taken away since.
pub(crate) fn is_super(slice: &Slice, user_id: &UserId) -> bool {
    let in_office = slice.get::<User>(user_id.as_str()).filter(|user| !user.status.is_off());
    in_office.is_some() && role_of(slice, user_id) == Some(AdminRole::SuperAdmin)
}

/// Whether a super administrator other than `user_id` asks: so one who may everything is always left.
pub(super) fn is_another_super(slice: &Slice, asked_by: &UserId, user_id: &UserId) -> bool {
    asked_by != user_id && is_super(slice, asked_by)
}

/// The first administrator has an API token before any access to the console, and may everything.
pub(super) fn role_of(slice: &Slice, user_id: &UserId) -> Option<AdminRole> {
    let user = slice.get::<User>(user_id.as_str()).filter(|user| user.administrator)?;
    let access = slice.get::<Administrator>(user.id.as_str());
    Some(access.map_or(AdminRole::SuperAdmin, |access| access.role))
}
