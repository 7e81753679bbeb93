//! An event as a row: columns for what is searched for, JSON for the rest. A column's value is not in
//! the JSON again.

use std::borrow::Cow;

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use watchfire_model::{log::LogEvent, texts::each_text_and_key, time::Timestamp};

use super::{Connection, Db, Row, dialect, log::events_table, many_rows::run};
use crate::{StoreError, log_detail};

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

/// An event on its way into a row.
pub(crate) struct LogRow<'a> {
    /// Its number.
    pub(crate) seq: i64,
    published: Timestamp,
    /// The event, without U+0000.
    pub(crate) event: Cow<'a, LogEvent>,
    detail: String,
    /// For the full-text index.
    pub(crate) words: dialect::Words,
}

impl<'a> LogRow<'a> {
    /// The row of `event`. No database here takes U+0000 in a text everywhere, and an attacker may well send
    /// one: it is stored as the replacement character.
    pub(crate) fn new(seq: i64, published: Timestamp, event: &'a LogEvent) -> Result<Self, StoreError> {
        let event = if has_nul(event) {
            Cow::Owned(without_nul(event).map_err(|_| corrupt(&event.uuid))?)
        } else {
            Cow::Borrowed(event)
        };
        let detail = log_detail::of(&event).map_err(|_| corrupt(&event.uuid))?;
        let words = dialect::words_of(&event);
        Ok(Self {
            seq,
            published,
            event,
            detail,
            words,
        })
    }

    /// The row as it was written before.
    pub(crate) fn stored(seq: i64, event: LogEvent, detail: String) -> LogRow<'static> {
        LogRow {
            seq,
            published: event.published,
            words: dialect::words_of(&event),
            event: Cow::Owned(event),
            detail,
        }
    }

    /// What the event is about, and its number.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (String, i64)> {
        self.event.target.iter().map(|target| (target.id.clone(), self.seq))
    }
}

/// Writes rows. An event that is there already is refused.
pub(crate) async fn insert(conn: &mut Connection, partition: i64, rows: &[LogRow<'_>]) -> Result<(), StoreError> {
    let mut sql: QueryBuilder<Db> =
        QueryBuilder::new(format!("{} INTO {} ({COLUMNS}) ", dialect::INSERT, events_table(partition)));
    sql.push_values(rows, |mut row, log_row| {
        let event = &*log_row.event;
        let client_ip = event.client.as_ref().and_then(|client| client.ip_address);
        row.push_bind(log_row.seq)
            .push_bind(&event.uuid)
            .push_bind(log_row.published.as_micros())
            .push_bind(event.event_type.as_str())
            .push_bind(event.severity.as_str())
            .push_bind(event.outcome.result.as_str())
            .push_bind(&event.actor.id)
            .push_bind(client_ip.map(|ip| ip.to_string()))
            .push_bind(&event.transaction.id)
            .push_bind(event.receipt.as_ref().map(|receipt| receipt.as_str()))
            .push_bind(&log_row.detail);
    });
    run(conn, sql).await?;
    Ok(())
}

/// Whether the event is in the partition.
pub(crate) async fn is_there(conn: &mut Connection, partition: i64, uuid: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM {} WHERE uuid = $1", events_table(partition));
    let found: Option<i32> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(uuid)
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(found.is_some())
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

fn has_nul(event: &LogEvent) -> bool {
    let mut found = false;
    each_text_and_key(event, &mut |text| found |= text.contains('\0'));
    found
}

fn without_nul(event: &LogEvent) -> serde_json::Result<LogEvent> {
    let mut document = serde_json::to_value(event)?;
    replace_nul(&mut document);
    serde_json::from_value(document)
}

fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(elements) => elements.iter_mut().for_each(replace_nul),
        Value::Object(members) => {
            let old = std::mem::take(members);
            members.extend(old.into_iter().map(|(key, mut member)| {
                replace_nul(&mut member);
                (key.replace('\0', "\u{fffd}"), member)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn event(row: &Row) -> Option<LogEvent> {
    event_of(row.get("detail"), row.get("published_us"), |column| row.get(column))
}

/// The event of a row, out of its columns.
pub(crate) fn event_of(detail: &str, published_us: i64, text: impl Fn(&str) -> Option<String>) -> Option<LogEvent> {
    let mut document: Value = serde_json::from_str(detail).ok()?;
    let members = document.as_object_mut()?;
    members.insert("published".to_owned(), published_us.into());
    if let Some(receipt) = text("receipt_id") {
        members.insert("receipt".to_owned(), receipt.into());
    }
    for (column, parent, key) in PLACES {
        if let Some(value) = text(column) {
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
