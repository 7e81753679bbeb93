//! What is known of the risk of users, devices and sessions (risk-engine.md 5.7), and of the
//! identifiers under which others know them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{
    entity::{Entity, Identifier},
    id::{EntityRiskRuleId, ReceiptId, SecurityEventsProviderId, UserId},
    signal::RiskLevel,
    time::Timestamp,
};

/// What speaks against an entity. A cleared cause is taken out; a decayed one stays until it no longer
/// counts. Decayed values are never stored: strength, time and half-life are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRisk {
    /// Whose.
    pub entity: Entity,
    /// Active causes, at most one of a kind and source.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// The level after the last change, for `previousLevel`; `None` is no risk.
    #[serde(default)]
    pub last_level: Option<RiskLevel>,
    /// When an action of a rule was last taken: its cool-down begins there.
    #[serde(default)]
    pub acted: BTreeMap<EntityRiskRuleId, Timestamp>,
    /// Facts that are no risk: assurance level, last address, compliance, with who said so.
    #[serde(default)]
    pub facts: BTreeMap<String, Fact>,
    /// The time of the newest event of each kind and source, so that an older one that comes late
    /// does not undo it (ssf.md annex B).
    #[serde(default)]
    pub newest: BTreeMap<String, Timestamp>,
    /// The user behind a device or a session, as far as it is known.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Identifiers that lead here, with who said so.
    #[serde(default)]
    pub links: Vec<LinkRef>,
    /// Whether an administrator or a signal ever set a level: the first PUT answers 201 (okta.md 9.7).
    #[serde(default)]
    pub recorded: bool,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl EntityRisk {
    /// Nothing is known of `entity`.
    pub const fn new(entity: Entity, now: Timestamp) -> Self {
        Self {
            entity,
            causes: Vec::new(),
            last_level: None,
            acted: BTreeMap::new(),
            facts: BTreeMap::new(),
            newest: BTreeMap::new(),
            user: None,
            links: Vec::new(),
            recorded: false,
            last_updated: now,
        }
    }
}

impl Keyed for EntityRisk {
    fn keys(&self) -> Keys {
        Keys {
            id: self.entity.to_string(),
            // The devices and sessions of a user are listed under it.
            parent: self.user.as_ref().map(ToString::to_string),
            expires_at: forgotten_at(&self.entity, self.last_updated),
            ..Keys::default()
        }
    }
}

/// How long a session is remembered of which nobody speaks any more.
const SESSION_MEMORY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

fn forgotten_at(entity: &Entity, last: Timestamp) -> Option<Timestamp> {
    matches!(entity, Entity::Session(_)).then(|| last.plus(SESSION_MEMORY))
}

/// Something that speaks against an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What it is.
    pub kind: CauseKind,
    /// Whose word it is.
    pub source: CauseSource,
    /// Weight of evidence when it was new, thousandths of a nat.
    pub millinats: i32,
    /// In this time half of it is gone; `None` stays until it is cleared.
    #[serde(default)]
    pub half_life: Option<Duration>,
    /// From when it decays.
    pub since: Timestamp,
    /// What was said, for people.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it came with.
    #[serde(default)]
    pub receipt: Option<ReceiptId>,
    /// `txn` of what it came with: of several causes of one source and transaction, only the strongest
    /// counts (ssf.md annex B).
    #[serde(default)]
    pub transaction: Option<String>,
    /// Clean step-ups since then (risk-engine.md 5.7).
    #[serde(default)]
    pub step_ups: u32,
}

/// What a cause is (ssf.md annex B; the numbers are its rows).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// 3, 24.
    SessionRevoked,
    /// 5.
    CredentialChange,
    /// 6.
    AssuranceDecrease,
    /// 7.
    DeviceNotCompliant,
    /// 10.
    RiskLevel,
    /// 11.
    CredentialChangeRequired,
    /// 13.
    AccountDisabled,
    /// 15.
    IdentifierChanged,
    /// 16.
    IdentifierRecycled,
    /// 17.
    CredentialCompromise,
    /// 22.
    RecoveryActivated,
    /// 23.
    RecoveryInformationChanged,
    /// 25.
    UserRisk,
    /// 26.
    DeviceRisk,
    /// 27.
    IpChange,
    /// `PUT /api/v1/users/{id}/risk` (okta.md 9.7).
    AdminOverride,
    /// A sign-in of this user was HIGH (risk-engine.md 5.7).
    SignIn,
    /// The user says of a sign-in that it was somebody else's (risk-engine.md 5.7).
    NotMe,
}

impl CauseKind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::SessionRevoked,
        Self::CredentialChange,
        Self::AssuranceDecrease,
        Self::DeviceNotCompliant,
        Self::RiskLevel,
        Self::CredentialChangeRequired,
        Self::AccountDisabled,
        Self::IdentifierChanged,
        Self::IdentifierRecycled,
        Self::CredentialCompromise,
        Self::RecoveryActivated,
        Self::RecoveryInformationChanged,
        Self::UserRisk,
        Self::DeviceRisk,
        Self::IpChange,
        Self::AdminOverride,
        Self::SignIn,
        Self::NotMe,
    ];

    /// The name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session_revoked",
            Self::CredentialChange => "credential_change",
            Self::AssuranceDecrease => "assurance_decrease",
            Self::DeviceNotCompliant => "device_not_compliant",
            Self::RiskLevel => "risk_level",
            Self::CredentialChangeRequired => "credential_change_required",
            Self::AccountDisabled => "account_disabled",
            Self::IdentifierChanged => "identifier_changed",
            Self::IdentifierRecycled => "identifier_recycled",
            Self::CredentialCompromise => "credential_compromise",
            Self::RecoveryActivated => "recovery_activated",
            Self::RecoveryInformationChanged => "recovery_information_changed",
            Self::UserRisk => "user_risk",
            Self::DeviceRisk => "device_risk",
            Self::IpChange => "ip_change",
            Self::AdminOverride => "admin_override",
            Self::SignIn => "sign_in",
            Self::NotMe => "not_me",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whose word a cause is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CauseSource {
    /// A security events provider.
    Provider {
        /// Its id.
        id: SecurityEventsProviderId,
        /// Its issuer then.
        issuer: String,
    },
    /// An administrator.
    Administrator,
    /// Our own engine.
    Engine,
}

impl CauseSource {
    /// Whether it is the same one, whatever its issuer is called now.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Provider { id, .. }, Self::Provider { id: other, .. }) => id == other,
            _ => self == other,
        }
    }

    /// The provider, when it is one.
    pub const fn provider(&self) -> Option<&SecurityEventsProviderId> {
        match self {
            Self::Provider { id, .. } => Some(id),
            Self::Administrator | Self::Engine => None,
        }
    }

    /// `issuer` of a detection in the System Log (okta.md 8.6).
    pub fn issuer(&self) -> &str {
        match self {
            Self::Provider { issuer, .. } => issuer,
            Self::Administrator | Self::Engine => "OKTA",
        }
    }
}

/// A fact that somebody told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What was told.
    pub value: String,
    /// Who.
    pub source: CauseSource,
    /// When it was so.
    pub at: Timestamp,
}

/// An identifier that leads to an entity, as the entity remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRef {
    /// The identifier.
    pub identifier: Identifier,
    /// Who said so.
    pub provider: SecurityEventsProviderId,
}

/// An edge of the subject graph: this provider says that the identifier names this entity. The
/// directory's own edges (login, id) are the users themselves and not kept here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectLink {
    /// The identifier.
    pub identifier: Identifier,
    /// What it names.
    pub entity: Entity,
    /// Who said so.
    pub provider: SecurityEventsProviderId,
    /// Whether that provider decides about this identifier: only then it changes who a user is.
    pub authoritative: bool,
    /// What the subject has agreed to at this provider (EVT-20).
    #[serde(default)]
    pub sharing: Sharing,
    /// When it was first said.
    pub since: Timestamp,
    /// When it was last said.
    pub last_seen: Timestamp,
}

impl Keyed for SubjectLink {
    fn keys(&self) -> Keys {
        Keys {
            id: Self::key(&self.provider, &self.identifier),
            parent: Some(self.identifier.as_str().to_owned()),
            expires_at: forgotten_at(&self.entity, self.last_seen),
            ..Keys::default()
        }
    }
}

impl SubjectLink {
    /// The id of the edge that `provider` has drawn from `identifier`: there is one.
    pub fn key(provider: &SecurityEventsProviderId, identifier: &Identifier) -> String {
        format!("{provider}\u{1f}{}", identifier.as_str())
    }
}

/// What a subject has agreed to (EVT-20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Events are used.
    #[default]
    OptIn,
    /// The end has been announced; events are still used.
    OptOutInitiated,
    /// Later events of this provider on this subject are kept and not used.
    OptOut,
}
