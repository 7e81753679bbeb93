//! Users, groups, factors, sign-ins under way and sessions (okta.md 9.1, 10.1).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Keyed, Keys, fold};
use crate::{
    id::{AuthnTransactionId, FactorId, GroupId, SessionId, SessionTokenId, SignInId, UserId},
    log::SecurityContext,
    signal::RiskLevel,
    time::Timestamp,
};

/// Where a user is in its life (okta.md 10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// Made, not yet activated.
    Staged,
    /// Activated without a password.
    Provisioned,
    /// May sign in.
    Active,
    /// Resetting its password.
    Recovery,
    /// Too many failures.
    LockedOut,
    /// Must change its password.
    PasswordExpired,
    /// Switched off for a while.
    Suspended,
    /// Switched off; a second delete removes it.
    Deprovisioned,
}

impl UserStatus {
    /// The status as it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "STAGED",
            Self::Provisioned => "PROVISIONED",
            Self::Active => "ACTIVE",
            Self::Recovery => "RECOVERY",
            Self::LockedOut => "LOCKED_OUT",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
        }
    }

    /// Whether somebody, or a rule, has switched the user off. Too many failures and an old password do
    /// not: anybody can make the failures.
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Suspended | Self::Deprovisioned)
    }
}

/// A user of the directory. Administrators are users too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What it signs in with, unique without regard to case.
    pub login: String,
    /// Every profile member, `login` included, as the administrator gave it.
    pub profile: Map<String, Value>,
    /// Where it is in its life.
    pub status: UserStatus,
    /// argon2id in PHC form; absent when it has no password.
    #[serde(default)]
    pub password_hash: Option<String>,
    /// Whether it is an administrator of the organisation.
    #[serde(default)]
    pub administrator: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was activated.
    pub activated: Option<Timestamp>,
    /// When the status last changed.
    pub status_changed: Option<Timestamp>,
    /// Its last successful sign-in.
    pub last_login: Option<Timestamp>,
    /// When it was changed.
    pub last_updated: Timestamp,
    /// When its password was set.
    pub password_changed: Option<Timestamp>,
}

impl User {
    /// A text member of the profile.
    pub fn profile_text(&self, member: &str) -> Option<&str> {
        self.profile.get(member).and_then(Value::as_str)
    }

    /// First and last name, or the login: what the System Log shows.
    pub fn display_name(&self) -> String {
        let names: Vec<&str> = ["firstName", "lastName"]
            .iter()
            .filter_map(|m| self.profile_text(m))
            .filter(|n| !n.is_empty())
            .collect();
        if names.is_empty() {
            self.login.clone()
        } else {
            names.join(" ")
        }
    }
}

impl Keyed for User {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            // Another address than the login is no key: two may have one. They are found under it.
            parent: self.profile_text("email").map(fold),
            natural: Some(fold(&self.login)),
            ..Keys::default()
        }
    }
}

/// Who keeps a group's members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupType {
    /// An administrator.
    #[default]
    OktaGroup,
    /// The server: `Everyone`.
    BuiltIn,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Name, unique without regard to case, ≤ 255.
    pub name: String,
    /// Description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Who keeps its members.
    #[serde(rename = "type")]
    pub group_type: GroupType,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
    /// When a member came or went.
    pub last_membership_updated: Timestamp,
}

impl Keyed for Group {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(fold(&self.name)),
            ..Keys::default()
        }
    }
}

/// A user's place in a group. Listed under the user; the natural key finds it under the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The group.
    pub group_id: GroupId,
    /// The user.
    pub user_id: UserId,
    /// Since when.
    pub created: Timestamp,
}

impl Membership {
    /// The id of the membership of `user` in `group`.
    pub fn id(group: &GroupId, user: &UserId) -> String {
        format!("{group}.{user}")
    }
}

impl Keyed for Membership {
    fn keys(&self) -> Keys {
        Keys {
            id: Self::id(&self.group_id, &self.user_id),
            parent: Some(self.user_id.to_string()),
            ..Keys::default()
        }
    }
}

/// The kinds of second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactorType {
    /// Time-based one-time passwords (RFC 6238).
    #[serde(rename = "token:software:totp")]
    Totp,
}

impl FactorType {
    /// The name over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "token:software:totp",
        }
    }
}

/// Whether a factor may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FactorState {
    /// Enrolled, its first code not yet shown.
    PendingActivation,
    /// In use.
    Active,
}

/// A second factor of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// Of which kind.
    pub factor_type: FactorType,
    /// `OKTA` or `GOOGLE`, as asked for.
    pub provider: String,
    /// Whether it may be used.
    pub state: FactorState,
    /// The shared secret, sealed under the key file and bound to the id; base64url.
    pub sealed_secret: String,
    /// The last time step whose code was taken: no code counts twice (RFC 6238 section 5.2).
    #[serde(default)]
    pub last_step: Option<u64>,
    /// When it was enrolled.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for Factor {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            ..Keys::default()
        }
    }
}

/// Where a sign-in under way stands (okta.md 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthnState {
    /// Waits for a second factor.
    MfaRequired,
}

/// A sign-in that waits for its second factor. Found by the hash of its state token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthnTransaction {
    /// Its id.
    pub id: AuthnTransactionId,
    /// Lower-case hex SHA-256 of the state token.
    pub hash: String,
    /// Who signs in.
    pub user_id: UserId,
    /// Where it stands.
    pub state: AuthnState,
    /// Wrong codes so far.
    pub failures: u32,
    /// Risk level when the password was accepted.
    pub level: RiskLevel,
    /// The record of the attempt, which waits for the outcome.
    pub sign_in: SignInId,
    /// What the System Log will say of it when it ends: debug data of the first step.
    pub debug_data: std::collections::BTreeMap<String, String>,
    /// The risk and the behaviours that the System Log will show.
    #[serde(default)]
    pub security_context: SecurityContext,
    /// Given back to the application at the end.
    #[serde(default)]
    pub relay_state: Option<String>,
    /// The session that the matched rule allows.
    pub session: super::SignOnSession,
    /// When it began.
    pub created: Timestamp,
    /// When the state token stops working.
    pub expires_at: Timestamp,
}

impl Keyed for AuthnTransaction {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(self.hash.clone()),
            expires_at: Some(self.expires_at),
        }
    }
}

/// A one-time session token: five minutes, one use (okta.md 9.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionToken {
    /// Its id.
    pub id: SessionTokenId,
    /// Lower-case hex SHA-256 of the token.
    pub hash: String,
    /// Who signed in.
    pub user_id: UserId,
    /// How: `pwd`, `otp`, `mfa`.
    pub amr: Vec<String>,
    /// The session that it may become.
    pub session: super::SignOnSession,
    /// The id that log events of this sign-in carry and the session will have.
    pub session_id: SessionId,
    /// When the password was accepted.
    pub password_verified_at: Timestamp,
    /// When the factor was accepted.
    pub factor_verified_at: Option<Timestamp>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Keyed for SessionToken {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: Some(self.hash.clone()),
            expires_at: Some(self.expires_at),
        }
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How it was proved: `pwd`, `otp`, `mfa`.
    pub amr: Vec<String>,
    /// Its limits.
    pub limits: super::SignOnSession,
    /// When it began.
    pub created: Timestamp,
    /// When it ends if nobody refreshes it.
    pub expires_at: Timestamp,
    /// When the password was accepted.
    pub password_verified_at: Timestamp,
    /// When the factor was accepted.
    pub factor_verified_at: Option<Timestamp>,
}

impl Keyed for Session {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.user_id.to_string()),
            natural: None,
            expires_at: Some(self.expires_at),
        }
    }
}
