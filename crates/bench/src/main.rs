//! `cargo xtask bench score`: what one score costs with a million users in the store; `cargo xtask bench
//! sets`: what an accepted Security Event Token costs; `cargo xtask bench log`: what the System Log and the
//! console cost with ten million events.
//!
//! `score` is two processes, so that what one of them allocated does not count for the other: `seed` writes a store
//! of users with profiles, a data set of addresses and a file of attempts; `measure` opens the store as
//! the server does, scores by the engine alone, and then over HTTP on loopback. `docs/performance.md` has
//! the method and the figures.

mod attempts;
mod baseline;
mod engine;
mod figures;
mod load;
mod log;
mod machine;
mod seed;
mod server;
mod sets;
mod sign_ins;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};

/// As the product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Seed a store, measure, and remove it
    Score(Score),
    /// Send Security Event Tokens
    Sets(sets::Sets),
    /// Seed a store with a System Log, and ask it
    Log(log::Log),
    /// Only seed a store
    Seed(Score),
    /// Only measure on a store that was seeded
    Measure(Score),
}

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct Score {
    /// Users in the store
    #[arg(long, default_value_t = 1_000_000)]
    users: u32,
    /// Of them, with a life of their own; the others have the profile of one of these
    #[arg(long, default_value_t = 100_000)]
    distinct: u32,
    /// Scores by the engine alone
    #[arg(long, default_value_t = 100_000)]
    scores: usize,
    /// Requests over HTTP
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
    /// Connections that ask at one time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Keep the store here instead of in a temporary folder
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Score(options) => score(&options),
        Command::Sets(options) => sets::measure(&options),
        Command::Log(options) => log::measure(&options),
        Command::Seed(options) => {
            let folder = options.folder.clone().context("seed needs --folder")?;
            machine::runtime("seed")?.block_on(seed::run(&options, &folder))
        }
        Command::Measure(options) => {
            let folder = options.folder.clone().context("measure needs --folder")?;
            measure(&options, &folder)
        }
    }
}

fn score(options: &Score) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    for step in ["seed", "measure"] {
        let numbers = [
            ("--users", options.users.to_string()),
            ("--distinct", options.distinct.to_string()),
            ("--scores", options.scores.to_string()),
            ("--requests", options.requests.to_string()),
            ("--connections", options.connections.to_string()),
        ];
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg(step).arg("--folder").arg(&folder);
        numbers.iter().for_each(|(name, value)| {
            command.arg(name).arg(value);
        });
        ensure!(command.status()?.success(), "{step} failed");
    }
    Ok(())
}

fn measure(options: &Score, folder: &Path) -> Result<()> {
    let attempts = attempts::read(folder)?;
    ensure!(!attempts.is_empty(), "nothing was seeded in {}", folder.display());
    let before = machine::resident_kib();
    let serving = machine::runtime("server")?;
    let server = serving.block_on(server::Server::start(folder))?;
    figures::say(&format!(
        "server started; resident {} MiB, {} MiB of it the bench's own before the start",
        machine::resident_kib() / 1_024,
        before / 1_024
    ));
    serving.block_on(engine::measure(options, &server, &attempts))?;
    sign_ins::measure(options, &server, &attempts)?;
    figures::say(&format!("resident at the end: {} MiB", machine::resident_kib() / 1_024));
    serving.block_on(server.stop())
}
