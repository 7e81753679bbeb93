//! Builds with a defect must fail the durability test (ADR 0004): a proof that cannot fail proves nothing.

use anyhow::{Context, Result, bail};
use std::process::Stdio;
use std::time::Duration;

use crate::stage::{Counts, Report};
use crate::workspace::{Workspace, say, shown};

const BUDGET: Duration = Duration::from_secs(240);

/// A defect, the test that has to fail, and for which reason: not because the build or the start is broken.
struct Defect {
    feature: &'static str,
    test: &'static str,
    reason: &'static str,
}

/// Defects that do not hide each other share a build.
const BUILDS: &[&[Defect]] = &[
    &[
        Defect {
            feature: "sabotage-no-sync",
            test: "durability::an_answer_waits_for_the_sync",
            reason: "answered ",
        },
        Defect {
            feature: "sabotage-no-sync",
            test: "segments_durability::an_answer_waits_for_the_sync_of_its_segment",
            reason: "answered ",
        },
    ],
    &[
        Defect {
            feature: "sabotage-early-answer",
            test: "durability::an_answer_waits_for_the_sync",
            reason: "answered ",
        },
        Defect {
            feature: "sabotage-no-dedupe",
            test: "exactly_once::a_token_that_comes_again_is_one",
            reason: "taken twice",
        },
    ],
];

/// Runs the test of each defect in a build with it.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) {
    for defects in BUILDS {
        let names = features(defects);
        let stage = format!("{} found out", names.join(" and "));
        let done = report.stage(&stage, BUDGET, || found_out(workspace, defects));
        let count = u64::try_from(defects.len()).unwrap_or(u64::MAX);
        report.count(Counts {
            passed: done.map_or(0, |()| count),
            failed: done.map_or(count, |()| 0),
            skipped: 0,
        });
    }
}

/// The features of a build, each once.
fn features(defects: &[Defect]) -> Vec<&'static str> {
    let mut names: Vec<&str> = defects.iter().map(|defect| defect.feature).collect();
    names.dedup();
    names
}

fn found_out(workspace: &Workspace, defects: &[Defect]) -> Result<()> {
    let package = "watchfire-harness";
    let features = features(defects).join(",");
    let mut arguments = vec![
        "test",
        "--package",
        package,
        "--features",
        &features,
        "--test",
        "it",
        "--",
        "--exact",
    ];
    arguments.extend(defects.iter().map(|defect| defect.test));
    let mut command = workspace.cargo(&arguments);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let shown = shown(&command);
    let output = command.output().with_context(|| shown.clone())?;
    let text = String::from_utf8_lossy(&output.stdout);
    say(text.trim_end());
    for defect in defects {
        verdict(defect, output.status.success(), &text).with_context(|| format!("{}: {shown}", defect.feature))?;
    }
    Ok(())
}

fn verdict(defect: &Defect, passed: bool, text: &str) -> Result<()> {
    let Defect { test, reason, .. } = defect;
    if passed {
        bail!("the test passes in a build with the defect");
    }
    if !text.contains(&format!("test {test} ... FAILED")) || !text.contains(reason) {
        bail!("it did not fail for the defect");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_for_the_defect_is_a_proof() {
        for defect in BUILDS.iter().copied().flatten() {
            let Defect { test, reason, .. } = defect;
            let found = format!("test {test} ... FAILED\n{reason}without a sync\n");
            assert!(verdict(defect, false, &found).is_ok());
            assert!(verdict(defect, true, &format!("test {test} ... ok\n")).is_err());
            assert!(verdict(defect, false, "").is_err(), "it did not build");
            assert!(verdict(defect, false, &format!("test {test} ... FAILED\nno signing key\n")).is_err());
        }
    }
}
