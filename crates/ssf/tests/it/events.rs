//! What is tolerated in events, and what it becomes.

use serde_json::{Value, json};
use watchfire_model::{
    object::{
        DialectName::{self, LegacySse, Okta, Standard},
        StreamStatus,
    },
    signal::RiskLevel,
};
use watchfire_ssf::{
    EventKind, Payload, SecurityEvent, Subject,
    catalogue::{ALIASES, RECOGNISED},
    event::{ChangeType, Compliance, Direction, DisabledReason, Principal, StatedLevel},
};

use crate::attempt::Attempt;

/// The event of a token, and what was tolerated.
fn sent(mut attempt: Attempt, edit: impl Fn(&mut Attempt)) -> (SecurityEvent, Vec<&'static str>) {
    edit(&mut attempt);
    let mut set = attempt.send().unwrap();
    let names = set.normalisations.iter().map(|it| it.as_str()).collect();
    (set.events.remove(0), names)
}

/// With members of the event set to these.
fn with(kind: EventKind, dialect: DialectName, members: &Value) -> (SecurityEvent, Vec<&'static str>) {
    let members = members.as_object().unwrap();
    sent(Attempt::of(kind, dialect), |it| {
        it.edit_event(|event| event.extend(members.clone()))
    })
}

fn payload(kind: EventKind, members: Value) -> (Payload, Vec<&'static str>) {
    let (event, names) = with(kind, Standard, &members);
    (event.payload, names)
}

/// EVT-11, AMB-50: words that are none of a list are no error.
#[test]
fn unknown_words_are_kept_as_other() {
    let unknown = vec!["unknown_value"];
    assert_eq!(
        payload(
            EventKind::CredentialChange,
            json!({"change_type": "rotate", "credential_type": "SIGNED_NONCE"})
        ),
        (
            Payload::CredentialChange {
                credential_type: "SIGNED_NONCE".to_owned(),
                change_type: ChangeType::Other
            },
            unknown.clone()
        )
    );
    assert_eq!(
        payload(EventKind::DeviceComplianceChange, json!({"current_status": "non-compliant"})),
        (
            Payload::DeviceComplianceChange {
                previous: Compliance::Compliant,
                current: Compliance::NotCompliant
            },
            vec!["non_compliant"]
        )
    );
    assert_eq!(
        payload(EventKind::DeviceComplianceChange, json!({"current_status": "unsure"})),
        (
            Payload::DeviceComplianceChange {
                previous: Compliance::Compliant,
                current: Compliance::Other
            },
            unknown.clone()
        )
    );
    assert_eq!(
        payload(EventKind::AccountDisabled, json!({"reason": "retired"})),
        (
            Payload::AccountDisabled {
                reason: Some(DisabledReason::Other)
            },
            unknown.clone()
        )
    );
    assert_eq!(
        payload(EventKind::StreamUpdated, json!({"status": "resting", "reason": "x"})),
        (
            Payload::StreamUpdated {
                status: None,
                reason: Some("x".to_owned())
            },
            unknown.clone()
        )
    );
    let (direction, names) = payload(EventKind::AssuranceLevelChange, json!({"change_direction": "sideways"}));
    assert!(matches!(
        direction,
        Payload::AssuranceLevelChange {
            direction: Some(Direction::Other),
            ..
        }
    ));
    assert_eq!(names, unknown);
    let (event, names) = with(EventKind::SessionRevoked, Standard, &json!({"initiating_entity": "robot"}));
    assert_eq!((event.initiating_entity.as_deref(), names), (Some("robot"), unknown));
}

#[test]
fn words_of_the_lists_are_read() {
    for (word, want) in [
        ("create", ChangeType::Create),
        ("revoke", ChangeType::Revoke),
        ("update", ChangeType::Update),
        ("delete", ChangeType::Delete),
    ] {
        let (payload, names) = payload(EventKind::CredentialChange, json!({"change_type": word}));
        assert!(matches!(payload, Payload::CredentialChange { change_type, .. } if change_type == want));
        assert!(names.is_empty());
    }
    for (word, want) in [
        ("enabled", StreamStatus::Enabled),
        ("paused", StreamStatus::Paused),
        ("disabled", StreamStatus::Disabled),
    ] {
        let (payload, _) = payload(EventKind::StreamUpdated, json!({"status": word}));
        assert!(matches!(payload, Payload::StreamUpdated { status, .. } if status == Some(want)));
    }
}

#[test]
fn levels_of_caep_are_read_in_either_case() {
    let level = |principal: &str, current: &str, previous: Value| {
        let members = json!({"principal": principal, "current_level": current, "previous_level": previous, "risk_reason": "x"});
        payload(EventKind::RiskLevelChange, members)
    };
    let read = |principal, current, previous| Payload::RiskLevelChange {
        principal,
        current,
        previous,
        risk_reason: Some("x".to_owned()),
    };
    assert_eq!(
        level("DEVICE", "MEDIUM", json!("LOW")),
        (
            read(
                Principal::Device,
                StatedLevel::Level(RiskLevel::Medium),
                Some(StatedLevel::Level(RiskLevel::Low))
            ),
            vec![]
        )
    );
    assert_eq!(
        level("session", "High", json!(null)),
        (
            read(Principal::Session, StatedLevel::Level(RiskLevel::High), None),
            vec!["letter_case"]
        )
    );
    let other = || StatedLevel::Other("EXTREME".to_owned());
    assert_eq!(
        level("ORG_UNIT", "EXTREME", json!("EXTREME")),
        (
            read(Principal::Other("ORG_UNIT".to_owned()), other(), Some(other())),
            vec!["unknown_value"]
        )
    );
    // what a group's level says of a user is nobody's business
    let (event, _) = with(EventKind::RiskLevelChange, Standard, &json!({"principal": "GROUP"}));
    assert_eq!(event.members(), []);
}

/// EVT-13
#[test]
fn reasons_are_texts_in_languages() {
    let reason = |value: Value| {
        let (event, names) = with(EventKind::SessionRevoked, Standard, &json!({"reason_admin": value}));
        (event.reason_admin, names)
    };
    for (value, want) in [
        (json!({"de": "Gerät verloren", "en": "Device lost"}), Some("Device lost")),
        (json!({"de": "Gerät verloren", "en-GB": "Device lost"}), Some("Device lost")),
        (json!({"en": "", "de": "Gerät verloren"}), Some("Gerät verloren")),
        (json!({"es-410": "Perdido", "de": "Verloren"}), Some("Perdido")),
        (json!({}), None),
        (json!(null), None),
    ] {
        assert_eq!(reason(value), (want.map(str::to_owned), vec![]));
    }
    assert_eq!(
        reason(json!("Device lost")),
        (Some("Device lost".to_owned()), vec!["reason_as_text"])
    );
    assert_eq!(reason(json!("")), (None, vec!["reason_as_text"]));
}

/// SET-36, EVT-40, EVT-50
#[test]
fn other_names_act_as_their_type_and_unknown_ones_are_kept() {
    let renamed = |uri: &str, kind: EventKind| {
        let uri = uri.to_owned();
        sent(Attempt::of(kind, Standard), move |it| {
            it.edit_claims(|claims| {
                let events = claims["events"].as_object_mut().unwrap();
                let event = events.remove(kind.uri()).unwrap();
                events.insert(uri.clone(), event);
            });
        })
    };
    for (alias, kind) in ALIASES {
        let (event, names) = renamed(alias, kind);
        assert_eq!((event.kind(), event.uri.as_str()), (Some(kind), alias));
        assert!(names.contains(&"legacy_uri"), "{alias}");
    }
    for name in RECOGNISED {
        let (event, names) = renamed(name, EventKind::SessionRevoked);
        assert_eq!((event.payload, names), (Payload::Recognised, vec![]));
    }
    let (event, names) = renamed("https://vendor.example/event/odd", EventKind::SessionRevoked);
    assert_eq!((&event.payload, names), (&Payload::Unknown, vec![]));
    assert!(event.members().is_empty() && event.subject.is_some() && event.claims.contains_key("reason_admin"));
}

/// SET-36: nothing in an event that is not known can be wrong.
#[test]
fn unknown_events_may_say_anything() {
    let odd = json!({"subject": 7, "event_timestamp": "x", "reason_admin": 7, "initiating_entity": []});
    for dialect in [Okta, Standard] {
        let (event, names) = sent(Attempt::new(dialect), |it| {
            it.edit_claims(|claims| {
                claims.remove("sub_id");
                claims["events"] = json!({"https://x.example/e": odd});
            });
        });
        assert_eq!((event.subject, event.occurred_at), (None, None));
        assert!(names.is_empty());
        assert_eq!(json!(event.claims), odd);
    }
}

/// AMB-01
#[test]
fn sub_id_decides_whom_an_event_is_about() {
    let user = json!({"format": "email", "email": "jo.lin@example.com"});
    let with_subject = |subject: Value| {
        let (event, names) = with(EventKind::DeviceRiskChange, Standard, &json!({"subject": subject}));
        let subject = event.subject.as_ref().map(Subject::to_json);
        (subject.unwrap(), names)
    };
    assert_eq!(with_subject(user.clone()), (user.clone(), vec!["bare_subject"]));
    let other = json!({"format": "email", "email": "somebody.else@example.com"});
    assert_eq!(
        with_subject(other.clone()),
        (user.clone(), vec!["subjects_differ", "bare_subject"])
    );
    assert_eq!(
        with_subject(json!({"user": other})),
        (
            user.clone(),
            vec!["complex_without_format", "subjects_differ", "bare_subject"]
        )
    );
    // a copy of a part of it is no contradiction
    let (event, names) = sent(Attempt::new(Standard), |it| {
        it.edit_claims(|claims| {
            claims["sub_id"] = json!({"format": "complex", "user": user, "session": {"format": "opaque", "id": "S"}})
        });
        it.edit_event(|event| {
            event.insert("subject".to_owned(), user.clone());
        });
    });
    assert_eq!((event.members().len(), names), (2, vec![]));
    // the same user, and the device that is meant
    let both = json!({"user": user, "device": {"format": "opaque", "id": "D-42"}});
    let (subject, names) = with_subject(both);
    assert_eq!(subject["device"]["id"], json!("D-42"));
    assert_eq!(names, ["complex_without_format"]);
}

/// AMB-55: only where Okta would not look at it, and only when there is nothing else.
#[test]
fn sub_stands_for_a_missing_subject_in_old_dialects() {
    let (event, names) = sent(Attempt::new(LegacySse), |it| {
        it.edit_claims(|claims| {
            claims.insert("sub".to_owned(), json!("user-7"));
        });
    });
    assert_eq!(event.subject.unwrap().to_json()["format"], json!("email"));
    assert_eq!(names, ["sub_claim"]);
}

/// EVT-21
#[test]
fn identifiers_change_under_any_format_with_a_remark() {
    for kind in [EventKind::IdentifierChanged, EventKind::IdentifierRecycled] {
        let (event, names) = sent(Attempt::of(kind, Standard), |it| {
            it.edit_claims(|claims| claims["sub_id"] = json!({"format": "opaque", "id": "7"}));
        });
        assert_eq!((event.kind(), names), (Some(kind), vec!["subject_unexpected"]));
    }
}

/// ssf.md 1.2: `toe` when the event says nothing itself; a token of any age.
#[test]
fn old_tokens_and_their_times_are_taken() {
    let (event, _) = sent(Attempt::new(Standard), |it| {
        it.edit_claims(|claims| {
            claims["iat"] = json!(0);
            claims.insert("toe".to_owned(), json!(1_000.5));
        });
        it.edit_event(|event| {
            event.remove("event_timestamp");
        });
    });
    assert_eq!(event.occurred_at.unwrap().as_seconds(), 1_000);
    let mut set = Attempt::new(Standard);
    set.edit_claims(|claims| claims["iat"] = json!(1_787_927_600));
    assert!(set.send().is_ok(), "300 seconds ahead");
}

/// AMB-21
#[test]
fn a_null_state_is_none() {
    assert_eq!(
        payload(EventKind::Verification, json!({"state": null})),
        (Payload::Verification { state: None }, vec!["state_null"])
    );
    assert_eq!(
        payload(EventKind::Verification, json!({"state": ""})),
        (
            Payload::Verification {
                state: Some(String::new())
            },
            vec![]
        )
    );
}

/// An address that nobody can read says as little as none.
#[test]
fn addresses_of_a_session_are_context() {
    let (payload, _) = payload(
        EventKind::SessionRevoked,
        json!({"current_ip": "somewhere", "last_known_ip": "2001:db8::1"}),
    );
    let last_known_ip = "2001:db8::1".parse().ok();
    assert_eq!(
        payload,
        Payload::SessionRevoked {
            current_ip: None,
            last_known_ip
        }
    );
}
