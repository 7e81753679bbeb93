//! Stages: a name, a budget, and what came of it; the table of them that is printed at the end.

use anyhow::Result;
use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::workspace::say;

/// What has been run so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    stages: Vec<Stage>,
    left_out: Vec<String>,
    figures: Vec<(String, String)>,
    counts: Counts,
}

/// Tests (and checks of the client suites) by their end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

#[derive(Debug)]
struct Stage {
    name: String,
    took: Duration,
    budget: Duration,
    failure: Option<String>,
}

impl Report {
    /// Runs a stage, and goes on whatever comes of it: one run shows every fault.
    pub(crate) fn stage<T>(&mut self, name: &str, budget: Duration, work: impl FnOnce() -> Result<T>) -> Option<T> {
        say(&format!("\n== {name} (budget {} s)", budget.as_secs()));
        let begun = Instant::now();
        let result = work();
        self.record(name, budget, begun.elapsed(), result)
    }

    /// Records a stage that was timed by the caller.
    pub(crate) fn record<T>(&mut self, name: &str, budget: Duration, took: Duration, result: Result<T>) -> Option<T> {
        let (value, failure) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        match &failure {
            None => say(&format!("-- {name}: ok in {:.1} s", took.as_secs_f64())),
            Some(why) => say(&format!("-- {name}: FAILED in {:.1} s: {why}", took.as_secs_f64())),
        }
        self.stages.push(Stage {
            name: name.to_owned(),
            took,
            budget,
            failure,
        });
        value
    }

    /// Says that something was not run, and why.
    pub(crate) fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(format!("{what}: {why}"));
        self.counts.skipped += 1;
    }

    pub(crate) fn figure(&mut self, name: &str, value: String) {
        self.figures.push((name.to_owned(), value));
    }

    pub(crate) fn count(&mut self, counts: Counts) {
        self.counts.passed += counts.passed;
        self.counts.failed += counts.failed;
        self.counts.skipped += counts.skipped;
    }

    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    pub(crate) fn failed(&self) -> bool {
        self.stages.iter().any(|stage| stage.failure.is_some())
    }

    pub(crate) fn failures(&self) -> Vec<&str> {
        self.stages
            .iter()
            .filter(|stage| stage.failure.is_some())
            .map(|stage| stage.name.as_str())
            .collect()
    }

    /// The closing words: stages, figures, what was left out, and a last line that readers of test counts know.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::from("\n| stage | took | budget | result |\n|---|---:|---:|---|\n");
        for stage in &self.stages {
            let _ = writeln!(
                text,
                "| {} | {:.1} s | {} s | {} |",
                stage.name,
                stage.took.as_secs_f64(),
                stage.budget.as_secs(),
                stage.result()
            );
        }
        let total: Duration = self.stages.iter().map(|stage| stage.took).sum();
        let budget: Duration = self.stages.iter().map(|stage| stage.budget).sum();
        let _ = writeln!(text, "| **all** | {:.1} s | {} s | |", total.as_secs_f64(), budget.as_secs());
        if !self.figures.is_empty() {
            text.push_str("\n| figure | value |\n|---|---:|\n");
            for (name, value) in &self.figures {
                let _ = writeln!(text, "| {name} | {value} |");
            }
        }
        if !self.left_out.is_empty() {
            text.push_str("\nLeft out:\n");
            for line in &self.left_out {
                let _ = writeln!(text, "- {line}");
            }
        }
        let Counts { passed, failed, skipped } = self.counts;
        if passed + failed + skipped > 0 {
            let _ = write!(text, "\n{passed} passed, {failed} failed, {skipped} skipped");
        }
        text
    }
}

impl Stage {
    fn result(&self) -> &'static str {
        match (&self.failure, self.took > self.budget) {
            (Some(_), _) => "**failed**",
            (None, true) => "ok, over budget",
            (None, false) => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn goes_on_after_a_failed_stage_and_remembers_it() {
        let mut report = Report::default();
        assert_eq!(report.record("first", SECOND, SECOND, Ok(7)), Some(7));
        let none: Option<()> = report.record("second", SECOND, SECOND, Err(anyhow::anyhow!("no")));
        assert!(none.is_none() && report.failed());
        assert_eq!(report.failures(), ["second"]);
    }

    #[test]
    fn a_stage_over_its_budget_is_told_but_does_not_fail() {
        let mut report = Report::default();
        report.record("slow", SECOND, SECOND * 2, Ok(()));
        assert!(!report.failed());
        assert!(report.to_markdown().contains("| slow | 2.0 s | 1 s | ok, over budget |"));
    }

    #[test]
    fn closes_on_the_line_that_counts() {
        let mut report = Report::default();
        report.count(Counts {
            passed: 3,
            failed: 0,
            skipped: 1,
        });
        report.leave_out("newman", "not installed");
        let text = report.to_markdown();
        assert!(text.contains("- newman: not installed"));
        assert_eq!(text.lines().last(), Some("3 passed, 0 failed, 2 skipped"));
    }

    #[test]
    fn an_error_of_the_work_becomes_a_failure() {
        let mut report = Report::default();
        let value: Option<()> = report.stage("x", SECOND, || bail!("broken"));
        assert!(value.is_none() && report.failed());
    }
}
