//! The numbers that a verdict is made of, as a record keeps them: from them alone it is computed again,
//! to the bit.

use serde::{Deserialize, Serialize};
use watchfire_model::time::Timestamp;

use super::{
    attempt::{Attempt, Path},
    delta::{Novelty, hour_of},
    fixed::Micro,
    key::Key,
    level::Level,
    population::{Population, parent_of},
    profile::Profile,
    settings::{MODEL_VERSION, Settings},
    signals::Signals,
    windows::Windows,
};
use crate::number::{length, whole};

/// Everything that went into a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The version of the formulas.
    pub version: u16,
    /// When.
    pub at: Timestamp,
    /// Accepted sign-ins of the user.
    pub successes: u32,
    /// Place and device, level by level.
    pub levels: Vec<LevelBasis>,
    /// The hour of the day, once there is a habit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<HourBasis>,
    /// The journey since the last sign-in, where both places are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<JourneyBasis>,
    /// What happened lately.
    pub windows: Windows,
    /// Whether the device is a program.
    pub automated: bool,
    /// What others say.
    pub signals: Signals,
    /// The operator's choices.
    pub settings: Settings,
}

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelBasis {
    /// Which.
    pub level: Level,
    /// n: how often the user has shown the value, decayed.
    pub seen: Micro,
    /// N: how often the user has been at its parent.
    pub below: Micro,
    /// G: how often everybody has shown the value.
    pub population: Micro,
    /// G of the parent.
    pub population_below: Micro,
    /// Values that the population has shown below the parent.
    pub children: u32,
    /// b: the concentration of this user at this level.
    pub concentration: Micro,
    /// Whether the last sign-ins that Okta looks at had it.
    pub recent: bool,
}

/// The hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourBasis {
    /// Sign-ins at this hour; those an hour beside it count by half.
    pub near: Micro,
    /// All of them.
    pub all: Micro,
    /// The share of the hour among everybody's.
    pub share: Micro,
}

/// A journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyBasis {
    /// What is left of the distance when both uncertainties are taken off.
    pub metres: u64,
    /// How long it took.
    pub seconds: u64,
    /// Whether the network at either end says little about where a person is.
    pub doubtful: bool,
}

/// Sign-ins before which the hours say nothing.
const LEAST_FOR_HOURS: u32 = 5;

impl Basis {
    /// Looks everything up.
    pub fn observe(
        (profile, population): (&Profile, &Population),
        windows: &Windows,
        signals: &Signals,
        (attempt, path): (&Attempt, &Path),
        settings: &Settings,
    ) -> Self {
        let looked_up = Lookup::new(profile, population, attempt.at);
        let levels: Vec<LevelBasis> = path
            .nodes
            .iter()
            .map(|node| looked_up.level(node.level, node.key, node.parent))
            .collect();
        let network_known = levels
            .iter()
            .any(|level| level.level == Level::Network && !level.seen.is_zero());
        Self {
            version: MODEL_VERSION,
            at: whole_second(attempt.at),
            successes: profile.successes,
            hour: looked_up.hour(attempt.at),
            journey: JourneyBasis::of(profile, attempt, network_known),
            levels,
            windows: *windows,
            automated: attempt.device.automated,
            signals: signals.in_whole_seconds(),
            settings: *settings,
        }
    }

    pub(crate) fn level(&self, level: Level) -> Option<&LevelBasis> {
        self.levels.iter().find(|basis| basis.level == level)
    }

    /// What the concentrations may learn from: whether a value was new below a parent that was not.
    pub(crate) fn novelty(&self) -> Vec<Novelty> {
        let below_known = self.levels.iter().filter(|level| !level.below.is_zero());
        below_known
            .map(|level| {
                let b = level.concentration.real();
                Novelty {
                    level: level.level,
                    new: level.seen.is_zero(),
                    expected: Micro::from_real(b / (level.below.real() + b)),
                }
            })
            .collect()
    }
}

/// A second that a record can print: what is computed from it must be what was computed.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    const YEAR_9999: i64 = 253_370_764_800;
    Timestamp::from_seconds(at.as_seconds().clamp(0, YEAR_9999))
}

struct Lookup<'a> {
    profile: &'a Profile,
    population: &'a Population,
    to_user_counts: f64,
    to_population_counts: f64,
}

impl<'a> Lookup<'a> {
    fn new(profile: &'a Profile, population: &'a Population, now: Timestamp) -> Self {
        Self {
            profile,
            population,
            to_user_counts: profile.to_counts(now),
            to_population_counts: population.to_counts(now),
        }
    }

    fn level(&self, level: Level, key: Key, parent: Key) -> LevelBasis {
        let above = parent_of(level);
        let entry = self.profile.entry(level, key);
        let below = match (above, level) {
            (Some(above), _) => self.profile.count(above, parent, self.to_user_counts),
            (None, Level::Token) => self.tokens(),
            (None, _) => self.profile.total(self.to_user_counts),
        };
        let frequency = self
            .population
            .frequency(level, key, (above, parent), self.to_population_counts);
        let seen = entry.map_or(0.0, |entry| f64::from(entry.weight)) * self.to_user_counts;
        LevelBasis {
            level,
            seen: Micro::from_real(seen),
            // Rounding and eviction must not let a part exceed the whole.
            below: Micro::from_real(below.max(seen)),
            population: Micro::from_real(frequency.of_value),
            population_below: Micro::from_real(frequency.of_parent.max(frequency.of_value)),
            children: frequency.children_of_parent,
            concentration: Micro::from_real(self.concentration(level)),
            recent: entry.is_some_and(|entry| self.profile.is_recent(entry.nth, okta_window(level))),
        }
    }

    /// The concentration of this user: everybody's, drawn towards how often this user has shown something
    /// new. The number of new values in a Dirichlet process is nearly a Poisson one whose mean is `b` times
    /// the exposure, so that a Gamma prior around everybody's `b` gives the expected value in closed form.
    fn concentration(&self, level: Level) -> f64 {
        let b = self.population.concentration(level).b();
        let of = |level: Level| self.profile.entries.iter().filter(move |entry| entry.level == level);
        // The first value below a parent is no surprise.
        let exposure = |count: f64| libm::log((count + b) / (1.0 + b)).max(0.0);
        let (parents, exposed) = match (parent_of(level), level) {
            (Some(above), _) => {
                let counts = of(above).map(|entry| f64::from(entry.weight) * self.to_user_counts);
                (of(above).count(), counts.map(exposure).sum())
            }
            (None, Level::Token) => (1, exposure(self.tokens())),
            (None, _) => (1, exposure(self.profile.total(self.to_user_counts))),
        };
        let surprises = length(of(level).count().saturating_sub(parents));
        let prior = level.prior_surprises();
        (prior + surprises) / (prior / b + exposed)
    }

    fn tokens(&self) -> f64 {
        let tokens = self.profile.entries.iter().filter(|entry| entry.level == Level::Token);
        tokens.map(|entry| f64::from(entry.weight)).sum::<f64>() * self.to_user_counts
    }

    fn hour(&self, at: Timestamp) -> Option<HourBasis> {
        if self.profile.successes < LEAST_FOR_HOURS {
            return None;
        }
        let hour = hour_of(at);
        let count = |hour: usize| f64::from(self.profile.hours.get(hour % 24).copied().unwrap_or(0));
        let all: f64 = self.profile.hours.iter().map(|hour| f64::from(*hour)).sum();
        Some(HourBasis {
            near: Micro::from_real(f64::midpoint(count(hour), f64::midpoint(count(hour + 1), count(hour + 23)))),
            all: Micro::from_real(all),
            share: Micro::from_real(self.population.share_of_hour(hour)),
        })
    }
}

/// The sign-ins that Okta's behaviours look back on (okta.md 10.3).
const fn okta_window(level: Level) -> u32 {
    match level {
        Level::Country => 10,
        Level::Prefix | Level::Address => 50,
        _ => 20,
    }
}

impl JourneyBasis {
    /// The journey from the place of the last sign-in, where both are known.
    pub(crate) fn of(profile: &Profile, attempt: &Attempt, network_known: bool) -> Option<Self> {
        let last = profile.places.last()?.fix;
        let here = attempt.place.fix?;
        let uncertain = f64::from(last.radius) + f64::from(here.radius);
        Some(Self {
            metres: whole((last.distance_km(here) - uncertain).max(0.0) * 1_000.0),
            seconds: attempt.at.since(profile.last).as_secs(),
            doubtful: attempt.place.hosting == Some(true) || network_known,
        })
    }
}

impl Profile {
    pub(crate) const fn is_recent(&self, nth: u32, window: u32) -> bool {
        self.successes.saturating_sub(nth) < window
    }
}
