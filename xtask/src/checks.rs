//! What must hold for every commit.

use std::time::Duration;

use crate::stage::Report;
use crate::workspace::{self, Workspace};
use crate::{contract, generated, layers};

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];

/// Runs every check, the quick ones first.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    let seconds = Duration::from_secs;
    report.stage("format", seconds(30), || workspace::run(&mut workspace.cargo(FORMAT)));
    report.stage("layers", seconds(10), || layers::check(workspace));
    report.stage("contract table", seconds(10), || contract::check(workspace));
    report.stage("lints", seconds(600), || workspace::run(&mut workspace.cargo(LINTS)));
    report.stage("generated files", seconds(420), || generated::run(workspace, true));
}
