//! A store as the pieces of an archive, out of one snapshot.

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};
use watchfire_model::{object::Kind, time::Timestamp};

use super::{Connection, Row, dialect, partitions};
use crate::archive::{ArchiveError, Batch, Column, Footer, Header, Piece, Sink, Sums, Table, Value};

/// Gives everything that the snapshot of `conn` has to `sink`.
pub(crate) async fn export(conn: &mut Connection, made: Timestamp, sink: &mut dyn Sink) -> Result<(), ArchiveError> {
    check_schema(conn).await?;
    let header = header(conn, made).await?;
    sink.take(Piece::Header(header)).await?;
    let footer = rows(conn, sink).await?;
    sink.take(Piece::Footer(footer)).await
}

/// The sums of what the snapshot of `conn` has.
pub(crate) async fn sums(conn: &mut Connection) -> Result<Footer, ArchiveError> {
    /// Forgets everything.
    struct Nowhere;

    #[async_trait::async_trait]
    impl Sink for Nowhere {
        async fn take(&mut self, _: Piece) -> Result<(), ArchiveError> {
            Ok(())
        }
    }

    rows(conn, &mut Nowhere).await
}

/// Whether the tables are those of this version.
pub(crate) async fn check_schema(conn: &mut Connection) -> Result<(), ArchiveError> {
    let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(conn)
        .await?;
    let known = dialect::migrator()
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    if found == known {
        Ok(())
    } else {
        Err(ArchiveError::Schema { found, known })
    }
}

async fn header(conn: &mut Connection, made: Timestamp) -> Result<Header, ArchiveError> {
    let epoch: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(epoch), 0) FROM epochs")
        .fetch_one(&mut *conn)
        .await?;
    let key: Option<String> = sqlx::query_scalar("SELECT document FROM objects WHERE kind = $1 ORDER BY ordinal DESC LIMIT 1")
        .bind(Kind::SigningKey.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let mut rows = 0_u64;
    for (table, partition) in tables(conn).await? {
        let sql = format!("SELECT COUNT(*) FROM {}", name(table, partition));
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *conn).await?;
        rows = rows.saturating_add(count.unsigned_abs());
    }
    Ok(Header {
        format: Header::current_format(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made,
        store: dialect::NAME.to_owned(),
        epoch: epoch.unsigned_abs(),
        key: key.as_deref().and_then(key_of),
        rows,
        tables: Header::own_tables(),
    })
}

/// The name of the key under which a signing key is sealed.
fn key_of(document: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(document).ok()?;
    watchfire_crypto::seal::key_id(document.get("sealed_private")?.as_str()?)
}

/// Every table, and of sets every partition, in the order of an archive.
async fn tables(conn: &mut Connection) -> Result<Vec<(Table, Option<i64>)>, ArchiveError> {
    let mut found = Vec::new();
    for table in Table::ALL {
        if table == Table::Held && !dialect::KEEPS_HELD {
            continue;
        }
        match table.table_set() {
            None => found.push((table, None)),
            Some(set) => {
                let numbers = partitions::numbers(conn, set).await?;
                found.extend(numbers.into_iter().map(|number| (table, Some(number))));
            }
        }
    }
    Ok(found)
}

/// The name of a table.
pub(crate) fn name(table: Table, partition: Option<i64>) -> String {
    match partition {
        None => table.name().to_owned(),
        Some(number) => format!("{}_{number}", table.name()),
    }
}

async fn rows(conn: &mut Connection, sink: &mut dyn Sink) -> Result<Footer, ArchiveError> {
    let mut sums = Sums::default();
    for (table, partition) in tables(conn).await? {
        let columns = table.column_names().join(", ");
        let sql = format!("SELECT {columns} FROM {} ORDER BY {}", name(table, partition), table.order());
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut *conn);
        let mut batch = Batch::new(table);
        while let Some(row) = rows.try_next().await? {
            batch.push(&values(table, partition, &row)?)?;
            if batch.is_full() {
                sums.take(&batch);
                sink.take(Piece::Batch(std::mem::replace(&mut batch, Batch::new(table))))
                    .await?;
            }
        }
        if !batch.is_empty() {
            sums.take(&batch);
            sink.take(Piece::Batch(batch)).await?;
        }
    }
    Ok(sums.footer())
}

fn values(table: Table, partition: Option<i64>, row: &Row) -> Result<Vec<Value>, ArchiveError> {
    let mut values: Vec<Value> = partition.map(Value::Integer).into_iter().collect();
    for (at, column) in table.columns().iter().enumerate() {
        let value = match column {
            Column::Integer(_) => row.try_get::<Option<i64>, _>(at)?.map(Value::Integer),
            Column::Text(_) => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
            Column::Bytes(_) => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
        };
        values.push(value.unwrap_or(Value::Null));
    }
    Ok(values)
}
