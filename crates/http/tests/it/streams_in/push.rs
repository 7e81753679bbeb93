//! SETs that are pushed to a stream's own address (RFC 8935).

use super::*;

async fn pushed(rough: impl FnOnce(&mut Rough)) -> Result<(TestServer, FakeTransmitter, Value)> {
    let (server, transmitter) = start(rough).await?;
    alice(&server).await?;
    let stream = made(&server, &new_stream(&transmitter, "push")).await?;
    Ok((server, transmitter, stream))
}

/// PUSH-10, PUSH-13: 202 with nothing in it, also for a repeat, and the effect is there once.
#[tokio::test]
async fn what_is_pushed_takes_effect_once() -> Result<()> {
    let (server, transmitter, stream) = pushed(|_| {}).await?;
    let token = transmitter.set("a", IAT, "alice@example.com")?;
    for _ in 0..3 {
        assert_eq!(transmitter.push(&token).await?, (202, String::new()));
    }
    assert_eq!(reports(&server).await?, 1);
    let log = logged(&server, "security.events.provider.receive_event").await?;
    let url = stream["delivery"]["endpointUrl"].as_str().unwrap_or_default();
    let key = url.rsplit('/').nth(1).context("a key")?;
    assert!(!log[0].to_string().contains(key), "the address is a secret of its own");
    Ok(())
}

/// AMB-24, PUSH-06: the address and the credential let in, nothing else does.
#[tokio::test]
async fn the_credential_of_the_stream_is_needed() -> Result<()> {
    let (server, transmitter, stream) = pushed(|_| {}).await?;
    let (_, remote) = transmitter.only_stream()?;
    let credential = remote.authorization_header.context("a credential")?;
    let url = stream["delivery"]["endpointUrl"].as_str().unwrap_or_default();
    let path = url.strip_prefix("https://org.example").context("ours")?;
    let token = transmitter.set("a", IAT, "alice@example.com")?;
    let post = |path: &str, credential: Option<&str>| {
        let call = server
            .call("POST", path)
            .anonymous()
            .header("content-type", "application/secevent+jwt");
        let call = match credential {
            Some(credential) => call.header("authorization", credential),
            None => call,
        };
        call.text(token.clone()).send()
    };
    let lower = credential.to_lowercase();
    for wrong in [
        None,
        Some(""),
        Some("Bearer x"),
        Some(lower.as_str()),
        Some("SSWS 00test-administrator-token"),
    ] {
        let refused = post(path, wrong).await?;
        assert_eq!(
            (refused.status, refused.text_at("/err")),
            (401, "authentication_failed"),
            "{wrong:?}"
        );
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        assert_eq!(refused.headers["content-type"], "application/json");
    }
    let unknown = post("/ssf/v1/streams-in/guessed/events", Some(&credential)).await?;
    assert_eq!(unknown.status, 404);
    assert_eq!(server.call("GET", path).anonymous().send().await?.status, 405, "PUSH-04");
    assert_eq!(reports(&server).await?, 0);
    assert_eq!(post(path, Some(&credential)).await?.status, 202);
    Ok(())
}

/// PUSH-04, PUSH-11: content types are not looked at but by the strict profile; defects have their code.
#[tokio::test]
async fn defects_are_told_by_their_code() -> Result<()> {
    let (server, transmitter, stream) = pushed(|_| {}).await?;
    let (id, remote) = transmitter.only_stream()?;
    let credential = remote.authorization_header.context("a credential")?;
    let url = stream["delivery"]["endpointUrl"].as_str().unwrap_or_default();
    let path = url.strip_prefix("https://org.example").context("ours")?;
    let post = |content_type: &str, token: &str| {
        let call = server.call("POST", path).header("authorization", &credential);
        call.header("content-type", content_type).text(token).send()
    };
    for (number, content_type) in ["application/secevent+jwt; charset=utf-8", "application/jwt", "text/plain"]
        .into_iter()
        .enumerate()
    {
        let token = transmitter.set(&format!("t{number}"), IAT, "alice@example.com")?;
        assert_eq!(post(content_type, &token).await?.status, 202, "{content_type}");
    }
    let subject = json!({"format": "opaque", "id": id});
    let elsewhere = FakeTransmitter::start().await?;
    elsewhere.insert_stream("s", json!({"aud": "https://org.example/ssf"}));
    for (token, err) in [
        ("no token".to_owned(), "invalid_request"),
        (transmitter.verification("v", IAT, json!({"state": "x"}))?, "invalid_state"),
        (elsewhere.sign("e", IAT, "urn:x", json!({}), subject)?, "invalid_issuer"),
    ] {
        let refused = post("application/secevent+jwt", &token).await?;
        assert_eq!((refused.status, refused.text_at("/err")), (400, err), "{}", refused.text);
        assert_eq!(refused.headers["content-language"], "en");
    }
    Ok(())
}

/// AMB-21, AMB-23: one that nobody has asked for comes before creation is answered, with a null state.
#[tokio::test]
async fn an_early_verification_is_taken() -> Result<()> {
    let (server, transmitter, stream) = pushed(|it| it.verify_on_create = true).await?;
    let verified = wait_for(&server, &stream, |it| it["verifiedAt"].is_string()).await?;
    assert_eq!(verified["audience"], json!(["https://org.example/ssf"]));
    assert_eq!(logged(&server, "security.events.stream.verify").await?.len(), 1);
    assert_eq!(transmitter.streams(), 1);
    Ok(())
}

/// AMB-40: once `aud` is pinned, no other is taken.
#[tokio::test]
async fn another_audience_is_refused() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let mut body = new_stream(&transmitter, "push");
    body["audience"] = json!(["https://expected.example"]);
    let stream = made(&server, &body).await?;
    assert!(
        stream["lastError"].as_str().is_some_and(|text| text.contains("aud")),
        "{stream}"
    );
    let token = transmitter.set("a", IAT, "alice@example.com")?;
    let (status, answer) = transmitter.push(&token).await?;
    assert!(status == 400 && answer.contains("invalid_audience"), "{status} {answer}");
    let change = json!({"audience": ["https://org.example/ssf"]});
    assert_eq!(
        server.call("PATCH", &path(&stream, "")).json(&change).send().await?.status,
        200
    );
    assert_eq!(transmitter.push(&token).await?.0, 202);
    Ok(())
}

/// PUSH-04, ITOP-16: the strict profile takes one content type, and a token of another is not looked at.
#[tokio::test]
async fn the_strict_profile_takes_one_content_type() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let mut body = new_stream(&transmitter, "push");
    body["profile"] = json!("interop");
    let stream = made(&server, &body).await?;
    let (_, remote) = transmitter.only_stream()?;
    let credential = remote.authorization_header.context("a credential")?;
    let url = stream["delivery"]["endpointUrl"].as_str().unwrap_or_default();
    let path = url.strip_prefix("https://org.example").context("ours")?;
    let token = transmitter.set("a", IAT, "alice@example.com")?;
    let post = |content_type: Option<&str>| {
        let call = server.call("POST", path).anonymous().header("authorization", &credential);
        let call = match content_type {
            Some(content_type) => call.header("content-type", content_type),
            None => call,
        };
        call.text(token.clone()).send()
    };
    for wrong in [
        None,
        Some("application/jwt"),
        Some("application/json"),
        Some("text/plain"),
        Some(""),
    ] {
        let refused = post(wrong).await?;
        assert_eq!(
            (refused.status, refused.text_at("/err")),
            (415, "invalid_request"),
            "{wrong:?}"
        );
        assert!(
            refused.text_at("/description").contains("application/secevent+jwt"),
            "{}",
            refused.text
        );
    }
    for right in ["application/secevent+jwt", "APPLICATION/secevent+JWT; charset=utf-8"] {
        let read = post(Some(right)).await?;
        // What is wrong with it now is its algorithm (ITOP-16): it was read.
        assert_eq!((read.status, read.text_at("/err")), (400, "invalid_key"), "{right}");
    }
    Ok(())
}
