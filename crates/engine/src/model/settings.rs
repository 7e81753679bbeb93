//! What an operator may set.

use serde::{Deserialize, Serialize};
use watchfire_model::signal::RiskLevel;

/// The version of the formulas. Version 2 bounds what a country may say.
pub const MODEL_VERSION: u16 = 2;

/// Whether the formulas of a version are known: records of it are computed again, each by its own.
pub const fn is_known_version(version: u16) -> bool {
    1 <= version && version <= MODEL_VERSION
}

/// The operator's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// From this score on a sign-in is MEDIUM.
    pub medium: u8,
    /// From this score on a sign-in is HIGH.
    pub high: u8,
    /// The level of a user of whom nothing is known.
    pub cold_start_level: RiskLevel,
    /// Below so many accepted sign-ins a user is at least MEDIUM.
    pub cold_start_min_events: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            medium: crate::assessment::MEDIUM_SCORE,
            high: crate::assessment::HIGH_SCORE,
            cold_start_level: RiskLevel::High,
            cold_start_min_events: 3,
        }
    }
}

impl Settings {
    /// The level of a score.
    pub const fn level(&self, score: u8) -> RiskLevel {
        if score >= self.high {
            RiskLevel::High
        } else if score >= self.medium {
            RiskLevel::Medium
        } else {
            RiskLevel::Low
        }
    }

    /// The least score of a level.
    pub const fn least_score(&self, level: RiskLevel) -> u8 {
        match level {
            RiskLevel::High => self.high,
            RiskLevel::Medium => self.medium,
            RiskLevel::Low => 0,
        }
    }
}
