//! okta.md 2.2.

use anyhow::Result;
use serde_json::json;
use watchfire_harness::{ServiceApp, TestServer};

use super::events;

#[tokio::test]
async fn a_grant_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[]).await?;
    let path = format!("/api/v1/apps/{}/grants", app.id);
    // The guide only speaks of the scope: no issuer is ours (clients.md 5).
    let made = server
        .call("POST", &path)
        .json(&json!({"scopeId": "okta.riskEvents.manage"}))
        .send()
        .await?;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.text_at("/id").to_owned();
    let org = "https://org.example";
    let want = json!({
        "id": id, "status": "ACTIVE", "created": "2027-01-15T08:00:00.000Z",
        "createdBy": {"id": made.text_at("/createdBy/id"), "type": "User"},
        "lastUpdated": "2027-01-15T08:00:00.000Z", "issuer": org, "clientId": app.id,
        "scopeId": "okta.riskEvents.manage", "source": "ADMIN",
        "_embedded": {"scope": {"id": "okta.riskEvents.manage"}},
        "_links": {
            "app": {"href": format!("{org}/api/v1/apps/{}", app.id), "title": "Risk Provider Example"},
            "self": {"href": format!("{org}{path}/{id}"), "hints": {"allow": ["GET", "DELETE"]}},
            "client": {"href": format!("{org}/oauth2/v1/clients/{}", app.id), "title": "Risk Provider Example"},
        },
    });
    assert_eq!(made.json, want);
    assert!(id.starts_with("oag") && made.text_at("/createdBy/id").starts_with("00u"));
    let again = json!({"scopeId": "okta.riskEvents.manage", "issuer": "https://org.example/"});
    let again = server.call("POST", &path).json(&again).send().await?;
    assert_eq!((again.status, &again.json), (201, &want), "granted already");
    assert_eq!(
        server.call("GET", &format!("{path}?expand=scope")).send().await?.json,
        json!([want])
    );
    let own = format!("{path}/{id}");
    assert_eq!(server.call("GET", &format!("{own}?expand=scope")).send().await?.json, want);
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    for method in ["GET", "DELETE"] {
        let gone = server.call(method, &own).send().await?;
        assert_eq!(
            (gone.status, gone.text_at("/errorSummary")),
            (
                404,
                format!("Not found: Resource not found: {id} (OAuth2ScopeConsentGrant)").as_str()
            )
        );
    }
    let of = |kind: &str| format!("app.oauth2.as.consent.{kind} SUCCESS -");
    assert_eq!(events(&server, "app.oauth2.as.consent").await?, [of("grant"), of("revoke")]);
    Ok(())
}

#[tokio::test]
async fn bad_grants_are_refused_and_nothing_is_stored() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[]).await?;
    let path = format!("/api/v1/apps/{}/grants", app.id);
    for (body, cause) in [
        (json!({}), "scopeId: The field cannot be left blank"),
        (json!({"scopeId": ""}), "scopeId: The field cannot be left blank"),
        (json!({"scopeId": 5}), "scopeId: Invalid value"),
        (json!({"scopeId": "okta.everything.manage"}), "scopeId: Invalid scope"),
        (json!({"scopeId": "okta.logs.read", "issuer": 5}), "issuer: Invalid value"),
        (
            json!({"scopeId": "okta.logs.read", "issuer": "https://other.example"}),
            "issuer: The issuer must be the URL of the organization",
        ),
    ] {
        let refused = server.call("POST", &path).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    assert_eq!(server.call("GET", &path).send().await?.json, json!([]));
    for (method, path) in [
        ("GET", "/api/v1/apps/0oaNobody/grants"),
        ("POST", "/api/v1/apps/0oaNobody/grants"),
        ("GET", "/api/v1/apps/0oaNobody/grants/oag1"),
        ("DELETE", "/api/v1/apps/0oaNobody/grants/oag1"),
    ] {
        let body = json!({"scopeId": "okta.logs.read"});
        let unknown = server.call(method, path).json(&body).send().await?;
        assert_eq!(
            (unknown.status, unknown.text_at("/errorSummary")),
            (404, "Not found: Resource not found: 0oaNobody (OAuth2AppInstance)"),
            "{method}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_scope_is_gone_from_tokens_too() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[]).await?;
    let grant = app.grant(&server, "okta.riskProviders.read").await?;
    let token = app.token(&server, "okta.riskProviders.read").await?;
    let read = || server.call("GET", "/api/v1/risk/providers").bearer(&token);
    assert_eq!(read().send().await?.status, 200);
    let path = format!("/api/v1/apps/{}/grants/{grant}", app.id);
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(read().send().await?.status, 403);
    Ok(())
}
