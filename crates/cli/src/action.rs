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
    }
    Ok(())
}

async fn say(verdict: &Verdict, verb: &str, done: &str, terminal: &Terminal) -> Result<()> {
    let api = verdict.connection.open()?;
    let path = format!("{ACTIONS}/{}/{verb}", escape(&verdict.id));
    api.post(&path, &json!({ "reason": verdict.reason })).await?;
    Ok(terminal.print_done(done, &verdict.id)?)
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
