//! The entity risk policy and its rules (okta.md 9.4).

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status, fold};
use crate::{
    id::{ClientId, EntityRiskPolicyId, EntityRiskRuleId, GroupId, UserId},
    signal::RiskLevel,
    time::Timestamp,
};

/// The one policy of its type that an organisation has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRiskPolicy {
    /// Its id.
    pub id: EntityRiskPolicyId,
    /// Name for people.
    pub name: String,
    /// Description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for EntityRiskPolicy {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}

/// A rule of the entity risk policy: when it matches and what then is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRiskRule {
    /// Its id.
    pub id: EntityRiskRuleId,
    /// The policy that it belongs to.
    pub policy_id: EntityRiskPolicyId,
    /// Name for people, unique within the policy.
    pub name: String,
    /// Inactive rules are not asked.
    pub status: Status,
    /// 1 is asked first; the catch-all rule has 99.
    pub priority: u32,
    /// The catch-all rule, which matches always and does nothing.
    pub system: bool,
    /// When it matches: all of them together.
    pub conditions: EntityRiskConditions,
    /// What is then done, in this order; none is log only.
    pub actions: Vec<EntityRiskAction>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
    /// The actor who made or changed it last: it may not approve what the rule asks for.
    #[serde(default)]
    pub last_updated_by: Option<String>,
}

impl Keyed for EntityRiskRule {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.policy_id.to_string()),
            natural: Some(format!("{} {}", self.policy_id, fold(&self.name))),
            expires_at: None,
        }
    }
}

/// What a rule asks of a detection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRiskConditions {
    /// Exactly this level; `None` is any.
    #[serde(default)]
    pub level: Option<RiskLevel>,
    /// Users that it is for; empty is everyone (together with the groups).
    #[serde(default)]
    pub included_users: Vec<UserId>,
    /// Users for whom it never matches.
    #[serde(default)]
    pub excluded_users: Vec<UserId>,
    /// Groups that it is for; empty is everyone (together with the users).
    #[serde(default)]
    pub included_groups: Vec<GroupId>,
    /// Groups for whose members it never matches.
    #[serde(default)]
    pub excluded_groups: Vec<GroupId>,
    /// Detections that it is for, or is not for; both empty is any.
    #[serde(default)]
    pub detections: DetectionCondition,
}

/// `riskDetectionTypes`: one of the two lists, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectionCondition {
    /// Only these.
    #[serde(default)]
    pub include: Vec<Detection>,
    /// All but these.
    #[serde(default)]
    pub exclude: Vec<Detection>,
}

/// What found a risk (okta.md 9.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Detection {
    /// An administrator said so.
    AdminReportedUserRisk,
    /// Many wrong passwords.
    BruteForceAttack,
    /// A critical action from a bad address.
    EntityCriticalActionFromHighThreatIp,
    /// Never emitted here; rules may name it.
    OktaThreatIntelligence,
    /// A security events provider said so.
    SecurityEventsProviderReportedRisk,
    /// A sign-in was HIGH.
    SessionInfluencedUserRisk,
    /// Never emitted here; rules may name it.
    SuspiciousAppAccess,
    /// The user said "this was not me".
    UserReportedSuspiciousActivity,
}

impl Detection {
    /// Every detection.
    pub const ALL: [Self; 8] = [
        Self::AdminReportedUserRisk,
        Self::BruteForceAttack,
        Self::EntityCriticalActionFromHighThreatIp,
        Self::OktaThreatIntelligence,
        Self::SecurityEventsProviderReportedRisk,
        Self::SessionInfluencedUserRisk,
        Self::SuspiciousAppAccess,
        Self::UserReportedSuspiciousActivity,
    ];

    /// The name in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminReportedUserRisk => "ADMIN_REPORTED_USER_RISK",
            Self::BruteForceAttack => "BRUTE_FORCE_ATTACK",
            Self::EntityCriticalActionFromHighThreatIp => "ENTITY_CRITICAL_ACTION_FROM_HIGH_THREAT_IP",
            Self::OktaThreatIntelligence => "OKTA_THREAT_INTELLIGENCE",
            Self::SecurityEventsProviderReportedRisk => "SECURITY_EVENTS_PROVIDER_REPORTED_RISK",
            Self::SessionInfluencedUserRisk => "SESSION_INFLUENCED_USER_RISK",
            Self::SuspiciousAppAccess => "SUSPICIOUS_APP_ACCESS",
            Self::UserReportedSuspiciousActivity => "USER_REPORTED_SUSPICIOUS_ACTIVITY",
        }
    }

    /// `detectionName` in the System Log.
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::AdminReportedUserRisk => "Admin Reported User Risk",
            Self::BruteForceAttack => "Suspected Brute Force Attack",
            Self::EntityCriticalActionFromHighThreatIp => "Entity Critical Action From High Threat IP",
            Self::OktaThreatIntelligence => "Okta Threat Intelligence",
            Self::SecurityEventsProviderReportedRisk => "Security Events Provider Reported Risk",
            Self::SessionInfluencedUserRisk => "Session Influenced User Risk",
            Self::SuspiciousAppAccess => "Suspicious App Access",
            Self::UserReportedSuspiciousActivity => "User Reported Suspicious Activity",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityRiskAction {
    /// Ends every session of the user here (okta.md 9.4 `TERMINATE_ALL_SESSIONS`), and, where asked for,
    /// at the apps that have registered a logout endpoint (okta.md 9.8).
    TerminateAllSessions {
        /// Which apps are called too.
        #[serde(default)]
        universal_logout: LogoutSelection,
    },
    /// Calls a webhook (okta.md 9.4 `RUN_WORKFLOW`).
    RunWorkflow {
        /// The webhook's number.
        workflow: u64,
    },
    /// Deactivates the user: ours, Okta has no such action.
    DeactivateUser,
}

/// Which apps a Universal Logout calls (okta.md 8.6 `policySingleLogOutSelectionMode`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", content = "apps", rename_all = "UPPERCASE")]
pub enum LogoutSelection {
    /// None.
    #[default]
    None,
    /// Every one that has registered an endpoint.
    All,
    /// These.
    Specified(Vec<ClientId>),
}
