//! What administrators decide about evidence, and what is learnt of it from labels (risk-engine.md 5.6, 5.9).
//! Whole numbers throughout: what is taken back leaves nothing behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys};
use crate::{
    id::{RiskProviderId, ZoneId},
    signal::RiskLevel,
    time::Timestamp,
};

/// What administrators decide about evidence; there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskTuning {
    /// Of risk providers; one that is not here has the defaults.
    #[serde(default)]
    pub providers: BTreeMap<RiskProviderId, ProviderTuning>,
    /// Of the thresholds.
    #[serde(default)]
    pub thresholds: ThresholdTuning,
    /// Zones whose addresses speak for a sign-in.
    #[serde(default)]
    pub trusted_zones: Vec<ZoneId>,
    /// When it was changed.
    #[serde(default)]
    pub last_updated: Timestamp,
}

impl RiskTuning {
    /// The id of the only one.
    pub const ID: &'static str = "tuning";

    /// What is decided about a provider.
    pub fn of(&self, provider: &RiskProviderId) -> ProviderTuning {
        self.providers.get(provider).copied().unwrap_or_default()
    }
}

impl Keyed for RiskTuning {
    fn keys(&self) -> Keys {
        only(Self::ID)
    }
}

/// What is decided about a provider. Shares are in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTuning {
    /// How far its word is trusted before anything is known of how often it is right.
    pub trust: u32,
    /// Whether labels move that.
    pub learn: bool,
    /// They move it no lower.
    pub least: u32,
    /// They move it no higher.
    pub most: u32,
    /// What its level means for the level of a sign-in.
    #[serde(default)]
    pub level_floor: LevelFloor,
}

impl Default for ProviderTuning {
    fn default() -> Self {
        Self {
            trust: 700_000,
            learn: true,
            least: 0,
            most: 1_000_000,
            level_floor: LevelFloor::AsReported,
        }
    }
}

/// What a provider's level means for the level of a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LevelFloor {
    /// It is the least level.
    #[default]
    AsReported,
    /// Evidence and nothing more.
    Off,
}

impl LevelFloor {
    /// Every one with its name over the wire.
    pub const WORDS: [(&'static str, Self); 2] = [("AS_REPORTED", Self::AsReported), ("OFF", Self::Off)];

    /// The name over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsReported => "AS_REPORTED",
            Self::Off => "OFF",
        }
    }
}

/// What is decided about the thresholds. Shares are in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdTuning {
    /// Whether they follow the share of honest sign-ins that they challenge.
    pub learn: bool,
    /// The share that is to be MEDIUM or more.
    pub medium: u32,
    /// The share that is to be HIGH.
    pub high: u32,
}

impl Default for ThresholdTuning {
    fn default() -> Self {
        Self {
            learn: false,
            medium: 50_000,
            high: 10_000,
        }
    }
}

/// What labels have taught of risk providers; there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskLearning {
    /// By provider.
    #[serde(default)]
    pub providers: BTreeMap<RiskProviderId, ProviderLabels>,
    /// The day since 1970 that is counted now.
    #[serde(default)]
    pub day: i64,
    /// On whose account labels of that day have gone, and how many.
    #[serde(default)]
    pub voters: BTreeMap<String, u32>,
}

impl RiskLearning {
    /// The id of the only one.
    pub const ID: &'static str = "learning";
}

impl Keyed for RiskLearning {
    fn keys(&self) -> Keys {
        only(Self::ID)
    }
}

/// The labelled sign-ins since a provider is known, in thousandths of a label, and what of them it had
/// spoken about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLabels {
    /// Attacks.
    pub attacks: u64,
    /// Honest ones.
    pub honest: u64,
    /// Those that it had called HIGH.
    pub high: LevelLabels,
    /// Those that it had called MEDIUM.
    pub medium: LevelLabels,
    /// Those that it had called LOW.
    pub low: LevelLabels,
    /// The day on which the values had been reached that today's begin with.
    pub day: i64,
}

impl ProviderLabels {
    /// What it had called so.
    pub const fn level(&self, level: RiskLevel) -> &LevelLabels {
        match level {
            RiskLevel::High => &self.high,
            RiskLevel::Medium => &self.medium,
            RiskLevel::Low => &self.low,
        }
    }

    /// As [`Self::level`], to be changed.
    pub const fn level_mut(&mut self, level: RiskLevel) -> &mut LevelLabels {
        match level {
            RiskLevel::High => &mut self.high,
            RiskLevel::Medium => &mut self.medium,
            RiskLevel::Low => &mut self.low,
        }
    }
}

/// The labelled sign-ins of one level of one provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelLabels {
    /// Attacks, in thousandths of a label.
    pub attacks: u64,
    /// Honest ones.
    pub honest: u64,
    /// The trust with which the day began, in millionths; `None` is what the administrator has set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<u32>,
}

/// What is learnt of the thresholds; there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThresholdLearning {
    /// The evidence of honest sign-ins of the last days.
    #[serde(default)]
    pub days: Vec<EvidenceDay>,
    /// From here on a sign-in is MEDIUM, in thousandths of a nat; `None` before anything is learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<i64>,
    /// From here on it is HIGH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<i64>,
}

impl ThresholdLearning {
    /// The id of the only one.
    pub const ID: &'static str = "thresholds";
}

impl Keyed for ThresholdLearning {
    fn keys(&self) -> Keys {
        only(Self::ID)
    }
}

/// The evidence of a day's honest sign-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceDay {
    /// The day since 1970.
    pub day: i64,
    /// How many had evidence in this tenth of a nat.
    pub bins: BTreeMap<i16, u32>,
}

fn only(id: &str) -> Keys {
    Keys {
        id: id.to_owned(),
        ..Keys::default()
    }
}
