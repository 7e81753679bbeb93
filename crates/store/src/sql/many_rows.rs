//! Statements that write many rows at once.

use sqlx::QueryBuilder;

use super::{Connection, Db};
use crate::StoreError;

/// Rows of one statement at the most.
const MOST: usize = 128;
/// The same where a row has few columns, and the statement a cost of its own.
const MOST_NARROW: usize = 2_048;

/// Cuts rows into pieces whose lengths are powers of two: so few different statements are prepared.
pub(crate) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    pieces_of(rows, MOST)
}

/// The same for rows of two columns.
pub(crate) fn narrow_pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    pieces_of(rows, MOST_NARROW)
}

fn pieces_of<T>(mut rows: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let fits = rows.len().checked_ilog2()?;
        let (piece, rest) = rows.split_at_checked((1 << fits).min(most))?;
        rows = rest;
        Some(piece)
    })
}

/// Carries a statement out; says how many rows it touched.
pub(crate) async fn run(conn: &mut Connection, mut sql: QueryBuilder<Db>) -> Result<u64, StoreError> {
    let done = sql.build().execute(conn).await.map_err(StoreError::of_statement)?;
    Ok(done.rows_affected())
}
