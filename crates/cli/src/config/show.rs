//! `watchfire config`: the effective values, where each is from, and the reference.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::{
    Config,
    flags::Flags,
    layers::{Layers, Raw},
    reference,
    table::Arity,
};
use crate::terminal::{Terminal, table};

/// Show the effective settings and where each is from; secrets are masked.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Print the reference of all settings (Markdown) instead.
    #[arg(long, exclusive = true)]
    reference: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Prints the settings; fails when a server would not start with them.
///
/// # Errors
/// When they cannot be read, or a server would refuse them: they are printed all the same.
pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    if arguments.reference {
        terminal.print(&reference::markdown())?;
        return Ok(ExitCode::SUCCESS);
    }
    let layers = Layers::read(&arguments.flags, &|variable| std::env::var(variable).ok())?;
    if terminal.json() {
        terminal.print_json(&json(&layers))?;
    } else {
        terminal.print(&text(&layers))?;
    }
    Config::read(&layers)?;
    Ok(ExitCode::SUCCESS)
}

fn text(layers: &Layers) -> String {
    let row = |raw: &Raw| {
        let shown = raw.shown().join(", ");
        let value = if raw.values.is_empty() {
            format!("({})", raw.setting.without)
        } else {
            shown
        };
        vec![raw.setting.name.to_owned(), value, raw.origin.to_string()]
    };
    table(&["SETTING", "VALUE", "FROM"], layers.iter().map(row))
}

fn json(layers: &Layers) -> Value {
    let entry = |raw: &Raw| {
        let shown = raw.shown();
        let value = match (raw.setting.arity, shown.last()) {
            (Arity::Many, _) => json!(shown),
            (Arity::Switch, Some(value)) => json!(value == "true"),
            (_, Some(value)) => json!(value),
            (_, None) => Value::Null,
        };
        (
            raw.setting.name.to_owned(),
            json!({"value": value, "origin": raw.origin.kind(), "from": raw.origin.to_string()}),
        )
    };
    Value::Object(layers.iter().map(entry).collect())
}
