//! A PostgreSQL server for the tests: a cluster of its own in a temporary folder, gone with the run.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace::{self, Workspace};

/// The variable by which tests find the server.
pub(crate) const VARIABLE: &str = "WATCHFIRE_TEST_POSTGRES";
/// Where Debian keeps what is on nobody's path; a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// PostgreSQL refuses to run as root; Debian's package makes this user.
const OWNER: &str = "postgres";
const START: Duration = Duration::from_secs(30);
/// What its log says then.
const READY: &str = "database system is ready to accept connections";
const PAUSE: Duration = Duration::from_millis(100);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
}

/// The folder of PostgreSQL's programs, if it is installed.
pub(crate) fn programs() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("PATH")
        && let Some(folder) = std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file())
    {
        return Some(folder);
    }
    let mut versions: Vec<PathBuf> = fs::read_dir(DEBIAN)
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.retain(|folder| folder.join("initdb").is_file());
    versions.sort();
    versions.pop()
}

impl Server {
    /// Makes a cluster and starts it on a free port of loopback.
    pub(crate) fn start(workspace: &Workspace, programs: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("watchfire-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let owner = is_root().then_some(OWNER);
        if let Some(owner) = owner {
            workspace::run(Command::new("chown").arg(owner).arg(&folder))?;
        }
        let data = folder.join("data");
        let mut initdb = as_user(owner, &programs.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=watchfire",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        let log = workspace.target.join("postgres.log");
        let made = initdb.arg(&data).current_dir(&folder).stdout(File::create(&log)?).status()?;
        if !made.success() {
            bail!("initdb: {made}");
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = as_user(owner, &programs.join("postgres"));
        server
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k"])
            .arg(&folder)
            // What is tested is what we make of it, not whether it keeps its promises.
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
                "-c",
                "max_connections=300",
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(File::options().append(true).open(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        let child = server.spawn().context("postgres")?;
        let mut this = Self {
            child,
            folder,
            url: format!("postgres://watchfire@127.0.0.1:{port}/postgres"),
        };
        this.wait(&log).with_context(|| format!("see {}", log.display()))?;
        Ok(this)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn wait(&mut self, log: &Path) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("postgres: {status}");
            }
            if fs::read_to_string(log)?.contains(READY) {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        bail!("postgres did not start within {} s", START.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // INT is PostgreSQL's fast shutdown; whoever changed the user in between passes it on.
        let _ = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A command as another user; `setpriv` takes the place of itself, so that signals reach the program.
fn as_user(owner: Option<&str>, program: &Path) -> Command {
    match owner {
        None => Command::new(program),
        Some(owner) => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", owner, "--regid", owner, "--clear-groups"])
                .arg(program);
            command
        }
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
