//! Exactly once inside (architecture invariant 2): what comes again is answered again and does nothing.
//!
//! `cargo xtask test` builds this once more without the memory of what has come, and shows that it fails.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_harness::{SetSender, TestServer};

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const LOGIN: &str = "jo.lin@example.com";

async fn reports(server: &TestServer) -> Result<usize> {
    let path = "/api/v1/logs?filter=eventType+eq+%22security.events.provider.receive_event%22";
    let log = server.call("GET", path).send().await?.json;
    Ok(log.as_array().context("a list")?.len())
}

/// SET-22: at once, later, and after a restart.
#[tokio::test]
async fn a_token_that_comes_again_is_one() -> Result<()> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let profile = json!({"firstName": "Jo", "lastName": "Lin", "email": LOGIN, "login": LOGIN});
    let user = server.call("POST", "/api/v1/users?activate=true");
    assert_eq!(user.json(&json!({ "profile": profile })).send().await?.status, 200);
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let event: Value = json!({"subject": {"user": {"format": "email", "email": LOGIN}}, "event_timestamp": 1_800_000_000});
    let token = sender.sign(&sender.claims(&server, "one", SESSION_REVOKED, event))?;
    for _ in 0..2 {
        assert_eq!(SetSender::post(&server, &token).await?.status, 202);
    }
    assert_eq!(reports(&server).await?, 1, "taken twice");
    let server = server.restart().await?;
    assert_eq!(SetSender::post(&server, &token).await?.status, 202);
    assert_eq!(reports(&server).await?, 1, "taken twice");
    Ok(())
}
