//! The catalogue of events (ssf.md 3): 27 typed payloads, and whatever else may come.

mod members;
mod payload;
pub(crate) mod read;
mod subject;

use std::net::IpAddr;

use serde_json::{Map, Value};
use watchfire_model::{entity::EntityKind, object::StreamStatus, signal::RiskLevel, time::Timestamp};

use crate::{
    catalogue::EventKind,
    subject::{SimpleSubject, Subject},
};

/// One event of a SET.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityEvent {
    /// The type as it was sent (SET-31).
    pub uri: String,
    /// What it says.
    pub payload: Payload,
    /// Whom it is about: `sub_id`, else the event's own subject (AMB-01).
    pub subject: Option<Subject>,
    /// When it happened, as the sender says: `event_timestamp`, else `toe`.
    pub occurred_at: Option<Timestamp>,
    /// `initiating_entity`
    pub initiating_entity: Option<String>,
    /// `reason_admin`, one of its texts, English preferred.
    pub reason_admin: Option<String>,
    /// `reason_user`, one of its texts, English preferred.
    pub reason_user: Option<String>,
    /// The event object as it was sent.
    pub claims: Map<String, Value>,
}

/// What an event says. Values of closed lists that are none of them are `Other` (EVT-11).
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the members are the specifications', under their own names")]
pub enum Payload {
    /// 1
    Verification { state: Option<String> },
    /// 2
    StreamUpdated {
        /// `None` for a word that is none of the three (EVT-11).
        status: Option<StreamStatus>,
        reason: Option<String>,
    },
    /// 3; with the members that Okta's receiver takes beside it.
    SessionRevoked {
        current_ip: Option<IpAddr>,
        last_known_ip: Option<IpAddr>,
    },
    /// 4
    TokenClaimsChange { claims: Map<String, Value> },
    /// 5
    CredentialChange {
        credential_type: String,
        change_type: ChangeType,
    },
    /// 6
    AssuranceLevelChange {
        namespace: String,
        current_level: String,
        previous_level: Option<String>,
        direction: Option<Direction>,
    },
    /// 7
    DeviceComplianceChange { previous: Compliance, current: Compliance },
    /// 8
    SessionEstablished {
        fp_ua: Option<String>,
        acr: Option<String>,
        amr: Vec<String>,
        ext_id: Option<String>,
    },
    /// 9
    SessionPresented { fp_ua: Option<String>, ext_id: Option<String> },
    /// 10
    RiskLevelChange {
        principal: Principal,
        current: StatedLevel,
        previous: Option<StatedLevel>,
        risk_reason: Option<String>,
    },
    /// 11
    AccountCredentialChangeRequired,
    /// 12
    AccountPurged,
    /// 13
    AccountDisabled { reason: Option<DisabledReason> },
    /// 14
    AccountEnabled,
    /// 15
    IdentifierChanged { new_value: Option<String> },
    /// 16
    IdentifierRecycled,
    /// 17
    CredentialCompromise { credential_type: String },
    /// 18
    OptIn,
    /// 19
    OptOutInitiated,
    /// 20
    OptOutCancelled,
    /// 21
    OptOutEffective,
    /// 22
    RecoveryActivated,
    /// 23
    RecoveryInformationChanged,
    /// 24
    SessionsRevoked,
    /// 25
    UserRiskChange { current: OktaLevel, previous: OktaLevel },
    /// 26
    DeviceRiskChange { current: OktaLevel, previous: OktaLevel },
    /// 27
    IpChange { current: String, previous: String },
    /// A name that is known and has no effect (ssf.md 3.5, 3.6).
    Recognised,
    /// Anything else (SET-36).
    Unknown,
}

impl SecurityEvent {
    /// Its type, when that is one of the 27.
    pub const fn kind(&self) -> Option<EventKind> {
        self.payload.kind()
    }

    /// The users, devices and sessions that it is about, as its sender names them. None for events of
    /// the stream itself, and for types that are not known.
    pub fn members(&self) -> Vec<(EntityKind, &SimpleSubject)> {
        match (&self.subject, self.payload.simple_subject()) {
            (Some(subject), Some(kind)) => subject.members(kind),
            _ => Vec::new(),
        }
    }
}

impl Payload {
    /// The type, when it is one of the 27.
    pub const fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::Verification { .. } => EventKind::Verification,
            Self::StreamUpdated { .. } => EventKind::StreamUpdated,
            Self::SessionRevoked { .. } => EventKind::SessionRevoked,
            Self::TokenClaimsChange { .. } => EventKind::TokenClaimsChange,
            Self::CredentialChange { .. } => EventKind::CredentialChange,
            Self::AssuranceLevelChange { .. } => EventKind::AssuranceLevelChange,
            Self::DeviceComplianceChange { .. } => EventKind::DeviceComplianceChange,
            Self::SessionEstablished { .. } => EventKind::SessionEstablished,
            Self::SessionPresented { .. } => EventKind::SessionPresented,
            Self::RiskLevelChange { .. } => EventKind::RiskLevelChange,
            Self::AccountCredentialChangeRequired => EventKind::AccountCredentialChangeRequired,
            Self::AccountPurged => EventKind::AccountPurged,
            Self::AccountDisabled { .. } => EventKind::AccountDisabled,
            Self::AccountEnabled => EventKind::AccountEnabled,
            Self::IdentifierChanged { .. } => EventKind::IdentifierChanged,
            Self::IdentifierRecycled => EventKind::IdentifierRecycled,
            Self::CredentialCompromise { .. } => EventKind::CredentialCompromise,
            Self::OptIn => EventKind::OptIn,
            Self::OptOutInitiated => EventKind::OptOutInitiated,
            Self::OptOutCancelled => EventKind::OptOutCancelled,
            Self::OptOutEffective => EventKind::OptOutEffective,
            Self::RecoveryActivated => EventKind::RecoveryActivated,
            Self::RecoveryInformationChanged => EventKind::RecoveryInformationChanged,
            Self::SessionsRevoked => EventKind::SessionsRevoked,
            Self::UserRiskChange { .. } => EventKind::UserRiskChange,
            Self::DeviceRiskChange { .. } => EventKind::DeviceRiskChange,
            Self::IpChange { .. } => EventKind::IpChange,
            Self::Recognised | Self::Unknown => return None,
        })
    }

    /// What a subject that is no complex one names (ssf.md annex B, column Entity).
    const fn simple_subject(&self) -> Option<EntityKind> {
        match self {
            Self::Verification { .. } | Self::StreamUpdated { .. } | Self::Recognised | Self::Unknown => None,
            Self::DeviceComplianceChange { .. } | Self::DeviceRiskChange { .. } => Some(EntityKind::Device),
            Self::RiskLevelChange { principal, .. } => match principal {
                Principal::User => Some(EntityKind::User),
                Principal::Device => Some(EntityKind::Device),
                Principal::Session => Some(EntityKind::Session),
                Principal::Other(_) => None,
            },
            _ => Some(EntityKind::User),
        }
    }
}

/// `change_type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// `create`
    Create,
    /// `revoke`
    Revoke,
    /// `update`
    Update,
    /// `delete`
    Delete,
    /// None of these.
    Other,
}

/// `change_direction`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `increase`
    Increase,
    /// `decrease`
    Decrease,
    /// Neither.
    Other,
}

/// `previous_status`, `current_status` of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compliance {
    /// `compliant`
    Compliant,
    /// `not-compliant`, and `non-compliant` of a sample (AMB-50).
    NotCompliant,
    /// Neither.
    Other,
}

/// `principal` of a risk level change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// `USER`
    User,
    /// `DEVICE`
    Device,
    /// `SESSION`
    Session,
    /// `TENANT`, `ORG_UNIT`, `GROUP` or another kind.
    Other(String),
}

/// A level of CAEP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatedLevel {
    /// One of the three.
    Level(RiskLevel),
    /// None of them.
    Other(String),
}

/// A level of Okta's events (ssf.md 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OktaLevel {
    /// `none`: nothing is known.
    None,
    /// `secure`: attested good.
    Secure,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

/// `reason` of a disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledReason {
    /// `hijacking`
    Hijacking,
    /// `bulk-account`
    BulkAccount,
    /// Neither.
    Other,
}
