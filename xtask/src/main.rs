//! Chores of this repository: `cargo xtask check | layers | test | ci | openapi | screenshots | package | bench`.
//!
//! `check` is what must hold for every commit, `test` runs every test for whose tools it finds what it needs,
//! `ci` is both, with nothing left out, and the figures of a release build.

mod args;
mod checks;
mod contract;
mod figures;
mod generated;
mod layers;
mod package;
mod postgres;
mod sabotage;
mod stage;
mod suites;
mod tests_run;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

use crate::args::{Args, Task};
use crate::stage::Report;
use crate::workspace::{Workspace, say};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\nxtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    let workspace = Workspace::load()?;
    match args.task {
        Task::Layers => layers::check(&workspace),
        Task::Screenshots => suites::screenshots(&workspace),
        Task::Package => package::run(&workspace),
        Task::Openapi { check } => generated::run(&workspace, check),
        Task::Bench { words } => {
            let build = ["run", "--release", "--package", "watchfire-bench", "--"];
            workspace::run(workspace.cargo(&build).args(words))
        }
        Task::Check => {
            let mut report = Report::default();
            checks::run(&workspace, &mut report);
            finish(&report)
        }
        Task::Test { require_all, only } => {
            let mut report = Report::default();
            tests_run::run(&workspace, &mut report, require_all, only);
            finish(&report)
        }
        Task::Ci => {
            let mut report = Report::default();
            checks::run(&workspace, &mut report);
            tests_run::run(&workspace, &mut report, true, args::Only::Everything);
            figures::run(&workspace, &mut report);
            finish(&report)
        }
    }
}

/// Prints the table of stages, what was left out and the count, and fails if a stage failed.
fn finish(report: &Report) -> Result<()> {
    say(&report.to_markdown());
    if report.failed() {
        bail!("failed: {}", report.failures().join(", "));
    }
    Ok(())
}
