//! The same SQL compiled for PostgreSQL. The binary does not offer it yet: batched writes, row locks
//! for several nodes and the conformance suite on it are an issue of their own. That it compiles
//! keeps the SQL in the common subset.

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use watchfire_model::time::Timestamp;

use crate::{StoreError, settings::Settings};

mod dialect;

#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/dedupe.rs"]
mod dedupe;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/group.rs"]
mod group;
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each dialect (ADR 0003)")]
#[path = "sql/inline.rs"]
mod inline;
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

pub(crate) async fn execute(conn: &mut Connection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(conn).await.map_err(StoreError::of_statement)?;
    Ok(())
}

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

/// Connects to the database at `url` and brings its schema up to date.
///
/// # Errors
/// [`StoreError::Database`] when the URL is none or the database refuses.
pub async fn open(url: &str, settings: &Settings, now: Timestamp) -> Result<Store, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(StoreError::Database)?;
    let pool = PgPoolOptions::new()
        .max_connections(settings.readers)
        .acquire_timeout(settings.busy_timeout)
        .connect_with(options.clone())
        .await
        .map_err(StoreError::of_statement)?;
    sqlx::migrate!("migrations/postgres")
        .run(&pool)
        .await
        .map_err(|e| StoreError::Database(e.into()))?;
    let mut conn = options.connect().await.map_err(StoreError::of_statement)?;
    let epoch: i64 = sqlx::query_scalar("INSERT INTO epochs (started_us) VALUES ($1) RETURNING epoch")
        .bind(now.as_micros())
        .fetch_one(&mut conn)
        .await
        .map_err(StoreError::of_statement)?;
    let journal = Inline::open(conn, settings, None).await?;
    Ok(Store {
        journal,
        reader: Reader {
            pool,
            settings: settings.clone(),
        },
        epoch: epoch.unsigned_abs(),
    })
}
