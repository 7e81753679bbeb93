//! Making, changing and removing sign-on policies (okta.md 9.3).

use watchfire_engine::policy::priority;
use watchfire_model::{
    id::PolicyId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{Group, Kind, Policy, PolicyDraft, Rule, Status, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Policies that one organisation may have, the default one included.
pub const MAX_POLICIES: usize = 100;

/// What the standard text says of a name that somebody else has (okta.md 11.6).
pub(crate) const TAKEN: &str = "An object with this field already exists in the current organization";

/// Makes a policy.
#[derive(Clone, Debug)]
pub struct CreatePolicy {
    /// What it is to be.
    pub draft: PolicyDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreatePolicy {
    type Outcome = Policy;

    fn needs(&self) -> Vec<Need> {
        needs(&self.draft)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Policy> {
        self.try_decide(slice, context).into()
    }
}

impl CreatePolicy {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Policy), Rejection> {
        if slice.all::<Policy>().len() >= MAX_POLICIES {
            return Err(Rejection::Invalid {
                field: "policy".to_owned(),
                causes: vec![format!("Maximum number of policies ({MAX_POLICIES}) reached")],
            });
        }
        check(&self.draft, None, slice)?;
        let policy = Policy {
            id: PolicyId::generate(context.ids),
            name: self.draft.name.clone(),
            description: self.draft.description.clone(),
            status: self.draft.status.unwrap_or_default(),
            priority: 0,
            system: false,
            groups: self.draft.groups.clone(),
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        let policy = place(&mut decision, slice, policy, self.draft.priority);
        let event = event(EventType::PolicyCreate, &self.actor, &self.origin, &policy);
        context.log(&mut decision, event);
        Ok((decision, policy))
    }
}

/// Replaces what an administrator says of a policy. What the default one is for, its place and its
/// status stay.
#[derive(Clone, Debug)]
pub struct ReplacePolicy {
    /// Which one.
    pub id: PolicyId,
    /// What it is to be.
    pub draft: PolicyDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplacePolicy {
    type Outcome = Policy;

    fn needs(&self) -> Vec<Need> {
        needs(&self.draft)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Policy> {
        self.try_decide(slice, context).into()
    }
}

impl ReplacePolicy {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Policy), Rejection> {
        let old = find(slice, &self.id)?;
        check(&self.draft, Some(&self.id), slice)?;
        let status = self.draft.status.unwrap_or(old.status);
        if old.system && status == Status::Inactive {
            return Err(Rejection::invalid("status", "The default policy cannot be deactivated"));
        }
        if old.system && !self.draft.groups.is_empty() {
            return Err(Rejection::invalid("conditions", "The default policy is for everyone"));
        }
        let policy = Policy {
            name: self.draft.name.clone(),
            description: self.draft.description.clone(),
            status,
            groups: self.draft.groups.clone(),
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        let policy = place(&mut decision, slice, policy, self.draft.priority);
        let event = event(EventType::PolicyUpdate, &self.actor, &self.origin, &policy);
        context.log(&mut decision, event);
        Ok((decision, policy))
    }
}

/// Removes a policy and its rules.
#[derive(Clone, Debug)]
pub struct DeletePolicy {
    /// Which one.
    pub id: PolicyId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeletePolicy {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Policy>(), Need::children::<Rule>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeletePolicy {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let policy = find(slice, &self.id)?;
        if policy.system {
            return Err(Rejection::invalid("policy", "The default policy cannot be deleted"));
        }
        let mut decision = Decision::new();
        for rule in slice.children::<Rule>(self.id.as_str()) {
            decision.delete(Kind::Rule, rule.id.as_str());
        }
        decision.delete(Kind::Policy, self.id.as_str());
        let before = existing(slice);
        for moved in priority::changed(&before, priority::without(&before, self.id.as_str())) {
            decision.put(moved);
        }
        context.log(
            &mut decision,
            event(EventType::PolicyDelete, &self.actor, &self.origin, policy),
        );
        Ok((decision, ()))
    }
}

/// Switches a policy on or off.
#[derive(Clone, Debug)]
pub struct SetPolicyStatus {
    /// Which one.
    pub id: PolicyId,
    /// On or off.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetPolicyStatus {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Policy>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl SetPolicyStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let old = find(slice, &self.id)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, ()));
        }
        let event_type = match self.status {
            Status::Active => EventType::PolicyActivate,
            Status::Inactive if old.system => {
                return Err(Rejection::invalid("status", "The default policy cannot be deactivated"));
            }
            Status::Inactive => EventType::PolicyDeactivate,
        };
        let policy = Policy {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(policy.clone());
        context.log(&mut decision, event(event_type, &self.actor, &self.origin, &policy));
        Ok((decision, ()))
    }
}

/// How log events name a policy (okta.md 8.6).
pub(crate) fn target(policy: &Policy) -> Target {
    Target::new("PolicyEntity", policy.id.as_str(), &policy.name)
}

fn needs(draft: &PolicyDraft) -> Vec<Need> {
    let groups = draft.groups.iter().map(|id| Need::object::<Group>(id.as_str()));
    std::iter::once(Need::all::<Policy>()).chain(groups).collect()
}

fn find<'s>(slice: &'s Slice, id: &PolicyId) -> Result<&'s Policy, Rejection> {
    slice
        .get::<Policy>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "Policy"))
}

fn existing(slice: &Slice) -> Vec<Policy> {
    slice.all::<Policy>().into_iter().cloned().collect()
}

fn check(draft: &PolicyDraft, own: Option<&PolicyId>, slice: &Slice) -> Result<(), Rejection> {
    let others = slice.all::<Policy>().into_iter().filter(|p| Some(&p.id) != own);
    if others.into_iter().any(|p| fold(&p.name) == fold(&draft.name)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    match draft.groups.iter().find(|id| slice.get::<Group>(id.as_str()).is_none()) {
        Some(id) => Err(Rejection::invalid(
            "conditions.people.groups.include",
            &format!("Invalid group id: {id}"),
        )),
        None => Ok(()),
    }
}

/// Writes `policy` in its place, and those that move for it.
fn place(decision: &mut Decision, slice: &Slice, policy: Policy, wished: Option<u32>) -> Policy {
    let before = existing(slice);
    let after = priority::place(&before, policy.clone(), wished);
    let placed = after.iter().find(|p| p.id == policy.id).cloned().unwrap_or(policy);
    for moved in priority::changed(&before, after) {
        decision.put(moved);
    }
    placed
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, policy: &Policy) -> LogEvent {
    let target = target(policy)
        .detail("policyType", "OKTA_SIGN_ON")
        .detail("status", policy.status.as_str())
        .detail("priority", policy.priority);
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}

#[cfg(test)]
mod tests;
