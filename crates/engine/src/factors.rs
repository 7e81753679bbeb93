//! The factors of a verdict, for people: with the values that they are about.

use std::cmp::Reverse;

use watchfire_model::{id::RiskProviderId, signal::RiskLevel};

use crate::{
    assessment::{Factor, FactorName, FactorSource},
    model::{self, Attempt, Basis, Contribution, Floor, FloorRule, Level, Of, ProviderWord, Verdict},
};

/// Characters of a value that are shown.
const MAX_VALUE: usize = 200;

/// Rules first, then evidence, strongest first.
pub(crate) fn factors(verdict: &Verdict, basis: &Basis, attempt: &Attempt) -> Vec<Factor> {
    let about = About { basis, attempt };
    let mut rules: Vec<Factor> = verdict.floors.iter().map(|floor| about.rule(floor, verdict)).collect();
    rules.sort_by_key(|rule| Reverse(rule.points));
    rules
        .into_iter()
        .chain(verdict.contributions.iter().map(|it| about.evidence(it)))
        .collect()
}

struct About<'a> {
    basis: &'a Basis,
    attempt: &'a Attempt,
}

impl About<'_> {
    fn rule(&self, floor: &Floor, verdict: &Verdict) -> Factor {
        let others = verdict.floors.iter().filter(|other| *other != floor);
        let least = others.map(|other| other.level).max().unwrap_or(RiskLevel::Low);
        let without = model::score(verdict.evidence).max(self.basis.settings.least_score(least));
        let (factor, value, source) = match &floor.rule {
            FloorRule::ColdStart => (
                FactorName::ColdStart,
                format!("{} sign-ins", self.basis.successes),
                FactorSource::History,
            ),
            FloorRule::UnderAttack => (
                FactorName::UnderAttack,
                format!("{} failures", self.basis.windows.account.failures),
                FactorSource::Observation,
            ),
            FloorRule::Provider(id) => (
                FactorName::LevelFloor,
                floor.level.as_str().to_owned(),
                self.word(|word| word.id == *id).map_or(FactorSource::Observation, provider),
            ),
        };
        Factor {
            factor,
            value,
            seen: None,
            nats: None,
            points: i16::from(verdict.score) - i16::from(without.min(verdict.score)),
            source,
        }
    }

    fn evidence(&self, contribution: &Contribution) -> Factor {
        let (factor, value, source) = self.named(contribution.factor);
        Factor {
            factor,
            value: value.chars().take(MAX_VALUE).collect(),
            seen: contribution
                .seen
                .map(|(seen, of)| format!("{} of {}", short(seen), short(of))),
            nats: Some(contribution.nats),
            points: contribution.points,
            source,
        }
    }

    fn named(&self, factor: model::Factor) -> (FactorName, String, FactorSource) {
        match factor {
            model::Factor::Level(level) => self.level(level),
            model::Factor::Hour => (FactorName::Hour, self.hour(), FactorSource::History),
            model::Factor::Velocity => (FactorName::Velocity, self.speed(), FactorSource::History),
            model::Factor::Neighbours => (FactorName::Neighbours, self.neighbours(), FactorSource::Observation),
            model::Factor::Automation => (FactorName::Automation, self.attempt.user_agent.clone(), FactorSource::Request),
            model::Factor::Providers => (FactorName::Providers, self.words(), self.heaviest()),
            model::Factor::UserRisk => (FactorName::UserRisk, self.causes(Of::User), FactorSource::EntityRisk),
            model::Factor::DeviceRisk => (FactorName::DeviceRisk, self.causes(Of::Device), FactorSource::EntityRisk),
            model::Factor::SessionRisk => (FactorName::SessionRisk, self.causes(Of::Session), FactorSource::EntityRisk),
            model::Factor::Zone => (
                FactorName::Zone,
                self.basis
                    .signals
                    .zone
                    .as_ref()
                    .map(|zone| zone.name.clone())
                    .unwrap_or_default(),
                FactorSource::Operator,
            ),
        }
    }

    fn level(&self, level: Level) -> (FactorName, String, FactorSource) {
        let (place, device) = (&self.attempt.place, &self.attempt.device);
        let unknown = || "unknown".to_owned();
        let address = self.attempt.address.to_canonical();
        let (name, value) = match level {
            Level::Country => (FactorName::Country, place.country.clone().unwrap_or_else(unknown)),
            Level::Network => {
                let named = place.asn.map(|asn| format!("AS{asn}"));
                (
                    FactorName::Network,
                    named.unwrap_or_else(|| model::shown_prefix(address, 16, 32)),
                )
            }
            Level::Prefix => (FactorName::Prefix, model::shown_prefix(address, 24, 48)),
            Level::Address => (FactorName::Ip, model::shown_prefix(address, 32, 64)),
            Level::Kind => (FactorName::DeviceType, device.kind.clone()),
            Level::System => (FactorName::Os, device.system.clone()),
            Level::Family => (FactorName::Browser, device.family.clone()),
            Level::Browser => (FactorName::BrowserVersion, device.browser.clone()),
            Level::Agent => (FactorName::UserAgent, self.attempt.user_agent.clone()),
            // A token is a secret of the application's; what is kept of it is a hash.
            Level::Token => (FactorName::DeviceToken, "device token".to_owned()),
        };
        let value = if value.is_empty() { unknown() } else { value };
        (name, value, FactorSource::History)
    }

    fn hour(&self) -> String {
        let hour = self.basis.at.as_seconds().div_euclid(3_600).rem_euclid(24);
        format!("{hour:02}:00 UTC")
    }

    fn speed(&self) -> String {
        self.basis
            .journey
            .map_or_else(String::new, |journey| format!("{:.0} km/h", journey.speed()))
    }

    fn neighbours(&self) -> String {
        let (address, prefix) = (self.basis.windows.address, self.basis.windows.prefix);
        format!(
            "{} names failing and {} succeeding at the address, {} and {} in its prefix",
            address.failing, address.succeeding, prefix.failing, prefix.succeeding
        )
    }

    fn words(&self) -> String {
        let heard = self.basis.signals.providers.iter().filter(|word| self.counts(word));
        let words: Vec<String> = heard.map(|word| format!("{} {}", word.name, word.level.as_str())).collect();
        words.join(", ")
    }

    fn heaviest(&self) -> FactorSource {
        let heard = self.basis.signals.providers.iter().filter(|word| self.counts(word));
        let weight = |word: &ProviderWord| word.nats(self.basis.at);
        let heaviest = heard.max_by(|one, other| weight(one).total_cmp(&weight(other)));
        heaviest.map_or(FactorSource::Observation, provider)
    }

    fn counts(&self, word: &ProviderWord) -> bool {
        word.counts && word.holds(self.basis.at)
    }

    fn causes(&self, of: Of) -> String {
        let causes = self.basis.signals.causes.iter().filter(|cause| cause.of == of);
        let causes: Vec<&str> = causes.map(|cause| cause.detection.as_str()).collect();
        causes.join(", ")
    }

    fn word(&self, is: impl Fn(&ProviderWord) -> bool) -> Option<&ProviderWord> {
        self.basis.signals.providers.iter().find(|word| is(word))
    }
}

fn provider(word: &ProviderWord) -> FactorSource {
    FactorSource::Provider {
        id: RiskProviderId::new(&word.id),
        name: word.name.clone(),
    }
}

/// A decayed count: whole where it is nearly so.
fn short(count: f64) -> String {
    if (count - libm::round(count)).abs() < 0.05 {
        format!("{count:.0}")
    } else {
        format!("{count:.1}")
    }
}
