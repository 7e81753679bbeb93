//! The entity risk policy: there is one, and it stays (okta.md 9.4).

use watchfire_model::{
    id::{EntityRiskPolicyId, EntityRiskRuleId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{EntityRiskConditions, EntityRiskPolicy, EntityRiskRule, Status},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// The place of the catch-all rule, behind all others.
pub const CATCH_ALL_PRIORITY: u32 = 99;

/// Makes the policy and its catch-all rule, in a new store and in one that was made before there was
/// one. Otherwise it does nothing.
#[derive(Clone, Copy, Debug)]
pub struct EnsureEntityRiskPolicy;

impl Command for EnsureEntityRiskPolicy {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<EntityRiskPolicy>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if slice.all::<EntityRiskPolicy>().is_empty() {
            let policy = EntityRiskPolicy {
                id: EntityRiskPolicyId::generate(context.ids),
                name: "Entity Risk Policy".to_owned(),
                description: None,
                created: context.now,
                last_updated: context.now,
            };
            decision.put(catch_all(&policy, context));
            decision.put(policy);
        }
        Decided::done(decision, ())
    }
}

fn catch_all(policy: &EntityRiskPolicy, context: &mut Context<'_>) -> EntityRiskRule {
    EntityRiskRule {
        id: EntityRiskRuleId::generate(context.ids),
        policy_id: policy.id.clone(),
        name: "Catch-all Rule".to_owned(),
        status: Status::Active,
        priority: CATCH_ALL_PRIORITY,
        system: true,
        conditions: EntityRiskConditions::default(),
        actions: Vec::new(),
        created: context.now,
        last_updated: context.now,
        last_updated_by: None,
    }
}

/// Replaces what an administrator says of the policy.
#[derive(Clone, Debug)]
pub struct ReplaceEntityRiskPolicy {
    /// Which one.
    pub id: EntityRiskPolicyId,
    /// Name for people.
    pub name: String,
    /// Description for people.
    pub description: Option<String>,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceEntityRiskPolicy {
    type Outcome = EntityRiskPolicy;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<EntityRiskPolicy>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EntityRiskPolicy> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceEntityRiskPolicy {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EntityRiskPolicy), Rejection> {
        let policy = EntityRiskPolicy {
            name: self.name.clone(),
            description: self.description.clone(),
            last_updated: context.now,
            ..find(slice, &self.id)?.clone()
        };
        let mut decision = Decision::new();
        decision.put(policy.clone());
        let event = LogEvent::new(EventType::PolicyUpdate, self.actor.clone())
            .from_request(&self.origin)
            .target(target(&policy).detail("status", "ACTIVE").detail("priority", 1));
        context.log(&mut decision, event);
        Ok((decision, policy))
    }
}

/// How log events of administrators name the policy.
pub(crate) fn target(policy: &EntityRiskPolicy) -> Target {
    Target::new("PolicyEntity", policy.id.as_str(), &policy.name).detail("policyType", "ENTITY_RISK")
}

pub(crate) fn find<'s>(slice: &'s Slice, id: &EntityRiskPolicyId) -> Result<&'s EntityRiskPolicy, Rejection> {
    slice
        .get::<EntityRiskPolicy>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "Policy"))
}
