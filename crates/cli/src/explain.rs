//! `watchfire explain`: why a sign-in was judged as it was, from the numbers that were recorded.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::{
    api::{Connection, escape, text},
    terminal::{Style, Terminal, printable, table},
};

/// Why a sign-in was judged as it was.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Id of the sign-in (`sgn…`), from the answer that assessed it or the list of sign-ins
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// Prints a sign-in with its factors, rules and thresholds.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let api = arguments.connection.open()?;
    let it = api.get(&format!("/watchfire/v1/sign-ins/{}", escape(&arguments.id))).await?;
    if terminal.json() {
        terminal.print_json(&it)?;
        return Ok(());
    }
    terminal.print(&told(&it, terminal))?;
    Ok(())
}

fn told(it: &Value, terminal: &Terminal) -> String {
    let at = |pointer: &str| it.pointer(pointer).map(shown).unwrap_or_default();
    let mut lines = vec![
        format!(
            "{} of {} from {} at {}",
            at("/id"),
            at("/user/login"),
            at("/client/ipAddress"),
            at("/at")
        ),
        format!(
            "score {} {} → {} by {} / {}, {}",
            at("/risk/score"),
            at("/risk/level"),
            at("/decision"),
            at("/policy/name"),
            at("/policy/rule/name"),
            at("/state")
        ),
        format!("reasons: {}", listed(it.pointer("/risk/reasons"))),
        format!("behaviors: {}", pairs(it.get("behaviors"))),
        String::new(),
        factors(it),
    ];
    lines.extend(words(it));
    lines.extend(rules(it, terminal));
    lines.push(String::new());
    lines.push(recomputed(it, terminal));
    lines.join("\n")
}

fn factors(it: &Value) -> String {
    let factors = it.pointer("/risk/factors").and_then(Value::as_array);
    let rows = factors.into_iter().flatten().map(|factor| {
        let nats = factor.get("nats").and_then(Value::as_f64);
        let source = match (factor.pointer("/source/name"), factor.pointer("/source/type")) {
            (Some(name), _) => shown(name),
            (None, kind) => kind.map(shown).unwrap_or_default(),
        };
        vec![
            text(factor, "factor").to_owned(),
            printable(text(factor, "value")),
            text(factor, "seen").to_owned(),
            nats.map_or_else(|| "rule".to_owned(), |nats| format!("{nats:+.2}")),
            factor.get("points").map(shown).unwrap_or_default(),
            printable(&source),
        ]
    });
    table(&["FACTOR", "VALUE", "SEEN", "NATS", "POINTS", "SOURCE"], rows)
}

/// What providers had said, and how far they were trusted then.
fn words(it: &Value) -> Vec<String> {
    let words = it.pointer("/explanation/basis/signals/providers").and_then(Value::as_array);
    let told = words.into_iter().flatten().map(|word| {
        let is = |member: &str| word.get(member).and_then(Value::as_bool).unwrap_or(false);
        let trust = word.get("trust").and_then(Value::as_f64).unwrap_or_default() / 1_000_000.0;
        format!(
            "provider {} said {}: trusted {trust:.3}, {}{}",
            printable(text(word, "name")),
            text(word, "level"),
            if is("counts") { "counts" } else { "only logged" },
            if is("floor") { ", the least level" } else { "" },
        )
    });
    told.collect()
}

fn rules(it: &Value, terminal: &Terminal) -> Vec<String> {
    let rules = it.pointer("/explanation/rules").and_then(Value::as_array);
    let mut lines = vec![String::new()];
    let asked = it
        .pointer("/explanation/rulesAsked")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let told = rules.map_or(0, |rules| u64::try_from(rules.len()).unwrap_or(u64::MAX));
    if let Some(more @ 1..) = asked.checked_sub(told) {
        lines.push(format!("{more} rules were asked before; the policies of then are gone"));
    }
    for rule in rules.into_iter().flatten() {
        let matched = rule.get("matched").and_then(Value::as_bool).unwrap_or(false);
        let (style, word) = if matched {
            (Style::Good, "matched")
        } else {
            (Style::Faint, "not met")
        };
        lines.push(format!(
            "rule {}: {}",
            printable(text(rule, if rule.get("name").is_some() { "name" } else { "id" })),
            terminal.paint(style, word)
        ));
        let conditions = rule.get("conditions").and_then(Value::as_array);
        for condition in conditions.into_iter().flatten() {
            let holds = condition.get("result").and_then(Value::as_bool).unwrap_or(false);
            let sign = if holds { "+" } else { "-" };
            let name = text(condition, "condition");
            lines.push(match condition.get("asks") {
                None => format!("  {sign} {name}"),
                Some(_) => format!(
                    "  {sign} {name}: asks {}, got {}",
                    printable(text(condition, "asks")),
                    printable(text(condition, "got"))
                ),
            });
        }
    }
    lines
}

fn recomputed(it: &Value, terminal: &Terminal) -> String {
    let Some(again) = it.pointer("/explanation/recomputed").filter(|again| !again.is_null()) else {
        return terminal.paint(Style::Warning, "recorded by another version of the model: not computed again");
    };
    let at = |pointer: &str| again.pointer(pointer).map(shown).unwrap_or_default();
    let evidence = again.get("evidence").and_then(Value::as_f64).unwrap_or_default();
    let floors = again.get("floors").and_then(Value::as_array);
    let floors: Vec<String> = floors
        .into_iter()
        .flatten()
        .map(|floor| format!("{} {}", text(floor, "rule"), text(floor, "level")))
        .collect();
    let line = format!(
        "computed again: evidence {evidence:+.3} nats, score {} {}; MEDIUM from {}, HIGH from {}; floors: {}; model {}",
        at("/score"),
        at("/level"),
        at("/thresholds/medium"),
        at("/thresholds/high"),
        if floors.is_empty() {
            "none".to_owned()
        } else {
            floors.join(", ")
        },
        at("/modelVersion")
    );
    let same = again.get("matches").and_then(Value::as_bool).unwrap_or(false);
    let (style, word) = if same {
        (Style::Good, "the same as recorded")
    } else {
        (Style::Bad, "DIFFERS from what was recorded")
    };
    format!("{line}\n{}", terminal.paint(style, word))
}

fn listed(value: Option<&Value>) -> String {
    let items = value.and_then(Value::as_array);
    let items: Vec<String> = items.into_iter().flatten().map(shown).collect();
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}

fn pairs(value: Option<&Value>) -> String {
    let members = value.and_then(Value::as_object);
    let members: Vec<String> = members
        .into_iter()
        .flatten()
        .map(|(name, it)| format!("{name}={}", shown(it)))
        .collect();
    members.join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}
