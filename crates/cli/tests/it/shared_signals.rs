//! Document 003, step by step: a vendor on loopback, its provider, its tokens, the System Log.

use std::fs;

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    guides::{create_user, log, sign_in},
    program::{json as parsed, path, run, run_with_input, text},
    server::{Answer, Server, TOKEN},
    transmitter::Transmitter,
};

const PROVIDERS: &str = "/api/v1/security-events-providers";
const SET_ENDPOINT: &str = "/security/api/v1/security-events";
const RECEIVED: &str = "security.events.provider.receive_event";

/// The server of the walk: `--dev`, because the vendor's documents are on loopback and without TLS.
async fn server() -> Result<Server> {
    Server::start(&["--dev", "--logins-per-second", "0"]).await
}

fn id(provider: &Answer) -> String {
    assert_eq!(provider.status, StatusCode::OK, "{provider:?}");
    provider.json()["id"].as_str().unwrap().to_owned()
}

/// "Create a security events provider -- Issuer/JWKS"
async fn create_by_issuer(server: &Server, vendor: &Transmitter) -> Result<String> {
    let settings = json!({"issuer": vendor.text("issuer"), "jwks_url": vendor.text("jwksUrl")});
    let body = json!({"name": "Trellix", "type": "trelix", "settings": settings});
    let created = server.post(PROVIDERS, &body).await?;
    let (id, json) = (id(&created), created.json());
    assert_eq!(
        (&json["name"], &json["type"], &json["status"], &json["settings"]),
        (&json!("Trellix"), &json!("trelix"), &json!("ACTIVE"), &settings)
    );
    assert_eq!(json["_links"]["self"]["href"], format!("{}{PROVIDERS}/{id}", server.url));
    assert!(json["_links"]["deactivate"].is_object() && json["_links"].get("activate").is_none());
    Ok(id)
}

/// "Create a security events provider -- well-known URL"
async fn create_by_well_known(server: &Server, vendor: &Transmitter) -> Result<String> {
    let settings = json!({"well_known_url": vendor.text("wellKnownUrl")});
    let body = json!({"name": "Miro", "type": "miro", "settings": settings});
    let created = server.post(PROVIDERS, &body).await?;
    let expected = json!({
        "well_known_url": vendor.text("wellKnownUrl"), "issuer": vendor.text("issuer"), "jwks_url": vendor.text("jwksUrl"),
    });
    assert_eq!(created.json()["settings"], expected, "{created:?}");
    Ok(id(&created))
}

/// "Create a SET for testing", Example 2, about the user of this address.
fn example_2(server: &Server, email: &str, jti: &str) -> Value {
    json!({
        "jti": jti,
        "iat": 1_615_305_159,
        "aud": format!("{}/", server.url),
        "events": {"https://schemas.openid.net/secevent/risc/event-type/identifier-changed": {
            "subject": {"user": {"format": "email", "email": email}},
            "new-value": "john.roe@example.com",
            "event_timestamp": 1_615_304_991_643_i64,
        }},
    })
}

/// What jwt.io does in the guide: header and payload in, token out. `iss` is the vendor's own.
fn sign(vendor: &Transmitter, claims: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("claims.json");
    fs::write(&file, claims.to_string()).unwrap();
    text(&run(&["set", "sign", "--transmitter", &vendor.dir(), path(&file)]))
        .trim()
        .to_owned()
}

/// "Send Security Events" from Postman: the raw body, and whatever type Postman gives it.
async fn send(server: &Server, token: &str) -> Result<Answer> {
    let body = token.to_owned();
    server
        .send(|http, at| http.post(at(SET_ENDPOINT)).header("Content-Type", "text/plain").body(body))
        .await
}

async fn accepted(server: &Server, token: &str) -> Result<()> {
    let sent = send(server, token).await?;
    assert_eq!((sent.status, sent.text.as_str()), (StatusCode::ACCEPTED, ""), "{sent:?}");
    Ok(())
}

async fn refused(server: &Server, token: &str, err: &str) -> Result<()> {
    let sent = send(server, token).await?;
    assert_eq!(
        (sent.status, &sent.json()["err"]),
        (StatusCode::BAD_REQUEST, &json!(err)),
        "{sent:?}"
    );
    assert_eq!(sent.headers["content-type"], "application/json");
    assert!(sent.json()["description"].as_str().is_some_and(|text| !text.is_empty()));
    Ok(())
}

async fn events(server: &Server, event_type: &str) -> Result<usize> {
    Ok(log(server, event_type).await?.len())
}

async fn create_john(server: &Server) -> Result<String> {
    let profile = json!({"firstName": "John", "lastName": "Doe", "email": "john@doe.net", "login": "john@doe.net"});
    let created = server
        .post("/api/v1/users?activate=false", &json!({"profile": profile}))
        .await?;
    Ok(id(&created))
}

/// "Other SSF Receiver API lifecycle tasks": list, retrieve, update with the body that was retrieved.
#[tokio::test]
async fn document_003_configures_providers_of_both_kinds() -> Result<()> {
    let server = server().await?;
    let (trellix, miro) = (
        Transmitter::start(&["--alg", "ES256"])?,
        Transmitter::start(&["--alg", "ES256"])?,
    );
    let by_issuer = create_by_issuer(&server, &trellix).await?;
    let by_well_known = create_by_well_known(&server, &miro).await?;

    let listed = server.get(PROVIDERS).await?.json();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|it| it["id"].as_str()).collect();
    assert!(
        ids.contains(&by_issuer.as_str()) && ids.contains(&by_well_known.as_str()),
        "{listed}"
    );

    for provider in [&by_issuer, &by_well_known] {
        let path = format!("{PROVIDERS}/{provider}");
        let mut body = server.get(&path).await?.json();
        body["name"] = json!(format!("Renamed {provider}"));
        let updated = server.call(Method::PUT, &path, Some(&body)).await?;
        assert_eq!(updated.status, StatusCode::OK, "{updated:?}");
        assert_eq!(updated.json(), body, "all that was retrieved could be sent back");
    }

    let deactivated = server
        .post(&format!("{PROVIDERS}/{by_issuer}/lifecycle/deactivate"), &json!({}))
        .await?
        .json();
    assert_eq!(deactivated["status"], "INACTIVE");
    assert!(deactivated["_links"]["activate"].is_object());
    let activated = server
        .post(&format!("{PROVIDERS}/{by_issuer}/lifecycle/activate"), &json!({}))
        .await?
        .json();
    assert_eq!(activated["status"], "ACTIVE");

    let path = format!("{PROVIDERS}/{by_issuer}");
    let deleted = server.call(Method::DELETE, &path, None).await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (StatusCode::NO_CONTENT, ""));
    let listed = server.get(PROVIDERS).await?.json();
    assert!(!listed.to_string().contains(&by_issuer), "{listed}");
    assert_eq!(server.get(&path).await?.status, StatusCode::NOT_FOUND);
    for (event, count) in [
        ("create", 2),
        ("update", 2),
        ("activate", 1),
        ("deactivate", 1),
        ("delete", 1),
    ] {
        assert_eq!(
            events(&server, &format!("security.events.provider.{event}")).await?,
            count,
            "{event}"
        );
    }
    assert_eq!(trellix.stop()?, Some(0));
    Ok(())
}

/// "Send security events": accepted and seen once; a repeat and a stranger leave no trace.
#[tokio::test]
async fn document_003_leads_from_a_key_pair_to_an_accepted_set() -> Result<()> {
    let server = server().await?;
    let vendor = Transmitter::start(&["--issuer", "https://issuer.com"])?;
    let provider = create_by_issuer(&server, &vendor).await?;
    let john = create_john(&server).await?;

    let token = sign(
        &vendor,
        &example_2(&server, "john@doe.net", "24c63fb56e5a2d77a6b512616ca9fa24"),
    );
    accepted(&server, &token).await?;
    let received = log(&server, RECEIVED).await?;
    assert_eq!(received.len(), 1);
    let event = &received[0];
    assert_eq!(
        (&event["actor"]["type"], &event["actor"]["id"], &event["actor"]["displayName"]),
        (&json!("SecurityEventProvider"), &json!(provider), &json!("Trellix"))
    );
    assert_eq!(
        (&event["target"][0]["type"], &event["target"][0]["id"]),
        (&json!("User"), &json!(john))
    );
    let report: Value = serde_json::from_str(event["debugContext"]["debugData"]["partnerRiskReportData"].as_str().unwrap())?;
    assert_eq!(report["issuer"], "https://issuer.com");
    let reported = &report["https://schemas.openid.net/secevent/risc/event-type/identifier-changed"];
    assert_eq!(reported["event_timestamp"], 1_615_304_991_643_i64);
    let detected = log(&server, "user.risk.detect").await?;
    assert_eq!(detected.len(), 1);
    let risk = detected[0]["debugContext"]["debugData"]["risk"].as_str().unwrap();
    assert!(
        risk.contains("detectionName=Security Events Provider Reported Risk"),
        "{risk}"
    );
    let found = server
        .send(|http, at| {
            let request = http.get(at("/api/v1/logs")).query(&[("q", "Partner reported risk")]);
            request.header("Authorization", format!("SSWS {TOKEN}"))
        })
        .await?
        .json();
    let found: Vec<&Value> = found.as_array().unwrap().iter().map(|event| &event["uuid"]).collect();
    assert!(found.contains(&&event["uuid"]), "{found:?}");

    // "If you send two messages with the same jti value, then the second message is ignored."
    accepted(&server, &token).await?;
    let other = example_2(&server, "john@doe.net", "24c63fb56e5a2d77a6b512616ca9fa24");
    accepted(&server, &sign(&vendor, &other)).await?;
    // "If the email isn't valid, then the accepted event is silently ignored."
    accepted(&server, &sign(&vendor, &example_2(&server, "nobody@doe.net", "set-2"))).await?;
    assert_eq!(
        (events(&server, RECEIVED).await?, events(&server, "user.risk.detect").await?),
        (1, 1)
    );

    // "The iss value must be the same issuer"; the audience is this org.
    let mut foreign = example_2(&server, "john@doe.net", "set-3");
    foreign["iss"] = json!("https://issuer.com/");
    refused(&server, &sign(&vendor, &foreign), "invalid_issuer").await?;
    let mut foreign = example_2(&server, "john@doe.net", "set-3");
    foreign["aud"] = json!("https://other.example");
    refused(&server, &sign(&vendor, &foreign), "invalid_audience").await?;
    assert_eq!(events(&server, RECEIVED).await?, 1);
    assert_eq!(vendor.stop()?, Some(0));
    assert_eq!(server.stop().await?, Some(0));
    Ok(())
}

/// "Deactivate", "Delete", and what JWT-07 asks of a vendor: its keys change while it sends.
#[tokio::test]
async fn document_003_ends_where_the_provider_ends() -> Result<()> {
    let server = server().await?;
    let vendor = Transmitter::start(&["--alg", "ES256"])?;
    let provider = create_by_well_known(&server, &vendor).await?;
    create_john(&server).await?;
    let token = |jti: &str| sign(&vendor, &example_2(&server, "john@doe.net", jti));
    accepted(&server, &token("set-1")).await?;

    let before = token("set-2");
    let old_key = parsed(&run(&["set", "decode", "--json", &before]))["header"]["kid"].clone();
    let rotated = vendor.rotate(&[]);
    assert_ne!(rotated["kid"], old_key);
    accepted(&server, &token("set-3")).await?;
    accepted(&server, &before).await?;
    assert_eq!(events(&server, RECEIVED).await?, 3);

    let path = format!("{PROVIDERS}/{provider}");
    server.post(&format!("{path}/lifecycle/deactivate"), &json!({})).await?;
    refused(&server, &token("set-4"), "invalid_issuer").await?;
    let unsent = token("set-4");
    let explained = run_with_input(&["set", "send", "--json", "--to", &server.url], &unsent);
    assert_eq!(explained.status.code(), Some(1));
    assert!(String::from_utf8(explained.stdout)?.contains("deactivated"));
    server.post(&format!("{path}/lifecycle/activate"), &json!({})).await?;
    let delivered = parsed(&run_with_input(&["set", "send", "--json", "--to", &server.url], &unsent));
    assert_eq!((&delivered["delivered"], &delivered["status"]), (&json!(true), &json!(202)));
    assert_eq!(events(&server, RECEIVED).await?, 4);

    server.call(Method::DELETE, &path, None).await?;
    refused(&server, &token("set-5"), "invalid_issuer").await?;
    assert_eq!(events(&server, RECEIVED).await?, 4);
    Ok(())
}
/// The rule of the entity risk policy that ends sessions at HIGH (okta.md 9.4).
async fn end_sessions_at_high_risk(server: &Server) -> Result<()> {
    let policies = server.get("/api/v1/policies?type=ENTITY_RISK").await?.json();
    let policy = policies[0]["id"].as_str().unwrap();
    let rule = json!({
        "type": "ENTITY_RISK", "name": "End sessions at high risk",
        "conditions": {
            "entityRisk": {"level": "HIGH"},
            "riskDetectionTypes": {"include": ["SECURITY_EVENTS_PROVIDER_REPORTED_RISK"], "exclude": []},
        },
        "actions": {"entityRisk": {"actions": [{"action": "TERMINATE_ALL_SESSIONS"}]}},
    });
    let added = server.post(&format!("/api/v1/policies/{policy}/rules"), &rule).await?;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    Ok(())
}

/// A session cookie's worth: sign in, exchange the session token.
async fn session(server: &Server) -> Result<String> {
    let signed_in = sign_in(server, "192.0.2.1").await?.json();
    assert_eq!(signed_in["status"], "SUCCESS", "{signed_in}");
    let body = json!({"sessionToken": signed_in["sessionToken"]});
    let session = server.post("/api/v1/sessions", &body).await?;
    Ok(id(&session))
}

fn risk_change(server: &Server, vendor: &Transmitter, level: &str, previous: &str) -> String {
    let claims = run(&[
        "set",
        "make",
        "--event",
        "user-risk-change",
        "--user-email",
        "jo.lin@example.com",
        "--level",
        level,
        "--previous-level",
        previous,
        "--reason",
        "Malware found on laptop D-42",
        "--initiating-entity",
        "policy",
        "--audience",
        &server.url,
    ]);
    let signed = run_with_input(&["set", "sign", "--transmitter", &vendor.dir()], &text(&claims));
    text(&signed).trim().to_owned()
}

/// "About third-party security events": a signal becomes entity risk, and the policy acts on it.
#[tokio::test]
async fn a_reported_user_loses_the_sessions_and_the_log_says_why() -> Result<()> {
    let server = server().await?;
    let vendor = Transmitter::start(&["--alg", "ES256"])?;
    create_by_well_known(&server, &vendor).await?;
    let user = create_user(&server).await?;
    end_sessions_at_high_risk(&server).await?;
    let session = format!("/api/v1/sessions/{}", session(&server).await?);
    assert_eq!(server.get(&session).await?.status, StatusCode::OK);

    accepted(&server, &risk_change(&server, &vendor, "high", "low")).await?;
    let detected = log(&server, "user.risk.detect").await?;
    let risk = detected[0]["debugContext"]["debugData"]["risk"].as_str().unwrap();
    assert!(risk.contains("level=HIGH") && risk.contains("previousLevel=LOW"), "{risk}");
    assert!(risk.contains(vendor.text("issuer")), "{risk}");
    assert_eq!(events(&server, "policy.entity_risk.evaluate").await?, 1);
    let acted = log(&server, "policy.entity_risk.action").await?;
    assert_eq!(acted.len(), 1);
    assert!(
        acted[0]["target"].to_string().contains("TERMINATE_ALL_SESSIONS"),
        "{}",
        acted[0]["target"]
    );
    assert_eq!(events(&server, "user.session.end").await?, 1);
    assert_eq!(server.get(&session).await?.status, StatusCode::NOT_FOUND);
    let path = format!("/api/v1/users/{user}/risk");
    assert_eq!(server.get(&path).await?.json()["riskLevel"], "HIGH");

    // The same provider's all-clear is a detection, too, and nothing is done about it.
    accepted(&server, &risk_change(&server, &vendor, "low", "high")).await?;
    assert_eq!(events(&server, "user.risk.detect").await?, 2);
    assert_eq!(events(&server, "policy.entity_risk.action").await?, 1);
    assert_ne!(server.get(&path).await?.json()["riskLevel"], "HIGH");
    Ok(())
}
