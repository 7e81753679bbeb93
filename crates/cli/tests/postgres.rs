//! Two real processes on one database: killed, stopped, and called at the same time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use tokio::{process::Command, task::JoinSet};
use watchfire_harness::{
    backend::{self, Postgres},
    entropy::SeededEntropy,
};

#[path = "it/server.rs"]
#[expect(dead_code, reason = "the other tests of this package use more of it")]
mod server;

use self::server::{Server, TOKEN};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
/// Kills in one run of CI; `WATCHFIRE_TEST_KILLS` asks for more.
const KILLS: u32 = 6;
const SENDERS: usize = 4;

/// Two nodes with one key file, and a look at their database.
struct Nodes {
    nodes: Vec<Server>,
    /// Names the database.
    folder: tempfile::TempDir,
    server: Postgres,
}

impl Nodes {
    async fn start() -> Result<Self> {
        let mut this = Self {
            nodes: Vec::new(),
            folder: tempfile::tempdir()?,
            server: backend::postgres_of_environment()?.context("WATCHFIRE_TEST_POSTGRES names no server")?,
        };
        for _ in 0..2 {
            let node = this.node().await?;
            this.nodes.push(node);
        }
        Ok(this)
    }

    async fn node(&self) -> Result<Server> {
        let folder = tempfile::tempdir()?;
        if let Some(first) = self.nodes.first() {
            std::fs::copy(first.folder().join("key"), folder.path().join("key"))?;
        }
        let url = self.server.database(self.folder.path()).await?;
        let options = [
            "--dev",
            "--risk-calls-per-minute",
            "0",
            "--api-calls-per-minute",
            "0",
            "--public-url",
            "http://localhost:1",
        ];
        Server::start_over(folder, &options, &[("WATCHFIRE_DATABASE", &url)]).await
    }

    async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        self.server.texts(self.folder.path(), sql).await
    }

    /// Sends a signal to a node.
    async fn signal(&self, node: usize, signal: &str) -> Result<()> {
        let pid = self.nodes[node].pid().context("it has ended")?.to_string();
        ensure!(Command::new("kill").args([signal, &pid]).status().await?.success());
        Ok(())
    }

    /// Each call that was answered 202 has one receipt, and nothing else is there.
    async fn has_each_once(&self, load: &Load) -> Result<()> {
        let bodies = self.texts("SELECT body FROM receipts").await?;
        let receipts = bodies.len();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for body in bodies {
            *seen.entry(body).or_default() += 1;
        }
        let calls = load.calls.lock();
        for (n, accepted) in &*calls {
            let receipts = seen.remove(&body(*n)).unwrap_or_default();
            ensure!(receipts <= 1, "call {n} has {receipts} receipts");
            ensure!(receipts == 1 || !accepted, "call {n} was acknowledged and is not there");
        }
        ensure!(seen.is_empty(), "{seen:?}");
        let events = "SELECT uuid FROM log_events_1 WHERE event_type = 'security.risk.signal.consume'";
        let events = self.texts(events).await?.len();
        ensure!(events == receipts, "{events} events of {receipts} receipts");
        Ok(())
    }
}

/// What has been sent, by number, and whether a 202 has come.
#[derive(Default)]
struct Load {
    next: AtomicU32,
    calls: Mutex<BTreeMap<u32, bool>>,
    again: Mutex<Vec<u32>>,
    stop: AtomicBool,
}

fn body(n: u32) -> String {
    let [_, a, b, c] = n.to_be_bytes();
    serde_json::json!([{"subjects": [{"ip": format!("10.{a}.{b}.{c}"), "riskLevel": "HIGH"}]}]).to_string()
}

async fn call(http: &Client, url: &str, n: u32) -> reqwest::Result<StatusCode> {
    let request = http
        .post(format!("{url}/api/v1/risk/events/ip"))
        .header("Authorization", format!("SSWS {TOKEN}"))
        .header("Idempotency-Key", n.to_string())
        .header("Content-Type", "application/json")
        .body(body(n));
    Ok(request.send().await?.status())
}

impl Load {
    /// Sends to whichever node answers until it is told to stop; what was cut off goes to another node, once more.
    async fn send(self: Arc<Self>, urls: Arc<Mutex<Vec<String>>>, first: usize) -> Result<()> {
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let mut turn = first;
        while !self.stop.load(Ordering::SeqCst) {
            let n = self.again.lock().pop();
            let n = n.unwrap_or_else(|| self.next.fetch_add(1, Ordering::SeqCst));
            self.calls.lock().entry(n).or_insert(false);
            let url = {
                let urls = urls.lock();
                urls[turn % urls.len()].clone()
            };
            match call(&http, &url, n).await {
                Ok(StatusCode::ACCEPTED) => {
                    self.calls.lock().insert(n, true);
                }
                // Nothing happened, or nobody knows: either way it may come again.
                Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_) => {
                    self.again.lock().push(n);
                    turn += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(status) => anyhow::bail!("call {n}: {status}"),
            }
        }
        Ok(())
    }

    fn accepted(&self) -> usize {
        self.calls.lock().values().filter(|accepted| **accepted).count()
    }

    /// Waits until so many more have been accepted.
    async fn more(&self, count: usize) -> Result<()> {
        let enough = self.accepted() + count;
        let reached = async {
            while self.accepted() < enough {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(LONG, reached).await.context("the load has stopped")
    }
}

/// Load on both nodes, until it is told to stop.
fn load(nodes: &Nodes) -> (Arc<Load>, Arc<Mutex<Vec<String>>>, JoinSet<Result<()>>) {
    let load = Arc::new(Load::default());
    let urls = Arc::new(Mutex::new(nodes.nodes.iter().map(|node| node.url.clone()).collect()));
    let mut senders = JoinSet::new();
    for n in 0..SENDERS {
        senders.spawn(Arc::clone(&load).send(Arc::clone(&urls), n));
    }
    (load, urls, senders)
}

async fn finish(load: &Load, mut senders: JoinSet<Result<()>>) -> Result<()> {
    load.stop.store(true, Ordering::SeqCst);
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(())
}

#[tokio::test]
async fn a_node_is_killed_and_the_other_goes_on() -> Result<()> {
    let mut nodes = Nodes::start().await?;
    let (load, urls, senders) = load(&nodes);
    let random = SeededEntropy::new(u64::from(std::process::id()));
    let kills = std::env::var("WATCHFIRE_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    for round in 0..kills.unwrap_or(KILLS) {
        load.more(60).await?;
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_micros(random.below(3_000))).await;
        let victim = usize::try_from(round % 2)?;
        nodes.nodes[victim].kill().await?;
        load.more(60).await.context("the other one does not go on")?;
        nodes.nodes[victim].restart().await?;
        urls.lock()[victim].clone_from(&nodes.nodes[victim].url);
    }
    load.more(60).await?;
    finish(&load, senders).await?;
    nodes.has_each_once(&load).await
}

#[tokio::test]
async fn a_node_that_was_stopped_and_goes_on_does_no_harm() -> Result<()> {
    let nodes = Nodes::start().await?;
    let (load, _urls, senders) = load(&nodes);
    let http = Client::builder().no_proxy().build()?;
    let ready = async |node: usize| anyhow::Ok(http.get(format!("{}/readyz", nodes.nodes[node].url)).send().await?.status());
    for round in 0..4 {
        load.more(60).await?;
        let stopped = round % 2;
        nodes.signal(stopped, "-STOP").await?;
        // If it was in the middle of a group, its turn is taken away first.
        load.more(60).await.context("the other one does not go on")?;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        nodes.signal(stopped, "-CONT").await?;
        load.more(60).await?;
        let back = async {
            while ready(stopped).await? != StatusCode::OK {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(LONG, back).await.context("it does not come back")??;
    }
    finish(&load, senders).await?;
    nodes.has_each_once(&load).await
}

/// What the server itself counts holds over processes: rate limits, and a token that two nodes are sent.
#[tokio::test]
async fn two_processes_take_each_call_once() -> Result<()> {
    const CALLS: u32 = 60;
    let nodes = Nodes::start().await?;
    let http = Client::builder().no_proxy().build()?;
    let mut sending = JoinSet::new();
    for n in 0..CALLS {
        for node in [0, 1, 0, 1] {
            let (http, url) = (http.clone(), nodes.nodes[node].url.clone());
            sending.spawn(async move { call(&http, &url, n).await });
        }
    }
    while let Some(sent) = sending.join_next().await {
        assert_eq!(sent??, StatusCode::ACCEPTED);
    }
    let receipts = nodes.texts("SELECT id FROM receipts").await?.len();
    assert_eq!(receipts, usize::try_from(CALLS)?);
    Ok(())
}
