//! Users on the wire.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchfire_app::{Error, identity::users::NewUser};
use watchfire_model::{
    id::GroupId,
    object::{User, UserStatus},
    time::Timestamp,
};

use crate::{
    links::Links,
    okta::members::{Faults, Members},
    query::Query,
};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserObject {
    /// `00u…`
    id: String,
    /// Where it is in its life.
    #[schema(example = "ACTIVE")]
    status: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was activated.
    #[schema(value_type = Option<String>, format = DateTime)]
    activated: Option<Timestamp>,
    /// When its status changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    status_changed: Option<Timestamp>,
    /// Its last successful sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login: Option<Timestamp>,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// When its password was set.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_changed: Option<Timestamp>,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = Object)]
    user_type: Value,
    /// Its profile.
    #[schema(value_type = Object)]
    profile: Map<String, Value>,
    /// That it has a password, never which.
    #[schema(value_type = Object)]
    credentials: Value,
    /// What can be done with it now.
    #[serde(rename = "_links")]
    links: BTreeMap<&'static str, UserLink>,
}

/// A link of a user: with a method, not with hints (okta.md 10.1).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserLink {
    /// Where it leads.
    href: String,
    /// What must be sent there.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

/// There is one user type, and it is the default one.
const USER_TYPE: &str = "oty00000000000default";

impl UserObject {
    pub(crate) fn new(user: &User, links: &Links) -> Self {
        let mut credentials = json!({"provider": {"type": "OKTA", "name": "OKTA"}});
        if let (Some(_), Some(members)) = (&user.password_hash, credentials.as_object_mut()) {
            members.insert("password".to_owned(), json!({}));
        }
        Self {
            id: user.id.to_string(),
            status: user.status.as_str(),
            created: user.created,
            activated: user.activated,
            status_changed: user.status_changed,
            last_login: user.last_login,
            last_updated: user.last_updated,
            password_changed: user.password_changed,
            user_type: json!({"id": USER_TYPE}),
            profile: profile(user),
            credentials,
            links: user_links(user, links),
        }
    }
}

/// The profile with the members that are always there (okta.md 10.1).
fn profile(user: &User) -> Map<String, Value> {
    let always = ["firstName", "lastName", "mobilePhone", "secondEmail", "login", "email"];
    let mut profile: Map<String, Value> = always.map(|name| (name.to_owned(), Value::Null)).into_iter().collect();
    profile.extend(user.profile.clone());
    profile
}

fn user_links(user: &User, links: &Links) -> BTreeMap<&'static str, UserLink> {
    let own = links.to(&format!("/api/v1/users/{}", user.id));
    let operations: &[(&str, &str)] = match user.status {
        UserStatus::Staged => &[("activate", "activate"), ("deactivate", "deactivate")],
        UserStatus::Provisioned => &[
            ("reactivate", "reactivate"),
            ("resetPassword", "reset_password"),
            ("deactivate", "deactivate"),
        ],
        UserStatus::Active => &[
            ("suspend", "suspend"),
            ("expirePassword", "expire_password"),
            ("resetPassword", "reset_password"),
            ("resetFactors", "reset_factors"),
            ("deactivate", "deactivate"),
        ],
        UserStatus::Recovery => &[("reactivate", "reactivate"), ("deactivate", "deactivate")],
        UserStatus::LockedOut => &[
            ("unlock", "unlock"),
            ("resetPassword", "reset_password"),
            ("deactivate", "deactivate"),
        ],
        UserStatus::PasswordExpired => &[("resetPassword", "reset_password"), ("deactivate", "deactivate")],
        UserStatus::Suspended => &[("unsuspend", "unsuspend"), ("deactivate", "deactivate")],
        UserStatus::Deprovisioned => &[("activate", "activate")],
    };
    let mut all: BTreeMap<&'static str, UserLink> = operations
        .iter()
        .map(|&(relation, operation)| {
            let href = format!("{own}/lifecycle/{operation}");
            let method = Some("POST");
            (relation, UserLink { href, method })
        })
        .collect();
    if user.status == UserStatus::Deprovisioned {
        let method = Some("DELETE");
        all.insert(
            "delete",
            UserLink {
                href: own.clone(),
                method,
            },
        );
    }
    all.insert("self", UserLink { href: own, method: None });
    all
}

/// A new user.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct CreateUserRequest {
    /// `login` and `email` are required.
    #[schema(value_type = Object)]
    profile: Value,
    /// `{"password": {"value": …}}`
    #[schema(value_type = Option<Object>)]
    credentials: Option<Value>,
    /// Groups beside `Everyone`.
    group_ids: Option<Vec<String>>,
}

/// A change of a user.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct UpdateUserRequest {
    /// `POST` changes the members that it names, `PUT` all of them.
    #[schema(value_type = Option<Object>)]
    profile: Option<Value>,
    /// `{"password": {"value": …}}`
    #[schema(value_type = Option<Object>)]
    credentials: Option<Value>,
}

/// Reads a new user and how it is to begin.
pub(super) fn new_user(body: &Value, query: &Query) -> Result<NewUser, Error> {
    let mut faults = Faults::default();
    let members = Members::of(body)?;
    members.require("profile", &mut faults);
    let new = NewUser {
        profile: object(&members, "profile", &mut faults).unwrap_or_default(),
        password: password(&members, &mut faults),
        group_ids: members.texts("groupIds", &mut faults).into_iter().map(GroupId::new).collect(),
        // Okta's default is to activate.
        activate: query.get("activate") != Some("false"),
        password_expired: query.get("nextLogin") == Some("changePassword"),
    };
    faults.or(new)
}

/// What an update gives.
pub(super) struct Changes {
    pub(super) profile: Option<Map<String, Value>>,
    pub(super) password: Option<SecretString>,
}

/// Reads what is to change.
pub(super) fn changes(body: &Value) -> Result<Changes, Error> {
    let mut faults = Faults::default();
    let members = Members::of(body)?;
    let profile = object(&members, "profile", &mut faults);
    let password = password(&members, &mut faults);
    faults.or(Changes { profile, password })
}

/// An object with its null members: in a profile they mean something.
fn object(members: &Members<'_>, name: &str, faults: &mut Faults) -> Option<Map<String, Value>> {
    let value = members.value(name)?;
    if !value.is_object() {
        faults.add(members.path_of(name), "Invalid value");
    }
    value.as_object().cloned()
}

fn password(members: &Members<'_>, faults: &mut Faults) -> Option<SecretString> {
    let password = members.child("credentials", faults).child("password", faults);
    if password.value("hash").is_some() {
        faults.add(password.path_of("hash"), "Importing password hashes is not supported");
    }
    let value = password.value("value")?;
    if !value.is_string() {
        faults.add(password.path_of("value"), "Invalid value");
    }
    value.as_str().map(SecretString::from)
}
