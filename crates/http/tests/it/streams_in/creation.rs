//! Finding a transmitter, making a stream there, adopting one.

use super::*;

/// Item 4, STRM-18: what is sent, and what is kept and shown.
#[tokio::test]
async fn a_stream_is_made_at_the_transmitter() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let stream = made(&server, &new_stream(&transmitter, "push")).await?;
    let body = transmitter.last_body("POST", "/streams");
    let members: Vec<&String> = body.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(members, ["events_requested", "delivery"], "members of the receiver only");
    let asked = body["events_requested"].as_array().context("a list")?;
    assert_eq!(asked.len(), 22, "CAEP and RISC");
    assert!(
        !asked.iter().any(|it| it.as_str().is_some_and(|uri| uri.contains("/ssf/"))),
        "AMB-51"
    );
    let url = body["delivery"]["endpoint_url"].as_str().context("a URL")?;
    assert!(
        url.starts_with("https://org.example/ssf/v1/streams-in/") && url.ends_with("/events"),
        "{url}"
    );
    assert!(url.len() > 80, "nobody guesses it");
    assert_eq!(stream["delivery"]["endpointUrl"], url);
    assert_eq!(stream["audience"], json!(["https://org.example/ssf"]), "AMB-40: pinned");
    assert_eq!((&stream["status"], &stream["lastError"]), (&json!("enabled"), &Value::Null));
    let credential = body["delivery"]["authorization_header"].as_str().context("a credential")?;
    assert!(credential.starts_with("Bearer "), "{credential}");
    for shown in [stream.to_string(), server.call("GET", STREAMS).send().await?.text] {
        assert!(
            !shown.contains(credential) && !shown.contains(BEARER),
            "secrets are write-only"
        );
    }
    let provider = path_of_profile(&stream);
    assert_eq!(server.call("GET", &provider).send().await?.text_at("/profile"), "standard");
    for (event_type, count) in [("security.events.provider.create", 1), ("security.events.stream.create", 1)] {
        assert_eq!(logged(&server, event_type).await?.len(), count, "{event_type}");
    }
    Ok(())
}

fn path_of_profile(stream: &Value) -> String {
    let id = stream["providerId"].as_str().unwrap_or_default();
    format!("/watchfire/v1/security-events-providers/{id}/profile")
}

/// META-08: the appended address only after a 404 of the inserted one.
#[tokio::test]
async fn metadata_is_found_at_the_appended_address() -> Result<()> {
    let (server, transmitter) = start(|it| {
        it.issuer_path = "/tenant".to_owned();
        it.appended_metadata = true;
    })
    .await?;
    made(&server, &new_stream(&transmitter, "poll")).await?;
    Ok(())
}

/// META-07, AMB-04, AMB-05: a slash is tolerated, another issuer only when it is confirmed.
#[tokio::test]
async fn the_issuer_must_be_the_one_that_the_address_stands_for() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let slash = format!("{}/", transmitter.base());
    transmitter.rough(|it| it.issuer = Some(slash.clone()));
    let body = json!({"wellKnownUrl": transmitter.well_known_url(), "delivery": {"method": "poll"}, "authorization": bearer(),
        "profile": "caep.dev", "name": "caep.dev", "verify": false});
    let stream = made(&server, &body).await?;
    assert_eq!(stream["issuer"], slash, "to the letter from now on");

    let (server, transmitter) = start(|_| {}).await?;
    let own = transmitter.well_known_url();
    transmitter.rough(|it| it.issuer = Some(own.clone()));
    let mut body = json!({"wellKnownUrl": own, "delivery": {"method": "poll"}, "authorization": bearer(), "profile": "authentik",
        "name": "authentik", "verify": false});
    let refused = create(&server, &body).await?;
    assert_eq!((refused.status, refused.error().0), (400, "E0000001"));
    assert!(refused.text.contains("issuerOverride"), "{}", refused.text);
    body["issuerOverride"] = json!(own);
    assert_eq!(made(&server, &body).await?["issuer"], own);
    Ok(())
}

/// AMB-06, STRM-19, AMB-35, AMB-36, AMB-48: creation with rough edges comes to the same end.
#[tokio::test]
async fn creation_survives_rough_edges() -> Result<()> {
    type Case = (&'static str, fn(&mut Rough));
    let cases: [Case; 5] = [
        ("200 instead of 201", |it| it.create_status = Some(200)),
        ("nulls", |it| it.nulls = true),
        ("RISC names only", |it| it.risc_only = true),
        ("202, and to be read", |it| it.create_status = Some(202)),
        ("a list of one", |it| {
            it.create_status = Some(202);
            it.list_is_object = true;
        }),
    ];
    for (name, rough) in cases {
        for method in ["push", "poll"] {
            let (server, transmitter) = start(rough).await?;
            let stream = made(&server, &new_stream(&transmitter, method)).await.context(name)?;
            let (id, remote) = transmitter.only_stream()?;
            assert_eq!(stream["streamId"], id, "{name}");
            assert_eq!(remote.authorization_header.is_some(), method == "push", "{name}");
        }
    }
    Ok(())
}

/// STRM-19: there may be only one, and there is one: it is adopted, by PATCH, or by PUT where there is
/// nothing else.
#[tokio::test]
async fn a_stream_that_is_there_is_adopted() -> Result<()> {
    for put_only in [false, true] {
        for object in [false, true] {
            let (server, transmitter) = start(|it| {
                it.one_stream = true;
                it.put_only = put_only;
                it.list_is_object = object;
            })
            .await?;
            let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": "https://somewhere.example/old"});
            transmitter.insert_stream(
                "old",
                json!({"stream_id": "old", "aud": "https://org.example/ssf", "delivery": delivery}),
            );
            let stream = made(&server, &new_stream(&transmitter, "push")).await?;
            assert_eq!(stream["streamId"], "old");
            let (_, remote) = transmitter.only_stream()?;
            assert_eq!(
                remote.configuration["delivery"]["endpoint_url"],
                stream["delivery"]["endpointUrl"]
            );
            let method = if put_only { "PUT" } else { "PATCH" };
            assert_eq!(transmitter.last_body(method, "/streams")["stream_id"], "old");
        }
    }
    Ok(())
}

/// Among several that are there, one is named.
#[tokio::test]
async fn one_of_several_streams_must_be_named() -> Result<()> {
    let (server, transmitter) = start(|it| it.one_stream = true).await?;
    for id in ["a", "b"] {
        let delivery = json!({"method": "urn:ietf:rfc:8936", "endpoint_url": format!("{}/poll/{id}", transmitter.base())});
        transmitter.insert_stream(id, json!({"stream_id": id, "aud": "x", "delivery": delivery}));
    }
    let mut body = new_stream(&transmitter, "poll");
    let refused = create(&server, &body).await?;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("a, b"), "{}", refused.text);
    body["adopt"] = json!("b");
    assert_eq!(made(&server, &body).await?["streamId"], "b");
    Ok(())
}

/// STRM-20: the transmitter made it and its answer got lost: the next attempt finds it, and makes no other.
#[tokio::test]
async fn a_lost_answer_makes_no_second_stream() -> Result<()> {
    for method in ["push", "poll"] {
        let (server, transmitter) = start(|it| it.create_hangs = true).await?;
        let answer = create(&server, &new_stream(&transmitter, method)).await?;
        assert_eq!(
            (answer.status, &answer.json["streamId"]),
            (202, &Value::Null),
            "{}",
            answer.text
        );
        assert!(answer.text_at("/lastError").contains("in time"), "{}", answer.text);
        let stream = wait_for(&server, &answer.json, |it| it["streamId"].is_string()).await?;
        assert_eq!((transmitter.streams(), &stream["lastError"]), (1, &Value::Null));
    }
    Ok(())
}

/// The intention outlives the process.
#[tokio::test]
async fn a_stream_that_was_noted_is_made_after_a_restart() -> Result<()> {
    let (server, transmitter) = start(|it| it.statuses = vec![503; 1_000].into()).await?;
    let answer = create(&server, &new_stream(&transmitter, "push")).await?;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let server = server.restart().await?;
    transmitter.rough(|it| it.statuses.clear());
    wait_for(&server, &answer.json, |it| it["streamId"].is_string()).await?;
    assert_eq!(transmitter.streams(), 1);
    Ok(())
}

/// A no leaves nothing behind, neither stream nor provider.
#[tokio::test]
async fn what_a_transmitter_refuses_is_forgotten() -> Result<()> {
    for status in [400, 403, 404, 405, 302] {
        let (server, transmitter) = start(|it| it.statuses = vec![status; 4].into()).await?;
        let refused = create(&server, &new_stream(&transmitter, "poll")).await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (400, "E0000001"),
            "{status}: {}",
            refused.text
        );
        assert!(refused.text.contains(&status.to_string()), "{}", refused.text);
        assert_eq!(server.call("GET", STREAMS).send().await?.json, json!([]));
        let providers = server.call("GET", "/api/v1/security-events-providers").send().await?;
        assert_eq!(providers.json, json!([]), "{status}");
    }
    Ok(())
}

/// What is wrong is named, before anything is asked of the transmitter.
#[tokio::test]
async fn bad_requests_are_refused() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let good = new_stream(&transmitter, "poll");
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, field) in [
        (json!({}), "issuer"),
        (with("wellKnownUrl", json!("https://x.example")), "issuer"),
        (with("issuer", json!("no url")), "issuer"),
        (with("issuer", json!("http://10.0.0.1")), "issuer"),
        (with("authorization", Value::Null), "authorization"),
        (with("authorization", json!({"type": "basic"})), "authorization.type"),
        (with("authorization", json!({"type": "bearer"})), "authorization.token"),
        (
            with("authorization", json!({"type": "bearer", "token": "a\nb"})),
            "authorization.token",
        ),
        (
            with("authorization", json!({"type": "private_key_jwt"})),
            "authorization.tokenUrl",
        ),
        (
            with(
                "authorization",
                json!({"type": "private_key_jwt", "clientId": "c", "tokenUrl": "http://127.0.0.1/t", "key": "x"}),
            ),
            "authorization.key",
        ),
        (with("delivery", json!({"method": "pigeon"})), "delivery.method"),
        (with("profile", json!("other")), "profile"),
        (with("endpoints", json!({"status_endpoint": 7})), "endpoints"),
        (
            with("endpoints", json!({"status_endpoint": "http://192.168.0.1/"})),
            "status_endpoint",
        ),
        (with("eventsRequested", json!(["x".repeat(300)])), "eventsRequested"),
        (with("description", json!("x".repeat(300))), "description"),
    ] {
        let refused = create(&server, &body).await?;
        assert_eq!(refused.status, 400, "{field}: {}", refused.text);
        assert!(refused.text.contains(field), "{field}: {}", refused.text);
    }
    assert!(transmitter.calls().is_empty());
    Ok(())
}

/// META-09: metadata without a stream API is a provider's, not a stream's; AMB-38: what it lacks may be
/// given by hand.
#[tokio::test]
async fn a_transmitter_without_a_stream_api_has_no_streams() -> Result<()> {
    let (server, transmitter) = start(|it| it.without_endpoints = vec!["configuration_endpoint"]).await?;
    let mut body = new_stream(&transmitter, "poll");
    let refused = create(&server, &body).await?;
    assert!(refused.text.contains("configuration_endpoint"), "{}", refused.text);
    body["endpoints"] = json!({"configuration_endpoint": format!("{}/streams", transmitter.base())});
    made(&server, &body).await?;
    Ok(())
}

/// A provider that was made through the Okta-shaped API gets a stream; its profile stays.
#[tokio::test]
async fn a_provider_that_is_known_gets_a_stream() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let body = json!({"name": "Acme", "type": "acme", "settings": {"well_known_url": transmitter.well_known_url()}});
    let provider = server
        .call("POST", "/api/v1/security-events-providers")
        .json(&body)
        .send()
        .await?;
    let id = provider.text_at("/id");
    let body = json!({"providerId": id, "delivery": {"method": "poll"}, "authorization": bearer(), "verify": false});
    let stream = made(&server, &body).await?;
    assert_eq!(stream["providerId"], id);
    assert_eq!(
        server
            .call("GET", &path_of_profile(&stream))
            .send()
            .await?
            .text_at("/profile"),
        "okta"
    );
    Ok(())
}
