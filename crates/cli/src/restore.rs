//! `watchfire restore`: a store out of a backup, or a look whether a backup can become one.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use watchfire_app::{
    Clock as _, Vault,
    restore::{Restore, restore_epoch},
    sealed,
};
use watchfire_domain::action::WaitingCalls;
use watchfire_store::archive::{ArchiveError, ArchiveReader, Footer, Header, Piece, Sink};

use crate::{
    backup::{FIELDS, summary},
    command::Misuse,
    config::Config,
    key_file,
    store_place::{Installation, StorePlace, Watched},
    system::SystemClock,
    terminal::Terminal,
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The backup; - is standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Check the whole backup first, and that the key file opens its secrets; alone, nothing is written
    #[arg(long)]
    verify: bool,
    /// What becomes of calls (webhooks, logouts, event hooks) that were waiting when the backup was made [default: hold]
    #[arg(long)]
    outbox: Option<Outbox>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outbox {
    /// A person releases or cancels them: many have been made since, or are about what is over
    Hold,
    /// They are made
    Resume,
    /// They are not made
    Discard,
}

impl Outbox {
    const fn calls(self) -> WaitingCalls {
        match self {
            Self::Hold => WaitingCalls::Hold,
            Self::Resume => WaitingCalls::Resume,
            Self::Discard => WaitingCalls::Discard,
        }
    }
}

/// Restores, or checks.
///
/// # Errors
/// When the backup is not whole, the key file is another one, or there is a store already.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let config = arguments.installation.config()?;
    let vault = vault(&config)?;
    let shown = arguments.from.display().to_string();
    if arguments.verify {
        if arguments.from == Path::new("-") && arguments.outbox.is_some() {
            return Err(Misuse("standard input can be read once: check it alone, or leave --verify out".to_owned()).into());
        }
        let mut nowhere = Nowhere;
        let read = pass_on(arguments, &vault, &mut nowhere).await;
        let read = read.with_context(|| format!("{shown} cannot be restored"))?;
        if arguments.outbox.is_none() {
            return verified(&read, terminal);
        }
    }
    let place = StorePlace::of(&config);
    let mut target = place.incoming(&config.store, true).await?;
    let read = pass_on(arguments, &vault, &mut *target).await;
    let read = read.with_context(|| format!("{shown} cannot be restored"))?;
    target.verify().await?;
    let now = SystemClock.now();
    let epoch = restore_epoch(read.header.epoch, now);
    let calls = arguments.outbox.unwrap_or(Outbox::Hold).calls();
    let restore = Restore {
        made: read.header.made,
        calls,
        vault: &vault,
        epoch,
        now,
    };
    let waiting = restore.carry_out(&mut *target).await?;
    target.publish(epoch, now).await?;
    told(&read, &place, (calls, waiting), terminal)
}

fn vault(config: &Config) -> Result<Vault> {
    let path = config.key_file.clone().map_or_else(key_file::default_path, Ok)?;
    if !path.exists() {
        bail!(
            "a restore needs the key file of the installation, and {} is not there: name it with --key-file",
            path.display()
        );
    }
    let key = key_file::read(&path, config.key_secret.as_ref())?;
    Ok(Vault::new(&key)?)
}

/// What was read.
struct WholeRead {
    header: Header,
    footer: Footer,
    secrets: usize,
}

/// Reads the whole archive on its way to `sink`.
async fn pass_on(arguments: &Arguments, vault: &Vault, sink: &mut dyn Sink) -> Result<WholeRead> {
    let input: Box<dyn Read + Send> = if arguments.from == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&arguments.from)?)
    };
    let mut reader = ArchiveReader::begin(BufReader::with_capacity(1 << 20, input))?;
    let mut watched = Watched::new(sink)?;
    let mut secrets = 0;
    while let Some(piece) = reader.read()? {
        match &piece {
            Piece::Header(header) => same_key(header, vault)?,
            Piece::Batch(batch) => {
                for object in batch.objects(sealed::has_sealed_values)? {
                    secrets += sealed::check(&object, vault)?;
                }
            }
            Piece::Footer(_) => {}
        }
        watched.take(piece).await?;
    }
    match (watched.header.take(), watched.footer.take()) {
        (Some(header), Some(footer)) => Ok(WholeRead { header, footer, secrets }),
        _ => Err(ArchiveError::NotAnArchive.into()),
    }
}

fn same_key(header: &Header, vault: &Vault) -> Result<()> {
    match &header.key {
        Some(key) if *key != vault.key_id() => bail!(
            "its secrets are sealed under the key {key}, and the key file holds {}: the key file of that installation is needed",
            vault.key_id()
        ),
        _ => Ok(()),
    }
}

fn verified(read: &WholeRead, terminal: &Terminal) -> Result<()> {
    let mut shown = summary(&read.header, &read.footer);
    if terminal.json() {
        if let Some(members) = shown.as_object_mut() {
            members.insert("secretsOpened".to_owned(), read.secrets.into());
        }
        return Ok(terminal.print_json(&shown)?);
    }
    terminal.print_object(&shown, FIELDS)?;
    terminal.print(&format!(
        "The backup is whole, and the key file opens its {} secrets. Nothing was written.",
        read.secrets
    ))?;
    Ok(())
}

fn told(read: &WholeRead, place: &StorePlace, (calls, waiting): (WaitingCalls, usize), terminal: &Terminal) -> Result<()> {
    let became = match calls {
        WaitingCalls::Hold => "held",
        WaitingCalls::Resume => "resumed",
        WaitingCalls::Discard => "discarded",
    };
    let mut shown = summary(&read.header, &read.footer);
    if terminal.json() {
        if let Some(members) = shown.as_object_mut() {
            members.insert("outbox".to_owned(), json!({ became: waiting }));
        }
        return Ok(terminal.print_json(&shown)?);
    }
    terminal.print_object(&shown, FIELDS)?;
    terminal.print(&format!(
        "{} holds what the backup held, read back and compared.",
        place.name()
    ))?;
    if waiting > 0 {
        let next = match calls {
            WaitingCalls::Hold => " `watchfire action list --state held` shows them.",
            WaitingCalls::Resume | WaitingCalls::Discard => "",
        };
        terminal.print(&format!("{waiting} calls were waiting and are {became}.{next}"))?;
    }
    Ok(())
}

/// Keeps nothing.
struct Nowhere;

#[async_trait::async_trait]
impl Sink for Nowhere {
    async fn take(&mut self, _: Piece) -> Result<(), ArchiveError> {
        Ok(())
    }
}
