//! `watchfire`: the server and the tools around it.

mod command;
mod key_file;
mod serve;
mod system;

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};

/// A self-hosted hub for risk signals, wire-compatible with Okta.
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Arguments),
    /// Print the OpenAPI document of everything that is served.
    Openapi,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Openapi => openapi(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("watchfire: {error:#}");
        ExitCode::from(command::FAILED)
    })
}

fn openapi() -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(watchfire_http::document()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
