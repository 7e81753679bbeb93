//! Curves and rates out of scores.

use serde::Serialize;

use crate::number::{length, position};

/// The curve of one attacker's kind against the honest sign-ins, as points (challenge rate, detection
/// rate) from (0, 0) to (1, 1). Between two points one challenges by lot, which is fair to scorers with
/// few values.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<(f64, f64)>,
}

/// The rates that are reported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// Area under the curve.
    pub auc: f64,
    /// Detection rates at challenge rates of 1, 2, 5 and 10 %.
    pub tpr: [f64; 4],
    /// Challenge rate at a detection rate of .98.
    pub challenge_rate_at_tpr_98: f64,
}

/// The challenge rates at which detection is reported.
pub const CHALLENGE_RATES: [f64; 4] = [0.01, 0.02, 0.05, 0.10];

impl Curve {
    /// The curve of scores; both are sorted here. `None` when one of them is empty.
    pub fn new(honest: &mut [f32], attacks: &mut [f32]) -> Option<Self> {
        if honest.is_empty() || attacks.is_empty() {
            return None;
        }
        honest.sort_by(|one, other| other.total_cmp(one));
        attacks.sort_by(|one, other| other.total_cmp(one));
        let mut points = vec![(0.0, 0.0)];
        let (mut challenged, mut caught) = (0, 0);
        while challenged < honest.len() || caught < attacks.len() {
            let next = |scores: &[f32], at: usize| scores.get(at).copied().unwrap_or(f32::NEG_INFINITY);
            let threshold = next(honest, challenged).max(next(attacks, caught));
            let pass = |scores: &[f32], at: usize| {
                at + scores
                    .iter()
                    .skip(at)
                    .take_while(|score| score.total_cmp(&threshold).is_ge())
                    .count()
            };
            challenged = pass(honest, challenged);
            caught = pass(attacks, caught);
            points.push((
                length(challenged) / length(honest.len()),
                length(caught) / length(attacks.len()),
            ));
        }
        Some(Self { points })
    }

    /// The rates that are reported.
    pub fn rates(&self) -> Rates {
        Rates {
            auc: self.auc(),
            tpr: CHALLENGE_RATES.map(|rate| self.detection_at(rate)),
            challenge_rate_at_tpr_98: self.challenge_rate_at(0.98),
        }
    }

    /// The area under it.
    pub fn auc(&self) -> f64 {
        self.segments()
            .map(|((x0, y0), (x1, y1))| (x1 - x0) * f64::midpoint(y0, y1))
            .sum()
    }

    /// The detection rate at a challenge rate.
    pub fn detection_at(&self, rate: f64) -> f64 {
        let segment = self.segments().filter(|((x0, _), (x1, _))| *x0 <= rate && rate <= *x1).last();
        segment.map_or(1.0, |((x0, y0), (x1, y1))| {
            if x1 > x0 {
                y0 + (y1 - y0) * (rate - x0) / (x1 - x0)
            } else {
                y1
            }
        })
    }

    /// The challenge rate at a detection rate.
    pub fn challenge_rate_at(&self, detection: f64) -> f64 {
        let segment = self.segments().find(|(_, (_, y1))| *y1 >= detection);
        segment.map_or(1.0, |((x0, y0), (x1, y1))| {
            if y1 > y0 {
                x0 + (x1 - x0) * ((detection - y0) / (y1 - y0)).clamp(0.0, 1.0)
            } else {
                x0
            }
        })
    }

    /// At most about `most` points of the curve, for drawing.
    pub fn thinned(&self, most: usize) -> Vec<(f64, f64)> {
        let step = (self.points.len() / most.max(1)).max(1);
        let last = self.points.last().copied();
        self.points.iter().copied().step_by(step).chain(last).collect()
    }

    fn segments(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
        self.points.iter().copied().zip(self.points.iter().copied().skip(1))
    }
}

/// Scores of one group, all of them or, past a bound, every second, fourth, ... of them.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    values: Vec<f32>,
    seen: u64,
    /// One of `2^thinned` is kept.
    thinned: u32,
}

/// Past so many scores of a group only every other one is kept.
const MOST_SCORES: usize = 8_000_000;

impl Scores {
    /// Adds one. A score that is no number counts as the highest: it would be challenged.
    pub fn push(&mut self, score: f64) {
        let keep = self.seen.trailing_zeros() >= self.thinned;
        self.seen += 1;
        if !keep {
            return;
        }
        let score = if score.is_nan() { f64::INFINITY } else { score };
        self.values.push(crate::number::single(score));
        if self.values.len() >= MOST_SCORES {
            let mut odd = false;
            self.values.retain(|_| {
                odd = !odd;
                odd
            });
            self.thinned += 1;
        }
    }

    /// How many were added.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Those that are kept.
    pub const fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }

    /// Those that are kept.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Durations in buckets two per cent wide.
#[derive(Clone, Debug)]
pub struct Durations {
    buckets: Vec<u64>,
    count: u64,
}

const BUCKETS: usize = 1_200;
const WIDTH: f64 = 1.02;

impl Default for Durations {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
        }
    }
}

impl Durations {
    /// Adds a duration in nanoseconds.
    pub fn push(&mut self, nanoseconds: u64) {
        let bucket = position(libm::log(crate::number::real(nanoseconds.max(1))) / libm::log(WIDTH)).min(BUCKETS - 1);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
    }

    /// The quantile in microseconds; 0 without durations.
    pub fn quantile(&self, q: f64) -> f64 {
        let wanted = q * crate::number::real(self.count);
        let mut passed = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            passed += count;
            if self.count > 0 && crate::number::real(passed) >= wanted {
                return libm::pow(WIDTH, length(bucket) + 0.5) / 1_000.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(honest: &[f32], attacks: &[f32]) -> Curve {
        Curve::new(&mut honest.to_vec(), &mut attacks.to_vec()).unwrap()
    }

    #[test]
    fn a_perfect_scorer_a_useless_one_and_one_in_between() {
        let perfect = curve(&[0.0, 1.0, 2.0, 3.0], &[10.0, 11.0]).rates();
        assert!((perfect.auc - 1.0).abs() < 1e-12);
        assert_eq!(perfect.tpr, [1.0; 4]);
        assert!(perfect.challenge_rate_at_tpr_98.abs() < 1e-12);

        let useless = curve(&[1.0; 100], &[1.0; 50]).rates();
        assert!((useless.auc - 0.5).abs() < 1e-12);
        assert!((useless.tpr[2] - 0.05).abs() < 1e-12);
        assert!((useless.challenge_rate_at_tpr_98 - 0.98).abs() < 1e-12);

        // One of four honest ones is above one of the two attacks.
        let between = curve(&[1.0, 2.0, 3.0, 5.0], &[4.0, 6.0]);
        assert!((between.auc() - 7.0 / 8.0).abs() < 1e-12);
        assert!((between.detection_at(0.10) - 0.5).abs() < 1e-12);
        assert!((between.challenge_rate_at(0.98) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn no_number_is_challenged_first() {
        let mut scores = Scores::default();
        scores.push(f64::NAN);
        assert_eq!(scores.values(), [f32::INFINITY]);
        assert_eq!(Curve::new(&mut [], &mut [1.0]), None);
    }

    #[test]
    fn quantiles_are_within_their_bucket() {
        let mut durations = Durations::default();
        assert!(durations.quantile(0.5).abs() < 1e-12);
        (1..=1_000).for_each(|micros| durations.push(micros * 1_000));
        assert!((durations.quantile(0.5) / 500.0 - 1.0).abs() < 0.03);
        assert!((durations.quantile(0.99) / 990.0 - 1.0).abs() < 0.03);
    }
}
