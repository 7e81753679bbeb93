//! `watchfire token`: administrators' API tokens.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    api::{Connection, escape},
    terminal::Terminal,
};

/// API tokens of administrators.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token; it is shown once
    Create(Create),
    /// List the tokens, without their values
    List(Connection),
    /// Revoke a token
    Revoke(Revoke),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Create {
    /// What it is for
    name: String,
    /// When it ends (RFC 3339); without it, it ends 30 days after its last use
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Revoke {
    /// Id of the token (00T…), or `current` for the one that is used for this call
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Create(arguments) => {
            let mut body = json!({"name": arguments.name});
            if let (Some(members), Some(at)) = (body.as_object_mut(), &arguments.expires_at) {
                members.insert("expiresAt".to_owned(), at.as_str().into());
            }
            let made = arguments.connection.open()?.post("/watchfire/v1/api-tokens", &body).await?;
            terminal.print_object(
                &made,
                &[
                    ("id", "/id"),
                    ("name", "/name"),
                    ("token", "/token"),
                    ("expires", "/expiresAt"),
                ],
            )?;
        }
        Command::List(connection) => {
            let tokens = connection.open()?.list("/api/v1/api-tokens?limit=200").await?;
            let columns = [
                ("ID", "/id"),
                ("NAME", "/name"),
                ("USER", "/userId"),
                ("CREATED", "/created"),
                ("EXPIRES", "/expiresAt"),
            ];
            terminal.print_list(&tokens, &columns)?;
        }
        Command::Revoke(Revoke { id, connection }) => {
            connection
                .open()?
                .delete(&format!("/api/v1/api-tokens/{}", escape(id)))
                .await?;
            terminal.print_done("revoked", id)?;
        }
    }
    Ok(())
}
