//! The command line of xtask: few enough words to be read by hand.

use anyhow::{Result, bail};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Check,
    Layers,
    Test {
        require_all: bool,
        only: Only,
    },
    Ci,
    Openapi {
        check: bool,
    },
    Screenshots,
    Package,
    /// The words go to the bench as they are.
    Bench {
        words: Vec<String>,
    },
}

/// Which tests are to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    Everything,
    Rust,
    Clients,
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) task: Task,
}

const USAGE: &str = "usage: cargo xtask check | layers | test [--require-all] [--rust | --clients] | ci | openapi [--check] | screenshots | package | bench score|log [--users N] …";

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let words: Vec<String> = words.collect();
        let Some((task, flags)) = words.split_first() else {
            bail!(USAGE)
        };
        if task == "bench" {
            let words = flags.to_vec();
            return Ok(Self {
                task: Task::Bench { words },
            });
        }
        let known: &[&str] = match task.as_str() {
            "test" => &["--require-all", "--rust", "--clients"],
            "openapi" => &["--check"],
            _ => &[],
        };
        if let Some(flag) = flags.iter().find(|flag| !known.contains(&flag.as_str())) {
            bail!("{task} does not know {flag}\n{USAGE}");
        }
        let has = |flag: &str| flags.iter().any(|given| given == flag);
        let task = match task.as_str() {
            "check" => Task::Check,
            "layers" => Task::Layers,
            "ci" => Task::Ci,
            "screenshots" => Task::Screenshots,
            "package" => Task::Package,
            "openapi" => Task::Openapi { check: has("--check") },
            "test" => Task::Test {
                require_all: has("--require-all"),
                only: only(has("--rust"), has("--clients"))?,
            },
            other => bail!("no task is called {other}\n{USAGE}"),
        };
        Ok(Self { task })
    }
}

fn only(rust: bool, clients: bool) -> Result<Only> {
    match (rust, clients) {
        (false, false) => Ok(Only::Everything),
        (true, false) => Ok(Only::Rust),
        (false, true) => Ok(Only::Clients),
        (true, true) => bail!("--rust and --clients exclude each other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task> {
        Args::parse(line.split_whitespace().map(str::to_owned)).map(|args| args.task)
    }

    #[test]
    fn reads_each_task() {
        assert_eq!(parse("check").unwrap(), Task::Check);
        assert_eq!(parse("openapi --check").unwrap(), Task::Openapi { check: true });
        let words = ["score", "--users", "10"].map(str::to_owned).to_vec();
        assert_eq!(parse("bench score --users 10").unwrap(), Task::Bench { words });
        assert_eq!(
            parse("test").unwrap(),
            Task::Test {
                require_all: false,
                only: Only::Everything
            }
        );
        assert_eq!(
            parse("test --require-all --clients").unwrap(),
            Task::Test {
                require_all: true,
                only: Only::Clients
            }
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in ["", "chekc", "check --fast", "test --rust --clients", "openapi --require-all"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
