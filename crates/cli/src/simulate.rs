//! `watchfire simulate`: what other policies, thresholds or providers would have made of recorded sign-ins.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::{
    api::{Api, Connection, escape, text},
    command::Misuse,
    terminal::{Style, Terminal},
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Sign-ins of then or later (ISO 8601); the first that is kept, when absent
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Sign-ins before that; now, when absent
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// JSON file with drafted policies: {"policies":[…],"rules":[…],"zones":[…]} as in the API, or one rule
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Other thresholds, such as medium=40,high=70
    #[arg(long, value_name = "LEVEL=SCORE", value_delimiter = ',', value_parser = pair)]
    threshold: Vec<(String, String)>,
    /// Another trust in a risk provider, from 0 to 1, such as rkp…=0.4; may be repeated
    #[arg(long, value_name = "PROVIDER=TRUST", value_parser = pair)]
    trust: Vec<(String, String)>,
    /// Another action of a risk provider, such as rkp…=enforce_and_log; may be repeated
    #[arg(long, value_name = "PROVIDER=ACTION", value_parser = pair)]
    action: Vec<(String, String)>,
    /// Decide by the policies of now, and not by those of the time of each sign-in
    #[arg(long)]
    current: bool,
    /// Changed sign-ins and users that are told, at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    connection: Connection,
}

const SIMULATIONS: &str = "/watchfire/v1/simulations";
/// How often a simulation that runs is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

const MATRIX: &[(&str, &str)] = &[
    ("WAS", "/was"),
    ("ALLOW", "/ALLOW"),
    ("CHALLENGE", "/CHALLENGE"),
    ("DENY", "/DENY"),
];
const USERS: &[(&str, &str)] = &[
    ("USER", "/login"),
    ("ID", "/id"),
    ("CHANGED", "/changed"),
    ("STRICTER", "/stricter"),
];
const EXAMPLES: &[(&str, &str)] = &[
    ("AT", "/at"),
    ("USER", "/login"),
    ("WAS", "/before/decision"),
    ("BY RULE", "/before/rule"),
    ("SCORE", "/before/score"),
    ("WOULD BE", "/after/decision"),
    ("BY RULE", "/after/rule"),
    ("SCORE", "/after/score"),
];

/// Starts a simulation, shows how far it is, and prints its result.
///
/// # Errors
/// When the arguments cannot be read, the server says no, or the simulation fails.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let body = request(arguments)?;
    let api = arguments.connection.open()?;
    let started = api.post(SIMULATIONS, &body).await?;
    let path = format!("{SIMULATIONS}/{}", escape(text(&started, "id")));
    let simulation = tokio::select! {
        simulation = finish(&api, &path, started) => simulation?,
        _ = tokio::signal::ctrl_c() => {
            api.delete(&path).await?;
            bail!("cancelled");
        }
    };
    let Some(result) = simulation.get("result") else {
        bail!("the simulation ended as {}", text(&simulation, "status"));
    };
    if terminal.json() {
        return Ok(terminal.print_json(&simulation)?);
    }
    show(result, terminal)
}

async fn finish(api: &Api, path: &str, mut simulation: Value) -> Result<Value> {
    let bar = ProgressBar::new(100);
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}")?);
    while text(&simulation, "status") == "RUNNING" {
        let at = |pointer: &str| simulation.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        bar.set_position(at("/progress/percent"));
        bar.set_message(format!("{} sign-ins", at("/progress/read")));
        tokio::time::sleep(ASK_EVERY).await;
        simulation = api.get(path).await?;
    }
    bar.finish_and_clear();
    Ok(simulation)
}

fn request(arguments: &Arguments) -> Result<Value> {
    let mut draft = match &arguments.policy {
        Some(path) => drafted(path)?,
        None => Map::new(),
    };
    let mut thresholds = Map::new();
    for (level, score) in &arguments.threshold {
        let score: u8 = read(score, "--threshold", "a score from 1 to 100")?;
        thresholds.insert(level.clone(), score.into());
    }
    if !thresholds.is_empty() {
        draft.insert("thresholds".to_owned(), thresholds.into());
    }
    let mut providers: Map<String, Value> = Map::new();
    let mut change = |id: &str, member: &str, value: Value| {
        let provider = providers.entry(id).or_insert_with(|| json!({}));
        if let Some(provider) = provider.as_object_mut() {
            provider.insert(member.to_owned(), value);
        }
    };
    for (id, trust) in &arguments.trust {
        let trust: f64 = read(trust, "--trust", "a number from 0 to 1")?;
        change(id, "trust", trust.into());
    }
    for (id, action) in &arguments.action {
        change(id, "action", action.as_str().into());
    }
    if !providers.is_empty() {
        draft.insert("providers".to_owned(), providers.into());
    }
    let mut body = Map::from_iter([
        ("draft".to_owned(), draft.into()),
        ("limit".to_owned(), arguments.limit.into()),
    ]);
    let instants = [("since", &arguments.since), ("until", &arguments.until)];
    let instants = instants
        .into_iter()
        .filter_map(|(name, at)| Some((name.to_owned(), at.clone()?.into())));
    body.extend(instants);
    if arguments.current {
        body.insert("base".to_owned(), "CURRENT".into());
    }
    Ok(body.into())
}

/// A file with the draft's lists, or with one rule as the API takes it.
fn drafted(path: &Path) -> Result<Map<String, Value>> {
    let file = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let json: Value = serde_json::from_str(&file).with_context(|| format!("{} is no JSON", path.display()))?;
    match json {
        Value::Object(rule) if rule.contains_key("actions") => {
            Ok(Map::from_iter([("rules".to_owned(), Value::Array(vec![rule.into()]))]))
        }
        Value::Object(draft) => Ok(draft),
        _ => Err(Misuse(format!("{} holds no JSON object", path.display())).into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it looks like NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn read<T: std::str::FromStr>(text: &str, option: &str, what: &str) -> Result<T> {
    let read = text.parse();
    read.map_err(|_| Misuse(format!("{option}: '{text}' is not {what}")).into())
}

fn show(result: &Value, terminal: &Terminal) -> Result<()> {
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let (compared, changed) = (number("/compared"), number("/changed"));
    let style = if changed == 0 { Style::Good } else { Style::Warning };
    let changed = terminal.paint(style, format!("{changed} would have been decided otherwise"));
    terminal.print(&format!("{compared} sign-ins; {changed}."))?;
    let skipped = number("/skipped/otherVersion").saturating_add(number("/skipped/withoutPolicies"));
    if skipped > 0 {
        terminal.print(&format!(
            "{skipped} more could not be decided again: of another version of the model, or their policies are not kept."
        ))?;
    }
    terminal.print_list(&matrix(result), MATRIX)?;
    let list = |pointer: &str| result.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    for (heading, items, columns) in [
        ("Whom it would have concerned", list("/users/most"), USERS),
        ("The first of them", list("/examples"), EXAMPLES),
    ] {
        if !items.is_empty() {
            terminal.print(&format!("\n{}", terminal.paint(Style::Heading, heading)))?;
            terminal.print_list(&items, columns)?;
        }
    }
    Ok(())
}

fn matrix(result: &Value) -> Vec<Value> {
    let rows = result.get("decisions").and_then(Value::as_object).into_iter().flatten();
    rows.map(|(was, counts)| {
        let mut row = counts.as_object().cloned().unwrap_or_default();
        row.insert("was".to_owned(), was.as_str().into());
        Value::Object(row)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn asked(line: &[&str]) -> Result<Value> {
        let fixed = ["simulate", "--url", "https://risk.example.com"];
        let line = Line::try_parse_from(fixed.iter().chain(line))?;
        request(&line.arguments)
    }

    #[test]
    fn arguments_become_the_body_of_a_call() {
        let line = [
            "--since=2027-01-01T00:00:00Z",
            "--threshold=medium=45,high=80",
            "--trust=rkp1=0.4",
            "--action=rkp1=log_only",
            "--current",
        ];
        let expected = json!({
            "since": "2027-01-01T00:00:00Z", "limit": 20, "base": "CURRENT",
            "draft": {
                "thresholds": {"medium": 45, "high": 80},
                "providers": {"rkp1": {"trust": 0.4, "action": "log_only"}},
            },
        });
        assert_eq!(asked(&line).unwrap(), expected);
        assert_eq!(asked(&[]).unwrap(), json!({"draft": {}, "limit": 20}));
    }

    #[test]
    fn a_file_holds_a_draft_or_one_rule() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("draft.json");
        let rule = json!({"name": "No HIGH", "actions": {"signon": {"access": "DENY"}}});
        for content in [json!({"rules": [rule]}), rule.clone()] {
            std::fs::write(&file, content.to_string()).unwrap();
            let body = asked(&["--policy", file.to_str().unwrap()]).unwrap();
            assert_eq!(body["draft"], json!({"rules": [rule]}));
        }
        std::fs::write(&file, "[]").unwrap();
        assert!(asked(&["--policy", file.to_str().unwrap()]).is_err());
    }

    #[test]
    fn values_that_are_none_are_refused_before_the_call() {
        for line in [
            ["--threshold=high=many"],
            ["--threshold=40"],
            ["--trust=rkp1=full"],
            ["--limit=0"],
        ] {
            assert!(asked(&line).is_err(), "{line:?}");
        }
    }
}
