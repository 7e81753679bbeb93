//! The authorization server through the router (okta.md 1).

mod clients;
mod discovery;
mod grants;
mod introspection;
mod resources;
mod token;

use anyhow::Result;
use watchfire_harness::{Answer, TestServer};

/// `error` and `error_description` of an answer, with its status.
fn refusal(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.text_at("/error"), answer.text_at("/error_description"))
}

/// The types of the events in the System Log, oldest first, with outcome and reason.
async fn events(server: &TestServer, prefix: &str) -> Result<Vec<String>> {
    let path = format!("/api/v1/logs?limit=1000&filter=eventType+sw+%22{prefix}%22");
    let log = server.call("GET", &path).send().await?;
    assert_eq!(log.status, 200, "{}", log.text);
    let line = |event: &serde_json::Value| {
        let reason = event["outcome"]["reason"].as_str().unwrap_or("-");
        format!(
            "{} {} {reason}",
            event["eventType"].as_str().unwrap_or_default(),
            event["outcome"]["result"].as_str().unwrap_or_default()
        )
    };
    Ok(log.json.as_array().into_iter().flatten().map(line).collect())
}
