//! `watchfire backup`: everything that the store keeps, as it was at one moment.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use clap::Args;
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_store::archive::{ArchiveError, ArchiveWriter, Footer, Header, Piece, Sink};

use crate::{
    command::Misuse,
    store_place::{Installation, StorePlace, Watched},
    system::SystemClock,
    terminal::Terminal,
};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The file to write, which must not be there; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    installation: Installation,
}

/// Writes a backup. Under its name there is a whole one or none.
///
/// # Errors
/// When the store cannot be read or the file cannot be written.
pub(crate) async fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let config = arguments.installation.config()?;
    let place = StorePlace::of(&config);
    let is_stdout = arguments.out == Path::new("-");
    if is_stdout && io::stdout().is_terminal() {
        return Err(Misuse("a backup is nothing for a terminal: name a file, or pass it on".to_owned()).into());
    }
    let file = if is_stdout {
        None
    } else {
        Some(NewFile::begin(&arguments.out)?)
    };
    let out: Box<dyn Write + Send> = match &file {
        None => Box::new(io::stdout()),
        Some(file) => Box::new(file.open()?),
    };
    let now = SystemClock.now();
    let source = place.snapshot(&config.store, now).await;
    let mut source = source.with_context(|| format!("cannot back {} up", place.name()))?;
    let mut sink = ArchiveSink(ArchiveWriter::begin(BufWriter::with_capacity(1 << 20, out))?);
    let mut watched = Watched::new(&mut sink)?;
    let exported = source.export(now, &mut watched).await;
    exported.with_context(|| format!("the backup of {} failed", place.name()))?;
    let (header, footer) = (watched.header.take(), watched.footer.take());
    drop(watched);
    drop(sink.0.end()?);
    if let Some(file) = file {
        file.keep()?;
    }
    let (Some(header), Some(footer)) = (header, footer) else {
        bail!("the backup has no end");
    };
    if is_stdout {
        eprintln!("watchfire: {} rows are backed up. {KEY_ELSEWHERE}", footer.rows());
        return Ok(());
    }
    let shown = summary(&header, &footer);
    if terminal.json() {
        terminal.print_json(&shown)?;
    } else {
        terminal.print_object(&shown, FIELDS)?;
        terminal.print(KEY_ELSEWHERE)?;
    }
    Ok(())
}

const KEY_ELSEWHERE: &str = "The key file is not in it: keep a copy of it in another place than this.";

/// What is said of an archive.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("Made", "/made"),
    ("By version", "/version"),
    ("Of", "/store"),
    ("Key", "/key"),
    ("Rows", "/rows"),
    ("Objects", "/tables/objects/rows"),
    ("Receipts", "/tables/receipts/rows"),
    ("Log events", "/tables/log_events/rows"),
    ("Replay keys", "/tables/dedupe/rows"),
];

/// An archive as it is shown.
pub(crate) fn summary(header: &Header, footer: &Footer) -> Value {
    json!({
        "made": header.made.to_string(),
        "version": header.version,
        "store": header.store,
        "epoch": header.epoch,
        "key": header.key,
        "rows": footer.rows(),
        "tables": footer.tables,
    })
}

/// Writes pieces to a file.
struct ArchiveSink<W>(ArchiveWriter<W>);

#[async_trait]
impl<W: Write + Send> Sink for ArchiveSink<W> {
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
        self.0.write(&piece)
    }
}

/// A file that has another name until it is whole.
struct NewFile {
    path: PathBuf,
    fresh: PathBuf,
}

impl NewFile {
    fn begin(path: &Path) -> Result<Self> {
        if path.exists() {
            bail!("{} is there already; it is left as it is", path.display());
        }
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".partial");
        Ok(Self {
            path: path.to_owned(),
            fresh: PathBuf::from(fresh),
        })
    }

    /// For its owner alone: what is in it tells everything but the secrets.
    fn open(&self) -> Result<File> {
        match fs::remove_file(&self.fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.fresh),
        }
        .with_context(|| format!("cannot write {}", self.fresh.display()))
    }

    fn keep(self) -> Result<()> {
        let kept = || -> io::Result<()> {
            File::open(&self.fresh)?.sync_all()?;
            // A link fails where a rename would replace.
            fs::hard_link(&self.fresh, &self.path)?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
        };
        kept().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // What is left of one that failed is of no use.
        let _ = fs::remove_file(&self.fresh);
    }
}
