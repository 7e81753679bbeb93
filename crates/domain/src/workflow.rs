//! Webhooks that rules may run (okta.md 9.4 `RUN_WORKFLOW`).

use std::time::Duration;

use watchfire_model::{
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{EntityRiskAction, EntityRiskRule, Kind, RetiringSecret, Status, Workflow, fold},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// The type's name in error texts.
pub const KIND: &str = "Workflow";
/// Characters of a name at the most.
pub const MAX_NAME_CHARS: usize = 255;
/// Webhooks of one organisation at the most.
pub const MAX_WORKFLOWS: usize = 100;
/// How long a replaced secret signs beside the new one.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

const TAKEN: &str = "An object with this field already exists in the current organization";

/// Makes a webhook. The number and the secret sealed for it come from whoever asks.
#[derive(Clone, Debug)]
pub struct CreateWorkflow {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where it is called; checked already.
    pub url: String,
    /// The sealed secret.
    pub sealed_secret: String,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateWorkflow {
    type Outcome = Workflow;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Workflow>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Workflow> {
        self.try_decide(slice, context).into()
    }
}

impl CreateWorkflow {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Workflow), Rejection> {
        let existing = slice.all::<Workflow>();
        if existing.len() >= MAX_WORKFLOWS {
            return Err(Rejection::invalid(
                "workflow",
                &format!("Maximum number of workflows ({MAX_WORKFLOWS}) reached"),
            ));
        }
        check_name(&self.name, None, slice)?;
        // Numbers are drawn at random; a second draw finds another one.
        if existing.iter().any(|it| it.id == self.id) {
            return Err(Rejection::invalid("id", TAKEN));
        }
        let workflow = Workflow {
            id: self.id,
            name: self.name.clone(),
            url: self.url.clone(),
            sealed_secret: self.sealed_secret.clone(),
            retiring_secret: None,
            status: Status::Active,
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(workflow.clone());
        let event = event(EventType::SecurityActionTargetCreate, &self.actor, &self.origin, &workflow);
        context.log(&mut decision, event);
        Ok((decision, workflow))
    }
}

/// What is changed of a webhook.
#[derive(Clone, Debug)]
pub enum WorkflowChange {
    /// What an administrator says of it.
    Replace {
        /// Its name.
        name: String,
        /// Where it is called.
        url: String,
        /// A new secret, where one was given: it replaces the old one at once.
        sealed_secret: Option<String>,
    },
    /// A new secret; the old one signs beside it for a while.
    Rotate {
        /// The new one, sealed.
        sealed_secret: String,
    },
    /// Switches it on or off.
    Status(Status),
}

/// Changes a webhook.
#[derive(Clone, Debug)]
pub struct ChangeWorkflow {
    /// Which.
    pub id: u64,
    /// What is changed.
    pub change: WorkflowChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeWorkflow {
    type Outcome = Workflow;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Workflow>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Workflow> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeWorkflow {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Workflow), Rejection> {
        let mut workflow = find(slice, self.id)?.clone();
        match &self.change {
            WorkflowChange::Replace {
                name,
                url,
                sealed_secret,
            } => {
                check_name(name, Some(self.id), slice)?;
                workflow.name.clone_from(name);
                workflow.url.clone_from(url);
                if let Some(sealed) = sealed_secret {
                    workflow.sealed_secret.clone_from(sealed);
                    workflow.retiring_secret = None;
                }
            }
            WorkflowChange::Rotate { sealed_secret } => {
                let sealed = std::mem::replace(&mut workflow.sealed_secret, sealed_secret.clone());
                workflow.retiring_secret = Some(RetiringSecret {
                    sealed,
                    until: context.now.plus(SECRET_OVERLAP),
                });
            }
            WorkflowChange::Status(status) => workflow.status = *status,
        }
        workflow.last_updated = context.now;
        let mut decision = Decision::new();
        decision.put(workflow.clone());
        let event = event(EventType::SecurityActionTargetUpdate, &self.actor, &self.origin, &workflow);
        context.log(&mut decision, event);
        Ok((decision, workflow))
    }
}

/// Removes a webhook that no rule runs.
#[derive(Clone, Debug)]
pub struct DeleteWorkflow {
    /// Which.
    pub id: u64,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteWorkflow {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Workflow>(self.id.to_string()), Need::all::<EntityRiskRule>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteWorkflow {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let workflow = find(slice, self.id)?;
        let runs =
            |action: &EntityRiskAction| matches!(action, EntityRiskAction::RunWorkflow { workflow } if *workflow == self.id);
        if let Some(rule) = slice
            .all::<EntityRiskRule>()
            .into_iter()
            .find(|rule| rule.actions.iter().any(runs))
        {
            return Err(Rejection::invalid(
                "workflow",
                &format!("The workflow is in use by the policy rule {}", rule.id),
            ));
        }
        let mut decision = Decision::new();
        decision.delete(Kind::Workflow, self.id.to_string());
        let event = event(EventType::SecurityActionTargetDelete, &self.actor, &self.origin, workflow);
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

fn find(slice: &Slice, id: u64) -> Result<&Workflow, Rejection> {
    let id = id.to_string();
    slice.get::<Workflow>(&id).ok_or_else(|| Rejection::not_found(id, KIND))
}

fn check_name(name: &str, own: Option<u64>, slice: &Slice) -> Result<(), Rejection> {
    if name.trim().is_empty() {
        return Err(Rejection::invalid("name", "The field cannot be left blank"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(Rejection::invalid("name", "The field is too long"));
    }
    let taken = |it: &&Workflow| Some(it.id) != own && fold(&it.name) == fold(name);
    match slice.all::<Workflow>().iter().find(|it| taken(it)) {
        Some(_) => Err(Rejection::invalid("name", TAKEN)),
        None => Ok(()),
    }
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, workflow: &Workflow) -> LogEvent {
    let target = Target::new(KIND, workflow.id.to_string(), &workflow.name)
        .detail("url", workflow.url.as_str())
        .detail("status", workflow.status.as_str());
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}
