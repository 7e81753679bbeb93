//! What each of the 27 types says (ssf.md 3.1 to 3.4).

use std::net::IpAddr;

use serde_json::{Map, Value};
use watchfire_model::{
    object::StreamStatus,
    signal::{RiskLevel, parse_ip},
};

use super::{ChangeType, Compliance, Direction, DisabledReason, OktaLevel, Payload, Principal, StatedLevel, members::Members};
use crate::{
    catalogue::EventKind,
    error::{MALFORMED, NOT_ALLOWED, SetError},
    normalisation::{Normalisation, Notes},
};

/// Reads the members that are the type's own.
pub(super) fn read(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    Ok(match members.kind() {
        EventKind::Verification => verification(members, notes)?,
        EventKind::StreamUpdated => stream_updated(members, notes)?,
        EventKind::SessionRevoked => Payload::SessionRevoked {
            current_ip: address(members, "current_ip")?,
            last_known_ip: address(members, "last_known_ip")?,
        },
        EventKind::TokenClaimsChange => Payload::TokenClaimsChange {
            claims: claims(members)?,
        },
        EventKind::CredentialChange => credential_change(members, notes)?,
        EventKind::AssuranceLevelChange => assurance_level_change(members, notes)?,
        EventKind::DeviceComplianceChange => Payload::DeviceComplianceChange {
            previous: compliance(members, "previous_status", notes)?,
            current: compliance(members, "current_status", notes)?,
        },
        EventKind::SessionEstablished => Payload::SessionEstablished {
            fp_ua: owned(members, "fp_ua")?,
            acr: owned(members, "acr")?,
            amr: texts(members, "amr")?,
            ext_id: owned(members, "ext_id")?,
        },
        EventKind::SessionPresented => Payload::SessionPresented {
            fp_ua: owned(members, "fp_ua")?,
            ext_id: owned(members, "ext_id")?,
        },
        EventKind::RiskLevelChange => risk_level_change(members, notes)?,
        EventKind::AccountCredentialChangeRequired => Payload::AccountCredentialChangeRequired,
        EventKind::AccountPurged => Payload::AccountPurged,
        EventKind::AccountDisabled => account_disabled(members, notes)?,
        EventKind::AccountEnabled => Payload::AccountEnabled,
        EventKind::IdentifierChanged => Payload::IdentifierChanged {
            new_value: owned(members, "new-value")?,
        },
        EventKind::IdentifierRecycled => Payload::IdentifierRecycled,
        EventKind::CredentialCompromise => Payload::CredentialCompromise {
            credential_type: members.required_text("credential_type")?.to_owned(),
        },
        EventKind::OptIn => Payload::OptIn,
        EventKind::OptOutInitiated => Payload::OptOutInitiated,
        EventKind::OptOutCancelled => Payload::OptOutCancelled,
        EventKind::OptOutEffective => Payload::OptOutEffective,
        EventKind::RecoveryActivated => Payload::RecoveryActivated,
        EventKind::RecoveryInformationChanged => Payload::RecoveryInformationChanged,
        EventKind::SessionsRevoked => Payload::SessionsRevoked,
        EventKind::UserRiskChange => Payload::UserRiskChange {
            previous: okta_level(members, "previous_level")?,
            current: okta_level(members, "current_level")?,
        },
        EventKind::DeviceRiskChange => Payload::DeviceRiskChange {
            previous: okta_level(members, "previous_level")?,
            current: okta_level(members, "current_level")?,
        },
        EventKind::IpChange => Payload::IpChange {
            current: members.required_text("current_ip_address")?.to_owned(),
            previous: members.required_text("previous_ip_address")?.to_owned(),
        },
    })
}

fn verification(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    notes.add_if(members.is_null("state"), Normalisation::StateNull);
    Ok(Payload::Verification {
        state: owned(members, "state")?,
    })
}

fn stream_updated(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    let status = StreamStatus::parse(members.required_text("status")?);
    notes.add_if(status.is_none(), Normalisation::UnknownValue);
    Ok(Payload::StreamUpdated {
        status,
        reason: owned(members, "reason")?,
    })
}

fn claims(members: &Members<'_>) -> Result<Map<String, Value>, SetError> {
    match members.get("claims") {
        None => Err(members.blank("claims")),
        Some(Value::Object(claims)) if claims.is_empty() => Err(members.blank("claims")),
        Some(Value::Object(claims)) => Ok(claims.clone()),
        Some(_) => Err(members.fault("claims", MALFORMED)),
    }
}

fn credential_change(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    let change_type = match members.required_text("change_type")? {
        "create" => ChangeType::Create,
        "revoke" => ChangeType::Revoke,
        "update" => ChangeType::Update,
        "delete" => ChangeType::Delete,
        _ => {
            notes.add(Normalisation::UnknownValue);
            ChangeType::Other
        }
    };
    for name in ["friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid"] {
        members.text(name)?;
    }
    Ok(Payload::CredentialChange {
        credential_type: members.required_text("credential_type")?.to_owned(),
        change_type,
    })
}

fn assurance_level_change(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    let direction = match members.text("change_direction")? {
        None => None,
        Some("increase") => Some(Direction::Increase),
        Some("decrease") => Some(Direction::Decrease),
        Some(_) => {
            notes.add(Normalisation::UnknownValue);
            Some(Direction::Other)
        }
    };
    Ok(Payload::AssuranceLevelChange {
        namespace: members.required_text("namespace")?.to_owned(),
        current_level: members.required_text("current_level")?.to_owned(),
        previous_level: owned(members, "previous_level")?,
        direction,
    })
}

fn compliance(members: &Members<'_>, name: &'static str, notes: &mut Notes) -> Result<Compliance, SetError> {
    let (status, normalisation) = match members.required_text(name)? {
        "compliant" => return Ok(Compliance::Compliant),
        "not-compliant" => return Ok(Compliance::NotCompliant),
        "non-compliant" => (Compliance::NotCompliant, Normalisation::NonCompliant),
        _ => (Compliance::Other, Normalisation::UnknownValue),
    };
    notes.add(normalisation);
    Ok(status)
}

fn risk_level_change(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    let principal = principal(members.required_text("principal")?, notes);
    let current = stated_level(members.required_text("current_level")?, notes);
    let previous = members.text("previous_level")?.map(|text| stated_level(text, notes));
    Ok(Payload::RiskLevelChange {
        principal,
        current,
        previous,
        risk_reason: owned(members, "risk_reason")?,
    })
}

/// Kinds of principal that are none of these are allowed, and are no surprise.
fn principal(text: &str, notes: &mut Notes) -> Principal {
    let upper = text.to_ascii_uppercase();
    let principal = match upper.as_str() {
        "USER" => Principal::User,
        "DEVICE" => Principal::Device,
        "SESSION" => Principal::Session,
        _ => return Principal::Other(text.to_owned()),
    };
    notes.add_if(upper != text, Normalisation::LetterCase);
    principal
}

fn stated_level(text: &str, notes: &mut Notes) -> StatedLevel {
    let upper = text.to_ascii_uppercase();
    let Some(level) = RiskLevel::parse(&upper) else {
        notes.add(Normalisation::UnknownValue);
        return StatedLevel::Other(text.to_owned());
    };
    notes.add_if(upper != text, Normalisation::LetterCase);
    StatedLevel::Level(level)
}

fn account_disabled(members: &Members<'_>, notes: &mut Notes) -> Result<Payload, SetError> {
    let reason = match members.text("reason")? {
        None => None,
        Some("hijacking") => Some(DisabledReason::Hijacking),
        Some("bulk-account") => Some(DisabledReason::BulkAccount),
        Some(_) => {
            notes.add(Normalisation::UnknownValue);
            Some(DisabledReason::Other)
        }
    };
    Ok(Payload::AccountDisabled { reason })
}

/// The only lists whose other values are refused (EVT-11).
fn okta_level(members: &Members<'_>, name: &'static str) -> Result<OktaLevel, SetError> {
    match members.required_text(name)? {
        "none" => Ok(OktaLevel::None),
        "secure" => Ok(OktaLevel::Secure),
        "low" => Ok(OktaLevel::Low),
        "medium" => Ok(OktaLevel::Medium),
        "high" => Ok(OktaLevel::High),
        _ => Err(members.fault(name, NOT_ALLOWED)),
    }
}

/// An address that is context only: one that cannot be read is as good as none.
fn address(members: &Members<'_>, name: &'static str) -> Result<Option<IpAddr>, SetError> {
    Ok(members.text(name)?.and_then(|text| parse_ip(text.trim())))
}

fn owned(members: &Members<'_>, name: &'static str) -> Result<Option<String>, SetError> {
    Ok(members.text(name)?.map(str::to_owned))
}

fn texts(members: &Members<'_>, name: &'static str) -> Result<Vec<String>, SetError> {
    let malformed = || members.fault(name, MALFORMED);
    let Some(value) = members.get(name) else {
        return Ok(Vec::new());
    };
    let items = value.as_array().ok_or_else(malformed)?;
    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(malformed)
}
