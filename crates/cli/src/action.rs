//! `watchfire action`: what rules want done, its approvals, and what was tried in vain.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::{
    api::{Connection, escape},
    command::Misuse,
    terminal::Terminal,
};

/// Actions.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// List actions, oldest first
    List(List),
    /// Show an action with what was tried
    Show(One),
    /// Approve an action that waits for it; not as whoever changed its rule last
    Approve(Verdict),
    /// Reject an action that waits for an approval
    Reject(Verdict),
    /// Try a dead letter again, or all of a target, under the same ids
    Redrive(Redrive),
    /// Release an action that a restore has held, those of a target, or all: they are done after all
    Release(Settle),
    /// Cancel an action that a restore has held, those of a target, or all: they are never done
    Cancel(Settle),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long)]
    state: Option<State>,
    #[command(flatten)]
    connection: Connection,
}

/// Where an action stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    AwaitingApproval,
    Pending,
    Done,
    Rejected,
    Dead,
    Held,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct One {
    /// Id of the action
    id: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Verdict {
    /// Id of the action
    id: String,
    /// Why, for the System Log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Redrive {
    /// Id of the dead letter
    id: Option<String>,
    /// All dead letters of this target: workflow:ID, hook:ID or app:ID
    #[arg(long, conflicts_with = "id")]
    target: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Settle {
    /// Id of the action
    #[arg(required_unless_present_any = ["target", "all"])]
    id: Option<String>,
    /// All held actions of this target: workflow:ID, hook:ID or app:ID
    #[arg(long, conflicts_with = "id")]
    target: Option<String>,
    /// All held actions
    #[arg(long, conflicts_with_all = ["id", "target"])]
    all: bool,
    /// Why, for the System Log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

const HELD: &str = "/watchfire/v1/held-actions";
const ACTIONS: &str = "/watchfire/v1/actions";
const DEAD_LETTERS: &str = "/watchfire/v1/dead-letters";

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("TYPE", "/type"),
    ("STATE", "/state"),
    ("TARGET", "/target"),
    ("USER", "/userId"),
    ("RULE", "/cause/ruleId"),
    ("CREATED", "/created"),
];
const FIELDS: &[(&str, &str)] = &[
    ("Id", "/id"),
    ("Type", "/type"),
    ("State", "/state"),
    ("Target", "/target"),
    ("User", "/userId"),
    ("Policy", "/cause/policyId"),
    ("Rule", "/cause/ruleId"),
    ("Provider", "/cause/providerId"),
    ("Created", "/created"),
    ("Due", "/dueAt"),
    ("Finished", "/finishedAt"),
];
const ATTEMPTS: &[(&str, &str)] = &[("AT", "/at"), ("STATUS", "/status"), ("RESULT", "/result")];

impl State {
    const fn wire(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::Pending => "PENDING",
            Self::Done => "DONE",
            Self::Rejected => "REJECTED",
            Self::Dead => "DEAD",
            Self::Held => "HELD",
        }
    }
}

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::List(List { state, connection }) => {
            let path = state.map_or_else(|| ACTIONS.to_owned(), |state| format!("{ACTIONS}?state={}", state.wire()));
            terminal.print_list(&connection.open()?.list(&path).await?, COLUMNS)?;
        }
        Command::Show(One { id, connection }) => {
            let action = connection.open()?.get(&format!("{ACTIONS}/{}", escape(id))).await?;
            terminal.print_object(&action, FIELDS)?;
            let attempts = action.get("attempts").and_then(Value::as_array);
            if let Some(attempts) = attempts.filter(|attempts| !terminal.json() && !attempts.is_empty()) {
                terminal.print_list(attempts, ATTEMPTS)?;
            }
        }
        Command::Approve(verdict) => say(verdict, "approve", "approved", terminal).await?,
        Command::Reject(verdict) => say(verdict, "reject", "rejected", terminal).await?,
        Command::Redrive(arguments) => redrive(arguments, terminal).await?,
        Command::Release(arguments) => settle(arguments, "release", "released", terminal).await?,
        Command::Cancel(arguments) => settle(arguments, "cancel", "cancelled", terminal).await?,
    }
    Ok(())
}

async fn say(verdict: &Verdict, verb: &str, done: &str, terminal: &Terminal) -> Result<()> {
    let api = verdict.connection.open()?;
    let path = format!("{ACTIONS}/{}/{verb}", escape(&verdict.id));
    api.post(&path, &json!({ "reason": verdict.reason })).await?;
    Ok(terminal.print_done(done, &verdict.id)?)
}

async fn settle(arguments: &Settle, verb: &str, done: &str, terminal: &Terminal) -> Result<()> {
    let api = arguments.connection.open()?;
    let body = json!({ "reason": arguments.reason });
    if let Some(id) = &arguments.id {
        api.post(&format!("{HELD}/{}/{verb}", escape(id)), &body).await?;
        return Ok(terminal.print_done(done, id)?);
    }
    let target = arguments
        .target
        .as_deref()
        .map(|target| format!("?target={}", escape(target)));
    let path = format!("{HELD}/{verb}{}", target.unwrap_or_default());
    let answer = api.post(&path, &body).await?;
    terminal.print_object(&answer, &[("Actions", "/settled")])?;
    Ok(())
}

async fn redrive(arguments: &Redrive, terminal: &Terminal) -> Result<()> {
    let api = arguments.connection.open()?;
    match (&arguments.id, &arguments.target) {
        (Some(id), _) => {
            api.post_empty(&format!("{DEAD_LETTERS}/{}/redrive", escape(id))).await?;
            terminal.print_done("redriven", id)?;
        }
        (None, Some(target)) => {
            let path = format!("{DEAD_LETTERS}/redrive?target={}", escape(target));
            let answer = api.post_empty(&path).await?;
            terminal.print_object(&answer, &[("Redriven", "/redriven")])?;
        }
        (None, None) => return Err(Misuse("give the id of a dead letter, or --target".to_owned()).into()),
    }
    Ok(())
}
