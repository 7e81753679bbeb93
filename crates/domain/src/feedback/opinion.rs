//! What an opinion does, and how it is taken back.

use std::{collections::BTreeMap, time::Duration};

use watchfire_model::{
    entity::Entity,
    id::{FeedbackId, SignInId},
    log::{Actor, RequestOrigin},
    object::{
        Cause, CauseKind, CauseSource, Detection, EntityRisk, Feedback, FeedbackEffects, FeedbackLabel, FeedbackSubject,
        FeedbackTrace, SignInRecord, SignInState,
    },
    row::Decision,
    slice::Slice,
    time::Timestamp,
};

use super::finding::Finding;
use crate::{
    command::Context,
    entity_risk::{Change, Detected, EntityRisks, From, GuardLimits},
    risk_learning::{Learner, Voter},
    sign_in::disown,
};

/// What a sign-in that was somebody else's says against its user (risk-engine.md 5.7).
const MILLINATS: i32 = 4_000;
const HALF_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What somebody thinks of a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opinion<'a> {
    pub(crate) label: FeedbackLabel,
    /// Why, for people.
    pub(crate) reason: Option<&'a str>,
    pub(crate) limits: GuardLimits,
    pub(crate) actor: &'a Actor,
    pub(crate) origin: &'a RequestOrigin,
    pub(crate) expires_at: Timestamp,
}

impl Opinion<'_> {
    /// Makes it the one opinion on the finding. A sign-in comes back as it is written then, where that has
    /// changed it: it must not be written a second time.
    pub(crate) fn form(
        self,
        finding: &Finding,
        (slice, decision): (&Slice, &mut Decision),
        context: &mut Context<'_>,
    ) -> (Feedback, Option<SignInRecord>) {
        let known = slice.by_natural::<Feedback>(&finding.subject().key());
        let mut held = Held::new(slice, self.limits, finding.record().cloned(), context);
        if let Some(known) = known {
            held.take_back(&known.effects, (slice, decision), context);
        }
        // As it had ended, and not as the opinion before has left it.
        let judged = held.record.clone().map(|record| Finding::SignIn(Box::new(record)));
        let finding = judged.as_ref().unwrap_or(finding);
        let (trace, replaced) = held.teach(finding, self.label == FeedbackLabel::TruePositive);
        let effects = match self.label {
            FeedbackLabel::FalsePositive => held.clear(finding, slice),
            FeedbackLabel::TruePositive => held.raise(self, finding, (slice, decision), context),
        };
        let record = held.write(decision);
        let feedback = Feedback {
            id: known.map_or_else(|| FeedbackId::at(context.ids, context.now), |known| known.id.clone()),
            subject: finding.subject(),
            label: self.label,
            user_id: finding.user().cloned(),
            reason: self.reason.map(str::to_owned),
            given_by: self.actor.clone(),
            created: known.map_or(context.now, |known| known.created),
            last_updated: context.now,
            effects: FeedbackEffects {
                trace,
                replaced,
                ..effects
            },
            expires_at: self.expires_at,
        };
        decision.put(feedback.clone());
        (feedback, record)
    }
}

/// Takes back what an opinion has done.
pub(super) fn withdraw(
    feedback: &Feedback,
    limits: GuardLimits,
    (slice, decision): (&Slice, &mut Decision),
    context: &mut Context<'_>,
) {
    let record = match &feedback.subject {
        FeedbackSubject::SignIn(id) => slice.get::<SignInRecord>(id.as_str()).cloned(),
        FeedbackSubject::RiskChange(_) | FeedbackSubject::Receipt(_) => None,
    };
    let mut held = Held::new(slice, limits, record, context);
    held.take_back(&feedback.effects, (slice, decision), context);
    held.write(decision);
}

/// What opinions change, as this decision has left it.
struct Held<'s> {
    risks: EntityRisks<'s>,
    learner: Learner<'s>,
    record: Option<SignInRecord>,
    record_changed: bool,
}

impl<'s> Held<'s> {
    fn new(slice: &'s Slice, limits: GuardLimits, record: Option<SignInRecord>, context: &Context<'_>) -> Self {
        Self {
            risks: EntityRisks::new(slice, limits, context.now),
            learner: Learner::new(slice, context.now),
            record,
            record_changed: false,
        }
    }

    fn write(self, decision: &mut Decision) -> Option<SignInRecord> {
        self.risks.write(decision);
        self.learner.write(decision);
        let record = self.record.filter(|_| self.record_changed)?;
        decision.put(record.clone());
        Some(record)
    }

    /// Labels what providers had said; what the sign-in's step-up has taught of them counts no more. Gives both.
    fn teach(&mut self, finding: &Finding, attack: bool) -> (Option<FeedbackTrace>, Option<FeedbackTrace>) {
        match finding {
            Finding::SignIn(record) => {
                if let Some(label) = &record.label {
                    self.learner.take_back(label);
                }
                let words = self.learner.words_of(record);
                let trace = self.learner.label(&Voter::User(&record.user_id), words, attack);
                (trace, record.label.clone())
            }
            Finding::Receipt {
                said: Some((provider, level)),
                ..
            } => {
                let words = self.learner.word_of(provider, *level);
                (self.learner.label(&Voter::Receipts(provider), words, attack), None)
            }
            Finding::Receipt { said: None, .. } | Finding::RiskChange { .. } => (None, None),
        }
    }

    /// A false alarm: what it has said no longer speaks against anybody, nor against addresses. Nothing was found,
    /// so no rule is asked.
    fn clear(&mut self, finding: &Finding, slice: &Slice) -> FeedbackEffects {
        let mut cleared: Vec<(Entity, Cause)> = Vec::new();
        for risk in slice.all::<EntityRisk>() {
            // As this decision has left it, and not as it was loaded.
            let causes = self.risks.risk(&risk.entity).causes.clone();
            for cause in causes.into_iter().filter(|cause| finding.has_raised(cause)) {
                self.end(&risk.entity, &cause);
                cleared.push((risk.entity.clone(), cause));
            }
        }
        FeedbackEffects {
            cleared,
            silenced: finding.is_of_addresses(),
            ..FeedbackEffects::default()
        }
    }

    /// There was an attacker. If it was let in, that is as bad as a stolen credential, and teaches nothing.
    fn raise(
        &mut self,
        opinion: Opinion<'_>,
        finding: &Finding,
        (slice, decision): (&Slice, &mut Decision),
        context: &mut Context<'_>,
    ) -> FeedbackEffects {
        let Some(record) = self.record.take() else {
            return FeedbackEffects::default();
        };
        if !may_be_disowned(record.state) {
            self.record = Some(record);
            return FeedbackEffects::default();
        }
        let entity = Entity::User(record.user_id.clone());
        let cause = cause(&record.id, opinion.reason, context.now);
        let is_same = |known: &&Cause| known.kind == cause.kind && known.source.is_same(&cause.source);
        let replaced = self.risks.risk(&entity).causes.iter().find(is_same).cloned();
        self.risks.change(&entity, Change::Add(cause.clone()));
        let reasons: Vec<String> = cause.reason.iter().cloned().collect();
        let detected = finding.user().map(|user| Detected {
            user,
            detection: Detection::UserReportedSuspiciousActivity,
            source: &CauseSource::Engine,
            reasons: &reasons,
            actor: Some(opinion.actor),
            origin: opinion.origin,
            receipt: None,
            details: &NO_DETAILS,
        });
        if let Some(detected) = detected {
            self.risks.detect(decision, context, &detected);
        }
        let disowned = Some((record.state, record.ended_at));
        self.record = Some(disown::disown(record, slice, decision, context));
        self.record_changed = true;
        FeedbackEffects {
            cleared: replaced.into_iter().map(|cause| (entity.clone(), cause)).collect(),
            raised: Some((entity, cause)),
            disowned,
            ..FeedbackEffects::default()
        }
    }

    /// Everything is as if nobody had said so, but for what others have said since.
    fn take_back(&mut self, effects: &FeedbackEffects, (slice, decision): (&Slice, &mut Decision), context: &Context<'_>) {
        if let Some(trace) = &effects.trace {
            self.learner.take_back(trace);
        }
        if let Some(trace) = &effects.replaced {
            self.learner.put_back(trace);
        }
        if let Some((entity, cause)) = &effects.raised {
            let is_it = |known: &Cause| known.kind == cause.kind && known.since == cause.since;
            if self.risks.risk(entity).causes.iter().any(is_it) {
                self.end(entity, cause);
            }
        }
        for (entity, cause) in &effects.cleared {
            let is_newer = |known: &Cause| known.kind == cause.kind && known.source.is_same(&cause.source);
            if !self.risks.risk(entity).causes.iter().any(is_newer) {
                self.risks.change(entity, Change::Add(cause.clone()));
            }
        }
        let Some(was) = effects.disowned else { return };
        if let Some(record) = self.record.take_if(|record| record.state == SignInState::NotMe) {
            self.record = Some(disown::own_again(record, was, (slice, decision), context));
            self.record_changed = true;
        }
    }

    fn end(&mut self, entity: &Entity, cause: &Cause) {
        let change = Change::Clear {
            kinds: vec![cause.kind],
            from: From::Source(cause.source.clone()),
        };
        self.risks.change(entity, change);
    }
}

static NO_DETAILS: BTreeMap<String, String> = BTreeMap::new();

/// Nobody was let in by one that failed; one that is still under way may yet be the attacker's.
const fn may_be_disowned(state: SignInState) -> bool {
    state.is_success() || matches!(state, SignInState::Pending)
}

fn cause(id: &SignInId, reason: Option<&str>, now: Timestamp) -> Cause {
    Cause {
        kind: CauseKind::NotMe,
        source: CauseSource::Engine,
        millinats: MILLINATS,
        half_life: Some(HALF_LIFE),
        since: now,
        reason: Some(reason.map_or_else(|| format!("Sign-in {id} was somebody else's"), str::to_owned)),
        receipt: None,
        transaction: None,
        step_ups: 0,
    }
}
