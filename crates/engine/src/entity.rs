//! The risk of a user, a device or a session: what speaks against it, how that fades, and the level
//! that it comes to (risk-engine.md 5.5, 5.7; ssf.md annex B).
//!
//! An entity has *causes*. Each has a strength in thousandths of a nat, which halves with its half-life,
//! and ends by what [`remedies`] says. A level that a provider or an administrator *states* is a cause
//! like the others, unweighted: its strength is the one that its level begins with.
//!
//! Two machines agree to the bit: the decay is computed by `libm` and cut down to whole millinats
//! before anything is compared.

mod explanation;
mod policy;
mod remedy;

#[cfg(test)]
mod tests;

pub use self::{
    explanation::{CauseExplanation, Explanation, explain},
    policy::{Evaluation, RuleExplanation, Subject, evaluate},
    remedy::{Remedy, remedies},
};

use std::time::Duration;

use watchfire_model::{
    object::{Cause, CauseKind},
    signal::RiskLevel,
    time::Timestamp,
};

/// From here on an entity is HIGH.
pub const HIGH_MILLINATS: i32 = 3_500;
/// From here on it is MEDIUM.
pub const MEDIUM_MILLINATS: i32 = 1_500;
/// A cause that has faded below this no longer counts.
pub const LEAST_MILLINATS: i32 = 50;
/// What speaks against a user counts for no more than this at a sign-in.
pub const MAX_SCORE_MILLINATS: i32 = 5_000;

/// What is left of a cause, in millinats, cut towards zero. Before it began it has its full strength: a
/// sender's clock may be ahead of ours.
pub fn strength(cause: &Cause, now: Timestamp) -> i32 {
    match cause.half_life {
        None => cause.millinats,
        Some(half_life) => faded(cause.millinats, now.since(cause.since), half_life),
    }
}

/// The level that causes come to: that of the strongest. `None` is no risk.
///
/// An administrator's LOW is a level of its own, not evidence: it holds until something that is said
/// later is worse.
pub fn level(causes: &[Cause], now: Timestamp) -> Option<RiskLevel> {
    let strongest = causes.iter().map(|cause| strength(cause, now)).max().unwrap_or(0);
    let is_overridden = || causes.iter().any(|cause| cause.kind == CauseKind::AdminOverride);
    match strongest {
        HIGH_MILLINATS.. => Some(RiskLevel::High),
        MEDIUM_MILLINATS.. => Some(RiskLevel::Medium),
        LEAST_MILLINATS.. => Some(RiskLevel::Low),
        _ => is_overridden().then_some(RiskLevel::Low),
    }
}

/// What speaks against the entity at a sign-in: the strongest cause and half of the second, capped, and
/// an administrator's LOW for it. Causes of one source and transaction are one.
pub fn score(causes: &[Cause], now: Timestamp) -> i32 {
    let mut positive: Vec<(i32, &Cause)> = causes
        .iter()
        .map(|cause| (strength(cause, now), cause))
        .filter(|(left, _)| *left >= LEAST_MILLINATS)
        .collect();
    positive.sort_by_key(|(left, _)| std::cmp::Reverse(*left));
    let strongest = positive.first();
    let second = strongest.and_then(|(_, first)| positive.iter().skip(1).find(|(_, other)| !is_one_event(first, other)));
    let left = |of: Option<&(i32, &Cause)>| of.map_or(0, |(left, _)| *left);
    let against = left(strongest).saturating_add(left(second) / 2).min(MAX_SCORE_MILLINATS);
    let relief: i32 = causes.iter().map(|cause| strength(cause, now).min(0)).sum();
    against.saturating_add(relief)
}

/// When the level next changes by itself; `None` when it stays as it is.
pub fn next_transition(causes: &[Cause], now: Timestamp) -> Option<Timestamp> {
    let current = level(causes, now)?;
    let longest = causes.iter().filter_map(|cause| cause.half_life).max()?;
    // After so many half-lives nothing of 2^31 millinats counts.
    let mut after = causes
        .iter()
        .map(|cause| cause.since)
        .fold(now, Timestamp::max)
        .plus(longest.saturating_mul(32));
    if level(causes, after) == Some(current) {
        return None;
    }
    let mut before = now;
    while after.as_micros().saturating_sub(before.as_micros()) > 1 {
        let middle = Timestamp::from_micros(before.as_micros().midpoint(after.as_micros()));
        if level(causes, middle) == Some(current) {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}

/// Whether two causes are of one source and transaction: then only the stronger counts.
pub(crate) fn is_one_event(one: &Cause, other: &Cause) -> bool {
    one.transaction.is_some() && one.transaction == other.transaction && one.source.is_same(&other.source)
}

fn faded(millinats: i32, age: Duration, half_life: Duration) -> i32 {
    if age.is_zero() {
        return millinats;
    }
    if half_life.is_zero() {
        return 0;
    }
    let left = libm::exp2(-(age.as_secs_f64() / half_life.as_secs_f64()));
    whole(libm::trunc(f64::from(millinats) * left))
}

#[expect(clippy::as_conversions, reason = "a whole number whose magnitude is at most that of an i32")]
fn whole(number: f64) -> i32 {
    number as i32
}
