//! Who calls, and what they may do (okta.md 1.1).

mod bearer;

use std::{collections::BTreeSet, net::IpAddr};

use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::notice::{NoteTurnedAway, TurnedAway};
use watchfire_engine::zone::{Membership, membership};
use watchfire_model::{
    id::{ApiTokenId, ClientId, SessionId, UserId, ZoneId},
    log::{Actor, ClientContext, RequestOrigin},
    object::{AdminRole, ApiToken, TokenNetwork, User},
};

pub use self::bearer::{ResourceCall, Scheme};
use crate::{App, Challenge, Error, Result, state::Directory};

/// The caller of a management operation, verified.
#[derive(Clone, Debug)]
pub struct Principal {
    /// How the System Log names it.
    pub actor: Actor,
    /// What it showed.
    pub grant: Authority,
}

/// What lets a caller in, and how far.
#[derive(Clone, Debug)]
pub enum Authority {
    /// An administrator's API token, or session in the Admin Console: what their role lets them do.
    Administrator {
        /// Who.
        user_id: UserId,
        /// What they may do.
        role: AdminRole,
        /// What was shown.
        credential: AdminCredential,
    },
    /// An access token of a service app: the scopes that it names.
    Client {
        /// The app.
        client_id: ClientId,
        /// The scopes.
        scopes: BTreeSet<String>,
    },
}

/// What an administrator has shown.
#[derive(Clone, Debug)]
pub enum AdminCredential {
    /// An API token.
    ApiToken(ApiTokenId),
    /// The cookie of a session in the Admin Console, and its CSRF token.
    ConsoleSession(SessionId),
}

impl Principal {
    /// Lets the caller on when its credential reaches `scope`: who may manage something may read it too.
    /// An administrator reaches what the role does.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the scope.
    pub fn require(&self, scope: &'static str) -> Result<()> {
        match &self.grant {
            Authority::Administrator { role, .. } if role.reaches(scope) => Ok(()),
            Authority::Administrator { .. } => Err(Error::Forbidden { needed_scope: None }),
            Authority::Client { scopes, .. } if reaches(scopes, scope) => Ok(()),
            Authority::Client { .. } => Err(Error::Forbidden {
                needed_scope: Some(scope),
            }),
        }
    }

    /// Lets the caller on when its credential reaches any of `scopes`. An operation asks this before it
    /// reads a body; the use case asks again for the one scope that it needs.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the first of them.
    pub fn require_any(&self, scopes: &[&'static str]) -> Result<()> {
        let mut refusal = Ok(());
        for scope in scopes {
            match self.require(scope) {
                Ok(()) => return Ok(()),
                Err(error) => refusal = refusal.and(Err(error)),
            }
        }
        refusal
    }

    /// The super administrator who calls; another role or a service app is none.
    pub const fn administrator(&self) -> Option<&UserId> {
        match &self.grant {
            Authority::Administrator {
                user_id,
                role: AdminRole::SuperAdmin,
                ..
            } => Some(user_id),
            Authority::Administrator { .. } | Authority::Client { .. } => None,
        }
    }

    /// The role of an administrator; a service app has none.
    pub const fn role(&self) -> Option<AdminRole> {
        match &self.grant {
            Authority::Administrator { role, .. } => Some(*role),
            Authority::Client { .. } => None,
        }
    }

    /// The API token that was shown, if it was one.
    pub const fn api_token(&self) -> Option<&ApiTokenId> {
        match &self.grant {
            Authority::Administrator {
                credential: AdminCredential::ApiToken(id),
                ..
            } => Some(id),
            Authority::Administrator { .. } | Authority::Client { .. } => None,
        }
    }

    /// Under which calls are counted: the token, the session, or the client.
    pub fn rate_key(&self) -> &str {
        match &self.grant {
            Authority::Administrator { credential, .. } => credential.id(),
            Authority::Client { client_id, .. } => client_id.as_str(),
        }
    }
}

impl AdminCredential {
    fn id(&self) -> &str {
        match self {
            Self::ApiToken(id) => id.as_str(),
            Self::ConsoleSession(id) => id.as_str(),
        }
    }
}

impl App {
    /// Checks an `SSWS` token (okta.md 1.1). `from` is the client's address.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is none of ours, has expired, belongs to somebody who is no
    /// administrator or is switched off, or may not be used from there.
    pub fn authenticate_api_token(&self, secret: &str, from: IpAddr) -> Result<Principal> {
        let directory = self.state.directory();
        let (token, user) = self.known_token(&directory, secret).ok_or_else(invalid_token)?;
        if !self.may_come_from(&token.network, from, &directory) {
            self.note_misplaced(token, user, from);
            return Err(invalid_token());
        }
        self.note_use(token);
        Ok(Principal {
            actor: Actor::user(user.id.as_str(), &user.login, user.display_name()),
            grant: Authority::Administrator {
                user_id: user.id.clone(),
                // The first administrator has a token before any access to the console.
                role: directory
                    .console_administrator(user.id.as_str())
                    .map_or(AdminRole::SuperAdmin, |administrator| administrator.role),
                credential: AdminCredential::ApiToken(token.id.clone()),
            },
        })
    }

    /// Whether a token may be used from an address: certainly in a zone that it is for, certainly in none
    /// that it is not for.
    fn may_come_from(&self, network: &TokenNetwork, from: IpAddr, directory: &Directory) -> bool {
        let TokenNetwork::Zone { include, exclude } = network else {
            return true;
        };
        let place = self.place_of(from);
        let within = |named: &[ZoneId]| {
            let zones = directory.zones().filter(|zone| named.contains(&zone.id));
            zones.fold(Membership::Outside, |so_far, zone| so_far.or(membership(zone, from, &place)))
        };
        let included = include.is_empty() || within(include) == Membership::Inside;
        included && within(exclude) == Membership::Outside
    }

    fn note_misplaced(&self, token: &ApiToken, user: &User, from: IpAddr) {
        let window = self.misplaced_tokens.count_here(token.id.as_str(), self.clock.now());
        if !window.is_some_and(|window| window.allowed) {
            return;
        }
        let client = ClientContext {
            ip_address: Some(from),
            ..ClientContext::default()
        };
        self.note_turned_away(NoteTurnedAway {
            why: TurnedAway::OutsideAllowedRange {
                id: token.id.clone(),
                name: token.name.clone(),
            },
            actor: Actor::user(user.id.as_str(), &user.login, user.display_name()),
            origin: RequestOrigin {
                client,
                ..RequestOrigin::default()
            },
        });
    }

    fn known_token<'a>(&self, directory: &'a Directory, secret: &str) -> Option<(&'a ApiToken, &'a User)> {
        // The secret has more entropy than the hash could leak through the time of a map look-up.
        let token = directory.token_by_hash(&sha256_hex(secret))?;
        let user = directory.administrator(token.user_id.as_str())?;
        let alive = token.expires_at.is_none_or(|at| at > self.clock.now());
        // Anybody can lock the user's account with wrong passwords: that ends no administrator's work (ADR 0013).
        (alive && !user.status.is_off()).then_some((token, user))
    }
}

fn reaches(scopes: &BTreeSet<String>, scope: &str) -> bool {
    let managed = || scope.strip_suffix(".read").map(|what| format!("{what}.manage"));
    scopes.contains(scope) || managed().is_some_and(|manage| scopes.contains(&manage))
}

fn invalid_token() -> Error {
    Error::Unauthenticated(Challenge::InvalidToken("The access token is invalid."))
}

/// Every scope that can be granted to a service app, in alphabetical order.
pub const fn scopes() -> &'static [&'static str] {
    watchfire_oauth::scope::SCOPES
}

/// The scope called `name`, if it is one of ours.
pub fn known_scope(name: &str) -> Option<&'static str> {
    watchfire_oauth::scope::SCOPES.iter().copied().find(|known| *known == name)
}
