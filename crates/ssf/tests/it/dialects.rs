//! What each dialect makes of what senders of each kind really send (ssf.md annexes A and B).

use serde_json::{Value, json};
use watchfire_fixtures::sets;
use watchfire_model::{
    entity::EntityKind,
    object::DialectName::{self, Authentik, CaepDev, GoogleRisc, Interop, LegacySse, Okta, Standard},
    time::Timestamp,
};
use watchfire_ssf::{
    EventKind, Payload, VerifiedSet,
    event::{ChangeType, Compliance, DisabledReason, OktaLevel},
};

use crate::attempt::{Attempt, NOW};

/// The claims, sent to the receiver that they name.
fn attempt(payload: &str, dialect: DialectName) -> Attempt {
    let mut attempt = Attempt::claiming(payload, dialect);
    let claims: Value = serde_json::from_str(payload).unwrap();
    attempt.issuer = claims["iss"].as_str().unwrap().to_owned();
    let aud = &claims["aud"];
    attempt.audiences = vec![aud.as_str().or_else(|| aud[0].as_str()).unwrap().to_owned()];
    attempt
}

/// What was tolerated, or which claim is refused.
fn outcome(attempt: &Attempt) -> String {
    match attempt.send() {
        Ok(set) => names(&set).join(" "),
        Err(error) => {
            let claim = error.description.split('\'').nth(1);
            format!("! {}", claim.unwrap_or(&error.description))
        }
    }
}

fn names(set: &VerifiedSet) -> Vec<&'static str> {
    set.normalisations.iter().map(|it| it.as_str()).collect()
}

const NO_SUB_ID: (&[DialectName], &str) = (&[Interop], "! subId");
const NO_EVENTS: (&[DialectName], &str) = (&[Standard, Interop, GoogleRisc, LegacySse, Authentik, CaepDev], "! events");
const SUB: (&[DialectName], &str) = (&[Standard, Interop, Authentik, CaepDev], "! sub");
const EXP: (&[DialectName], &str) = (&[Standard, Interop, Authentik, CaepDev], "! exp");
const OKTAS: &str = "complex_without_format subject_in_event";

/// A sample, its outcome, and the dialects with another.
type Row = (&'static str, &'static str, &'static [(&'static [DialectName], &'static str)]);

const TABLE: [Row; 21] = [
    (
        sets::GUIDE_IDENTIFIER_CHANGED,
        "milliseconds complex_without_format subject_in_event",
        &[NO_SUB_ID],
    ),
    (sets::OKTA_USER_RISK_CHANGE, OKTAS, &[NO_SUB_ID]),
    (
        sets::OKTA_EVENT_AT_TOP_LEVEL,
        "events_at_top_level complex_without_format subject_in_event",
        &[NO_EVENTS],
    ),
    (sets::OKTA_DEVICE_RISK_CHANGE, OKTAS, &[NO_SUB_ID]),
    (
        sets::OKTA_DEVICE_RISK_CHANGE_SUB,
        "legacy_uri subjects_member complex_without_format opaque_sub subject_in_event",
        &[
            NO_SUB_ID,
            (
                &[Standard, GoogleRisc, LegacySse, Authentik, CaepDev],
                "! events.mediationDeviceRiskChangeEvent.subject",
            ),
        ],
    ),
    (sets::OKTA_IP_CHANGE, OKTAS, &[NO_SUB_ID]),
    (sets::OKTA_DEVICE_COMPLIANCE_CHANGE, OKTAS, &[NO_SUB_ID]),
    (sets::OKTA_SESSION_REVOKED, OKTAS, &[NO_SUB_ID]),
    (sets::OKTA_TRANSMITTER, "milliseconds subject_in_event", &[NO_SUB_ID]),
    (sets::STANDARD_SESSION_REVOKED, "", &[]),
    (
        sets::GOOGLE_ACCOUNT_DISABLED,
        "subject_type hyphenated_format subject_in_event",
        &[NO_SUB_ID],
    ),
    (sets::GOOGLE_VERIFICATION, "legacy_uri subject_missing", &[NO_SUB_ID]),
    (
        sets::GOOGLE_ID_TOKEN_CLAIMS,
        "subject_type id_token_claims subject_in_event",
        &[NO_SUB_ID],
    ),
    (sets::SSE_VERIFICATION, "sub_claim legacy_uri subject_missing", &[SUB]),
    (
        sets::SSE_CREDENTIAL_CHANGE,
        "exp_claim sub_claim sub_as_subject",
        &[EXP, (&[Okta], "! events.credentialChange.subject")],
    ),
    (
        sets::AUTHENTIK_SESSION_REVOKED,
        "",
        &[
            (&[Okta], "! events.mediationSessionRevokedEvent.eventTimestamp"),
            (&[Interop], "! events.mediationSessionRevokedEvent.reasonAdmin"),
        ],
    ),
    (sets::AUTHENTIK_VERIFICATION, "state_null", &[]),
    (sets::CAEP_DEV_COMPLIANCE, "", &[]),
    (
        sets::NETSKOPE_USER_RISK_CHANGE,
        "fractional_time complex_without_format subject_in_event",
        &[NO_SUB_ID],
    ),
    (sets::SGNL_SESSION_REVOKED, "subject_in_event reason_as_text", &[NO_SUB_ID]),
    (sets::LOOKOUT_DEVICE_RISK_CHANGE, "milliseconds complex_without_format", &[]),
];

#[test]
fn every_sample_in_every_dialect() {
    for (payload, usual, exceptions) in TABLE {
        for dialect in DialectName::ALL {
            let exception = exceptions.iter().find(|(dialects, _)| dialects.contains(&dialect));
            let want = exception.map_or(usual, |(_, outcome)| outcome);
            assert_eq!(outcome(&attempt(payload, dialect)), want, "{dialect:?}: {payload}");
        }
    }
}

/// What comes out of a sample in its own dialect: type, members, time.
#[test]
fn every_sample_says_what_its_sender_meant() {
    let user = "USER email jo.lin@example.com";
    type Said = (&'static str, DialectName, EventKind, &'static [&'static str], Option<i64>);
    let table: [Said; 17] = [
        (
            sets::GUIDE_IDENTIFIER_CHANGED,
            Okta,
            EventKind::IdentifierChanged,
            &["USER email john@doe.net"],
            Some(1_615_304_991_643_000),
        ),
        (
            sets::OKTA_EVENT_AT_TOP_LEVEL,
            Okta,
            EventKind::UserRiskChange,
            &["USER email jo.lin@example.com"],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::OKTA_DEVICE_RISK_CHANGE,
            Okta,
            EventKind::DeviceRiskChange,
            &[
                "USER iss_sub https://org.example 00u5h1Kd9Xb2QwErT0h7",
                "DEVICE opaque scope D-42",
            ],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::OKTA_DEVICE_RISK_CHANGE_SUB,
            Okta,
            EventKind::DeviceRiskChange,
            &["DEVICE opaque scope D-42"],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::OKTA_DEVICE_COMPLIANCE_CHANGE,
            Okta,
            EventKind::DeviceComplianceChange,
            &["USER email jo.lin@example.com", "DEVICE opaque scope D-42"],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::OKTA_TRANSMITTER,
            Okta,
            EventKind::SessionRevoked,
            &["USER iss_sub https://org.example 00u5h1Kd9Xb2QwErT0h7"],
            Some(1_787_926_998_412_000),
        ),
        (
            sets::STANDARD_SESSION_REVOKED,
            Standard,
            EventKind::SessionRevoked,
            &[
                "USER iss_sub https://idp.example.com/123456789/ dMTlD",
                "SESSION opaque scope dMTlD|1600802906337.16|16008.16",
            ],
            Some(1_615_304_991_000_000),
        ),
        (
            sets::GOOGLE_ACCOUNT_DISABLED,
            GoogleRisc,
            EventKind::AccountDisabled,
            &["USER iss_sub https://accounts.google.com/ 7375626A656374"],
            None,
        ),
        (sets::GOOGLE_VERIFICATION, GoogleRisc, EventKind::Verification, &[], None),
        (
            sets::GOOGLE_ID_TOKEN_CLAIMS,
            GoogleRisc,
            EventKind::SessionsRevoked,
            &[
                "USER iss_sub https://accounts.google.com/ 7375626A656374",
                "USER email jo.lin@example.com",
            ],
            None,
        ),
        (sets::SSE_VERIFICATION, LegacySse, EventKind::Verification, &[], None),
        (
            sets::SSE_CREDENTIAL_CHANGE,
            LegacySse,
            EventKind::CredentialChange,
            &["USER iss_sub https://tr.example.com user-7"],
            Some(1_493_855_990_000_000),
        ),
        (
            sets::AUTHENTIK_SESSION_REVOKED,
            Authentik,
            EventKind::SessionRevoked,
            &["USER email jo.lin@example.com", "SESSION opaque scope c0ffee"],
            None,
        ),
        (sets::AUTHENTIK_VERIFICATION, Authentik, EventKind::Verification, &[], None),
        (
            sets::NETSKOPE_USER_RISK_CHANGE,
            Okta,
            EventKind::UserRiskChange,
            &["USER email jo.lin@example.com"],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::SGNL_SESSION_REVOKED,
            Okta,
            EventKind::SessionRevoked,
            &["USER email jo.lin@example.com"],
            Some(1_787_927_290_000_000),
        ),
        (
            sets::LOOKOUT_DEVICE_RISK_CHANGE,
            Okta,
            EventKind::DeviceRiskChange,
            &["USER email jo.lin@example.com"],
            Some(1_787_927_290_482_000),
        ),
    ];
    for (payload, dialect, kind, members, micros) in table {
        let set = attempt(payload, dialect).send().unwrap();
        let [event] = set.events.as_slice() else { panic!("{payload}") };
        assert_eq!(event.kind(), Some(kind), "{payload}");
        let identifiers = event
            .members()
            .into_iter()
            .flat_map(|(kind, it)| it.identifiers(kind, "scope"));
        assert_eq!(identifiers.map(|it| it.to_string()).collect::<Vec<_>>(), members, "{payload}");
        assert_eq!(event.occurred_at.map(Timestamp::as_micros), micros, "{payload}");
    }
    let caep_dev = attempt(sets::CAEP_DEV_COMPLIANCE, CaepDev).send().unwrap();
    let (kind, email) = caep_dev.events[0].members()[0];
    assert_eq!(
        (kind, email.identifiers(kind, "")[0].to_string().as_str()),
        (EntityKind::User, user)
    );
}

#[test]
fn the_payloads_are_typed() {
    let payload = |text, dialect| attempt(text, dialect).send().unwrap().events.remove(0).payload;
    assert_eq!(
        payload(sets::GUIDE_IDENTIFIER_CHANGED, Okta),
        Payload::IdentifierChanged {
            new_value: Some("john.roe@example.com".to_owned())
        }
    );
    assert_eq!(
        payload(sets::NETSKOPE_USER_RISK_CHANGE, Okta),
        Payload::UserRiskChange {
            current: OktaLevel::High,
            previous: OktaLevel::None
        }
    );
    assert_eq!(
        payload(sets::OKTA_DEVICE_RISK_CHANGE, Okta),
        Payload::DeviceRiskChange {
            current: OktaLevel::Medium,
            previous: OktaLevel::Secure
        }
    );
    assert_eq!(
        payload(sets::OKTA_IP_CHANGE, Okta),
        Payload::IpChange {
            current: "198.51.100.7".to_owned(),
            previous: "192.0.2.44".to_owned()
        }
    );
    assert_eq!(
        payload(sets::OKTA_SESSION_REVOKED, Okta),
        Payload::SessionRevoked {
            current_ip: "198.51.100.7".parse().ok(),
            last_known_ip: "192.0.2.44".parse().ok()
        }
    );
    assert_eq!(
        payload(sets::CAEP_DEV_COMPLIANCE, CaepDev),
        Payload::DeviceComplianceChange {
            previous: Compliance::Compliant,
            current: Compliance::NotCompliant
        }
    );
    assert_eq!(
        payload(sets::GOOGLE_ACCOUNT_DISABLED, GoogleRisc),
        Payload::AccountDisabled {
            reason: Some(DisabledReason::Hijacking)
        }
    );
    assert_eq!(
        payload(sets::GOOGLE_VERIFICATION, GoogleRisc),
        Payload::Verification {
            state: Some("ABC123".to_owned())
        }
    );
    assert_eq!(
        payload(sets::AUTHENTIK_VERIFICATION, Authentik),
        Payload::Verification { state: None }
    );
    assert_eq!(
        payload(sets::SSE_CREDENTIAL_CHANGE, LegacySse),
        Payload::CredentialChange {
            credential_type: "password".to_owned(),
            change_type: ChangeType::Update
        }
    );
}

/// Every type in every dialect, as a transmitter of that dialect writes it.
#[test]
fn every_type_in_every_dialect() {
    for dialect in DialectName::ALL {
        for kind in EventKind::ALL {
            let set = Attempt::of(kind, dialect).send().unwrap();
            assert_eq!(set.events[0].kind(), Some(kind), "{dialect:?}");
            assert_eq!(set.events[0].uri, kind.uri());
            assert_eq!(
                set.events[0].members().len(),
                usize::from(!kind.is_of_stream()),
                "{dialect:?} {kind:?}"
            );
        }
    }
}

/// ssf.md annex B, the table of tolerance: the first three columns of dialects, row by row.
#[test]
fn the_table_of_tolerance() {
    type Change = fn(&mut Attempt);
    let rows: [(&str, Change, [&str; 3]); 8] = [
        (
            "an unknown event type",
            |it| it.edit_claims(|claims| claims["events"] = json!({"https://x.example/e": {}})),
            ["", "", ""],
        ),
        (
            "several events",
            |it| it.edit_claims(|claims| claims["events"]["https://x.example/e"] = json!({})),
            ["several_events", "several_events", "! events"],
        ),
        (
            "no sub_id",
            |it| {
                let subject = json!({"format": "email", "email": "jo.lin@example.com"});
                it.edit_event(|event| {
                    event.insert("subject".to_owned(), subject.clone());
                });
                it.edit_claims(|claims| {
                    claims.remove("sub_id");
                });
            },
            ["subject_in_event", "subject_in_event", "! subId"],
        ),
        (
            "sub",
            |it| {
                it.edit_claims(|claims| {
                    claims.insert("sub".to_owned(), json!("7"));
                });
            },
            ["sub_claim", "! sub", "! sub"],
        ),
        (
            "exp",
            |it| {
                it.edit_claims(|claims| {
                    claims.insert("exp".to_owned(), json!(NOW.as_seconds() - 60));
                });
            },
            ["exp_claim", "! exp", "! exp"],
        ),
        (
            "the event at top level",
            |it| {
                it.edit_claims(|claims| {
                    let events = claims.remove("events").unwrap();
                    claims.extend(events.as_object().unwrap().clone());
                });
            },
            ["events_at_top_level", "! events", "! events"],
        ),
        (
            "typ JWT",
            |it| it.edit_header(|header| header["typ"] = json!("JWT")),
            [
                "! Could not parse security event token",
                "! Could not parse security event token",
                "! Could not parse security event token",
            ],
        ),
        (
            "aud with a slash",
            |it| it.edit_claims(|claims| claims["aud"] = json!(["https://org.example/"])),
            [
                "audience_slash",
                "! The audience does not match this org",
                "! The audience does not match this org",
            ],
        ),
    ];
    for (name, change, wants) in rows {
        for (dialect, want) in [Okta, Standard, Interop].into_iter().zip(wants) {
            // with sub_id in every dialect, so that one change is one change
            let mut attempt = Attempt::new(Standard);
            attempt.dialect = dialect;
            change(&mut attempt);
            assert_eq!(outcome(&attempt), want, "{name}: {dialect:?}");
        }
    }
}

/// SET-02, AMB-19, SET-06: what the header may leave out.
#[test]
fn headers_that_say_less() {
    let header = |text: &str, dialect| {
        let mut attempt = Attempt::new(dialect);
        attempt.header = text.as_bytes().to_vec();
        outcome(&attempt)
    };
    for typ in [
        "secevent+jwt",
        "SecEvent+JWT",
        "application/secevent+jwt",
        "APPLICATION/SECEVENT+JWT",
    ] {
        assert_eq!(
            header(&format!(r#"{{"alg":"RS256","kid":"rsa-1","typ":"{typ}"}}"#), Interop),
            "",
            "{typ}"
        );
    }
    assert_eq!(
        header(r#"{"alg":"RS256","kid":"rsa-1","typ":"JWT"}"#, Authentik),
        "type_missing"
    );
    assert_eq!(header(r#"{"alg":"RS256","kid":"rsa-1"}"#, Authentik), "type_missing");
    assert_eq!(header(r#"{"alg":"RS256","typ":"secevent+jwt"}"#, Standard), "key_id_missing");
    // members that are never looked at (SET-09)
    assert_eq!(
        header(
            r#"{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt","jku":"https://x.example","x5t":"AA","v":1}"#,
            Interop
        ),
        ""
    );
}
