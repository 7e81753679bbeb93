//! What a sign-in means for the risk of its user (risk-engine.md 5.7, ssf.md annex B).

use std::{collections::BTreeMap, time::Duration};

use watchfire_engine::{
    Assessment,
    model::{Basis, Profile},
};
use watchfire_model::{
    entity::Entity,
    id::ReceiptId,
    log::RequestOrigin,
    object::{AuthnTransaction, Cause, CauseKind, CauseSource, Detection, EntityRisk, User},
    row::Decision,
    signal::RiskLevel,
    slice::Slice,
};

use super::{
    record::actor,
    sighting::{is_called_false, profile},
};
use crate::{
    command::Context,
    entity_risk::{Change, Detected, EntityRisks, GuardLimits, Response},
};

/// What a HIGH sign-in says against its user: enough for MEDIUM.
const MILLINATS: i32 = 2_000;
/// How fast that fades.
const HALF_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Successes after which a user has habits that a sign-in can break. Before that a sign-in is HIGH because
/// nothing is known, which says nothing against the user.
const SUCCESSES_OF_HABIT: u32 = 3;

/// A sign-in whose password was right.
pub(super) struct Influence<'a> {
    pub(super) user: &'a User,
    pub(super) assessment: &'a Assessment,
    /// The numbers that it is computed from.
    pub(super) basis: Option<&'a Basis>,
    /// The debug members of its events.
    pub(super) details: &'a BTreeMap<String, String>,
    pub(super) origin: &'a RequestOrigin,
}

/// A sign-in with the right password that is HIGH raises the user to MEDIUM; one from a new device or
/// country right after a credential was changed makes that change count double. The policy decides what
/// is done about it.
pub(super) fn raise(
    influence: &Influence<'_>,
    risks: &mut EntityRisks<'_>,
    slice: &Slice,
    (decision, context): (&mut Decision, &mut Context<'_>),
) -> Response {
    let assessment = influence.assessment;
    let entity = Entity::User(influence.user.id.clone());
    let made_high_by = influence.basis.and_then(Basis::made_high_by);
    // What made it HIGH may have been called a false alarm before its outcome was told.
    let is_false = made_high_by.is_some_and(|receipt| is_called_false(receipt, slice));
    let is_raised = !is_false && tells_something(&profile(slice, &influence.user.id), assessment);
    if is_raised {
        risks.change(&entity, Change::Add(cause(assessment, made_high_by, context)));
    }
    let is_elsewhere = is_elsewhere(assessment) && risks.moved_elsewhere(&entity);
    if !(is_raised || is_elsewhere) {
        return Response::default();
    }
    let details = ["behaviors", "threatSuspected"].iter().filter_map(|&key| {
        let value = influence.details.get(key)?;
        Some((key.to_owned(), value.clone()))
    });
    let details: BTreeMap<String, String> = details.collect();
    risks.detect(
        decision,
        context,
        &Detected {
            user: &influence.user.id,
            detection: Detection::SessionInfluencedUserRisk,
            source: &CauseSource::Engine,
            reasons: &assessment.reasons,
            actor: Some(&actor(influence.user)),
            origin: influence.origin,
            receipt: None,
            details: &details,
        },
    )
}

/// A second factor was shown: what that settles no longer speaks against the user.
pub(super) fn settle(user: &User, transaction: &AuthnTransaction, slice: &Slice, decision: &mut Decision, context: &Context<'_>) {
    let mut risks = EntityRisks::new(slice, GuardLimits::default(), context.now);
    settled(
        &mut risks,
        (user, slice),
        transaction.failures == 0 && transaction.level != RiskLevel::High,
    );
    risks.write(decision);
}

/// As [`settle`]; `clean` where it was shown at once and not at HIGH risk.
pub(super) fn settled(risks: &mut EntityRisks<'_>, (user, slice): (&User, &Slice), clean: bool) {
    risks.change(&Entity::User(user.id.clone()), Change::SteppedUp { clean });
    // Whoever has shown it has signed in anew: so much of what was said of the sessions before is settled too.
    for risk in slice.children::<EntityRisk>(user.id.as_str()) {
        if matches!(risk.entity, Entity::Session(_)) {
            risks.change(&risk.entity, Change::SteppedUp { clean });
        }
    }
}

fn tells_something(profile: &Profile, assessment: &Assessment) -> bool {
    let is_known = profile.successes() >= SUCCESSES_OF_HABIT;
    assessment.level == RiskLevel::High && (is_known || assessment.threat_suspected)
}

fn is_elsewhere(assessment: &Assessment) -> bool {
    let familiar = assessment.familiar;
    [familiar.device, familiar.country].contains(&Some(false))
}

fn cause(assessment: &Assessment, made_high_by: Option<&ReceiptId>, context: &Context<'_>) -> Cause {
    Cause {
        kind: CauseKind::SignIn,
        source: CauseSource::Engine,
        millinats: MILLINATS,
        half_life: Some(HALF_LIFE),
        since: context.now,
        reason: Some(assessment.reasons.join(", ")).filter(|reasons| !reasons.is_empty()),
        // Should that have been a false alarm, so was this.
        receipt: made_high_by.cloned(),
        transaction: None,
        step_ups: 0,
    }
}
