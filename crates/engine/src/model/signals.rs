//! What others say: providers about the address, Shared Signals about the user, the operator about both.

use serde::{Deserialize, Serialize};
use watchfire_model::{id::ReceiptId, signal::RiskLevel, time::Timestamp};

use super::{basis::whole_second, fixed::Micro};
use crate::number::real;

/// Everything that was said and may still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// About the attempt's address: one word of each provider, the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderWord>,
    /// About the user, the device and the session, decayed to the time of the attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// What the operator's zones say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

/// The word of a provider about the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderWord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it came with; absent in old records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptId>,
    /// What it says.
    pub level: RiskLevel,
    /// Why, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// How far its word is trusted, 0 to 1.
    pub trust: Micro,
    /// The kind of line that the address is.
    pub line: Line,
    /// Whether its word counts or is only logged.
    pub counts: bool,
    /// Whether the verdict may fall below its word.
    pub floor: bool,
}

/// The kind of line of an address: how long a word about it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A machine in a data centre.
    Hosting,
    /// A home or an office.
    Fixed,
    /// A carrier's shared address.
    Mobile,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// An active cause of risk of somebody or something that takes part in the attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Of what.
    #[serde(default, skip_serializing_if = "Of::is_user")]
    pub of: Of,
    /// The detection's name.
    pub detection: String,
    /// Thousandths of a nat, decayed.
    pub milli_nats: i64,
}

/// What a cause speaks against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The user.
    #[default]
    User,
    /// The device that is presented.
    Device,
    /// A session of the user.
    Session,
}

impl Of {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    const fn is_user(&self) -> bool {
        matches!(self, Self::User)
    }
}

/// An operator's zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Whether its addresses are trusted or blocked.
    pub trusted: bool,
}

const HIGH: f64 = 2.3;
const MEDIUM: f64 = 1.1;
const LOW: f64 = -0.3;
const MOST_OF_PROVIDERS: f64 = 4.0;
const MOST_OF_CAUSES: f64 = 5.0;
const TRUSTED_ZONE: f64 = -4.0;
const BLOCKED_ZONE: f64 = 6.0;

/// What the word of a provider that is trusted weighs when it is new.
pub(crate) const fn weight_of_level(level: RiskLevel) -> f64 {
    match level {
        RiskLevel::High => HIGH,
        RiskLevel::Medium => MEDIUM,
        RiskLevel::Low => LOW,
    }
}

impl Line {
    const fn half_life_seconds(self) -> f64 {
        match self {
            Self::Hosting => 7.0 * 86_400.0,
            Self::Fixed | Self::Unknown => 86_400.0,
            Self::Mobile => 6.0 * 3_600.0,
        }
    }
}

impl ProviderWord {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Its weight at `now`, in nats: a list is evidence that grows old, not a verdict.
    pub fn nats(&self, now: Timestamp) -> f64 {
        if !self.holds(now) {
            return 0.0;
        }
        let seconds = |later: Timestamp, earlier: Timestamp| real(later.since(earlier).as_secs());
        let half_life = (seconds(self.expires, self.since) / 2.0)
            .min(self.line.half_life_seconds())
            .max(1.0);
        self.trust.real().min(1.0) * weight_of_level(self.level) * libm::exp2(-seconds(now, self.since) / half_life)
    }
}

impl Zone {
    pub(crate) const fn nats(&self) -> f64 {
        if self.trusted { TRUSTED_ZONE } else { BLOCKED_ZONE }
    }
}

impl Signals {
    pub(crate) fn in_whole_seconds(&self) -> Self {
        let mut signals = self.clone();
        for word in &mut signals.providers {
            word.since = whole_second(word.since);
            word.expires = whole_second(word.expires);
        }
        signals
    }

    /// The providers together: the strongest in full, the second by half, the third by a quarter; reassurance
    /// takes off next to nothing, however many give it.
    pub(crate) fn providers_nats(&self, now: Timestamp, all: bool) -> f64 {
        let heard = self.providers.iter().filter(|word| all || word.counts);
        let mut nats: Vec<f64> = heard.map(|word| word.nats(now)).collect();
        nats.sort_by(|one, other| other.total_cmp(one));
        let positive: f64 = nats
            .iter()
            .filter(|n| **n > 0.0)
            .zip([1.0, 0.5, 0.25])
            .map(|(n, share)| n * share)
            .sum();
        let reassurance = nats.last().copied().unwrap_or(0.0).clamp(LOW, 0.0);
        (positive + reassurance).min(MOST_OF_PROVIDERS)
    }

    /// The causes together, the strongest and half of the next, as they speak against user, device and session.
    pub(crate) fn causes_nats(&self) -> [(Of, f64); 3] {
        let mut causes: Vec<&Cause> = self.causes.iter().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.milli_nats));
        let nats = |at: usize| {
            causes.get(at).map_or(0.0, |cause| {
                let milli = cause.milli_nats;
                f64::from(i32::try_from(milli).unwrap_or(if milli > 0 { i32::MAX } else { i32::MIN })) / 1_000.0
            })
        };
        let (first, second) = (nats(0), 0.5 * nats(1).max(0.0));
        let total = (first + second).clamp(-1.0, MOST_OF_CAUSES);
        let of = |at: usize| causes.get(at).map_or(Of::User, |cause| cause.of);
        let is_shared = second > 0.0 && of(1) != of(0);
        let of_second = if is_shared { total * (second / (first + second)) } else { 0.0 };
        let share = |it: Of| {
            let of_first = if it == of(0) { total - of_second } else { 0.0 };
            if is_shared && it == of(1) { of_second } else { of_first }
        };
        [Of::User, Of::Device, Of::Session].map(|it| (it, share(it)))
    }
}
