//! `watchfire admin`: who may use the Admin Console.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    api::{Connection, escape},
    terminal::Terminal,
};

/// Administrators of the Admin Console.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Invite somebody, or once more after a lost password or phone; the link is shown once
    Invite(Invite),
    /// List the administrators
    List(Connection),
    /// Change what an administrator may do
    Role(Change),
    /// Take an administrator's access away
    Remove(Remove),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Invite {
    /// What they sign in with: an address
    login: String,
    /// What they may do
    #[arg(long, default_value = "read-only")]
    role: Role,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Change {
    /// Id of the administrator's user (00u…)
    id: String,
    /// What they may do from now on
    role: Role,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Remove {
    /// Id of the administrator's user (00u…)
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// What an administrator may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Everything
    SuperAdmin,
    /// Read everything, change risk and sessions, approve actions
    SecurityAnalyst,
    /// Read everything
    ReadOnly,
}

impl Role {
    const fn as_wire(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::SecurityAnalyst => "SECURITY_ANALYST",
            Self::ReadOnly => "READ_ONLY",
        }
    }
}

const PATH: &str = "/watchfire/v1/administrators";

/// Runs one of the commands.
///
/// # Errors
/// When the server says no, or cannot be reached.
pub(crate) async fn run(command: &Command, terminal: &Terminal) -> Result<()> {
    match command {
        Command::Invite(Invite { login, role, connection }) => {
            let body = json!({"login": login, "role": role.as_wire()});
            let made = connection.open()?.post(PATH, &body).await?;
            let fields = [
                ("user", "/userId"),
                ("login", "/login"),
                ("role", "/role"),
                ("link", "/invitation"),
                ("expires", "/invitationExpiresAt"),
            ];
            terminal.print_object(&made, &fields)?;
        }
        Command::List(connection) => {
            let all = connection.open()?.list(PATH).await?;
            let columns = [
                ("USER", "/userId"),
                ("LOGIN", "/login"),
                ("NAME", "/name"),
                ("ROLE", "/role"),
                ("STATUS", "/status"),
            ];
            terminal.print_list(&all, &columns)?;
        }
        Command::Role(Change { id, role, connection }) => {
            let body = json!({"role": role.as_wire()});
            let path = format!("{PATH}/{}", escape(id));
            let changed = connection.open()?.put(&path, &body).await?;
            terminal.print_object(&changed, &[("user", "/userId"), ("login", "/login"), ("role", "/role")])?;
        }
        Command::Remove(Remove { id, connection }) => {
            connection.open()?.delete(&format!("{PATH}/{}", escape(id))).await?;
            terminal.print_done("removed", id)?;
        }
    }
    Ok(())
}
