//! The claims beside the events.

use serde_json::{Value, json};
use watchfire_model::object::DialectName;
use watchfire_ssf::ErrorCode::{self, InvalidAudience, InvalidIssuer, InvalidRequest};

use super::{Base, Case, STANDARD};
use crate::attempt::{AUDIENCE, ISSUER};

const OKTA: Base = Base::Rs256(DialectName::Okta);
const INTEROP: Base = Base::Rs256(DialectName::Interop);
const NOW: i64 = 1_787_927_300;

pub(super) fn cases() -> Vec<Case> {
    [issuers(), audiences(), times(), ids(), events(), lifetimes(), subs()]
        .into_iter()
        .flatten()
        .collect()
}

/// Sets a claim.
fn set(rule: &'static str, (base, err): (Base, ErrorCode), claim: &'static str, value: Value) -> Case {
    let mut shown = value.to_string();
    if shown.len() > 120 {
        shown = format!("{} characters", shown.len());
    }
    let name = format!("{claim} {shown} ({base:?})");
    Case::new(name, rule, (base, err), move |it| {
        it.edit_claims(|claims| {
            claims.insert(claim.to_owned(), value.clone());
        });
    })
}

fn without(rule: &'static str, (base, err): (Base, ErrorCode), claim: &'static str) -> Case {
    Case::new(format!("no {claim} ({base:?})"), rule, (base, err), move |it| {
        it.edit_claims(|claims| {
            claims.remove(claim);
        });
    })
}

fn issuers() -> Vec<Case> {
    let base = (STANDARD, InvalidIssuer);
    let mut cases = vec![without("SET-11", base, "iss")];
    for value in [json!(null), json!(""), json!(7), json!([ISSUER]), json!({"iss": ISSUER})] {
        cases.push(set("SET-11", base, "iss", value));
    }
    let others = [
        ("SET-12", "https://other.example".to_owned()),
        ("AMB-04", format!("{ISSUER}/")),
        ("JWT-12", ISSUER.to_uppercase()),
        ("JWT-12", ISSUER.replace("https", "HTTPS")),
        ("JWT-12", ISSUER.replace(".example", ".example:443")),
        ("JWT-12", ISSUER.replace("/t1", "/x/../t1")),
        ("JWT-12", ISSUER.replace("t1", "%741")),
        ("JWT-12", ISSUER.replace("transmitter", "trаnsmitter")),
        ("JWT-12", ISSUER.replace('a', "a\u{301}")),
        ("JWT-12", format!("{ISSUER} ")),
        ("JWT-12", format!("\u{feff}{ISSUER}")),
        ("JWT-12", format!("{ISSUER}\u{0}")),
        ("SET-12", ISSUER.replace("https", "http")),
        ("SET-12", format!("{ISSUER}.attacker.example")),
    ];
    cases.extend(others.map(|(rule, iss)| set(rule, base, "iss", json!(iss))));
    cases
}

fn audiences() -> Vec<Case> {
    let base = (STANDARD, InvalidAudience);
    let mut cases = vec![without("SET-13", base, "aud")];
    let none = [
        json!(null),
        json!(""),
        json!([]),
        json!(7),
        json!({}),
        json!([AUDIENCE, 7]),
        json!([[AUDIENCE]]),
        json!(["https://other.example", "https://third.example"]),
    ];
    cases.extend(none.map(|aud| set("SET-14", base, "aud", aud)));
    let others = [
        ("SET-14", "https://org.example.attacker.example".to_owned()),
        ("SET-14", "https://org-admin.example".to_owned()),
        ("SET-14", format!("{AUDIENCE} https://other.example")),
        ("JWT-12", AUDIENCE.to_uppercase()),
        ("JWT-12", "https://org.example:443".to_owned()),
        ("JWT-12", "org.example".to_owned()),
        ("JWT-12", "https://örg.example".to_owned()),
        ("JWT-12", format!("{AUDIENCE}\u{200b}")),
        ("JWT-12", format!("{AUDIENCE}/")),
    ];
    cases.extend(others.map(|(rule, aud)| set(rule, base, "aud", json!(aud))));
    let okta = (OKTA, InvalidAudience);
    for aud in ["https://org.example//", "https://org.example/x", "https://org.example/.", "/"] {
        cases.push(set("okta.md 6.2", okta, "aud", json!(aud)));
    }
    cases.push(set("okta.md 6.2", okta, "aud", json!("https://org-admin.example")));
    cases.push(set(
        "AMB-04",
        (INTEROP, InvalidAudience),
        "aud",
        json!(format!("{AUDIENCE}/")),
    ));
    cases
}

fn times() -> Vec<Case> {
    let base = (STANDARD, InvalidRequest);
    let mut cases = vec![without("SET-15", base, "iat").saying("'iat': The field cannot be left blank")];
    let malformed = [
        json!("1787927295"),
        json!(true),
        json!([NOW]),
        json!({}),
        json!(9_007_199_254_740_993_i64),
        json!(-9_007_199_254_740_993_i64),
        json!(u64::MAX),
        json!(1e300),
        json!(-9_007_199_254_740_992_i64),
    ];
    cases.extend(malformed.map(|iat| set("JWT-10", base, "iat", iat).saying("'iat'")));
    cases.push(set("SET-15", base, "iat", json!(null)).saying("'iat'"));
    for iat in [
        json!(NOW + 301),
        json!(NOW + 86_400),
        json!(99_999_999_999_i64),
        json!(NOW * 1_000),
    ] {
        cases.push(set("AMB-28", base, "iat", iat).saying("'iat'"));
    }
    cases.push(set("AMB-28", (OKTA, InvalidRequest), "iat", json!(NOW + 301)).saying("'iat'"));
    cases.push(set("EVT-12", base, "toe", json!("2026-09-01T00:00:00Z")).saying("'toe'"));
    cases.push(set("JWT-10", base, "toe", json!(9_007_199_254_740_993_i64)).saying("'toe'"));
    cases
}

fn ids() -> Vec<Case> {
    let base = (STANDARD, InvalidRequest);
    let mut cases = vec![without("SET-16", base, "jti").saying("'jti': The field cannot be left blank")];
    let bad = [
        json!(""),
        json!(null),
        json!(7),
        json!(["jti-1"]),
        json!({}),
        json!(true),
        json!("j".repeat(257)),
        json!("ü".repeat(257)),
        json!("jti\u{0}1"),
        json!("jti\n1"),
        json!("jti\u{1f}1"),
        json!("jti\u{85}1"),
    ];
    cases.extend(bad.map(|jti| set("ssf.md 1.2", base, "jti", jti).saying("'jti'")));
    for txn in [json!(7), json!(["txn-1"]), json!({}), json!("txn\u{0}")] {
        cases.push(set("SET-21", base, "txn", txn).saying("'txn'"));
    }
    cases
}

fn events() -> Vec<Case> {
    const URI: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let base = (STANDARD, InvalidRequest);
    let mut cases = vec![
        without("SET-17", base, "events").saying("'events': The field cannot be left blank"),
        without("SET-17", (OKTA, InvalidRequest), "events").saying("'events'"),
    ];
    let bad = [
        json!(null),
        json!({}),
        json!([]),
        json!([{}]),
        json!("x"),
        json!(7),
        json!(URI),
        json!([URI]),
        json!({ URI: null }),
        json!({ URI: [] }),
        json!({ URI: "x" }),
        json!({ URI: true }),
        json!({ "": {} }),
        json!({ "session-revoked": {} }),
        json!({ "/secevent/caep/event-type/session-revoked": {} }),
        json!({ "https://x.example/a b": {} }),
        json!({ "https://x.example/\u{0}": {} }),
        json!({ "https://x.example/\n": {} }),
        json!({ " https://x.example/": {} }),
    ];
    cases.extend(bad.map(|events| set("SET-17", base, "events", events).saying("'events'")));
    let mixed = json!({ URI: {}, "https://x.example/e": null });
    cases.push(set("ssf.md annex B", base, "events", mixed).saying("'events'"));
    let second =
        json!({ URI: {}, "https://schemas.openid.net/secevent/caep/event-type/credential-change": {"change_type": "update"} });
    cases.push(set("ssf.md annex B", base, "events", second).saying("'events.credentialChange.credentialType'"));
    let two = json!({ URI: {"reason_admin": {"en": "x"}}, "https://x.example/e": {} });
    cases.push(set("SET-25", (INTEROP, InvalidRequest), "events", two).saying("'events'"));
    let top = |name: &str, base, claims: fn() -> Value| {
        Case::new(name, "EVT-32", (base, InvalidRequest), move |it| {
            it.edit_claims(|all| {
                all.remove("events");
                all.extend(claims().as_object().unwrap().clone());
            });
        })
        .saying("'events")
    };
    cases.push(top("an event beside the claims", STANDARD, || json!({ URI: {} })));
    cases.push(top("an event beside the claims (interop)", INTEROP, || json!({ URI: {} })));
    cases.push(top(
        "an unknown event beside the claims",
        OKTA,
        || json!({"https://x.example/e": {}}),
    ));
    cases.push(top(
        "an event beside the claims that is no object",
        OKTA,
        || json!({ URI: 7 }),
    ));
    cases.push(top(
        "events: null and one beside the claims",
        OKTA,
        || json!({ "events": null, URI: {} }),
    ));
    cases
}

fn lifetimes() -> Vec<Case> {
    let mut cases = Vec::new();
    for exp in [json!(NOW + 3600), json!(NOW - 3600), json!(null), json!("x")] {
        cases.push(set("SET-20", (STANDARD, InvalidRequest), "exp", exp.clone()).saying("'exp'"));
        cases.push(set("SET-20", (INTEROP, InvalidRequest), "exp", exp).saying("'exp'"));
    }
    for exp in [
        json!(NOW - 61),
        json!(0),
        json!(-1),
        json!("1893456000"),
        json!([]),
        json!(-1e300),
    ] {
        cases.push(set("ssf.md 1.2 exp", (OKTA, InvalidRequest), "exp", exp).saying("'exp'"));
    }
    for base in [STANDARD, OKTA, INTEROP] {
        for nbf in [json!(NOW + 62), json!(9_007_199_254_740_992_i64), json!("0"), json!({})] {
            cases.push(set("ssf.md 1.2 nbf", (base, InvalidRequest), "nbf", nbf).saying("'nbf'"));
        }
    }
    cases
}

fn subs() -> Vec<Case> {
    let mut cases = Vec::new();
    for sub in [json!("user-7"), json!(""), json!(null), json!(7)] {
        cases.push(set("SET-19", (STANDARD, InvalidRequest), "sub", sub.clone()).saying("'sub'"));
        cases.push(set("SET-19", (INTEROP, InvalidRequest), "sub", sub).saying("'sub'"));
    }
    cases
}
