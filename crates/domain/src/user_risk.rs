//! An administrator says how risky a user is, or that something no longer speaks against an entity
//! (okta.md 9.7).

use std::collections::BTreeMap;

use watchfire_model::{
    entity::Entity,
    id::UserId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Cause, CauseKind, CauseSource, Detection, EntityRisk, User},
    row::Decision,
    signal::RiskLevel,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{self, Change, Detected, EntityRisks, From, GuardLimits},
};

/// The reason of an override that gives none (okta.md 13, row 26).
pub const DEFAULT_REASON: &str = "Admin override risk";

/// An administrator says how risky a user is.
#[derive(Clone, Debug)]
pub struct SetUserRisk {
    /// Who.
    pub user: UserId,
    /// How.
    pub level: RiskLevel,
    /// Why.
    pub reason: Option<String>,
    /// Limits of what rules do then.
    pub limits: GuardLimits,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// What became of an override.
#[derive(Clone, Debug)]
pub struct UserRiskSet {
    /// Whether the user had no risk record before.
    pub created: bool,
    /// What is known of the user now.
    pub risk: EntityRisk,
}

impl Command for SetUserRisk {
    type Outcome = UserRiskSet;

    fn needs(&self) -> Vec<Need> {
        entity_risk::needs()
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        entity_risk::follow_up(slice, &[self.entity()], None)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<UserRiskSet> {
        self.try_decide(slice, context).into()
    }
}

impl SetUserRisk {
    fn entity(&self) -> Entity {
        Entity::User(self.user.clone())
    }

    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, UserRiskSet), Rejection> {
        if slice.get::<User>(self.user.as_str()).is_none() {
            return Err(Rejection::not_found(self.user.as_str(), "User"));
        }
        let entity = self.entity();
        let mut risks = EntityRisks::new(slice, self.limits, context.now);
        let created = !risks.risk(&entity).recorded;
        let reason = self.reason.as_deref().unwrap_or(DEFAULT_REASON);
        let cause = Cause {
            kind: CauseKind::AdminOverride,
            source: CauseSource::Administrator,
            millinats: stated(self.level),
            half_life: None,
            since: context.now,
            reason: Some(reason.to_owned()),
            receipt: None,
            transaction: None,
            step_ups: 0,
        };
        risks.change(&entity, Change::Override(cause));
        let mut decision = Decision::new();
        risks.detect(
            &mut decision,
            context,
            &Detected {
                user: &self.user,
                detection: Detection::AdminReportedUserRisk,
                source: &CauseSource::Administrator,
                reasons: &[reason.to_owned()],
                actor: Some(&self.actor),
                origin: &self.origin,
                receipt: None,
                details: &BTreeMap::new(),
            },
        );
        let risk = risks.risk(&entity).clone();
        risks.write(&mut decision);
        Ok((decision, UserRiskSet { created, risk }))
    }
}

/// The strength of an administrator's word (risk-engine.md 5.7). It does not fade.
const fn stated(level: RiskLevel) -> i32 {
    match level {
        RiskLevel::High => 4_000,
        RiskLevel::Medium => 2_000,
        RiskLevel::Low => -1_000,
    }
}

/// An administrator says that something no longer speaks against an entity.
#[derive(Clone, Debug)]
pub struct ClearCauses {
    /// Whom it spoke against.
    pub entity: Entity,
    /// What; empty is everything.
    pub kinds: Vec<CauseKind>,
    /// Limits of what rules do then.
    pub limits: GuardLimits,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ClearCauses {
    type Outcome = EntityRisk;

    fn needs(&self) -> Vec<Need> {
        entity_risk::needs()
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        entity_risk::follow_up(slice, std::slice::from_ref(&self.entity), None)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EntityRisk> {
        self.try_decide(slice, context).into()
    }
}

impl ClearCauses {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EntityRisk), Rejection> {
        if slice.get::<EntityRisk>(&self.entity.to_string()).is_none() {
            return Err(Rejection::not_found(self.entity.id(), "EntityRisk"));
        }
        let mut risks = EntityRisks::new(slice, self.limits, context.now);
        let kinds = if self.kinds.is_empty() {
            CauseKind::ALL.to_vec()
        } else {
            self.kinds.clone()
        };
        let cleared = risks.change(&self.entity, Change::Clear { kinds, from: From::Any });
        let mut decision = Decision::new();
        if !cleared.is_empty() {
            self.record(&cleared, &risks, &mut decision, context);
        }
        let risk = risks.risk(&self.entity).clone();
        risks.write(&mut decision);
        Ok((decision, risk))
    }

    /// Nothing was found, so no rule is asked: `user.risk.detect` would be wrong.
    fn record(&self, cleared: &[CauseKind], risks: &EntityRisks<'_>, decision: &mut Decision, context: &mut Context<'_>) {
        let mut target = Target::new(self.entity.kind(), self.entity.id(), self.entity.id());
        if let Some(user) = self.entity.user().and_then(|id| risks.user(id)) {
            target = crate::user::target(user);
        }
        let event = LogEvent::new(EventType::EntityRiskClear, self.actor.clone())
            .from_request(&self.origin)
            .target(target)
            .debug("clearedCauses", entity_risk::names(cleared));
        context.log(decision, event);
    }
}

#[cfg(test)]
mod tests;
