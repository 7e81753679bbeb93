//! `watchfire demo`: the whole guide in one command, before the eyes of its reader.

mod cast;
mod made;
mod narrator;
mod play;
mod stage;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use secrecy::SecretString;

use self::{made::Made, narrator::Narrator, stage::Stage};
use crate::{serve::StopSignals, terminal::Terminal};

/// Play the whole guide on a temporary server, and leave it up.
///
/// A user with an honest history signs in; an administrator sets a risk provider up; the provider
/// reports the user's address; the user's next sign-in is challenged. Every line is read back from
/// the server; the first one that does not hold ends the demo with exit code 1.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// End after the last line
    #[arg(long)]
    exit: bool,
    /// Address and port of the temporary server; a free port where this one is taken
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", conflicts_with = "url")]
    listen: SocketAddr,
    /// Use a running server; what the demo makes there is taken away at the end
    #[arg(long, env = "WATCHFIRE_URL", requires = "token", help_heading = "Server")]
    url: Option<String>,
    /// An administrator's API token of that server
    #[arg(long, env = "WATCHFIRE_TOKEN", hide_env_values = true, value_parser = crate::api::secret, help_heading = "Server")]
    token: Option<SecretString>,
    /// Leave what the demo makes on a running server
    #[arg(long, requires = "url", help_heading = "Server")]
    keep: bool,
    /// CA certificate (PEM) that is trusted beside the system's
    #[arg(long, env = "WATCHFIRE_CA", value_name = "FILE", help_heading = "Server")]
    ca: Option<PathBuf>,
}

/// Plays, and waits.
///
/// # Errors
/// When no server can be started.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode> {
    let stage = Stage::open(arguments).await?;
    let mut narrator = Narrator::new(*terminal);
    let mut made = Made::default();
    let played = play::play(&stage, &mut narrator, &mut made).await;
    if let Ok(cast) = &played {
        narrator.addresses(&stage, cast, arguments.exit)?;
        if stage.is_ours() && !arguments.exit {
            StopSignals::listen()?.requested().await;
        }
    }
    if !stage.is_ours() && !arguments.keep {
        narrator.taken_away(made.take_away(stage.api()).await)?;
    }
    stage.close().await?;
    played.map(|_| ExitCode::SUCCESS)
}
