//! Whom events are about.

use serde_json::{Value, json};
use watchfire_model::object::DialectName;
use watchfire_ssf::{ErrorCode::InvalidRequest, EventKind};

use super::{Base, Case, STANDARD};

pub(super) fn cases() -> Vec<Case> {
    [places(), identifiers()].into_iter().flatten().collect()
}

const OKTA: Base = Base::Rs256(DialectName::Okta);

fn sub_id(name: String, rule: &'static str, value: Value) -> Case {
    Case::new(name, rule, (STANDARD, InvalidRequest), move |it| {
        it.edit_claims(|claims| claims["sub_id"] = value.clone());
    })
    .saying("'subId'")
}

fn in_event(name: String, rule: &'static str, value: Value) -> Case {
    Case::new(name, rule, (OKTA, InvalidRequest), move |it| {
        it.edit_event(|event| event["subject"] = value.clone());
    })
    .saying("'events.mediationSessionRevokedEvent.subject'")
}

fn places() -> Vec<Case> {
    let without_sub_id = |name: &str, rule, base| {
        Case::new(name, rule, (base, InvalidRequest), |it| {
            it.edit_claims(|claims| {
                claims.remove("sub_id");
            });
        })
    };
    let interop = |kind| Base::Event(kind, DialectName::Interop);
    let mut cases = vec![
        without_sub_id("no subject anywhere", "AMB-01", STANDARD).saying("subject': The field cannot be left blank"),
        without_sub_id("no sub_id", "SET-18", interop(EventKind::SessionRevoked)).saying("'subId'"),
        without_sub_id("no sub_id of a verification", "EVT-02", interop(EventKind::Verification)).saying("'subId'"),
        Case::new("sub_id is null", "SET-18", (STANDARD, InvalidRequest), |it| {
            it.edit_claims(|claims| claims["sub_id"] = json!(null));
        }),
        Case::new(
            "sub_id of an unknown event is missing",
            "SET-18",
            (interop(EventKind::OptIn), InvalidRequest),
            |it| {
                it.edit_claims(|claims| {
                    claims.remove("sub_id");
                    claims["events"] = json!({"https://x.example/e": {}});
                });
            },
        ),
        Case::new(
            "the subject only in the event",
            "ssf.md annex B",
            (interop(EventKind::SessionRevoked), InvalidRequest),
            |it| {
                it.edit_claims(|claims| {
                    claims.remove("sub_id");
                });
                it.edit_event(|event| {
                    event.insert(
                        "subject".to_owned(),
                        json!({"format": "email", "email": "jo.lin@example.com"}),
                    );
                });
            },
        )
        .saying("'subId'"),
        Case::new(
            "a malformed subject beside sub_id",
            "ssf.md 2.1",
            (STANDARD, InvalidRequest),
            |it| {
                it.edit_event(|event| {
                    event.insert("subject".to_owned(), json!({"format": "email", "email": "x"}));
                });
            },
        ),
        Case::new(
            "a malformed sub_id beside a subject",
            "ssf.md 2.1",
            (OKTA, InvalidRequest),
            |it| {
                it.edit_claims(|claims| {
                    claims.insert("sub_id".to_owned(), json!({"format": "email", "email": "x"}));
                });
            },
        ),
        Case::new(
            "subjects outside Okta's dialect",
            "okta.md 13, 18",
            (STANDARD, InvalidRequest),
            |it| {
                it.edit_claims(|claims| {
                    claims.remove("sub_id");
                });
                it.edit_event(|event| {
                    event.insert(
                        "subjects".to_owned(),
                        json!({"user": {"format": "email", "email": "a@b.example"}}),
                    );
                });
            },
        ),
    ];
    for value in [json!(null), json!("jo.lin@example.com"), json!([]), json!({}), json!(7)] {
        cases.push(in_event(format!("subject {value}"), "okta.md 6.4", value));
    }
    cases
}

fn identifiers() -> Vec<Case> {
    let faulty = [
        ("ssf.md 2.1", json!("jo.lin@example.com")),
        ("ssf.md 2.1", json!([{"format": "email", "email": "a@b.example"}])),
        ("ssf.md 2.1", json!({})),
        ("ssf.md 2.1", json!({"email": "a@b.example"})),
        ("ssf.md 2.1", json!({"format": 7, "email": "a@b.example"})),
        ("ssf.md 2.1", json!({"format": "email"})),
        ("ssf.md 2.1", json!({"format": "email", "email": null})),
        ("ssf.md 2.1", json!({"format": "email", "email": ["a@b.example"]})),
        ("ssf.md 2.1", json!({"format": "email", "email": "a.example"})),
        ("ssf.md 2.1", json!({"format": "email", "email": "a @b.example"})),
        (
            "ssf.md 2.1",
            json!({"format": "email", "email": format!("{}@b.example", "a".repeat(320))}),
        ),
        ("ssf.md 2.1", json!({"format": "iss_sub", "iss": "https://a.example"})),
        ("ssf.md 2.1", json!({"format": "iss_sub", "iss": "a", "sub": "7"})),
        (
            "ssf.md 2.1",
            json!({"format": "iss_sub", "iss": "https://a.example", "sub": "7".repeat(256)}),
        ),
        ("ssf.md 2.1", json!({"format": "opaque", "id": ""})),
        ("ssf.md 2.1", json!({"format": "phone_number", "phone_number": "12065550100"})),
        (
            "ssf.md 2.1",
            json!({"format": "phone_number", "phone_number": "+1206555010012345"}),
        ),
        ("ssf.md 2.1", json!({"format": "phone_number", "phone_number": "+١٢٠٦"})),
        ("ssf.md 2.1", json!({"format": "account", "uri": "mailto:a@b.example"})),
        ("ssf.md 2.1", json!({"format": "did", "url": "https://a.example"})),
        ("ssf.md 2.1", json!({"format": "uri", "uri": "a/b"})),
        ("ssf.md 2.1", json!({"format": "jwt_id", "iss": "https://a.example"})),
        (
            "ssf.md 2.1",
            json!({"format": "saml_assertion_id", "issuer": "https://a.example"}),
        ),
        ("ssf.md 2.1", json!({"format": "ip-addresses", "ip-addresses": []})),
        (
            "ssf.md 2.1",
            json!({"format": "ip-addresses", "ip-addresses": ["192.0.2.300"]}),
        ),
        (
            "ssf.md 2.1",
            json!({"format": "ip-addresses", "ip-addresses": ["192.0.2.1/24"]}),
        ),
        ("RFC 9493", json!({"format": "aliases", "identifiers": []})),
        (
            "RFC 9493",
            json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [{"format": "opaque", "id": "7"}]}]}),
        ),
        ("SUB-10", json!({"format": "complex"})),
        ("SUB-12", json!({"format": "complex", "user": "a@b.example"})),
        ("SUB-12", json!({"format": "complex", "user": {"id": "7"}})),
        (
            "SUB-12",
            json!({"format": "complex", "user": {"format": "complex", "user": {"format": "opaque", "id": "7"}}}),
        ),
        (
            "SUB-12",
            json!({"format": "complex", "user": {"format": "opaque", "id": "7"}, "device": {"format": "opaque"}}),
        ),
        ("SUB-15", json!({"person": {"format": "opaque", "id": "7"}})),
        ("SUB-15", json!({"user": {"format": "opaque", "id": "7"}, "x": 7})),
        (
            "SUB-15",
            json!({"user": {"format": "opaque", "id": "7"}, "person": {"format": "opaque", "id": "8"}}),
        ),
        ("okta.md 6.4", json!({"user": {"format": "email", "email": "x"}})),
        ("SUB-07", json!({"format": "opaque", "id": "7\u{1f}8"})),
        ("SUB-07", json!({"format": "opaque", "id": "7\u{0}"})),
        (
            "Identifier",
            json!({"format": "iss_sub", "iss": "https://a.example", "sub": "7\n8"}),
        ),
        ("SUB-07", json!({"format": "jwt_id", "iss": "a\u{1f}b", "jti": "7"})),
    ];
    let both = |(rule, value): (&'static str, Value)| {
        let shown: String = value.to_string().chars().take(100).collect();
        [
            sub_id(format!("sub_id {shown}"), rule, value.clone()),
            in_event(format!("subject {shown} in the event"), rule, value),
        ]
    };
    faulty.into_iter().flat_map(both).collect()
}
