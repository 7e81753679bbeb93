//! What comes out of a run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{CHALLENGE_RATES, Curve, Evaluation, Model, Rates};
use crate::number::{length, real};

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose.
    pub model: Model,
    /// Rows that were read.
    pub rows: u64,
    /// Attempts that were scored and count in the rates.
    pub scored: u64,
    /// Attempts on accounts without an accepted sign-in.
    pub first: u64,
    /// Honest sign-ins among the scored.
    pub honest: u64,
    /// By attacker's kind.
    pub kinds: BTreeMap<String, KindReport>,
    /// How scores and attacks go together.
    pub reliability: Vec<Bin>,
    /// Microseconds for one score: the median, and 99 % need no more.
    pub microseconds: (f64, f64),
}

/// The figures of one attacker's kind.
#[derive(Clone, Debug)]
pub struct KindReport {
    /// Attempts that were scored.
    pub n: u64,
    /// The rates; `None` without honest sign-ins to compare with.
    pub rates: Option<Rates>,
    /// The curve, for drawing.
    pub curve: Vec<(f64, f64)>,
}

/// Scores of a range: the share of honest sign-ins and of attacks of all kinds in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// From this score on.
    pub from: f64,
    /// To below this.
    pub to: f64,
    /// Honest sign-ins.
    pub honest: u64,
    /// Attacks.
    pub attacks: u64,
    /// ln of the shares' ratio: what the score would be, were it a log likelihood ratio of this mix of
    /// attacks; `None` where one of them is missing.
    pub observed: Option<f64>,
}

/// The bounds of the reliability table, for scorers whose scores are logarithms of likelihood ratios.
const EDGES: [f64; 15] = [
    -12.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
];
/// Points of a drawn curve.
const DRAWN: usize = 500;

impl Evaluation {
    /// The figures.
    pub fn report(mut self) -> Report {
        let mut kinds = BTreeMap::new();
        let reliability = self.reliability();
        for (kind, scores) in &mut self.attacks {
            let curve = Curve::new(self.honest.values_mut(), scores.values_mut());
            kinds.insert(
                kind.clone(),
                KindReport {
                    n: scores.seen(),
                    rates: curve.as_ref().map(Curve::rates),
                    curve: curve.map_or_else(Vec::new, |curve| curve.thinned(DRAWN)),
                },
            );
        }
        let attacks: u64 = kinds.values().map(|kind| kind.n).sum();
        Report {
            model: self.model,
            rows: self.rows,
            scored: self.honest.seen() + attacks,
            first: self.first,
            honest: self.honest.seen(),
            kinds,
            reliability,
            microseconds: (self.durations.quantile(0.5), self.durations.quantile(0.99)),
        }
    }

    fn reliability(&self) -> Vec<Bin> {
        let as_nats = |score: f32| match self.model {
            Model::Freeman => libm::log(f64::from(score).max(1e-300)),
            _ => f64::from(score),
        };
        let honest: Vec<f64> = self.honest.values().iter().map(|score| as_nats(*score)).collect();
        let attacks: Vec<f64> = self
            .attacks
            .values()
            .flat_map(|kind| kind.values())
            .map(|score| as_nats(*score))
            .collect();
        let lower = std::iter::once(f64::NEG_INFINITY).chain(EDGES);
        let upper = EDGES.into_iter().chain([f64::INFINITY]);
        let bins = lower.zip(upper).map(|(from, to)| {
            let within = |scores: &[f64]| scores.iter().filter(|score| from <= **score && **score < to).count();
            let (good, bad) = (within(&honest), within(&attacks));
            let share = |part: usize, whole: &[f64]| length(part) / length(whole.len());
            Bin {
                from,
                to,
                honest: u64::try_from(good).unwrap_or(u64::MAX),
                attacks: u64::try_from(bad).unwrap_or(u64::MAX),
                observed: (good > 0 && bad > 0).then(|| libm::log(share(bad, &attacks) / share(good, &honest))),
            }
        });
        bins.filter(|bin| bin.honest + bin.attacks > 0).collect()
    }
}

impl Report {
    /// The JSON form for programs.
    pub fn json(&self) -> Value {
        let kinds: serde_json::Map<String, Value> = self
            .kinds
            .iter()
            .map(|(kind, report)| (kind.clone(), report.json()))
            .collect();
        let (p50, p99) = self.microseconds;
        json!({
            "model": self.model.as_str(),
            "rows": self.rows,
            "scored": self.scored,
            "first": self.first,
            "kinds": kinds,
            "cpu_us_per_score": { "p50": rounded(p50, 100.0), "p99": rounded(p99, 100.0) },
        })
    }
}

impl KindReport {
    fn json(&self) -> Value {
        let rate = |pick: &dyn Fn(&Rates) -> f64| self.rates.as_ref().map(|rates| rounded(pick(rates), 1e6));
        let mut tpr = serde_json::Map::new();
        for (at, challenge_rate) in CHALLENGE_RATES.iter().enumerate() {
            let detection = rate(&|rates| rates.tpr.get(at).copied().unwrap_or(0.0));
            tpr.insert(format!("{challenge_rate:.2}"), json!(detection));
        }
        json!({
            "n": self.n,
            "auc": rate(&|rates| rates.auc),
            "tpr": tpr,
            "challenge_rate_at_tpr_98": rate(&|rates| rates.challenge_rate_at_tpr_98),
        })
    }
}

fn rounded(x: f64, to: f64) -> f64 {
    libm::round(x * to) / to
}

impl Bin {
    /// The share of honest sign-ins that fall into it.
    pub fn honest_share(&self, report: &Report) -> f64 {
        real(self.honest) / real(report.honest.max(1))
    }
}
