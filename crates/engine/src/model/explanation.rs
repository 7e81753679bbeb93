//! A verdict in Okta's words: reasons and behaviours.

use super::{
    attempt::{Attempt, Path},
    basis::Basis,
    level::Level,
    profile::Profile,
    settings::Settings,
    verdict::{Contribution, Factor, FloorRule, Verdict, score},
};
use watchfire_model::signal::RiskLevel;

use crate::assessment::{Behavior, BehaviorName, BehaviorResult};

/// Weaker evidence is no reason.
const LEAST_FOR_A_REASON: f64 = 0.4;
/// Kilometres within which two places are one (okta.md 10.3).
const NEAR_KM: f64 = 20.0;
const LAST_FOR_STATES: u32 = 15;
const LAST_FOR_PLACES: u32 = 20;

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
            // A user's risk is told by the names of its detections.
            Factor::Hour | Factor::UserRisk => None,
        }
    }
}

/// How the attempt compares with the user's habits, over the sign-ins that Okta looks back on.
pub fn behaviors(profile: &Profile, attempt: &Attempt, path: &Path, basis: &Basis) -> Vec<Behavior> {
    let by = Comparison {
        profile,
        attempt,
        path,
        basis,
    };
    BehaviorName::ALL
        .map(|name| Behavior {
            name,
            result: by.result(name),
        })
        .into()
}

struct Comparison<'a> {
    profile: &'a Profile,
    attempt: &'a Attempt,
    path: &'a Path,
    basis: &'a Basis,
}

impl Comparison<'_> {
    fn result(&self, name: BehaviorName) -> BehaviorResult {
        let place = &self.attempt.place;
        let answer = match name {
            BehaviorName::NewIp => self.is_new(Level::Address),
            BehaviorName::NewCountry => place.country.as_ref().and_then(|_| self.is_new(Level::Country)),
            BehaviorName::NewDevice => self.is_new(Level::Token).or_else(|| self.is_new(Level::Agent)),
            BehaviorName::NewState => self.path.state.and_then(|state| self.is_new_name(state, LAST_FOR_STATES)),
            BehaviorName::NewCity => self.path.city.and_then(|city| self.is_new_name(city, LAST_FOR_PLACES)),
            BehaviorName::NewGeoLocation => self.is_far(),
            BehaviorName::Velocity => self.basis.journey.map(|journey| journey.is_too_fast()),
        };
        match answer {
            None => BehaviorResult::BadRequest,
            Some(_) if self.profile.is_empty() => BehaviorResult::Unknown,
            Some(true) => BehaviorResult::Positive,
            Some(false) => BehaviorResult::Negative,
        }
    }

    fn is_new(&self, level: Level) -> Option<bool> {
        self.basis.level(level).map(|level| !level.recent)
    }

    fn is_new_name(&self, name: super::key::Key, window: u32) -> Option<bool> {
        let seen = self.profile.named.iter().find(|(known, _)| *known == name);
        Some(seen.is_none_or(|(_, nth)| !self.profile.is_recent(*nth, window)))
    }

    fn is_far(&self) -> Option<bool> {
        let here = self.attempt.place.fix?;
        let recent = self
            .profile
            .places
            .iter()
            .filter(|visit| self.profile.is_recent(visit.nth, LAST_FOR_PLACES));
        let near =
            |visit: &super::profile::Visit| visit.fix.distance_km(here) <= NEAR_KM + f64::from(visit.fix.radius.min(here.radius));
        Some(!recent.into_iter().any(near))
    }
}
