//! The organisation, its health and its document through the router (okta.md 11.2, architecture 4).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::TestServer;

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

/// Every operation of the document that needs a credential refuses a call without one, in the
/// contract's shape: a new operation cannot forget it.
#[tokio::test]
async fn no_operation_with_a_credential_can_be_called_without() -> Result<()> {
    let server = TestServer::start().await?;
    let document = server.call("GET", "/openapi.json").anonymous().send().await?.json;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("security").is_none() {
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
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked} operations");
    Ok(())
}
