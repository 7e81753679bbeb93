//! `watchfire feedback`: what findings turned out to be, and what that has taught.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::{
    api::{Connection, escape, text},
    terminal::Terminal,
};

/// What findings turned out to be.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Say of a sign-in, a risk change or a receipt that there was an attacker, or that there was none
    Give(Give),
    /// List feedback, newest first
    List(List),
    /// Withdraw feedback, and take back what it has done
    Withdraw(Withdraw),
    /// Show how far each provider is trusted and which thresholds are in effect
    Learnt(Connection),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Give {
    /// Id of a sign-in (`sgn…`) or of a receipt (`rcp…`), or the uuid of a `user.risk.detect` event
    subject: String,
    /// What it was
    #[arg(value_enum, ignore_case = true)]
    label: Label,
    /// Why, for people
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Label {
    /// There was an attacker
    TruePositive,
    /// There was none
    FalsePositive,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// Only on findings about this user, by its id
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Withdraw {
    /// Id of the feedback (`fbk…`)
    id: String,
    #[command(flatten)]
    connection: Connection,
}

const FEEDBACK: &str = "/watchfire/v1/feedback";

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("ABOUT", "/subject/type"),
    ("SUBJECT", "/subject/id"),
    ("LABEL", "/label"),
    ("BY", "/givenBy/name"),
    ("CHANGED", "/lastUpdated"),
    ("REASON", "/reason"),
];
const PROVIDERS: &[(&str, &str)] = &[
    ("PROVIDER", "/name"),
    ("SET", "/trust"),
    ("LEARN", "/learn"),
    ("HIGH", "/inEffect/HIGH"),
    ("MEDIUM", "/inEffect/MEDIUM"),
    ("LOW", "/inEffect/LOW"),
    ("ATTACKS", "/labels/attacks"),
    ("HONEST", "/labels/honest"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Give(arguments) => give(arguments, terminal).await?,
        Command::List(arguments) => {
            let path = match &arguments.user {
                Some(user) => format!("{FEEDBACK}?userId={}", escape(user)),
                None => FEEDBACK.to_owned(),
            };
            terminal.print_list(&arguments.connection.open()?.list(&path).await?, COLUMNS)?;
        }
        Command::Withdraw(arguments) => {
            let api = arguments.connection.open()?;
            api.delete(&format!("{FEEDBACK}/{}", escape(&arguments.id))).await?;
            terminal.print_done("withdrawn", &arguments.id)?;
        }
        Command::Learnt(connection) => learnt(connection, terminal).await?,
    }
    Ok(())
}

async fn give(arguments: &Give, terminal: &Terminal) -> Result<()> {
    let label = match arguments.label {
        Label::TruePositive => "TRUE_POSITIVE",
        Label::FalsePositive => "FALSE_POSITIVE",
    };
    let subject = json!({"type": kind(&arguments.subject), "id": arguments.subject});
    let body = json!({"subject": subject, "label": label, "reason": arguments.reason});
    let given = arguments.connection.open()?.post(FEEDBACK, &body).await?;
    terminal.print_object(&given, COLUMNS)?;
    Ok(())
}

/// By what the id looks like.
fn kind(id: &str) -> &'static str {
    if id.starts_with("sgn") {
        "SIGN_IN"
    } else if id.starts_with("rcp") {
        "RECEIPT"
    } else {
        "RISK_CHANGE"
    }
}

async fn learnt(connection: &Connection, terminal: &Terminal) -> Result<()> {
    let settings = connection.open()?.get("/watchfire/v1/risk-settings").await?;
    if terminal.json() {
        terminal.print_json(&settings)?;
        return Ok(());
    }
    let providers = settings.get("providers").and_then(Value::as_object);
    let mut providers: Vec<Value> = providers.into_iter().flat_map(|all| all.values().cloned()).collect();
    providers.sort_by(|one, other| text(one, "name").cmp(text(other, "name")));
    terminal.print_list(&providers, PROVIDERS)?;
    let at = |pointer: &str| settings.pointer(pointer).map(Value::to_string).unwrap_or_default();
    terminal.print(&format!(
        "thresholds: MEDIUM from {}, HIGH from {} (set: {} and {}; learnt: {})",
        at("/thresholds/inEffect/medium"),
        at("/thresholds/inEffect/high"),
        at("/thresholds/set/medium"),
        at("/thresholds/set/high"),
        at("/thresholds/learn"),
    ))?;
    Ok(())
}
