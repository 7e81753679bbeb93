//! Making, changing and removing the rules of the entity risk policy (okta.md 9.4).

use watchfire_engine::policy::priority;
use watchfire_model::{
    id::{ClientId, EntityRiskPolicyId, EntityRiskRuleId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{
        EntityRiskAction, EntityRiskConditions, EntityRiskPolicy, EntityRiskRule, Group, Kind, LogoutEndpoint, LogoutSelection,
        Status, User, Workflow, fold,
    },
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk_policy::{self, CATCH_ALL_PRIORITY},
    policy::TAKEN,
};

/// Rules that the policy may have beside the catch-all rule: they stand before it.
pub const MAX_RULES: usize = 98;

/// A rule that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRiskRuleDraft {
    /// Name for people.
    pub name: String,
    /// `None` keeps what it is, ACTIVE for a new one.
    pub status: Option<Status>,
    /// The wished place, from 1; `None` keeps it, the last for a new one.
    pub priority: Option<u32>,
    /// When it matches. Whether users and groups exist is not checked yet.
    pub conditions: EntityRiskConditions,
    /// What is then done. Whether webhooks and endpoints exist is not checked yet.
    pub actions: Vec<EntityRiskAction>,
}

/// The ids by which a path names a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePath {
    /// The policy.
    pub policy: EntityRiskPolicyId,
    /// Its rule.
    pub rule: EntityRiskRuleId,
}

/// Makes a rule.
#[derive(Clone, Debug)]
pub struct CreateEntityRiskRule {
    /// The policy that it belongs to.
    pub policy: EntityRiskPolicyId,
    /// What it is to be.
    pub draft: EntityRiskRuleDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateEntityRiskRule {
    type Outcome = EntityRiskRule;

    fn needs(&self) -> Vec<Need> {
        needs(&self.policy, Some(&self.draft))
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EntityRiskRule> {
        self.try_decide(slice, context).into()
    }
}

impl CreateEntityRiskRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EntityRiskRule), Rejection> {
        let policy = entity_risk_policy::find(slice, &self.policy)?;
        if movable(slice, &policy.id).len() >= MAX_RULES {
            return Err(Rejection::Invalid {
                field: "rule".to_owned(),
                causes: vec![format!("Maximum number of rules ({MAX_RULES}) reached")],
            });
        }
        check(&self.draft, None, policy, slice)?;
        let rule = EntityRiskRule {
            id: EntityRiskRuleId::generate(context.ids),
            policy_id: policy.id.clone(),
            name: self.draft.name.clone(),
            status: self.draft.status.unwrap_or_default(),
            priority: 0,
            system: false,
            conditions: self.draft.conditions.clone(),
            actions: self.draft.actions.clone(),
            created: context.now,
            last_updated: context.now,
            last_updated_by: Some(self.actor.id.clone()),
        };
        let mut decision = Decision::new();
        let rule = place(&mut decision, slice, rule, self.draft.priority);
        let event = event(EventType::PolicyRuleAdd, &self.actor, &self.origin, (policy, &rule));
        context.log(&mut decision, event);
        Ok((decision, rule))
    }
}

/// Replaces what an administrator says of a rule. Of the catch-all rule only the name changes.
#[derive(Clone, Debug)]
pub struct ReplaceEntityRiskRule {
    /// Which one.
    pub path: RulePath,
    /// What it is to be.
    pub draft: EntityRiskRuleDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceEntityRiskRule {
    type Outcome = EntityRiskRule;

    fn needs(&self) -> Vec<Need> {
        needs(&self.path.policy, Some(&self.draft))
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EntityRiskRule> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceEntityRiskRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EntityRiskRule), Rejection> {
        let (policy, old) = find(slice, &self.path)?;
        check(&self.draft, Some(&old.id), policy, slice)?;
        let status = self.draft.status.unwrap_or(old.status);
        if old.system {
            self.check_catch_all(status)?;
        }
        let rule = EntityRiskRule {
            name: self.draft.name.clone(),
            status,
            conditions: self.draft.conditions.clone(),
            actions: self.draft.actions.clone(),
            last_updated: context.now,
            last_updated_by: Some(self.actor.id.clone()),
            ..old.clone()
        };
        let mut decision = Decision::new();
        let rule = place(&mut decision, slice, rule, self.draft.priority);
        let event = event(EventType::PolicyRuleUpdate, &self.actor, &self.origin, (policy, &rule));
        context.log(&mut decision, event);
        Ok((decision, rule))
    }

    fn check_catch_all(&self, status: Status) -> Result<(), Rejection> {
        if status == Status::Inactive {
            return Err(stays_active());
        }
        if self.draft.conditions != EntityRiskConditions::default() {
            return Err(Rejection::invalid("conditions", "The catch-all rule matches every detection"));
        }
        if !self.draft.actions.is_empty() {
            return Err(Rejection::invalid("actions", "The catch-all rule has no actions"));
        }
        Ok(())
    }
}

/// Removes a rule.
#[derive(Clone, Debug)]
pub struct DeleteEntityRiskRule {
    /// Which one.
    pub path: RulePath,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteEntityRiskRule {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs(&self.path.policy, None)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteEntityRiskRule {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (policy, rule) = find(slice, &self.path)?;
        if rule.system {
            return Err(Rejection::invalid("rule", "The catch-all rule cannot be deleted"));
        }
        let mut decision = Decision::new();
        decision.delete(Kind::EntityRiskRule, rule.id.as_str());
        let before = movable(slice, &policy.id);
        for moved in priority::changed(&before, priority::without(&before, rule.id.as_str())) {
            decision.put(moved);
        }
        let event = event(EventType::PolicyRuleDelete, &self.actor, &self.origin, (policy, rule));
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

/// Switches a rule on or off.
#[derive(Clone, Debug)]
pub struct SetEntityRiskRuleStatus {
    /// Which one.
    pub path: RulePath,
    /// On or off.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetEntityRiskRuleStatus {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs(&self.path.policy, None)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl SetEntityRiskRuleStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let (policy, old) = find(slice, &self.path)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, ()));
        }
        let event_type = match self.status {
            Status::Active => EventType::PolicyRuleActivate,
            Status::Inactive if old.system => return Err(stays_active()),
            Status::Inactive => EventType::PolicyRuleDeactivate,
        };
        let rule = EntityRiskRule {
            status: self.status,
            last_updated: context.now,
            last_updated_by: Some(self.actor.id.clone()),
            ..old.clone()
        };
        decision.put(rule.clone());
        context.log(&mut decision, event(event_type, &self.actor, &self.origin, (policy, &rule)));
        Ok((decision, ()))
    }
}

fn stays_active() -> Rejection {
    Rejection::invalid("status", "The catch-all rule cannot be deactivated")
}

fn needs(policy: &EntityRiskPolicyId, draft: Option<&EntityRiskRuleDraft>) -> Vec<Need> {
    let mut needs = vec![
        Need::object::<EntityRiskPolicy>(policy.as_str()),
        Need::children::<EntityRiskRule>(policy.as_str()),
    ];
    let Some(draft) = draft else { return needs };
    let asked = &draft.conditions;
    let users = asked.included_users.iter().chain(&asked.excluded_users);
    needs.extend(users.map(|id| Need::object::<User>(id.as_str())));
    let groups = asked.included_groups.iter().chain(&asked.excluded_groups);
    needs.extend(groups.map(|id| Need::object::<Group>(id.as_str())));
    for action in &draft.actions {
        if let EntityRiskAction::RunWorkflow { workflow } = action {
            needs.push(Need::object::<Workflow>(workflow.to_string()));
        }
        needs.extend(apps(action).iter().map(|app| Need::object::<LogoutEndpoint>(app.as_str())));
    }
    needs
}

/// The apps that an action names.
fn apps(action: &EntityRiskAction) -> &[ClientId] {
    match action {
        EntityRiskAction::TerminateAllSessions {
            universal_logout: LogoutSelection::Specified(apps),
        } => apps,
        _ => &[],
    }
}

fn find<'s>(slice: &'s Slice, path: &RulePath) -> Result<(&'s EntityRiskPolicy, &'s EntityRiskRule), Rejection> {
    let policy = entity_risk_policy::find(slice, &path.policy)?;
    let rule = slice.get::<EntityRiskRule>(path.rule.as_str());
    let rule = rule.filter(|rule| rule.policy_id == policy.id);
    let rule = rule.ok_or_else(|| Rejection::not_found(path.rule.as_str(), "PolicyRule"))?;
    Ok((policy, rule))
}

/// The rules that have a place before the catch-all rule.
fn movable(slice: &Slice, policy: &EntityRiskPolicyId) -> Vec<EntityRiskRule> {
    let rules = slice.children::<EntityRiskRule>(policy.as_str()).into_iter();
    rules.filter(|rule| !rule.system).cloned().collect()
}

fn check(
    draft: &EntityRiskRuleDraft,
    own: Option<&EntityRiskRuleId>,
    policy: &EntityRiskPolicy,
    slice: &Slice,
) -> Result<(), Rejection> {
    let rules = slice.children::<EntityRiskRule>(policy.id.as_str()).into_iter();
    let mut others = rules.filter(|rule| Some(&rule.id) != own);
    if others.any(|rule| fold(&rule.name) == fold(&draft.name)) {
        return Err(Rejection::invalid("name", TAKEN));
    }
    check_people(&draft.conditions, slice)?;
    draft.actions.iter().try_for_each(|action| check_action(action, slice))
}

fn check_people(asked: &EntityRiskConditions, slice: &Slice) -> Result<(), Rejection> {
    for (list, users) in [("include", &asked.included_users), ("exclude", &asked.excluded_users)] {
        if let Some(id) = users.iter().find(|id| slice.get::<User>(id.as_str()).is_none()) {
            let field = format!("conditions.people.users.{list}");
            return Err(Rejection::invalid(&field, &format!("Invalid user id: {id}")));
        }
    }
    for (list, groups) in [("include", &asked.included_groups), ("exclude", &asked.excluded_groups)] {
        if let Some(id) = groups.iter().find(|id| slice.get::<Group>(id.as_str()).is_none()) {
            let field = format!("conditions.people.groups.{list}");
            return Err(Rejection::invalid(&field, &format!("Invalid group id: {id}")));
        }
    }
    Ok(())
}

/// A rule that calls what is not there would do nothing when it counts.
fn check_action(action: &EntityRiskAction, slice: &Slice) -> Result<(), Rejection> {
    const FIELD: &str = "actions.entityRisk.actions";
    if let EntityRiskAction::RunWorkflow { workflow } = action
        && slice.get::<Workflow>(&workflow.to_string()).is_none()
    {
        return Err(Rejection::invalid(FIELD, &format!("Invalid workflow id: {workflow}")));
    }
    let mut apps = apps(action).iter();
    match apps.find(|app| slice.get::<LogoutEndpoint>(app.as_str()).is_none()) {
        Some(app) => Err(Rejection::invalid(FIELD, &format!("App {app} has no logout endpoint"))),
        None => Ok(()),
    }
}

/// Writes `rule` in its place, and those that move for it. The catch-all rule never moves.
fn place(decision: &mut Decision, slice: &Slice, rule: EntityRiskRule, wished: Option<u32>) -> EntityRiskRule {
    if rule.system {
        let rule = EntityRiskRule {
            priority: CATCH_ALL_PRIORITY,
            ..rule
        };
        decision.put(rule.clone());
        return rule;
    }
    let before = movable(slice, &rule.policy_id);
    let after = priority::place(&before, rule.clone(), wished);
    let placed = after.iter().find(|other| other.id == rule.id).cloned().unwrap_or(rule);
    for moved in priority::changed(&before, after) {
        decision.put(moved);
    }
    placed
}

fn event(
    event_type: EventType,
    actor: &Actor,
    origin: &RequestOrigin,
    (policy, rule): (&EntityRiskPolicy, &EntityRiskRule),
) -> LogEvent {
    let target = Target::new("PolicyRule", rule.id.as_str(), &rule.name)
        .detail("status", rule.status.as_str())
        .detail("priority", rule.priority);
    LogEvent::new(event_type, actor.clone())
        .from_request(origin)
        .target(target)
        .target(entity_risk_policy::target(policy))
}
