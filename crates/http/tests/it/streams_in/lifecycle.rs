//! Verification, status, subjects, changes, the end (ssf.md 5.3, 5.4).

use super::*;

const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// EVT-01, EVT-04: asked for with a state, which comes back; whatever the status of the answer.
#[tokio::test]
async fn a_stream_is_verified_with_a_state() -> Result<()> {
    for (method, status) in [("push", None), ("poll", None), ("push", Some(200)), ("poll", Some(202))] {
        let (server, transmitter) = start(|it| it.verify_status = status).await?;
        let mut body = new_stream(&transmitter, method);
        body["verify"] = json!(true);
        let stream = made(&server, &body).await?;
        wait_for(&server, &stream, |it| it["verifiedAt"].is_string()).await?;
        let state = transmitter.last_body("POST", "/verify")["state"].clone();
        assert!(state.as_str().is_some_and(|it| it.len() == 32), "{state}");
        let log = logged(&server, "security.events.stream.verify").await?;
        assert_eq!(log.len(), 1, "{method}");
        let again = server.call("POST", &path(&stream, "/verify")).send().await?;
        assert_eq!(again.status, 202, "{}", again.text);
        assert_ne!(
            transmitter.last_body("POST", "/verify")["state"],
            state,
            "a state is used once"
        );
    }
    Ok(())
}

/// EVT-04, EVT-05: without a state it is taken; ten minutes later it is marked; a wrong one is refused.
#[tokio::test]
async fn late_and_stateless_verifications_are_taken() -> Result<()> {
    let (server, transmitter) = start(|it| it.stateless = Some(json!({}))).await?;
    let stream = made(&server, &new_stream(&transmitter, "push")).await?;
    server.call("POST", &path(&stream, "/verify")).send().await?;
    wait_for(&server, &stream, |it| it["verifiedAt"].is_string()).await?;
    let state = transmitter.last_body("POST", "/verify")["state"].clone();
    server.clock.advance(Duration::from_secs(700));
    let late = transmitter.verification("late", IAT, json!({ "state": state }))?;
    assert_eq!(transmitter.push(&late).await?.0, 202);
    let log = logged(&server, "security.events.stream.verify").await?;
    let debug = &log[0]["debugContext"]["debugData"];
    assert_eq!(
        (&debug["late"], &debug["solicited"]),
        (&json!("true"), &json!("true")),
        "{}",
        log[0]
    );
    let twice = transmitter.verification("twice", IAT, json!({ "state": state }))?;
    assert_eq!(transmitter.push(&twice).await?.0, 400, "it was asked for once");
    Ok(())
}

/// STRM-37: the transmitter's word is kept, logged as a warning, and not fought.
#[tokio::test]
async fn a_transmitter_may_pause_a_stream() -> Result<()> {
    for method in ["push", "poll"] {
        let (server, transmitter) = start(|_| {}).await?;
        let stream = made(&server, &new_stream(&transmitter, method)).await?;
        let (id, _) = transmitter.only_stream()?;
        let subject = json!({"format": "opaque", "id": id});
        let event = json!({"status": "paused", "reason": "maintenance"});
        let token = transmitter.sign("u", IAT, STREAM_UPDATED, event, subject)?;
        if method == "push" {
            assert_eq!(transmitter.push(&token).await?.0, 202);
        } else {
            transmitter.enqueue("u", token)?;
        }
        let paused = wait_for(&server, &stream, |it| it["status"] == "paused").await?;
        assert_eq!(paused["statusReason"], "maintenance");
        let log = logged(&server, "security.events.stream.status").await?;
        assert_eq!((log.len(), &log[0]["severity"]), (1, &json!("WARN")));
        assert!(!transmitter.calls().iter().any(|call| call.starts_with("POST /status")));
        if method == "poll" {
            // STRM-35: there may be word that it is enabled again.
            let event = json!({"status": "enabled"});
            let subject = json!({"format": "opaque", "id": id});
            transmitter.enqueue("e", transmitter.sign("e", IAT, STREAM_UPDATED, event, subject)?)?;
            wait_for(&server, &stream, |it| it["status"] == "enabled").await?;
        }
    }
    Ok(())
}

/// ssf.md 5.3, AMB-48: status is read and set; one that is taken and not decided is looked at again.
#[tokio::test]
async fn the_status_is_read_and_set() -> Result<()> {
    for later in [false, true] {
        let (server, transmitter) = start(|it| it.update_later = later).await?;
        let stream = made(&server, &new_stream(&transmitter, "push")).await?;
        for word in ["paused", "disabled", "enabled"] {
            let set = json!({"status": word, "reason": "by hand"});
            let answer = server.call("POST", &path(&stream, "/status")).json(&set).send().await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(transmitter.last_body("POST", "/status")["reason"], "by hand");
            wait_for(&server, &stream, |it| it["status"] == word).await?;
        }
        let read = server.call("GET", &path(&stream, "/status")).send().await?;
        assert_eq!(read.text_at("/status"), "enabled");
        let refused = server
            .call("POST", &path(&stream, "/status"))
            .json(&json!({"status": "on"}))
            .send()
            .await?;
        assert_eq!(refused.status, 400);
    }
    Ok(())
}

/// AMB-38, AMB-49: without a status endpoint there is still an answer.
#[tokio::test]
async fn a_missing_status_endpoint_is_no_fault() -> Result<()> {
    let (server, transmitter) = start(|it| it.without_endpoints = vec!["status_endpoint", "verification_endpoint"]).await?;
    let mut body = new_stream(&transmitter, "push");
    body["verify"] = json!(true);
    let stream = made(&server, &body).await?;
    assert_eq!(stream["lastError"], Value::Null);
    let read = server.call("GET", &path(&stream, "/status")).send().await?;
    assert_eq!((read.status, read.text_at("/status")), (200, "enabled"));
    let set = server
        .call("POST", &path(&stream, "/status"))
        .json(&json!({"status": "paused"}))
        .send()
        .await?;
    assert!(set.status == 400 && set.text.contains("status_endpoint"), "{}", set.text);
    Ok(())
}

/// STRM-43: any 2xx is success for both.
#[tokio::test]
async fn subjects_are_added_and_removed() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let stream = made(&server, &new_stream(&transmitter, "push")).await?;
    let subject = json!({"format": "email", "email": "alice@example.com"});
    let add = server.call("POST", &path(&stream, "/subjects/add"));
    let added = add.json(&json!({"subject": subject, "verified": true})).send().await?;
    assert_eq!((added.status, added.text.as_str()), (204, ""));
    assert_eq!(transmitter.last_body("POST", "/subjects/add")["verified"], true);
    assert_eq!(transmitter.only_stream()?.1.subjects, std::slice::from_ref(&subject));
    let remove = server.call("POST", &path(&stream, "/subjects/remove"));
    assert_eq!(remove.json(&json!({ "subject": subject })).send().await?.status, 204);
    assert!(transmitter.only_stream()?.1.subjects.is_empty());
    for wrong in [json!({}), json!({"subject": "x"}), json!({"subject": {}})] {
        let refused = server
            .call("POST", &path(&stream, "/subjects/add"))
            .json(&wrong)
            .send()
            .await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    Ok(())
}

/// STRM-13, AMB-48: what an administrator changes is changed there too, with our credential again.
#[tokio::test]
async fn changes_reach_the_transmitter() -> Result<()> {
    for (put_only, later) in [(false, false), (true, false), (false, true)] {
        let (server, transmitter) = start(|it| {
            it.put_only = put_only;
            it.update_later = later;
        })
        .await?;
        let stream = made(&server, &new_stream(&transmitter, "push")).await?;
        let before = transmitter.only_stream()?.1.authorization_header;
        let change = json!({"eventsRequested": ["urn:one"], "description": "Ours"});
        let changed = server.call("PATCH", &path(&stream, "")).json(&change).send().await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        wait_for(&server, &stream, |it| it["eventsDelivered"] == json!(["urn:one"])).await?;
        let (_, remote) = transmitter.only_stream()?;
        assert_eq!(remote.configuration["description"], "Ours");
        assert_eq!(remote.authorization_header, before);
    }
    Ok(())
}

/// STRM-62: a stream that would be paused without a call is called.
#[tokio::test]
async fn a_pushed_stream_is_kept_alive() -> Result<()> {
    let (server, transmitter) = start(|it| it.inactivity_timeout = Some(1)).await?;
    let stream = made(&server, &new_stream(&transmitter, "push")).await?;
    let reads = || {
        transmitter
            .calls()
            .iter()
            .filter(|call| call.starts_with("GET /status"))
            .count()
    };
    wait_for(&server, &stream, |_| reads() >= 3).await?;
    Ok(())
}

/// STRM-19: deleted here at once, and there as soon as it goes; 404 is gone.
#[tokio::test]
async fn a_stream_is_deleted_at_the_transmitter_too() -> Result<()> {
    for status in [200, 202, 204, 404] {
        let (server, transmitter) = start(|it| it.delete_status = Some(status)).await?;
        let stream = made(&server, &new_stream(&transmitter, "push")).await?;
        assert_eq!(server.call("DELETE", &path(&stream, "")).send().await?.status, 204);
        assert_eq!(server.call("GET", &path(&stream, "")).send().await?.status, 404);
        gone(&transmitter).await?;
        assert_eq!(logged(&server, "security.events.stream.delete").await?.len(), 1);
    }
    Ok(())
}

/// Item 4: the stream goes with its provider, also when the transmitter answers only after a restart.
#[tokio::test]
async fn the_streams_of_a_provider_go_with_it() -> Result<()> {
    for method in ["push", "poll"] {
        let (server, transmitter) = start(|_| {}).await?;
        let stream = made(&server, &new_stream(&transmitter, method)).await?;
        transmitter.rough(|it| it.delete_status = Some(503));
        let provider = stream["providerId"].as_str().unwrap_or_default();
        let path = format!("/api/v1/security-events-providers/{provider}");
        assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
        assert_eq!(server.call("GET", STREAMS).send().await?.json, json!([]));
        let tries = || transmitter.calls().iter().filter(|call| call.starts_with("DELETE")).count();
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        while tries() < 2 {
            anyhow::ensure!(tokio::time::Instant::now() < until, "it is not tried again");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(transmitter.streams(), 1);
        let server = server.restart().await?;
        transmitter.rough(|it| it.delete_status = None);
        gone(&transmitter).await?;
        drop(server);
    }
    Ok(())
}

async fn gone(transmitter: &FakeTransmitter) -> Result<()> {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while transmitter.streams() > 0 {
        anyhow::ensure!(tokio::time::Instant::now() < until, "the stream is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// META-11: once a day; what cannot be used is not, and what is known stays.
#[tokio::test]
async fn metadata_is_read_again_every_day() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let stream = made(&server, &new_stream(&transmitter, "poll")).await?;
    let verify = || async { anyhow::Ok(server.call("POST", &path(&stream, "/verify")).send().await?.status) };
    let polled = || async {
        let seen = transmitter.polls();
        wait_for(&server, &stream, |_| transmitter.polls() > seen + 2).await
    };
    // Gone, and then somebody else's: neither is taken for what it is not.
    for is_gone in [true, false] {
        transmitter.rough(|it| {
            it.appended_metadata = is_gone;
            it.issuer = (!is_gone).then(|| "https://other.example".to_owned());
        });
        server.clock.advance(DAY);
        polled().await?;
        transmitter.rough(|it| it.issuer = None);
        assert_eq!(verify().await?, 202);
    }
    transmitter.rough(|it| it.without_endpoints = vec!["verification_endpoint"]);
    server.clock.advance(DAY - Duration::from_secs(1));
    polled().await?;
    assert_eq!(verify().await?, 202, "a day has not passed");
    server.clock.advance(Duration::from_secs(1));
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while verify().await? == 202 {
        anyhow::ensure!(tokio::time::Instant::now() < until, "it is not read again");
    }
    Ok(())
}

/// STRM-19: a transmitter that never answers is left alone after a week, here for good.
#[tokio::test]
async fn a_transmitter_that_never_deletes_is_given_up_after_a_week() -> Result<()> {
    let (server, transmitter) = start(|it| it.delete_status = Some(503)).await?;
    let stream = made(&server, &new_stream(&transmitter, "poll")).await?;
    assert_eq!(server.call("DELETE", &path(&stream, "")).send().await?.status, 204);
    let tries = || transmitter.calls().iter().filter(|call| call.starts_with("DELETE")).count();
    let known = |server: &TestServer| server.app.state().directory().streams_in().count();
    server.clock.advance(7 * DAY - Duration::from_secs(1));
    let (seen, until) = (tries(), tokio::time::Instant::now() + Duration::from_secs(20));
    while tries() < seen + 2 {
        anyhow::ensure!(tokio::time::Instant::now() < until, "it is not tried again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(known(&server), 1);
    server.clock.advance(Duration::from_secs(1));
    while known(&server) > 0 {
        anyhow::ensure!(tokio::time::Instant::now() < until, "it is not given up");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let tried = tries();
    let server = server.restart().await?;
    assert_eq!((known(&server), tries(), transmitter.streams()), (0, tried, 1));
    Ok(())
}
