//! `watchfire set`: the claims, the signature, the delivery and its refusals.

use std::{collections::VecDeque, fs, path::Path, process::Output, sync::Arc};

use anyhow::Result;
use axum::{Router, body::Bytes, extract::State, routing::post};
use parking_lot::Mutex;
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::program::{json as parsed, path, run, run_with_input, stderr, text};

fn make(arguments: &[&str]) -> Output {
    run(&[&["set", "make", "--json"], arguments].concat())
}

/// A transmitter's folder with a small key.
fn vendor(folder: &Path) -> String {
    let dir = folder.join("vendor");
    let init = [
        "transmitter",
        "init",
        "--alg",
        "ES256",
        "--dir",
        path(&dir),
        "--issuer",
        "https://issuer.com",
    ];
    text(&run(&init));
    path(&dir).to_owned()
}

const OKTA: &str = "https://schemas.okta.com/secevent/okta/event-type/";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// okta.md 6.7
#[test]
fn a_user_risk_change_is_made_of_flags() {
    let claims = parsed(&make(&[
        "--event",
        "user-risk-change",
        "--user-email",
        "jo.lin@example.com",
        "--device",
        "D-42",
        "--level",
        "high",
        "--previous-level",
        "low",
        "--initiating-entity",
        "policy",
        "--reason",
        "Malware found on laptop D-42",
        "--reason-user",
        "Contact IT",
        "--timestamp",
        "1787927290",
        "--issuer",
        "https://transmitter.acme.example",
        "--audience",
        "https://ORG",
        "--txn",
        "case-7",
        "--jti",
        "8c1f7a2e55d94b0f",
        "--issued-at",
        "1787927300",
    ]));
    let expected = json!({
        "iss": "https://transmitter.acme.example", "jti": "8c1f7a2e55d94b0f", "iat": 1_787_927_300, "aud": "https://ORG",
        "txn": "case-7",
        "sub_id": {
            "format": "complex", "user": {"format": "email", "email": "jo.lin@example.com"},
            "device": {"format": "opaque", "id": "D-42"},
        },
        "events": {format!("{OKTA}user-risk-change"): {
            "subject": {
                "user": {"format": "email", "email": "jo.lin@example.com"}, "device": {"format": "opaque", "id": "D-42"},
            },
            "current_level": "high", "previous_level": "low", "initiating_entity": "policy",
            "reason_admin": {"en": "Malware found on laptop D-42"}, "reason_user": {"en": "Contact IT"},
            "event_timestamp": 1_787_927_290,
        }},
    });
    assert_eq!(claims, expected);
}

/// ssf.md 3: every one of the 27, with the members that it demands and nothing that the others have.
#[test]
fn each_of_the_27_types_is_made_of_flags() {
    let user = ["--user-email", "jo.lin@example.com"];
    let stream = ["--stream", "stream-1"];
    let table: &[(&str, &str, &[&str], Value)] = &[
        (SSF, "verification", &["--state", "abc"], json!({"state": "abc"})),
        (
            SSF,
            "stream-updated",
            &["--status", "paused", "--reason", "night"],
            json!({"status": "paused", "reason": "night"}),
        ),
        (
            CAEP,
            "session-revoked",
            &["--ip", "192.0.2.1"],
            json!({"current_ip": "192.0.2.1"}),
        ),
        (
            CAEP,
            "token-claims-change",
            &["--claim", "role=ro"],
            json!({"claims": {"role": "ro"}}),
        ),
        (
            CAEP,
            "credential-change",
            &["--credential-type", "password", "--change-type", "update"],
            json!({"credential_type": "password", "change_type": "update"}),
        ),
        (
            CAEP,
            "assurance-level-change",
            &["--namespace", "NIST-AAL", "--level", "nist-aal1", "--direction", "decrease"],
            json!({"namespace": "NIST-AAL", "current_level": "nist-aal1", "change_direction": "decrease"}),
        ),
        (
            CAEP,
            "device-compliance-change",
            &["--status", "not-compliant", "--previous-status", "compliant"],
            json!({"current_status": "not-compliant", "previous_status": "compliant"}),
        ),
        (
            CAEP,
            "session-established",
            &["--member", "amr=[\"pwd\"]"],
            json!({"amr": ["pwd"]}),
        ),
        (
            CAEP,
            "session-presented",
            &["--member", "fp_ua=abb0b6e7"],
            json!({"fp_ua": "abb0b6e7"}),
        ),
        (
            CAEP,
            "risk-level-change",
            &[
                "--principal",
                "user",
                "--level",
                "high",
                "--reason",
                "PASSWORD_FOUND_IN_DATA_BREACH",
            ],
            json!({"principal": "USER", "current_level": "HIGH", "risk_reason": "PASSWORD_FOUND_IN_DATA_BREACH"}),
        ),
        (RISC, "account-credential-change-required", &[], json!({})),
        (RISC, "account-purged", &[], json!({})),
        (
            RISC,
            "account-disabled",
            &["--reason", "hijacking"],
            json!({"reason": "hijacking"}),
        ),
        (RISC, "account-enabled", &[], json!({})),
        (
            RISC,
            "identifier-changed",
            &["--new-value", "john.roe@example.com"],
            json!({"new-value": "john.roe@example.com"}),
        ),
        (RISC, "identifier-recycled", &[], json!({})),
        (
            RISC,
            "credential-compromise",
            &["--credential-type", "password"],
            json!({"credential_type": "password"}),
        ),
        (RISC, "opt-in", &[], json!({})),
        (RISC, "opt-out-initiated", &[], json!({})),
        (RISC, "opt-out-cancelled", &[], json!({})),
        (RISC, "opt-out-effective", &[], json!({})),
        (RISC, "recovery-activated", &[], json!({})),
        (RISC, "recovery-information-changed", &[], json!({})),
        (RISC, "sessions-revoked", &[], json!({})),
        (
            OKTA,
            "user-risk-change",
            &["--level", "HIGH"],
            json!({"current_level": "high", "previous_level": "none"}),
        ),
        (
            OKTA,
            "device-risk-change",
            &["--level", "low"],
            json!({"current_level": "low", "previous_level": "none"}),
        ),
        (
            OKTA,
            "ip-change",
            &["--ip", "192.0.2.1", "--previous-ip", "192.0.2.2"],
            json!({"current_ip_address": "192.0.2.1", "previous_ip_address": "192.0.2.2"}),
        ),
    ];
    assert_eq!(table.len(), 27);
    let listed = parsed(&make(&["--event", "list"]));
    assert_eq!(listed.as_array().map(Vec::len), Some(27));
    for (base, name, flags, members) in table {
        let of_stream = *base == SSF;
        let subject = if of_stream { stream } else { user };
        let time = if of_stream { &[][..] } else { &["--timestamp", "1787927290"] };
        let claims = parsed(&make(&[&["--event", name], &subject[..], time, flags].concat()));
        let mut expected = members.clone();
        if !of_stream {
            expected["event_timestamp"] = json!(1_787_927_290);
            expected["subject"] = json!({"user": {"format": "email", "email": "jo.lin@example.com"}});
        }
        assert_eq!(claims["events"], json!({format!("{base}{name}"): expected}), "{name}");
        let by_uri = parsed(&make(
            &[&["--event", &format!("{base}{name}")], &subject[..], time, flags].concat(),
        ));
        assert_eq!(by_uri["events"], claims["events"], "{name}");
    }
}

#[test]
fn what_would_be_refused_is_not_made() {
    let jo = ["--user-email", "jo.lin@example.com"];
    let table: &[(&[&str], &str)] = &[
        (&["--event", "user-risk-change"], "current_level"),
        (&["--event", "ip-change", "--ip", "192.0.2.1"], "previous_ip_address"),
        (
            &["--event", "user-risk-change", "--level", "high", "--status", "compliant"],
            "--status",
        ),
        (&["--event", "session-revoke"], "--event list"),
        (&["--event", "session-revoked", "--timestamp", "yesterday"], "--timestamp"),
        (&["--event", "token-claims-change", "--claim", "role"], "NAME=VALUE"),
        (&["--event", "urn:example:mine", "--level", "high"], "--member"),
        (
            &["--event", "user-risk-change", "--level", "hgih"],
            "receivers would refuse this",
        ),
    ];
    for (arguments, reason) in table {
        let output = make(&[arguments, &jo[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
    }
    for (arguments, reason) in [
        (&["--event", "session-revoked"][..], "--user-email"),
        (&["--event", "verification"], "--stream"),
        (&[], "--event"),
        (&["--event", "opt-in", "--user-iss", "https://x"], "--user-sub"),
    ] {
        let output = make(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
    }
    let filled = parsed(&make(
        &[&["--event", "device-compliance-change", "--example"], &jo[..]].concat(),
    ));
    let event = &filled["events"][format!("{CAEP}device-compliance-change")];
    assert_eq!(event["current_status"], "not-compliant");
    let unknown = parsed(&make(
        &[&["--event", "urn:example:mine", "--member", "colour=\"red\""], &jo[..]].concat(),
    ));
    assert_eq!(unknown["events"]["urn:example:mine"]["colour"], "red");
}

/// clients.md 9: the guide's Example 2 has milliseconds; the claims of a file stay as they are.
#[test]
fn claims_of_a_file_are_signed_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let dir = vendor(folder.path());
    let file = folder.path().join("claims.json");
    let events = json!({format!("{RISC}identifier-changed"): {
        "subject": {"user": {"format": "email", "email": "john@doe.net"}},
        "new-value": "john.roe@example.com", "event_timestamp": 1_615_304_991_643_i64,
    }});
    fs::write(&file, json!({"iat": 1_615_305_159, "events": events}).to_string()).unwrap();
    let made = parsed(&run(&[
        "set",
        "make",
        "--json",
        "--claims",
        path(&file),
        "--audience",
        "https://customer.okta.com/",
    ]));
    assert_eq!(
        (&made["iat"], &made["aud"]),
        (&json!(1_615_305_159), &json!("https://customer.okta.com/"))
    );
    assert_eq!(made["events"], events);
    let jti = made["jti"].as_str().unwrap();
    assert!(jti.len() >= 22, "128 bits: {jti}");

    let signed = run_with_input(&["set", "sign", "--json", "--transmitter", &dir], &made.to_string());
    let signed = parsed(&signed);
    assert_eq!(signed["claims"]["iss"], "https://issuer.com");
    let jwks = format!("{dir}/jwks.json");
    let shown = parsed(&run(&[
        "set",
        "decode",
        "--json",
        "--jwks",
        &jwks,
        signed["set"].as_str().unwrap(),
    ]));
    assert_eq!((&shown["verified"], &shown["faults"]), (&json!(true), &json!([])));
    assert_eq!(
        shown["header"],
        json!({"kid": signed["kid"], "alg": "ES256", "typ": "secevent+jwt"})
    );
    assert_eq!(shown["claims"]["events"], events);
    // ES256 is nothing that the interoperability profile takes (SET-03), and it wants `sub_id`.
    let receivers = shown["receivers"].as_array().unwrap();
    let taken: Vec<bool> = receivers.iter().map(|it| it["taken"].as_bool().unwrap()).collect();
    assert_eq!(taken, [true, true, false], "{receivers:?}");

    for (claims, reason) in [
        ("{}", "`aud`"),
        ("{\"aud\": \"x\"}", "`events`"),
        ("[]", "JSON object"),
        ("nonsense", "not JSON"),
    ] {
        let output = run_with_input(&["set", "sign", "--transmitter", &dir], claims);
        assert!(
            !output.status.success() && stderr(&output).contains(reason),
            "{claims}: {}",
            stderr(&output)
        );
    }
}

/// A key of the guide's tool, without a `kid` of its own.
#[test]
fn any_private_key_signs() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("k");
    text(&run(&["keygen", "--type", "ec", "--out", path(&base)]));
    let claims = json!({"iss": "https://x", "aud": "https://y", "events": {format!("{RISC}opt-in"): {}}}).to_string();
    for file in ["k.private.json", "k.private.pem"] {
        let key = folder.path().join(file);
        let signed = parsed(&run_with_input(&["set", "sign", "--json", "--key", path(&key)], &claims));
        assert!(signed["kid"].is_string(), "{file}");
    }
    let named = parsed(&run_with_input(
        &[
            "set",
            "sign",
            "--json",
            "--key",
            path(&folder.path().join("k.private.pem")),
            "--kid",
            "mine",
        ],
        &claims,
    ));
    assert_eq!(named["kid"], "mine");
}

#[test]
fn decode_says_what_is_wrong_with_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (vendor(folder.path()), folder.path().join("other"));
    text(&run(&["transmitter", "init", "--alg", "ES256", "--dir", path(&other)]));
    let claims = json!({
        "iss": "https://x", "aud": "https://y", "sub": "jo", "exp": 1,
        "events": {"urn:example:mine": {}, format!("{RISC}opt-in"): {}},
    });
    let token = text(&run_with_input(&["set", "sign", "--transmitter", &dir], &claims.to_string()));
    let token = token.trim();
    let shown = run_with_input(&["set", "decode"], token);
    let shown = text(&shown);
    for fault in [
        "UNVERIFIED",
        "there is sub",
        "there is exp",
        "several events",
        "urn:example:mine is not known",
    ] {
        assert!(shown.contains(fault), "{fault}: {shown}");
    }
    let foreign = run(&["set", "decode", "--json", "--jwks", path(&other.join("jwks.json")), token]);
    assert_eq!(foreign.status.code(), Some(1));
    let foreign: Value = serde_json::from_slice(&foreign.stdout).unwrap();
    assert!(foreign["reason"].as_str().unwrap().contains("no key"), "{foreign}");
    let assertion = text(&run(&[
        "jwt",
        "assertion",
        "--key",
        &format!("{dir}/private.json"),
        "--client-id",
        "x",
        "--url",
        "https://x",
    ]));
    let shown = parsed(&run(&["set", "decode", "--json", assertion.trim()]));
    let faults = shown["faults"].to_string();
    assert!(faults.contains("SET-02") && faults.contains("no events"), "{faults}");
}

/// Status, `Retry-After`, body.
type Scripted = (u16, Option<&'static str>, String);

/// Answers with what is next on its list, and keeps what was posted.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<Scripted>>>,
    posted: Arc<Mutex<Vec<(Bytes, header::HeaderMap)>>>,
}

impl Receiver {
    async fn start(answers: &[(u16, Option<&'static str>, Value)]) -> Result<(Self, String)> {
        let receiver = Self::default();
        let answers = answers.iter().map(|(status, wait, body)| (*status, *wait, body.to_string()));
        receiver.answers.lock().extend(answers);
        let take = |State(receiver): State<Self>, headers: header::HeaderMap, body: Bytes| async move {
            receiver.posted.lock().push((body, headers));
            let (status, wait, body) = receiver.answers.lock().pop_front().unwrap_or((202, None, String::new()));
            let mut headers = header::HeaderMap::new();
            if let Some(wait) = wait {
                headers.insert("retry-after", wait.parse().expect("a value"));
            }
            (StatusCode::from_u16(status).expect("a status"), headers, body)
        };
        let router = Router::new()
            .route("/security/api/v1/security-events", post(take))
            .with_state(receiver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((receiver, url))
    }
}

/// The commands are processes that are waited for; the receiver is a task of this one.
async fn send(token: &str, arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let token = token.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run_with_input(&[&["set", "send", "--json"], &arguments[..]].concat(), &token)
    })
    .await?;
    Ok((output.status.code(), serde_json::from_slice(&output.stdout)?))
}

fn token(folder: &Path) -> String {
    let dir = vendor(folder);
    let claims = json!({"aud": "https://y", "events": {format!("{RISC}opt-in"): {}}}).to_string();
    text(&run_with_input(&["set", "sign", "--transmitter", &dir], &claims))
}

/// PUSH-01, PUSH-02, PUSH-21, ssf.md 4.1: the same bytes, `Retry-After` honoured, no credentials unasked.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_posted_until_it_is_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = token(folder.path());
    let busy = |status| (status, Some("0"), Value::Null);
    let (receiver, url) = Receiver::start(&[busy(503), busy(429), busy(500)]).await?;
    let (code, said) = send(&token, &["--to", &url]).await?;
    assert_eq!(
        (code, said),
        (Some(0), json!({"delivered": true, "status": 202, "attempts": 4}))
    );
    let posted = receiver.posted.lock().clone();
    assert_eq!(posted.len(), 4);
    for (body, headers) in &posted {
        assert_eq!(body, token.trim(), "the same bytes each time");
        assert_eq!(headers["content-type"], "application/secevent+jwt");
        assert_eq!(headers.get("authorization"), None);
    }

    let (receiver, url) = Receiver::start(&[busy(503), busy(503), busy(503)]).await?;
    let endpoint = format!("{url}/security/api/v1/security-events");
    let more = [
        "--endpoint",
        &endpoint,
        "--attempts",
        "2",
        "--authorization",
        "Bearer stream-secret",
    ];
    let (code, said) = send(&token, &more).await?;
    assert_eq!((code, &said["retry"], &said["attempts"]), (Some(1), &json!(true), &json!(2)));
    let posted = receiver.posted.lock().clone();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0].1["authorization"], "Bearer stream-secret");

    let late = Receiver::start(&[(429, Some("90000"), Value::Null)]).await?;
    let (code, said) = send(&token, &["--to", &late.1]).await?;
    assert_eq!(
        (code, &said["attempts"]),
        (Some(1), &json!(1)),
        "nobody waits a day at a terminal"
    );
    Ok(())
}

/// ssf.md 4.1: a no is final, and says what to look at.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_explained_and_not_repeated() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = token(folder.path());
    for (err, advice) in [
        ("invalid_issuer", "https://issuer.com"),
        ("invalid_audience", "https://y"),
        ("invalid_key", "ES256"),
        ("authentication_failed", "signature"),
        ("invalid_request", "camel case"),
        ("access_denied", "administrator"),
    ] {
        let refusal = json!({"err": err, "description": "no"});
        let (receiver, url) = Receiver::start(&[(400, None, refusal)]).await?;
        let (code, said) = send(&format!("\"{}\"\n", token.trim()), &["--to", &format!("{url}/")]).await?;
        assert_eq!((code, &said["err"], &said["attempts"]), (Some(1), &json!(err), &json!(1)));
        assert!(said["advice"].to_string().contains(advice), "{said}");
        assert_eq!(receiver.posted.lock().len(), 1);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", nobody.local_addr()?);
    drop(nobody);
    let (code, said) = send(&token, &["--to", &url, "--pause", "1", "--attempts", "2"]).await?;
    assert_eq!((code, &said["attempts"], &said["retry"]), (Some(1), &json!(2), &json!(true)));
    Ok(())
}
