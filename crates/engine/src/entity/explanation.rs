//! Why an entity has its level.

use serde::Serialize;
use watchfire_model::{object::Cause, signal::RiskLevel, time::Timestamp};

use super::{LEAST_MILLINATS, Remedy, level, next_transition, remedies, score, strength};

/// Everything that the level of an entity is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation<'a> {
    /// The level; `None` is no risk.
    pub level: Option<RiskLevel>,
    /// What counts at a sign-in, in millinats.
    pub score_millinats: i32,
    /// When the level next changes by itself.
    pub next_transition: Option<Timestamp>,
    /// What speaks against it, strongest first.
    pub causes: Vec<CauseExplanation<'a>>,
}

/// One cause, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CauseExplanation<'a> {
    /// The cause.
    pub cause: &'a Cause,
    /// What is left of it.
    pub millinats_now: i32,
    /// Whether that still counts.
    pub counts: bool,
    /// What would end it.
    pub cleared_by: &'static [Remedy],
}

/// Explains the level that `causes` come to.
pub fn explain(causes: &[Cause], now: Timestamp) -> Explanation<'_> {
    let mut explained: Vec<CauseExplanation<'_>> = causes.iter().map(|cause| one(cause, now)).collect();
    explained.sort_by_key(|it| std::cmp::Reverse(it.millinats_now));
    Explanation {
        level: level(causes, now),
        score_millinats: score(causes, now),
        next_transition: next_transition(causes, now),
        causes: explained,
    }
}

fn one(cause: &Cause, now: Timestamp) -> CauseExplanation<'_> {
    let left = strength(cause, now);
    CauseExplanation {
        cause,
        millinats_now: left,
        // An administrator's LOW counts by being there.
        counts: !(0..LEAST_MILLINATS).contains(&left),
        cleared_by: remedies(cause),
    }
}
