//! An event as a row: columns for what is searched for, JSON for the rest. A column's value is not in
//! the JSON again.

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Row as _};
use watchfire_model::{log::LogEvent, time::Timestamp};

use super::{Connection, Row, log::events_table};
use crate::StoreError;

/// The columns, in the order of [`insert`].
pub(crate) const COLUMNS: &str =
    "seq, uuid, published_us, event_type, severity, outcome, actor_id, client_ip, transaction_id, receipt_id, detail";

/// Where a column's value is in the event's document.
const PLACES: [(&str, Option<&str>, &str); 7] = [
    ("uuid", None, "uuid"),
    ("event_type", None, "eventType"),
    ("severity", None, "severity"),
    ("outcome", Some("outcome"), "result"),
    ("actor_id", Some("actor"), "id"),
    ("client_ip", Some("client"), "ipAddress"),
    ("transaction_id", Some("transaction"), "id"),
];

/// Writes the row; says `false`, and writes nothing, when this very event is there already.
pub(crate) async fn insert(
    conn: &mut Connection,
    partition: i64,
    seq: i64,
    published: Timestamp,
    event: &LogEvent,
) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO {} ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (uuid) DO NOTHING",
        events_table(partition)
    );
    let client_ip = event.client.as_ref().and_then(|client| client.ip_address);
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(seq)
        .bind(&event.uuid)
        .bind(published.as_micros())
        .bind(event.event_type.as_str())
        .bind(event.severity.as_str())
        .bind(event.outcome.result.as_str())
        .bind(&event.actor.id)
        .bind(client_ip.map(|ip| ip.to_string()))
        .bind(&event.transaction.id)
        .bind(event.receipt.as_ref().map(|receipt| receipt.as_str()))
        .bind(detail(event)?)
        .execute(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(done.rows_affected() > 0)
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn read(row: &Row) -> Result<(i64, LogEvent), StoreError> {
    let uuid: &str = row.get("uuid");
    event(row).map(|event| (row.get("seq"), event)).ok_or_else(|| corrupt(uuid))
}

pub(crate) fn corrupt(uuid: &str) -> StoreError {
    StoreError::Corrupt {
        table: "log_events",
        column: "detail",
        id: uuid.to_owned(),
    }
}

fn detail(event: &LogEvent) -> Result<String, StoreError> {
    let mut document = serde_json::to_value(event).map_err(|_| corrupt(&event.uuid))?;
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("published");
        members.shift_remove("receipt");
        for (_, parent, key) in PLACES {
            if let Some(object) = object(members, parent) {
                object.shift_remove(key);
            }
        }
    }
    Ok(document.to_string())
}

fn event(row: &Row) -> Option<LogEvent> {
    let mut document: Value = serde_json::from_str(row.get("detail")).ok()?;
    let members = document.as_object_mut()?;
    members.insert("published".to_owned(), row.get::<i64, _>("published_us").into());
    if let Some(receipt) = row.get::<Option<String>, _>("receipt_id") {
        members.insert("receipt".to_owned(), receipt.into());
    }
    for (column, parent, key) in PLACES {
        if let Some(value) = row.get::<Option<String>, _>(column) {
            object(members, parent)?.insert(key.to_owned(), value.into());
        }
    }
    serde_json::from_value(document).ok()
}

/// The object that holds a column's value: the document or one of its members.
fn object<'a>(members: &'a mut Map<String, Value>, parent: Option<&str>) -> Option<&'a mut Map<String, Value>> {
    match parent {
        None => Some(members),
        Some(parent) => members.get_mut(parent)?.as_object_mut(),
    }
}
