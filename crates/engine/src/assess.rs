//! The seam between sign-ins and the engine behind them.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use watchfire_model::{
    object::{ProviderAction, RiskProvider, SignInProfile, SignInSource},
    signal::{IpSignal, ProviderSignal, RiskLevel},
    time::Timestamp,
};

use crate::{
    assessment::{Assessment, Counterfactual, Factor, FactorName, FactorSource, HIGH_SCORE, MEDIUM_SCORE, PartnerRisk},
    score::{self, Evidence},
};

/// Counts over all users. The simple score asks for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalStats {}

/// What happened lately around this user and this address. The simple score asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Windows {}

/// What providers have said about the attempt's address. Expired and replaced words may be among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// In any order.
    pub reports: Vec<ProviderReport>,
}

/// A signal together with what its provider is now: the action at sign-in time is what counts
/// (okta.md 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReport {
    /// Who says it, as configured now.
    pub provider: RiskProvider,
    /// When we accepted it: a provider's later word replaces its earlier one.
    pub received_at: Timestamp,
    /// What it says.
    pub signal: IpSignal,
}

impl ProviderReport {
    /// Joins a signal with its provider; `None` when it is somebody else's.
    pub fn new(provider: &RiskProvider, said: &ProviderSignal) -> Option<Self> {
        (provider.id == said.provider).then(|| Self {
            provider: provider.clone(),
            received_at: said.received_at,
            signal: said.signal.clone(),
        })
    }
}

/// Somebody tries to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// From which address.
    pub ip: IpAddr,
    /// From which device: a token where a trusted app sends one, else a digest of the user agent.
    pub device: String,
}

/// An assessment and what the sign-in teaches if it succeeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessed {
    /// The verdict.
    pub assessment: Assessment,
    /// To be applied to the profile after success; nothing is learnt from failures.
    pub on_success: ProfileDelta,
}

/// What a successful sign-in adds to a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileDelta {
    /// The address.
    pub ip: IpAddr,
    /// The device.
    pub device: String,
    /// When.
    pub at: Timestamp,
}

impl ProfileDelta {
    /// The profile after this success. The pair moves to the front; the oldest pair falls out
    /// when there are too many.
    #[must_use]
    pub fn apply(&self, profile: &SignInProfile) -> SignInProfile {
        let earlier = profile.sources.iter().find(|s| self.is_of(s));
        let pair = SignInSource {
            ip: self.ip,
            device: self.device.clone(),
            successes: earlier.map_or(0, |s| s.successes).saturating_add(1),
            last_seen: earlier.map_or(self.at, |s| s.last_seen.max(self.at)),
        };
        let rest = profile.sources.iter().filter(|s| !self.is_of(s)).cloned();
        SignInProfile {
            user_id: profile.user_id.clone(),
            successes: profile.successes.saturating_add(1),
            sources: std::iter::once(pair).chain(rest).take(SignInProfile::MAX_SOURCES).collect(),
        }
    }

    fn is_of(&self, source: &SignInSource) -> bool {
        source.ip == self.ip && source.device == self.device
    }
}

/// The delta of a sign-in whose source was kept while it waited for its second factor.
impl From<&SignInSource> for ProfileDelta {
    fn from(source: &SignInSource) -> Self {
        Self {
            ip: source.ip.to_canonical(),
            device: source.device.clone(),
            at: source.last_seen,
        }
    }
}

/// The form in which a sign-in under way keeps its source: no success yet.
impl From<&ProfileDelta> for SignInSource {
    fn from(delta: &ProfileDelta) -> Self {
        Self {
            ip: delta.ip,
            device: delta.device.clone(),
            successes: 0,
            last_seen: delta.at,
        }
    }
}

/// Judges one attempt. A user without a profile yet has an empty one.
pub fn assess(
    profile: &SignInProfile,
    _stats: &GlobalStats,
    _windows: &Windows,
    signals: &Signals,
    attempt: &Attempt,
) -> Assessed {
    let attempt = Attempt {
        ip: attempt.ip.to_canonical(),
        ..attempt.clone()
    };
    let evidence = score::evidence(profile, &attempt);
    let partner_risk = active(signals, &attempt, ProviderAction::EnforceAndLog);
    let logged_only = active(signals, &attempt, ProviderAction::LogOnly);
    let verdict = verdict(&evidence, strongest(&partner_risk));
    let counterfactual = (!logged_only.is_empty()).then(|| counterfactual(&evidence, &partner_risk, logged_only));
    let assessment = Assessment {
        score: verdict.score,
        level: level_of(verdict.score),
        reasons: verdict.reasons,
        factors: verdict.factors,
        behaviors: evidence.behaviors,
        threat_suspected: suspects(&partner_risk),
        partner_risk,
        counterfactual,
    };
    let on_success = ProfileDelta {
        ip: attempt.ip,
        device: attempt.device,
        at: attempt.at,
    };
    Assessed { assessment, on_success }
}

/// What providers with this `action` say now: the last word of each, unexpired, riskiest first.
fn active(signals: &Signals, attempt: &Attempt, action: ProviderAction) -> Vec<PartnerRisk> {
    let mut last_words: BTreeMap<&str, &ProviderReport> = BTreeMap::new();
    let about_here = signals.reports.iter().filter(|r| r.signal.ip.to_canonical() == attempt.ip);
    for report in about_here.filter(|r| r.provider.action == action) {
        let last = last_words.entry(report.provider.id.as_str()).or_insert(report);
        if report.received_at >= last.received_at {
            *last = report;
        }
    }
    let mut active: Vec<PartnerRisk> = last_words
        .into_values()
        .filter(|r| attempt.at < r.signal.expires_at)
        .map(|r| PartnerRisk {
            provider: r.provider.id.clone(),
            name: r.provider.name.clone(),
            level: r.signal.level,
            reasons: r.signal.message.clone().filter(|m| !m.is_empty()),
        })
        .collect();
    active.sort_by(|a, b| (Reverse(a.level), &a.name).cmp(&(Reverse(b.level), &b.name)));
    active
}

/// The word that sets the floor. LOW sets none: it lowers nothing and raises nothing.
fn strongest(risks: &[PartnerRisk]) -> Option<&PartnerRisk> {
    risks
        .iter()
        .filter(|r| r.level > RiskLevel::Low)
        .reduce(|best, r| if r.level > best.level { r } else { best })
}

fn suspects(risks: &[PartnerRisk]) -> bool {
    strongest(risks).is_some()
}

struct Verdict {
    score: u8,
    reasons: Vec<&'static str>,
    factors: Vec<Factor>,
}

/// The evidence under a provider's floor.
fn verdict(evidence: &Evidence, floor: Option<&PartnerRisk>) -> Verdict {
    let own = evidence.score();
    let mut verdict = Verdict {
        score: own,
        reasons: evidence.reasons(),
        factors: evidence.factors(),
    };
    if let Some(risk) = floor {
        verdict.score = own.max(floor_of(risk.level));
        verdict.reasons.insert(0, "Suspected Threat");
        verdict.factors.push(Factor {
            factor: FactorName::LevelFloor,
            value: risk.level.as_str().to_owned(),
            seen: None,
            nats: None,
            points: verdict.score.saturating_sub(own),
            source: FactorSource::Provider {
                id: risk.provider.clone(),
                name: risk.name.clone(),
            },
        });
    }
    verdict.factors.sort_by_key(|f| Reverse(f.points));
    verdict
}

fn counterfactual(evidence: &Evidence, enforced: &[PartnerRisk], logged_only: Vec<PartnerRisk>) -> Counterfactual {
    let everyone: Vec<PartnerRisk> = enforced.iter().chain(&logged_only).cloned().collect();
    let verdict = verdict(evidence, strongest(&everyone));
    Counterfactual {
        score: verdict.score,
        level: level_of(verdict.score),
        reasons: verdict.reasons,
        partner_risk: logged_only,
    }
}

const fn level_of(score: u8) -> RiskLevel {
    if score >= HIGH_SCORE {
        RiskLevel::High
    } else if score >= MEDIUM_SCORE {
        RiskLevel::Medium
    } else {
        RiskLevel::Low
    }
}

const fn floor_of(level: RiskLevel) -> u8 {
    match level {
        RiskLevel::Low => 0,
        RiskLevel::Medium => MEDIUM_SCORE,
        RiskLevel::High => HIGH_SCORE,
    }
}

#[cfg(test)]
mod tests;
