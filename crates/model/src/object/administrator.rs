//! Who may use the Admin Console, and their sessions in it.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{
    id::{SessionId, UserId},
    time::Timestamp,
};

/// What an administrator may do. The API enforces it, whatever a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdminRole {
    /// Everything.
    SuperAdmin,
    /// Reads everything; changes risk, sessions and what waits for an approval.
    SecurityAnalyst,
    /// Reads everything.
    ReadOnly,
}

/// What an analyst may change beside reading.
const ANALYST: &[&str] = &[
    "okta.sessions.manage",
    "okta.universalLogout.manage",
    "okta.userRisk.manage",
    "watchfire.actions.manage",
    "watchfire.feedback.manage",
];

impl AdminRole {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 3] = [Self::SuperAdmin, Self::SecurityAnalyst, Self::ReadOnly];

    /// The role as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::SecurityAnalyst => "SECURITY_ANALYST",
            Self::ReadOnly => "READ_ONLY",
        }
    }

    /// The role for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SuperAdmin => "Super administrator",
            Self::SecurityAnalyst => "Security analyst",
            Self::ReadOnly => "Read only",
        }
    }

    /// Reads the role as it goes over the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the role has what the scope gives.
    pub fn reaches(self, scope: &str) -> bool {
        match self {
            Self::SuperAdmin => true,
            Self::SecurityAnalyst => scope.ends_with(".read") || ANALYST.contains(&scope),
            Self::ReadOnly => scope.ends_with(".read"),
        }
    }
}

/// A user's access to the Admin Console. Its id is the user's: name, login and status are there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// Whose access it is.
    pub user_id: UserId,
    /// What they may do.
    pub role: AdminRole,
    /// argon2id in PHC form, of the console's password; absent until an invitation was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// The shared secret of the authenticator app, sealed under the key file and bound to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_totp: Option<String>,
    /// The time step of the last code that was taken: a code works once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<u64>,
    /// The link that waits to be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// When the access was given.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

/// A one-time link with which an administrator sets the password and enrols the authenticator app.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Lower-case hex SHA-256 of what the link ends with.
    pub hash: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Administrator {
    /// Whether an invitation has ever been accepted.
    pub const fn is_enrolled(&self) -> bool {
        self.password_hash.is_some()
    }
}

impl std::fmt::Debug for Administrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrator")
            .field("user_id", &self.user_id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Keyed for Administrator {
    fn keys(&self) -> Keys {
        Keys {
            id: self.user_id.to_string(),
            ..Keys::default()
        }
    }
}

/// A session in the Admin Console. Only the hash of its cookie is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminSession {
    /// Its id, which is no secret.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Lower-case hex SHA-256 of the cookie.
    pub hash: String,
    /// From where it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was last used, to within [`AdminSession::USE_WRITTEN_EVERY`].
    pub last_used: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
}

impl AdminSession {
    /// A use is written at most so often.
    pub const USE_WRITTEN_EVERY: Duration = Duration::from_secs(60);

    /// Whether it lives at `now`, when it ends after being unused for `idle`.
    pub fn is_live(&self, now: Timestamp, idle: Duration) -> bool {
        now < self.expires_at && now < self.last_used.plus(idle)
    }
}

impl Keyed for AdminSession {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(self.hash.clone()),
            expires_at: Some(self.expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reaches_what_it_says_and_no_more() {
        for (role, scope, reaches) in [
            (AdminRole::SuperAdmin, "okta.roles.manage", true),
            (AdminRole::SecurityAnalyst, "okta.logs.read", true),
            (AdminRole::SecurityAnalyst, "okta.userRisk.manage", true),
            (AdminRole::SecurityAnalyst, "okta.policies.manage", false),
            (AdminRole::SecurityAnalyst, "watchfire.feedback.manage", true),
            (AdminRole::SecurityAnalyst, "watchfire.manage", false),
            (AdminRole::ReadOnly, "watchfire.read", true),
            (AdminRole::ReadOnly, "okta.userRisk.manage", false),
            (AdminRole::ReadOnly, "okta.clients.register", false),
            (AdminRole::ReadOnly, "watchfire.signIns.evaluate", false),
        ] {
            assert_eq!(role.reaches(scope), reaches, "{role:?} {scope}");
        }
    }

    #[test]
    fn a_session_ends_when_unused_and_in_any_case() {
        let at = Timestamp::from_seconds;
        let session = AdminSession {
            id: SessionId::new("102a"),
            user_id: UserId::new("00u1"),
            hash: String::new(),
            ip_address: None,
            created: at(0),
            last_used: at(90),
            expires_at: at(200),
        };
        let idle = Duration::from_secs(30);
        assert!(session.is_live(at(119), idle));
        assert!(!session.is_live(at(120), idle));
        assert!(session.is_live(at(199), Duration::from_secs(1_000)));
        assert!(!session.is_live(at(200), Duration::from_secs(1_000)));
    }
}
