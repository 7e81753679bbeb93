//! `watchfire migrate`: an installation from one store to another.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use watchfire_app::{Clock as _, restore::restore_epoch};

use crate::{
    config::{Config, flags::Flags},
    store_place::{StorePlace, Watched},
    system::SystemClock,
    terminal::Terminal,
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The store as it is: sqlite:FOLDER or postgres://…; its servers must be stopped
    #[arg(long, value_name = "STORE", env = "WATCHFIRE_MIGRATE_FROM", hide_env_values = true)]
    from: String,
    /// Where it goes: sqlite:FOLDER or postgres://…, where there is none yet
    #[arg(long, value_name = "STORE", env = "WATCHFIRE_MIGRATE_TO", hide_env_values = true)]
    to: String,
    /// Forget what an earlier try has begun; without it, a migration that was interrupted goes on
    #[arg(long)]
    restart: bool,
}

/// Moves everything, reads it back and compares. The old store stays as it is.
///
/// # Errors
/// When a server runs on the old store, when there is a store in the new place, or when either fails.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let (from, to) = (StorePlace::parse(&arguments.from)?, StorePlace::parse(&arguments.to)?);
    let settings = Config::load(&Flags::default())?.store;
    let now = SystemClock.now();
    let source = from.stopped(&settings, now).await;
    let mut source = source.with_context(|| format!("cannot move {}", from.name()))?;
    let target = to.incoming(&settings, arguments.restart).await;
    let mut target = target.with_context(|| format!("cannot move to {}", to.name()))?;
    let mut watched = Watched::new(&mut *target)?;
    let exported = source.export(now, &mut watched).await;
    exported.context("the migration stopped; the same command goes on")?;
    let (header, footer) = (watched.header.take(), watched.footer.take());
    drop(watched);
    let (Some(header), Some(footer)) = (header, footer) else {
        bail!("the store has no end");
    };
    target.verify().await?;
    target.publish(restore_epoch(header.epoch, now), now).await?;
    if terminal.json() {
        return Ok(terminal.print_json(&json!({"rows": footer.rows(), "tables": footer.tables}))?);
    }
    terminal.print(&format!(
        "{} rows are in {}, read back and compared. Start the server on it with the same key file; {} is as it was.",
        footer.rows(),
        to.name(),
        from.name()
    ))?;
    Ok(())
}
