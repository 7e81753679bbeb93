//! From which evidence on a sign-in is MEDIUM and HIGH: where the wanted share of honest sign-ins lies above.

use std::collections::BTreeMap;

use watchfire_model::object::{EvidenceDay, ThresholdLearning, ThresholdTuning};

use crate::{
    model::{Settings, evidence_of, score},
    number::real,
};

/// A threshold moves by no more than this on one day, in thousandths of a nat.
pub const STEP_MILLINATS: i64 = 500;
/// However much is learnt, a threshold stays within so many points of what the operator has set.
pub const REACH_POINTS: u8 = 15;
/// Days that are looked back.
pub const WINDOW_DAYS: i64 = 30;
/// With fewer honest sign-ins nothing is learnt.
pub const LEAST_TO_FIT: u64 = 500;
const BINS_OF_A_NAT: f64 = 10.0;
const OUTERMOST_BIN: f64 = 200.0;
const MILLI: f64 = 1_000.0;

/// The tenth of a nat that evidence lies in.
pub fn bin_of(evidence: f64) -> i16 {
    let bin = libm::floor(evidence * BINS_OF_A_NAT).clamp(-OUTERMOST_BIN, OUTERMOST_BIN);
    // Counted from the lowest, so that it is not negative.
    let above = crate::number::whole(bin + OUTERMOST_BIN);
    i16::try_from(above).unwrap_or(0).saturating_sub(200)
}

/// What is known after a day: its evidence is added, what is too old is left out, and each threshold moves a
/// step towards where the wanted share of honest sign-ins lies above it.
pub fn fit(before: &ThresholdLearning, day: EvidenceDay, tuning: &ThresholdTuning, set: &Settings) -> ThresholdLearning {
    let oldest = day.day.saturating_sub(WINDOW_DAYS);
    let mut days: Vec<EvidenceDay> = before
        .days
        .iter()
        .filter(|it| it.day > oldest && it.day < day.day)
        .cloned()
        .collect();
    days.push(day);
    let mut bins: BTreeMap<i16, u64> = BTreeMap::new();
    for (bin, count) in days.iter().flat_map(|day| &day.bins) {
        let counted = bins.entry(*bin).or_default();
        *counted = counted.saturating_add(u64::from(*count));
    }
    let moved = |from: Option<i64>, set: u8, share: u32| {
        let from = from.unwrap_or_else(|| milli(evidence_of(set)));
        let wanted = quantile(&bins, share).unwrap_or(from);
        wanted
            .clamp(from.saturating_sub(STEP_MILLINATS), from.saturating_add(STEP_MILLINATS))
            .clamp(
                milli(evidence_of(set.saturating_sub(REACH_POINTS).max(1))),
                milli(evidence_of(set.saturating_add(REACH_POINTS).min(99))),
            )
    };
    ThresholdLearning {
        medium: Some(moved(before.medium, set.medium, tuning.medium)),
        high: Some(moved(before.high, set.high, tuning.high)),
        days,
    }
}

/// The settings with the learnt thresholds, where they are to be learnt.
pub fn in_effect(set: Settings, tuning: &ThresholdTuning, learnt: Option<&ThresholdLearning>) -> Settings {
    let Some(learnt) = learnt.filter(|_| tuning.learn) else {
        return set;
    };
    let points = |learnt: Option<i64>, set: u8| {
        let reach = (
            set.saturating_sub(REACH_POINTS).max(1),
            set.saturating_add(REACH_POINTS).min(99),
        );
        // What was learnt may be from before the operator has set another.
        learnt.map_or(set, |millinats| score(nats(millinats)).max(reach.0).min(reach.1))
    };
    let (medium, high) = (points(learnt.medium, set.medium), points(learnt.high, set.high));
    Settings {
        medium,
        high: high.max(medium),
        ..set
    }
}

/// The least evidence above which no more than the share lies; `None` of too few.
fn quantile(bins: &BTreeMap<i16, u64>, share: u32) -> Option<i64> {
    let all: u64 = bins.values().sum();
    if all < LEAST_TO_FIT {
        return None;
    }
    let allowed = real(all) * f64::from(share) / 1_000_000.0;
    let mut above = 0_u64;
    let mut edge = None;
    for (bin, count) in bins.iter().rev() {
        above = above.saturating_add(*count);
        if real(above) > allowed {
            // The bin itself is one too many: the threshold is its upper edge.
            return Some(edge.unwrap_or_else(|| i64::from(*bin).saturating_add(1).saturating_mul(100)));
        }
        edge = Some(i64::from(*bin).saturating_mul(100));
    }
    edge
}

fn milli(nats: f64) -> i64 {
    let magnitude = i64::try_from(crate::number::whole(libm::round(libm::fabs(nats) * MILLI))).unwrap_or(0);
    if nats < 0.0 { -magnitude } else { magnitude }
}

fn nats(millinats: i64) -> f64 {
    let magnitude = real(millinats.unsigned_abs()) / MILLI;
    if millinats < 0 { -magnitude } else { magnitude }
}
