//! What a release build weighs: size of the binary, time to start, memory at rest.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::Report;
use crate::workspace::{self, Workspace};

const STARTS: usize = 5;
/// Long enough for what runs once after the start to have ended.
const REST: Duration = Duration::from_secs(3);

/// Builds for release and measures.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    let build = &["build", "--release", "--package", "watchfire"];
    let built = report.stage("release build", Duration::from_secs(1200), || {
        workspace::run(&mut workspace.cargo(build))
    });
    if built.is_none() {
        return;
    }
    let measured = report.stage("figures", Duration::from_secs(60), || measure(workspace));
    for (name, value) in measured.into_iter().flatten() {
        report.figure(name, value);
    }
}

fn measure(workspace: &Workspace) -> Result<Vec<(&'static str, String)>> {
    let binary = workspace.binary("release");
    let size = std::fs::metadata(&binary)?.len();
    let folder = workspace.target.join("figures");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let first = Server::start(&binary, &folder)?;
    let first_start = first.took;
    first.stop()?;
    let mut starts = Vec::new();
    for _ in 1..STARTS {
        let server = Server::start(&binary, &folder)?;
        starts.push(server.took);
        server.stop()?;
    }
    starts.sort();
    let median = starts.get(starts.len() / 2).copied().unwrap_or_default();
    let server = Server::start(&binary, &folder)?;
    std::thread::sleep(REST);
    let memory = server.resident_kib();
    server.stop()?;
    Ok(vec![
        ("binary, stripped", format!("{:.1} MiB", mebibytes(size / 1024))),
        ("first start, empty store", format!("{} ms", first_start.as_millis())),
        ("start, median", format!("{} ms", median.as_millis())),
        (
            "memory at rest (RSS)",
            memory.map_or_else(|| "not measured here".to_owned(), |kib| format!("{:.1} MiB", mebibytes(kib))),
        ),
    ])
}

fn mebibytes(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, |kib| f64::from(kib) / 1024.0)
}

/// A server that has said where it listens.
struct Server {
    child: Child,
    took: Duration,
}

impl Server {
    fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .arg("--key-file")
            .arg(folder.join("key"))
            .env("WATCHFIRE_ADMIN_TOKEN", "figures-of-a-release-build")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("watchfire serve")?;
        let out = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("http://127.0.0.1:"));
        let took = begun.elapsed();
        // The pipe stays read, so that a server that says more than a line is not stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let server = Self { child, took };
        if !listening {
            server.stop()?;
            bail!("watchfire serve ended without saying where it listens");
        }
        Ok(server)
    }

    /// Resident memory in KiB, where the system tells it.
    fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn stop(mut self) -> Result<()> {
        workspace::run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("watchfire serve ended with {status} after SIGTERM");
        }
        Ok(())
    }
}
