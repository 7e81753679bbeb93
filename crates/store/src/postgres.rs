//! PostgreSQL: one node has it at a time, by an advisory lock; another waits for its turn.
//!
//! The lock belongs to the connection that writes, so whoever writes has it. When that connection is lost, the
//! journal connects again, takes the lock, and goes on only if nobody else has begun an epoch in between:
//! then what it keeps in memory is still what is stored.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use watchfire_model::time::Timestamp;

use crate::{StoreError, settings::Settings};

pub mod archive;
mod dialect;

#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/archive_export.rs"]
mod archive_export;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/archive_import.rs"]
mod archive_import;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[expect(dead_code, reason = "only SQLite has a journal of segments in front of it")]
#[path = "sql/dedupe.rs"]
mod dedupe;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[expect(dead_code, reason = "only SQLite has a journal of segments in front of it")]
#[path = "sql/group.rs"]
mod group;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[expect(dead_code, reason = "only SQLite has a journal of segments in front of it")]
#[path = "sql/inline.rs"]
mod inline;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/known.rs"]
mod known;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/log.rs"]
mod log;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/log_counts.rs"]
mod log_counts;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/log_filter.rs"]
mod log_filter;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/log_page.rs"]
mod log_page;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/log_row.rs"]
mod log_row;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/many_rows.rs"]
mod many_rows;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/objects.rs"]
mod objects;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/partitions.rs"]
mod partitions;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/reader.rs"]
mod reader;

pub use self::{inline::Inline, reader::Reader};

pub(crate) type Db = sqlx::Postgres;
pub(crate) type Connection = sqlx::PgConnection;
pub(crate) type PoolConnection = sqlx::pool::PoolConnection<sqlx::Postgres>;
pub(crate) type Pool = sqlx::PgPool;
pub(crate) type Row = sqlx::postgres::PgRow;

/// The advisory lock of whoever writes.
const WRITER_LOCK: i64 = 0x5761_7463_6866_6972;
/// How often a node that waits for its turn looks whether it has come.
const TURN: Duration = Duration::from_millis(100);
/// How long a connection that may be lost is given to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// Prepared statements that the connection which writes keeps: each power of two of rows has its own.
const STATEMENTS: usize = 512;

/// An open store on PostgreSQL.
#[derive(Debug)]
pub struct Store {
    /// The journal of this node.
    pub journal: Inline,
    /// The index.
    pub reader: Reader,
    /// The number of this start.
    pub epoch: u64,
}

/// The connection that writes, and with it the right to.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) conn: Connection,
    options: PgConnectOptions,
    epoch: i64,
    is_lost: bool,
}

impl Session {
    /// Makes sure that there is a connection, and that nobody else has written in the meantime.
    pub(crate) async fn ready(&mut self) -> Result<(), StoreError> {
        if !self.is_lost {
            return Ok(());
        }
        let mut conn = self.options.connect().await.map_err(StoreError::of_statement)?;
        if !take_lock(&mut conn).await? {
            return Err(overtaken());
        }
        let newest: i64 = sqlx::query_scalar("SELECT MAX(epoch) FROM epochs")
            .fetch_one(&mut conn)
            .await
            .map_err(StoreError::of_statement)?;
        if newest != self.epoch {
            return Err(overtaken());
        }
        self.conn = conn;
        self.is_lost = false;
        Ok(())
    }

    /// Looks whether the connection is lost, after something has failed.
    pub(crate) async fn examine(&mut self) {
        let answers = tokio::time::timeout(ANSWER, self.conn.ping()).await;
        self.is_lost = !matches!(answers, Ok(Ok(())));
    }
}

/// Another node has the database: what this one keeps in memory is old. The next start reads it anew.
fn overtaken() -> StoreError {
    StoreError::SyncUnknown(sqlx::Error::Configuration(
        "the connection was lost, and another node has taken the database over".into(),
    ))
}

/// Connects to the database at `url`, waits until no other node has it, and brings its schema up to date.
///
/// # Errors
/// [`StoreError::Database`] when the URL is none or the database refuses, [`StoreError::Busy`] when it cannot be
/// reached.
pub async fn open(url: &str, settings: &Settings, now: Timestamp) -> Result<Store, StoreError> {
    let options = connection_options(url, settings)?;
    let mut conn = options.connect().await.map_err(StoreError::of_statement)?;
    let mut waits = false;
    while !take_lock(&mut conn).await? {
        if !std::mem::replace(&mut waits, true) {
            tracing::info!("another node has the database; this one waits for its turn");
        }
        tokio::time::sleep(TURN).await;
    }
    demand_syncs(&mut conn).await?;
    sqlx::migrate!("migrations/postgres")
        .run_direct(None, &mut conn, false)
        .await
        .map_err(|e| StoreError::Database(e.into()))?;
    let epoch: i64 = sqlx::query_scalar("INSERT INTO epochs (started_us) VALUES ($1) RETURNING epoch")
        .bind(now.as_micros())
        .fetch_one(&mut conn)
        .await
        .map_err(StoreError::of_statement)?;
    let pool = PgPoolOptions::new()
        .max_connections(settings.readers)
        .acquire_timeout(settings.busy_timeout)
        // A page of the log is read in several statements of one transaction.
        .connect_with(options.clone().options([
            ("default_transaction_isolation", "repeatable read"),
            ("default_transaction_read_only", "on"),
        ]))
        .await
        .map_err(StoreError::of_statement)?;
    let session = Session {
        conn,
        options,
        epoch,
        is_lost: false,
    };
    Ok(Store {
        journal: Inline::open(session, settings).await?,
        reader: Reader {
            pool,
            settings: settings.clone(),
        },
        epoch: epoch.unsigned_abs(),
    })
}

fn connection_options(url: &str, settings: &Settings) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Database)?;
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    Ok(options
        .application_name("watchfire")
        .statement_cache_capacity(STATEMENTS)
        .options([
            ("lock_timeout", milliseconds(settings.busy_timeout)),
            ("statement_timeout", milliseconds(settings.statement_timeout)),
            ("timezone", "UTC".to_owned()),
        ])
        .disable_statement_logging())
}

async fn take_lock(conn: &mut Connection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(WRITER_LOCK)
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}

/// 202 means durable, so a commit has to wait for the disk whatever the server's default is. A stricter
/// setting (a replica's disk too) stays.
async fn demand_syncs(conn: &mut Connection) -> Result<(), StoreError> {
    let level: String = sqlx::query_scalar("SHOW synchronous_commit")
        .fetch_one(&mut *conn)
        .await
        .map_err(StoreError::of_statement)?;
    if level == "off" {
        execute(conn, "SET synchronous_commit = on").await?;
    }
    let syncs: String = sqlx::query_scalar("SHOW fsync")
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)?;
    if syncs == "off" {
        tracing::warn!("PostgreSQL runs with fsync = off: what is acknowledged does not survive a power cut");
    }
    Ok(())
}

pub(crate) async fn execute(conn: &mut Connection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(conn).await.map_err(StoreError::of_statement)?;
    Ok(())
}
