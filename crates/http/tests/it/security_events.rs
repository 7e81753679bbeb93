//! Receiving Security Event Tokens through the router (okta.md 6, clients.md 9, ssf.md annex B).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, SetSender, TestServer, set_sender::SECURITY_EVENTS};

use crate::people::{events, user};

const ISSUER: &str = "https://transmitter.acme.example";
const LOGIN: &str = "jo.lin@example.com";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";
const RECEIVED: &str = "security.events.provider.receive_event";
const DETECTED: &str = "user.risk.detect";

async fn server() -> Result<TestServer> {
    TestServer::start_with(SetSender::settings()).await
}

fn jo() -> Value {
    json!({"user": {"format": "email", "email": LOGIN}})
}

fn user_risk(server: &TestServer, level: &str) -> Value {
    json!({
        "subject": jo(),
        "event_timestamp": watchfire_app::Clock::now(&*server.clock).as_seconds(),
        "initiating_entity": "policy",
        "reason_admin": {"en": "Malware found on laptop D-42"},
        "previous_level": "low",
        "current_level": level,
    })
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text_at("/err"))
}

/// okta.md 6.6, 8.6: an accepted event is received, detected, and found by what the console calls it.
#[tokio::test]
async fn an_event_about_a_known_user_is_in_the_log() -> Result<()> {
    let server = server().await?;
    let id = user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    sender.tell(&server, "one", USER_RISK, user_risk(&server, "high")).await?;

    let received = events(&server, RECEIVED).await?;
    assert_eq!(received.len(), 1);
    let event = &received[0];
    assert_eq!(event["displayMessage"], "Security Events Provider Reported Risk");
    assert_eq!(
        (&event["actor"]["type"], &event["actor"]["id"], &event["actor"]["displayName"]),
        (&json!("SecurityEventProvider"), &json!(sender.provider_id), &json!(ISSUER))
    );
    assert_eq!(
        (&event["target"][0]["type"], &event["target"][0]["id"]),
        (&json!("User"), &json!(id))
    );
    let debug = &event["debugContext"]["debugData"];
    let partner: Value = serde_json::from_str(debug["partnerRiskReportData"].as_str().unwrap_or_default())?;
    assert_eq!(
        (&partner["issuer"], &partner[USER_RISK]),
        (&json!(ISSUER), &user_risk(&server, "high"))
    );
    let reported: Value = serde_json::from_str(debug["securityEventsProviderReportedRisk"].as_str().unwrap_or_default())?;
    assert_eq!(
        (
            &reported["type"],
            &reported["issuer"],
            &reported["userId"],
            &reported["claims"]["current_level"]
        ),
        (&json!(USER_RISK), &json!(ISSUER), &json!(id), &json!("high"))
    );
    assert!(reported["orgId"].as_str().is_some_and(|org| org.starts_with("00o")));

    let detected = events(&server, DETECTED).await?;
    let risk = detected[0]["debugContext"]["debugData"]["risk"].as_str().unwrap_or_default();
    assert!(
        risk.contains("level=HIGH") && risk.contains("detectionName=Security Events Provider Reported Risk"),
        "{risk}"
    );

    let found = server.call("GET", "/api/v1/logs?q=Partner+reported+risk").send().await?;
    let types: Vec<&Value> = found
        .json
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["eventType"])
        .collect();
    assert_eq!(types, [RECEIVED]);
    Ok(())
}

/// Posts once more what was sent, to see that the answer is the same and nothing is written.
async fn send_again(server: &TestServer, token: &str) -> Result<()> {
    let again = SetSender::post(server, token).await?;
    assert_eq!((again.status, again.text.as_str()), (202, ""));
    Ok(())
}

/// SET-22, PUSH-13
#[tokio::test]
async fn a_repeat_is_answered_and_does_nothing() -> Result<()> {
    let server = server().await?;
    user(&server, LOGIN).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    let token = sender.sign(&sender.claims(&server, "one", USER_RISK, user_risk(&server, "high")))?;
    for _ in 0..3 {
        send_again(&server, &token).await?;
    }
    assert_eq!(events(&server, RECEIVED).await?.len(), 1);
    let server = server.restart().await?;
    send_again(&server, &token).await?;
    assert_eq!(events(&server, RECEIVED).await?.len(), 1);
    assert_eq!(
        refusal(&server.call("GET", SECURITY_EVENTS).send().await?),
        (405, "invalid_request")
    );
    Ok(())
}
