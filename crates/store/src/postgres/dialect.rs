//! What only PostgreSQL says this way.

use sqlx::QueryBuilder;
use watchfire_model::log::Keywords;

use super::{
    Connection, Db,
    log::{events_table, targets_table, text_table},
    log_row::LogRow,
};
use crate::StoreError;

/// Rows that a slice names are locked by its reads.
pub(super) const BEGIN: &str = "BEGIN";

/// Whether nobody else writes. Other nodes do: what was read is known for one group.
pub(super) const ONE_WRITER: bool = false;

/// The table of one dedupe partition.
pub(super) fn create_dedupe_table(table: &str) -> String {
    format!("CREATE TABLE {table} (hash BYTEA PRIMARY KEY, expires_us BIGINT NOT NULL)")
}

/// The tables of one log partition. Texts compare byte by byte.
pub(super) fn create_log_tables(number: i64) -> Vec<String> {
    let (events, targets, text) = (events_table(number), targets_table(number), text_table(number));
    let id = "TEXT COLLATE \"C\"";
    vec![
        format!(
            "CREATE TABLE {events} (seq BIGINT PRIMARY KEY, uuid {id} NOT NULL UNIQUE, published_us BIGINT NOT NULL, \
             event_type {id} NOT NULL, severity {id} NOT NULL, outcome {id} NOT NULL, actor_id {id} NOT NULL, \
             client_ip {id}, transaction_id {id} NOT NULL, receipt_id {id}, detail TEXT NOT NULL)"
        ),
        format!("CREATE INDEX {events}_type ON {events} (event_type, seq)"),
        format!("CREATE INDEX {events}_actor ON {events} (actor_id, seq)"),
        format!("CREATE INDEX {events}_ip ON {events} (client_ip, seq) WHERE client_ip IS NOT NULL"),
        format!("CREATE TABLE {targets} (target_id {id} NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (target_id, seq))"),
        format!("CREATE INDEX {targets}_seq ON {targets} (seq)"),
        format!("CREATE TABLE {text} (seq BIGINT PRIMARY KEY)"),
    ]
}

/// The full-text index for `q` comes with the store itself; until then the evaluator looks at every row.
#[expect(clippy::unused_async, reason = "the other dialect writes here")]
pub(super) async fn index_texts(_: &mut Connection, _: i64, _: &[LogRow<'_>]) -> Result<(), StoreError> {
    Ok(())
}

/// See [`index_texts`].
pub(super) fn push_keywords(_: &mut QueryBuilder<Db>, _: i64, _: &Keywords, _: (i64, i64)) {}

/// The text at a path of a JSON document; NULL where there is none.
pub(super) fn json_text(document: &str, path: &[&str]) -> String {
    format!("(({document}::jsonb #>> '{}') COLLATE \"C\")", json_path(path))
}

/// The elements of an array of a JSON document, as `element.value`.
pub(super) fn json_elements(document: &str, path: &[&str]) -> String {
    format!(
        "jsonb_array_elements({document}::jsonb #> '{}') AS element(value)",
        json_path(path)
    )
}

fn json_path(path: &[&str]) -> String {
    let keys: Vec<String> = path.iter().map(|key| format!("\"{key}\"")).collect();
    format!("{{{}}}", keys.join(","))
}

/// The text with ASCII letters in lower case.
pub(super) fn ascii_lower(value: &str) -> String {
    format!("lower({value} COLLATE \"C\")")
}

/// The last characters of a text.
pub(super) fn last_chars(value: &str, count: usize) -> String {
    format!("right({value}, {count})")
}

/// What stands before and behind the part that a text contains.
pub(super) fn contains(value: &str) -> (String, String) {
    (format!("strpos({value}, "), ") > 0".to_owned())
}
