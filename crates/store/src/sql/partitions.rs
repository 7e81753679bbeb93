//! The catalogue of table sets.

use sqlx::AssertSqlSafe;

use super::Connection;
use crate::StoreError;

/// The numbers of a set's partitions, oldest first.
pub(crate) async fn numbers(conn: &mut Connection, table_set: &str) -> Result<Vec<i64>, StoreError> {
    sqlx::query_scalar("SELECT number FROM partitions WHERE table_set = $1 ORDER BY number")
        .bind(table_set)
        .fetch_all(conn)
        .await
        .map_err(StoreError::of_statement)
}

/// Enters a new partition; its tables are the caller's to make.
pub(crate) async fn begin(conn: &mut Connection, table_set: &str, number: i64) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO partitions (table_set, number) VALUES ($1, $2)")
        .bind(table_set)
        .bind(number)
        .execute(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(())
}

/// Drops a partition's tables and its entry.
pub(crate) async fn drop(conn: &mut Connection, table_set: &str, number: i64, tables: &[String]) -> Result<(), StoreError> {
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}")))
            .execute(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
    }
    sqlx::query("DELETE FROM partitions WHERE table_set = $1 AND number = $2")
        .bind(table_set)
        .bind(number)
        .execute(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(())
}
