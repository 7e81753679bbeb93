//! `kill -9` in the middle of polls (POLL-11, POLL-15): between a poll's answer and the commit of what it
//! brought, and between the commit and the acknowledgement. What a transmitter has is taken once and
//! acknowledged in the end.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::json;
use watchfire_harness::{
    FakeTransmitter, ORG_URL,
    entropy::SeededEntropy,
    fake_transmitter::{BEARER, Scripted},
    witness::Witness,
};

use crate::server::Server;

const ISSUED_AT: i64 = 1_787_927_300;
/// Kills in one run.
const KILLS: usize = 16;
/// Tokens that wait before each.
const TOKENS: usize = 20;
/// A kill comes at most this long after a poll was answered: about what it takes to take its tokens.
const PAUSE_MICROS: u64 = 30_000;

fn jti(round: usize, number: usize) -> String {
    format!("{round}-{number}")
}

/// The `jti`s that the store has receipts of, repeats included.
async fn received(server: &Server) -> Result<Vec<String>> {
    let mut store = Witness::after_a_start(&server.folder().join("data")).await?;
    store
        .texts("SELECT json_extract(note, '$.jti') FROM receipts WHERE kind = 'security_events'")
        .await
}

async fn start() -> Result<(Server, FakeTransmitter, String)> {
    let options = [
        "--dev",
        "--public-url",
        ORG_URL,
        "--api-calls-per-minute",
        "0",
        "--stream-poll-interval",
        "20ms",
        "--stream-backoff",
        "20ms",
        "--stream-backoff-cap",
        "100ms",
    ];
    let server = Server::start(&options).await?;
    let transmitter = FakeTransmitter::start().await?;
    let stream = json!({
        "issuer": transmitter.issuer(), "delivery": {"method": "poll"}, "verify": false,
        "authorization": {"type": "bearer", "token": BEARER},
    });
    let made = server.post("/watchfire/v1/streams-in", &stream).await?;
    ensure!(made.status == StatusCode::CREATED, "{made:?}");
    let profile = json!({"firstName": "Jo", "lastName": "L", "email": "jo@example.com", "login": "jo@example.com"});
    let user = server
        .post("/api/v1/users?activate=true", &json!({ "profile": profile }))
        .await?;
    ensure!(user.status == StatusCode::OK, "{user:?}");
    let path = format!("/watchfire/v1/streams-in/{}", made.json()["id"].as_str().context("id")?);
    Ok((server, transmitter, path))
}

/// Waits until what was taken is also noted to be acknowledged, which nobody lets it be.
async fn committed_and_not_told(server: &Server, stream: &str) -> Result<()> {
    let seen = async {
        loop {
            let unsent = server.get(stream).await?.json()["unsentAcknowledgements"].as_u64();
            if unsent.is_some_and(|unsent| unsent > 0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await?
}

#[tokio::test]
async fn a_kill_in_mid_poll_loses_no_token_and_takes_none_twice() -> Result<()> {
    let (mut server, transmitter, stream) = start().await?;
    let random = SeededEntropy::new(u64::from(std::process::id()));
    let mut brought = transmitter.brought();
    let (mut before_commit, mut before_ack) = (0, 0);
    for round in 0..KILLS {
        let holds_acks = round % 2 == 1;
        brought.mark_unchanged();
        if holds_acks {
            // Its next poll brings them, and none after that is listened to.
            let sets: serde_json::Map<String, serde_json::Value> = (0..TOKENS)
                .map(|number| {
                    let jti = jti(round, number);
                    Ok((jti.clone(), transmitter.set(&jti, ISSUED_AT, "jo@example.com")?.into()))
                })
                .collect::<Result<_>>()?;
            transmitter.rough(|it| {
                it.polls = [Scripted::Body(json!({ "sets": sets }).to_string())].into();
                it.every_poll = Some(Scripted::Status(503, None));
            });
        }
        for number in 0..TOKENS {
            let jti = jti(round, number);
            transmitter.enqueue(&jti, transmitter.set(&jti, ISSUED_AT, "jo@example.com")?)?;
        }
        tokio::time::timeout(Duration::from_secs(60), brought.changed()).await??;
        if holds_acks {
            committed_and_not_told(&server, &stream).await?;
        } else {
            // The moment is what is random here; nothing is waited for.
            tokio::time::sleep(Duration::from_micros(random.below(PAUSE_MICROS))).await;
        }
        server.kill().await?;
        let taken: BTreeSet<String> = received(&server).await?.into_iter().collect();
        let waiting = transmitter.only_stream()?.1.queue;
        before_commit += waiting.iter().filter(|(jti, _)| !taken.contains(jti)).count();
        before_ack += waiting.iter().filter(|(jti, _)| taken.contains(jti)).count();
        transmitter.rough(|it| it.every_poll = None);
        server.restart().await?;
    }
    transmitter.wait_until(|it| it.queue.is_empty()).await?;
    let all: BTreeSet<String> = (0..KILLS).flat_map(|round| (0..TOKENS).map(move |n| jti(round, n))).collect();
    let (_, remote) = transmitter.only_stream()?;
    ensure!(remote.refused.is_empty(), "refused: {:?}", remote.refused);
    ensure!(
        remote.acked.iter().cloned().collect::<BTreeSet<_>>() == all,
        "not all are acknowledged"
    );
    server.kill().await?;
    let received = received(&server).await?;
    ensure!(
        received.len() == all.len(),
        "{} receipts of {} tokens",
        received.len(),
        all.len()
    );
    ensure!(received.into_iter().collect::<BTreeSet<_>>() == all, "receipts of others");
    let mut store = Witness::reading(&server.folder().join("data")).await?;
    ensure!(store.texts("PRAGMA integrity_check").await? == ["ok"]);
    // For whoever reads the output.
    println!("{KILLS} kills: {before_commit} tokens were brought and not taken, {before_ack} taken and not acknowledged");
    ensure!(before_commit > 0 && before_ack > 0, "the kills missed what they were for");
    Ok(())
}
