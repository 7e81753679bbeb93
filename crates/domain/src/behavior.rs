//! Making, changing and removing behaviours (okta.md 10.3).

use watchfire_engine::policy::expression::Expression;
use watchfire_model::{
    id::BehaviorId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{BehaviorDraft, BehaviorRule, BehaviorSettings, Kind, Org, Rule, Status, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    policy::TAKEN,
};

/// Behaviours that one organisation may have. Every sign-in is compared by all of them.
pub const MAX_BEHAVIORS: usize = 50;

/// Gives an organisation the behaviours that it comes with, once: at the first start, or to one that was
/// made before there were any.
#[derive(Clone, Copy, Debug)]
pub struct EnsureBehaviors;

impl Command for EnsureBehaviors {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Org>(), Need::all::<BehaviorRule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if let Some(org) = slice.all::<Org>().into_iter().find(|org| !org.has_behaviors) {
            for (name, settings) in BehaviorSettings::SEEDS {
                decision.put(BehaviorRule {
                    id: BehaviorId::generate(context.ids),
                    name: name.to_owned(),
                    status: Status::Active,
                    settings,
                    created: context.now,
                    last_updated: context.now,
                });
            }
            decision.put(Org {
                has_behaviors: true,
                ..org.clone()
            });
        }
        Decided::done(decision, ())
    }
}

/// Makes a behaviour.
#[derive(Clone, Debug)]
pub struct CreateBehavior {
    /// What it is to be.
    pub draft: BehaviorDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateBehavior {
    type Outcome = BehaviorRule;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<BehaviorRule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<BehaviorRule> {
        self.try_decide(slice, context).into()
    }
}

impl CreateBehavior {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, BehaviorRule), Rejection> {
        if slice.all::<BehaviorRule>().len() >= MAX_BEHAVIORS {
            return Err(Rejection::Invalid {
                field: "behavior".to_owned(),
                causes: vec![format!("Maximum number of behaviors ({MAX_BEHAVIORS}) reached")],
            });
        }
        let behavior = BehaviorRule {
            id: BehaviorId::generate(context.ids),
            name: self.draft.name.clone(),
            status: self.draft.status.unwrap_or_default(),
            settings: self.draft.settings,
            created: context.now,
            last_updated: context.now,
        };
        check_name(&behavior, slice)?;
        let mut decision = Decision::new();
        decision.put(behavior.clone());
        let event = event(EventType::BehaviorCreate, &self.actor, &self.origin, &behavior);
        context.log(&mut decision, event);
        Ok((decision, behavior))
    }
}

/// Replaces what an administrator says of a behaviour; its type and its status stay (okta.md 10.3), and so does
/// a name that the expression of a rule calls it by.
#[derive(Clone, Debug)]
pub struct ReplaceBehavior {
    /// Which one.
    pub id: BehaviorId,
    /// What it is to be.
    pub draft: BehaviorDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ReplaceBehavior {
    type Outcome = BehaviorRule;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<BehaviorRule>(), Need::all::<Rule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<BehaviorRule> {
        self.try_decide(slice, context).into()
    }
}

impl ReplaceBehavior {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, BehaviorRule), Rejection> {
        let old = find(slice, &self.id)?;
        if old.settings.type_name() != self.draft.settings.type_name() {
            return Err(Rejection::invalid("type", "The type of a behavior cannot be changed"));
        }
        let behavior = BehaviorRule {
            name: self.draft.name.clone(),
            settings: self.draft.settings,
            last_updated: context.now,
            ..old.clone()
        };
        check_name(&behavior, slice)?;
        if behavior.name != old.name {
            refuse_in_use("name", slice, |rule| names_by_name(rule, old))?;
        }
        let mut decision = Decision::new();
        decision.put(behavior.clone());
        let event = event(EventType::BehaviorUpdate, &self.actor, &self.origin, &behavior);
        context.log(&mut decision, event);
        Ok((decision, behavior))
    }
}

/// Removes a behaviour that no rule names: without it a rule would match everything, or nothing.
#[derive(Clone, Debug)]
pub struct DeleteBehavior {
    /// Which one.
    pub id: BehaviorId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteBehavior {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<BehaviorRule>(self.id.as_str()), Need::all::<Rule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteBehavior {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let behavior = find(slice, &self.id)?;
        refuse_in_use("behavior", slice, |rule| names(rule, behavior))?;
        let mut decision = Decision::new();
        decision.delete(Kind::BehaviorRule, self.id.as_str());
        let event = event(EventType::BehaviorDelete, &self.actor, &self.origin, behavior);
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

/// Switches a behaviour on, or off where no rule names it.
#[derive(Clone, Debug)]
pub struct SetBehaviorStatus {
    /// Which one.
    pub id: BehaviorId,
    /// On or off.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetBehaviorStatus {
    type Outcome = BehaviorRule;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<BehaviorRule>(self.id.as_str()), Need::all::<Rule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<BehaviorRule> {
        self.try_decide(slice, context).into()
    }
}

impl SetBehaviorStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, BehaviorRule), Rejection> {
        let old = find(slice, &self.id)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, old.clone()));
        }
        if self.status == Status::Inactive {
            refuse_in_use("behavior", slice, |rule| names(rule, old))?;
        }
        let behavior = BehaviorRule {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(behavior.clone());
        let event = event(EventType::BehaviorUpdate, &self.actor, &self.origin, &behavior);
        context.log(&mut decision, event);
        Ok((decision, behavior))
    }
}

/// The behaviour that a rule calls by its id, or by its name without regard to case.
pub(crate) fn called<'s>(slice: &'s Slice, called: &str) -> Option<&'s BehaviorRule> {
    let by_id = slice.get::<BehaviorRule>(called);
    by_id.or_else(|| {
        slice
            .all::<BehaviorRule>()
            .into_iter()
            .find(|it| fold(&it.name) == fold(called))
    })
}

/// Whether there is a behaviour with this name, to the letter.
pub(crate) fn has_name(slice: &Slice, name: &str) -> bool {
    slice.all::<BehaviorRule>().into_iter().any(|it| it.name == name)
}

fn find<'s>(slice: &'s Slice, id: &BehaviorId) -> Result<&'s BehaviorRule, Rejection> {
    slice
        .get::<BehaviorRule>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), "Behavior"))
}

fn check_name(behavior: &BehaviorRule, slice: &Slice) -> Result<(), Rejection> {
    let others = slice.all::<BehaviorRule>().into_iter().filter(|it| it.id != behavior.id);
    let names_the_same = |other: &BehaviorRule| fold(&other.name) == fold(&behavior.name);
    match others.into_iter().any(names_the_same) {
        true => Err(Rejection::invalid("name", TAKEN)),
        false => Ok(()),
    }
}

fn refuse_in_use(field: &str, slice: &Slice, uses: impl Fn(&Rule) -> bool) -> Result<(), Rejection> {
    match slice.all::<Rule>().into_iter().find(|rule| uses(rule)) {
        Some(rule) => Err(Rejection::invalid(
            field,
            &format!("The behavior is in use by the policy rule {}", rule.id),
        )),
        None => Ok(()),
    }
}

/// Whether a rule asks for the behaviour, however it calls it.
fn names(rule: &Rule, behavior: &BehaviorRule) -> bool {
    let by_id = rule.conditions.behaviors.iter().any(|called| called == behavior.id.as_str());
    by_id || names_by_name(rule, behavior)
}

/// Whether a rule would not find the behaviour under another name: its expression knows names only, to the
/// letter, and so do old rules.
fn names_by_name(rule: &Rule, behavior: &BehaviorRule) -> bool {
    let conditions = &rule.conditions;
    let expression = conditions.expression.as_deref().map(Expression::compile);
    conditions.behaviors.iter().any(|called| fold(called) == fold(&behavior.name))
        || matches!(expression, Some(Ok(expression)) if expression.behaviors().contains(&behavior.name))
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, behavior: &BehaviorRule) -> LogEvent {
    let target = Target::new("Behavior", behavior.id.as_str(), &behavior.name)
        .detail("type", behavior.settings.type_name())
        .detail("status", behavior.status.as_str());
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}

#[cfg(test)]
mod tests;
