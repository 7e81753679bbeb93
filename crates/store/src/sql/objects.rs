//! Objects and receipts: the SQL that both dialects take.

use sqlx::{QueryBuilder, Row as _};
use watchfire_model::{
    object::{Keys, Kind, Object},
    row::{Receipt, Received},
    time::Timestamp,
};

use super::{
    Connection, Db, Row, dialect,
    many_rows::{pieces, run},
};
use crate::{
    StoreError,
    index::{Page, PageQuery, RangeQuery, ReceiptQuery, StoredReceipt},
};

/// Writes or replaces objects; an old one keeps its ordinal. No two may have one id. Gives the bytes of their
/// documents.
pub(crate) async fn put(conn: &mut Connection, objects: &[(&Object, &Keys, i64)]) -> Result<usize, StoreError> {
    let mut bytes = 0_usize;
    for piece in pieces(objects) {
        let mut rows = Vec::with_capacity(piece.len());
        for (object, keys, ordinal) in piece {
            let document = object.to_document().map_err(|_| corrupt(&keys.id))?;
            bytes = bytes.saturating_add(document.len());
            rows.push((object.kind(), *keys, *ordinal, document));
        }
        let into = "objects (kind, id, parent, natural_key, expires_us, ordinal, document)";
        let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("{} INTO {into} ", dialect::INSERT));
        sql.push_values(rows, |mut row, (kind, keys, ordinal, document)| {
            row.push_bind(kind.as_str())
                .push_bind(&keys.id)
                .push_bind(keys.parent.as_deref())
                .push_bind(keys.natural.as_deref())
                .push_bind(keys.expires_at.map(Timestamp::as_micros))
                .push_bind(ordinal)
                .push_bind(document);
        });
        sql.push(
            " ON CONFLICT (kind, id) DO UPDATE SET parent = excluded.parent, natural_key = excluded.natural_key, \
             expires_us = excluded.expires_us, document = excluded.document",
        );
        run(conn, sql).await?;
    }
    Ok(bytes)
}

/// Removes objects.
pub(crate) async fn delete(conn: &mut Connection, objects: &[(Kind, &str)]) -> Result<(), StoreError> {
    for piece in pieces(objects) {
        let mut sql: QueryBuilder<Db> = QueryBuilder::new("DELETE FROM objects WHERE (kind, id) IN (");
        sql.push_values(piece, |mut row, (kind, id)| {
            row.push_bind(kind.as_str()).push_bind(*id);
        });
        sql.push(")");
        run(conn, sql).await?;
    }
    Ok(())
}

/// The highest ordinal in use.
pub(crate) async fn last_ordinal(conn: &mut Connection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT COALESCE(MAX(ordinal), 0) FROM objects")
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}

pub(crate) async fn get(conn: &mut Connection, kind: Kind, id: &str) -> Result<Option<Object>, StoreError> {
    let row = sqlx::query("SELECT id, document FROM objects WHERE kind = $1 AND id = $2")
        .bind(kind.as_str())
        .bind(id)
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)?;
    row.map(|row| read(kind, &row)).transpose()
}

pub(crate) async fn find(conn: &mut Connection, kind: Kind, key: &str) -> Result<Option<Object>, StoreError> {
    let row = sqlx::query("SELECT id, document FROM objects WHERE kind = $1 AND natural_key = $2")
        .bind(kind.as_str())
        .bind(key)
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)?;
    row.map(|row| read(kind, &row)).transpose()
}

/// Natural keys that begin with `prefix` lie between it and it with the last code point behind it.
pub(crate) async fn starting_with(
    conn: &mut Connection,
    kind: Kind,
    prefix: &str,
    limit: u32,
) -> Result<Vec<Object>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, document FROM objects WHERE kind = $1 AND natural_key >= $2 AND natural_key < $3 ORDER BY natural_key LIMIT $4",
    )
    .bind(kind.as_str())
    .bind(prefix)
    .bind(format!("{prefix}{}", char::MAX))
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await
    .map_err(StoreError::of_statement)?;
    rows.iter().map(|row| read(kind, row)).collect()
}

pub(crate) async fn children(conn: &mut Connection, kind: Kind, parent: &str) -> Result<Vec<Object>, StoreError> {
    let rows = sqlx::query("SELECT id, document FROM objects WHERE kind = $1 AND parent = $2 ORDER BY ordinal")
        .bind(kind.as_str())
        .bind(parent)
        .fetch_all(conn)
        .await
        .map_err(StoreError::of_statement)?;
    rows.iter().map(|row| read(kind, row)).collect()
}

pub(crate) async fn all(conn: &mut Connection, kind: Kind) -> Result<Vec<Object>, StoreError> {
    let rows = sqlx::query("SELECT id, document FROM objects WHERE kind = $1 ORDER BY ordinal")
        .bind(kind.as_str())
        .fetch_all(conn)
        .await
        .map_err(StoreError::of_statement)?;
    rows.iter().map(|row| read(kind, row)).collect()
}

pub(crate) async fn page(conn: &mut Connection, query: &PageQuery) -> Result<Page, StoreError> {
    let limit = i64::from(query.limit);
    let rows = match &query.parent {
        None => {
            sqlx::query("SELECT id, document, ordinal FROM objects WHERE kind = $1 AND ordinal > $2 ORDER BY ordinal LIMIT $3")
                .bind(query.kind.as_str())
                .bind(query.after)
                .bind(limit.saturating_add(1))
                .fetch_all(conn)
                .await
        }
        Some(parent) => {
            sqlx::query(
                "SELECT id, document, ordinal FROM objects WHERE kind = $1 AND ordinal > $2 AND parent = $4 ORDER BY ordinal LIMIT $3",
            )
            .bind(query.kind.as_str())
            .bind(query.after)
            .bind(limit.saturating_add(1))
            .bind(parent)
            .fetch_all(conn)
            .await
        }
    }
    .map_err(StoreError::of_statement)?;
    let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let objects = rows
        .iter()
        .take(wanted)
        .map(|row| read(query.kind, row))
        .collect::<Result<Vec<_>, _>>()?;
    let places: Vec<i64> = rows.iter().take(wanted).map(|row| row.get("ordinal")).collect();
    let last = wanted.checked_sub(1).and_then(|at| rows.get(at));
    let next = if rows.len() > wanted {
        last.map(|row| row.get::<i64, _>("ordinal"))
    } else {
        None
    };
    Ok(Page { objects, places, next })
}

/// Objects in the order of their ids.
pub(crate) async fn in_order(conn: &mut Connection, wanted: &RangeQuery) -> Result<Vec<Object>, StoreError> {
    let mut query = QueryBuilder::new("");
    push_in_order(&mut query, wanted);
    let rows = query.build().fetch_all(conn).await.map_err(StoreError::of_statement)?;
    rows.iter().map(|row| read(wanted.kind, row)).collect()
}

pub(crate) fn push_in_order(query: &mut QueryBuilder<Db>, wanted: &RangeQuery) {
    query.push("SELECT id, document FROM objects");
    if wanted.parent.is_some() {
        query.push(dialect::BY_PARENT_AND_ID);
    }
    query.push(" WHERE kind = ").push_bind(wanted.kind.as_str());
    query.push(" AND id >= ").push_bind(wanted.from.clone());
    query.push(" AND id < ").push_bind(wanted.until.clone());
    if let Some(parent) = &wanted.parent {
        query.push(" AND parent = ").push_bind(parent.clone());
    }
    query.push(if wanted.descending {
        " ORDER BY id DESC LIMIT "
    } else {
        " ORDER BY id LIMIT "
    });
    query.push_bind(i64::from(wanted.limit));
}

pub(crate) async fn count(conn: &mut Connection, kind: Kind) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT COUNT(*) FROM objects WHERE kind = $1")
        .bind(kind.as_str())
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}

/// Removes up to `limit` objects that expired before `now`.
pub(crate) async fn purge(conn: &mut Connection, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM objects WHERE (kind, id) IN (SELECT kind, id FROM objects WHERE expires_us IS NOT NULL AND expires_us < $1 LIMIT $2)",
    )
    .bind(now.as_micros())
    .bind(limit)
    .execute(conn)
    .await
    .map_err(StoreError::of_statement)?;
    Ok(done.rows_affected())
}

/// Writes receipts; one that is there already stays as it is.
pub(crate) async fn put_receipts(conn: &mut Connection, receipts: &[&Receipt]) -> Result<(), StoreError> {
    for piece in pieces(receipts) {
        let mut rows = Vec::with_capacity(piece.len());
        for receipt in piece {
            let note = match &receipt.content {
                Received::RiskEvents { .. } => None,
                Received::SecurityEvents { note, .. } => {
                    Some(serde_json::to_string(note).map_err(|_| corrupt(receipt.id.as_str()))?)
                }
            };
            rows.push((receipt, note));
        }
        let into = "receipts (id, kind, provider, received_us, expires_us, body, note)";
        let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("{} INTO {into} ", dialect::INSERT));
        sql.push_values(rows, |mut row, (receipt, note)| {
            row.push_bind(receipt.id.as_str())
                .push_bind(receipt.content.kind())
                .push_bind(receipt.content.provider())
                .push_bind(receipt.received_at.as_micros())
                .push_bind(receipt.expires_at.as_micros())
                .push_bind(&*receipt.body)
                .push_bind(note);
        });
        sql.push(" ON CONFLICT (id) DO NOTHING");
        run(conn, sql).await?;
    }
    Ok(())
}

/// Removes up to `limit` receipts that came before `kept_since` and whose signals have all expired.
/// The log no longer shows the events that lead to them.
pub(crate) async fn purge_receipts(
    conn: &mut Connection,
    now: Timestamp,
    kept_since: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE received_us < $1 AND expires_us < $2 LIMIT $3)",
    )
    .bind(kept_since.as_micros())
    .bind(now.as_micros())
    .bind(limit)
    .execute(conn)
    .await
    .map_err(StoreError::of_statement)?;
    Ok(done.rows_affected())
}

pub(crate) async fn receipt(conn: &mut Connection, id: &str) -> Result<Option<StoredReceipt>, StoreError> {
    let row = sqlx::query("SELECT id, kind, provider, received_us, expires_us, body, note FROM receipts WHERE id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(row.map(|row| read_receipt(&row)))
}

pub(crate) async fn live_receipts(
    conn: &mut Connection,
    now: Timestamp,
    after: &(Timestamp, String),
    limit: u32,
) -> Result<Vec<StoredReceipt>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, kind, provider, received_us, expires_us, body, note FROM receipts WHERE kind = 'risk_events' AND expires_us > $1 \
         AND (received_us > $2 OR (received_us = $2 AND id > $3)) ORDER BY received_us, id LIMIT $4",
    )
    .bind(now.as_micros())
    .bind(after.0.as_micros())
    .bind(&after.1)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await
    .map_err(StoreError::of_statement)?;
    Ok(rows.iter().map(read_receipt).collect())
}

/// A page of receipts, newest first.
pub(crate) async fn receipts(conn: &mut Connection, wanted: &ReceiptQuery) -> Result<Vec<StoredReceipt>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT id, kind, provider, received_us, expires_us, body, note FROM receipts WHERE received_us < ",
    );
    query.push_bind(wanted.until.map_or(i64::MAX, Timestamp::as_micros));
    query.push(" AND received_us >= ");
    query.push_bind(wanted.since.map_or(i64::MIN, Timestamp::as_micros));
    if let Some(provider) = &wanted.provider {
        query.push(" AND provider = ").push_bind(provider);
    }
    if let Some(handling) = wanted.handling {
        // Written by ourselves, without spaces; in texts of others a quotation mark has a backslash.
        query
            .push(" AND note LIKE ")
            .push_bind(format!("%\"handling\":\"{}\"%", handling.as_str()));
    }
    if let Some((at, id)) = &wanted.after {
        query.push(" AND (received_us < ").push_bind(at.as_micros());
        query.push(" OR (received_us = ").push_bind(at.as_micros());
        query.push(" AND id < ").push_bind(id).push("))");
    }
    query.push(" ORDER BY received_us DESC, id DESC LIMIT ");
    query.push_bind(i64::from(wanted.limit));
    let rows = query.build().fetch_all(conn).await.map_err(StoreError::of_statement)?;
    Ok(rows.iter().map(read_receipt).collect())
}

pub(crate) async fn receipt_count(conn: &mut Connection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT COUNT(*) FROM receipts")
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}

fn read(kind: Kind, row: &Row) -> Result<Object, StoreError> {
    Object::from_document(kind, row.get("document")).map_err(|_| corrupt(row.get("id")))
}

fn read_receipt(row: &Row) -> StoredReceipt {
    StoredReceipt {
        id: row.get("id"),
        kind: row.get("kind"),
        provider: row.get("provider"),
        received_at: Timestamp::from_micros(row.get("received_us")),
        expires_at: Timestamp::from_micros(row.get("expires_us")),
        body: row.get("body"),
        note: row
            .get::<Option<String>, _>("note")
            .and_then(|note| serde_json::from_str(&note).ok()),
    }
}

fn corrupt(id: &str) -> StoreError {
    StoreError::Corrupt {
        table: "objects",
        column: "document",
        id: id.to_owned(),
    }
}
