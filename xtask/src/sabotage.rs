//! Builds with a defect must fail the durability test (ADR 0004): a proof that cannot fail proves nothing.

use anyhow::{Context, Result, bail};
use std::process::Stdio;
use std::time::Duration;

use crate::stage::{Counts, Report};
use crate::workspace::{Workspace, say, shown};

const BUDGET: Duration = Duration::from_secs(240);
/// The test that has to fail …
const TEST: &str = "durability::an_answer_waits_for_the_sync";
/// … and for this reason, not because the build or the start is broken.
const REASON: &str = "answered ";
const FEATURES: &[&str] = &["sabotage-no-sync", "sabotage-early-answer"];

/// Runs the test once for each defect.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    for feature in FEATURES {
        let done = report.stage(&format!("{feature} is found out"), BUDGET, || found_out(workspace, feature));
        report.count(Counts {
            passed: done.map_or(0, |()| 1),
            failed: done.map_or(1, |()| 0),
            skipped: 0,
        });
    }
}

fn found_out(workspace: &Workspace, feature: &str) -> Result<()> {
    let package = "watchfire-harness";
    let mut command = workspace.cargo(&[
        "test",
        "--package",
        package,
        "--features",
        feature,
        "--test",
        "it",
        "--",
        TEST,
    ]);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let shown = shown(&command);
    let output = command.output().with_context(|| shown.clone())?;
    let text = String::from_utf8_lossy(&output.stdout);
    say(text.trim_end());
    verdict(output.status.success(), &text).with_context(|| shown)
}

fn verdict(passed: bool, text: &str) -> Result<()> {
    if passed {
        bail!("the test passes in a build with the defect");
    }
    if !text.contains(&format!("test {TEST} ... FAILED")) || !text.contains(REASON) {
        bail!("it did not fail for the defect");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_for_the_defect_is_a_proof() {
        let found = format!("test {TEST} ... FAILED\nanswered without a sync\n");
        assert!(verdict(false, &found).is_ok());
        assert!(verdict(true, &format!("test {TEST} ... ok\n")).is_err());
        assert!(verdict(false, "").is_err(), "it did not build");
        assert!(verdict(false, &format!("test {TEST} ... FAILED\nno signing key\n")).is_err());
    }
}
