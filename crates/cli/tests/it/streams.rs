//! `watchfire stream` against a running server and a transmitter on loopback.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use watchfire_harness::{
    FakeTransmitter, ORG_URL,
    fake_transmitter::{BEARER, CLIENT_ID, CLIENT_SECRET},
};

use crate::{
    administration::{admin_json, as_admin},
    program::{path, stderr, text},
    server::Server,
};

/// Before now, by every clock.
const ISSUED_AT: i64 = 1_787_927_300;

async fn start() -> Result<(Server, FakeTransmitter)> {
    let options = ["--dev", "--public-url", ORG_URL, "--stream-poll-interval", "50ms"];
    let server = Server::start(&options).await?;
    let transmitter = FakeTransmitter::start().await?;
    transmitter.rough(|it| {
        it.push_to = Some(server.url.clone());
        it.issued_at = Some(ISSUED_AT);
    });
    Ok((server, transmitter))
}

fn file(server: &Server, name: &str, content: &str) -> Result<PathBuf> {
    let path = server.folder().join(name);
    // As an editor leaves it.
    fs::write(&path, format!("{content}\n"))?;
    Ok(path)
}

async fn bearer_stream(server: &Server, transmitter: &FakeTransmitter, options: &[&str]) -> Result<Value> {
    let bearer = file(server, "bearer", BEARER)?;
    let issuer = transmitter.issuer();
    let create = ["stream", "create", &issuer, "--name", "Acme", "--bearer-file", path(&bearer)];
    Ok(admin_json(server, &[&create[..], options].concat()).await)
}

/// Runs `stream get` until it shows what is waited for.
async fn shows(server: &Server, stream: &str, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let shown = admin_json(server, &["stream", "get", stream]).await;
        if done(&shown) {
            return Ok(shown);
        }
        ensure!(tokio::time::Instant::now() < until, "it did not happen: {shown}");
    }
}

/// The exit code and what was said of a command that must fail.
async fn refusal(server: &Server, arguments: &[&str]) -> (Option<i32>, String) {
    let output = as_admin(server, arguments).await;
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    (output.status.code(), stderr(&output))
}

#[tokio::test]
async fn a_stream_is_made_verified_and_deleted_by_hand() -> Result<()> {
    let (server, transmitter) = start().await?;
    let made = bearer_stream(&server, &transmitter, &["--description", "Laptops"]).await?;
    let (there, remote) = transmitter.only_stream()?;
    assert_eq!(
        (&made["streamId"], &made["delivery"]["method"]),
        (&json!(there), &json!("push"))
    );
    assert_eq!(remote.configuration["description"], "Laptops");
    // Verified at once, since nobody said --no-verify; and once more, under the transmitter's id.
    let id = made["id"].as_str().context("id")?;
    let first = shows(&server, id, |it| it["verifiedAt"].is_string()).await?;
    let asked = || transmitter.calls().iter().filter(|it| it.starts_with("POST /verify")).count();
    assert_eq!(asked(), 1);
    admin_json(&server, &["stream", "verify", &there]).await;
    shows(&server, id, |it| it["verifiedAt"] != first["verifiedAt"]).await?;
    assert_eq!(asked(), 2);

    let listed = admin_json(&server, &["stream", "list"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let table = text(&as_admin(&server, &["stream", "list"]).await);
    let row = table.lines().find(|line| line.starts_with(id)).context("no row")?;
    assert!(row.contains(&transmitter.issuer()) && row.contains("push"), "{table}");

    let gone = text(&as_admin(&server, &["stream", "delete", id]).await);
    assert!(gone.contains(id), "{gone}");
    assert_eq!(admin_json(&server, &["stream", "list"]).await, json!([]));
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while transmitter.streams() > 0 {
        ensure!(tokio::time::Instant::now() < until, "it is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test]
async fn status_and_subjects_are_steered_by_hand() -> Result<()> {
    let (server, transmitter) = start().await?;
    let made = bearer_stream(&server, &transmitter, &["--no-verify"]).await?;
    let id = made["id"].as_str().context("id")?;
    let status = |options: &'static [&'static str]| {
        let (server, id) = (&server, id.to_owned());
        async move { admin_json(server, &[&["stream", "status", &id], options].concat()).await }
    };
    assert_eq!(status(&[]).await["status"], "enabled");
    let paused = status(&["--set", "paused", "--reason", "night"]).await;
    assert_eq!(
        (&paused["status"], &paused["statusReason"]),
        (&json!("paused"), &json!("night"))
    );
    assert_eq!(transmitter.only_stream()?.1.status, "paused");
    assert_eq!(status(&["--set", "enabled"]).await["status"], "enabled");

    let (email, phone) = ("jo@example.com", r#"{"format":"phone_number","phone_number":"+12065550100"}"#);
    for (verb, expected) in [("add-subject", 2), ("remove-subject", 0)] {
        text(&as_admin(&server, &["stream", verb, id, "--email", email]).await);
        let done = text(&as_admin(&server, &["stream", verb, id, "--subject", phone]).await);
        assert!(done.contains("phone_number"), "{done}");
        assert_eq!(transmitter.only_stream()?.1.subjects.len(), expected, "{verb}");
    }
    Ok(())
}

/// The transmitter is given the key that was made here; what is polled is acknowledged.
#[tokio::test]
async fn a_stream_is_polled_with_a_key_that_was_made_for_it() -> Result<()> {
    let (server, transmitter) = start().await?;
    let (issuer, tokens) = (transmitter.issuer(), format!("{}/token", transmitter.base()));
    let create = [
        "stream",
        "create",
        &issuer,
        "--client-id",
        CLIENT_ID,
        "--token-url",
        &tokens,
        "--delivery",
        "poll",
        "--no-verify",
    ];
    let made = admin_json(&server, &create).await;
    let id = made["id"].as_str().context("id")?;
    let keys = admin_json(&server, &["stream", "keys", id]).await;
    let key = &keys["keys"][0];
    assert!(key["kid"].is_string() && key.get("d").is_none(), "{keys}");
    assert!(transmitter.last_assertion().is_some());
    transmitter.enqueue("one", transmitter.set("one", ISSUED_AT, "jo@example.com")?)?;
    transmitter.wait_until(|it| it.acked == ["one"]).await?;
    let polled = shows(&server, id, |it| it["unsentAcknowledgements"] == 0).await?;
    assert_eq!(
        (&polled["delivery"]["method"], &polled["lastError"]),
        (&json!("poll"), &Value::Null)
    );
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_there_is_adopted() -> Result<()> {
    let (server, transmitter) = start().await?;
    let poll = format!("{}/poll/theirs", transmitter.base());
    let configuration = json!({
        "stream_id": "theirs", "iss": transmitter.issuer(), "aud": [ORG_URL],
        "delivery": {"method": "urn:ietf:rfc:8936", "endpoint_url": poll},
    });
    transmitter.insert_stream("theirs", configuration);
    let (well_known, tokens) = (transmitter.well_known_url(), format!("{}/token", transmitter.base()));
    let secret = file(&server, "secret", CLIENT_SECRET)?;
    let create = [
        "stream",
        "create",
        &well_known,
        "--adopt",
        "theirs",
        "--delivery",
        "poll",
        "--client-id",
        CLIENT_ID,
        "--secret-file",
        path(&secret),
        "--token-url",
        &tokens,
        "--no-verify",
    ];
    let made = admin_json(&server, &create).await;
    assert_eq!((&made["streamId"], transmitter.streams()), (&json!("theirs"), 1));
    assert!(!transmitter.calls().iter().any(|it| it.starts_with("POST /streams")));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_a_sentence() -> Result<()> {
    let (server, transmitter) = start().await?;
    let (issuer, missing) = (transmitter.issuer(), server.folder().join("missing"));
    let wrong = file(&server, "wrong", "no such token")?;
    let unknown = format!("{}/nowhere", transmitter.base());
    let bearer = ["--bearer-file", path(&wrong)];
    for (arguments, code, said) in [
        (vec!["create", &issuer], 2, "--client-id"),
        (vec!["create", &issuer, "--client-id", "x"], 2, "--token-url"),
        (vec!["create", &issuer, "--bearer-file", path(&missing)], 1, "cannot read"),
        (vec!["create", &issuer, bearer[0], bearer[1]], 1, "status 401"),
        (
            vec!["create", &unknown, bearer[0], bearer[1]],
            1,
            "the metadata is of the issuer",
        ),
        (vec!["create", "x", bearer[0], bearer[1]], 1, "issuer"),
        (vec!["add-subject", "x", "--subject", "{"], 2, "not JSON"),
        (vec!["add-subject", "x"], 2, "--email"),
        (vec!["status", "x", "--set", "off"], 2, "possible values"),
        (vec!["status", "x", "--reason", "r"], 2, "--set"),
        (vec!["get", "x"], 1, "there is no stream 'x'"),
        (vec!["verify", "x"], 1, "there is no stream 'x'"),
        (vec!["delete", "x"], 1, "there is no stream 'x'"),
    ] {
        let (status, error) = refusal(&server, &[&["stream"], &arguments[..]].concat()).await;
        assert_eq!(status, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(!error.contains("no such token\n"), "a secret is shown: {error}");
    }
    assert_eq!(transmitter.streams(), 0);
    assert_eq!(admin_json(&server, &["stream", "list"]).await, json!([]));
    transmitter.rough(|it| it.without_endpoints = vec!["configuration_endpoint"]);
    let (status, error) = refusal(&server, &["stream", "create", &issuer, bearer[0], bearer[1]]).await;
    assert_eq!(status, Some(1));
    assert!(error.contains("security events provider"), "{error}");
    Ok(())
}
