//! Streams of ours at a transmitter that listens on loopback (ssf.md 4, 5, 8).

mod authorization;
mod creation;
mod lifecycle;
mod poll;
mod push;

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_app::{Settings, intake::streams_in::StreamLimits};
use watchfire_harness::{
    Answer, FakeTransmitter, SetSender, TestServer,
    fake_transmitter::{BEARER, Rough},
};

const STREAMS: &str = "/watchfire/v1/streams-in";
/// 2027-01-15T08:00:00Z, which is what every clock of these tests shows.
const IAT: i64 = 1_800_000_000;

fn settings() -> Settings {
    let short = Duration::from_millis(20);
    Settings {
        streams: StreamLimits {
            poll_interval: short,
            long_poll: Duration::from_secs(2),
            call: Duration::from_secs(2),
            backoff: Duration::from_millis(10),
            backoff_cap: Duration::from_millis(80),
            read_again: short,
            idle: short,
            ..StreamLimits::default()
        },
        ..SetSender::settings()
    }
}

async fn start(rough: impl FnOnce(&mut Rough)) -> Result<(TestServer, FakeTransmitter)> {
    let server = TestServer::start_with(settings()).await?;
    let transmitter = FakeTransmitter::start().await?;
    let base = server.listen().await?;
    transmitter.rough(|it| it.push_to = Some(base));
    transmitter.rough(rough);
    Ok((server, transmitter))
}

fn bearer() -> Value {
    json!({"type": "bearer", "token": BEARER})
}

/// A stream of this method from a transmitter that is found by its issuer, without a verification.
fn new_stream(transmitter: &FakeTransmitter, method: &str) -> Value {
    json!({
        "issuer": transmitter.issuer(), "name": "Acme", "delivery": {"method": method},
        "authorization": bearer(), "verify": false,
    })
}

async fn create(server: &TestServer, body: &Value) -> Result<Answer> {
    server.call("POST", STREAMS).json(body).send().await
}

/// Makes a stream that must come about.
async fn made(server: &TestServer, body: &Value) -> Result<Value> {
    let answer = create(server, body).await?;
    anyhow::ensure!(answer.status == 201, "{} {}", answer.status, answer.text);
    Ok(answer.json)
}

fn path(stream: &Value, rest: &str) -> String {
    format!("{STREAMS}/{}{rest}", stream["id"].as_str().unwrap_or_default())
}

async fn get(server: &TestServer, stream: &Value) -> Result<Value> {
    Ok(server.call("GET", &path(stream, "")).send().await?.json)
}

/// Waits until `done` is true of a stream as the API shows it.
async fn wait_for(server: &TestServer, stream: &Value, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let now = get(server, stream).await?;
        if done(&now) {
            return Ok(now);
        }
        anyhow::ensure!(tokio::time::Instant::now() < until, "it did not happen: {now}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Log events of this type, newest first.
async fn logged(server: &TestServer, event_type: &str) -> Result<Vec<Value>> {
    let path = format!("/api/v1/logs?sortOrder=DESCENDING&filter=eventType+eq+%22{event_type}%22");
    let log = server.call("GET", &path).send().await?;
    log.json.as_array().cloned().context(log.text)
}

/// A user whom SETs can be about.
async fn alice(server: &TestServer) -> Result<()> {
    let profile = json!({"firstName": "A", "lastName": "L", "email": "alice@example.com", "login": "alice@example.com"});
    let made = server
        .call("POST", "/api/v1/users?activate=true")
        .json(&json!({ "profile": profile }))
        .send()
        .await?;
    anyhow::ensure!(made.status == 200, "{}", made.text);
    Ok(())
}

/// How often something was said of that user.
async fn reports(server: &TestServer) -> Result<usize> {
    Ok(logged(server, "security.events.provider.receive_event").await?.len())
}
