//! The organisation, its health and its document through the router (okta.md 11.2, architecture 4).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{ServiceApp, TestServer};

/// okta.md 11.2: POST changes what is named, PUT clears the rest.
#[tokio::test]
async fn the_organisations_profile_is_changed_and_replaced() -> Result<()> {
    let server = TestServer::start().await?;
    let fresh = server.call("GET", "/api/v1/org").send().await?;
    assert_eq!(
        (&fresh.json["companyName"], &fresh.json["status"]),
        (&json!("Watchfire"), &json!("ACTIVE"))
    );
    let changed = server
        .call("POST", "/api/v1/org")
        .json(&json!({"city": "Lyon", "id": "00oX"}))
        .send()
        .await?;
    assert_eq!(
        (changed.status, &changed.json["city"], &changed.json["id"]),
        (200, &json!("Lyon"), &fresh.json["id"])
    );
    let replaced = server
        .call("PUT", "/api/v1/org")
        .json(&json!({"companyName": "Acme"}))
        .send()
        .await?;
    assert_eq!(
        (&replaced.json["companyName"], &replaced.json["city"]),
        (&json!("Acme"), &Value::Null)
    );
    let nameless = server.call("PUT", "/api/v1/org").json(&json!({})).send().await?;
    assert_eq!(
        nameless.json["errorCauses"],
        json!([{"errorSummary": "companyName: The field cannot be left blank"}])
    );
    Ok(())
}

#[tokio::test]
async fn health_is_public_and_metrics_are_not() -> Result<()> {
    let server = TestServer::start().await?;
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/style.css"] {
        assert_eq!(server.call("GET", path).anonymous().send().await?.status, 200, "{path}");
    }
    let refused = server.call("GET", "/metrics").anonymous().send().await?;
    assert_eq!((refused.status, refused.error().0), (401, "E0000011"));
    let metrics = server.call("GET", "/metrics").send().await?;
    for name in [
        "watchfire_http_answers_total",
        "watchfire_sync_seconds_count",
        "watchfire_live_signals",
        "watchfire_queued_commands",
    ] {
        assert!(metrics.text.contains(name), "{name} in {}", metrics.text);
    }
    Ok(())
}

/// The page loads nothing but its own style sheet.
#[tokio::test]
async fn the_reference_page_may_load_nothing_from_elsewhere() -> Result<()> {
    let server = TestServer::start().await?;
    let page = server.call("GET", "/docs").anonymous().send().await?;
    assert_eq!(
        page.headers["content-security-policy"],
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"
    );
    assert!(!page.text.contains("<script"));
    Ok(())
}

/// Every operation of the document that needs a credential refuses a call without one, and a token
/// with another scope before it looks at the body: a new operation cannot forget either.
#[tokio::test]
async fn no_operation_can_be_called_without_its_credential_and_scope() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.riskEvents.manage"]).await?;
    let token = app.token(&server, "okta.riskEvents.manage").await?;
    let document = server.call("GET", "/openapi.json").anonymous().send().await?.json;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let needs = operation["security"].as_array().cloned().unwrap_or_default();
            // An empty requirement is an operation for everybody that does more for some.
            if needs.is_empty() || needs.contains(&json!({})) {
                continue;
            }
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "x" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let answer = server.call(&method.to_uppercase(), &path).anonymous().send().await?;
            assert_eq!(
                (answer.status, answer.error().0),
                (401, "E0000011"),
                "{method} {path}: {}",
                answer.text
            );
            assert!(answer.json["errorCauses"].is_array(), "{method} {path}");
            if needs.iter().any(|one| one.get("oauth2").is_some()) && path != "/api/v1/risk/events/ip" {
                let answer = server
                    .call(&method.to_uppercase(), &path)
                    .bearer(&token)
                    .json(&json!({}))
                    .send()
                    .await?;
                assert_eq!(
                    (answer.status, answer.error().0),
                    (403, "E0000006"),
                    "{method} {path}: {}",
                    answer.text
                );
            }
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked} operations");
    Ok(())
}

/// A service app manages users, but not those who could take its scopes away.
#[tokio::test]
async fn a_service_app_cannot_touch_an_administrator() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.users.manage"]).await?;
    let token = app.token(&server, "okta.users.manage").await?;
    let me = server.call("GET", "/api/v1/users/me").send().await?;
    let user = format!("/api/v1/users/{}", me.text_at("/id"));
    let password = json!({"credentials": {"password": {"value": "a new long password"}}});
    let factor = json!({"factorType": "token:software:totp", "provider": "OKTA"});
    for (method, path, body) in [
        ("POST", user.clone(), &password),
        ("DELETE", user.clone(), &Value::Null),
        ("POST", format!("{user}/lifecycle/suspend"), &Value::Null),
        ("POST", format!("{user}/lifecycle/deactivate"), &Value::Null),
        ("POST", format!("{user}/factors"), &factor),
        ("DELETE", format!("{user}/sessions"), &Value::Null),
    ] {
        let refused = server.call(method, &path).bearer(&token).json(body).send().await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (403, "E0000006"),
            "{method} {path}: {}",
            refused.text
        );
    }
    assert_eq!(server.call("GET", "/api/v1/users/me").send().await?.json["status"], "ACTIVE");
    Ok(())
}

/// okta.md 1.4: granting needs a super administrator; an app may pass on what it has itself.
#[tokio::test]
async fn a_service_app_cannot_grant_itself_more() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.appGrants.manage", "okta.roles.manage"]).await?;
    let token = app.token(&server, "okta.appGrants.manage okta.roles.manage").await?;
    let grants = format!("/api/v1/apps/{}/grants", app.id);
    let more = server
        .call("POST", &grants)
        .bearer(&token)
        .json(&json!({"scopeId": "okta.users.manage"}))
        .send()
        .await?;
    assert_eq!((more.status, more.error().0), (403, "E0000006"));
    let roles = format!("/oauth2/v1/clients/{}/roles", app.id);
    let role = server
        .call("POST", &roles)
        .bearer(&token)
        .json(&json!({"type": "SUPER_ADMIN"}))
        .send()
        .await?;
    assert_eq!((role.status, role.error().0), (403, "E0000006"));
    // An administrator makes it one: then it may.
    assert_eq!(
        server
            .call("POST", &roles)
            .json(&json!({"type": "SUPER_ADMIN"}))
            .send()
            .await?
            .status,
        201
    );
    let more = server
        .call("POST", &grants)
        .bearer(&token)
        .json(&json!({"scopeId": "okta.users.manage"}))
        .send()
        .await?;
    assert_eq!(more.status, 201, "{}", more.text);
    Ok(())
}
