//! Floods of tokens and passwords that are no good: what they cost is bounded, and honest calls go on.

use anyhow::Result;
use serde_json::json;
use watchfire_harness::{SetSender, TestServer};

const RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";
const EACH: usize = 300;

fn event() -> serde_json::Value {
    json!({"current_level": "high", "previous_level": "low", "event_timestamp": 1_800_000_000, "initiating_entity": "policy", "reason_admin": {"en": "x"},
        "subject": {"user": {"format": "email", "email": "nobody@example.com"}}})
}

#[tokio::test]
async fn floods_cost_their_bounds_and_honest_calls_go_on() -> Result<()> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let honest = SetSender::register(&server, "https://honest.example").await?;
    let flooded = SetSender::register(&server, "https://flooded.example").await?;
    honest.tell(&server, "first", RISK, event()).await?;
    flooded.tell(&server, "first", RISK, event()).await?;
    let forger = SetSender::register(&server, "https://forger.example").await?;
    let before = server.contents().await?;
    for number in 0..EACH {
        let claims = flooded.claims(&server, &format!("jti-{number}"), RISK, event());
        // The flooded vendor's name and key id, and somebody else's signature.
        let kid = flooded.key.public_jwk()["kid"].clone();
        let bad = forger.sign_with(&json!({"typ": "secevent+jwt", "kid": kid}), &claims)?;
        let unknown_key = forger.sign_with(&json!({"typ": "secevent+jwt", "kid": format!("kid-{number}")}), &claims)?;
        let mut of_nobody = claims.clone();
        of_nobody["iss"] = json!(format!("https://nobody-{number}.example"));
        let of_nobody = forger.sign(&of_nobody)?;
        for token in [bad, unknown_key, of_nobody] {
            let refused = SetSender::post(&server, &token).await?;
            assert_eq!(refused.status, 400, "{}", refused.text);
        }
    }
    assert!(flooded.fetches().await <= 2, "{} fetches", flooded.fetches().await);
    assert_eq!(forger.fetches().await, 0, "whose key it was made with, nobody asks");
    assert!(server.contents().await? == before, "refused tokens leave nothing");
    honest.tell(&server, "second", RISK, event()).await?;
    flooded.tell(&server, "second", RISK, event()).await?;
    assert_eq!(honest.fetches().await, 1);
    Ok(())
}
