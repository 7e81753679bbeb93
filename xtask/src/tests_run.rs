//! Runs the tests: Rust's, and the client suites.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::args::Only;
use crate::postgres;
use crate::sabotage;
use crate::stage::{Counts, Report};
use crate::suites;
use crate::workspace::{self, Workspace, on_path, say};

/// Builds once, then runs what is asked for; with `require_all`, leaving something out is a failure.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, require_all: bool, only: Only) {
    let built = report.stage("build", Duration::from_secs(600), || workspace.build_with_tests());
    if built.is_none() {
        return;
    }
    if only != Only::Clients {
        run_rust(workspace, report);
        sabotage::run(workspace, report);
    }
    if only != Only::Rust {
        suites::run(workspace, report);
    }
    if require_all {
        let left_out = report.left_out().join("; ");
        report.stage("nothing left out", Duration::from_secs(1), || match left_out.as_str() {
            "" => Ok(()),
            _ => bail!("{left_out}"),
        });
    }
}

fn run_rust(workspace: &Workspace, report: &mut Report) {
    let nextest = on_path("cargo-nextest");
    let tests: &[&str] = if nextest {
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        &["test", "--workspace", "--all-targets", "--no-fail-fast"]
    };
    let name = if nextest { "tests (nextest)" } else { "tests (cargo test)" };
    run_counted(report, name, Duration::from_secs(900), workspace.cargo(tests));
    run_on_postgres(workspace, report, nextest);
    run_counted(
        report,
        "documentation tests",
        Duration::from_secs(180),
        workspace.cargo(&["test", "--workspace", "--doc"]),
    );
    if nextest {
        match tests_by_crate(workspace) {
            Ok(rows) => rows
                .into_iter()
                .for_each(|(name, count)| report.figure(&format!("tests in {name}"), count.to_string())),
            Err(error) => say(&format!("no tests by crate: {error:#}")),
        }
    }
}

/// Runs the tests of what is above the store once more, with PostgreSQL below it.
fn run_on_postgres(workspace: &Workspace, report: &mut Report, nextest: bool) {
    const NAME: &str = "tests on PostgreSQL";
    const BUDGET: Duration = Duration::from_secs(420);
    let Some(programs) = postgres::programs() else {
        return report.leave_out(NAME, "postgresql is not installed");
    };
    let server = match postgres::Server::start(workspace, &programs) {
        Ok(server) => server,
        Err(error) => {
            report.record::<()>(NAME, BUDGET, Duration::ZERO, Err(error));
            return;
        }
    };
    // With the features of the whole workspace, so that nothing is compiled once more; cargo itself can only
    // choose the tests by choosing packages.
    let (runner, chosen): (&[&str], &[&str]) = if nextest {
        let above = "package(watchfire-http) + package(watchfire-harness) + (package(watchfire) & binary(postgres))";
        (&["nextest", "run", "--workspace"], &["--filterset", above])
    } else {
        (&["test"], &["--package", "watchfire-http", "--package", "watchfire-harness"])
    };
    let targets = &["--test", "it", "--test", "postgres", "--no-fail-fast"];
    let arguments = [runner, chosen, targets].concat();
    let mut command = workspace.cargo(&arguments);
    command.env(postgres::VARIABLE, server.url());
    run_counted(report, NAME, BUDGET, command);
}

fn run_counted(report: &mut Report, name: &str, budget: Duration, mut command: Command) {
    let mut counts = Counts::default();
    report.stage(name, budget, || count_run(&mut command, &mut counts));
    report.count(counts);
}

/// Runs a test command, passes its output on, and adds up the counts it prints.
///
/// `nextest` counts on standard error, `cargo test` on standard output: the other stream goes straight through.
fn count_run(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let shown = workspace::shown(command);
    let on_stderr = command.get_args().any(|word| word == "nextest");
    command.stdin(Stdio::null());
    if on_stderr {
        command.stderr(Stdio::piped())
    } else {
        command.stdout(Stdio::piped())
    };
    let mut child = command.spawn().with_context(|| shown.clone())?;
    let lines: Box<dyn BufRead> = match (child.stderr.take(), child.stdout.take()) {
        (Some(stderr), _) => Box::new(BufReader::new(stderr)),
        (None, Some(stdout)) => Box::new(BufReader::new(stdout)),
        (None, None) => bail!("{shown}: no output to read"),
    };
    for line in lines.lines() {
        let line = line?;
        say(&line);
        // Below a failure, nextest shows what the test's own runner printed: that is no count of this run.
        let is_inner = on_stderr && line.trim_start().starts_with("test result:");
        if let Some(more) = counts_of(&line).filter(|_| !is_inner) {
            counts.passed += more.passed;
            counts.failed += more.failed;
            counts.skipped += more.skipped;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Reads `Summary [ 1.2s] 5 tests run: 4 passed, 1 failed, 0 skipped` and `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn counts_of(line: &str) -> Option<Counts> {
    let counted = match line.trim_start() {
        summary if summary.starts_with("Summary [") => summary.split_once("run:")?.1,
        result => result.strip_prefix("test result:")?.split_once('.')?.1,
    };
    let mut counts = Counts::default();
    for part in counted.split([',', ';']) {
        let mut words = part.split_whitespace();
        let Some(count) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
            continue;
        };
        match words.next() {
            Some("passed") => counts.passed = count,
            Some("failed" | "timed") => counts.failed += count,
            Some("skipped" | "ignored") => counts.skipped = count,
            _ => {}
        }
    }
    Some(counts)
}

fn tests_by_crate(workspace: &Workspace) -> Result<Vec<(String, u64)>> {
    let mut command = workspace.cargo(&["nextest", "list", "--workspace", "--message-format", "json"]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let list: Value = serde_json::from_slice(&output.stdout).context("the list of nextest")?;
    let suites = list.get("rust-suites").and_then(Value::as_object).context("rust-suites")?;
    let mut rows: Vec<(String, u64)> = Vec::new();
    for suite in suites.values() {
        let name = suite.get("package-name").and_then(Value::as_str).unwrap_or_default();
        let tests = suite
            .get("testcases")
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len);
        let tests = u64::try_from(tests)?;
        match rows.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += tests,
            None => rows.push((name.to_owned(), tests)),
        }
    }
    rows.sort();
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_closing_lines_of_both_runners() {
        let cases = [
            ("     Summary [   1.204s] 5 tests run: 5 passed, 0 skipped", (5, 0, 0)),
            (
                "     Summary [   1.204s] 6 tests run: 4 passed (1 slow), 1 failed, 1 timed out, 2 skipped",
                (4, 2, 2),
            ),
            (
                "     Summary [   0.1s] 3/9 tests run: 2 passed, 1 failed, 0 skipped",
                (2, 1, 0),
            ),
            (
                "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
                (7, 0, 1),
            ),
        ];
        for (line, (passed, failed, skipped)) in cases {
            assert_eq!(counts_of(line), Some(Counts { passed, failed, skipped }), "{line}");
        }
        assert_eq!(counts_of("        PASS [   0.004s] xtask::bin/xtask args::tests::x"), None);
    }
}
