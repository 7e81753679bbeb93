//! `watchfire doctor`: looks at a running installation and says what to do about each fault.

mod checks;
mod environment;
mod finding;
mod geo;
mod providers;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::json;

use self::finding::{Finding, Health};
use crate::{
    api::{Api, Connection},
    command,
    terminal::{Style, Terminal},
};

/// Check a running installation and say what to do about each fault.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// A Postman environment to check too
    #[arg(long, value_name = "FILE")]
    postman_environment: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// Checks one thing after the other; what cannot be asked is skipped, not guessed.
///
/// # Errors
/// When a file cannot be read. A fault that was found is no error, but [`command::FAILED`].
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    let findings = examine(arguments).await?;
    let is_well = findings.iter().all(|finding| finding.health != Health::Fault);
    if terminal.json() {
        let list: Vec<_> = findings.iter().map(Finding::json).collect();
        terminal.print_json(&json!({"ok": is_well, "checks": list}))?;
    } else {
        terminal.print(&report(&findings, is_well, terminal))?;
    }
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(command::FAILED)
    })
}

async fn examine(arguments: &Arguments) -> Result<Vec<Finding>> {
    let given = &arguments.connection;
    let token = given.read_token()?;
    let token = token.as_ref().map(|token| token.expose_secret());
    let mut findings = vec![checks::url(&given.url), checks::token(token)];
    if let Some(path) = &arguments.postman_environment {
        findings.extend(environment::check(path, &given.url)?);
    }
    // What is said about the spelling need not be said again by every call.
    let connection = Connection {
        url: given.url.trim().trim_matches(['"', '\'']).trim().to_owned(),
        token: token.map(|token| plain_token(token).into()),
        token_file: None,
        ca: given.ca.clone(),
    };
    match connection.open() {
        Ok(api) => findings.extend(ask(&api, token.is_some()).await),
        Err(error) => findings.push(Finding::fault(
            "reachable",
            format!("{error:#}"),
            "Give the URL of the server with --url.",
        )),
    }
    Ok(findings)
}

/// The token without what people paste along with it.
fn plain_token(token: &str) -> &str {
    let token = token.trim().trim_matches(['"', '\'']).trim();
    token
        .strip_prefix("SSWS ")
        .or_else(|| token.strip_prefix("Bearer "))
        .unwrap_or(token)
}

async fn ask(api: &Api, has_token: bool) -> Vec<Finding> {
    let mut findings = checks::reachable(api).await;
    if findings
        .iter()
        .any(|finding| finding.health == Health::Fault && finding.check == "reachable")
    {
        return findings;
    }
    findings.push(checks::issuer(api).await);
    findings.push(checks::keys(api).await);
    if !has_token {
        findings.push(Finding::skipped("set-up", "without a token nothing more can be asked"));
        return findings;
    }
    let accepted = checks::token_accepted(api).await;
    let may_ask = accepted.iter().all(|finding| finding.health != Health::Fault);
    findings.extend(accepted);
    if may_ask {
        let enforced = providers::check(api, &mut findings).await;
        findings.push(providers::rule(api, enforced).await);
        findings.push(checks::refused_tokens(api).await);
        findings.extend(geo::check(api).await);
    }
    findings
}

fn report(findings: &[Finding], is_well: bool, terminal: &Terminal) -> String {
    let mut lines: Vec<String> = findings.iter().map(|finding| finding.line(terminal)).collect();
    if is_well {
        lines.push(format!("\n{}", terminal.paint(Style::Good, "All is well.")));
    } else {
        lines.push(format!("\n{}", terminal.paint(Style::Bad, "Something is amiss.")));
        lines.push("With Postman: save the environment after every change, and look whether the right one is chosen.".to_owned());
        lines.push(
            "Its variables know small and capital letters; doctor --postman-environment FILE checks an exported one.".to_owned(),
        );
    }
    lines.join("\n")
}
