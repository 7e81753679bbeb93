//! The seam between sign-ins and the model behind them: what is known in, an assessment in Okta's words
//! and a record of its numbers out.

use std::sync::Arc;

use watchfire_model::{
    id::{ReceiptId, ZoneId},
    object::{
        Cause, CauseKind, CauseSource, Detection, LevelFloor, ProviderAction, ProviderTuning, RiskLearning, RiskProvider,
        RiskTuning, Zone, ZoneUsage,
    },
    signal::{IpSignal, ProviderSignal, RiskLevel},
    time::Timestamp,
};

use crate::{
    assessment::{Assessment, Behavior, Counterfactual, Familiarity, PartnerRisk},
    entity,
    factors::factors,
    learning,
    model::{self, Attempt, Basis, Delta, Known, Line, Micro, Of, Path, ProviderWord, Settings},
    zone::{Membership, membership},
};

/// A signal together with what its provider is now: the action at sign-in time is what counts
/// (okta.md 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReport {
    /// Who says it, as configured now.
    pub provider: RiskProvider,
    /// What it came with.
    pub receipt: Arc<ReceiptId>,
    /// When we accepted it: a provider's later word replaces its earlier one.
    pub received_at: Timestamp,
    /// What it says.
    pub signal: IpSignal,
    /// How far it is trusted, in millionths.
    pub trust: u32,
    /// Whether its level is the least level of a sign-in.
    pub floor: bool,
}

impl ProviderReport {
    /// Joins a signal with its provider, trusted as one of which nothing is known; `None` when it is somebody
    /// else's.
    pub fn new(provider: &RiskProvider, said: &ProviderSignal) -> Option<Self> {
        let tuning = ProviderTuning::default();
        (provider.id == said.provider).then(|| Self {
            provider: provider.clone(),
            receipt: Arc::clone(&said.receipt),
            received_at: said.received_at,
            signal: said.signal.clone(),
            trust: tuning.trust,
            floor: tuning.level_floor == LevelFloor::AsReported,
        })
    }

    /// Trusted as administrators and labels say at `now`.
    #[must_use]
    pub fn trusted(self, tuning: &RiskTuning, learnt: Option<&RiskLearning>, now: Timestamp) -> Self {
        let of = tuning.of(&self.provider.id);
        let labels = learnt.and_then(|it| it.providers.get(&self.provider.id));
        Self {
            trust: learning::trust(&of, labels, self.signal.level, now),
            floor: of.level_floor == LevelFloor::AsReported,
            ..self
        }
    }
}

/// What speaks against those who take part in an attempt.
#[derive(Clone, Debug, Default)]
pub struct Against<'a> {
    /// Against its user.
    pub user: &'a [Cause],
    /// Against the device that is presented.
    pub device: Vec<&'a Cause>,
    /// Against sessions of its user.
    pub sessions: Vec<&'a Cause>,
}

/// What others say of an attempt: providers of its address, everybody of its user, the operator's zones.
pub fn signals(
    reports: &[ProviderReport],
    against: &Against<'_>,
    zone: Option<model::Zone>,
    attempt: &Attempt,
) -> model::Signals {
    model::Signals {
        providers: last_words(reports, attempt),
        causes: causes_against(against, attempt.at),
        zone,
    }
}

/// The zone of the operator that speaks for or against an address: a blocklist that holds it, else one that
/// is trusted. What nobody knows to be in a zone is in none.
pub fn telling_zone(zones: &[&Zone], trusted: &[ZoneId], attempt: &Attempt) -> Option<model::Zone> {
    let holds = |zone: &Zone| membership(zone, attempt.address, &attempt.place) == Membership::Inside;
    let holding = |is_asked: &dyn Fn(&Zone) -> bool| zones.iter().find(|zone| is_asked(zone) && holds(zone));
    let told = |zone: &&Zone, trusted: bool| model::Zone {
        name: zone.name.clone(),
        trusted,
    };
    let blocked = holding(&|zone| zone.usage == ZoneUsage::Blocklist).map(|zone| told(zone, false));
    blocked.or_else(|| holding(&|zone| trusted.contains(&zone.id)).map(|zone| told(zone, true)))
}

/// An assessment, and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessed {
    /// The verdict.
    pub assessment: Assessment,
    /// The numbers that it is computed from: to be stored with the sign-in.
    pub basis: Basis,
    /// To be learnt if the sign-in is accepted; nothing is learnt from failures.
    pub delta: Delta,
    /// Whether it may be learnt without a second factor: nothing speaks against it but that the user is
    /// new (risk-engine.md 5.9).
    pub teaches_alone: bool,
}

/// Judges one attempt, whose values `path` holds. A user without a profile yet has an empty one.
pub fn assess(known: Known<'_>, attempt: &Attempt, path: &Path, settings: &Settings) -> Assessed {
    let judged = model::judge(known, attempt, path, settings);
    Assessed {
        assessment: assessment(&judged.basis, (judged.behaviors, judged.familiar), attempt),
        teaches_alone: judged.verdict.is_unsuspicious(settings),
        basis: judged.basis,
        delta: judged.delta,
    }
}

/// The assessment that follows from recorded numbers: the same as it was, to the bit, as long as the
/// formulas are of the same version. Only the names of what was seen are taken from `attempt`.
pub fn assessment(basis: &Basis, (behaviors, familiar): (Vec<Behavior>, Familiarity), attempt: &Attempt) -> Assessment {
    let verdict = basis.verdict();
    let partner_risk = partner_risk(basis, true);
    Assessment {
        score: verdict.score,
        level: verdict.level,
        reasons: reasons(&verdict, basis, attempt),
        factors: factors(&verdict, basis, attempt),
        behaviors,
        familiar,
        threat_suspected: partner_risk.iter().any(|risk| risk.level > RiskLevel::Low),
        counterfactual: counterfactual(basis, attempt),
        partner_risk,
    }
}

/// What the verdict would be if the providers that are only logged counted too.
fn counterfactual(basis: &Basis, attempt: &Attempt) -> Option<Counterfactual> {
    let logged_only = partner_risk(basis, false);
    if logged_only.is_empty() {
        return None;
    }
    let mut heard = basis.clone();
    heard.signals.providers.iter_mut().for_each(|word| word.counts = true);
    let verdict = heard.verdict();
    Some(Counterfactual {
        score: verdict.score,
        level: verdict.level,
        reasons: reasons(&verdict, &heard, attempt),
        partner_risk: logged_only,
    })
}

fn reasons(verdict: &model::Verdict, basis: &Basis, attempt: &Attempt) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    // Of somebody without history, everything is new.
    let all_new: &[&str] = if basis.successes == 0 {
        &["New Device", "New IP"]
    } else {
        &[]
    };
    for reason in verdict.reasons().into_iter().chain(all_new.iter().copied()) {
        // Without a data set the network is only a wider prefix.
        let reason = match reason {
            "New ASN" if attempt.place.asn.is_none() => "New IP",
            other => other,
        };
        if !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }
    for (factor, of) in OF_CAUSES {
        if verdict.is_reason(factor) {
            let strongest = basis.signals.causes.iter().find(|cause| cause.of == of);
            let detection = strongest.map(|cause| cause.detection.clone());
            reasons.extend(
                detection
                    .filter(|detection| !reasons.contains(detection))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
    }
    reasons
}

const OF_CAUSES: [(model::Factor, Of); 3] = [
    (model::Factor::UserRisk, Of::User),
    (model::Factor::DeviceRisk, Of::Device),
    (model::Factor::SessionRisk, Of::Session),
];

/// What providers say whose word counts, or is only logged, riskiest first.
fn partner_risk(basis: &Basis, counts: bool) -> Vec<PartnerRisk> {
    let words = basis.signals.providers.iter();
    let mut said: Vec<PartnerRisk> = words
        .filter(|word| word.counts == counts && word.holds(basis.at))
        .map(PartnerRisk::of)
        .collect();
    said.sort_by(|a, b| (std::cmp::Reverse(a.level), &a.name).cmp(&(std::cmp::Reverse(b.level), &b.name)));
    said
}

/// Of each provider its last word about the address, unexpired.
fn last_words(reports: &[ProviderReport], attempt: &Attempt) -> Vec<ProviderWord> {
    let here = attempt.address.to_canonical();
    let about_here = reports.iter().filter(|r| r.signal.ip.to_canonical() == here);
    let mut last: Vec<&ProviderReport> = Vec::new();
    for report in about_here.filter(|r| r.provider.action != ProviderAction::None) {
        match last.iter_mut().find(|known| known.provider.id == report.provider.id) {
            Some(known) if report.received_at >= known.received_at => *known = report,
            Some(_) => {}
            None => last.push(report),
        }
    }
    last.into_iter()
        .filter(|report| attempt.at < report.signal.expires_at)
        .map(|report| word(report, attempt))
        .collect()
}

fn word(report: &ProviderReport, attempt: &Attempt) -> ProviderWord {
    ProviderWord {
        id: report.provider.id.to_string(),
        name: report.provider.name.clone(),
        receipt: Some(ReceiptId::clone(&report.receipt)),
        level: report.signal.level,
        message: report.signal.message.clone().filter(|message| !message.is_empty()),
        since: report.received_at,
        expires: report.signal.expires_at,
        trust: Micro::of_millionths(report.trust),
        line: match attempt.place.hosting {
            Some(true) => Line::Hosting,
            Some(false) | None => Line::Unknown,
        },
        counts: report.provider.action == ProviderAction::EnforceAndLog,
        floor: report.floor,
    }
}

/// Causes of one attempt that are kept: beside the two strongest none counts.
const MOST_CAUSES: usize = 8;

/// What is left of a cause as evidence at a sign-in. The level that is stated of a device is the device's own, as
/// it is with users; but of a sign-in a HIGH device says 2.5 nats where a HIGH user says 4 (risk-engine.md 5.7).
fn at_sign_in(cause: &Cause, of: Of, now: Timestamp) -> i32 {
    let left = entity::strength(cause, now);
    match (cause.kind, of) {
        (CauseKind::DeviceRisk, _) | (CauseKind::RiskLevel, Of::Device) => left.saturating_mul(5) / 8,
        _ => left,
    }
}

/// What speaks against those who take part, strongest first. What our own sign-ins have said of the user is no
/// evidence of its own: counted again, one odd sign-in would make the next one odd.
fn causes_against(against: &Against<'_>, now: Timestamp) -> Vec<model::Cause> {
    let of = |of: Of| move |cause: &'_ Cause| (at_sign_in(cause, of, now), of, cause.clone());
    let user = against.user.iter().map(of(Of::User));
    let device = against.device.iter().copied().map(of(Of::Device));
    let sessions = against.sessions.iter().copied().map(of(Of::Session));
    let mut found: Vec<(i32, Of, Cause)> = user
        .chain(device)
        .chain(sessions)
        .filter(|(_, _, cause)| cause.kind != CauseKind::SignIn)
        .filter(|(left, _, _)| *left >= entity::LEAST_MILLINATS || *left < 0)
        .collect();
    found.sort_by_key(|(left, _, _)| std::cmp::Reverse(*left));
    let mut told: Vec<(i32, Of, Cause)> = Vec::with_capacity(found.len().min(MOST_CAUSES));
    for one in found {
        if !told.iter().any(|(_, _, other)| entity::is_one_event(&one.2, other)) {
            told.push(one);
        }
    }
    told.truncate(MOST_CAUSES);
    told.into_iter()
        .map(|(left, of, cause)| model::Cause {
            of,
            detection: detection(&cause).display_name().to_owned(),
            milli_nats: i64::from(left),
        })
        .collect()
}

const fn detection(cause: &Cause) -> Detection {
    match (&cause.source, cause.kind) {
        (_, CauseKind::NotMe) => Detection::UserReportedSuspiciousActivity,
        (CauseSource::Provider { .. }, _) => Detection::SecurityEventsProviderReportedRisk,
        (CauseSource::Administrator, _) => Detection::AdminReportedUserRisk,
        (CauseSource::Engine, _) => Detection::SessionInfluencedUserRisk,
    }
}

#[cfg(test)]
mod tests;
