//! `kill -9` in the middle of streams of the System Log: between what a target took and what was written down of it.
//! What comes twice has the same id, and nothing is missing, at a collector and in files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use watchfire_harness::{LogCollector, entropy::SeededEntropy, log_collector::TOKEN};

use crate::server::Server;

/// Kills in one run.
const KILLS: u64 = 8;
/// Events between two of them.
const EVENTS: usize = 15;
/// A kill comes at most this long after the last event was acknowledged.
const PAUSE_MICROS: u64 = 60_000;

async fn stream(server: &Server, name: &str, target: Value, secret: Option<&str>) -> Result<String> {
    let body = json!({"name": name, "startAt": "OLDEST", "target": target, "secret": secret});
    let made = server.post("/watchfire/v1/log-streams", &body).await?;
    ensure!(made.status == StatusCode::CREATED, "{made:?}");
    made.json()["id"].as_str().map(str::to_owned).context("an id")
}

/// The ids of the whole log, in its order.
async fn logged(server: &Server) -> Result<Vec<String>> {
    let page = server.get("/api/v1/logs?limit=1000").await?.json();
    Ok(ids(page.as_array().context("events")?, "/uuid"))
}

fn ids(events: &[Value], pointer: &str) -> Vec<String> {
    let ids = events
        .iter()
        .filter_map(|event| event.pointer(pointer).and_then(Value::as_str));
    ids.map(str::to_owned).collect()
}

fn once(ids: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

fn lines(folder: &Path) -> Result<Vec<Value>> {
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        for line in text.lines() {
            lines.push(serde_json::from_str(line)?);
        }
    }
    Ok(lines)
}

#[tokio::test]
async fn streams_of_the_log_go_on_where_they_were_after_kills() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let streams = folder.path().join("streams");
    let streams_path = streams.to_str().context("a path")?;
    let options = [
        "--dev",
        "--api-calls-per-minute",
        "0",
        "--log-calls-per-minute",
        "0",
        "--log-stream-dir",
        streams_path,
        "--log-stream-report",
        "20ms",
        "--log-stream-page",
        "7",
        "--log-stream-backoff-cap",
        "200ms",
    ];
    let mut server = Server::start(&options).await?;
    let collector = LogCollector::start().await?;
    stream(
        &server,
        "Collector",
        json!({"type": "SPLUNK_HEC", "url": collector.url}),
        Some(TOKEN),
    )
    .await?;
    let files = stream(&server, "Files", json!({"type": "FILE", "maxBytes": 8_192}), None).await?;
    let random = SeededEntropy::new(11);
    for kill in 0..KILLS {
        for number in 0..EVENTS {
            let group = json!({"profile": {"name": format!("Group {kill} {number}")}});
            let made = server.post("/api/v1/groups", &group).await?;
            ensure!(made.status == StatusCode::OK, "{made:?}");
        }
        tokio::time::sleep(Duration::from_micros(random.below(PAUSE_MICROS))).await;
        server.kill().await?;
        server.restart().await?;
    }
    let logged = logged(&server).await?;
    ensure!(logged.len() > EVENTS * usize::try_from(KILLS)?);
    let last = logged.last().context("events")?.clone();
    let came = collector.wait_for(|came| ids(came, "/event/uuid").contains(&last)).await?;
    ensure!(
        once(ids(&came, "/event/uuid")) == logged,
        "{} came, {} were",
        came.len(),
        logged.len()
    );
    let path = format!("/watchfire/v1/log-streams/{files}");
    let done = async {
        while server.get(&path).await?.json()["progress"]["lagEvents"] != 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(30), done).await??;
    let written = lines(&streams.join(&files))?;
    ensure!(
        once(ids(&written, "/uuid")) == logged,
        "{} written, {} were",
        written.len(),
        logged.len()
    );
    Ok(())
}
