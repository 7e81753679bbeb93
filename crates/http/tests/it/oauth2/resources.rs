//! Access tokens at resources (okta.md 1.1, 1.5).

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use watchfire_harness::{Answer, ServiceApp, TestServer, service_app::DpopKey};

const SCOPE: &str = "okta.riskProviders.read";
const PATH: &str = "/api/v1/risk/providers";

/// Status, `errorCode`, and `error` with `error_description` of `WWW-Authenticate`.
fn challenge(answer: &Answer) -> (u16, String, String) {
    let header = answer.headers["www-authenticate"].to_str().unwrap_or_default();
    let from = header.find("error=").unwrap_or_default();
    let to = header.find(", resource=").unwrap_or(header.len());
    (
        answer.status,
        answer.text_at("/errorCode").to_owned(),
        header[from..to].to_owned(),
    )
}

fn invalid_token(description: &str) -> (u16, String, String) {
    let error = format!(r#"error="invalid_token", error_description="{description}""#);
    (401, "E0000011".to_owned(), error)
}

#[tokio::test]
async fn what_is_no_good_token_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let token = app.token(&server, SCOPE).await?;
    let other = TestServer::start().await?;
    let foreign = ServiceApp::register(&other, &[SCOPE]).await?.token(&other, SCOPE).await?;
    let read = async |line: &str| server.call("GET", PATH).header("authorization", line).send().await;
    assert_eq!(read(&format!("Bearer {token}")).await?.status, 200);
    assert_eq!(read(&format!("bearer{token}")).await?.status, 200, "without a blank");
    // okta-node sends `undefined` after a token error (clients.md 4).
    for line in [
        "Bearer undefined".to_owned(),
        format!("Bearer {foreign}"),
        format!("Bearer {}x", token),
    ] {
        assert_eq!(
            challenge(&read(&line).await?),
            invalid_token("The access token is invalid."),
            "{line}"
        );
    }
    let unbound = read(&format!("DPoP {token}")).await?;
    assert_eq!(
        challenge(&unbound),
        invalid_token("The presented access_token is not DPoP bound.")
    );
    let missing = server.call("GET", PATH).anonymous().send().await?;
    let text = r#"error="invalid_request", error_description="The access token is missing.""#;
    assert_eq!(challenge(&missing), (401, "E0000011".to_owned(), text.to_owned()));
    server.clock.advance(Duration::from_secs(3_600));
    let expired = read(&format!("Bearer {token}")).await?;
    assert_eq!(challenge(&expired), invalid_token("The token has expired."));
    Ok(())
}

#[tokio::test]
async fn a_bound_token_needs_its_scheme_and_a_fresh_proof() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register_with(&server, &[SCOPE], json!({"dpop_bound_access_tokens": true})).await?;
    let (key, other) = (DpopKey::new()?, DpopKey::new()?);
    let ask = async |proof: String| -> Result<Answer> {
        let form = app.token_form(&server, SCOPE)?;
        server
            .call("POST", "/oauth2/v1/token")
            .anonymous()
            .header("dpop", &proof)
            .form(&form)
            .send()
            .await
    };
    let challenged = ask(key.proof(&server, "POST", "/oauth2/v1/token", json!({}))?).await?;
    let nonce = challenged.headers["dpop-nonce"].to_str()?.to_owned();
    let issued = ask(key.proof(&server, "POST", "/oauth2/v1/token", json!({"nonce": nonce}))?).await?;
    let token = issued.text_at("/access_token").to_owned();
    let ath = DpopKey::ath(&token);
    let read = async |proof: Option<String>| -> Result<Answer> {
        let call = server.call("GET", PATH).header("authorization", &format!("DPoP {token}"));
        match proof {
            Some(proof) => call.header("dpop", &proof).send().await,
            None => call.send().await,
        }
    };
    let good = key.proof(&server, "GET", PATH, json!({"ath": ath, "jti": "1"}))?;
    assert_eq!(read(Some(good.clone())).await?.status, 200);
    let refused = |error: &str, text: &str| {
        (
            400,
            error.to_owned(),
            format!(r#"error="{error}", error_description="{text}""#),
        )
    };
    for (proof, error, text) in [
        (None, "invalid_request", "The resource request requires a DPoP proof."),
        (Some(good), "invalid_dpop_proof", "The DPoP proof JWT has already been used."),
        (
            Some(key.proof(&server, "GET", PATH, json!({"jti": "2"}))?),
            "invalid_dpop_proof",
            "'ath' claim in the DPoP proof does not match the presented access_token.",
        ),
        (
            Some(other.proof(&server, "GET", PATH, json!({"ath": ath, "jti": "3"}))?),
            "invalid_dpop_proof",
            "The access_token is not bound to the provided DPoP proof.",
        ),
        (
            Some(key.proof(&server, "POST", PATH, json!({"ath": ath, "jti": "4"}))?),
            "invalid_dpop_proof",
            "'htm' claim in the DPoP proof JWT is invalid.",
        ),
    ] {
        assert_eq!(challenge(&read(proof).await?), refused(error, text));
    }
    let as_bearer = server.call("GET", PATH).bearer(&token).send().await?;
    let text = "The resource request must use the DPoP authentication scheme when using a DPoP bound token.";
    assert_eq!(challenge(&as_bearer), refused("invalid_request", text));
    Ok(())
}

#[tokio::test]
async fn who_may_manage_may_read() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.riskProviders.manage"]).await?;
    let token = app.token(&server, "okta.riskProviders.manage").await?;
    assert_eq!(server.call("GET", PATH).bearer(&token).send().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn document_002_runs_from_app_to_risk_event() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.riskEvents.manage"]).await?;
    let provider = server.call("GET", PATH).send().await?.text_at("/0/id").to_owned();
    let body = json!({"name": "Risk Provider Example", "clientId": app.id, "action": "enforce_and_log"});
    assert_eq!(
        server
            .call("PUT", &format!("{PATH}/{provider}"))
            .json(&body)
            .send()
            .await?
            .status,
        200
    );
    let token = app.token(&server, "okta.riskEvents.manage").await?;
    let events = json!([{"timestamp": "2021-01-20T00:00:00.001Z", "subjects": [
        {"ip": "6.7.6.7", "riskLevel": "LOW", "message": "none"},
        {"ip": "1.1.1.1", "riskLevel": "HIGH", "message": "Detected Attack tooling and suspicious activity"},
    ]}]);
    let sent = server
        .call("POST", "/api/v1/risk/events/ip")
        .bearer(&token)
        .json(&events)
        .send()
        .await?;
    assert_eq!((sent.status, sent.text.as_str()), (202, ""));
    Ok(())
}
