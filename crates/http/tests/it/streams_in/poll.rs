//! Polls (RFC 8936, ssf.md 4.2).

use watchfire_harness::fake_transmitter::Scripted;

use super::*;

async fn polled(rough: impl FnOnce(&mut Rough)) -> Result<(TestServer, FakeTransmitter, Value)> {
    let (server, transmitter) = start(rough).await?;
    alice(&server).await?;
    let stream = made(&server, &new_stream(&transmitter, "poll")).await?;
    Ok((server, transmitter, stream))
}

fn about_alice(transmitter: &FakeTransmitter, jti: &str) -> Result<()> {
    transmitter.enqueue(jti, transmitter.set(jti, IAT, "alice@example.com")?)
}

/// POLL-11, POLL-14: what was taken is acknowledged, after it is durable, and takes effect.
#[tokio::test]
async fn what_is_polled_takes_effect_and_is_acknowledged() -> Result<()> {
    let (server, transmitter, stream) = polled(|_| {}).await?;
    for number in 0..5 {
        about_alice(&transmitter, &format!("jti-{number}"))?;
    }
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    assert_eq!(reports(&server).await?, 5);
    let (_, remote) = transmitter.only_stream()?;
    assert_eq!((remote.acked.len(), remote.refused.len()), (5, 0));
    wait_for(&server, &stream, |it| it["unsentAcknowledgements"] == 0).await?;
    let metrics = server.call("GET", "/metrics").send().await?.text;
    assert!(metrics.contains("watchfire_stream_polled_sets_total 5"), "{metrics}");
    Ok(())
}

/// POLL-13: polls that wait bring what comes while they wait.
#[tokio::test]
async fn long_polls_wait() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    alice(&server).await?;
    let mut body = new_stream(&transmitter, "poll");
    body["delivery"]["longPoll"] = json!(true);
    let stream = made(&server, &body).await?;
    let path = format!("/poll/{}", stream["streamId"].as_str().unwrap_or_default());
    wait_for(&server, &stream, |_| transmitter.polls() > 0).await?;
    assert_eq!(transmitter.last_body("POST", &path)["returnImmediately"], false);
    about_alice(&transmitter, "a")?;
    transmitter.wait_until(|it| it.acked == ["a"]).await?;
    assert_eq!(reports(&server).await?, 1);
    Ok(())
}

/// POLL-13: while more is available there is no pause.
#[tokio::test]
async fn more_is_fetched_at_once() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let stream = made(&server, &new_stream(&transmitter, "poll")).await?;
    for number in 0..250 {
        let jti = format!("jti-{number}");
        transmitter.enqueue(&jti, transmitter.set(&jti, IAT, "nobody@example.com")?)?;
    }
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    let (_, remote) = transmitter.only_stream()?;
    let mut acked = remote.acked.clone();
    acked.sort();
    acked.dedup();
    assert_eq!(acked.len(), 250);
    wait_for(&server, &stream, |it| it["lastError"].is_null()).await?;
    Ok(())
}

/// POLL-11, POLL-12: what cannot be taken is told with its code, and never acknowledged.
#[tokio::test]
async fn what_is_refused_is_told_with_its_code() -> Result<()> {
    let (server, transmitter, _) = polled(|_| {}).await?;
    let good = transmitter.set("right", IAT, "alice@example.com")?;
    let mut forged = transmitter.set("forged", IAT, "alice@example.com")?;
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    let verification = transmitter.verification("unasked", IAT, json!({"state": "nobody asked"}))?;
    for (jti, token) in [
        ("wrong", good),
        ("forged", forged),
        ("garbage", "no token".to_owned()),
        ("unasked", verification),
    ] {
        transmitter.enqueue(jti, token)?;
    }
    transmitter
        .wait_until(|it| it.refused.len() >= 4 && it.queue.is_empty())
        .await?;
    let (_, remote) = transmitter.only_stream()?;
    let mut refused: Vec<(&str, &str)> = remote.refused.iter().map(|(jti, err)| (jti.as_str(), err.as_str())).collect();
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(
        refused,
        [
            ("forged", "authentication_failed"),
            ("garbage", "invalid_request"),
            ("unasked", "invalid_state"),
            ("wrong", "invalid_request"),
        ]
    );
    assert_eq!((remote.acked.len(), reports(&server).await?), (0, 0));
    Ok(())
}

/// POLL-15, POLL-17: whatever one answer is like, the next is asked for, and nothing is lost.
#[tokio::test]
async fn polling_survives_rough_answers() -> Result<()> {
    let body = |text: &str| Scripted::Body(text.to_owned());
    for (name, scripted, is_fault) in [
        ("sets null", body(r#"{"sets":null}"#), false),
        ("no sets", body("{}"), false),
        ("nothing at all", body(""), false),
        ("more, and nothing there", body(r#"{"sets":{},"moreAvailable":true}"#), false),
        ("no JSON", body("<html>"), true),
        ("two members of one name", body(r#"{"sets":{"a":"1","a":"2"}}"#), true),
        ("huge", Scripted::Body("x".repeat(5 * 1024 * 1024)), true),
        ("401", Scripted::Status(401, None), true),
        ("403", Scripted::Status(403, None), true),
        ("404", Scripted::Status(404, None), true),
        ("429", Scripted::Status(429, Some("0")), true),
        ("500", Scripted::Status(500, None), true),
        ("503", Scripted::Status(503, Some("Fri, 15 Jan 2027 08:00:01 GMT")), true),
        ("hang", Scripted::Hang, true),
    ] {
        let (server, transmitter, stream) = polled(|_| {}).await?;
        if is_fault {
            // A poll that goes well takes the error away: it is given until it has been seen.
            transmitter.rough(|it| it.every_poll = Some(scripted));
            wait_for(&server, &stream, |it| it["lastError"].is_string())
                .await
                .context(name)?;
            transmitter.rough(|it| it.every_poll = None);
        } else {
            transmitter.rough(|it| it.polls = [scripted].into());
        }
        about_alice(&transmitter, "a")?;
        transmitter
            .wait_until(|it| it.acked.contains(&"a".to_owned()))
            .await
            .context(name)?;
        wait_for(&server, &stream, |it| it["lastError"].is_null())
            .await
            .context(name)?;
        assert_eq!(reports(&server).await?, 1, "{name}");
    }
    Ok(())
}

/// SET-22: a transmitter that does not believe our acknowledgements is told again, and nothing happens twice.
#[tokio::test]
async fn what_comes_again_is_acknowledged_again() -> Result<()> {
    let (server, transmitter, _) = polled(|_| {}).await?;
    about_alice(&transmitter, "a")?;
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    about_alice(&transmitter, "a")?;
    transmitter
        .wait_until(|it| it.queue.is_empty() && it.acked.len() >= 2)
        .await?;
    assert_eq!(reports(&server).await?, 1);
    Ok(())
}

/// POLL-11, POLL-15: a process that ends at any point of a poll loses nothing and does nothing twice.
#[tokio::test]
async fn a_restart_between_any_two_steps_loses_nothing() -> Result<()> {
    let (mut server, transmitter, stream) = polled(|_| {}).await?;
    for round in 0..8 {
        for number in 0..10 {
            about_alice(&transmitter, &format!("{round}-{number}"))?;
        }
        // Wherever it happens to be.
        let seen = transmitter.polls();
        wait_for(&server, &stream, |_| transmitter.polls() > seen + round % 3).await?;
        server = server.restart().await?;
    }
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    assert_eq!(reports(&server).await?, 80);
    let (_, remote) = transmitter.only_stream()?;
    assert!(remote.refused.is_empty());
    Ok(())
}

/// POLL-15: what could not be told is told after the next start.
#[tokio::test]
async fn acknowledgements_survive_a_restart() -> Result<()> {
    let (server, transmitter, stream) = polled(|_| {}).await?;
    let token = transmitter.set("a", IAT, "alice@example.com")?;
    let answer = json!({"sets": {"a": token}}).to_string();
    transmitter.rough(|it| {
        it.polls = [Scripted::Body(answer)].into();
        it.every_poll = Some(Scripted::Status(503, None));
    });
    wait_for(&server, &stream, |it| it["unsentAcknowledgements"] == 1).await?;
    let server = server.restart().await?;
    assert_eq!(get(&server, &stream).await?["unsentAcknowledgements"], 1);
    transmitter.rough(|it| it.every_poll = None);
    transmitter.wait_until(|it| it.acked == ["a"]).await?;
    assert_eq!(reports(&server).await?, 1);
    Ok(())
}

/// POLL-02: what is refused is gone for good, so nothing is refused because a provider is switched off.
#[tokio::test]
async fn a_provider_that_is_not_heard_is_not_polled() -> Result<()> {
    let (server, transmitter, stream) = polled(|_| {}).await?;
    let provider = stream["providerId"].as_str().unwrap_or_default();
    let lifecycle = format!("/api/v1/security-events-providers/{provider}/lifecycle");
    assert_eq!(
        server.call("POST", &format!("{lifecycle}/deactivate")).send().await?.status,
        200
    );
    about_alice(&transmitter, "a")?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, remote) = transmitter.only_stream()?;
    assert_eq!((remote.acked.len(), remote.refused.len(), remote.queue.len()), (0, 0, 1));
    server.call("POST", &format!("{lifecycle}/activate")).send().await?;
    transmitter.wait_until(|it| it.acked == ["a"]).await?;
    Ok(())
}

/// POLL-13, POLL-14: both are settings.
#[tokio::test]
async fn a_poll_asks_and_tells_no_more_than_its_limits() -> Result<()> {
    let mut limited = settings();
    limited.streams.poll_events = 3;
    limited.streams.poll_acks = 2;
    let server = TestServer::start_with(limited).await?;
    let transmitter = FakeTransmitter::start().await?;
    let stream = made(&server, &new_stream(&transmitter, "poll")).await?;
    for number in 0..10 {
        let jti = format!("jti-{number}");
        transmitter.enqueue(&jti, transmitter.set(&jti, IAT, "nobody@example.com")?)?;
    }
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    let path = format!("/poll/{}", stream["streamId"].as_str().unwrap_or_default());
    let bodies = transmitter.bodies("POST", &path);
    let acks = |body: &Value| body["ack"].as_array().map_or(0, Vec::len);
    assert!(bodies.iter().all(|body| acks(body) <= 2), "{bodies:?}");
    assert!(bodies.iter().any(|body| acks(body) == 2), "{bodies:?}");
    assert!(
        bodies.iter().all(|body| body["maxEvents"] == 3 || body["maxEvents"] == 0),
        "{bodies:?}"
    );
    Ok(())
}
