//! `watchfire policy`: sign-on policies, and the rule that makes risk count.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    api::{Api, Connection, escape, text},
    terminal::{Style, Terminal},
};

/// Sign-on policies.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// List the sign-on policies
    List(Connection),
    /// List the rules of a sign-on policy, in the order in which they are asked
    Rules(Rules),
    /// Add the rule that asks for a second factor when the risk of a sign-in is HIGH
    Recommend(Rules),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Rules {
    /// Id of the policy; without it, the default policy
    policy: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

const POLICIES: &str = "/api/v1/policies?type=OKTA_SIGN_ON";
/// Name of the rule that `recommend` adds.
pub(crate) const RULE_NAME: &str = "High risk asks for a second factor";

const COLUMNS: &[(&str, &str)] = &[
    ("PRIORITY", "/priority"),
    ("ID", "/id"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("SYSTEM", "/system"),
];
const RULE_COLUMNS: &[(&str, &str)] = &[
    ("PRIORITY", "/priority"),
    ("ID", "/id"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("RISK", "/conditions/riskScore/level"),
    ("ACCESS", "/actions/signon/access"),
    ("FACTOR", "/actions/signon/requireFactor"),
];

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::List(connection) => terminal.print_list(&connection.open()?.list(POLICIES).await?, COLUMNS)?,
        Command::Rules(arguments) => {
            let api = arguments.connection.open()?;
            let policy = find(&api, arguments.policy.as_deref()).await?;
            terminal.print_list(&rules(&api, text(&policy, "id")).await?, RULE_COLUMNS)?;
        }
        Command::Recommend(arguments) => {
            let api = arguments.connection.open()?;
            let recommended = recommend(&api, arguments.policy.as_deref()).await?;
            show(&recommended, terminal)?;
        }
    }
    Ok(())
}

/// What `recommend` found or did.
#[derive(Clone, Debug)]
pub(crate) struct Recommended {
    pub(crate) policy: Value,
    pub(crate) rule: Value,
    /// Whether the rule was added by this call.
    pub(crate) added: bool,
}

/// Puts our rule into the policy, unless a rule there already does as much.
///
/// # Errors
/// When the server says no.
pub(crate) async fn recommend(api: &Api, policy: Option<&str>) -> Result<Recommended> {
    let policy = find(api, policy).await?;
    let id = text(&policy, "id").to_owned();
    let existing = rules(api, &id).await?.into_iter().find(answers_high_risk);
    let (rule, added) = match existing {
        Some(rule) => (rule, false),
        None => (
            api.post(&format!("/api/v1/policies/{}/rules", escape(&id)), &rule_body())
                .await?,
            true,
        ),
    };
    Ok(Recommended { policy, rule, added })
}

/// The rule, as Okta's console would make it (okta.md 9.3).
fn rule_body() -> Value {
    json!({
        "type": "SIGN_ON",
        "name": RULE_NAME,
        "priority": 1,
        "conditions": {
            "network": {"connection": "ANYWHERE"},
            "authContext": {"authType": "ANY"},
            "riskScore": {"level": "HIGH"},
        },
        "actions": {
            "signon": {
                "access": "ALLOW",
                "requireFactor": true,
                "factorPromptMode": "ALWAYS",
                "rememberDeviceByDefault": false,
                "session": {"usePersistentCookie": false, "maxSessionIdleMinutes": 120, "maxSessionLifetimeMinutes": 0},
            },
        },
    })
}

/// Whether an active rule asks for a factor, or refuses, when the risk is HIGH, wherever from.
pub(crate) fn answers_high_risk(rule: &Value) -> bool {
    let at = |pointer: &str| rule.pointer(pointer).cloned().unwrap_or_default();
    let steps_up = at("/actions/signon/requireFactor") == true || at("/actions/signon/access") == "DENY";
    text(rule, "status") == "ACTIVE"
        && at("/conditions/riskScore/level") == "HIGH"
        && at("/conditions/network/connection") != "ZONE"
        && steps_up
}

/// The policy with this id, or the default one.
async fn find(api: &Api, id: Option<&str>) -> Result<Value> {
    match id {
        Some(id) => api.get(&format!("/api/v1/policies/{}", escape(id))).await,
        None => {
            let policies = api.list(POLICIES).await?;
            let default = policies
                .into_iter()
                .find(|policy| policy.get("system") == Some(&Value::Bool(true)));
            default.context("there is no default sign-on policy")
        }
    }
}

/// The rules of a policy, as they are asked.
///
/// # Errors
/// When the server says no.
pub(crate) async fn rules(api: &Api, policy_id: &str) -> Result<Vec<Value>> {
    let mut rules = api.list(&format!("/api/v1/policies/{}/rules", escape(policy_id))).await?;
    rules.sort_by_key(|rule| rule.get("priority").and_then(Value::as_i64).unwrap_or(i64::MAX));
    Ok(rules)
}

/// All rules of all active sign-on policies.
///
/// # Errors
/// When the server says no.
pub(crate) async fn all_rules(api: &Api) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for policy in api.list(POLICIES).await? {
        if text(&policy, "status") == "ACTIVE" {
            all.extend(rules(api, text(&policy, "id")).await?);
        }
    }
    Ok(all)
}

fn show(recommended: &Recommended, terminal: &Terminal) -> Result<()> {
    let Recommended { policy, rule, added } = recommended;
    if terminal.json() {
        return Ok(terminal.print_json(&json!({"added": added, "policyId": policy["id"], "rule": rule}))?);
    }
    let verb = if *added {
        terminal.paint(Style::Good, "added to")
    } else {
        terminal.paint(Style::Faint, "nothing to do: already in")
    };
    terminal.print(&format!("{verb} the policy '{}':\n", text(policy, "name")))?;
    Ok(terminal.print_list(std::slice::from_ref(rule), RULE_COLUMNS)?)
}
