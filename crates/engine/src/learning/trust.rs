//! How far a provider's word is trusted: from labelled sign-ins, what it had said of attacks against what it
//! had said of honest ones.

use watchfire_model::{
    object::{LevelLabels, ProviderLabels, ProviderTuning},
    signal::RiskLevel,
    time::Timestamp,
};

use super::day_of;
use crate::{model::weight_of_level, number::real};

/// A trust moves by no more than this on one day, in millionths.
pub const DAILY_STEP: u32 = 100_000;
/// What is believed before there are labels counts like so many, in thousandths of one.
const PRIOR_LABELS: f64 = 20_000.0;
const MILLION: f64 = 1_000_000.0;

/// Of how many honest sign-ins a provider is believed to say so, before anything is known of it.
const fn honest_share(level: RiskLevel) -> f64 {
    match level {
        RiskLevel::High => 0.05,
        RiskLevel::Medium => 0.1,
        RiskLevel::Low => 0.2,
    }
}

/// How far a provider's word of this level is trusted at `now`, in millionths. An administrator's setting
/// wins: without learning it is the trust, with learning it is where it begins and what bounds it.
pub fn trust(tuning: &ProviderTuning, labels: Option<&ProviderLabels>, level: RiskLevel, now: Timestamp) -> u32 {
    match labels.filter(|_| tuning.learn) {
        None => tuning.trust,
        Some(labels) => {
            let days = day_of(now).saturating_sub(labels.day).max(0).saturating_add(1);
            moved(tuning, labels, level, days)
        }
    }
}

/// Where labels want the trust to be, within the administrator's bounds:
/// `ln[(a + k π) / (A + k)] - ln[(b + k ρ) / (B + k)]` over the level's weight, with the prior so that no labels
/// are the trust that was set.
pub fn target(tuning: &ProviderTuning, labels: &ProviderLabels, level: RiskLevel) -> u32 {
    let weight = weight_of_level(level);
    let (honest, set) = (honest_share(level), f64::from(tuning.trust) / MILLION);
    let attacked = honest * libm::exp(set * weight);
    let said = labels.level(level);
    let share = |of: u64, all: u64, prior: f64| libm::log((real(of) + PRIOR_LABELS * prior) / (real(all) + PRIOR_LABELS));
    let nats = share(said.attacks, labels.attacks, attacked) - share(said.honest, labels.honest, honest);
    let millionths = libm::round((nats / weight).clamp(0.0, 1.0) * MILLION);
    bounded(tuning, u32::try_from(crate::number::whole(millionths)).unwrap_or(0))
}

/// Counts a label, `weight` thousandths of one, of a sign-in of which the provider had said `level`.
pub fn count(
    labels: &mut ProviderLabels,
    tuning: &ProviderTuning,
    (level, attack): (Option<RiskLevel>, bool),
    weight: u64,
    now: Timestamp,
) {
    begin_day(labels, tuning, now);
    change(labels, level, attack, |counted| counted.saturating_add(weight));
}

/// Takes a counted label back.
pub fn uncount(
    labels: &mut ProviderLabels,
    tuning: &ProviderTuning,
    (level, attack): (Option<RiskLevel>, bool),
    weight: u64,
    now: Timestamp,
) {
    begin_day(labels, tuning, now);
    change(labels, level, attack, |counted| counted.saturating_sub(weight));
}

/// The administrator has set another trust: today begins with that.
pub fn set_anew(labels: &mut ProviderLabels, now: Timestamp) {
    for level in LEVELS {
        labels.level_mut(level).began = None;
    }
    labels.day = day_of(now);
}

const LEVELS: [RiskLevel; 3] = [RiskLevel::High, RiskLevel::Medium, RiskLevel::Low];

fn change(labels: &mut ProviderLabels, level: Option<RiskLevel>, attack: bool, by: impl Fn(u64) -> u64) {
    let all = if attack { &mut labels.attacks } else { &mut labels.honest };
    *all = by(*all);
    if let Some(level) = level {
        let LevelLabels { attacks, honest, .. } = labels.level_mut(level);
        let said = if attack { attacks } else { honest };
        *said = by(*said);
    }
}

/// Takes the values that were reached yesterday as those that today begins with.
fn begin_day(labels: &mut ProviderLabels, tuning: &ProviderTuning, now: Timestamp) {
    let today = day_of(now);
    let days = today.saturating_sub(labels.day);
    // The first labels of all, or a clock that has gone back.
    if days > 0 && *labels != ProviderLabels::default() {
        let reached = LEVELS.map(|level| (level, moved(tuning, labels, level, days)));
        for (level, reached) in reached {
            labels.level_mut(level).began = Some(reached);
        }
    }
    labels.day = labels.day.max(today);
}

/// From where the day began, so many days' steps towards the target.
fn moved(tuning: &ProviderTuning, labels: &ProviderLabels, level: RiskLevel, days: i64) -> u32 {
    let began = bounded(tuning, labels.level(level).began.unwrap_or(tuning.trust));
    let days = u32::try_from(days).unwrap_or(u32::MAX);
    let reach = DAILY_STEP.saturating_mul(days);
    target(tuning, labels, level).clamp(began.saturating_sub(reach), began.saturating_add(reach))
}

fn bounded(tuning: &ProviderTuning, millionths: u32) -> u32 {
    millionths.max(tuning.least).min(tuning.most)
}
