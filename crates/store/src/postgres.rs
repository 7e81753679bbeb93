//! PostgreSQL, which several nodes read and write at a time (ADR 0022).
//!
//! | module | holds |
//! |---|---|
//! | `session` | the connection that writes, its turn, and what others have committed |
//! | `nodes` | signs of life, leases, counts, and everything else that nodes share beside decisions |

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use watchfire_model::time::Timestamp;

use crate::{StoreError, cluster::Nodes, foreign::Place, settings::Settings};

pub mod archive;
mod dialect;
mod nodes;
mod session;

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
use self::{
    nodes::PostgresNodes,
    session::{Joined, Session, Shared},
};

pub(crate) type Db = sqlx::Postgres;
pub(crate) type Connection = sqlx::PgConnection;
pub(crate) type PoolConnection = sqlx::pool::PoolConnection<sqlx::Postgres>;
pub(crate) type Pool = sqlx::PgPool;
pub(crate) type Row = sqlx::postgres::PgRow;

/// The advisory lock of whoever writes. (Versions that wrote alone held the same one for as long as they lived.)
const WRITER_LOCK: i64 = 0x5761_7463_6866_6972;
/// The advisory lock of whoever changes the schema.
const SCHEMA_LOCK: i64 = 0x5761_7463_6866_6973;
/// The channel on which nodes tell each other that they have committed.
const CHANNEL: &str = "watchfire_groups";
/// How often a start that waits for its turn looks whether it has come.
const TURN: Duration = Duration::from_millis(100);
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
    /// What this node has in common with others.
    pub nodes: Nodes,
}

/// Connects to the database at `url`, brings its schema up to date, and joins the nodes that are there.
///
/// # Errors
/// [`StoreError::Database`] when the URL is none, the database refuses, or its schema is not for this version;
/// [`StoreError::Busy`] when it cannot be reached.
pub async fn open(url: &str, settings: &Settings, now: Timestamp) -> Result<Store, StoreError> {
    let options = connection_options(url, settings)?;
    // A node that is stopped in the middle of a group must not hold up the others for long.
    let idle = settings.idle_in_group.as_millis().to_string();
    let writing = options.clone().options([("idle_in_transaction_session_timeout", idle)]);
    let mut conn = writing.connect().await.map_err(StoreError::of_statement)?;
    demand_syncs(&mut conn).await?;
    migrate(&mut conn).await?;
    let epoch: i64 = sqlx::query_scalar("INSERT INTO epochs (started_us) VALUES ($1) RETURNING epoch")
        .bind(now.as_micros())
        .fetch_one(&mut conn)
        .await
        .map_err(StoreError::of_statement)?;
    join(&mut conn, epoch).await?;
    let (loading, at) = snapshot(&options, settings).await?;
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
    let shared = Arc::new(Shared::default());
    let session = Session::new(Joined {
        conn,
        options: writing,
        epoch,
        at,
        node_timeout: settings.node_timeout,
        shared: Arc::clone(&shared),
    });
    let cluster = PostgresNodes::start(&options, epoch, settings, shared).await?;
    Ok(Store {
        journal: Inline::open(session, settings).await?,
        reader: Reader {
            pool,
            settings: settings.clone(),
        },
        epoch: epoch.unsigned_abs(),
        nodes: Nodes {
            loading: Arc::new(loading),
            cluster: Arc::new(cluster),
        },
    })
}

/// Brings the schema up to date. Migrations only add, so that nodes of the version before go on beside this one; a
/// schema that is newer than this program is taken unless a migration has said that it cannot be.
async fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    while !try_lock(conn, SCHEMA_LOCK).await? {
        tokio::time::sleep(TURN).await;
    }
    let mut migrations = sqlx::migrate!("migrations/postgres");
    // A newer node may have been here.
    migrations.set_ignore_missing(true);
    let newest = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    let migrated = migrations.run_direct(None, conn, false).await;
    let oldest_known: Result<i64, sqlx::Error> = sqlx::query_scalar("SELECT oldest_known FROM compatibility")
        .fetch_one(&mut *conn)
        .await;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(SCHEMA_LOCK)
        .execute(conn)
        .await
        .map_err(StoreError::of_statement)?;
    migrated.map_err(|error| StoreError::Database(error.into()))?;
    if oldest_known.map_err(StoreError::of_statement)? > newest {
        return Err(StoreError::Database(sqlx::Error::Configuration(
            "the database was made for a newer version of this program".into(),
        )));
    }
    Ok(())
}

/// Tells the others that this node is there: what they commit from then on they keep for it. That waits for its turn,
/// so that nobody is in the middle of a group and has not heard.
async fn join(conn: &mut Connection, epoch: i64) -> Result<(), StoreError> {
    let mut waits = false;
    loop {
        execute(conn, "BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        let turn = sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(WRITER_LOCK)
            .execute(&mut *conn)
            .await;
        match turn.map_err(StoreError::of_statement) {
            Ok(_) => break,
            Err(StoreError::Busy(_)) => execute(conn, "ROLLBACK").await?,
            Err(error) => return Err(error),
        }
        if !std::mem::replace(&mut waits, true) {
            tracing::info!("another node writes; this one waits for its turn to join");
        }
    }
    sqlx::query("INSERT INTO nodes (epoch, read_upto) SELECT $1, COALESCE(MAX(seq), 0) FROM groups")
        .bind(epoch)
        .execute(&mut *conn)
        .await
        .map_err(StoreError::of_statement)?;
    sqlx::query("COMMIT").execute(conn).await.map_err(StoreError::of_statement)?;
    Ok(())
}

/// A reader of the index as it is now, and the last group that is in it: what the journal gives from then on follows.
async fn snapshot(options: &PgConnectOptions, settings: &Settings) -> Result<(Reader, Place), StoreError> {
    let used = Arc::new(AtomicBool::new(false));
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(settings.statement_timeout)
        .after_connect(move |conn, _| {
            let used = Arc::clone(&used);
            Box::pin(async move {
                // A second connection would see another state.
                if used.swap(true, Ordering::Relaxed) {
                    return Err(sqlx::Error::PoolClosed);
                }
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                sqlx::query(begin).execute(conn).await.map(|_| ())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(StoreError::of_statement)?;
    let last: Option<(i64, i64)> = sqlx::query_as("SELECT seq, epoch FROM groups ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&pool)
        .await
        .map_err(StoreError::of_statement)?;
    let at = last.map_or_else(Place::default, |(seq, epoch)| Place { seq, epoch });
    let reader = Reader {
        pool,
        settings: settings.clone(),
    };
    Ok((reader, at))
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

async fn try_lock(conn: &mut Connection, lock: i64) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(lock)
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
