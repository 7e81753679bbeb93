//! A System Log out of a seed: what an organisation's log looks like in bulk, for benchmarks and trials.
//!
//! Signals, sign-ins and their decisions make up most of it, by day more than at night; every event type occurs.
//! A few people and addresses have most of the events, most have few. Addresses are of the networks that are
//! set apart for benchmarks and documentation (RFC 2544, RFC 3849), names and places are invented or common.

mod people;

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde_json::json;
use watchfire_model::{
    id::{ReceiptId, RiskProviderId},
    log::{
        Actor, AuthenticationContext, ClientContext, EventType, GeographicalContext, IpHop, LogEvent, Outcome, OutcomeResult,
        RequestOrigin, RiskContext, SecurityContext, Target, UserAgent,
    },
    row::{Decision, Receipt, Received, Row},
    signal::RiskLevel,
    time::Timestamp,
};

pub use self::people::{Persona, persona};
use self::people::{Place, place};
use super::random::Random;
use crate::number::{real, whole};

/// A word that one event in a million has: what a search for something rare looks for.
pub const RARE_WORD: &str = "quarantined-heron";
const RARE: f64 = 0.000_001;
/// How much less there is at night.
const TIDE: f64 = 0.8;
const DAY: f64 = 86_400.0;
/// How long a signal counts.
const SIGNAL_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// The risk providers that send risk events: ids and names.
pub const PROVIDERS: [(&str, &str); 3] = [
    ("rkpSynthetic00000001", "Example Threat Feed"),
    ("rkpSynthetic00000002", "Example Bot Watch"),
    ("rkpSynthetic00000003", "Example Mail Shield"),
];
/// Who sends Security Event Tokens.
const PARTNERS: [(&str, &str); 2] = [
    ("sseSynthetic00000001", "Example Endpoint Guard"),
    ("sseSynthetic00000002", "Example Access Broker"),
];
/// What most of a log is made of; the rest of a hundred is every type alike.
const USUAL: [(EventType, f64); 12] = [
    (EventType::PolicyEvaluateSignOn, 22.0),
    (EventType::UserSessionStart, 21.0),
    (EventType::SecurityRiskSignalConsume, 14.0),
    (EventType::OAuthAccessTokenGrant, 12.0),
    (EventType::SecurityEventsProviderReceiveEvent, 6.0),
    (EventType::UserRiskDetect, 5.0),
    (EventType::UserSessionEnd, 5.0),
    (EventType::AuthViaMfa, 5.0),
    (EventType::PolicyEntityRiskEvaluate, 3.0),
    (EventType::EventHookDelivery, 2.0),
    (EventType::UserAccountLock, 1.0),
    (EventType::OrgRateLimitWarning, 1.0),
];

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct LogParameters {
    /// Everything random follows from it.
    pub seed: u64,
    /// So many events.
    pub events: u64,
    /// Of so many people.
    pub users: u32,
    /// When the first one was.
    pub from: Timestamp,
    /// Before that time was the last one.
    pub until: Timestamp,
}

/// The decisions that such a log comes from, one event each, in the order of time.
#[derive(Debug)]
pub struct LogDecisions {
    parameters: LogParameters,
    random: Random,
    next: u64,
}

impl LogDecisions {
    /// From the first event on.
    pub fn new(parameters: LogParameters) -> Self {
        Self {
            random: Random::new(parameters.seed, &[0x10c]),
            parameters,
            next: 0,
        }
    }

    /// Evenly over the time, but for the tide of the days; never backwards.
    fn time_of(&self, number: u64) -> Timestamp {
        let length = self.parameters.until.since(self.parameters.from).as_secs_f64();
        let even = length * real(number) / real(self.parameters.events.max(1));
        let turn = 2.0 * std::f64::consts::PI / DAY;
        let shifted = even + TIDE / turn * libm::sin(even * turn);
        self.parameters.from.plus(Duration::from_secs_f64(shifted.clamp(0.0, length)))
    }

    /// A few have most of it.
    fn somebody(&mut self) -> Persona {
        let share = self.random.unit();
        persona(whole(share * share * real(u64::from(self.parameters.users.max(1)))))
    }

    fn event_type(&mut self) -> EventType {
        let mut left = self.random.between(0.0, 100.0);
        let usual = USUAL.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        match usual {
            Some((event_type, _)) => *event_type,
            None => one_of(&mut self.random, EventType::ALL).unwrap_or(EventType::UserSessionStart),
        }
    }

    fn origin(&mut self, ip: IpAddr, place: &Place, path: &str) -> RequestOrigin {
        let browser = one_of(&mut self.random, &people::BROWSERS).unwrap_or_default();
        let geographical_context = Some(GeographicalContext {
            city: Some(place.city.to_owned()),
            country: Some(place.country.to_owned()),
            ..GeographicalContext::default()
        });
        RequestOrigin {
            client: ClientContext {
                user_agent: Some(UserAgent {
                    raw_user_agent: browser.raw.to_owned(),
                    os: Some(browser.os.to_owned()),
                    browser: Some(browser.name.to_owned()),
                }),
                device: Some("Computer".to_owned()),
                ip_address: Some(ip),
                geographical_context: geographical_context.clone(),
                ..ClientContext::default()
            },
            ip_chain: vec![IpHop {
                geographical_context,
                ..IpHop::new(ip)
            }],
            network: SecurityContext {
                as_number: Some(place.asn),
                as_org: Some(place.network.to_owned()),
                ..SecurityContext::default()
            },
            request_id: format!("{:016x}{:04x}", self.random.bits(), self.random.bits() >> 48),
            request_uri: path.to_owned(),
            url: path.to_owned(),
            api_token_id: None,
        }
    }

    fn level(&mut self) -> RiskLevel {
        match self.random.below(10) {
            0 => RiskLevel::High,
            1..=3 => RiskLevel::Medium,
            _ => RiskLevel::Low,
        }
    }

    fn event(&mut self, event_type: EventType) -> LogEvent {
        let persona = self.somebody();
        let somewhere = self.random.below(u64::MAX >> 1);
        // Mostly where they live; now and then from anywhere.
        let travels = self.random.chance(0.1);
        let place = place(if travels { somewhere } else { persona.number });
        let ip = people::address(if travels { somewhere } else { persona.number });
        let user = Actor::user(&persona.id, &persona.login, persona.name());
        match event_type {
            EventType::SecurityRiskSignalConsume => self.signal_call(ip, &place),
            EventType::PolicyEvaluateSignOn | EventType::UserSessionStart | EventType::AuthViaMfa => {
                self.sign_in(event_type, user, (ip, &place))
            }
            EventType::SecurityEventsProviderReceiveEvent | EventType::UserRiskDetect => {
                self.report(event_type, &persona, (ip, &place))
            }
            EventType::OAuthAccessTokenGrant => {
                let app = Actor::new(
                    "PublicClientApp",
                    "0oaSynthetic00000001",
                    "0oaSynthetic00000001",
                    "Example Risk Feed",
                );
                LogEvent::new(event_type, app).from_request(&self.origin(ip, &place, "/oauth2/v1/token"))
            }
            _ => {
                let target = persona.target();
                LogEvent::new(event_type, user)
                    .from_request(&self.origin(ip, &place, "/api/v1/users"))
                    .target(target)
            }
        }
    }

    fn signal_call(&mut self, ip: IpAddr, place: &Place) -> LogEvent {
        let (id, name) = one_of(&mut self.random, &PROVIDERS).unwrap_or_default();
        let app = Actor::new("PublicClientApp", "0oaSynthetic00000001", "0oaSynthetic00000001", name);
        LogEvent::new(EventType::SecurityRiskSignalConsume, app)
            .from_request(&self.origin(ip, place, "/api/v1/risk/events/ip"))
            .target(Target::new("RiskProvider", id, name))
            .debug("riskSignalProviderAction", "ENFORCE_AND_LOG")
            .debug("riskSignalProviderName", name)
            .debug("riskSignalProviderId", id)
    }

    fn sign_in(&mut self, event_type: EventType, user: Actor, (ip, place): (IpAddr, &Place)) -> LogEvent {
        let level = self.level();
        let reasons = one_of(&mut self.random, &people::REASONS).unwrap_or_default();
        let result = match (event_type, level, self.random.below(20)) {
            (EventType::PolicyEvaluateSignOn, RiskLevel::High, _) => OutcomeResult::Deny,
            (EventType::PolicyEvaluateSignOn, RiskLevel::Medium, _) => OutcomeResult::Challenge,
            (EventType::PolicyEvaluateSignOn, ..) => OutcomeResult::Allow,
            (_, _, 0) => OutcomeResult::Failure,
            _ => OutcomeResult::Success,
        };
        let mut outcome = Outcome::of(result);
        if result == OutcomeResult::Failure {
            outcome = outcome.because("INVALID_CREDENTIALS");
        }
        let rule = Target::new(
            "PolicyRule",
            format!("0prSynthetic0000000{}", self.random.below(4)),
            "Challenge the unusual",
        );
        LogEvent::new(event_type, user)
            .from_request(&self.origin(ip, place, "/api/v1/authn"))
            .authentication(AuthenticationContext::password())
            .risk(RiskContext::new(level, vec![reasons.to_owned()]))
            .outcome(outcome)
            .target(rule)
    }

    fn report(&mut self, event_type: EventType, persona: &Persona, (ip, place): (IpAddr, &Place)) -> LogEvent {
        let (id, name) = one_of(&mut self.random, &PARTNERS).unwrap_or_default();
        let (level, previous) = (self.level(), self.level());
        let why = one_of(&mut self.random, &people::REPORTS).unwrap_or_default();
        let risk = RiskContext {
            previous_level: Some(previous),
            issuer: Some(name.to_owned()),
            ..RiskContext::new(level, vec![why.to_owned()])
        };
        LogEvent::new(event_type, Actor::new("SecurityEventProvider", id, id, name))
            .from_request(&self.origin(ip, place, "/security/api/v1/security-events"))
            .risk(risk)
            .target(persona.target())
    }

    fn receipt(&mut self, at: Timestamp, id: &str) -> Receipt {
        let level = self.level().as_str();
        let ip = people::address(self.random.bits() >> 44);
        let body = json!([{"timestamp": at.to_string(), "subjects": [{"ip": ip, "riskLevel": level}]}]);
        Receipt {
            id: ReceiptId::new(format!("rcp{:016x}", self.random.bits())),
            content: Received::RiskEvents {
                provider: RiskProviderId::new(id),
                signals: Arc::from([]),
            },
            body: body.to_string().into(),
            received_at: at,
            expires_at: at.plus(SIGNAL_LIFETIME),
        }
    }

    fn uuid(&mut self) -> String {
        let (one, other) = (self.random.bits(), self.random.bits());
        format!(
            "{:08x}-{:04x}-8{:03x}-8{:03x}-{:012x}",
            one >> 32,
            (one >> 16) & 0xffff,
            one & 0xfff,
            other >> 52,
            other & 0xffff_ffff_ffff
        )
    }
}

impl Iterator for LogDecisions {
    type Item = Decision;

    fn next(&mut self) -> Option<Decision> {
        if self.next >= self.parameters.events {
            return None;
        }
        let at = self.time_of(self.next);
        self.next += 1;
        let event_type = self.event_type();
        let mut event = self.event(event_type);
        if self.random.chance(RARE) {
            event = event.debug("note", RARE_WORD);
        }
        let mut decision = Decision::new();
        if event_type == EventType::SecurityRiskSignalConsume {
            let provider = event.target.first().map(|it| it.id.clone()).unwrap_or_default();
            let receipt = self.receipt(at, &provider);
            event = event.receipt(receipt.id.clone());
            decision.rows.push(Row::Receipt(receipt));
        }
        event.stamp(self.uuid(), at);
        decision.log(event);
        Some(decision)
    }
}

fn one_of<T: Copy>(random: &mut Random, choices: &[T]) -> Option<T> {
    let count = u64::try_from(choices.len()).unwrap_or(0);
    choices.get(usize::try_from(random.below(count)).unwrap_or(0)).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const FROM: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn events(seed: u64, events: u64) -> Vec<LogEvent> {
        let until = FROM.plus(Duration::from_secs(7 * 86_400));
        let parameters = LogParameters {
            seed,
            events,
            users: 500,
            from: FROM,
            until,
        };
        let rows = LogDecisions::new(parameters).flat_map(|decision| decision.rows);
        rows.filter_map(|row| match row {
            Row::Log(event) => Some(*event),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_log_and_another_seed_another() {
        assert_eq!(events(1, 200), events(1, 200));
        assert_ne!(events(1, 200), events(2, 200));
    }

    #[test]
    fn a_log_has_every_type_in_the_order_of_time_under_ids_of_its_own() {
        let log = events(3, 40_000);
        let types: HashSet<EventType> = log.iter().map(|event| event.event_type).collect();
        assert_eq!(types.len(), EventType::ALL.len());
        assert!(log.windows(2).all(|pair| pair[0].published <= pair[1].published));
        let ids: HashSet<&str> = log.iter().map(|event| event.uuid.as_str()).collect();
        assert_eq!(ids.len(), log.len());
        let hour = |event: &LogEvent| event.published.as_seconds().rem_euclid(86_400) / 21_600;
        let quarters = log.iter().fold([0_u32; 4], |mut counts, event| {
            counts[usize::try_from(hour(event)).unwrap()] += 1;
            counts
        });
        let (least, most) = (quarters.iter().min().unwrap(), quarters.iter().max().unwrap());
        assert!(*most > 2 * least, "{quarters:?}");
    }

    #[test]
    fn a_call_with_signals_points_to_its_receipt() {
        let parameters = LogParameters {
            seed: 5,
            events: 100,
            users: 10,
            from: FROM,
            until: FROM,
        };
        let mut calls = 0;
        for decision in LogDecisions::new(parameters) {
            if let [Row::Receipt(receipt), Row::Log(event)] = decision.rows.as_slice() {
                assert_eq!(event.receipt.as_ref(), Some(&receipt.id));
                calls += 1;
            }
        }
        assert!(calls > 0);
    }
}
