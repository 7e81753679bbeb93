//! The documents 000, 001 and 002, step by step, by plain HTTP with their own payloads.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use watchfire_crypto::signing::{NewKey, PrivateKey};
use watchfire_fixtures::guides::{EMPTY_ADDRESSES, TWO_SIGNALS};

use crate::server::{Answer, Server, TOKEN};

/// A provider that has followed 002 up to its key pair.
struct Provider {
    key: PrivateKey,
    client_id: String,
}

/// 002 "Create a service app": the request of the collection, the answer of the document.
async fn create_service_app(server: &Server) -> Result<Provider> {
    let key = PrivateKey::generate(NewKey::Rsa2048)?;
    let mut public = key.public_jwk();
    public["use"] = json!("sig");
    let body = json!({
        "client_name": "Risk Provider Example",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "redirect_uris": ["https://httpbin.org/get"],
        "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service",
        "jwks": {"keys": [public]},
    });
    let created = server.post("/oauth2/v1/clients", &body).await?;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let app = created.json();
    assert_eq!(app["client_name"], "Risk Provider Example");
    assert_eq!(app["client_uri"], Value::Null);
    assert_eq!(app["jwks"]["keys"][0]["n"], public["n"]);
    let client_id = app["client_id"].as_str().unwrap().to_owned();
    let listed = server.get("/oauth2/v1/clients").await?.json();
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .any(|app| app["client_id"] == client_id.as_str()),
        "{listed}"
    );
    Ok(Provider { key, client_id })
}

/// 002 "Add a scope grant to the app".
async fn grant_scope(server: &Server, client_id: &str) -> Result<()> {
    let body = json!({"scopeId": "okta.riskEvents.manage", "issuer": server.url});
    let granted = server.post(&format!("/api/v1/apps/{client_id}/grants"), &body).await?;
    assert_eq!(granted.status, StatusCode::CREATED, "{granted:?}");
    assert_eq!(granted.json()["_embedded"]["scope"]["id"], "okta.riskEvents.manage");
    Ok(())
}

/// 002 "Retrieve the default risk provider" and "Update the risk provider".
async fn update_default_provider(server: &Server, client_id: &str, action: &str) -> Result<String> {
    let listed = server.get("/api/v1/risk/providers").await?.json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&listed[0]["name"], &listed[0]["clientId"], &listed[0]["action"]),
        (&json!("Default "), &json!("null"), &json!("log_only"))
    );
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/risk/providers/{id}");
    let body = json!({"name": "Risk Provider Example", "clientId": client_id, "action": action});
    let updated = server.call(Method::PUT, &path, Some(&body)).await?;
    assert_eq!(updated.status, StatusCode::OK, "{updated:?}");
    let provider = updated.json();
    assert_eq!(provider["id"], id.as_str());
    assert_eq!(provider["action"], action);
    assert_eq!(provider["_links"]["self"]["href"], format!("{}{path}", server.url));
    assert_eq!(provider["_links"]["self"]["hints"]["allow"], json!(["GET", "PUT", "DELETE"]));
    Ok(id)
}

/// The guide's assertion payload, with `exp` where the reader's tool adds it (okta.md 13, row 2).
fn assertion(server: &Server, provider: &Provider, exp: Option<i64>) -> Result<String> {
    let mut claims = json!({
        "aud": format!("{}/oauth2/v1/token", server.url),
        "iss": provider.client_id,
        "sub": provider.client_id,
    });
    if let Some(exp) = exp {
        claims["exp"] = exp.into();
    }
    Ok(provider.key.sign_compact(&Map::new(), claims.to_string().as_bytes())?)
}

#[expect(clippy::disallowed_methods, reason = "the assertion is for a real server with a real clock")]
fn in_an_hour() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    i64::try_from(now).unwrap() + 3600
}

async fn ask_for_token(server: &Server, assertion: &str) -> Result<Answer> {
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "okta.riskEvents.manage"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
    ];
    server.send(|http, at| http.post(at("/oauth2/v1/token")).form(&form)).await
}

/// "Create an access token": the sample answer's members and claims.
async fn access_token(server: &Server, provider: &Provider) -> Result<String> {
    let answer = ask_for_token(server, &assertion(server, provider, Some(in_an_hour()))?).await?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("okta.riskEvents.manage"))
    );
    Ok(body["access_token"].as_str().unwrap().to_owned())
}

async fn send_risk_event(server: &Server, token: &str, payload: &'static str) -> Result<Answer> {
    server
        .send(|http, at| {
            http.post(at("/api/v1/risk/events/ip"))
                .header("Authorization", format!("Bearer {token}"))
                .header("Content-Type", "application/json")
                .body(payload)
        })
        .await
}

pub(crate) async fn log(server: &Server, event_type: &str) -> Result<Vec<Value>> {
    let answer = server
        .send(|http, at| {
            http.get(at("/api/v1/logs"))
                .query(&[("filter", format!("eventType eq \"{event_type}\""))])
                .header("Authorization", format!("SSWS {TOKEN}"))
        })
        .await?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Ok(answer.json().as_array().unwrap().clone())
}

async fn set_up(server: &Server, action: &str) -> Result<Provider> {
    let provider = create_service_app(server).await?;
    grant_scope(server, &provider.client_id).await?;
    update_default_provider(server, &provider.client_id, action).await?;
    Ok(provider)
}

/// 002 whole, up to "Confirm the response and System Log".
#[tokio::test]
async fn document_002_leads_from_a_key_pair_to_an_accepted_risk_event() -> Result<()> {
    let server = Server::start(&[]).await?;
    let provider = set_up(&server, "enforce_and_log").await?;
    let token = access_token(&server, &provider).await?;
    let sent = send_risk_event(&server, &token, TWO_SIGNALS).await?;
    assert_eq!((sent.status, sent.text.as_str()), (StatusCode::ACCEPTED, ""));
    assert_eq!(sent.headers.get("content-type"), None);
    let events = log(&server, "security.risk.signal.consume").await?;
    assert_eq!(events.len(), 1);
    let debug = &events[0]["debugContext"]["debugData"];
    assert_eq!(
        debug["riskSignalList"],
        "[{ip=6.7.6.7, riskLevel=LOW}, {ip=1.1.1.1, riskLevel=HIGH}]"
    );
    assert_eq!(debug["riskSignalSize"], "2");
    assert_eq!(debug["riskSignalProviderAction"], "ENFORCE_AND_LOG");
    assert_eq!(debug["riskSignalProviderName"], "Risk Provider Example");
    assert_eq!(events[0]["actor"]["id"], provider.client_id.as_str());
    assert_eq!(server.stop().await?, Some(0));
    Ok(())
}

/// 001: its payload's addresses are empty, which is refused whole, and its limit is three a minute.
#[tokio::test]
async fn document_001_refuses_empty_addresses_and_a_fourth_call_in_a_minute() -> Result<()> {
    let server = Server::start(&[]).await?;
    let provider = set_up(&server, "enforce_and_log").await?;
    let token = access_token(&server, &provider).await?;
    let refused = send_risk_event(&server, &token, EMPTY_ADDRESSES).await?;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.json()["errorCauses"],
        json!([{"errorSummary": "ip: Invalid IP address"}])
    );
    assert!(log(&server, "security.risk.signal.consume").await?.is_empty());
    for _ in 0..2 {
        assert_eq!(
            send_risk_event(&server, &token, TWO_SIGNALS).await?.status,
            StatusCode::ACCEPTED
        );
    }
    let limited = send_risk_event(&server, &token, TWO_SIGNALS).await?;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.json()["errorCode"], "E0000047");
    for header in [
        "date",
        "x-rate-limit-limit",
        "x-rate-limit-remaining",
        "x-rate-limit-reset",
        "x-okta-request-id",
    ] {
        assert!(limited.headers.contains_key(header), "{header}");
    }
    assert_eq!(limited.headers["x-rate-limit-limit"], "3");
    assert_eq!(limited.headers["x-rate-limit-remaining"], "0");
    Ok(())
}

/// 000 prints its payload without `exp`; the contract decides that this is refused (okta.md 1.3.2).
#[tokio::test]
async fn document_000_needs_the_exp_that_its_tool_adds() -> Result<()> {
    let server = Server::start(&[]).await?;
    let provider = set_up(&server, "log_only").await?;
    let refused = ask_for_token(&server, &assertion(&server, &provider, None)?).await?;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let expected = json!({
        "error": "invalid_client",
        "error_description": "The client_assertion must contain the 'exp' claim as seconds since epoch.",
    });
    assert_eq!(refused.json(), expected);
    let token = access_token(&server, &provider).await?;
    assert_eq!(
        send_risk_event(&server, &token, TWO_SIGNALS).await?.status,
        StatusCode::ACCEPTED
    );
    Ok(())
}

const DEVICE: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0";

pub(crate) async fn sign_in(server: &Server, from: &str) -> Result<Answer> {
    let body = json!({"username": "jo.lin@example.com", "password": "correct horse battery"});
    server
        .send(|http, at| {
            http.post(at("/api/v1/authn"))
                .header("X-Forwarded-For", from)
                .header("User-Agent", DEVICE)
                .header("Content-Type", "application/json")
                .body(body.to_string())
        })
        .await
}

pub(crate) async fn create_user(server: &Server) -> Result<String> {
    let body = json!({
        "profile": {"firstName": "Jo", "lastName": "Lin", "email": "jo.lin@example.com", "login": "jo.lin@example.com"},
        "credentials": {"password": {"value": "correct horse battery"}},
    });
    let created = server.post("/api/v1/users?activate=true", &body).await?;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    Ok(created.json()["id"].as_str().unwrap().to_owned())
}

/// okta.md 9.6 step 1: the rule that an administrator adds.
async fn add_risk_rule(server: &Server) -> Result<()> {
    let policies = server.get("/api/v1/policies?type=OKTA_SIGN_ON").await?.json();
    let policy = policies[0]["id"].as_str().unwrap();
    let rule = json!({
        "type": "SIGN_ON", "name": "High risk", "conditions": {"riskScore": {"level": "HIGH"}},
        "actions": {"signon": {"access": "ALLOW", "requireFactor": true, "factorPromptMode": "ALWAYS"}},
    });
    let added = server.post(&format!("/api/v1/policies/{policy}/rules"), &rule).await?;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    Ok(())
}

/// 002 "Confirm the response", step 4, and okta.md 9.6: the provider's word turns a sign-in from
/// allowed to refused (this user has no factor), and the log says why. `log_only` does not.
#[tokio::test]
async fn an_enforced_signal_counts_at_sign_in_and_a_logged_one_does_not() -> Result<()> {
    for (action, status) in [("enforce_and_log", StatusCode::UNAUTHORIZED), ("log_only", StatusCode::OK)] {
        let server = Server::start(&["--trusted-proxy", "127.0.0.0/8", "--logins-per-second", "0"]).await?;
        let provider = set_up(&server, action).await?;
        let user = create_user(&server).await?;
        for _ in 0..3 {
            assert_eq!(sign_in(&server, "1.1.1.1").await?.status, StatusCode::OK);
        }
        add_risk_rule(&server).await?;
        let before = sign_in(&server, "1.1.1.1").await?;
        assert_eq!(
            (before.status, &before.json()["status"]),
            (StatusCode::OK, &json!("SUCCESS")),
            "a known source is LOW"
        );
        let token = access_token(&server, &provider).await?;
        assert_eq!(
            send_risk_event(&server, &token, TWO_SIGNALS).await?.status,
            StatusCode::ACCEPTED
        );
        let after = sign_in(&server, "1.1.1.1").await?;
        assert_eq!(after.status, status, "{action}: {after:?}");
        let starts = log(&server, "user.session.start").await?;
        let last = starts.last().unwrap();
        assert_eq!(last["actor"]["id"], user.as_str());
        let debug = &last["debugContext"]["debugData"];
        if action == "enforce_and_log" {
            assert_eq!(last["outcome"]["result"], "FAILURE");
            assert_eq!(last["outcome"]["reason"], "NO_FACTOR");
            assert!(debug["risk"].as_str().unwrap().ends_with("level=HIGH}"), "{debug}");
            let partner = "[{reasons=Detected Attack tooling and suspicious activity, level=HIGH, name=Risk Provider Example}]";
            assert_eq!(debug["partnerRisk"], partner);
        } else {
            assert_eq!(debug["risk"], "{level=LOW}");
            assert_eq!(debug.get("partnerRisk"), None);
            assert!(debug["logOnlySecurityData"].as_str().unwrap().contains("HIGH"), "{debug}");
        }
    }
    Ok(())
}
