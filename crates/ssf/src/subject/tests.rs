use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::normalisation::Normalisation::*;

fn read(value: Value) -> Result<(Value, Vec<Normalisation>), MalformedSubject> {
    Subject::read(&value).map(|(subject, notes)| (subject.to_json(), notes))
}

/// ssf.md 2.1
#[test]
fn every_format_is_read_in_its_canonical_form() {
    let unchanged = [
        json!({"format": "account", "uri": "acct:jo.lin@example.com"}),
        json!({"format": "email", "email": "Jo.Lin@example.com"}),
        json!({"format": "iss_sub", "iss": "https://idp.example.com/", "sub": "145234573"}),
        json!({"format": "opaque", "id": "11112222333344445555"}),
        json!({"format": "phone_number", "phone_number": "+12065550100"}),
        json!({"format": "did", "url": "did:example:123456/did/url/path?versionId=1"}),
        json!({"format": "uri", "uri": "urn:uuid:4e851e98-83c4-4743-a5da-150ecb53042f"}),
        json!({"format": "aliases", "identifiers": [{"format": "email", "email": "jo@example.com"}, {"format": "opaque", "id": "7"}]}),
        json!({"format": "jwt_id", "iss": "https://idp.example.com/123456789/", "jti": "B70BA622-9515-4353-A866-823539EECBC8"}),
        json!({"format": "saml_assertion_id", "issuer": "https://idp.example.com/", "assertion_id": "_8e8dc5f69a98cc4c1f"}),
        json!({"format": "ip-addresses", "ip-addresses": ["10.29.37.75", "2001:db8::8a2e:370:7334"]}),
        json!({"format": "complex", "device": {"format": "opaque", "id": "D"}, "user": {"format": "email", "email": "a@b.example"}}),
    ];
    for value in unchanged {
        assert_eq!(read(value.clone()), Ok((value, vec![])));
    }
    let changed = [
        (
            json!({"format": "email", "email": "Jo.Lin@Example.COM"}),
            json!({"format": "email", "email": "Jo.Lin@example.com"}),
            vec![],
        ),
        (
            json!({"format": "phone_number", "phone_number": "+1 (206) 555-0100"}),
            json!({"format": "phone_number", "phone_number": "+12065550100"}),
            vec![PhonePunctuation],
        ),
        // AMB-41: a set of addresses, not a list of texts
        (
            json!({"format": "ip-addresses", "ip-addresses": ["2001:0db8:0000:0000:0000:8a2e:0370:7334", "10.29.37.75", "10.29.37.75"]}),
            json!({"format": "ip-addresses", "ip-addresses": ["10.29.37.75", "2001:db8::8a2e:370:7334"]}),
            vec![],
        ),
    ];
    for (value, want, notes) in changed {
        assert_eq!(read(value), Ok((want, notes)));
    }
}

/// SUB-05, SUB-15
#[test]
fn other_spellings_are_read_and_noted() {
    let email = json!({"format": "email", "email": "jo@example.com"});
    let pair = json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "7"});
    let phone = json!({"format": "phone_number", "phone_number": "+12065550100"});
    let cases = [
        (
            json!({"format": "phone", "phone_number": "+12065550100"}),
            phone.clone(),
            vec![PhoneSpelling],
        ),
        (
            json!({"format": "phone", "phone": "+12065550100"}),
            phone.clone(),
            vec![PhoneSpelling],
        ),
        (
            json!({"format": "phone_number", "phone": "+12065550100"}),
            phone,
            vec![PhoneSpelling],
        ),
        (
            json!({"format": "iss_sub", "issuer": "https://idp.example", "sub": "7"}),
            pair.clone(),
            vec![IssuerSpelling],
        ),
        (
            json!({"format": "opaque", "sub": "7"}),
            json!({"format": "opaque", "id": "7"}),
            vec![OpaqueSub],
        ),
        (
            json!({"subject_type": "iss-sub", "iss": "https://idp.example", "sub": "7"}),
            pair.clone(),
            vec![SubjectType, HyphenatedFormat],
        ),
        (
            json!({"subject_type": "email", "email": "jo@example.com"}),
            email.clone(),
            vec![SubjectType],
        ),
        (
            json!({"subject_type": "id_token_claims", "iss": "https://idp.example", "sub": "7", "email": "jo@example.com"}),
            json!({"format": "aliases", "identifiers": [pair, email.clone()]}),
            vec![SubjectType, IdTokenClaims],
        ),
        (
            json!({"subject_type": "id_token_claims", "email": "jo@example.com"}),
            json!({"format": "aliases", "identifiers": [email.clone()]}),
            vec![SubjectType, IdTokenClaims],
        ),
        (
            json!({"user": email}),
            json!({"format": "complex", "user": email}),
            vec![ComplexWithoutFormat],
        ),
        // SUB-04
        (
            json!({"format": "badge", "number": 7}),
            json!({"format": "badge", "number": 7}),
            vec![UnknownFormat],
        ),
        // members that a format does not have are ignored
        (json!({"format": "email", "email": "jo@example.com", "x": [1]}), email, vec![]),
    ];
    for (value, want, notes) in cases {
        assert_eq!(read(value), Ok((want, notes)));
    }
}

/// ssf.md 2.1 and 2.2, each value one step from one that is read.
#[test]
fn what_is_no_subject_is_refused() {
    let long = "s".repeat(256);
    let cases = [
        json!("jo@example.com"),
        json!([]),
        json!({}),
        json!({"format": null, "email": "jo@example.com"}),
        json!({"format": "", "email": "jo@example.com"}),
        json!({"format": 1}),
        json!({"email": "jo@example.com"}),
        json!({"format": "account", "uri": "jo.lin@example.com"}),
        json!({"format": "account", "uri": "acct:jo.lin"}),
        json!({"format": "account", "uri": "acct:@example.com"}),
        json!({"format": "email"}),
        json!({"format": "email", "email": ""}),
        json!({"format": "email", "email": null}),
        json!({"format": "email", "email": 7}),
        json!({"format": "email", "email": "jo.example.com"}),
        json!({"format": "email", "email": "@example.com"}),
        json!({"format": "email", "email": "jo@"}),
        json!({"format": "email", "email": "jo lin@example.com"}),
        json!({"format": "email", "email": "jo@example.com\u{1f}x"}),
        json!({"format": "iss_sub", "iss": "https://idp.example"}),
        json!({"format": "iss_sub", "sub": "7"}),
        json!({"format": "iss_sub", "iss": "idp", "sub": "7"}),
        json!({"format": "iss_sub", "iss": "https://idp.example", "sub": long}),
        json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "7\u{0}"}),
        json!({"format": "iss_sub", "iss": null, "issuer": "https://idp.example", "sub": "7"}),
        json!({"format": "opaque"}),
        json!({"format": "opaque", "id": ""}),
        json!({"format": "opaque", "id": 7}),
        json!({"format": "phone_number", "phone_number": "12065550100"}),
        json!({"format": "phone_number", "phone_number": "+"}),
        json!({"format": "phone_number", "phone_number": "+1206555x100"}),
        json!({"format": "phone_number", "phone_number": "+1234567890123456"}),
        json!({"format": "did", "url": "example:123456"}),
        json!({"format": "did", "url": "did:example"}),
        json!({"format": "uri", "uri": "/users/7"}),
        json!({"format": "uri", "uri": "https://example.com/a b"}),
        json!({"format": "aliases"}),
        json!({"format": "aliases", "identifiers": []}),
        json!({"format": "aliases", "identifiers": ["jo@example.com"]}),
        json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [{"format": "opaque", "id": "7"}]}]}),
        json!({"format": "aliases", "identifiers": [{"format": "complex", "user": {"format": "opaque", "id": "7"}}]}),
        json!({"format": "aliases", "identifiers": [{"format": "opaque", "id": "7"}, {"format": "email", "email": "x"}]}),
        json!({"format": "jwt_id", "jti": "7"}),
        json!({"format": "saml_assertion_id", "iss": "https://idp.example", "assertion_id": "7"}),
        json!({"format": "ip-addresses", "ip-addresses": []}),
        json!({"format": "ip-addresses", "ip-addresses": "10.0.0.1"}),
        json!({"format": "ip-addresses", "ip-addresses": ["10.0.0.1", 7]}),
        json!({"format": "ip-addresses", "ip-addresses": ["10.0.0.256"]}),
        json!({"format": "ip-addresses", "ip_addresses": ["10.0.0.1"]}),
        json!({"format": "complex"}),
        json!({"format": "complex", "user": "jo@example.com"}),
        json!({"format": "complex", "user": {"email": "jo@example.com"}}),
        json!({"format": "complex", "user": {"format": "email", "email": "x"}}),
        json!({"format": "complex", "user": {"format": "complex", "user": {"format": "opaque", "id": "7"}}}),
        json!({"format": "complex", "user": {"format": "opaque", "id": "7"}, "note": "x"}),
        json!({"user": {"format": "opaque", "id": "7"}, "note": {"format": "opaque", "id": "8"}}),
        json!({"user": {"user": {"format": "opaque", "id": "7"}}}),
        json!({"subject_type": "id_token_claims"}),
        json!({"subject_type": "id_token_claims", "iss": "https://idp.example"}),
    ];
    for value in cases {
        assert_eq!(read(value.clone()), Err(MalformedSubject), "{value}");
    }
}

/// ssf.md annex B, column Entity.
#[test]
fn members_are_users_devices_and_sessions() {
    let kinds = |value: Value, simple| {
        let (subject, _) = Subject::read(&value).unwrap();
        let members = subject.members(simple);
        members
            .iter()
            .map(|(kind, it)| (*kind, it.format().to_owned()))
            .collect::<Vec<_>>()
    };
    let named = |list: &[(EntityKind, &str)]| -> Vec<_> { list.iter().map(|(kind, it)| (*kind, (*it).to_owned())).collect() };
    let everything = json!({"format": "complex",
        "user": {"format": "email", "email": "a@b.example"}, "device": {"format": "opaque", "id": "D"},
        "session": {"format": "opaque", "id": "S"}, "tenant": {"format": "opaque", "id": "T"}, "robot": {"format": "opaque", "id": "R"}});
    assert_eq!(
        kinds(everything, EntityKind::User),
        named(&[
            (EntityKind::User, "email"),
            (EntityKind::Device, "opaque"),
            (EntityKind::Session, "opaque")
        ])
    );
    let opaque = json!({"format": "opaque", "id": "7"});
    assert_eq!(
        kinds(opaque.clone(), EntityKind::Device),
        named(&[(EntityKind::Device, "opaque")])
    );
    assert_eq!(kinds(opaque, EntityKind::User), named(&[(EntityKind::User, "opaque")]));
    let email = json!({"format": "email", "email": "a@b.example"});
    assert_eq!(kinds(email, EntityKind::Device), named(&[(EntityKind::User, "email")]));
    let token = json!({"format": "jwt_id", "iss": "https://idp.example", "jti": "7"});
    assert_eq!(kinds(token, EntityKind::User), named(&[(EntityKind::Session, "jwt_id")]));
}

/// Two identifiers share a text only when they are the same by their format's rules.
#[test]
fn identifiers_are_told_apart() {
    let texts = |value: Value, scope: &str| {
        let (subject, _) = Subject::read(&value).unwrap();
        let members = subject.members(EntityKind::User);
        let all = members.iter().flat_map(|(kind, it)| it.identifiers(*kind, scope));
        all.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    let upper = json!({"format": "email", "email": "JO@EXAMPLE.COM"});
    assert_eq!(texts(upper, "x"), ["USER email jo@example.com"]);
    let opaque = json!({"format": "opaque", "id": "7"});
    assert_ne!(texts(opaque.clone(), "https://a.example"), texts(opaque, "https://b.example"));
    let aliases = json!({"format": "aliases", "identifiers": [{"format": "email", "email": "a@b.example"}, {"format": "badge", "number": 7}]});
    assert_eq!(texts(aliases, "x"), ["USER email a@b.example"]);
}

fn plain() -> impl Strategy<Value = String> {
    "[^\\p{C}\\s@]{1,20}"
}

fn a_subject() -> impl Strategy<Value = Value> {
    prop_oneof![
        (plain(), plain()).prop_map(|(a, b)| json!({"format": "email", "email": format!("{a}@{b}")})),
        plain().prop_map(|id| json!({"format": "opaque", "id": id})),
        "\\+[0-9 ()-]{1,18}".prop_map(|it| json!({"format": "phone", "phone": it})),
        plain().prop_map(|it| json!({"subject_type": "iss-sub", "iss": "https://x.example", "sub": it})),
        any::<Vec<std::net::IpAddr>>().prop_map(|it| json!({"format": "ip-addresses", "ip-addresses": it})),
        (plain(), plain()).prop_map(|(a, b)| json!({"format": a, "b": b})),
    ]
}

/// Any JSON at all, two levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!("email")),
        Just(json!("complex")),
        Just(json!("aliases")),
    ];
    let name = prop_oneof![
        Just("format"),
        Just("user"),
        Just("identifiers"),
        Just("email"),
        Just("id"),
        Just("iss")
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own(value in a_subject(), wrapped: bool) {
        let value = if wrapped { json!({"user": value}) } else { value };
        if let Ok((subject, _)) = Subject::read(&value) {
            let (again, notes) = Subject::read(&subject.to_json()).unwrap();
            prop_assert_eq!(&again, &subject);
            prop_assert!(notes.iter().all(|it| *it == UnknownFormat || *it == SubjectType), "{:?}", notes);
            prop_assert_eq!(again.to_json(), subject.to_json());
        }
    }

    #[test]
    fn no_json_is_too_odd(value in any_json()) {
        if let Ok((subject, _)) = Subject::read(&value) {
            for (kind, member) in subject.members(EntityKind::User) {
                for identifier in member.identifiers(kind, "https://x.example") {
                    prop_assert!(identifier.members().all(|it| !it.is_empty()));
                }
            }
        }
    }
}
