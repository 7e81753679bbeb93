//! An embedded store in and out of archives.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use watchfire_model::{
    object::{Kind, Object},
    row::Decision,
    time::Timestamp,
};

use super::{
    Connection, FILE_NAME, SEGMENTS_NAME, archive_export, archive_import::Import, dialect, execute, lock, open, private_file,
    try_lock,
};
use crate::{
    StoreError,
    archive::{ArchiveError, Piece, Sink, Source, Target},
    disk::{self, Disk as _, RealDisk},
    segments::{self, Applied},
    settings::{JournalKind, Settings},
};

/// The folder in the data directory where a store is made that is not whole yet.
const INCOMING: &str = "incoming";
/// How long the index of a running server is waited for.
const CATCH_UP: Duration = Duration::from_secs(60);
/// How long one waits between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A store as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    conn: Connection,
    /// Keeps servers away.
    _lock: Option<File>,
}

/// The store in `folder`, with everything that was acknowledged before this was called; a server may be running on it.
///
/// # Errors
/// [`ArchiveError::Nothing`], [`ArchiveError::Behind`], and when the store fails.
pub async fn snapshot(folder: &Path, settings: &Settings, now: Timestamp) -> Result<Snapshot, ArchiveError> {
    begin(folder, settings, now, Servers::MayRun).await
}

/// The store in `folder`, which no server has while this lives.
///
/// # Errors
/// [`ArchiveError::InUse`], and as [`snapshot`].
pub async fn stopped(folder: &Path, settings: &Settings, now: Timestamp) -> Result<Snapshot, ArchiveError> {
    begin(folder, settings, now, Servers::AreStopped).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Servers {
    MayRun,
    AreStopped,
}

async fn begin(folder: &Path, settings: &Settings, now: Timestamp, servers: Servers) -> Result<Snapshot, ArchiveError> {
    let place = folder.display().to_string();
    if !folder.join(FILE_NAME).exists() {
        return Err(ArchiveError::Nothing { place });
    }
    let mut brought_up = false;
    loop {
        let tried = match servers {
            Servers::MayRun => try_lock(folder),
            Servers::AreStopped => lock(folder, settings.busy_timeout).await,
        };
        let lock = match tried {
            Ok(lock) => Some(lock),
            Err(StoreError::Busy(_)) if servers == Servers::AreStopped => return Err(ArchiveError::InUse { place }),
            Err(StoreError::Busy(_)) => None,
            Err(error) => return Err(error.into()),
        };
        // Whatever is acknowledged by now is in the files or in the index.
        let wanted = tail(folder).await?;
        let mut conn = connect(folder, settings).await?;
        if lock.is_none() {
            return match tokio::time::timeout(CATCH_UP, catch_up(&mut conn, wanted)).await {
                Ok(caught_up) => caught_up.map(|()| Snapshot { conn, _lock: None }),
                Err(_) => Err(ArchiveError::Behind),
            };
        }
        execute(&mut conn, "BEGIN").await?;
        if wanted <= applied(&mut conn).await? {
            // A server may start while it is read.
            let _lock = lock.filter(|_| servers == Servers::AreStopped);
            return Ok(Snapshot { conn, _lock });
        }
        if std::mem::replace(&mut brought_up, true) {
            return Err(ArchiveError::Behind);
        }
        // A process ended before its index had everything. A start mends that.
        conn.close().await?;
        drop(lock);
        archive_export::check_schema(&mut connect(folder, settings).await?).await?;
        let settings = Settings {
            journal: JournalKind::Inline,
            ..settings.clone()
        };
        drop(open(folder, &settings, now).await?);
    }
}

async fn tail(folder: &Path) -> Result<Option<Applied>, ArchiveError> {
    let files = folder.join(SEGMENTS_NAME);
    let looked = tokio::task::spawn_blocking(move || segments::tail(&RealDisk, &files)).await;
    looked
        .map_err(|error| ArchiveError::Io(io::Error::other(error)))?
        .map_err(ArchiveError::Io)
}

async fn connect(folder: &Path, settings: &Settings) -> Result<Connection, ArchiveError> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join(FILE_NAME))
        .create_if_missing(false)
        .busy_timeout(settings.busy_timeout)
        .pragma("query_only", "1")
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// Begins the snapshot in which the index is as far as `wanted`.
async fn catch_up(conn: &mut Connection, wanted: Option<Applied>) -> Result<(), ArchiveError> {
    loop {
        execute(conn, "BEGIN").await?;
        if wanted <= applied(conn).await? {
            return Ok(());
        }
        execute(conn, "ROLLBACK").await?;
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How far the index is. Reading it begins the snapshot.
async fn applied(conn: &mut Connection) -> Result<Option<Applied>, ArchiveError> {
    let found: Option<(i64, i64)> = sqlx::query_as("SELECT epoch, seq FROM applied").fetch_optional(conn).await?;
    Ok(found.map(|(epoch, seq)| Applied {
        epoch: epoch.unsigned_abs(),
        seq: seq.unsigned_abs(),
    }))
}

#[async_trait]
impl Source for Snapshot {
    async fn export(&mut self, made: Timestamp, sink: &mut dyn Sink) -> Result<(), ArchiveError> {
        archive_export::export(&mut self.conn, made, sink).await
    }
}

/// A store on its way into a data directory.
#[derive(Debug)]
pub struct Incoming {
    import: Import,
    folder: PathBuf,
    /// Keeps servers away.
    _lock: File,
}

/// Begins to make a store in `folder`, or goes on with what was begun, unless `anew`.
///
/// # Errors
/// [`ArchiveError::Occupied`], [`ArchiveError::InUse`], and when the disk or the store fails.
pub async fn incoming(folder: &Path, settings: &Settings, anew: bool) -> Result<Incoming, ArchiveError> {
    let place = folder.display().to_string();
    disk::make_folder(&RealDisk, folder).map_err(ArchiveError::Io)?;
    // A server that is about to end brings its index up before it lets go.
    let lock = lock(folder, settings.busy_timeout).await.map_err(|error| match error {
        StoreError::Busy(_) => ArchiveError::InUse { place: place.clone() },
        other => other.into(),
    })?;
    let journal = folder.join(SEGMENTS_NAME);
    let has_journal = RealDisk.list(&journal).is_ok_and(|files| !files.is_empty());
    if folder.join(FILE_NAME).exists() || has_journal {
        return Err(ArchiveError::Occupied { place });
    }
    let inside = folder.join(INCOMING);
    if anew {
        remove(&inside)?;
    }
    let mut conn = make(&inside, settings).await?;
    let is_finished: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM epochs)")
        .fetch_one(&mut conn)
        .await?;
    if is_finished {
        // It was whole and was not moved any more, and what would go on with it is gone.
        conn.close().await?;
        remove(&inside)?;
        conn = make(&inside, settings).await?;
    }
    let place = inside.display().to_string();
    Ok(Incoming {
        import: Import::begin(conn, place, settings.log_partition_rows).await?,
        folder: folder.to_owned(),
        _lock: lock,
    })
}

fn remove(inside: &Path) -> Result<(), ArchiveError> {
    match fs::remove_dir_all(inside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ArchiveError::Io(error)),
        _ => Ok(()),
    }
}

/// A store without rows, or with those that are there.
async fn make(inside: &Path, settings: &Settings) -> Result<Connection, ArchiveError> {
    disk::make_folder(&RealDisk, inside).map_err(ArchiveError::Io)?;
    private_file(&inside.join(FILE_NAME)).map_err(ArchiveError::Io)?;
    let options = SqliteConnectOptions::new()
        .filename(inside.join(FILE_NAME))
        .journal_mode(SqliteJournalMode::Wal)
        // It is synced as a whole before anybody sees it; until then it has to be consistent.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(settings.busy_timeout)
        .disable_statement_logging();
    let mut conn = options.connect().await?;
    let migrated = dialect::migrator().run_direct(None, &mut conn, false).await;
    migrated.map_err(|error| StoreError::Database(error.into()))?;
    Ok(conn)
}

#[async_trait]
impl Sink for Incoming {
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
        self.import.take(piece).await
    }
}

#[async_trait]
impl Target for Incoming {
    async fn verify(&mut self) -> Result<(), ArchiveError> {
        self.import.verify().await
    }

    async fn objects(&mut self, kind: Kind, parent: Option<&str>) -> Result<Vec<Object>, ArchiveError> {
        self.import.objects(kind, parent).await
    }

    async fn last_published(&mut self) -> Result<Timestamp, ArchiveError> {
        self.import.last_published().await
    }

    async fn write(&mut self, decision: &Decision) -> Result<(), ArchiveError> {
        self.import.write(decision).await
    }

    async fn publish(mut self: Box<Self>, epoch: u64, now: Timestamp) -> Result<(), ArchiveError> {
        execute(&mut self.import.conn, "BEGIN").await?;
        self.import.finish(epoch, now).await?;
        execute(&mut self.import.conn, "COMMIT").await?;
        let Self { import, folder, _lock } = *self;
        let mut conn = import.conn;
        execute(&mut conn, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
        // As the last connection it takes the write-ahead log away.
        conn.close().await?;
        let moved = tokio::task::spawn_blocking(move || publish(&folder)).await;
        moved
            .map_err(|error| ArchiveError::Io(io::Error::other(error)))?
            .map_err(ArchiveError::Io)
    }
}

/// From here on there is a store, whole, and not before.
fn publish(folder: &Path) -> io::Result<()> {
    let inside = folder.join(INCOMING);
    let file = inside.join(FILE_NAME);
    File::open(&file)?.sync_all()?;
    fs::rename(&file, folder.join(FILE_NAME))?;
    RealDisk.sync_folder(folder)?;
    fs::remove_dir_all(&inside)
}
