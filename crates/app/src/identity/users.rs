//! Users (okta.md 10.1).

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
pub use watchfire_domain::user::{ChangeUser, Deleted, ProfileChange, UserChange, entity_tag};
use watchfire_domain::user::{CreateUser, DeleteUser, UpdateUser, UserDraft, password};
use watchfire_model::{
    filter::{Comparison, Dialect, Expr, Field, Filter},
    id::GroupId,
    log::RequestOrigin,
    object::{User, UserStatus, fold},
};

use crate::{
    App, Error, Result,
    access::{Authority, Principal},
    reads::Listed,
};

/// The scope that reads them.
pub const READ: &str = "okta.users.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.users.manage";

/// Comparisons of order.
const ORDER: &[Comparison] = &[Comparison::Gt, Comparison::Ge, Comparison::Lt, Comparison::Le];

/// What `filter` takes (okta.md 10.1).
const FILTER: Dialect = Dialect {
    comparisons: &[Comparison::Eq, Comparison::Gt, Comparison::Ge, Comparison::Lt, Comparison::Le],
    fields: &[
        Field::plain("status").refusing(ORDER),
        Field::date_time("lastUpdated"),
        Field::plain("id").refusing(ORDER),
        Field::plain("profile.login").refusing(ORDER),
        Field::plain("profile.email").refusing(ORDER),
        Field::plain("profile.firstName").refusing(ORDER),
        Field::plain("profile.lastName").refusing(ORDER),
    ],
};

/// What `search` takes (okta.md 10.1).
const SEARCH: Dialect = Dialect {
    comparisons: &[
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Co,
        Comparison::Sw,
        Comparison::Gt,
        Comparison::Ge,
        Comparison::Lt,
        Comparison::Le,
    ],
    fields: &[
        Field::plain("id"),
        Field::plain("status"),
        Field::date_time("created"),
        Field::date_time("activated"),
        Field::date_time("statusChanged"),
        Field::date_time("lastLogin"),
        Field::date_time("lastUpdated"),
        Field::date_time("passwordChanged"),
        Field::open("profile"),
    ],
};

/// A new user as it was asked for.
#[derive(Debug)]
pub struct NewUser {
    /// The profile as it came.
    pub profile: Map<String, Value>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Groups beside `Everyone`.
    pub group_ids: Vec<GroupId>,
    /// Whether it may be used at once.
    pub activate: bool,
    /// Whether it must change its password first.
    pub password_expired: bool,
}

/// A change of a user as it was asked for.
#[derive(Debug)]
pub struct UserUpdate {
    /// What happens to the profile.
    pub profile: ProfileChange,
    /// The new password, where there is one.
    pub password: Option<SecretString>,
    /// The entity tags of `If-Match`.
    pub if_match: Option<Vec<String>>,
}

/// Which users a list is of.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// What a first name, last name or address begins with.
    pub q: Option<String>,
    /// A filter.
    pub filter: Option<String>,
    /// A search, which may ask for more.
    pub search: Option<String>,
    /// What the last page gave.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Users that are read at one time while a filter looks for its own.
const SCAN_PAGE: u32 = 500;

impl App {
    /// A page of users, oldest first. Those that are switched off are left out unless the query asks
    /// for a status.
    ///
    /// # Errors
    /// Without the scope, or for a filter that is none.
    pub async fn users(&self, caller: &Principal, query: &UserQuery) -> Result<Listed<User>> {
        caller.require(READ)?;
        let wanted = Wanted::read(query)?;
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut after = query.after.clone();
        loop {
            let page = self.places::<User>(after.as_deref(), SCAN_PAGE).await?;
            for (user, place) in page.items {
                if !wanted.takes(&user) {
                    continue;
                }
                if found.len() == limit {
                    let next = found.last().map(|(_, place): &(User, i64)| place.to_string());
                    return Ok(listed(found, next));
                }
                found.push((user, place));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(listed(found, None)),
            }
        }
    }

    /// One user, by id, login or `me`.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub async fn user(&self, caller: &Principal, name: &str) -> Result<User> {
        caller.require(READ)?;
        self.named_user(caller, name).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::Invalid`] by the rules of okta.md 10.1, `E0000080` for a poor password.
    pub async fn create_user(&self, caller: &Principal, origin: RequestOrigin, new: NewUser) -> Result<User> {
        caller.require(MANAGE)?;
        let draft = UserDraft {
            password_hash: self.password_hash(new.password).await?,
            profile: new.profile,
            group_ids: new.group_ids,
            activate: new.activate,
            password_expired: new.password_expired,
        };
        let actor = caller.actor.clone();
        self.commands.run(CreateUser { draft, actor, origin }).await
    }

    /// Changes what is said of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`], `E0000231` when an entity tag is out of date, and as for making one.
    pub async fn update_user(&self, caller: &Principal, origin: RequestOrigin, name: &str, update: UserUpdate) -> Result<User> {
        caller.require(MANAGE)?;
        let command = UpdateUser {
            id: self.managed_user(caller, name).await?.id,
            profile: update.profile,
            password_hash: self.password_hash(update.password).await?,
            if_match: update.if_match,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Changes where a user is in its life.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `E0000038`, `E0000016` or [`Error::Invalid`] in the wrong state.
    pub async fn change_user(&self, caller: &Principal, origin: RequestOrigin, name: &str, change: UserChange) -> Result<User> {
        caller.require(MANAGE)?;
        let user = self.managed_user(caller, name).await?;
        if change == UserChange::Unlock {
            self.failures.forget(&user.id).await;
        }
        let command = ChangeUser {
            id: user.id,
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Switches a user off, or removes one that is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_user(&self, caller: &Principal, origin: RequestOrigin, name: &str) -> Result<Deleted> {
        caller.require(MANAGE)?;
        let command = DeleteUser {
            id: self.managed_user(caller, name).await?.id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// The user that a path names: `me`, an id, a login.
    pub(crate) async fn named_user(&self, caller: &Principal, name: &str) -> Result<User> {
        let not_found = || Error::not_found(name, "User");
        let id = match &caller.grant {
            Authority::Administrator { user_id, .. } if name == "me" => user_id.as_str(),
            _ => name,
        };
        if let Some(user) = self.get(id).await? {
            return Ok(user);
        }
        self.find(&fold(name)).await?.ok_or_else(not_found)
    }

    /// The user that a path names, for somebody who is to change it: an administrator's own account is
    /// for administrators, whatever scopes a service app has, else it could lock everybody out.
    pub(crate) async fn managed_user(&self, caller: &Principal, name: &str) -> Result<User> {
        let user = self.named_user(caller, name).await?;
        if user.administrator && caller.administrator().is_none() {
            return Err(Error::Forbidden { needed_scope: None });
        }
        Ok(user)
    }

    async fn password_hash(&self, password: Option<SecretString>) -> Result<Option<String>> {
        let Some(password) = password else { return Ok(None) };
        password::check(password.expose_secret())?;
        self.passwords.hash(password, &*self.entropy).await.map(Some)
    }
}

fn listed(found: Vec<(User, i64)>, next: Option<String>) -> Listed<User> {
    Listed {
        items: found.into_iter().map(|(user, _)| user).collect(),
        next,
    }
}

/// What a query asks of each user.
struct Wanted {
    prefix: Option<String>,
    filters: Vec<Filter>,
    asks_for_status: bool,
}

impl Wanted {
    fn read(query: &UserQuery) -> Result<Self> {
        let filter = query.filter.as_deref().map(|text| Filter::parse(text, &FILTER));
        let search = query.search.as_deref().map(|text| Filter::parse(text, &SEARCH));
        let filters = filter.into_iter().chain(search).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            prefix: query.q.as_deref().map(fold),
            asks_for_status: filters.iter().any(|filter| asks_for_status(filter.expr())),
            filters,
        })
    }

    fn takes(&self, user: &User) -> bool {
        let is_shown = self.asks_for_status || user.status != UserStatus::Deprovisioned;
        let begins = |prefix: &String| {
            ["firstName", "lastName", "email"]
                .iter()
                .filter_map(|member| user.profile_text(member))
                .any(|text| fold(text).starts_with(prefix))
        };
        is_shown && self.prefix.as_ref().is_none_or(begins) && {
            let view = searchable(user);
            self.filters.iter().all(|filter| filter.matches(&view))
        }
    }
}

fn asks_for_status(expr: &Expr) -> bool {
    match expr {
        Expr::Or(members) | Expr::And(members) => members.iter().any(asks_for_status),
        Expr::Not(inner) => asks_for_status(inner),
        Expr::Atom(atom) => atom.path == "status",
    }
}

fn searchable(user: &User) -> Value {
    json!({
        "id": user.id,
        "status": user.status.as_str(),
        "created": user.created,
        "activated": user.activated,
        "statusChanged": user.status_changed,
        "lastLogin": user.last_login,
        "lastUpdated": user.last_updated,
        "passwordChanged": user.password_changed,
        "profile": user.profile,
    })
}
