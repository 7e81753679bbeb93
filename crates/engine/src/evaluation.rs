//! Scorers on files of sign-ins: attacks are scored, never learnt; only accepted honest sign-ins teach.
//!
//! Honest sign-ins that succeeded are scored and then learnt; honest failures are observed by what
//! observes failures, and not scored; attempts labelled as attacks are scored, right password or not.
//! Where the user has no accepted sign-in yet, nobody can know anything: these are counted apart.

mod metrics;
mod plot;
mod report;
mod row;
mod scorer;

use std::collections::BTreeMap;

pub use self::{
    metrics::{CHALLENGE_RATES, Curve, Durations, Rates, Scores},
    plot::{curves, reliability},
    report::{Bin, KindReport, Report},
    row::{Columns, HeaderError, Row, RowError, fields},
    scorer::{Model, Scorer},
};

use crate::number::{length, position};

/// Kinds of attackers beyond these are put together as `other`.
const MOST_KINDS: usize = 32;

/// A run of one scorer over one file.
#[derive(Debug)]
pub struct Evaluation {
    model: Model,
    scorer: Box<dyn Scorer>,
    rows: u64,
    first: u64,
    honest: Scores,
    attacks: BTreeMap<String, Scores>,
    durations: Durations,
}

impl Evaluation {
    /// A run that has read nothing yet.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            scorer: model.scorer(),
            rows: 0,
            first: 0,
            honest: Scores::default(),
            attacks: BTreeMap::new(),
            durations: Durations::default(),
        }
    }

    /// Takes the next row. `clock` counts nanoseconds.
    pub fn take(&mut self, row: &Row<'_>, clock: &dyn Fn() -> u64) {
        self.rows += 1;
        match row.attacker {
            None if row.success => {
                let score = self.timed(row, clock);
                self.count(score, None);
                self.scorer.learn(row);
            }
            None => self.scorer.failed(row),
            Some(kind) => {
                let score = self.timed(row, clock);
                self.count(score, Some(kind));
                if !row.success {
                    self.scorer.failed(row);
                }
                self.scorer.attacked(row);
            }
        }
    }

    /// Scores below which these shares of the honest sign-ins are: what thresholds are fitted to.
    pub fn honest_quantiles(&self, shares: &[f64]) -> Vec<f32> {
        let mut scores = self.honest.values().to_vec();
        scores.sort_by(f32::total_cmp);
        let at = |share: &f64| scores.get(position(share * length(scores.len()))).copied();
        shares.iter().filter_map(at).collect()
    }

    /// Rows so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    fn timed(&mut self, row: &Row<'_>, clock: &dyn Fn() -> u64) -> Option<f64> {
        let before = clock();
        let score = self.scorer.score(row);
        self.durations.push(clock().saturating_sub(before));
        score
    }

    fn count(&mut self, score: Option<f64>, kind: Option<&str>) {
        let Some(score) = score else {
            self.first += 1;
            return;
        };
        let Some(kind) = kind else {
            return self.honest.push(score);
        };
        if let Some(scores) = self.attacks.get_mut(kind) {
            return scores.push(score);
        }
        let kind = if self.attacks.len() < MOST_KINDS { kind } else { "other" };
        self.attacks.entry(kind.to_owned()).or_default().push(score);
    }
}

#[cfg(test)]
mod tests;
