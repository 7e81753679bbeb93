//! `watchfire set`: what the guide does with jwt.io and Postman, and what a vendor's automation has to do
//! beside it: make the claims of a Security Event Token, sign them, deliver them, understand a refusal.

mod decode;
mod event;
mod make;
mod refusal;
mod send;
mod sign;

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::Value;

use crate::{command::Misuse, terminal::Terminal};

/// Security Event Tokens.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the claims of a token with one event, and print them
    Make(Box<make::Arguments>),
    /// Sign claims, from a file or from `set make`
    Sign(sign::Arguments),
    /// Deliver a token: post it, try again where that helps, explain a refusal
    Send(send::Arguments),
    /// Show what is in a token; with keys, verify it
    Decode(decode::Arguments),
}

/// Runs one of the commands.
///
/// # Errors
/// When a file cannot be read or the arguments do not go together. A token that is refused or not valid is
/// no error, but [`crate::command::FAILED`].
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<ExitCode> {
    match command {
        Command::Make(arguments) => make::run(arguments, terminal)?,
        Command::Sign(arguments) => sign::run(arguments, terminal)?,
        Command::Send(arguments) => return send::run(arguments, terminal).await,
        Command::Decode(arguments) => return decode::run(arguments, terminal).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The text of a file, or of standard input for `-`.
fn read_input(name: &str) -> Result<String> {
    if name != "-" {
        return std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"));
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.context("cannot read standard input")?;
    Ok(text)
}

/// A token: as an argument, from a file or standard input; bare, in quotes, or as `set sign --json` printed it.
fn read_token(argument: Option<&str>) -> Result<String> {
    let text = match argument {
        Some(token) if token.starts_with("eyJ") => token.to_owned(),
        Some(name) => read_input(name)?,
        None => read_input("-")?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Misuse("there is no token on standard input".to_owned()).into());
    }
    let printed: Option<Value> = serde_json::from_str(text).ok();
    let token = match &printed {
        Some(Value::String(token)) => token,
        Some(object) => object
            .get("set")
            .and_then(Value::as_str)
            .ok_or_else(|| Misuse("this JSON is no token: `watchfire set sign` makes one of claims".to_owned()))?,
        None => text,
    };
    Ok(token.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_come_as_others_print_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("set");
        for text in [
            "eyJ.e.s",
            "eyJ.e.s\n",
            "\"eyJ.e.s\"\n",
            "{\"set\": \"eyJ.e.s\", \"claims\": {}}",
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read_token(file.to_str()).unwrap(), "eyJ.e.s", "{text}");
        }
        for text in ["", " \n", "{\"iss\": \"x\"}"] {
            std::fs::write(&file, text).unwrap();
            assert!(read_token(file.to_str()).is_err(), "{text}");
        }
    }
}
