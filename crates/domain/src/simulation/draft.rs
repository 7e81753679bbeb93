//! Policies, rules and zones that are not made for good: what they would be beside those that there are.
//! Each is made or replaced by the very command that would do it, so that what is refused there is refused
//! here.

use std::collections::BTreeMap;

use watchfire_engine::{model::Place, policy::PolicySet};
use watchfire_model::{
    id::{IdSource, PolicyId, RuleId, ZoneId},
    log::{Actor, RequestOrigin},
    object::{BehaviorRule, Policy, PolicyDraft, PolicySnapshot, Rule, RuleDraft, Zone, ZoneDraft},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    command::{Command, Context, HookSubscriptions},
    policy::{CreatePolicy, ReplacePolicy},
    policy_rule::{CreateRule, ReplaceRule},
    zone::{CreateZone, ReplaceZone},
};

/// A draft of one object. An id that there is not is a name under which other drafts mention it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted<T> {
    /// What it replaces, or how it is called.
    pub id: Option<String>,
    /// What it is to be.
    pub draft: T,
}

/// What is to be other about the policies of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Zones.
    pub zones: Vec<Drafted<ZoneDraft>>,
    /// Policies.
    pub policies: Vec<Drafted<PolicyDraft>>,
    /// Rules with the policies that they belong to; without one, to the default policy.
    pub rules: Vec<(Option<String>, Drafted<RuleDraft>)>,
}

/// What is wrong with a draft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {rejection}")]
pub struct DraftFault {
    /// Which one, such as `rules[0]`.
    pub member: String,
    /// What its command said.
    pub rejection: Rejection,
}

impl Draft {
    /// Whether nothing is other.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty() && self.policies.is_empty() && self.rules.is_empty()
    }

    /// What must be loaded to lay it over the policies of now.
    pub fn needs(&self) -> Vec<Need> {
        let laying = Laying::new(Slice::default(), Actor::unknown_user(""), Timestamp::default());
        let mut needs = ALL.to_vec();
        let zones = self.zones.iter().map(|it| laying.create_zone(it).needs());
        needs.extend(zones.flatten());
        let policies = self.policies.iter().map(|it| laying.create_policy(it).needs());
        needs.extend(policies.flatten());
        for (policy, rule) in &self.rules {
            needs.extend(
                laying
                    .create_rule(PolicyId::new(policy.clone().unwrap_or_default()), rule)
                    .needs(),
            );
        }
        needs
    }

    /// The policies that there would be. `slice` holds what was needed; their expressions may take
    /// `expression_steps` together.
    ///
    /// # Errors
    /// The first thing that the policies' own commands would refuse.
    pub fn lay_over(
        &self,
        slice: Slice,
        actor: &Actor,
        now: Timestamp,
        expression_steps: u32,
    ) -> Result<PolicySnapshot, DraftFault> {
        let mut laying = Laying::new(slice, actor.clone(), now);
        for (at, zone) in self.zones.iter().enumerate() {
            laying.zone(zone).map_err(fault("zones", at))?;
        }
        for (at, policy) in self.policies.iter().enumerate() {
            laying.policy(policy).map_err(fault("policies", at))?;
        }
        for (at, (policy, rule)) in self.rules.iter().enumerate() {
            laying.rule(policy.as_deref(), rule).map_err(fault("rules", at))?;
        }
        let slice = &laying.slice;
        let set = PolicySet {
            policies: slice.all::<Policy>(),
            rules: slice.all::<Rule>(),
            zones: slice.all::<Zone>(),
            behaviors: slice.all::<BehaviorRule>(),
            expression_steps,
        };
        Ok(set.snapshot("", now))
    }
}

const ALL: [Need; 4] = [
    Need::all::<Policy>(),
    Need::all::<Rule>(),
    Need::all::<Zone>(),
    Need::all::<BehaviorRule>(),
];

fn fault(list: &str, at: usize) -> impl Fn(Rejection) -> DraftFault {
    let member = format!("{list}[{at}]");
    move |rejection| DraftFault {
        member: member.clone(),
        rejection,
    }
}

struct Laying {
    slice: Slice,
    actor: Actor,
    now: Timestamp,
    ids: DraftIds,
    aliases: BTreeMap<String, String>,
}

/// Ids of what is not made.
struct DraftIds(u32);

impl IdSource for DraftIds {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 = self.0.saturating_add(1);
        format!("{prefix}draft{:08}", self.0)
    }

    fn next_uuid(&mut self) -> String {
        String::new()
    }
}

impl Laying {
    const fn new(slice: Slice, actor: Actor, now: Timestamp) -> Self {
        Self {
            slice,
            actor,
            now,
            ids: DraftIds(0),
            aliases: BTreeMap::new(),
        }
    }

    fn zone(&mut self, zone: &Drafted<ZoneDraft>) -> Result<(), Rejection> {
        match self.existing::<Zone>(zone.id.as_deref()) {
            Some(id) => {
                let command = ReplaceZone {
                    id: ZoneId::new(id),
                    draft: zone.draft.clone(),
                    actor: self.actor.clone(),
                    origin: RequestOrigin::default(),
                    place: Place::default(),
                };
                self.run(&command)?;
            }
            None => {
                let made = self.run(&self.create_zone(zone))?;
                self.alias(zone.id.as_deref(), made.id.as_str());
            }
        }
        Ok(())
    }

    fn policy(&mut self, policy: &Drafted<PolicyDraft>) -> Result<(), Rejection> {
        match self.existing::<Policy>(policy.id.as_deref()) {
            Some(id) => {
                let command = ReplacePolicy {
                    id: PolicyId::new(id),
                    draft: policy.draft.clone(),
                    actor: self.actor.clone(),
                    origin: RequestOrigin::default(),
                };
                self.run(&command)?;
            }
            None => {
                let made = self.run(&self.create_policy(policy))?;
                self.alias(policy.id.as_deref(), made.id.as_str());
            }
        }
        Ok(())
    }

    fn rule(&mut self, policy: Option<&str>, rule: &Drafted<RuleDraft>) -> Result<(), Rejection> {
        let existing = self.existing::<Rule>(rule.id.as_deref());
        let of_rule = || Some(self.slice.get::<Rule>(existing.as_deref()?)?.policy_id.clone());
        let default = || self.slice.all::<Policy>().into_iter().find(|policy| policy.system);
        let policy_id = match policy {
            Some(named) => PolicyId::new(self.resolve(named)),
            None => of_rule()
                .or_else(|| default().map(|policy| policy.id.clone()))
                .unwrap_or_else(|| PolicyId::new("")),
        };
        let create = self.create_rule(policy_id, rule);
        match existing {
            Some(id) => {
                let command = ReplaceRule {
                    policy_id: create.policy_id,
                    id: RuleId::new(id),
                    draft: create.draft,
                    actor: create.actor,
                    origin: create.origin,
                };
                self.run(&command)?;
            }
            None => {
                self.run(&create)?;
            }
        }
        Ok(())
    }

    fn create_zone(&self, zone: &Drafted<ZoneDraft>) -> CreateZone {
        CreateZone {
            draft: zone.draft.clone(),
            actor: self.actor.clone(),
            origin: RequestOrigin::default(),
            place: Place::default(),
        }
    }

    fn create_policy(&self, policy: &Drafted<PolicyDraft>) -> CreatePolicy {
        CreatePolicy {
            draft: policy.draft.clone(),
            actor: self.actor.clone(),
            origin: RequestOrigin::default(),
        }
    }

    fn create_rule(&self, policy_id: PolicyId, rule: &Drafted<RuleDraft>) -> CreateRule {
        let mut draft = rule.draft.clone();
        let network = &mut draft.conditions.network;
        for zone in network.include.iter_mut().chain(&mut network.exclude) {
            *zone = self.resolve(zone);
        }
        CreateRule {
            policy_id,
            draft,
            actor: self.actor.clone(),
            origin: RequestOrigin::default(),
        }
    }

    fn existing<T: watchfire_model::object::TypedObject>(&self, id: Option<&str>) -> Option<String> {
        id.filter(|id| self.slice.get::<T>(id).is_some()).map(str::to_owned)
    }

    fn resolve(&self, named: &str) -> String {
        self.aliases.get(named).cloned().unwrap_or_else(|| named.to_owned())
    }

    fn alias(&mut self, called: Option<&str>, id: &str) {
        if let Some(called) = called {
            self.aliases.insert(called.to_owned(), id.to_owned());
        }
    }

    fn run<C: Command>(&mut self, command: &C) -> Result<C::Outcome, Rejection> {
        let decided = command.decide(
            &self.slice,
            &mut Context {
                now: self.now,
                ids: &mut self.ids,
                hooks: &HookSubscriptions::new(),
            },
        );
        let outcome = decided.outcome?;
        self.put(&decided.decision);
        Ok(outcome)
    }

    fn put(&mut self, decision: &Decision) {
        self.slice.overlay(&ALL, decision);
    }
}
