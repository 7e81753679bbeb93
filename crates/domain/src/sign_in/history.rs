//! The record of a sign-in: written when the policies are asked, ended once, learnt from, taken back.

use std::time::Duration;

use serde_json::Value;
use watchfire_engine::{
    Assessed, Assessment, Behavior, BehaviorResult, Familiarity, explain,
    model::{Attempt, Basis, Delta, Place, is_known_version},
    policy::{Decision as PolicyDecision, Evaluation, RuleExplanation},
    user_agent::Device,
};
use watchfire_model::{
    id::{GroupId, SignInId, UserId},
    object::{
        Asked, AskedBy, BehaviorSettings, Lesson, Named, RuleOutcome, SignInClient, SignInProfile, SignInRecord, SignInRisk,
        SignInState, SignInVerdict, User,
    },
    row::Decision,
    slice::Slice,
};

use super::sighting::{Sighting, profile};
use crate::command::Context;

/// What a record is made of.
pub(super) struct Judgement<'a> {
    pub(super) user: &'a User,
    pub(super) login: &'a str,
    pub(super) asked_by: AskedBy,
    pub(super) application: Option<&'a str>,
    pub(super) seen: &'a Sighting,
    pub(super) assessed: &'a Assessed,
    pub(super) evaluation: &'a Evaluation,
    pub(super) revision: String,
    pub(super) groups: Vec<GroupId>,
    pub(super) kept_for: Duration,
    /// Rules whose outcomes are kept.
    pub(super) rules_kept: usize,
}

impl Judgement<'_> {
    /// The record of this attempt, which waits for its end.
    pub(super) fn record(self, context: &mut Context<'_>) -> SignInRecord {
        let assessment = &self.assessed.assessment;
        SignInRecord {
            id: SignInId::at(context.ids, context.now),
            user_id: self.user.id.clone(),
            login: self.login.to_owned(),
            at: context.now.as_printed(),
            asked_by: self.asked_by,
            application: self.application.map(str::to_owned),
            client: client(&self.seen.attempt),
            groups: self.groups,
            risk: SignInRisk {
                score: assessment.score,
                level: assessment.level,
                reasons: assessment.reasons.clone(),
                behaviors: assessment
                    .behaviors
                    .iter()
                    .map(|it| (it.name.clone(), it.result.as_str().to_owned()))
                    .collect(),
                device_known: assessment.familiar.device,
            },
            asked: asked(self.evaluation, self.revision, self.rules_kept),
            idempotency: None,
            state: SignInState::Pending,
            ended_at: None,
            basis: serde_json::to_value(&self.assessed.basis).unwrap_or_default(),
            lesson: Some(Lesson {
                delta: serde_json::to_value(&self.assessed.delta).unwrap_or_default(),
                alone: self.assessed.teaches_alone,
                learnt_at: None,
                profile_before: None,
                taken_back_at: None,
            }),
            label: None,
            expires_at: context.now.plus(self.kept_for),
        }
    }
}

/// The numbers that the record's verdict was computed from; `None` when they are of another version.
pub fn recorded_basis(record: &SignInRecord) -> Option<Basis> {
    serde_json::from_value(record.basis.clone()).ok()
}

/// What the record teaches, or has taught.
pub fn recorded_delta(record: &SignInRecord) -> Option<Delta> {
    serde_json::from_value(record.lesson.as_ref()?.delta.clone()).ok()
}

/// The attempt as far as the record shows it: the names of what was seen.
pub fn recorded_attempt(record: &SignInRecord) -> Attempt {
    let client = &record.client;
    let user_agent = client.user_agent.clone().unwrap_or_default();
    Attempt {
        at: record.at,
        address: client.ip,
        place: Place {
            country: client.country.clone(),
            state: client.state.clone(),
            city: client.city.clone(),
            asn: client.asn,
            region: client.region.clone(),
            hosting: client.is_hosting(),
            ..Place::default()
        },
        device: Device::parse(&user_agent),
        user_agent,
        token: client.device_token_hash.clone(),
    }
}

/// The assessment that the recorded numbers come to; `None` when they are of a version that is not known.
pub fn recorded_assessment(record: &SignInRecord) -> Option<Assessment> {
    let basis = recorded_basis(record).filter(|basis| is_known_version(basis.version))?;
    let behaviors = record.risk.behaviors.iter().filter_map(|(name, result)| {
        Some(Behavior {
            id: None,
            name: name.clone(),
            result: BehaviorResult::parse(result)?,
        })
    });
    let mut behaviors: Vec<Behavior> = behaviors.collect();
    let place = |name: &str| BehaviorSettings::SEEDS.iter().position(|(seed, _)| *seed == name);
    behaviors.sort_by_key(|it| place(&it.name).unwrap_or(usize::MAX));
    let familiar = Familiarity {
        device: record.risk.device_known,
        country: None,
    };
    Some(explain(&basis, (behaviors, familiar), &recorded_attempt(record)))
}

/// Ends a sign-in. One that let nobody in has nothing to teach.
pub(super) fn ended(mut record: SignInRecord, state: SignInState, context: &Context<'_>) -> SignInRecord {
    if record.state == SignInState::NotMe {
        // Somebody has said so while it was under way.
        return record;
    }
    record.state = state;
    record.ended_at = Some(context.now);
    if !state.is_success() {
        record.lesson = None;
    }
    record
}

/// Ends a sign-in that let its user in, and learns from it what may be learnt (risk-engine.md 5.9): with a
/// second factor always, without one only where nothing spoke against it but that the user is new.
pub(super) fn accepted(
    record: SignInRecord,
    state: SignInState,
    (slice, decision): (&Slice, &mut Decision),
    context: &Context<'_>,
) -> SignInRecord {
    let mut record = ended(record, state, context);
    let may_learn = match (record.asked.decision, record.state) {
        (SignInVerdict::Deny, _) => false,
        (_, SignInState::NotMe) => false,
        (_, SignInState::ChallengePassed) => true,
        (SignInVerdict::Allow, _) => record.lesson.as_ref().is_some_and(|lesson| lesson.alone),
        (SignInVerdict::Challenge, _) => false,
    };
    let delta = recorded_delta(&record).filter(|_| may_learn);
    let lesson = record.lesson.take().zip(delta);
    record.lesson = lesson.and_then(|(lesson, delta)| teach(&record.user_id, lesson, delta, (slice, decision), context));
    record
}

/// Adds to the profile of a user what a sign-in has to teach. Others may have come between the sign-in and now.
pub(super) fn teach(
    user: &UserId,
    lesson: Lesson,
    delta: Delta,
    (slice, decision): (&Slice, &mut Decision),
    context: &Context<'_>,
) -> Option<Lesson> {
    let mut profile = profile(slice, user);
    let before = (!profile.is_empty()).then(|| profile.to_text());
    let delta = Delta {
        nth: profile.successes().saturating_add(1),
        ..delta
    };
    profile.apply(&delta);
    decision.put(SignInProfile {
        user_id: user.clone(),
        profile: profile.to_text(),
    });
    Some(Lesson {
        delta: serde_json::to_value(&delta).ok()?,
        learnt_at: Some(context.now.as_printed()),
        profile_before: before,
        taken_back_at: None,
        ..lesson
    })
}

fn client(attempt: &Attempt) -> SignInClient {
    SignInClient {
        ip: attempt.address,
        user_agent: Some(attempt.user_agent.clone()).filter(|agent| !agent.is_empty()),
        device_token_hash: attempt.token.clone(),
        country: attempt.place.country.clone(),
        state: attempt.place.state.clone(),
        city: attempt.place.city.clone(),
        asn: attempt.place.asn,
        region: attempt.place.region.clone(),
        hosting: attempt.place.hosting == Some(true),
        hosting_known: Some(attempt.place.hosting.is_some()),
    }
}

fn asked(evaluation: &Evaluation, revision: String, rules_kept: usize) -> Asked {
    let (rules, outcomes) = outcomes(&evaluation.explanation, rules_kept);
    Asked {
        decision: match evaluation.decision {
            PolicyDecision::Allow => SignInVerdict::Allow,
            PolicyDecision::Challenge => SignInVerdict::Challenge,
            PolicyDecision::Deny => SignInVerdict::Deny,
        },
        policy: evaluation.policy.as_ref().map(|it| Named {
            id: it.id.clone(),
            name: it.name.clone(),
        }),
        rule: evaluation.rule.as_ref().map(|it| Named {
            id: it.id.clone(),
            name: it.name.clone(),
        }),
        revision,
        rules: Some(rules),
        outcomes,
        explanation: Value::Null,
    }
}

/// How many rules were asked, and what came of the last `most` of them: those before the one that decided.
pub(crate) fn outcomes(asked: &[RuleExplanation], most: usize) -> (u32, Vec<RuleOutcome>) {
    let outcome = |rule: &RuleExplanation| RuleOutcome {
        id: rule.id.clone(),
        no: rule.conditions.iter().find(|it| !it.result).map(|it| it.condition.to_owned()),
    };
    let last = asked.iter().skip(asked.len().saturating_sub(most));
    (u32::try_from(asked.len()).unwrap_or(u32::MAX), last.map(outcome).collect())
}
