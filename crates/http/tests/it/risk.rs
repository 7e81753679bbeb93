//! Risk providers and risk events through the router (okta.md 3 and 4).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_fixtures::guides::{EMPTY_ADDRESSES, TWO_SIGNALS};
use watchfire_harness::{Answer, TestServer};

const PROVIDERS: &str = "/api/v1/risk/providers";
const EVENTS: &str = "/api/v1/risk/events/ip";

async fn default_provider(server: &TestServer) -> Result<Value> {
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!(listed.status, 200);
    Ok(listed.json[0].clone())
}

async fn send(server: &TestServer, body: &str) -> Result<Answer> {
    server
        .call("POST", EVENTS)
        .header("content-type", "application/json")
        .text(body)
        .send()
        .await
}

async fn consumed(server: &TestServer) -> Result<usize> {
    let path = "/api/v1/logs?filter=eventType+eq+%22security.risk.signal.consume%22";
    let log = server.call("GET", path).send().await?;
    Ok(log.json.as_array().map_or(0, Vec::len))
}

/// okta.md 3.1: what a fresh organisation has, exactly.
#[tokio::test]
async fn a_fresh_organisation_has_the_default_provider() -> Result<()> {
    let server = TestServer::start().await?;
    let provider = default_provider(&server).await?;
    let id = provider["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("rkp") && id.len() == 20, "{id}");
    let members: Vec<&String> = provider.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(
        members,
        ["id", "name", "clientId", "action", "created", "lastUpdated", "_links"]
    );
    assert_eq!(
        (&provider["name"], &provider["clientId"], &provider["action"]),
        (&json!("Default "), &json!("null"), &json!("log_only"))
    );
    Ok(())
}

/// okta.md 3.2: every method and its status; POST is an alias of PUT; a whole object may be sent back.
#[tokio::test]
async fn a_provider_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let made = server
        .call("POST", PROVIDERS)
        .json(&json!({"name": "Acme", "clientId": "null"}))
        .send()
        .await?;
    assert_eq!((made.status, &made.json["action"]), (201, &json!("log_only")));
    let path = format!("{PROVIDERS}/{}", made.text_at("/id"));
    let mut whole = server.call("GET", &path).send().await?.json;
    whole["action"] = json!("none");
    for method in ["PUT", "POST"] {
        let replaced = server.call(method, &path).json(&whole).send().await?;
        assert_eq!((replaced.status, &replaced.json["action"]), (200, &json!("none")), "{method}");
    }
    let deleted = server.call("DELETE", &path).send().await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    for method in ["GET", "DELETE"] {
        let gone = server.call(method, &path).send().await?;
        assert_eq!((gone.status, gone.error().0), (404, "E0000007"), "{method}");
        assert!(gone.text_at("/errorSummary").ends_with("(RiskProvider)"));
    }
    Ok(())
}

/// okta.md 3.2: the members themselves; rules between providers are tested in the domain.
#[tokio::test]
async fn a_faulty_provider_is_refused_and_nothing_is_stored() -> Result<()> {
    let server = TestServer::start().await?;
    let blank = "The field cannot be left blank";
    let cases = [
        (json!({"clientId": "null"}), format!("name: {blank}")),
        (json!({"name": "A"}), format!("clientId: {blank}")),
        (json!({"name": "A", "clientId": null}), format!("clientId: {blank}")),
        (
            json!({"name": 1, "clientId": "null"}),
            "name: The field must be a string".to_owned(),
        ),
        (
            json!({"name": "A", "clientId": "0oaNobody"}),
            "clientId: Invalid client id".to_owned(),
        ),
        (
            json!({"name": "A", "clientId": "null", "action": "log"}),
            "action: The value is not valid. Allowed values: none, log_only, enforce_and_log".to_owned(),
        ),
    ];
    for (body, cause) in cases {
        let refused = server.call("POST", PROVIDERS).json(&body).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{body}");
        assert_eq!(refused.json["errorCauses"], json!([{"errorSummary": cause}]), "{body}");
    }
    let malformed = server
        .call("POST", PROVIDERS)
        .header("content-type", "application/json")
        .text("[")
        .send()
        .await?;
    assert_eq!((malformed.status, malformed.error().0), (400, "E0000003"));
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(1));
    Ok(())
}

/// okta.md 4.2: 202 without a body or a type; the bytes of the guide.
#[tokio::test]
async fn a_call_of_the_guide_is_accepted_and_logged_once() -> Result<()> {
    let server = TestServer::start().await?;
    let sent = send(&server, TWO_SIGNALS).await?;
    assert_eq!((sent.status, sent.text.as_str()), (202, ""));
    assert_eq!(consumed(&server).await?, 1);
    let refused = send(&server, EMPTY_ADDRESSES).await?;
    assert_eq!((refused.status, refused.error().0), (400, "E0000001"));
    assert_eq!(consumed(&server).await?, 1, "nothing of a refused call is stored");
    Ok(())
}

/// okta.md 4.3: `none` keeps the receipt and says nothing.
#[tokio::test]
async fn a_provider_without_an_action_is_heard_and_not_logged() -> Result<()> {
    let server = TestServer::start().await?;
    let mut provider = default_provider(&server).await?;
    provider["action"] = json!("none");
    let path = format!("{PROVIDERS}/{}", provider["id"].as_str().unwrap_or_default());
    assert_eq!(server.call("PUT", &path).json(&provider).send().await?.status, 200);
    assert_eq!(send(&server, TWO_SIGNALS).await?.status, 202);
    assert_eq!(consumed(&server).await?, 0);
    assert_eq!(
        server.app.state().signals().len(),
        2,
        "what was heard counts once the action does"
    );
    Ok(())
}

/// Architecture invariant 2.
#[tokio::test]
async fn a_repeat_under_one_idempotency_key_is_acknowledged_once() -> Result<()> {
    let server = TestServer::start().await?;
    for _ in 0..2 {
        let call = server
            .call("POST", EVENTS)
            .header("content-type", "application/json")
            .header("idempotency-key", "k-1");
        assert_eq!(call.text(TWO_SIGNALS).send().await?.status, 202);
    }
    assert_eq!(consumed(&server).await?, 1);
    Ok(())
}

/// okta.md 13, row 1, and 11.5: three a minute, refused calls count, the headers say so, and the
/// window ends.
#[tokio::test]
async fn calls_are_counted_by_provider_and_minute() -> Result<()> {
    let server = TestServer::start_with(Settings::new("https://watchfire.test")).await?;
    for remaining in ["2", "1", "0"] {
        let call = send(&server, "[]").await?;
        assert_eq!(call.status, 400);
        assert_eq!(call.headers["x-rate-limit-limit"], "3");
        assert_eq!(call.headers["x-rate-limit-remaining"], remaining);
    }
    let limited = send(&server, TWO_SIGNALS).await?;
    assert_eq!((limited.status, limited.error().0), (429, "E0000047"));
    assert!(limited.headers.contains_key("date") && limited.headers.contains_key("x-rate-limit-reset"));
    server.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(send(&server, TWO_SIGNALS).await?.status, 202);
    Ok(())
}

/// okta.md 4.2: with several providers and no client, only the unassigned one can be meant.
#[tokio::test]
async fn an_administrators_call_needs_one_provider_that_can_be_meant() -> Result<()> {
    let server = TestServer::start().await?;
    assert_eq!(
        server
            .call("POST", PROVIDERS)
            .json(&json!({"name": "B", "clientId": "null"}))
            .send()
            .await?
            .status,
        201
    );
    let refused = send(&server, TWO_SIGNALS).await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"));
    Ok(())
}

/// Architecture section 6: the table of addresses is rebuilt from what has not expired.
#[tokio::test]
async fn signals_live_through_a_restart() -> Result<()> {
    let server = TestServer::start().await?;
    assert_eq!(send(&server, TWO_SIGNALS).await?.status, 202);
    let server = server.restart().await?;
    assert_eq!(server.app.state().signals().len(), 2);
    Ok(())
}
