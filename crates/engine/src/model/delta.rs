//! What an accepted sign-in teaches, kept so that it can be taken back.

use serde::{Deserialize, Serialize};
use watchfire_model::time::Timestamp;

use super::{
    attempt::{Fix, Node},
    fixed::Micro,
    key::Key,
    level::Level,
};

/// What a sign-in teaches if it is accepted. Nothing else changes a profile, the population's
/// statistics or a concentration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// When.
    pub at: Timestamp,
    /// The sign-in's number in the profile.
    pub nth: u32,
    /// The values that were shown.
    pub nodes: Vec<Node>,
    /// Of levels whose parent the user had shown before: whether the value was new, and how likely the
    /// concentration had made that.
    pub novelty: Vec<Novelty>,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// State and city.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<Key>,
}

/// How well the concentration of a level foresaw what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Novelty {
    /// The level.
    pub level: Level,
    /// Whether the value was new to the user.
    pub new: bool,
    /// The probability that it would be.
    pub expected: Micro,
}

impl Delta {
    pub(crate) fn values(&self) -> impl Iterator<Item = (Level, Key)> + '_ {
        self.nodes.iter().map(|node| (node.level, node.key))
    }

    /// The hour of the day, UTC.
    pub(crate) fn hour(&self) -> usize {
        hour_of(self.at)
    }
}

pub(crate) fn hour_of(at: Timestamp) -> usize {
    usize::try_from(at.as_seconds().div_euclid(3_600).rem_euclid(24)).unwrap_or(0)
}
