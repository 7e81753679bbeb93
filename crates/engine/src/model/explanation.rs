//! A verdict in Okta's words: reasons and behaviours.

use watchfire_model::{
    object::{BehaviorRule, BehaviorSettings, EventWindow, Granularity},
    signal::RiskLevel,
};

use super::{
    attempt::{Attempt, Path},
    basis::JourneyBasis,
    level::Level,
    profile::Profile,
    settings::Settings,
    verdict::{Contribution, Factor, FloorRule, Verdict, score},
};
use crate::assessment::{Behavior, BehaviorResult, Familiarity, compared};

/// Weaker evidence is no reason.
const LEAST_FOR_A_REASON: f64 = 0.4;

impl Verdict {
    /// Why, in Okta's words, most important first.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons: Vec<&'static str> = Vec::new();
        // A threat that others see comes before what we do not know.
        let threats = self.floors.iter().filter(|floor| floor.rule != FloorRule::ColdStart);
        let unknown = self.floors.iter().filter(|floor| floor.rule == FloorRule::ColdStart);
        let rules = threats.map(|_| "Suspected Threat").chain(unknown.map(|_| "New User"));
        let strong = self
            .contributions
            .iter()
            .filter(|contribution| contribution.nats > LEAST_FOR_A_REASON);
        for reason in rules.chain(strong.filter_map(Contribution::reason)) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

impl Verdict {
    /// Whether a factor weighs enough to be a reason.
    pub(crate) fn is_reason(&self, factor: Factor) -> bool {
        let mut all = self.contributions.iter();
        all.any(|contribution| contribution.factor == factor && contribution.nats > LEAST_FOR_A_REASON)
    }

    /// Whether nothing speaks against the attempt but that its user is new.
    pub(crate) fn is_unsuspicious(&self, settings: &Settings) -> bool {
        let only_new = self.floors.iter().all(|floor| floor.rule == FloorRule::ColdStart);
        only_new && settings.level(score(self.evidence)) == RiskLevel::Low
    }
}

impl Contribution {
    const fn reason(&self) -> Option<&'static str> {
        match self.factor {
            Factor::Level(Level::Country) => Some("New Country"),
            Factor::Level(Level::Network) => Some("New ASN"),
            Factor::Level(Level::Prefix | Level::Address) => Some("New IP"),
            Factor::Level(Level::Kind | Level::System | Level::Family | Level::Browser | Level::Agent | Level::Token) => {
                Some("New Device")
            }
            Factor::Velocity => Some("Anomalous Geo-Distance"),
            Factor::Neighbours | Factor::Automation | Factor::Providers | Factor::Zone => Some("Suspected Threat"),
            // The risk of users, devices and sessions is told by the names of its detections.
            Factor::Hour | Factor::UserRisk | Factor::DeviceRisk | Factor::SessionRisk => None,
        }
    }
}

/// How the attempt compares with the user's habits, as administrators want it compared. `path` is the
/// attempt's.
///
/// A window reaches no further than the profile: see [`Profile`] for what it remembers.
pub fn behaviors(rules: &[&BehaviorRule], profile: &Profile, attempt: &Attempt, path: &Path) -> Vec<Behavior> {
    let by = Comparison { profile, attempt, path };
    let rules = compared(rules).into_iter();
    rules.map(|rule| Behavior::of(rule, by.result(&rule.settings))).collect()
}

/// What of the attempt the user has shown before. `path` is the attempt's.
pub fn familiarity(profile: &Profile, attempt: &Attempt, path: &Path) -> Familiarity {
    let by = Comparison { profile, attempt, path };
    let known = |is_new: Option<bool>| is_new.filter(|_| !profile.is_empty()).map(|is_new| !is_new);
    Familiarity {
        device: known(by.is_new_device(EVER)),
        country: known(by.is_new_country(EVER)),
    }
}

/// Every sign-in that is remembered.
const EVER: u32 = u32::MAX;

struct Comparison<'a> {
    profile: &'a Profile,
    attempt: &'a Attempt,
    path: &'a Path,
}

impl Comparison<'_> {
    fn result(&self, settings: &BehaviorSettings) -> BehaviorResult {
        let EventWindow { most, least } = settings.window();
        let answer = match *settings {
            BehaviorSettings::AnomalousIp(_) => self.is_new(Level::Address, most),
            BehaviorSettings::AnomalousDevice(_) => self.is_new_device(most),
            BehaviorSettings::AnomalousAsn(_) => {
                let asn = self.attempt.place.asn;
                asn.and_then(|_| self.is_new(Level::Network, most))
            }
            BehaviorSettings::AnomalousLocation { granularity, .. } => self.is_elsewhere(granularity, most),
            BehaviorSettings::Velocity { velocity_kph } => {
                let journey = JourneyBasis::of(self.profile, self.attempt, false);
                journey.map(|journey| journey.speed() >= f64::from(velocity_kph))
            }
        };
        match answer {
            None => BehaviorResult::BadRequest,
            Some(_) if self.profile.is_empty() || self.profile.successes() < least => BehaviorResult::Unknown,
            Some(true) => BehaviorResult::Positive,
            Some(false) => BehaviorResult::Negative,
        }
    }

    fn is_elsewhere(&self, granularity: Granularity, window: u32) -> Option<bool> {
        match granularity {
            Granularity::Country => self.is_new_country(window),
            Granularity::Subdivision => self.path.state.map(|state| self.is_new_name(state, window)),
            Granularity::City => self.path.city.map(|city| self.is_new_name(city, window)),
            Granularity::LatLong { radius_kilometers } => self.is_far(f64::from(radius_kilometers), window),
        }
    }

    fn is_new_country(&self, window: u32) -> Option<bool> {
        let country = self.attempt.place.country.as_ref();
        country.and_then(|_| self.is_new(Level::Country, window))
    }

    fn is_new_device(&self, window: u32) -> Option<bool> {
        self.is_new(Level::Token, window)
            .or_else(|| self.is_new(Level::Agent, window))
    }

    fn is_new(&self, level: Level, window: u32) -> Option<bool> {
        let node = self.path.nodes.iter().find(|node| node.level == level)?;
        let entry = self.profile.entry(level, node.key);
        Some(entry.is_none_or(|entry| !self.profile.is_recent(entry.nth, window)))
    }

    fn is_new_name(&self, name: super::key::Key, window: u32) -> bool {
        let seen = self.profile.named.iter().find(|(known, _)| *known == name.short());
        seen.is_none_or(|(_, nth)| !self.profile.is_recent(*nth, window))
    }

    fn is_far(&self, near_km: f64, window: u32) -> Option<bool> {
        let here = self.attempt.place.fix?;
        let places = self.profile.places.iter();
        let mut recent = places.filter(|visit| self.profile.is_recent(visit.nth, window));
        let near =
            |visit: &super::profile::Visit| visit.fix.distance_km(here) <= near_km + f64::from(visit.fix.radius.min(here.radius));
        Some(!recent.any(near))
    }
}
