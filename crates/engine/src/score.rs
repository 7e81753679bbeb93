//! The simple score: which addresses and devices the user has succeeded from before.
//!
//! New users start HIGH; three successes from one address and device make LOW for that pair; for a
//! user whom we know, one new thing is MEDIUM and two are HIGH.

use watchfire_model::object::SignInProfile;

use crate::{
    assess::Attempt,
    assessment::{Behavior, BehaviorName, BehaviorResult, Factor, FactorName, FactorSource, HIGH_SCORE, MEDIUM_SCORE},
};

/// So many successes make a user known, and a pair of address and device usual.
const SUCCESSES_TO_TRUST: u32 = 3;

/// What speaks against the attempt, from the user's own history.
#[derive(Debug)]
pub(crate) struct Evidence {
    findings: Vec<Finding>,
    pub(crate) behaviors: Vec<Behavior>,
}

#[derive(Debug)]
struct Finding {
    factor: FactorName,
    reason: &'static str,
    value: String,
    seen: String,
    points: u8,
}

impl Evidence {
    /// The findings' sum, at most 100.
    pub(crate) fn score(&self) -> u8 {
        self.score_without(None)
    }

    pub(crate) fn reasons(&self) -> Vec<&'static str> {
        self.findings.iter().map(|f| f.reason).collect()
    }

    pub(crate) fn factors(&self) -> Vec<Factor> {
        self.findings
            .iter()
            .map(|f| Factor {
                factor: f.factor,
                value: f.value.clone(),
                seen: Some(f.seen.clone()),
                nats: None,
                points: self.score().saturating_sub(self.score_without(Some(f.factor))),
                source: FactorSource::History,
            })
            .collect()
    }

    fn score_without(&self, dropped: Option<FactorName>) -> u8 {
        self.findings
            .iter()
            .filter(|f| Some(f.factor) != dropped)
            .fold(0_u8, |sum, f| sum.saturating_add(f.points))
            .min(100)
    }
}

/// Compares the attempt with the profile.
pub(crate) fn evidence(profile: &SignInProfile, attempt: &Attempt) -> Evidence {
    let history = History::of(profile, attempt);
    Evidence {
        findings: findings(&history, attempt),
        behaviors: behaviors(&history),
    }
}

/// How often the user has succeeded: at all, from this address, from this device, from both.
struct History {
    all: u32,
    ip: u32,
    device: u32,
    pair: u32,
}

impl History {
    fn of(profile: &SignInProfile, attempt: &Attempt) -> Self {
        let mut history = Self {
            all: profile.successes,
            ip: 0,
            device: 0,
            pair: 0,
        };
        for source in &profile.sources {
            let (same_ip, same_device) = (source.ip == attempt.ip, source.device == attempt.device);
            for (count, counts) in [
                (&mut history.ip, same_ip),
                (&mut history.device, same_device),
                (&mut history.pair, same_ip && same_device),
            ] {
                if counts {
                    *count = count.saturating_add(source.successes);
                }
            }
        }
        history
    }
}

fn findings(history: &History, attempt: &Attempt) -> Vec<Finding> {
    let seen = |times: u32| format!("{times} of {}", history.all);
    let mut findings = Vec::new();
    if history.pair >= SUCCESSES_TO_TRUST {
        return findings;
    }
    if history.all < SUCCESSES_TO_TRUST {
        findings.push(Finding {
            factor: FactorName::ColdStart,
            reason: "New User",
            value: format!("{} sign-ins", history.all),
            seen: seen(history.pair),
            points: HIGH_SCORE,
        });
    }
    if history.device == 0 {
        findings.push(Finding {
            factor: FactorName::NewDevice,
            reason: "New Device",
            value: attempt.device.clone(),
            seen: seen(0),
            points: MEDIUM_SCORE,
        });
    }
    if history.ip == 0 {
        findings.push(Finding {
            factor: FactorName::NewIp,
            reason: "New IP",
            value: attempt.ip.to_string(),
            seen: seen(0),
            points: MEDIUM_SCORE,
        });
    }
    if findings.is_empty() {
        findings.push(Finding {
            factor: FactorName::UnusualPair,
            reason: "Anomalous Location",
            value: format!("{} {}", attempt.ip, attempt.device),
            seen: seen(history.pair),
            points: MEDIUM_SCORE,
        });
    }
    findings
}

fn behaviors(history: &History) -> Vec<Behavior> {
    let is_new = |times: u32| match (history.all, times) {
        (0, _) => BehaviorResult::Unknown,
        (_, 0) => BehaviorResult::Positive,
        _ => BehaviorResult::Negative,
    };
    BehaviorName::ALL
        .map(|name| Behavior {
            name,
            result: match name {
                BehaviorName::NewDevice => is_new(history.device),
                BehaviorName::NewIp => is_new(history.ip),
                // No data set about places yet: the request cannot be located.
                BehaviorName::NewGeoLocation
                | BehaviorName::NewState
                | BehaviorName::NewCountry
                | BehaviorName::Velocity
                | BehaviorName::NewCity => BehaviorResult::BadRequest,
            },
        })
        .into()
}
