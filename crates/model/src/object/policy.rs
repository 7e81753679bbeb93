//! Sign-on policies and their rules (okta.md 9.3).

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status, fold};
use crate::{
    id::{GroupId, PolicyId, RuleId, UserId},
    signal::RiskLevel,
    time::Timestamp,
};

/// A sign-on policy: whom it is for and in which order it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Name for people.
    pub name: String,
    /// Description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// Inactive policies are not asked.
    pub status: Status,
    /// 1 is asked first.
    pub priority: u32,
    /// The one that cannot be deleted or switched off.
    pub system: bool,
    /// Groups whose members it is for; empty is everyone.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for Policy {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            natural: Some(fold(&self.name)),
            ..Keys::default()
        }
    }
}

/// A rule of a sign-on policy: when it matches and what then happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The policy that it belongs to.
    pub policy_id: PolicyId,
    /// Name for people, unique within the policy.
    pub name: String,
    /// Inactive rules are not asked.
    pub status: Status,
    /// 1 is asked first.
    pub priority: u32,
    /// The last one of its policy, which matches always.
    pub system: bool,
    /// When it matches: all of them together.
    pub conditions: RuleConditions,
    /// What then happens.
    pub action: SignOnAction,
    /// Whether it does, or is only written down.
    #[serde(default)]
    pub mode: RuleMode,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for Rule {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.policy_id.to_string()),
            natural: Some(format!("{} {}", self.policy_id, fold(&self.name))),
            expires_at: None,
        }
    }
}

/// Whether a rule that matches decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RuleMode {
    /// It does.
    #[default]
    Enforce,
    /// What it would have decided is written down, and the next rule is asked.
    Monitor,
}

impl RuleMode {
    /// The mode over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "ENFORCE",
            Self::Monitor => "MONITOR",
        }
    }
}

/// What a rule asks of a sign-in. Every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleConditions {
    /// Users for whom the rule may match, beside the members of the included groups; neither is everyone.
    #[serde(default)]
    pub included_users: Vec<UserId>,
    /// Users for whom the rule never matches.
    #[serde(default)]
    pub excluded_users: Vec<UserId>,
    /// Groups for whose members the rule may match.
    #[serde(default)]
    pub included_groups: Vec<GroupId>,
    /// Groups for whose members the rule never matches.
    #[serde(default)]
    pub excluded_groups: Vec<GroupId>,
    /// Where the sign-in comes from.
    #[serde(default)]
    pub network: NetworkCondition,
    /// `ANY`, `RADIUS` or `LDAP_INTERFACE`; ours come over HTTP, so only `ANY` matches.
    #[serde(default)]
    pub auth_type: Option<String>,
    /// `ANY`, `OKTA` or `SPECIFIC_IDP`; `SPECIFIC_IDP` never matches, we have none.
    #[serde(default)]
    pub identity_provider: Option<String>,
    /// Behaviours of which one must not be NEGATIVE; empty asks nothing.
    #[serde(default)]
    pub behaviors: Vec<String>,
    /// The risk level of the sign-in.
    #[serde(default)]
    pub risk_score: Option<RiskScoreLevel>,
    /// The score of the sign-in.
    #[serde(default)]
    pub score_range: ScoreRange,
    /// The application that the sign-in is for.
    #[serde(default)]
    pub application: ApplicationCondition,
    /// Whether the user must have shown the device before (`true`) or must not have (`false`).
    #[serde(default)]
    pub device_known: Option<bool>,
    /// A CEL expression that must be true.
    #[serde(default)]
    pub expression: Option<String>,
}

/// The scores that a rule is for, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreRange {
    /// The least one; `None` is 0.
    #[serde(default)]
    pub least: Option<u8>,
    /// The greatest one; `None` is 100.
    #[serde(default)]
    pub most: Option<u8>,
}

impl ScoreRange {
    /// Whether it holds `score`.
    pub fn contains(self, score: u8) -> bool {
        self.least.is_none_or(|least| least <= score) && self.most.is_none_or(|most| score <= most)
    }
}

/// The applications that a rule is for, as their sign-ins call them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCondition {
    /// The sign-in must be for one of these; none is every sign-in.
    #[serde(default)]
    pub include: Vec<String>,
    /// The sign-in must be for none of these.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// `riskScore.level`: exactly the computed level, or any (okta.md 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RiskScoreLevel {
    /// Every level.
    Any,
    /// Exactly LOW.
    Low,
    /// Exactly MEDIUM.
    Medium,
    /// Exactly HIGH.
    High,
}

impl RiskScoreLevel {
    /// The level over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    /// Whether `level` is what is asked for.
    pub fn matches(self, level: RiskLevel) -> bool {
        match self {
            Self::Any => true,
            Self::Low => level == RiskLevel::Low,
            Self::Medium => level == RiskLevel::Medium,
            Self::High => level == RiskLevel::High,
        }
    }
}

/// Whether the address matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkConnection {
    /// Every address.
    #[default]
    Anywhere,
    /// By zones.
    Zone,
}

/// Where a sign-in must come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCondition {
    /// Whether zones are asked at all.
    #[serde(default)]
    pub connection: NetworkConnection,
    /// Zone ids, or `ALL_ZONES`: the address must be in one of them.
    #[serde(default)]
    pub include: Vec<String>,
    /// Zone ids, or `ALL_ZONES`: the address must be in none of them.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// Whether a sign-in goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Access {
    /// It does.
    #[default]
    Allow,
    /// It ends here.
    Deny,
}

/// How often the second factor is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FactorPrompt {
    /// At every sign-in.
    #[default]
    Always,
    /// Once a device.
    Device,
    /// Once a session life.
    Session,
}

/// What a rule does (`actions.signon`, okta.md 9.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOnAction {
    /// Allowed or not.
    pub access: Access,
    /// Whether a second factor is needed.
    #[serde(default)]
    pub require_factor: bool,
    /// `PASSWORD_IDP_ANY_FACTOR` or `PASSWORD_IDP`; kept and echoed.
    #[serde(default = "any_factor")]
    pub primary_factor: String,
    /// How often.
    #[serde(default)]
    pub factor_prompt_mode: FactorPrompt,
    /// Minutes, with [`FactorPrompt::Session`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_lifetime: Option<u32>,
    /// Echoed to sign-in pages.
    #[serde(default)]
    pub remember_device_by_default: bool,
    /// How long the session lives.
    #[serde(default)]
    pub session: SignOnSession,
}

impl Default for SignOnAction {
    fn default() -> Self {
        Self {
            access: Access::Allow,
            require_factor: false,
            primary_factor: any_factor(),
            factor_prompt_mode: FactorPrompt::Always,
            factor_lifetime: None,
            remember_device_by_default: false,
            session: SignOnSession::default(),
        }
    }
}

fn any_factor() -> String {
    "PASSWORD_IDP_ANY_FACTOR".to_owned()
}

/// How long a session lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignOnSession {
    /// Echoed.
    pub use_persistent_cookie: bool,
    /// Minutes without use.
    pub max_session_idle_minutes: u32,
    /// Minutes in all; 0 is no limit.
    pub max_session_lifetime_minutes: u32,
}

impl Default for SignOnSession {
    fn default() -> Self {
        Self {
            use_persistent_cookie: false,
            max_session_idle_minutes: 120,
            max_session_lifetime_minutes: 0,
        }
    }
}
