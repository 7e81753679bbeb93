//! Splunk's HTTP Event Collector.

use watchfire_harness::{LogCollector, log_collector::Mood};

use super::*;

fn ids(envelopes: &[Value]) -> Vec<String> {
    let ids = envelopes
        .iter()
        .filter_map(|it| it.pointer("/event/uuid").and_then(Value::as_str));
    ids.map(str::to_owned).collect()
}

/// The whole log from the stream's making on has come, in its order; what came twice had the same id.
async fn all_came(server: &TestServer, collector: &LogCollector) -> Result<()> {
    let logged = logged(server).await?;
    let last = logged.last().context("events")?.clone();
    let came = collector.wait_for(|came| ids(came).contains(&last)).await?;
    assert!(once(ids(&came)) == logged, "{} came, {} were", came.len(), logged.len());
    Ok(())
}

#[tokio::test]
async fn events_come_to_a_collector_in_their_order_with_their_ids() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    let path = stream(&server, hec(&collector.url)).await?;
    happen(&server, 0..30).await?;
    all_came(&server, &collector).await?;
    let came = collector.taken();
    assert_eq!(ids(&came).len(), 31, "each once");
    let first = &came[0];
    assert_eq!(
        (&first["host"], &first["source"], &first["sourcetype"], &first["time"]),
        (
            &json!("org.example"),
            &json!("watchfire"),
            &json!("_json"),
            &json!(1_800_000_001.0)
        )
    );
    assert_eq!(first["fields"]["uuid"], first["event"]["uuid"]);
    let shown = until(&server, &path, |it| it["progress"]["delivered"] == 31).await?;
    assert_eq!(
        (&shown["progress"]["lagEvents"], &shown["progress"]["lastError"]),
        (&json!(0), &Value::Null)
    );
    let metrics = server.app.metrics_text();
    let id = path.rsplit('/').next().unwrap_or_default();
    assert!(
        metrics.contains(&format!("watchfire_log_stream_events_total{{stream=\"{id}\"}} 31")),
        "{metrics}"
    );
    assert!(metrics.contains("watchfire_log_stream_lag_seconds{"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_filter_and_ocsf_choose_what_comes() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    let mut body = hec(&collector.url);
    body["format"] = json!("OCSF");
    body["filter"] = json!("eventType eq \"group.lifecycle.create\"");
    body["target"]["index"] = json!("security");
    stream(&server, body).await?;
    happen(&server, 0..3).await?;
    let came = collector.wait_for(|came| came.len() >= 3).await?;
    let of = |it: &Value| {
        (
            it["index"].clone(),
            it["event"]["class_uid"].clone(),
            it["event"]["metadata"]["event_code"].clone(),
        )
    };
    let expected = (json!("security"), json!(3_004), json!("group.lifecycle.create"));
    assert!(came.iter().all(|it| of(it) == expected), "{came:?}");
    Ok(())
}

#[tokio::test]
async fn a_stream_may_begin_with_the_oldest_event() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    happen(&server, 0..3).await?;
    let mut body = hec(&collector.url);
    body["startAt"] = json!("OLDEST");
    stream(&server, body).await?;
    let last = logged(&server).await?.remove(0);
    let came = collector.wait_for(|came| ids(came).contains(&last)).await?;
    assert!(
        came.len() > 3
            && came
                .iter()
                .filter(|it| it["event"]["eventType"] == "group.lifecycle.create")
                .count()
                == 3
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_missing_after_a_collector_was_gone() -> Result<()> {
    let (server, mut collector) = (server().await?, LogCollector::start().await?);
    let path = stream(&server, hec(&collector.url)).await?;
    for (round, mood) in [Mood::TakesAndDies, Mood::Busy, Mood::Hangs].into_iter().enumerate() {
        let begin = u32::try_from(round)? * 20;
        happen(&server, begin..begin + 10).await?;
        collector.is(mood);
        happen(&server, begin + 10..begin + 20).await?;
        collector.wait_for_calls(1).await?;
        collector.is(Mood::Well);
    }
    collector.stop().await;
    happen(&server, 60..70).await?;
    until(&server, &path, |it| it["progress"]["failingSince"].is_string()).await?;
    collector.start_again().await?;
    all_came(&server, &collector).await?;
    until(&server, &path, |it| it["progress"]["failingSince"].is_null()).await?;
    Ok(())
}

#[tokio::test]
async fn what_indexers_have_not_written_does_not_count() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    let mut body = hec(&collector.url);
    body["target"]["acknowledge"] = json!(true);
    let path = stream(&server, body).await?;
    let shown = until(&server, &path, |it| it["progress"]["lastError"].is_string()).await?;
    let error = shown["progress"]["lastError"].as_str().unwrap_or_default();
    assert_eq!(error, "the token does not acknowledge: switch acknowledgment off");
    assert_eq!(shown["progress"]["delivered"], 0);
    collector.acknowledges(true);
    happen(&server, 0..10).await?;
    all_came(&server, &collector).await?;
    until(&server, &path, |it| it["progress"]["delivered"] == 11).await?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_long_goes_in_parts_and_an_event_that_is_too_long_is_cut() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    collector.takes_at_most(24 * 1024);
    stream(&server, hec(&collector.url)).await?;
    let long = json!({"profile": {"name": "n", "description": "x".repeat(1_000)}});
    assert_eq!(server.call("POST", "/api/v1/groups").json(&long).send().await?.status, 200);
    happen(&server, 0..30).await?;
    collector.takes_at_most(3 * 1024);
    happen(&server, 30..40).await?;
    all_came(&server, &collector).await
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_after_a_restart() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    let path = stream(&server, hec(&collector.url)).await?;
    happen(&server, 0..10).await?;
    until(&server, &path, |it| it["progress"]["delivered"] == 11).await?;
    collector.is(Mood::Hangs);
    happen(&server, 10..20).await?;
    let server = server.restart().await?;
    collector.is(Mood::Well);
    happen(&server, 20..30).await?;
    all_came(&server, &collector).await?;
    assert_eq!(ids(&collector.taken()).len(), 31, "nothing that was written down comes again");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_switched_off_goes_on_where_it_stopped() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    let path = stream(&server, hec(&collector.url)).await?;
    happen(&server, 0..5).await?;
    until(&server, &path, |it| it["progress"]["delivered"] == 6).await?;
    server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    happen(&server, 5..10).await?;
    let shown = server.call("GET", &path).send().await?.json;
    assert_eq!(
        (&shown["progress"]["delivered"], &shown["progress"]["lagEvents"]),
        (&json!(6), &json!(6))
    );
    server.call("POST", &format!("{path}/lifecycle/activate")).send().await?;
    all_came(&server, &collector).await
}

#[tokio::test]
async fn a_collector_that_never_answers_slows_nobody_down() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    collector.is(Mood::Hangs);
    let path = stream(&server, hec(&collector.url)).await?;
    collector.wait_for_calls(1).await?;
    let begun = std::time::Instant::now();
    happen(&server, 0..100).await?;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let shown = server.call("GET", &path).send().await?.json;
    assert_eq!(shown["progress"]["lagEvents"], 101);
    // An administrator need not wait for the call's end either.
    server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_long_failure_is_in_the_log_once_and_its_end_too() -> Result<()> {
    let (server, collector) = (server().await?, LogCollector::start().await?);
    collector.is(Mood::Busy);
    let path = stream(&server, hec(&collector.url)).await?;
    let shown = until(&server, &path, |it| it["progress"]["failingSince"].is_string()).await?;
    let error = shown["progress"]["lastError"].as_str().unwrap_or_default();
    assert_eq!(error, "the collector answered with status 503: Server is busy");
    server.clock.advance(Duration::from_secs(3_600));
    collector.wait_for_calls(3).await?;
    collector.is(Mood::Well);
    let came = |came: &[Value], kind: &str| came.iter().filter(|it| it["event"]["eventType"] == kind).count();
    let recovered = "system.log_stream.delivery.recover";
    let all = collector.wait_for(|all| came(all, recovered) == 1).await?;
    assert_eq!(came(&all, "system.log_stream.delivery.failure"), 1);
    Ok(())
}
