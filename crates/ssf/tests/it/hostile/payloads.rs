//! What events say, type by type.

use serde_json::{Map, Value, json};
use watchfire_model::object::DialectName;
use watchfire_ssf::{ErrorCode::InvalidRequest, EventKind};

use super::{Base, Case};

pub(super) fn cases() -> Vec<Case> {
    [required(), malformed(), levels(), common(), oktas()]
        .into_iter()
        .flatten()
        .collect()
}

fn event(
    name: &str,
    rule: &'static str,
    (kind, dialect): (EventKind, DialectName),
    edit: impl Fn(&mut Map<String, Value>) + Clone + 'static,
) -> Case {
    let name = format!("{}: {name} ({})", kind.name(), dialect.as_str());
    let base = (Base::Event(kind, dialect), InvalidRequest);
    Case::new(name, rule, base, move |it| it.edit_event(edit.clone()))
}

fn set(rule: &'static str, kind: EventKind, member: &'static str, value: Value) -> Case {
    let name = format!("{member} {value}");
    event(&name, rule, (kind, DialectName::Standard), move |event| {
        event.insert(member.to_owned(), value.clone());
    })
}

/// Members that each type must have, in every dialect (ssf.md 3), and the names that refusals use.
const REQUIRED: [(EventKind, &str, &str); 15] = [
    (EventKind::StreamUpdated, "status", "events.streamUpdated.status"),
    (EventKind::TokenClaimsChange, "claims", "events.tokenClaimsChange.claims"),
    (
        EventKind::CredentialChange,
        "credential_type",
        "events.credentialChange.credentialType",
    ),
    (
        EventKind::CredentialChange,
        "change_type",
        "events.credentialChange.changeType",
    ),
    (
        EventKind::AssuranceLevelChange,
        "namespace",
        "events.assuranceLevelChange.namespace",
    ),
    (
        EventKind::AssuranceLevelChange,
        "current_level",
        "events.assuranceLevelChange.currentLevel",
    ),
    (
        EventKind::DeviceComplianceChange,
        "previous_status",
        "events.mediationDeviceComplianceChangeEvent.previousStatus",
    ),
    (
        EventKind::DeviceComplianceChange,
        "current_status",
        "events.mediationDeviceComplianceChangeEvent.currentStatus",
    ),
    (EventKind::RiskLevelChange, "principal", "events.riskLevelChange.principal"),
    (
        EventKind::RiskLevelChange,
        "current_level",
        "events.riskLevelChange.currentLevel",
    ),
    (
        EventKind::CredentialCompromise,
        "credential_type",
        "events.credentialCompromise.credentialType",
    ),
    (
        EventKind::UserRiskChange,
        "current_level",
        "events.mediationUserRiskChangeEvent.currentRiskLevel",
    ),
    (
        EventKind::DeviceRiskChange,
        "previous_level",
        "events.mediationDeviceRiskChangeEvent.previousRiskLevel",
    ),
    (
        EventKind::IpChange,
        "current_ip_address",
        "events.mediationIpChangeEvent.currentIpAddress",
    ),
    (
        EventKind::IpChange,
        "previous_ip_address",
        "events.mediationIpChangeEvent.previousIpAddress",
    ),
];

fn required() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, member, path) in REQUIRED {
        let says = format!("Failed claim validation in security event token. '{path}': The field cannot be left blank");
        for dialect in [DialectName::Standard, DialectName::Okta] {
            cases.push(
                event(&format!("no {member}"), "okta.md 6.5", (kind, dialect), move |event| {
                    event.remove(member);
                })
                .saying(says.clone()),
            );
        }
        cases.push(set("okta.md 6.5", kind, member, json!(null)).saying(says.clone()));
        let faulty = set("ssf.md 3", kind, member, json!(["x"]));
        cases.push(faulty.saying(format!("'{path}': ")));
        if member != "claims" {
            cases.push(set("okta.md 6.5", kind, member, json!("")).saying(says.clone()));
            cases.push(set("okta.md 6.5", kind, member, json!(" ")).saying(says));
        }
    }
    cases.push(set("ssf.md 3.2", EventKind::TokenClaimsChange, "claims", json!({})).saying("claims"));
    cases
}

/// Members that may be absent, of a wrong type.
fn malformed() -> Vec<Case> {
    use EventKind::*;
    let wrong = [
        (Verification, "state", json!(7)),
        (Verification, "state", json!({})),
        (StreamUpdated, "reason", json!(7)),
        (SessionRevoked, "current_ip", json!(["192.0.2.1"])),
        (SessionRevoked, "last_known_ip", json!(7)),
        (CredentialChange, "friendly_name", json!({})),
        (CredentialChange, "fido2_aaguid", json!(7)),
        (AssuranceLevelChange, "change_direction", json!(1)),
        (AssuranceLevelChange, "previous_level", json!(2)),
        (SessionEstablished, "fp_ua", json!(7)),
        (SessionEstablished, "acr", json!([])),
        (SessionEstablished, "amr", json!("pwd")),
        (SessionEstablished, "amr", json!(["pwd", 7])),
        (SessionEstablished, "ext_id", json!({})),
        (SessionPresented, "ext_id", json!(7)),
        (RiskLevelChange, "previous_level", json!(1)),
        (RiskLevelChange, "risk_reason", json!(["x"])),
        (AccountDisabled, "reason", json!({"en": "hijacking"})),
        (IdentifierChanged, "new-value", json!(["a@b.example"])),
    ];
    wrong.map(|(kind, member, value)| set("ssf.md 3", kind, member, value)).into()
}

/// EVT-11: the only lists whose other values are refused.
fn levels() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [EventKind::UserRiskChange, EventKind::DeviceRiskChange] {
        for level in ["HIGH", "High", "critical", "high ", "0", "hіgh"] {
            for (member, path) in [("current_level", "currentRiskLevel"), ("previous_level", "previousRiskLevel")] {
                cases.push(set("EVT-11", kind, member, json!(level)).saying(format!("{path}': Not one of the allowed values")));
            }
        }
        cases.push(set("EVT-11", kind, "current_level", json!(3)));
    }
    for kind in [EventKind::UserRiskChange, EventKind::DeviceRiskChange, EventKind::IpChange] {
        for entity in ["robot", "Admin", ""] {
            let case = set("EVT-11", kind, "initiating_entity", json!(entity));
            cases.push(case.saying("initiatingEntity': Not one of the allowed values"));
        }
    }
    cases
}

/// Members that every event may have (ssf.md 3.2).
fn common() -> Vec<Case> {
    let mut cases = Vec::new();
    let times = [
        json!("1787927290"),
        json!("2026-09-01T00:00:00Z"),
        json!(true),
        json!([1_787_927_290]),
        json!({}),
        json!(9_007_199_254_740_993_i64),
        json!(-9_007_199_254_740_993_i64),
        json!(1e300),
        json!(u64::MAX),
    ];
    for time in times {
        for kind in [
            EventKind::SessionRevoked,
            EventKind::AccountDisabled,
            EventKind::UserRiskChange,
        ] {
            cases.push(set("EVT-12", kind, "event_timestamp", time.clone()).saying("eventTimestamp'"));
        }
    }
    for member in ["reason_admin", "reason_user"] {
        for value in [
            json!(7),
            json!(["x"]),
            json!({"en": 7}),
            json!({"en": {"x": "y"}}),
            json!({"en": "x", "de": null}),
        ] {
            cases.push(set("EVT-13", EventKind::CredentialChange, member, value));
        }
    }
    for entity in [json!(7), json!(["admin"]), json!({})] {
        cases.push(set("ssf.md 3.2", EventKind::SessionRevoked, "initiating_entity", entity));
    }
    for kind in [EventKind::SessionRevoked, EventKind::CredentialChange] {
        for (name, value) in [
            ("missing", None),
            ("empty", Some(json!({}))),
            ("blank", Some(json!({"en": ""}))),
        ] {
            let case = event(
                &format!("{name} reason_admin"),
                "ITOP-23",
                (kind, DialectName::Interop),
                move |event| {
                    event.remove("reason_admin");
                    event.extend(value.clone().map(|value| ("reason_admin".to_owned(), value)));
                },
            );
            cases.push(case.saying("reasonAdmin'"));
        }
    }
    cases
}

/// What Okta's receiver demands of its six types (okta.md 6.3), and all of its own three (EVT-12).
fn oktas() -> Vec<Case> {
    let mut cases = Vec::new();
    let documented = EventKind::ALL.into_iter().filter(|kind| kind.is_documented_by_okta());
    for kind in documented {
        let case = event("no event_timestamp", "EVT-12", (kind, DialectName::Okta), |event| {
            event.remove("event_timestamp");
        });
        cases.push(case.saying("Event.eventTimestamp': The field cannot be left blank"));
        let case = event("no subject", "okta.md 6.3", (kind, DialectName::Okta), |event| {
            event.remove("subject");
        });
        cases.push(case.saying("Event.subject': The field cannot be left blank"));
        if kind.is_oktas() {
            let case = event("no event_timestamp", "EVT-12", (kind, DialectName::Standard), |event| {
                event.remove("event_timestamp");
            });
            cases.push(case.saying("Event.eventTimestamp': The field cannot be left blank"));
        }
    }
    cases
}
