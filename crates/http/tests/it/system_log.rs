//! okta.md 8 through the router.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{Answer, ORG_URL, TestServer};

const LOGS: &str = "/api/v1/logs";

async fn logs(server: &TestServer, query: &str) -> Result<Answer> {
    server.call("GET", &format!("{LOGS}{query}")).send().await
}

/// Zones with these numbers, one a second: as many `zone.create` events.
async fn make_zones(server: &TestServer, numbers: std::ops::Range<usize>) -> Result<()> {
    for n in numbers {
        server.clock.advance(Duration::from_secs(1));
        let zone = json!({"type": "IP", "name": format!("zone-{n}"), "gateways": []});
        let made = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    Ok(())
}

fn names(answer: &Answer) -> Vec<&str> {
    let events = answer.json.as_array().map_or(&[][..], Vec::as_slice);
    events
        .iter()
        .filter_map(|event| event.pointer("/target/0/displayName").and_then(Value::as_str))
        .collect()
}

/// The `Link` lines: address and relation.
fn links(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.get_all("link");
    let parts = |line: &str| {
        let (address, relation) = line.split_once(">; rel=\"").unwrap_or_default();
        (
            address.trim_start_matches('<').to_owned(),
            relation.trim_end_matches('"').to_owned(),
        )
    };
    lines.iter().filter_map(|line| line.to_str().ok()).map(parts).collect()
}

fn next(answer: &Answer) -> Option<String> {
    let lines = links(answer);
    let (address, _) = lines.iter().find(|(_, relation)| relation == "next")?;
    address.strip_prefix(ORG_URL).map(str::to_owned)
}

const ZONES: &str = "filter=eventType+eq+%22zone.create%22";

#[tokio::test]
async fn an_administrators_change_is_an_event_of_oktas_shape() -> Result<()> {
    let server = TestServer::start().await?;
    make_zones(&server, 0..1).await?;
    let answer = logs(&server, &format!("?{ZONES}")).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let event = &answer.json[0];
    for (pointer, want) in [
        ("/version", json!("0")),
        ("/severity", json!("INFO")),
        ("/displayMessage", json!("Create network zone")),
        ("/outcome", json!({"result": "SUCCESS", "reason": null})),
        ("/actor/type", json!("User")),
        ("/client/ipAddress", json!("198.51.100.2")),
        ("/client/zone", json!("null")),
        ("/request/ipChain/0/version", json!("V4")),
        ("/debugContext/debugData/requestUri", json!("/api/v1/zones")),
        ("/transaction/type", json!("WEB")),
        ("/published", json!("2027-01-15T08:00:01.000Z")),
    ] {
        assert_eq!(event.pointer(pointer), Some(&want), "{pointer} of {event}");
    }
    assert!(event.pointer("/transaction/detail/requestApiTokenId").is_some());
    Ok(())
}

#[tokio::test]
async fn signals_are_listed_from_the_call_that_brought_them() -> Result<()> {
    let server = TestServer::start().await?;
    let call =
        json!([{"subjects": [{"ip": "203.0.113.7", "riskLevel": "HIGH"}, {"ip": "::ffff:198.51.100.2", "riskLevel": "LOW"}]}]);
    let sent = server.call("POST", "/api/v1/risk/events/ip").json(&call).send().await?;
    assert_eq!(sent.status, 202, "{}", sent.text);
    let answer = logs(&server, "?filter=eventType+eq+%22security.risk.signal.consume%22").await?;
    let data = &answer.json[0]["debugContext"]["debugData"];
    assert_eq!(
        (&data["riskSignalList"], &data["riskSignalSize"]),
        (
            &json!("[{ip=203.0.113.7, riskLevel=HIGH}, {ip=198.51.100.2, riskLevel=LOW}]"),
            &json!("2")
        )
    );
    Ok(())
}

#[tokio::test]
async fn a_follower_gets_every_event_once_and_always_a_next_link() -> Result<()> {
    let server = TestServer::start().await?;
    make_zones(&server, 0..3).await?;
    let first = logs(&server, &format!("/?limit=2&{ZONES}")).await?;
    assert_eq!(names(&first), ["zone-0", "zone-1"]);
    let lines = links(&first);
    assert_eq!(lines[0].1, "self");
    assert_eq!(lines[0].0, format!("{ORG_URL}{LOGS}?limit=2&{ZONES}"));
    assert_eq!((lines.len(), lines[1].1.as_str()), (2, "next"));
    let second = logs_at(&server, next(&first)).await?;
    assert_eq!(names(&second), ["zone-2"]);
    let third = logs_at(&server, next(&second)).await?;
    assert_eq!((names(&third).len(), next(&third).is_some()), (0, true));
    make_zones(&server, 3..4).await?;
    let fourth = logs_at(&server, next(&third)).await?;
    assert_eq!(names(&fourth), ["zone-3"]);
    Ok(())
}

async fn logs_at(server: &TestServer, address: Option<String>) -> Result<Answer> {
    let address = address.unwrap_or_default();
    server.call("GET", &address).send().await
}

#[tokio::test]
async fn the_last_bounded_page_has_no_next_and_the_window_does_not_move() -> Result<()> {
    let server = TestServer::start().await?;
    make_zones(&server, 0..3).await?;
    let first = logs(&server, &format!("?limit=2&sortOrder=DESCENDING&{ZONES}")).await?;
    assert_eq!(names(&first), ["zone-2", "zone-1"]);
    let address = next(&first).unwrap_or_default();
    assert!(address.ends_with("&since=2027-01-08T08%3A00%3A03.000Z"), "{address}");
    // Eight days later a window that begins seven days ago would have left the event behind.
    server.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    let second = logs_at(&server, Some(address)).await?;
    assert_eq!((names(&second), next(&second)), (vec!["zone-0"], None));
    Ok(())
}

#[tokio::test]
async fn since_and_after_may_come_together_as_the_go_client_sends_them() -> Result<()> {
    let server = TestServer::start().await?;
    make_zones(&server, 0..3).await?;
    let query = format!("?limit=2&since=2027-01-15T08:00:00Z&{ZONES}");
    let first = logs(&server, &query).await?;
    let repeated = format!("{}&since=2027-01-15T08:00:00Z&limit=2", next(&first).unwrap_or_default());
    assert_eq!(names(&logs_at(&server, Some(repeated)).await?), ["zone-2"]);
    Ok(())
}

#[tokio::test]
async fn keywords_find_whole_words() -> Result<()> {
    let server = TestServer::start().await?;
    make_zones(&server, 0..3).await?;
    assert_eq!(names(&logs(&server, "?q=ZONE-1").await?), ["zone-1"]);
    assert_eq!(names(&logs(&server, "?q=zone.create+2").await?), ["zone-2"]);
    assert_eq!(logs(&server, "?q=absent").await?.json, json!([]));
    Ok(())
}

#[tokio::test]
async fn refusals_have_oktas_words() -> Result<()> {
    let server = TestServer::start().await?;
    for (query, code, summary) in [
        (
            "?until=yesterday",
            "E0000001",
            "Api validation failed: 'until': The date format in your query is not recognized. Please enter dates using ISO8601 string format. 'until': must be a valid date-time or empty.",
        ),
        (
            "?filter=display_message+eqq+%22Create+okta+user%22",
            "E0000053",
            "Invalid filter 'display_message eqq \"Create okta user\"': Unrecognized attribute operator 'eqq' at position 16. Expected: eq,co,sw,pr,gt,ge,lt,le",
        ),
        ("?filter=published+gt+%22x%22", "E0000053", "field is not valid: published"),
        (
            "?filter=debugContext.debugData.url+co+%22x%22",
            "E0000031",
            "The supplied combination of operator and field is not currently supported. Operator: co, Field: debugContext.debugData.url",
        ),
        (
            "?limit=1001",
            "E0000001",
            "Api validation failed: 'limit': must be between 0 and 1000.",
        ),
        ("?after=nonsense", "E0000029", "Invalid paging request."),
        (
            "?since=2026-01-01T00:00:00Z",
            "E0000053",
            "Invalid parameter: The since parameter is over 180 days prior to the current day.",
        ),
    ] {
        let answer = logs(&server, query).await?;
        assert_eq!(
            (answer.status, &answer.json["errorCode"], &answer.json["errorSummary"]),
            (400, &json!(code), &json!(summary)),
            "{query}"
        );
        assert!(answer.json["errorCauses"].is_array(), "{query}");
    }
    assert_eq!(server.call("GET", LOGS).anonymous().send().await?.status, 401);
    assert_eq!(server.call("POST", LOGS).send().await?.status, 405);
    Ok(())
}

#[tokio::test]
async fn the_log_has_a_bucket_of_its_own() -> Result<()> {
    let server = TestServer::start_with(Settings {
        log_calls_per_minute: 2,
        ..Settings::new(ORG_URL)
    })
    .await?;
    for remaining in ["1", "0"] {
        let answer = logs(&server, "").await?;
        assert_eq!(
            (answer.status, answer.headers["x-rate-limit-remaining"].to_str()?),
            (200, remaining)
        );
    }
    let refused = logs(&server, "").await?;
    assert_eq!((refused.status, &refused.json["errorCode"]), (429, &json!("E0000047")));
    assert!(refused.headers.contains_key("date"));
    assert_eq!(server.call("GET", "/api/v1/zones").send().await?.status, 200);
    Ok(())
}
