//! The 27 effects (ssf.md annex B), as a table: what an event says of the entities that it is about.
//! A SET is a fact: nothing here ends a session or deactivates a user; the policy does.

use std::time::Duration;

use watchfire_model::{
    entity::EntityKind::{self, Device, Session, User},
    object::CauseKind,
    signal::RiskLevel,
};
use watchfire_ssf::{
    EventKind, Payload, SecurityEvent,
    event::{ChangeType, Compliance, Direction, DisabledReason, OktaLevel, Principal, StatedLevel},
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const THREE_DAYS: Duration = Duration::from_secs(3 * 24 * 3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Characters of a fact's value that are kept.
const MAX_FACT_CHARS: usize = 256;

/// One effect on one of the entities that an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Something speaks against it from now on.
    Cause {
        on: EntityKind,
        kind: CauseKind,
        millinats: i32,
        half_life: Option<Duration>,
    },
    /// The provider's cause of this kind is over.
    TakeBack { on: EntityKind, kind: CauseKind },
    /// A credential of the user was changed, which ends causes of whatever source.
    CredentialChanged,
    /// A fact that is no risk.
    Fact { on: EntityKind, key: String, value: String },
    /// Such a fact no longer holds.
    NoFact { on: EntityKind, key: String },
}

impl Effect {
    /// On which of the entities it is.
    pub(super) const fn on(&self) -> EntityKind {
        match self {
            Self::Cause { on, .. } | Self::TakeBack { on, .. } | Self::Fact { on, .. } | Self::NoFact { on, .. } => *on,
            Self::CredentialChanged => User,
        }
    }
}

/// What an event says the state of: of two events about the same, the newer one holds.
pub(super) fn state(event: &SecurityEvent) -> &'static str {
    match event.kind() {
        Some(EventKind::AccountDisabled | EventKind::AccountEnabled) => "account-status",
        Some(EventKind::OptIn | EventKind::OptOutInitiated | EventKind::OptOutCancelled | EventKind::OptOutEffective) => {
            "sharing"
        }
        Some(EventKind::SessionRevoked | EventKind::SessionsRevoked) => "session-revoked",
        Some(kind) => kind.name(),
        None => "",
    }
}

/// Which entities an event is about, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) device: bool,
    pub(super) session: bool,
}

impl Known {
    const fn session_or_user(self) -> EntityKind {
        if self.session { Session } else { User }
    }

    /// A device, or its user where only a user is named (row 26).
    const fn device_or_user(self) -> EntityKind {
        if self.device { Device } else { User }
    }
}

/// What `event` does.
#[expect(clippy::too_many_lines, reason = "one arm a row of the table")]
pub(super) fn of(event: &SecurityEvent, known: Known) -> Vec<Effect> {
    match &event.payload {
        // 3, 24
        Payload::SessionRevoked {
            current_ip,
            last_known_ip,
        } => {
            let on = known.session_or_user();
            let mut effects = vec![cause(on, CauseKind::SessionRevoked, 1_500, Some(DAY))];
            effects.extend(current_ip.map(|ip| fact(on, "currentIp", &ip.to_string())));
            effects.extend(last_known_ip.map(|ip| fact(on, "lastKnownIp", &ip.to_string())));
            effects
        }
        Payload::SessionsRevoked => vec![cause(User, CauseKind::SessionRevoked, 1_500, Some(DAY))],
        // 4
        Payload::TokenClaimsChange { claims } => {
            let names: Vec<&str> = claims.keys().map(String::as_str).collect();
            vec![fact(User, "reevaluate", &names.join(" "))]
        }
        // 5
        Payload::CredentialChange {
            credential_type,
            change_type,
        } => {
            let mut effects = vec![
                cause(User, CauseKind::CredentialChange, 800, Some(DAY)),
                Effect::CredentialChanged,
            ];
            effects.extend(authenticator(event, credential_type, *change_type));
            effects
        }
        // 6
        Payload::AssuranceLevelChange {
            namespace,
            current_level,
            direction,
            ..
        } => {
            let on = known.session_or_user();
            let mut effects = vec![fact(on, "assuranceLevel", &format!("{namespace} {current_level}"))];
            match direction {
                Some(Direction::Decrease) => effects.push(cause(on, CauseKind::AssuranceDecrease, 1_500, Some(DAY))),
                Some(Direction::Increase) => effects.push(over(on, CauseKind::AssuranceDecrease)),
                Some(Direction::Other) | None => {}
            }
            effects
        }
        // 7
        Payload::DeviceComplianceChange { current, .. } => {
            let on = known.device_or_user();
            match current {
                Compliance::NotCompliant => vec![
                    cause(on, CauseKind::DeviceNotCompliant, 1_500, None),
                    fact(on, "compliance", "not-compliant"),
                ],
                Compliance::Compliant => vec![over(on, CauseKind::DeviceNotCompliant), fact(on, "compliance", "compliant")],
                Compliance::Other => Vec::new(),
            }
        }
        // 8
        Payload::SessionEstablished { fp_ua, acr, amr, ext_id } => {
            let on = known.session_or_user();
            let mut effects = vec![fact(on, "sessionEstablished", "")];
            effects.extend(fp_ua.as_deref().map(|it| fact(on, "userAgent", it)));
            effects.extend(acr.as_deref().map(|it| fact(on, "acr", it)));
            effects.extend((!amr.is_empty()).then(|| fact(on, "amr", &amr.join(" "))));
            effects.extend(ext_id.as_deref().map(|it| fact(on, "externalId", it)));
            effects
        }
        // 9
        Payload::SessionPresented { fp_ua, .. } => {
            let on = known.session_or_user();
            let mut effects = vec![fact(on, "sessionPresented", "")];
            effects.extend(fp_ua.as_deref().map(|it| fact(on, "userAgent", it)));
            effects
        }
        // 10
        Payload::RiskLevelChange { principal, current, .. } => match (principal, current) {
            (Principal::User, StatedLevel::Level(level)) => stated(User, CauseKind::RiskLevel, *level),
            (Principal::Device, StatedLevel::Level(level)) => stated(known.device_or_user(), CauseKind::RiskLevel, *level),
            (Principal::Session, StatedLevel::Level(level)) => stated(known.session_or_user(), CauseKind::RiskLevel, *level),
            (Principal::Other(_), _) | (_, StatedLevel::Other(_)) => Vec::new(),
        },
        // 11
        Payload::AccountCredentialChangeRequired => {
            vec![cause(User, CauseKind::CredentialChangeRequired, 2_000, Some(THREE_DAYS))]
        }
        // 13
        Payload::AccountDisabled { reason } => {
            let (millinats, half_life) = match reason {
                Some(DisabledReason::Hijacking) => (4_000, WEEK),
                Some(DisabledReason::BulkAccount) => (2_000, THREE_DAYS),
                Some(DisabledReason::Other) | None => (1_500, DAY),
            };
            vec![cause(User, CauseKind::AccountDisabled, millinats, Some(half_life))]
        }
        // 14
        Payload::AccountEnabled => vec![over(User, CauseKind::AccountDisabled)],
        // 15
        Payload::IdentifierChanged { .. } => vec![cause(User, CauseKind::IdentifierChanged, 800, Some(DAY))],
        // 16
        Payload::IdentifierRecycled => vec![cause(User, CauseKind::IdentifierRecycled, 2_000, Some(THREE_DAYS))],
        // 17
        Payload::CredentialCompromise { .. } => vec![cause(User, CauseKind::CredentialCompromise, 4_000, Some(WEEK))],
        // 22
        Payload::RecoveryActivated => vec![cause(User, CauseKind::RecoveryActivated, 1_500, Some(DAY))],
        // 23
        Payload::RecoveryInformationChanged => vec![cause(User, CauseKind::RecoveryInformationChanged, 800, Some(DAY))],
        // 25
        Payload::UserRiskChange { current, .. } => oktas(User, CauseKind::UserRisk, *current),
        // 26
        Payload::DeviceRiskChange { current, .. } => oktas(known.device_or_user(), CauseKind::DeviceRisk, *current),
        // 27
        Payload::IpChange { current, previous } => {
            let on = known.session_or_user();
            vec![
                cause(on, CauseKind::IpChange, 800, Some(DAY)),
                fact(on, "currentIp", current),
                fact(on, "previousIp", previous),
            ]
        }
        // 1 and 2 are about streams, 12 about links, 18 to 21 about sharing; the rest has no effect.
        Payload::Verification { .. }
        | Payload::StreamUpdated { .. }
        | Payload::AccountPurged
        | Payload::OptIn
        | Payload::OptOutInitiated
        | Payload::OptOutCancelled
        | Payload::OptOutEffective
        | Payload::Recognised
        | Payload::Unknown => Vec::new(),
    }
}

/// A level that is taken as it is stated; LOW takes the cause back.
fn stated(on: EntityKind, kind: CauseKind, level: RiskLevel) -> Vec<Effect> {
    let told = fact(on, "statedLevel", level.as_str());
    match level {
        RiskLevel::High => vec![cause(on, kind, 4_000, Some(WEEK)), told],
        RiskLevel::Medium => vec![cause(on, kind, 2_000, Some(THREE_DAYS)), told],
        RiskLevel::Low => vec![over(on, kind), told],
    }
}

/// Okta's levels; `secure`, attested good, is told apart from `none`, nothing known, as a fact.
fn oktas(on: EntityKind, kind: CauseKind, level: OktaLevel) -> Vec<Effect> {
    let (word, level) = match level {
        OktaLevel::High => ("high", RiskLevel::High),
        OktaLevel::Medium => ("medium", RiskLevel::Medium),
        OktaLevel::Low => ("low", RiskLevel::Low),
        OktaLevel::Secure => ("secure", RiskLevel::Low),
        OktaLevel::None => ("none", RiskLevel::Low),
    };
    let mut effects = stated(on, kind, level);
    effects.pop();
    effects.push(fact(on, "statedLevel", word));
    effects
}

/// Types of credential that are a device or live on one, in the spelling of SSF and of Okta.
const ON_DEVICES: [&str; 14] = [
    "x509",
    "fido2-platform",
    "fido2-roaming",
    "fido-u2f",
    "phone-voice",
    "phone-sms",
    "app",
    "okta_verify_push",
    "okta_soft_token",
    "soft_token",
    "fido_webauthn",
    "yubikey_otp_factor",
    "custom_app_push",
    "signed_nonce",
];

/// What tells one such device of a user from another of its type (ssf.md 3.2).
const DEVICE_NAMES: [&str; 3] = ["x509_serial", "friendly_name", "fido2_aaguid"];

/// The user's list of devices that authenticate it (row 5): one fact a device.
fn authenticator(event: &SecurityEvent, credential_type: &str, change_type: ChangeType) -> Option<Effect> {
    let named = ON_DEVICES
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(credential_type))?;
    let name = DEVICE_NAMES
        .iter()
        .find_map(|member| event.claims.get(*member).and_then(serde_json::Value::as_str));
    let key: String = format!("authenticator {named} {}", name.unwrap_or_default())
        .trim_end()
        .chars()
        .take(MAX_FACT_CHARS)
        .collect();
    match change_type {
        ChangeType::Create => Some(fact(User, &key, "created")),
        ChangeType::Update => Some(fact(User, &key, "updated")),
        ChangeType::Revoke | ChangeType::Delete => Some(Effect::NoFact { on: User, key }),
        ChangeType::Other => None,
    }
}

const fn cause(on: EntityKind, kind: CauseKind, millinats: i32, half_life: Option<Duration>) -> Effect {
    Effect::Cause {
        on,
        kind,
        millinats,
        half_life,
    }
}

const fn over(on: EntityKind, kind: CauseKind) -> Effect {
    Effect::TakeBack { on, kind }
}

fn fact(on: EntityKind, key: &str, value: &str) -> Effect {
    Effect::Fact {
        on,
        key: key.to_owned(),
        value: value.chars().take(MAX_FACT_CHARS).collect(),
    }
}
