//! Sessions (okta.md 9.1, 9.8) through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{Answer, ORG_URL, TestServer};

use crate::people::{self, events, sign_in};

const JO: &str = "jo.lin@example.com";
const SESSIONS: &str = "/api/v1/sessions";

async fn session_token(server: &TestServer) -> Result<Value> {
    Ok(sign_in(server, JO).await?.json["sessionToken"].clone())
}

async fn start(server: &TestServer, token: &Value) -> Result<Answer> {
    server
        .call("POST", SESSIONS)
        .json(&json!({"sessionToken": token}))
        .send()
        .await
}

#[tokio::test]
async fn a_session_token_works_once() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let token = session_token(&server).await?;
    let session = start(&server, &token).await?;
    let id = session.json["id"].as_str().context("an id")?;
    let own = format!("{ORG_URL}{SESSIONS}/{id}");
    let link = |href: String, allow: Value| json!({"href": href, "hints": {"allow": allow}});
    let at = "2027-01-15T08:00:00.000Z";
    let org = server.call("GET", "/api/v1/org").send().await?.json["id"].clone();
    assert_eq!(
        (session.status, &session.json),
        (
            200,
            &json!({
                "id": id, "userId": user, "login": JO, "createdAt": at, "expiresAt": "2027-01-15T10:00:00.000Z",
                "status": "ACTIVE", "lastPasswordVerification": at, "lastFactorVerification": null, "amr": ["pwd"],
                "idp": {"id": org, "type": "OKTA"}, "mfaActive": false,
                "_links": {"self": link(own.clone(), json!(["GET", "DELETE"])),
                    "refresh": link(format!("{own}/lifecycle/refresh"), json!(["POST"])),
                    "user": link(format!("{ORG_URL}/api/v1/users/{user}"), json!(["GET"]))},
            })
        )
    );
    let again = start(&server, &token).await?;
    assert_eq!((again.status, again.error().0), (401, "E0000004"));
    Ok(())
}

#[tokio::test]
async fn a_session_token_works_five_minutes() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let token = session_token(&server).await?;
    server.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(start(&server, &token).await?.error().0, "E0000004");
    let token = session_token(&server).await?;
    server.clock.advance(Duration::from_secs(5 * 60 - 1));
    assert_eq!(start(&server, &token).await?.status, 200);
    assert_eq!(start(&server, &json!("20111nothing")).await?.status, 401);
    let blank = start(&server, &json!("")).await?;
    assert_eq!(
        (blank.status, blank.error().1),
        (400, "sessionToken: The field cannot be left blank")
    );
    Ok(())
}

async fn session(server: &TestServer) -> Result<String> {
    let token = session_token(server).await?;
    let started = start(server, &token).await?;
    let id = started.json["id"].as_str().context("an id")?;
    Ok(format!("{SESSIONS}/{id}"))
}

#[tokio::test]
async fn a_session_is_read_refreshed_and_ended() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let path = session(&server).await?;
    server.clock.advance(Duration::from_secs(60 * 60));
    let refreshed = server.call("POST", &format!("{path}/lifecycle/refresh")).send().await?;
    assert_eq!(refreshed.json["expiresAt"], "2027-01-15T11:00:00.000Z");
    assert_eq!(server.call("GET", &path).send().await?.json, refreshed.json);
    let ended = server.call("DELETE", &path).send().await?;
    assert_eq!((ended.status, ended.text.as_str()), (204, ""));
    for method in ["GET", "DELETE"] {
        let gone = server.call(method, &path).send().await?;
        assert_eq!((gone.status, gone.error().0), (404, "E0000007"));
    }
    assert_eq!(events(&server, "user.session.end").await?.len(), 1);
    // Unused for as long as the rule allows, it is over.
    let path = session(&server).await?;
    server.clock.advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(server.call("GET", &path).send().await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_session_lives_no_longer_than_its_rule_allows() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let limits = json!({"maxSessionIdleMinutes": 30, "maxSessionLifetimeMinutes": 40, "usePersistentCookie": false});
    people::add_rule(&server, "HIGH", json!({"access": "ALLOW", "session": limits})).await?;
    let path = session(&server).await?;
    server.clock.advance(Duration::from_secs(20 * 60));
    let refreshed = server.call("POST", &format!("{path}/lifecycle/refresh")).send().await?;
    assert_eq!(refreshed.json["expiresAt"], "2027-01-15T08:40:00.000Z");
    Ok(())
}

/// okta.md 9.8: one event that says why, and one for each session, of the same transaction.
#[tokio::test]
async fn all_sessions_of_a_user_are_cleared_in_one_transaction() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let paths = [session(&server).await?, session(&server).await?];
    let unused = session_token(&server).await?;
    let path = format!("/api/v1/users/{user}/sessions");
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    for path in paths {
        assert_eq!(server.call("GET", &path).send().await?.status, 404);
    }
    assert_eq!(start(&server, &unused).await?.status, 401);
    let cleared = events(&server, "user.session.clear").await?;
    let ended = events(&server, "user.session.end").await?;
    assert_eq!((cleared.len(), ended.len()), (1, 2));
    for event in &ended {
        assert_eq!(event["transaction"]["id"], cleared[0]["transaction"]["id"]);
        assert!(event["debugContext"]["debugData"]["endedSessionId"].is_string());
    }
    assert_eq!(
        server.call("DELETE", "/api/v1/users/00unone/sessions").send().await?.status,
        404
    );
    Ok(())
}

#[tokio::test]
async fn suspending_a_user_ends_its_sessions() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let path = session(&server).await?;
    let unused = session_token(&server).await?;
    server
        .call("POST", &format!("/api/v1/users/{user}/lifecycle/suspend"))
        .send()
        .await?;
    assert_eq!(server.call("GET", &path).send().await?.status, 404);
    assert_eq!(start(&server, &unused).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn nobody_without_a_credential_touches_sessions() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let path = session(&server).await?;
    for (method, path) in [("POST", SESSIONS), ("GET", &path), ("DELETE", &path)] {
        let refused = server.call(method, path).anonymous().json(&json!({})).send().await?;
        assert_eq!((refused.status, refused.error().0), (401, "E0000011"), "{method}");
    }
    Ok(())
}
