//! What labels teach of evidence: how far a provider's word is trusted, and where the thresholds lie
//! (risk-engine.md 5.6, 5.9).
//!
//! Everything is counted in whole numbers, so that a label that is taken back leaves the counts as they
//! were, and everything moves by a bounded step a day, so that nobody who controls labels moves much at once.
//!
//! | module | holds |
//! |---|---|
//! | `trust` | how far a provider's word is trusted |
//! | `thresholds` | from which evidence on a sign-in is MEDIUM and HIGH |

mod thresholds;
mod trust;

pub use self::{
    thresholds::{LEAST_TO_FIT, REACH_POINTS, STEP_MILLINATS, WINDOW_DAYS, bin_of, fit, in_effect},
    trust::{DAILY_STEP, count, set_anew, target, trust, uncount},
};

use watchfire_model::time::Timestamp;

/// The day since 1970.
pub const fn day_of(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(86_400)
}

#[cfg(test)]
mod tests;
