//! The client suites: Okta's own SDKs, the Postman collection and Schemathesis against the real binary.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::{Counts, Report};
use crate::workspace::{Workspace, on_path, say};

/// Waiting for a rate limit of a minute is part of most suites, so they run side by side.
const BUDGET: Duration = Duration::from_secs(120);
/// A suite that hangs must not eat the time of the whole run.
const LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(50);

/// A suite and what it needs beside the binary.
struct Suite {
    name: &'static str,
    script: &'static str,
    needs: &'static [Need],
}

/// Something that must be there for a suite to run.
enum Need {
    Program(&'static str),
    /// A server, which Debian puts where only root's path leads.
    Server(&'static str),
    /// A file in the folder that `clients/install` fills.
    Installed(&'static str),
}

const SUITES: &[Suite] = &[
    Suite {
        name: "Admin Console in Chromium",
        script: "clients/console",
        needs: &[Need::Program("bash"), Need::Program("python3"), Need::Program("chromium")],
    },
    Suite {
        name: "Admin Console, identity provider and passkeys",
        script: "clients/console_sign_in",
        needs: &[Need::Program("bash"), Need::Program("python3"), Need::Program("chromium")],
    },
    Suite {
        name: "README, the five minutes",
        script: "clients/readme_walk",
        needs: &[Need::Program("bash"), Need::Program("python3")],
    },
    Suite {
        name: "postman (newman)",
        script: "postman/run",
        needs: &[
            Need::Program("bash"),
            Need::Program("node"),
            Need::Installed("node/node_modules/.bin/newman"),
        ],
    },
    Suite {
        name: "okta-sdk-python 3.0.0, risk",
        script: "clients/python_risk",
        needs: &[Need::Program("bash"), Need::Installed("python-risk/bin/python")],
    },
    Suite {
        name: "okta-sdk-python 3.4, administration",
        script: "clients/python_admin",
        needs: &[Need::Program("bash"), Need::Installed("python-admin/bin/python")],
    },
    Suite {
        name: "okta-sdk-python 3.4, requests, curl: SETs",
        script: "clients/python_sets",
        needs: &[
            Need::Program("bash"),
            Need::Program("curl"),
            Need::Installed("python-admin/bin/python"),
        ],
    },
    Suite {
        name: "schemathesis on our OpenAPI document",
        script: "clients/schemathesis",
        needs: &[Need::Program("bash"), Need::Installed("python-schemathesis/bin/schemathesis")],
    },
    Suite {
        name: "the files of deploy/",
        script: "clients/deploy",
        needs: &[Need::Program("bash"), Need::Installed("python-log/bin/python")],
    },
    Suite {
        name: "log streams: nats-server, rsyslog, py-ocsf-models",
        script: "clients/log_streams",
        needs: &[
            Need::Program("bash"),
            Need::Server("nats-server"),
            Need::Installed("python-log/bin/python"),
        ],
    },
    Suite {
        name: "okta-sdk-nodejs 8.1, SETs",
        script: "clients/node_sets",
        needs: &[
            Need::Program("bash"),
            Need::Program("node"),
            Need::Installed("node/node_modules/@okta/okta-sdk-nodejs/package.json"),
        ],
    },
    Suite {
        name: "okta-sdk-nodejs 8.1, risk",
        script: "clients/node_risk",
        needs: &[
            Need::Program("bash"),
            Need::Program("node"),
            Need::Installed("node/node_modules/@okta/okta-sdk-nodejs/package.json"),
        ],
    },
];

/// A suite under way.
struct Running<'a> {
    suite: &'a Suite,
    child: Child,
    log: PathBuf,
    begun: Instant,
}

/// Suites at one time: with all of them on two processors a server is so slow that clients do not find what they have
/// just written.
const AT_ONCE: usize = 4;

/// Runs the suites for which everything is there, some side by side, and says which were left out and why.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    let tools = tools(workspace);
    let (mut running, mut waiting) = (Vec::new(), SUITES.iter());
    loop {
        while running.len() < AT_ONCE
            && let Some(suite) = waiting.next()
        {
            match suite.missing(&tools) {
                Some(why) => report.leave_out(suite.name, &why),
                None => match start(workspace, suite, &tools) {
                    Ok(child) => running.push(child),
                    Err(error) => {
                        report.record::<()>(suite.name, BUDGET, Duration::ZERO, Err(error));
                    }
                },
            }
        }
        if running.is_empty() {
            return;
        }
        for suite in running.extract_if(.., |suite| suite.has_ended()) {
            let name = suite.suite.name;
            say(&format!("\n== {name} (budget {} s)", BUDGET.as_secs()));
            let (took, result) = suite.finish();
            if let Some(counts) = report.record(name, BUDGET, took, result) {
                report.count(counts);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Takes a picture of each page of the Admin Console, light and dark, wide and narrow.
pub(crate) fn screenshots(workspace: &Workspace) -> Result<()> {
    let built = workspace.cargo(&["build", "-p", "watchfire"]).status()?;
    if !built.success() {
        bail!("cargo build: {built}");
    }
    let folder = workspace.target.join("screenshots");
    let readme = folder.join("readme");
    let all: [&[&OsStr]; 2] = [&[folder.as_os_str()], &[OsStr::new("--readme"), readme.as_os_str()]];
    for (arguments, events) in all.into_iter().zip(["", "60000"]) {
        let status = workspace
            .command("bash")
            .arg("clients/console")
            .args(arguments)
            .env("WATCHFIRE_BIN", workspace.binary("debug"))
            .env("WATCHFIRE_SEED_EVENTS", events)
            .status()
            .context("clients/console")?;
        if !status.success() {
            bail!("clients/console: {status}");
        }
    }
    say(&format!(
        "the pictures are in {}; those of the README, in docs/pictures, in {}",
        folder.display(),
        readme.display()
    ));
    Ok(())
}

/// Where `clients/install` puts what the suites need.
fn tools(workspace: &Workspace) -> PathBuf {
    match std::env::var_os("WATCHFIRE_CLIENT_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => workspace.target.join("client-tools"),
    }
}

impl Suite {
    fn missing(&self, tools: &std::path::Path) -> Option<String> {
        self.needs.iter().find_map(|need| match need {
            Need::Program(program) => (!on_path(program)).then(|| format!("{program} is not installed")),
            Need::Server(program) => {
                let is_there = on_path(program) || std::path::Path::new("/usr/sbin").join(program).is_file();
                (!is_there).then(|| format!("{program} is not installed"))
            }
            Need::Installed(file) => (!tools.join(file).is_file()).then(|| format!("{file} is not there: run clients/install")),
        })
    }
}

fn start<'a>(workspace: &Workspace, suite: &'a Suite, tools: &std::path::Path) -> Result<Running<'a>> {
    let folder = workspace.target.join("client-logs");
    std::fs::create_dir_all(&folder)?;
    let log = folder.join(format!("{}.log", suite.script.replace('/', "-")));
    let out = File::create(&log).with_context(|| log.display().to_string())?;
    let mut command: Command = workspace.command("bash");
    command
        .arg(suite.script)
        .env("WATCHFIRE_BIN", workspace.binary("debug"))
        .env("WATCHFIRE_CLIENT_TOOLS", tools)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out);
    let child = command.spawn().with_context(|| suite.script)?;
    Ok(Running {
        suite,
        child,
        log,
        begun: Instant::now(),
    })
}

impl Running<'_> {
    fn finish(mut self) -> (Duration, Result<Counts>) {
        let status = self.wait();
        let took = self.begun.elapsed();
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        say(text.trim_end());
        let result = status.and_then(|()| match counts(&text) {
            Some(counts) if counts.failed == 0 && counts.passed > 0 => Ok(counts),
            Some(counts) => bail!("{} passed, {} failed", counts.passed, counts.failed),
            None => bail!("did not say how many checks passed"),
        });
        (took, result)
    }

    /// Whether it has ended, or has to: then [`Self::finish`] ends it.
    fn has_ended(&mut self) -> bool {
        self.begun.elapsed() > LIMIT || !matches!(self.child.try_wait(), Ok(None))
    }

    fn wait(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else {
            // TERM, not KILL: the script stops its server and lets go of its folder.
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            self.child.wait()?;
            bail!("{} did not end within {} s", self.suite.script, LIMIT.as_secs());
        };
        if !status.success() {
            bail!("{}: {status}", self.suite.script);
        }
        Ok(())
    }
}

/// Reads the last line of the form `12 passed, 0 failed`.
fn counts(text: &str) -> Option<Counts> {
    text.lines().rev().find_map(|line| {
        let (passed, failed) = line.trim().split_once(" passed, ")?;
        let failed = failed.strip_suffix(" failed")?;
        Some(Counts {
            passed: passed.parse().ok()?,
            failed: failed.parse().ok()?,
            skipped: 0,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_closing_line_of_a_suite() {
        assert_eq!(
            counts("ok 1\n12 passed, 0 failed\nbye\n"),
            Some(Counts {
                passed: 12,
                failed: 0,
                skipped: 0
            })
        );
        assert_eq!(counts("12 passed\n"), None);
        assert_eq!(counts(""), None);
    }

    #[test]
    fn every_script_of_the_table_is_in_the_repository() {
        let workspace = Workspace::load().unwrap();
        for suite in SUITES {
            assert!(workspace.root.join(suite.script).is_file(), "{}", suite.script);
        }
    }

    #[test]
    fn says_what_is_missing() {
        let suite = Suite {
            name: "x",
            script: "x",
            needs: &[Need::Installed("no/such/file")],
        };
        let why = suite.missing(std::path::Path::new("/nonexistent")).unwrap();
        assert_eq!(why, "no/such/file is not there: run clients/install");
    }
}
