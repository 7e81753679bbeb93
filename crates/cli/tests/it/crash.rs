//! `kill -9` at random moments under load: what was answered 202 is there once, and its effects once
//! (architecture invariants 1 and 2).
//!
//! This shows that restarts repair nothing and lose nothing; that syncs are right it cannot show, for the
//! page cache survives a kill (the durability tests of the harness do).

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use tokio::{process::Command, sync::watch, task::JoinSet};
use watchfire_harness::{entropy::SeededEntropy, witness::Witness};

use crate::server::{Server, TOKEN};

/// Kills in one run of CI; `WATCHFIRE_TEST_KILLS` asks for more.
const KILLS: u32 = 50;
/// Calls that are under way at one time.
const SENDERS: usize = 6;
/// A kill comes after at most so many more answers …
const ANSWERS: u64 = 40;
/// … and this long behind the last of them.
const PAUSE_MICROS: u64 = 3_000;
/// The longest that a process that is killed while it starts has lived.
const START_MICROS: u64 = 400_000;

/// What has been sent, by number: the number is in the address and in the `Idempotency-Key`.
struct Load {
    next: AtomicU32,
    /// Whether a 202 has come.
    calls: Mutex<BTreeMap<u32, bool>>,
    /// Sent, and the answer was cut off: sent again with the same key.
    unanswered: Mutex<Vec<u32>>,
    accepted: watch::Sender<u64>,
}

impl Load {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            next: AtomicU32::new(1),
            calls: Mutex::default(),
            unanswered: Mutex::default(),
            accepted: watch::Sender::new(0),
        })
    }

    fn take(&self) -> u32 {
        let again = self.unanswered.lock().pop();
        again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::SeqCst))
    }

    /// Sends until the server is gone.
    async fn send(self: Arc<Self>, http: Client, url: String) -> Result<()> {
        loop {
            let n = self.take();
            self.calls.lock().entry(n).or_insert(false);
            match call(&http, &url, n).await {
                Ok(status) => {
                    ensure!(status == StatusCode::ACCEPTED, "call {n}: {status}");
                    self.calls.lock().insert(n, true);
                    self.accepted.send_modify(|count| *count += 1);
                }
                Err(_) => {
                    self.unanswered.lock().push(n);
                    return Ok(());
                }
            }
        }
    }
}

fn address(n: u32) -> String {
    let [_, a, b, c] = n.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

async fn call(http: &Client, url: &str, n: u32) -> reqwest::Result<StatusCode> {
    let body = serde_json::json!([{"subjects": [{"ip": address(n), "riskLevel": "HIGH"}]}]);
    let request = http
        .post(format!("{url}/api/v1/risk/events/ip"))
        .header("Authorization", format!("SSWS {TOKEN}"))
        .header("Idempotency-Key", n.to_string())
        .json(&body);
    Ok(request.send().await?.status())
}

pub(crate) fn kills() -> u32 {
    let asked = std::env::var("WATCHFIRE_TEST_KILLS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_nothing_and_repeats_nothing() -> Result<()> {
    let mut server = Server::start(&["--dev", "--risk-calls-per-minute", "0", "--api-calls-per-minute", "0"]).await?;
    let (load, random) = (Load::new(), SeededEntropy::new(u64::from(std::process::id())));
    for round in 0..kills() {
        let http = Client::builder().no_proxy().build()?;
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(Arc::clone(&load).send(http.clone(), server.url.clone()));
        }
        let mut accepted = load.accepted.subscribe();
        let enough = *accepted.borrow() + random.below(ANSWERS);
        let reached = accepted.wait_for(|count| *count >= enough);
        tokio::time::timeout(Duration::from_secs(60), reached).await??;
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_micros(random.below(PAUSE_MICROS))).await;
        server.kill().await?;
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        if round % 5 == 4 {
            server
                .kill_while_it_starts(Duration::from_micros(random.below(START_MICROS)))
                .await?;
        }
        server.restart().await?;
    }
    // Everything that was sent, once more: no repeat may leave a trace, and what was cut off gets its answer.
    let http = Client::builder().no_proxy().build()?;
    let sent: Vec<u32> = load.calls.lock().keys().copied().collect();
    let first = sent.len().saturating_sub(300);
    let unanswered = std::mem::take(&mut *load.unanswered.lock());
    for n in sent[first..].iter().copied().chain(unanswered) {
        ensure!(call(&http, &server.url, n).await? == StatusCode::ACCEPTED);
        load.calls.lock().insert(n, true);
    }
    let calls = load.calls.lock().clone();
    ensure!(
        calls.len() > usize::try_from(kills())?,
        "hardly any load: {} calls",
        calls.len()
    );
    ensure!(calls.values().all(|accepted| *accepted));
    has_each_once_in_the_api(&server, &calls).await?;
    let folder = server.folder().join("data");
    server.kill().await?;
    has_each_once_in_the_store(&folder, &calls).await
}

/// One event of the System Log, and one live signal, for each call.
async fn has_each_once_in_the_api(server: &Server, calls: &BTreeMap<u32, bool>) -> Result<()> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut path = "/api/v1/logs?limit=1000&filter=eventType+eq+%22security.risk.signal.consume%22".to_owned();
    loop {
        let page = server.get(&path).await?;
        ensure!(page.status == StatusCode::OK, "{page:?}");
        let json = page.json();
        let events = json.as_array().context("no list")?;
        for event in events {
            let list = event.pointer("/debugContext/debugData/riskSignalList");
            let list = list.and_then(serde_json::Value::as_str).context("no signals")?;
            *seen.entry(list.to_owned()).or_default() += 1;
        }
        let mut links = page.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
        let next = links.rfind(|link| link.contains("rel=\"next\"")).map(str::to_owned);
        match next {
            Some(link) if !events.is_empty() => {
                let address = link.trim_start_matches('<').split('>').next().context("no address")?;
                path = address.strip_prefix(&server.url).unwrap_or(address).to_owned();
            }
            _ => break,
        }
    }
    for n in calls.keys() {
        let list = format!("[{{ip={}, riskLevel=HIGH}}]", address(*n));
        ensure!(seen.remove(&list) == Some(1), "call {n} is not once in the log");
    }
    ensure!(seen.is_empty(), "events without a call: {seen:?}");
    let metrics = server.get("/metrics").await?.text;
    let live = metrics.lines().find_map(|line| line.strip_prefix("watchfire_live_signals "));
    let live: usize = live.context("no figure")?.trim().parse()?;
    ensure!(live == calls.len(), "{live} signals of {} calls", calls.len());
    Ok(())
}

/// One receipt, one event and one key for each call, and none beside.
async fn has_each_once_in_the_store(folder: &std::path::Path, calls: &BTreeMap<u32, bool>) -> Result<()> {
    let mut store = Witness::after_a_start(folder).await?;
    let mut bodies: BTreeMap<String, u32> = BTreeMap::new();
    for body in store.texts("SELECT body FROM receipts").await? {
        *bodies.entry(body).or_default() += 1;
    }
    for n in calls.keys() {
        let body = serde_json::json!([{"subjects": [{"ip": address(*n), "riskLevel": "HIGH"}]}]).to_string();
        ensure!(bodies.remove(&body) == Some(1), "call {n} has not one receipt");
    }
    ensure!(bodies.is_empty(), "receipts without a call: {bodies:?}");
    let count = i64::try_from(calls.len())?;
    let (mut events, mut keys) = (0, 0);
    for number in store
        .texts("SELECT CAST(number AS TEXT) FROM partitions WHERE table_set = 'log'")
        .await?
    {
        let sql =
            format!("SELECT COUNT(DISTINCT receipt_id) FROM log_events_{number} WHERE receipt_id IN (SELECT id FROM receipts)");
        events += store.number(&sql).await?;
    }
    for number in store
        .texts("SELECT CAST(number AS TEXT) FROM partitions WHERE table_set = 'dedupe'")
        .await?
    {
        keys += store.number(&format!("SELECT COUNT(*) FROM dedupe_{number}")).await?;
    }
    ensure!(
        (events, keys) == (count, count),
        "{events} events, {keys} keys, {count} calls"
    );
    ensure!(store.texts("PRAGMA integrity_check").await? == ["ok"]);
    Ok(())
}

/// A library that lets every sync fail as soon as a file is there. The C compiler is one that the build
/// needs anyway.
const FAILING_SYNC: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    const char *file = getenv("WATCHFIRE_TEST_FAIL_SYNC");
    return file && access(file, F_OK) == 0;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (fails()) { errno = EIO; return -1; }
    return real(fd);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (fails()) { errno = EIO; return -1; }
    return real(fd);
}
"#;

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_failed_sync_ends_the_process_with_75_and_acknowledges_nothing() -> Result<()> {
    let tools = tempfile::tempdir()?;
    let (source, library, broken) = (
        tools.path().join("failing_sync.c"),
        tools.path().join("failing_sync.so"),
        tools.path().join("broken"),
    );
    std::fs::write(&source, FAILING_SYNC)?;
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .stdin(Stdio::null())
        .status()
        .await?;
    ensure!(compiled.success());
    let (preload, fail) = (library.to_string_lossy(), broken.to_string_lossy());
    let environment = [("LD_PRELOAD", preload.as_ref()), ("WATCHFIRE_TEST_FAIL_SYNC", fail.as_ref())];
    let mut server = Server::start_in(&["--dev", "--risk-calls-per-minute", "0"], &environment).await?;
    let http = Client::builder().no_proxy().build()?;
    ensure!(call(&http, &server.url, 1).await? == StatusCode::ACCEPTED);
    std::fs::write(&broken, "")?;
    let answer = call(&http, &server.url, 2).await;
    ensure!(!matches!(answer, Ok(StatusCode::ACCEPTED)), "acknowledged without a sync");
    ensure!(server.exit_code().await? == Some(75));
    std::fs::remove_file(&broken)?;
    server.restart().await?;
    for n in [1, 2] {
        ensure!(call(&http, &server.url, n).await? == StatusCode::ACCEPTED);
    }
    let folder = server.folder().join("data");
    server.kill().await?;
    has_each_once_in_the_store(&folder, &BTreeMap::from([(1, true), (2, true)])).await
}
