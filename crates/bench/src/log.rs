//! `cargo xtask bench log`: what the System Log and the Admin Console cost with many events in the store, over
//! HTTP, one request after the other.

mod requests;
mod session;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use watchfire_app::Clock as _;
use watchfire_engine::generate::log::{LogDecisions, LogParameters};
use watchfire_store::{bulk, settings::Settings as StoreSettings, sqlite};

use self::requests::{Question, api, pages};
use crate::{
    figures::say,
    load::{self, Load},
    machine::{self, SystemClock},
    server::Server,
};

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Log {
    /// Events in the store
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
    /// Requests of each kind
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Keep the store here; one that is there already is measured as it is
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Users that the log is about.
const USERS: u32 = 10_000;
/// Days that it is spread over.
pub(super) const DAYS: u64 = 30;
const SEED: u64 = 1;

pub(crate) fn measure(options: &Log) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let serving = machine::runtime("server")?;
    let file = folder.join("data").join(sqlite::FILE_NAME);
    if !file.exists() {
        serving.block_on(seed(options.events, &folder))?;
    }
    say(&format!("the store has {} MiB", std::fs::metadata(&file)?.len() >> 20));
    let begun = Instant::now();
    let server = serving.block_on(Server::start(&folder))?;
    say(&format!("server started in {} ms", begun.elapsed().as_millis()));
    let cookie = serving.block_on(session::begin(&server))?;
    say("milliseconds: p50, p99, the longest; bytes: the largest answer");
    for question in api(options.events).into_iter().chain(pages(&cookie)) {
        ask(&server, &question, options.requests)?;
    }
    say(&format!("resident at the end: {} MiB", machine::resident_kib() / 1_024));
    serving.block_on(server.stop())
}

/// One kind of request, so many times.
fn ask(server: &Server, question: &Question, times: usize) -> Result<()> {
    let asked = question.paths.iter().cycle().take(times);
    let headers: Vec<(&str, &str)> = question.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let requests: Vec<Vec<u8>> = asked
        .map(|path| server.request("GET", path, &headers, "application/json", ""))
        .collect();
    let outcome = load::run(
        server.address,
        Load {
            requests: &requests,
            connections: 1,
            status: 200,
            rate: None,
            never: None,
        },
    )?;
    let of = |per_mille| {
        let micros = outcome.latency(per_mille) / 1_000;
        format!("{}.{}", micros / 1_000, micros % 1_000 / 100)
    };
    say(&format!(
        "{:42} {:>8} {:>8} {:>8} {:>8}",
        question.name,
        of(500),
        of(990),
        of(1_000),
        outcome.largest()
    ));
    Ok(())
}

async fn seed(events: u64, folder: &Path) -> Result<()> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let now = SystemClock.now();
    let store = sqlite::open(&data, &bulk::settings(&StoreSettings::default()), now).await?;
    let mut journal = store.journal;
    let decisions = LogDecisions::new(LogParameters {
        seed: SEED,
        events,
        users: USERS,
        from: now.minus(Duration::from_secs(DAYS * 24 * 3_600)),
        until: now,
    });
    let begun = Instant::now();
    bulk::write(&mut journal, decisions, |written| {
        if written.is_multiple_of(1_000_000) {
            say(&format!("{written} events in {} s", begun.elapsed().as_secs()));
        }
    })
    .await?;
    let seconds = begun.elapsed().as_secs().max(1);
    say(&format!(
        "{events} events seeded in {seconds} s: {} a second",
        events / seconds
    ));
    Ok(())
}
