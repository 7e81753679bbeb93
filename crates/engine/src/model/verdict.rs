//! From the numbers of a [`Basis`] to evidence, score, level, factors and reasons.

use serde::{Deserialize, Serialize};
use watchfire_model::{id::ReceiptId, signal::RiskLevel};

use super::{
    basis::{Basis, HourBasis, JourneyBasis, LevelBasis},
    level::Level,
    signals::{Of, ProviderWord},
    windows::Tally,
};
use crate::number::{real, whole};

/// What the model says of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The weight of all evidence, in nats: ln P(evidence | attack) / P(evidence | this user).
    pub evidence: f64,
    /// 0 to 100, rules included.
    pub score: u8,
    /// The level, rules included.
    pub level: RiskLevel,
    /// What the evidence is the sum of, strongest first.
    pub contributions: Vec<Contribution>,
    /// What the verdict may not fall below, and why.
    pub floors: Vec<Floor>,
    /// The score and level if the providers that are only logged counted; `None` when they have nothing
    /// to say.
    pub counterfactual: Option<(u8, RiskLevel)>,
}

/// A part of the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// Which.
    pub factor: Factor,
    /// Its weight.
    pub nats: f64,
    /// By how many points the score would fall without it; negative where it would rise.
    pub points: i16,
    /// How often it had been seen, of how many times at its parent.
    pub seen: Option<(f64, f64)>,
}

/// The factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A level of place or device.
    Level(Level),
    /// The hour of the day.
    Hour,
    /// The journey since the last sign-in, beyond what the country says already.
    Velocity,
    /// Who else fails and succeeds from the address or its prefix.
    Neighbours,
    /// A program and no browser.
    Automation,
    /// Providers about the address.
    Providers,
    /// Shared Signals and administrators about the user.
    UserRisk,
    /// Shared Signals about the device that is presented.
    DeviceRisk,
    /// Shared Signals about a session of the user.
    SessionRisk,
    /// An operator's zone.
    Zone,
}

impl Factor {
    const fn of(of: Of) -> Self {
        match of {
            Of::User => Self::UserRisk,
            Of::Device => Self::DeviceRisk,
            Of::Session => Self::SessionRisk,
        }
    }
}

/// A rule that the verdict may not fall below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Which.
    pub rule: FloorRule,
    /// The least level.
    pub level: RiskLevel,
}

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FloorRule {
    /// Too few sign-ins to know the user.
    ColdStart,
    /// Somebody is guessing the account's password, and this is a network new to the user.
    UnderAttack,
    /// The word of a provider that counts: its id.
    Provider(String),
}

/// A user without history has no evidence of history; a level contributes no less than this.
const LEAST_OF_A_LEVEL: f64 = -2.0;
const MOST_OF_A_LEVEL: f64 = 8.0;
/// Everybody travels in the end: of a hundred and twenty-five honest sign-ins one is from a new country, however
/// long somebody has stayed at home.
const MOST_OF_A_COUNTRY: f64 = 4.5;
const PLACE_BOUND: f64 = 9.0;
const DEVICE_BOUND: f64 = 5.0;
const HOUR_CONCENTRATION: f64 = 3.8;
const HOUR_WEIGHT: f64 = 0.5;
const HOUR_BOUNDS: (f64, f64) = (-0.6, 1.0);
/// A traveller's speed (okta.md 10.3), and twice that.
const FAST: f64 = 805.0;
const TOO_FAST: f64 = 1_600.0;
const FAST_NATS: f64 = 1.5;
const TOO_FAST_NATS: f64 = 3.0;
const DOUBTFUL_JOURNEY: f64 = 0.3;
/// ln(.99/.22) and ln(.01/.78): who tries stolen lists fails nearly always, people seldom.
const FAILING_NAME: f64 = 1.504;
const SUCCEEDING_NAME: f64 = -4.357;
const LEAST_FAILING_NAMES: u32 = 3;
const ADDRESS_WEIGHT: f64 = 0.5;
const PREFIX_WEIGHT: f64 = 0.3;
const NEIGHBOURS_BOUNDS: (f64, f64) = (-1.0, 4.0);
const AUTOMATION_NATS: f64 = 1.0;
/// From evidence to points: chosen so that the published share of honest sign-ins stays below MEDIUM.
const SLOPE: f64 = 0.61;
const MIDDLE: f64 = 2.0;
const ATTACK_FAILURES: u32 = 5;
const ATTACK_NETWORKS: u32 = 2;

impl Basis {
    /// The verdict. A function of the record alone.
    pub fn verdict(&self) -> Verdict {
        let parts = self.parts();
        let evidence = sum(&parts);
        let floors = self.floors(&parts);
        let contributions = explained(parts, evidence);
        let (score, level) = self.judged(evidence, &floors);
        Verdict {
            evidence,
            score,
            level,
            contributions,
            counterfactual: self.counterfactual(evidence, &floors),
            floors,
        }
    }

    /// The receipt but for whose word the verdict would not be HIGH.
    pub fn made_high_by(&self) -> Option<&ReceiptId> {
        if self.verdict().level < RiskLevel::High {
            return None;
        }
        let would_not_be = |word: &&ProviderWord| {
            let mut without = self.clone();
            without.signals.providers.retain(|other| other != *word);
            without.verdict().level < RiskLevel::High
        };
        let heard = self.signals.providers.iter().filter(|word| word.counts);
        heard.filter(would_not_be).find_map(|word| word.receipt.as_ref())
    }

    fn judged(&self, evidence: f64, floors: &[Floor]) -> (u8, RiskLevel) {
        let least = floors.iter().map(|floor| floor.level).max().unwrap_or(RiskLevel::Low);
        let score = score(evidence).max(self.settings.least_score(least));
        (score, self.settings.level(score).max(least))
    }

    fn counterfactual(&self, evidence: f64, floors: &[Floor]) -> Option<(u8, RiskLevel)> {
        let silent = |word: &ProviderWord| !word.counts && word.holds(self.at);
        if !self.signals.providers.iter().any(silent) {
            return None;
        }
        let heard = self.signals.providers_nats(self.at, false);
        let with_all = evidence - heard + self.signals.providers_nats(self.at, true);
        let mut floors = floors.to_vec();
        let would_be = self.signals.providers.iter().filter(|word| silent(word) && word.floor);
        floors.extend(would_be.map(|word| Floor {
            rule: FloorRule::Provider(word.id.clone()),
            level: word.level,
        }));
        Some(self.judged(with_all, &floors))
    }

    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::with_capacity(16);
        let country = self.level(Level::Country).map_or(0.0, |it| it.nats(self.version));
        let velocity = self
            .journey
            .map_or(0.0, |journey| (journey.nats() - country.max(0.0)).max(0.0));
        self.chain(&Level::PLACE, PLACE_BOUND, &mut parts);
        parts.push(Part::new(Factor::Velocity, velocity));
        // A token from a trusted application says more than a header.
        if self.level(Level::Token).is_some() {
            self.chain(&[Level::Token], DEVICE_BOUND, &mut parts);
        } else {
            self.chain(&Level::DEVICE, DEVICE_BOUND, &mut parts);
        }
        parts.push(Part::new(Factor::Hour, self.hour.map_or(0.0, HourBasis::nats)));
        parts.push(Part::new(Factor::Neighbours, self.neighbours()));
        let automation = if self.automated { AUTOMATION_NATS } else { 0.0 };
        parts.push(Part::new(Factor::Automation, automation));
        parts.push(Part::new(Factor::Providers, self.signals.providers_nats(self.at, false)));
        for (of, nats) in self.signals.causes_nats() {
            parts.push(Part::new(Factor::of(of), nats));
        }
        let zone = self.signals.zone.as_ref().map_or(0.0, super::signals::Zone::nats);
        parts.push(Part::new(Factor::Zone, zone));
        parts
    }

    /// A chain's levels, scaled down together where their sum is out of bounds.
    fn chain(&self, levels: &[Level], bound: f64, parts: &mut Vec<Part>) {
        let found = || levels.iter().filter_map(|level| self.level(*level));
        let total: f64 = found().map(|level| level.nats(self.version) * level.level.weight()).sum();
        let scale = if total.abs() > bound { bound / total.abs() } else { 1.0 };
        parts.extend(found().map(|level| Part {
            factor: Factor::Level(level.level),
            nats: level.nats(self.version) * level.level.weight() * scale,
            seen: Some((level.seen.real(), level.below.real())),
        }));
    }

    fn neighbours(&self) -> f64 {
        let (low, high) = NEIGHBOURS_BOUNDS;
        let term = |tally: Tally, weight: f64| tally.active().then(|| (tally.nats() * weight).clamp(low, high));
        let address = term(self.windows.address, ADDRESS_WEIGHT);
        let prefix = term(self.windows.prefix, PREFIX_WEIGHT);
        match (address, prefix) {
            (Some(address), Some(prefix)) => address.max(prefix),
            (Some(term), None) | (None, Some(term)) => term,
            (None, None) => 0.0,
        }
    }

    fn floors(&self, parts: &[Part]) -> Vec<Floor> {
        let mut floors = Vec::new();
        if let Some(level) = self.cold_start(parts) {
            floors.push(Floor {
                rule: FloorRule::ColdStart,
                level,
            });
        }
        let account = self.windows.account;
        let network_is_new = self.level(Level::Network).is_none_or(|network| network.seen.is_zero());
        if account.failures >= ATTACK_FAILURES && account.new_networks >= ATTACK_NETWORKS && network_is_new {
            floors.push(Floor {
                rule: FloorRule::UnderAttack,
                level: RiskLevel::Medium,
            });
        }
        let binding = self
            .signals
            .providers
            .iter()
            .filter(|word| word.counts && word.floor && word.holds(self.at));
        floors.extend(binding.map(|word| Floor {
            rule: FloorRule::Provider(word.id.clone()),
            level: word.level,
        }));
        floors.retain(|floor| floor.level > RiskLevel::Low);
        floors
    }

    fn cold_start(&self, parts: &[Part]) -> Option<RiskLevel> {
        if self.successes == 0 {
            return Some(self.settings.cold_start_level);
        }
        if self.successes >= u32::from(self.settings.cold_start_min_events) {
            return None;
        }
        let nats = |factor: Factor| parts.iter().find(|part| part.factor == factor).map_or(0.0, |part| part.nats);
        let known_token = self.level(Level::Token).is_some_and(|token| !token.seen.is_zero());
        let nothing_against = nats(Factor::Neighbours) <= 0.0 && nats(Factor::Providers) <= 0.0;
        (!(known_token && nothing_against)).then_some(RiskLevel::Medium)
    }
}

struct Part {
    factor: Factor,
    nats: f64,
    seen: Option<(f64, f64)>,
}

impl Part {
    const fn new(factor: Factor, nats: f64) -> Self {
        Self {
            factor,
            nats,
            seen: None,
        }
    }
}

fn sum(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.nats).sum()
}

fn explained(parts: Vec<Part>, evidence: f64) -> Vec<Contribution> {
    let with_all = i16::from(score(evidence));
    let mut contributions: Vec<Contribution> = parts
        .into_iter()
        .filter(|part| part.nats.abs() > 0.0)
        .map(|part| Contribution {
            factor: part.factor,
            nats: part.nats,
            points: with_all - i16::from(score(evidence - part.nats)),
            seen: part.seen,
        })
        .collect();
    contributions.sort_by(|one, other| other.nats.abs().total_cmp(&one.nats.abs()));
    contributions
}

/// Points for evidence: 0 to 100, never falling as the evidence rises.
pub fn score(evidence: f64) -> u8 {
    let probability = 1.0 / (1.0 + libm::exp(-SLOPE * (evidence - MIDDLE)));
    u8::try_from(whole(libm::round(100.0 * probability))).unwrap_or(100).min(100)
}

/// The evidence that gives so many points, from 1 to 99.
pub fn evidence_of(points: u8) -> f64 {
    let share = f64::from(points.clamp(1, 99)) / 100.0;
    MIDDLE + libm::log(share / (1.0 - share)) / SLOPE
}

impl LevelBasis {
    /// The weight of this level: how much rarer the value is in this user's history than in everybody's.
    /// By the formulas of `version`.
    pub fn nats(&self, version: u16) -> f64 {
        if self.below.is_zero() {
            // Where the user has never been, everything is equally new.
            return 0.0;
        }
        let g = self.share_of_population();
        let b = self.concentration.real().max(1e-6);
        let p = (self.seen.real() + b * g) / (self.below.real() + b);
        let most = match (self.level, version) {
            (Level::Country, 2..) => MOST_OF_A_COUNTRY,
            _ => MOST_OF_A_LEVEL,
        };
        libm::log(g / p).clamp(LEAST_OF_A_LEVEL, most)
    }

    /// g: the value's share among everybody's below its parent, with room for what nobody has shown.
    fn share_of_population(&self) -> f64 {
        let unseen = f64::midpoint(f64::from(self.children), self.level.unseen_slots());
        let share = (self.population.real() + 0.5) / (self.population_below.real() + unseen);
        share.min(1.0)
    }
}

impl HourBasis {
    fn nats(self) -> f64 {
        let share = self.share.real().clamp(1e-6, 1.0);
        let p = (self.near.real() + HOUR_CONCENTRATION * share) / (self.all.real() + HOUR_CONCENTRATION);
        let (low, high) = HOUR_BOUNDS;
        (HOUR_WEIGHT * libm::log(share / p)).clamp(low, high)
    }
}

impl JourneyBasis {
    /// Kilometres an hour; a minute is the least that a journey takes.
    pub fn speed(self) -> f64 {
        real(self.metres) / 1_000.0 / (real(self.seconds.max(60)) / 3_600.0)
    }

    fn nats(self) -> f64 {
        let speed = self.speed();
        let nats = if speed >= TOO_FAST {
            TOO_FAST_NATS
        } else if speed >= FAST {
            FAST_NATS
        } else {
            0.0
        };
        if self.doubtful { nats * DOUBTFUL_JOURNEY } else { nats }
    }
}

impl Tally {
    const fn active(self) -> bool {
        self.failing >= LEAST_FAILING_NAMES
    }

    fn nats(self) -> f64 {
        f64::from(self.failing) * FAILING_NAME + f64::from(self.succeeding) * SUCCEEDING_NAME
    }
}
