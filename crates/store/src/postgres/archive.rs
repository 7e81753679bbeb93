//! A store on PostgreSQL in and out of archives.
//!
//! One that is being filled is in a schema of its own. When it is whole its tables are moved, in one transaction, to where
//! servers look for them.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _,
    postgres::{PgArguments, PgConnectOptions},
    query::QueryScalar,
};
use watchfire_model::{
    object::{Kind, Object},
    row::Decision,
    time::Timestamp,
};

use super::{Connection, Db, archive_export, archive_import::Import, dialect, execute};
use crate::{
    StoreError,
    archive::{ArchiveError, Piece, Sink, Source, Target},
    settings::Settings,
};

/// The schema of a store that is not whole yet.
const INCOMING: &str = "watchfire_incoming";
/// Keeps two of us apart.
const LOCK: i64 = 0x5761_7463_6869_6e67;
/// How long connections of a process that has ended may still be there, and how often that is looked at.
const MOMENT: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What servers call themselves.
const SERVER: &str = "watchfire";

/// A store as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    conn: Connection,
}

/// The store at `url`; servers may be running on it.
///
/// # Errors
/// [`ArchiveError::Nothing`], and when the database fails.
pub async fn snapshot(url: &str) -> Result<Snapshot, ArchiveError> {
    let mut conn = connect(url).await?;
    execute(&mut conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('objects') IS NOT NULL")
        .fetch_one(&mut conn)
        .await?;
    if !is_there {
        return Err(ArchiveError::Nothing {
            place: "the database".to_owned(),
        });
    }
    Ok(Snapshot { conn })
}

/// The store at `url`, which no server has at this moment.
///
/// # Errors
/// [`ArchiveError::InUse`], and as [`snapshot`].
pub async fn stopped(url: &str) -> Result<Snapshot, ArchiveError> {
    let mut conn = connect(url).await?;
    let nobody = "SELECT COUNT(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    comes_true(&mut conn, || sqlx::query_scalar(nobody).bind(SERVER)).await?;
    snapshot(url).await
}

/// Waits for what `question` asks, for a moment: the connections of a process that has ended are gone when the
/// database notices.
async fn comes_true<'q>(
    conn: &mut Connection,
    question: impl Fn() -> QueryScalar<'q, Db, bool, PgArguments>,
) -> Result<(), ArchiveError> {
    let asking = async {
        while !question().fetch_one(&mut *conn).await? {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    match tokio::time::timeout(MOMENT, asking).await {
        Ok(answered) => answered,
        Err(_) => Err(ArchiveError::InUse {
            place: "the database".to_owned(),
        }),
    }
}

async fn connect(url: &str) -> Result<Connection, ArchiveError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Database)?;
    let options = options
        .application_name("watchfire archive")
        // A table may take as long as it is large.
        .options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("timezone", "UTC"),
        ])
        .disable_statement_logging();
    Ok(options.connect().await?)
}

#[async_trait]
impl Source for Snapshot {
    async fn export(&mut self, made: Timestamp, sink: &mut dyn Sink) -> Result<(), ArchiveError> {
        archive_export::export(&mut self.conn, made, sink).await
    }
}

/// A store on its way into a database.
#[derive(Debug)]
pub struct Incoming {
    import: Import,
    /// The schema in which servers look for it.
    schema: String,
}

/// Begins to make a store at `url`, or goes on with what was begun, unless `anew`.
///
/// # Errors
/// [`ArchiveError::Occupied`], [`ArchiveError::InUse`], and when the database fails.
pub async fn incoming(url: &str, settings: &Settings, anew: bool) -> Result<Incoming, ArchiveError> {
    let mut conn = connect(url).await?;
    comes_true(&mut conn, || sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK)).await?;
    let (schema, occupied): (String, bool) =
        sqlx::query_as("SELECT current_schema()::text, to_regclass('epochs') IS NOT NULL OR to_regclass('objects') IS NOT NULL")
            .fetch_one(&mut conn)
            .await?;
    if occupied {
        return Err(ArchiveError::Occupied {
            place: "the database".to_owned(),
        });
    }
    if anew {
        run(&mut conn, format!("DROP SCHEMA IF EXISTS {INCOMING} CASCADE")).await?;
    }
    run(&mut conn, format!("CREATE SCHEMA IF NOT EXISTS {INCOMING}")).await?;
    run(&mut conn, format!("SET search_path TO {INCOMING}")).await?;
    // Each batch may be lost until the last commit, which waits for the disk.
    execute(&mut conn, "SET synchronous_commit = off").await?;
    let migrated = dialect::migrator().run_direct(None, &mut conn, false).await;
    migrated.map_err(|error| StoreError::Database(error.into()))?;
    let import = Import::begin(conn, format!("the schema {INCOMING}"), settings.log_partition_rows).await?;
    Ok(Incoming { import, schema })
}

async fn run(conn: &mut Connection, sql: String) -> Result<(), ArchiveError> {
    sqlx::query(AssertSqlSafe(sql)).execute(conn).await?;
    Ok(())
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
        execute(&mut self.import.conn, "SET synchronous_commit = on").await?;
        // The planner knows nothing of tables that were filled at once.
        execute(&mut self.import.conn, "ANALYZE").await?;
        execute(&mut self.import.conn, "BEGIN").await?;
        self.import.finish(epoch, now).await?;
        let conn = &mut self.import.conn;
        execute(
            conn,
            "SELECT setval(pg_get_serial_sequence('epochs', 'epoch'), (SELECT MAX(epoch) FROM epochs))",
        )
        .await?;
        for statement in moves(conn, &self.schema).await? {
            run(conn, statement).await?;
        }
        run(conn, format!("DROP SCHEMA {INCOMING}")).await?;
        execute(conn, "COMMIT").await?;
        self.import.conn.close().await?;
        Ok(())
    }
}

/// What moves everything to where it belongs. What belongs to a table (indexes, the sequence of a column) goes with it.
async fn moves(conn: &mut Connection, schema: &str) -> Result<Vec<String>, ArchiveError> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY 1")
        .bind(INCOMING)
        .fetch_all(&mut *conn)
        .await?;
    let functions: Vec<String> =
        sqlx::query_scalar("SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = $1::regnamespace ORDER BY 1")
            .bind(INCOMING)
            .fetch_all(&mut *conn)
            .await?;
    let schema = quoted(schema);
    let table = |name: &String| format!("ALTER TABLE {INCOMING}.{} SET SCHEMA {schema}", quoted(name));
    let function = |name: &String| format!("ALTER ROUTINE {name} SET SCHEMA {schema}");
    Ok(tables.iter().map(table).chain(functions.iter().map(function)).collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
