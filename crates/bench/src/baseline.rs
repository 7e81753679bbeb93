//! The receivers of `bench/baselines`: what a typical team would write, as processes of their own.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::sets::ISSUER;

/// Who receives the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Receiver {
    /// Watchfire, in this process
    Watchfire,
    /// Express, jose and better-sqlite3
    Node,
    /// `FastAPI`, `PyJWT` and sqlite3
    Python,
}

/// What it takes tokens for.
pub(crate) const AUDIENCE: &str = "https://receiver.example";
/// How long one may take to listen.
const START: Duration = Duration::from_secs(20);

/// A receiver that runs; it ends with this.
#[derive(Debug)]
pub(crate) struct Baseline {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Baseline {
    /// Starts `receiver` with its database in `folder`, for the keys `jwks` and so many users.
    pub(crate) fn start(receiver: Receiver, folder: &Path, jwks: &str, users: usize) -> Result<Self> {
        let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let tools = repository.join("target/baselines");
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = match receiver {
            Receiver::Watchfire => bail!("it is no baseline"),
            Receiver::Node => Command::new("node"),
            Receiver::Python => Command::new(tools.join("python/bin/python")),
        };
        command.arg(match receiver {
            Receiver::Node => tools.join("node/receiver.mjs"),
            _ => repository.join("bench/baselines/python/receiver.py"),
        });
        let process = command
            .env("PORT", address.port().to_string())
            .env("JWKS", jwks)
            .env("ISSUER", ISSUER)
            .env("AUDIENCE", AUDIENCE)
            .env("DB", folder.join("baseline.db"))
            .env("SCHEMA", repository.join("bench/baselines/schema.sql"))
            .env("USERS", users.to_string())
            .spawn()
            .context("bench/baselines/install makes what it needs")?;
        let mut baseline = Self { process, address };
        baseline.wait()?;
        Ok(baseline)
    }

    fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the receiver has ended ({status}); bench/baselines/install makes what it needs");
            }
            if begun.elapsed() > START {
                bail!("the receiver does not listen");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Nanoseconds of CPU that it has used, by the kernel's clock of ten milliseconds.
    pub(crate) fn cpu(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name in brackets may have blanks; what is wanted is the 12th and 13th field behind it.
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<u64>)
            .sum::<Result<u64, _>>()?;
        Ok(ticks * 10_000_000)
    }

    /// KiB that it keeps in memory.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(line
            .and_then(|line| line.split_whitespace().next())
            .context("no size")?
            .parse()?)
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
