//! What must hold of whatever bytes come: the fuzz targets ask it of bytes that they make up, and the tests of the
//! harness of the seeds that are kept here.

use serde_json::Value;
use watchfire_app::geo::DataFile;
use watchfire_crypto::{
    jwk::{Algorithm, KeySet, VerificationKey},
    jws::UnverifiedJws,
    strict_json::{self, Limits},
};
use watchfire_engine::policy::expression::{Expression, Facts};
use watchfire_model::{
    filter::{Filter, MAX_FILTER_BYTES},
    log::SYSTEM_LOG,
    object::DialectName,
    time::Timestamp,
};
use watchfire_oauth::request::Parameters;
use watchfire_ssf::{
    Dialect, Expected, Subject, UnverifiedSet,
    set::{ClockSkew, read_claims},
};

/// A check and the name of its target.
pub(crate) type Check = (&'static str, fn(&[u8]));

/// Every one.
pub(crate) const ALL: &[Check] = &[
    ("expression", expression),
    ("filter", filter),
    ("form", form),
    ("jose", jose),
    ("jwk", jwk),
    ("mmdb", mmdb),
    ("set_claims", set_claims),
    ("set_parse", set_parse),
    ("strict_json", strict_json_),
    ("subject", subject),
];

/// The body of a request, before anybody asks whose token it is.
pub(crate) fn set_parse(body: &[u8]) {
    let Ok(set) = UnverifiedSet::parse(body) else { return };
    assert!(!set.issuer().is_empty());
    for dialect in DialectName::ALL {
        let expected = Expected {
            dialect: Dialect::named(dialect),
            issuer: set.issuer(),
            audiences: &[],
            now: Timestamp::from_seconds(1_787_927_300),
            skew: ClockSkew::default(),
        };
        assert!(set.verify(&KeySet::default(), &expected).is_err());
    }
}

/// Claims behind a signature that somebody has checked: the first byte chooses the dialect.
pub(crate) fn set_claims(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else { return };
    let dialects = DialectName::ALL;
    let dialect = dialects[usize::from(*choice) % dialects.len()];
    let audiences = ["https://org.example".to_owned()];
    let expected = Expected {
        dialect: Dialect::named(dialect),
        issuer: "https://transmitter.acme.example",
        audiences: &audiences,
        now: Timestamp::from_seconds(1_787_927_300),
        skew: ClockSkew::default(),
    };
    match read_claims(payload, &expected) {
        Ok(set) => {
            assert!(!set.jti.is_empty() && set.jti.chars().count() <= 256);
            assert!(!set.events.is_empty());
            assert!(!set.issued_at.to_string().is_empty());
            for event in &set.events {
                assert!(event.occurred_at.is_none_or(|at| !at.to_string().is_empty()));
                for (kind, member) in event.members() {
                    let identifiers = member.identifiers(kind, expected.issuer);
                    assert!(identifiers.iter().all(|it| it.members().all(|text| !text.is_empty())));
                }
            }
        }
        Err(error) => assert!(error.description.is_ascii() && error.description.len() < 200),
    }
}

/// Subjects: the canonical form of one is its own.
pub(crate) fn subject(data: &[u8]) {
    let Ok(value) = strict_json::parse(data, &Limits::JWT) else {
        return;
    };
    let Ok((subject, _)) = Subject::read(&value) else { return };
    let (again, _) = Subject::read(&subject.to_json()).expect("what is written can be read");
    assert_eq!(again, subject);
}

/// What the strict reader takes, every reader takes, with the same meaning.
pub(crate) fn strict_json_(data: &[u8]) {
    let Ok(value) = strict_json::parse(data, &Limits::JWT) else {
        return;
    };
    let lenient: Value = serde_json::from_slice(data).expect("strict is a part of lenient");
    assert_eq!(lenient, value);
    if has_fraction(&value) {
        return; // serde_json reads these to the last bit but one
    }
    let again = strict_json::parse(value.to_string().as_bytes(), &Limits::BODY).expect("what is written can be read");
    assert_eq!(again, value);
}

/// Filters of the System Log: what is read is printed as a filter that can be read, and judges any object.
pub(crate) fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, object) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(filter) = Filter::parse(text, &SYSTEM_LOG) else {
        return;
    };
    if let Ok(object) = serde_json::from_str::<Value>(object) {
        filter.matches(&object);
    }
    let printed = filter.to_string();
    if printed.len() <= MAX_FILTER_BYTES {
        // not compared: numbers with a fraction are read to the last bit but one
        Filter::parse(&printed, &SYSTEM_LOG).expect("what is printed can be read");
    }
}

/// A compact JWS (RFC 7515): what is read is written as it came.
pub(crate) fn jose(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(jws) = UnverifiedJws::parse(text) else { return };
    assert_eq!(jws.to_compact(), text);
    let _ = jws.unverified_claims();
    assert!(jws.verify(&KeySet::default()).is_err());
}

/// A key, or a set of keys, from somebody else (RFC 7517).
pub(crate) fn jwk(data: &[u8]) {
    let Ok(value) = strict_json::parse(data, &Limits::JWKS) else {
        return;
    };
    let _ = KeySet::parse(&value, Algorithm::ALL);
    if let Ok(key) = VerificationKey::from_jwk(&value, Algorithm::ALL) {
        assert!(key.algorithms().count() > 0);
    }
}

/// The parameters of a token request: one name has one value, whichever way it came (clients.md 4).
pub(crate) fn form(data: &[u8]) {
    let (query, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
    let (query, body) = (pairs(query), pairs(body.get(1..).unwrap_or_default()));
    let Ok(merged) = Parameters::merge(query.clone(), body.clone()) else {
        return;
    };
    for (name, value) in &body {
        assert_eq!(
            merged.get(name),
            Some(value.as_str()).filter(|value| !value.is_empty()),
            "{name}"
        );
    }
    let printed = format!("{merged:?}");
    assert!(printed.len() < 64 * 1024);
}

/// An expression of a policy: what is taken ends, with a result or a reason.
pub(crate) fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(expression) = Expression::compile(text) else { return };
    let _ = expression.behaviors();
    let facts = Facts {
        level: "HIGH",
        score: 71,
        behaviors: vec!["New Country"],
        user: "00u1",
        groups: vec!["00g1"],
        device_known: false,
        ip: "192.0.2.1".to_owned(),
        country: "NO",
        region: "",
        asn: 0,
        application: "mail",
    };
    let _ = expression.evaluate(&facts);
}

/// A file of places: whatever it holds, looking at all of it ends (architecture section 7).
pub(crate) fn mmdb(data: &[u8]) {
    let Ok(file) = DataFile::open(data.to_vec()) else { return };
    let _ = file.verify();
    let _ = file.kind();
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}
