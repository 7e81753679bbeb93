//! Whatever comes, nothing falls over, and nothing without its claims is taken.

use proptest::prelude::*;
use serde_json::{Value, json};
use watchfire_model::object::DialectName;
use watchfire_ssf::{
    Dialect, EventKind, Expected, UnverifiedSet, VerifyFailure,
    set::{ClockSkew, read_claims},
};

use crate::attempt::{AUDIENCE, Attempt, ISSUER, KEYS, NOW, Signature};

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "iss",
        "aud",
        "iat",
        "jti",
        "events",
        "sub_id",
        "sub",
        "exp",
        "nbf",
        "txn",
        "toe",
        "format",
        "email",
        "user",
        "device",
        "subject",
        "event_timestamp",
        "current_level",
        "previous_level",
        "reason_admin",
        "state",
        "claims",
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
        "https://schemas.okta.com/secevent/okta/event-type/user-risk-change",
        "https://schemas.openid.net/secevent/ssf/event-type/verification",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!(ISSUER)),
        Just(json!(AUDIENCE)),
        Just(json!(1_787_927_295)),
        Just(json!("high")),
        Just(json!("email")),
        Just(json!("a@b.example")),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(name(), inner, 0..8).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

fn dialect() -> impl Strategy<Value = DialectName> {
    prop::sample::select(DialectName::ALL.to_vec())
}

fn read(payload: &[u8], dialect: DialectName) -> Result<watchfire_ssf::VerifiedSet, watchfire_ssf::SetError> {
    let expected = Expected {
        dialect: Dialect::named(dialect),
        issuer: ISSUER,
        audiences: &[AUDIENCE.to_owned()],
        now: NOW,
        skew: ClockSkew::default(),
    };
    read_claims(payload, &expected)
}

proptest! {
    #[test]
    fn no_body_is_too_odd(body: Vec<u8>) {
        prop_assert!(UnverifiedSet::parse(&body).is_err());
    }

    #[test]
    fn no_text_with_two_dots_is_too_odd(body in "\"?[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\"?\\s?") {
        let _ = UnverifiedSet::parse(body.as_bytes());
    }

    #[test]
    fn no_payload_is_too_odd(payload in json_value(), dialect in dialect()) {
        if let Ok(set) = read(payload.to_string().as_bytes(), dialect) {
            prop_assert_eq!(&payload["iss"], &json!(ISSUER));
            prop_assert!(payload["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
            prop_assert!(!set.events.is_empty());
        }
    }

    /// From a token that is taken: any claim replaced by anything.
    #[test]
    fn a_token_without_its_claims_is_never_taken(claim in 0..5_usize, value in prop::option::of(json_value()), dialect in dialect()) {
        let claim = ["iss", "jti", "iat", "aud", "events"][claim];
        let mut attempt = Attempt::new(dialect);
        attempt.edit_claims(|claims| {
            claims.remove(claim);
            claims.extend(value.clone().map(|value| (claim.to_owned(), value)));
        });
        match read(&attempt.payload, dialect) {
            Ok(set) => {
                prop_assert_eq!(set.issuer, ISSUER);
                prop_assert!(!set.jti.is_empty() && !set.events.is_empty());
                prop_assert!(value.is_some());
                // what is kept can be printed: its times are in every calendar
                prop_assert!(!set.issued_at.to_string().is_empty());
                for event in &set.events {
                    prop_assert!(event.occurred_at.is_none_or(|at| !at.to_string().is_empty()));
                }
            }
            Err(error) => prop_assert!(!error.description.is_empty()),
        }
    }

    /// Any member of any type replaced by anything: taken or refused, and the refusal names only members.
    #[test]
    fn no_member_of_an_event_is_too_odd(kind in 0..27_usize, member in name(), value in json_value(), dialect in dialect()) {
        let kind = EventKind::ALL[kind];
        let mut attempt = Attempt::of(kind, dialect);
        attempt.edit_event(|event| {
            event.insert(member.clone(), value.clone());
        });
        if let Err(error) = read(&attempt.payload, dialect) {
            prop_assert!(error.description.is_ascii() && error.description.len() < 200);
        }
    }

    /// One byte of a token is another: refused, unless it is the same token.
    #[test]
    fn a_token_with_one_other_byte_is_never_taken(at: prop::sample::Index, byte in 0x20..0x7f_u8) {
        static TOKEN: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| Attempt::new(DialectName::Standard).token());
        let mut body = TOKEN.clone().into_bytes();
        let at = at.index(body.len());
        let is_same = body[at] == byte;
        body[at] = byte;
        let mut attempt = Attempt::new(DialectName::Standard);
        attempt.transport = Box::new(move |_| body.clone());
        let taken = attempt.send().is_ok();
        // white space at either end is not part of the token, and its loss is
        prop_assert!(taken == is_same);
    }
}

/// JWT-05: which refusals are worth another look at the sender's keys.
#[test]
fn an_unknown_key_is_told_from_a_wrong_signature() {
    type Change = fn(&mut Attempt);
    let cases: [(&str, Change, bool); 6] = [
        (
            "an unknown kid",
            |it| it.edit_header(|header| header["kid"] = json!("new")),
            true,
        ),
        ("no key yet", |it| it.jwks.clear(), true),
        (
            "no kid, and another key",
            |it| {
                it.edit_header(|header| {
                    header.remove("kid");
                });
                it.signature = Signature::Rs256(&KEYS.foreign);
            },
            true,
        ),
        (
            "a known kid, and another key",
            |it| it.signature = Signature::Rs256(&KEYS.foreign),
            false,
        ),
        (
            "an algorithm that the key is not for",
            |it| it.edit_header(|header| header["alg"] = json!("ES256")),
            false,
        ),
        ("a wrong audience", |it| it.audiences.clear(), false),
    ];
    for (name, change, may_help) in cases {
        let mut attempt = Attempt::new(DialectName::Standard);
        change(&mut attempt);
        let failure = attempt.try_send().unwrap_err();
        assert_eq!(failure.needs_newer_keys(), may_help, "{name}: {failure}");
        assert_eq!(matches!(failure, VerifyFailure::UnknownKey(_)), may_help);
    }
}

/// SET-23: what was signed decides, not how.
#[test]
fn a_token_signed_anew_has_the_same_digest() {
    let digest = |attempt: &Attempt| attempt.send().unwrap().digest;
    let first = Attempt::new(DialectName::Standard);
    let again = Attempt::new(DialectName::Standard).with_es256();
    assert_eq!(digest(&first), digest(&again));
    let mut other = Attempt::new(DialectName::Standard);
    other.edit_claims(|claims| claims["txn"] = json!("other"));
    assert_ne!(digest(&first), digest(&other));
}

/// JWT-08: a receiver may take more than 64 KiB.
#[test]
fn the_size_of_a_token_is_a_setting() {
    let mut attempt = Attempt::new(DialectName::Standard);
    attempt.edit_claims(|claims| {
        claims.insert("x".to_owned(), json!(vec!["s".repeat(16_000); 6]));
    });
    let body = attempt.body();
    assert!(UnverifiedSet::parse(&body).is_err());
    let set = UnverifiedSet::parse_within(&body, 1024 * 1024).unwrap();
    assert_eq!(set.issuer(), ISSUER);
    assert!(read(&attempt.payload, DialectName::Standard).is_ok());
}
