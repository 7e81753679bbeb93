//! The embedded store: SQLite in WAL mode, one connection that writes, a few that only read.

use std::{
    collections::VecDeque,
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;
use watchfire_model::{row::Decision, time::Timestamp};

use crate::{
    StoreError,
    disk::Disk,
    foreign::{Counters, ForeignGroup, Place},
    journal::Journal,
    segments,
    settings::{JournalKind, Settings},
};

pub mod archive;
mod dialect;

#[path = "sql/archive_export.rs"]
mod archive_export;
#[path = "sql/archive_import.rs"]
mod archive_import;
#[path = "sql/dedupe.rs"]
mod dedupe;
#[path = "sql/group.rs"]
mod group;
#[path = "sql/inline.rs"]
mod inline;
#[path = "sql/known.rs"]
mod known;
#[path = "sql/log.rs"]
mod log;
#[path = "sql/log_counts.rs"]
mod log_counts;
#[path = "sql/log_filter.rs"]
mod log_filter;
#[path = "sql/log_page.rs"]
mod log_page;
#[path = "sql/log_row.rs"]
mod log_row;
#[path = "sql/many_rows.rs"]
mod many_rows;
#[path = "sql/objects.rs"]
mod objects;
#[path = "sql/partitions.rs"]
mod partitions;
#[path = "sql/reader.rs"]
mod reader;
mod segmented;

#[cfg(test)]
mod plans;

pub use self::{inline::Inline, reader::Reader, segmented::Segmented};

pub(crate) type Db = sqlx::Sqlite;
pub(crate) type Connection = sqlx::SqliteConnection;
pub(crate) type PoolConnection = sqlx::pool::PoolConnection<sqlx::Sqlite>;
pub(crate) type Pool = sqlx::SqlitePool;
pub(crate) type Row = sqlx::sqlite::SqliteRow;

/// The file's name in the data directory.
pub const FILE_NAME: &str = "watchfire.db";
/// The folder of the segment journal's files in the data directory.
pub const SEGMENTS_NAME: &str = "journal";
/// The file whose lock says that a process uses the folder. The lock goes with the process.
const LOCK_NAME: &str = "watchfire.lock";

const PAGE_BYTES: usize = 4_096;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 512;

/// Whether a commit syncs. The defect is for the durability proof: its test must fail with it.
const SYNCHRONOUS: SqliteSynchronous = if cfg!(feature = "sabotage-no-sync") {
    SqliteSynchronous::Off
} else {
    SqliteSynchronous::Full
};

/// The connection that writes. Nobody else has the folder for as long as it lives.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) conn: Connection,
    _lock: File,
}

#[expect(clippy::unused_async, reason = "the other dialect talks to its server")]
impl Session {
    /// Whether other processes write.
    pub(crate) const SHARED: bool = false;

    /// Makes sure that there is a connection.
    pub(crate) async fn ready(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Looks whether the connection is lost, after something has failed.
    pub(crate) async fn examine(&mut self) {}

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<Vec<ForeignGroup>, StoreError> {
        execute(&mut self.conn, dialect::BEGIN).await?;
        Ok(Vec::new())
    }

    /// Takes back what the transaction has done, and goes on.
    pub(crate) async fn again(&mut self) -> Result<(), StoreError> {
        self.roll_back().await;
        execute(&mut self.conn, dialect::BEGIN).await
    }

    /// Tells other processes what the transaction has written: there are none.
    pub(crate) async fn seal(&mut self, _: &VecDeque<Arc<Decision>>, _: &Counters, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("COMMIT").execute(&mut self.conn).await;
        done.map(|_| ()).map_err(StoreError::of_commit)
    }

    pub(crate) async fn roll_back(&mut self) {
        // SQLite may have rolled back by itself (disk full): then there is nothing to roll back.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
    }

    /// What other processes have written.
    pub(crate) async fn tail(&mut self) -> Result<Vec<ForeignGroup>, StoreError> {
        Ok(Vec::new())
    }

    pub(crate) const fn has_read(&mut self, _: Place) {}

    pub(crate) const fn others(&self) -> Option<Arc<Notify>> {
        None
    }
}

/// An open embedded store.
#[derive(Debug)]
pub struct Store {
    /// The journal. There is one, and one sequencer that has it.
    pub journal: Box<dyn Journal>,
    /// When the newest log event was published; the clock never goes behind it.
    pub last_published: Timestamp,
    /// The index.
    pub reader: Reader,
    /// The number of this start.
    pub epoch: u64,
}

/// Opens a file, makes it for its owner alone if it is not there: what SQLite puts beside the database
/// takes its mode over.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// How long a start waits between two looks at a lock.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// [`try_lock`], again and again for as long as a statement would wait: whoever had the folder may be about to
/// bring the index up.
async fn lock(folder: &Path, wait: Duration) -> Result<File, StoreError> {
    let locked = async {
        loop {
            match try_lock(folder) {
                Err(StoreError::Busy(_)) => tokio::time::sleep(LOOK_AGAIN).await,
                other => return other,
            }
        }
    };
    match tokio::time::timeout(wait, locked).await {
        Ok(locked) => locked,
        Err(_) => try_lock(folder),
    }
}

/// Keeps the folder to one process: two sequencers would each decide without what the other decided.
fn try_lock(folder: &Path) -> Result<File, StoreError> {
    let failed = |error| StoreError::Database(sqlx::Error::Io(error));
    let file = private_file(&folder.join(LOCK_NAME)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy(sqlx::Error::Configuration(
            "another process uses this data folder".into(),
        ))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens the store in `folder`, makes it if it is not there, and brings its schema up to date.
///
/// # Errors
/// [`StoreError::Busy`] when another process holds it, [`StoreError::Database`] otherwise.
pub async fn open(folder: &Path, settings: &Settings, now: Timestamp) -> Result<Store, StoreError> {
    let lock = lock(folder, settings.busy_timeout).await?;
    private_file(&folder.join(FILE_NAME)).map_err(|error| StoreError::Database(sqlx::Error::Io(error)))?;
    let options = SqliteConnectOptions::new()
        .filename(folder.join(FILE_NAME))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SYNCHRONOUS)
        // Where a plain fsync stops at the drive's cache (macOS); elsewhere it changes nothing.
        .pragma("fullfsync", "1")
        .foreign_keys(true)
        .busy_timeout(settings.busy_timeout)
        // A page that falls out while a group is written is written twice, and the log is copied back less
        // often when it may grow.
        .pragma("cache_size", (settings.page_cache_bytes / PAGE_BYTES).to_string())
        .pragma("wal_autocheckpoint", (settings.write_ahead_bytes / PAGE_BYTES).to_string())
        // Statements of many rows have one text for each power of two, and each partition its own.
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let mut conn = options.connect().await.map_err(StoreError::of_statement)?;
    sqlx::migrate!("migrations/sqlite")
        // `run` takes a connection in a way that leaves this future bound to one thread.
        .run_direct(None, &mut conn, false)
        .await
        .map_err(|e| StoreError::Database(e.into()))?;
    let epoch: i64 = sqlx::query_scalar("INSERT INTO epochs (started_us) VALUES ($1) RETURNING epoch")
        .bind(now.as_micros())
        .fetch_one(&mut conn)
        .await
        .map_err(StoreError::of_statement)?;
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.readers)
        .acquire_timeout(settings.busy_timeout)
        .connect_with(options.clone().create_if_missing(false).read_only(true))
        .await
        .map_err(StoreError::of_statement)?;
    let epoch = epoch.unsigned_abs();
    let mut index = Inline::open(Session { conn, _lock: lock }, settings).await?;
    bring_up(&mut index, folder, &settings.disk).await?;
    let last_published = index.last_published();
    let journal: Box<dyn Journal> = match settings.journal {
        JournalKind::Inline => Box::new(index),
        JournalKind::Segments => {
            let reading = options.create_if_missing(false).read_only(true).connect().await;
            let reading = reading.map_err(StoreError::of_statement)?;
            let files = folder.join(SEGMENTS_NAME);
            Box::new(Segmented::begin(index, reading, &files, epoch, settings)?)
        }
    };
    Ok(Store {
        journal,
        last_published,
        reader: Reader {
            pool,
            settings: settings.clone(),
        },
        epoch,
    })
}

/// Applies what an earlier start has acknowledged and not applied, and removes its files.
async fn bring_up(index: &mut Inline, folder: &Path, disk: &Arc<dyn Disk>) -> Result<(), StoreError> {
    let files = folder.join(SEGMENTS_NAME);
    let applied = index.applied_upto().await?;
    let (reading, reader) = (files.clone(), Arc::clone(disk));
    let found = tokio::task::spawn_blocking(move || segments::recover(&*reader, &reading, applied));
    let found = found.await.map_err(|_| StoreError::Database(sqlx::Error::WorkerCrashed))?;
    let found = found.map_err(|damage| StoreError::Database(sqlx::Error::Io(std::io::Error::other(damage))))?;
    for group in found {
        let count = u64::try_from(group.decisions.len()).unwrap_or(u64::MAX);
        let first = group.last.seq.saturating_add(1).saturating_sub(count);
        let decisions: Vec<_> = group.decisions.into_iter().map(Arc::new).collect();
        segmented::apply_or_hold(index, &decisions, group.last.epoch, first).await?;
    }
    segments::remove(&**disk, &files).map_err(|error| StoreError::Database(sqlx::Error::Io(error)))
}

pub(crate) async fn execute(conn: &mut Connection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(conn).await.map_err(StoreError::of_statement)?;
    Ok(())
}
