//! Making, changing and removing the rules of sign-on policies (okta.md 9.3).

use watchfire_engine::policy::{ALL_ZONES, expression::Expression, priority};
use watchfire_model::{
    id::{GroupId, PolicyId, RuleId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{
        BehaviorRule, Group, Kind, Policy, RiskScoreLevel, Rule, RuleConditions, RuleDraft, RuleMode, Status, User, Zone, fold,
    },
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection, behavior,
    command::{Command, Context, Decided},
    policy::{self, TAKEN},
};

/// Rules that one policy may have.
pub const MAX_RULES: usize = 100;

/// Makes a rule.
#[derive(Clone, Debug)]
pub struct CreateRule {
    /// The policy that it belongs to.
    pub policy_id: PolicyId,
    /// What it is to be.
    pub draft: RuleDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateRule {
    type Outcome = Rule;

    fn needs(&self) -> Vec<Need> {
        needs(&self.policy_id, Some(&self.draft))
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Rule> {
        self.try_decide(slice, context).into()
    }
}

impl CreateRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Rule), Rejection> {
        let policy = find_policy(slice, &self.policy_id)?;
        let siblings = siblings(slice, &self.policy_id);
        if siblings.len() >= MAX_RULES {
            return Err(Rejection::Invalid {
                field: "rule".to_owned(),
                causes: vec![format!("Maximum number of rules ({MAX_RULES}) reached")],
            });
        }
        check(&self.draft, None, &siblings, slice)?;
        let rule = Rule {
            id: RuleId::generate(context.ids),
            policy_id: self.policy_id.clone(),
            name: self.draft.name.clone(),
            status: self.draft.status.unwrap_or_default(),
            priority: 0,
            system: false,
            conditions: by_ids(&self.draft.conditions, slice),
            action: self.draft.action.clone(),
            mode: self.draft.mode,
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        let rule = place(&mut decision, &siblings, rule, self.draft.priority);
        let event = event(EventType::PolicyRuleAdd, &self.actor, &self.origin, (policy, &rule));
        context.log(&mut decision, event);
        Ok((decision, rule))
    }
}

/// Replaces what an administrator says of a rule. The default one stays last, active and without
/// conditions.
#[derive(Clone, Debug)]
pub struct ReplaceRule {
    /// The policy that it belongs to.
    pub policy_id: PolicyId,
    /// Which one.
    pub id: RuleId,
    /// What it is to be.
    pub draft: RuleDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceRule {
    type Outcome = Rule;

    fn needs(&self) -> Vec<Need> {
        needs(&self.policy_id, Some(&self.draft))
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Rule> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Rule), Rejection> {
        let (policy, old) = find(slice, &self.policy_id, &self.id)?;
        let siblings = siblings(slice, &self.policy_id);
        check(&self.draft, Some(&self.id), &siblings, slice)?;
        let status = self.draft.status.unwrap_or(old.status);
        if old.system && status == Status::Inactive {
            return Err(stays_active());
        }
        if old.system && self.draft.mode == RuleMode::Monitor {
            return Err(Rejection::invalid("mode", "The default rule decides"));
        }
        if old.system && !asks_nothing(&self.draft.conditions) {
            return Err(Rejection::invalid("conditions", "The default rule matches every sign-in"));
        }
        let rule = Rule {
            name: self.draft.name.clone(),
            status,
            conditions: by_ids(&self.draft.conditions, slice),
            action: self.draft.action.clone(),
            mode: self.draft.mode,
            last_updated: context.now,
            ..old.clone()
        };
        let mut decision = Decision::new();
        let rule = place(&mut decision, &siblings, rule, self.draft.priority);
        let event = event(EventType::PolicyRuleUpdate, &self.actor, &self.origin, (policy, &rule));
        context.log(&mut decision, event);
        Ok((decision, rule))
    }
}

/// Removes a rule.
#[derive(Clone, Debug)]
pub struct DeleteRule {
    /// The policy that it belongs to.
    pub policy_id: PolicyId,
    /// Which one.
    pub id: RuleId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteRule {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs(&self.policy_id, None)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (policy, rule) = find(slice, &self.policy_id, &self.id)?;
        if rule.system {
            return Err(Rejection::invalid("rule", "The default rule cannot be deleted"));
        }
        let mut decision = Decision::new();
        decision.delete(Kind::Rule, self.id.as_str());
        let before = siblings(slice, &self.policy_id);
        for moved in priority::changed(&before, priority::without(&before, self.id.as_str())) {
            decision.put(moved);
        }
        let event = event(EventType::PolicyRuleDelete, &self.actor, &self.origin, (policy, rule));
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

/// Switches a rule on or off.
#[derive(Clone, Debug)]
pub struct SetRuleStatus {
    /// The policy that it belongs to.
    pub policy_id: PolicyId,
    /// Which one.
    pub id: RuleId,
    /// On or off.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetRuleStatus {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Policy>(self.policy_id.as_str()),
            Need::object::<Rule>(self.id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl SetRuleStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (policy, old) = find(slice, &self.policy_id, &self.id)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, ()));
        }
        let event_type = match self.status {
            Status::Active => EventType::PolicyRuleActivate,
            Status::Inactive if old.system => return Err(stays_active()),
            Status::Inactive => EventType::PolicyRuleDeactivate,
        };
        let rule = Rule {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(rule.clone());
        context.log(&mut decision, event(event_type, &self.actor, &self.origin, (policy, &rule)));
        Ok((decision, ()))
    }
}

fn stays_active() -> Rejection {
    Rejection::invalid("status", "The default rule cannot be deactivated")
}

fn needs(policy: &PolicyId, draft: Option<&RuleDraft>) -> Vec<Need> {
    let mut needs = vec![
        Need::object::<Policy>(policy.as_str()),
        Need::children::<Rule>(policy.as_str()),
    ];
    if let Some(draft) = draft {
        if !draft.conditions.behaviors.is_empty() || draft.conditions.expression.is_some() {
            needs.push(Need::all::<BehaviorRule>());
        }
        needs.extend(named_zones(&draft.conditions).map(|(_, id)| Need::object::<Zone>(id)));
        let people = People(&draft.conditions);
        needs.extend(people.users().map(|(_, id)| Need::object::<User>(id.as_str())));
        needs.extend(people.groups().map(|(_, id)| Need::object::<Group>(id.as_str())));
    }
    needs
}

/// The zones that conditions name, each with the list that it is in.
fn named_zones(conditions: &RuleConditions) -> impl Iterator<Item = (&'static str, &str)> {
    let include = conditions.network.include.iter().map(|id| ("include", id.as_str()));
    let exclude = conditions.network.exclude.iter().map(|id| ("exclude", id.as_str()));
    include.chain(exclude).filter(|(_, id)| *id != ALL_ZONES)
}

fn find_policy<'s>(slice: &'s Slice, id: &PolicyId) -> Result<&'s Policy, Rejection> {
    slice
        .get::<Policy>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "Policy"))
}

fn find<'s>(slice: &'s Slice, policy: &PolicyId, id: &RuleId) -> Result<(&'s Policy, &'s Rule), Rejection> {
    let policy = find_policy(slice, policy)?;
    let rule = slice.get::<Rule>(id.as_str()).filter(|rule| rule.policy_id == policy.id);
    let rule = rule.ok_or_else(|| Rejection::not_found(id.as_str(), "PolicyRule"))?;
    Ok((policy, rule))
}

fn siblings(slice: &Slice, policy: &PolicyId) -> Vec<Rule> {
    slice.children::<Rule>(policy.as_str()).into_iter().cloned().collect()
}

fn check(draft: &RuleDraft, own: Option<&RuleId>, siblings: &[Rule], slice: &Slice) -> Result<(), Rejection> {
    let mut others = siblings.iter().filter(|rule| Some(&rule.id) != own);
    if others.any(|rule| fold(&rule.name) == fold(&draft.name)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    if let Some((list, id)) = named_zones(&draft.conditions).find(|(_, id)| slice.get::<Zone>(id).is_none()) {
        let field = format!("conditions.network.{list}");
        return Err(Rejection::invalid(&field, &format!("Invalid zone id: {id}")));
    }
    let mut behaviors = draft.conditions.behaviors.iter();
    if let Some(unknown) = behaviors.find(|it| behavior::called(slice, it).is_none()) {
        return Err(Rejection::invalid(
            "conditions.risk.behaviors",
            &format!("Invalid behavior id: {unknown}"),
        ));
    }
    check_people(&People(&draft.conditions), slice)?;
    draft
        .conditions
        .expression
        .as_deref()
        .map_or(Ok(()), |source| check_expression(source, slice))
}

/// An expression can be read, and calls behaviours by names that there are.
fn check_expression(source: &str, slice: &Slice) -> Result<(), Rejection> {
    let refused = |why: &str| Rejection::invalid("conditions.elCondition.condition", why);
    let expression = Expression::compile(source).map_err(|error| refused(&error.to_string()))?;
    let named = expression.behaviors();
    match named.iter().find(|name| !behavior::has_name(slice, name)) {
        Some(unknown) => Err(refused(&format!("There is no behavior with the name {unknown}"))),
        None => Ok(()),
    }
}

fn check_people(people: &People<'_>, slice: &Slice) -> Result<(), Rejection> {
    let unknown_user = people.users().find(|(_, id)| slice.get::<User>(id.as_str()).is_none());
    if let Some((list, id)) = unknown_user {
        let field = format!("conditions.people.users.{list}");
        return Err(Rejection::invalid(&field, &format!("Invalid user id: {id}")));
    }
    match people.groups().find(|(_, id)| slice.get::<Group>(id.as_str()).is_none()) {
        Some((list, id)) => {
            let field = format!("conditions.people.groups.{list}");
            Err(Rejection::invalid(&field, &format!("Invalid group id: {id}")))
        }
        None => Ok(()),
    }
}

/// The users and groups that conditions name, each with the list that it is in.
struct People<'c>(&'c RuleConditions);

impl<'c> People<'c> {
    fn users(&self) -> impl Iterator<Item = (&'static str, &'c UserId)> + use<'c> {
        let include = self.0.included_users.iter().map(|id| ("include", id));
        include.chain(self.0.excluded_users.iter().map(|id| ("exclude", id)))
    }

    fn groups(&self) -> impl Iterator<Item = (&'static str, &'c GroupId)> + use<'c> {
        let include = self.0.included_groups.iter().map(|id| ("include", id));
        include.chain(self.0.excluded_groups.iter().map(|id| ("exclude", id)))
    }
}

/// The conditions with behaviours called by their ids, whatever they were called by: names change.
fn by_ids(conditions: &RuleConditions, slice: &Slice) -> RuleConditions {
    let mut behaviors: Vec<String> = Vec::with_capacity(conditions.behaviors.len());
    for called in &conditions.behaviors {
        let id = behavior::called(slice, called).map_or_else(|| called.clone(), |it| it.id.to_string());
        if !behaviors.contains(&id) {
            behaviors.push(id);
        }
    }
    RuleConditions {
        behaviors,
        ..conditions.clone()
    }
}

/// Whether every sign-in meets these conditions.
fn asks_nothing(conditions: &RuleConditions) -> bool {
    let is_any = |word: &Option<String>| word.as_deref().is_none_or(|word| word == "ANY");
    let is_any_level = conditions.risk_score.is_none_or(|asked| asked == RiskScoreLevel::Any);
    // Whatever else there is must be as if it had not been said.
    let rest = RuleConditions {
        auth_type: None,
        identity_provider: None,
        risk_score: None,
        ..conditions.clone()
    };
    is_any(&conditions.auth_type) && is_any(&conditions.identity_provider) && is_any_level && rest == RuleConditions::default()
}

/// Writes `rule` in its place, and those that move for it.
fn place(decision: &mut Decision, before: &[Rule], rule: Rule, wished: Option<u32>) -> Rule {
    let after = priority::place(before, rule.clone(), wished);
    let placed = after.iter().find(|r| r.id == rule.id).cloned().unwrap_or(rule);
    for moved in priority::changed(before, after) {
        decision.put(moved);
    }
    placed
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, (policy, rule): (&Policy, &Rule)) -> LogEvent {
    let target = Target::new("PolicyRule", rule.id.as_str(), &rule.name)
        .detail("status", rule.status.as_str())
        .detail("priority", rule.priority)
        .detail("mode", rule.mode.as_str());
    LogEvent::new(event_type, actor.clone())
        .from_request(origin)
        .target(target)
        .target(policy::target(policy))
}

#[cfg(test)]
mod tests;
