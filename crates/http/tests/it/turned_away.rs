//! Calls that are turned away are in the System Log (okta.md 1.1, 8.6), however many they are, once.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{ORG_URL, TestServer};

use crate::people::events;

/// They are written behind the answer.
async fn written(server: &TestServer, event_type: &str) -> Result<Vec<Value>> {
    for _ in 0..10_000 {
        let found = events(server, event_type).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        tokio::task::yield_now().await;
    }
    anyhow::bail!("no {event_type}")
}

#[tokio::test]
async fn a_token_from_outside_its_range_is_in_the_log_once_a_minute() -> Result<()> {
    let server = TestServer::start().await?;
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let zone = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
    let made = server
        .call("POST", "/watchfire/v1/api-tokens")
        .json(&json!({"name": "ci"}))
        .send()
        .await?;
    let path = format!("/api/v1/api-tokens/{}", made.text_at("/id"));
    let body = json!({"name": "ci", "network": {"connection": "ZONE", "include": [zone.text_at("/id")]}});
    ensure!(server.call("PUT", &path).json(&body).send().await?.status == 200);
    let ssws = format!("SSWS {}", made.text_at("/token"));
    let knock = || {
        server
            .call("GET", "/api/v1/groups")
            .header("authorization", &ssws)
            .from([192, 0, 2, 7])
    };
    for _ in 0..5 {
        assert_eq!(knock().send().await?.status, 401);
    }
    let event_type = "system.api_token.request_outside_allowed_range";
    let found = written(&server, event_type).await?;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            &found[0]["client"]["ipAddress"],
            &found[0]["target"][0]["id"],
            &found[0]["outcome"]["result"]
        ),
        (&json!("192.0.2.7"), &made.json["id"], &json!("DENY"))
    );
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(knock().send().await?.status, 401);
    // A change that is made after it is decided after it.
    ensure!(
        server
            .call("PUT", "/api/v1/org")
            .json(&json!({"companyName": "Acme"}))
            .send()
            .await?
            .status
            == 200
    );
    assert_eq!(events(&server, event_type).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_rate_limit_that_was_hit_is_in_the_log_once_a_window() -> Result<()> {
    let settings = Settings {
        api_calls_per_minute: 3,
        ..Settings::new(ORG_URL)
    };
    let server = TestServer::start_with(settings).await?;
    let made = server
        .call("POST", "/watchfire/v1/api-tokens")
        .json(&json!({"name": "busy"}))
        .send()
        .await?;
    let ssws = format!("SSWS {}", made.text_at("/token"));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let call = server.call("GET", "/api/v1/groups").header("authorization", &ssws);
        statuses.push(call.send().await?.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429]);
    server.clock.advance(Duration::from_secs(61));
    // A change that is made after it is decided after it.
    ensure!(
        server
            .call("PUT", "/api/v1/org")
            .json(&json!({"companyName": "Acme"}))
            .send()
            .await?
            .status
            == 200
    );
    let found = events(&server, "system.org.rate_limit.violation").await?;
    assert_eq!(found.len(), 1);
    let debug = &found[0]["debugContext"]["debugData"];
    assert_eq!(
        (&debug["rateLimitBucket"], &debug["threshold"], &found[0]["severity"]),
        (&json!("management"), &json!("3"), &json!("WARN"))
    );
    Ok(())
}

#[tokio::test]
async fn a_zone_that_becomes_a_blocklist_or_none_any_more_says_so() -> Result<()> {
    let server = TestServer::start().await?;
    let zone = |usage: &str| json!({"type": "IP", "name": "Z", "usage": usage, "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let made = server.call("POST", "/api/v1/zones").json(&zone("POLICY")).send().await?;
    let path = format!("/api/v1/zones/{}", made.text_at("/id"));
    for usage in ["BLOCKLIST", "BLOCKLIST", "POLICY"] {
        let changed = server.call("PUT", &path).json(&zone(usage)).send().await?;
        ensure!(changed.status == 200, "{}", changed.text);
    }
    for event_type in ["zone.make_blacklist", "zone.remove_blacklist"] {
        let found = events(&server, event_type).await?;
        assert_eq!(found.len(), 1, "{event_type}");
        assert_eq!(found[0]["target"][0]["id"], made.json["id"]);
    }
    assert_eq!(events(&server, "zone.update").await?.len(), 3);
    Ok(())
}
