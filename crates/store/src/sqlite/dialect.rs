//! What only SQLite says this way.

use sqlx::QueryBuilder;
use watchfire_model::log::{Keywords, LogEvent};

use super::{
    Connection, Db,
    log::{events_table, targets_table, text_table},
    many_rows::run,
};
use crate::{
    StoreError,
    words::{self, PUNCTUATION},
};

/// What the store is called in archives.
pub(super) const NAME: &str = "sqlite";
/// Whether the store keeps decisions aside that its index refused: only one with a journal in front of it does.
pub(super) const KEEPS_HELD: bool = true;
/// Begins the values of a row whose number is given and not made.
pub(super) const WITH_A_NUMBER: &str = "";

/// The tables, and how they came to be.
pub(super) fn migrator() -> sqlx::migrate::Migrator {
    sqlx::migrate!("migrations/sqlite")
}

/// Takes the write lock at once, so that no read has to be repeated.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// Writes rows without keeping what was there, for a refusal undoes the whole transaction anyway.
pub(super) const INSERT: &str = "INSERT OR FAIL";

/// Names the index of children in the order of their ids: the planner would take the primary key, and with it
/// everybody's.
pub(super) const BY_PARENT_AND_ID: &str = " INDEXED BY objects_parent_id";

/// The table of one dedupe partition.
pub(super) fn create_dedupe_table(table: &str) -> String {
    format!("CREATE TABLE {table} (hash BLOB PRIMARY KEY, expires_us INTEGER NOT NULL) STRICT, WITHOUT ROWID")
}

/// The tables of one log partition. An index of SQLite holds the row's `seq` by itself.
pub(super) fn create_log_tables(number: i64) -> Vec<String> {
    let (events, targets, text) = (events_table(number), targets_table(number), text_table(number));
    vec![
        format!(
            "CREATE TABLE {events} (seq INTEGER PRIMARY KEY, uuid TEXT NOT NULL, published_us INTEGER NOT NULL, \
             event_type TEXT NOT NULL, severity TEXT NOT NULL, outcome TEXT NOT NULL, actor_id TEXT NOT NULL, \
             client_ip TEXT, transaction_id TEXT NOT NULL, receipt_id TEXT, detail TEXT NOT NULL) STRICT"
        ),
        format!("CREATE UNIQUE INDEX {events}_uuid ON {events} (uuid)"),
        format!("CREATE INDEX {events}_type ON {events} (event_type)"),
        format!("CREATE INDEX {events}_actor ON {events} (actor_id)"),
        format!("CREATE INDEX {events}_ip ON {events} (client_ip) WHERE client_ip IS NOT NULL"),
        format!(
            "CREATE TABLE {targets} (target_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target_id, seq)) \
             STRICT, WITHOUT ROWID"
        ),
        format!("CREATE INDEX {targets}_seq ON {targets} (seq)"),
        format!(
            "CREATE VIRTUAL TABLE {text} USING fts5(words, content='', detail=none, \
             tokenize=\"unicode61 remove_diacritics 0 tokenchars '{PUNCTUATION}'\")"
        ),
    ]
}

/// The words of an event as the full-text index takes them.
pub(super) type Words = String;

/// The words of an event, and their parts between hyphens.
pub(super) fn words_of(event: &LogEvent) -> Words {
    words::of(event, |words| words.join(" "))
}

/// Enters the words of events into the full-text index.
pub(super) async fn index_texts(conn: &mut Connection, partition: i64, texts: &[(i64, Words)]) -> Result<(), StoreError> {
    let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("INSERT INTO {} (rowid, words) ", text_table(partition)));
    sql.push_values(texts, |mut row, (seq, words)| {
        row.push_bind(*seq).push_bind(words);
    });
    run(conn, sql).await?;
    Ok(())
}

/// Restricts a query to rows that may have the keywords and whose `seq` is in the range. Keywords that
/// are not in the index are left to the evaluator.
pub(super) fn push_keywords(query: &mut QueryBuilder<Db>, partition: i64, keywords: &Keywords, range: (i64, i64)) {
    let quoted: Vec<String> = keywords
        .as_slice()
        .iter()
        .filter(|word| words::is_indexed(word))
        .map(|word| format!("\"{word}\""))
        .collect();
    if quoted.is_empty() {
        return;
    }
    let table = text_table(partition);
    query.push(format!(" AND seq IN (SELECT rowid FROM {table} WHERE {table} MATCH "));
    query.push_bind(quoted.join(" ")).push(" AND rowid BETWEEN ");
    query.push_bind(range.0).push(" AND ").push_bind(range.1).push(")");
}

/// The text at a path of a JSON document; NULL where there is none.
pub(super) fn json_text(document: &str, path: &[&str]) -> String {
    format!("json_extract({document}, '{}')", json_path(path))
}

/// The elements of an array of a JSON document, as `element.value`.
pub(super) fn json_elements(document: &str, path: &[&str]) -> String {
    format!("json_each({document}, '{}') AS element", json_path(path))
}

fn json_path(path: &[&str]) -> String {
    let members: String = path.iter().map(|key| format!(".\"{key}\"")).collect();
    format!("${members}")
}

/// The text with ASCII letters in lower case; SQLite knows no others.
pub(super) fn ascii_lower(value: &str) -> String {
    format!("lower({value})")
}

/// The last characters of a text.
pub(super) fn last_chars(value: &str, count: usize) -> String {
    format!("substr({value}, -{count})")
}

/// What stands before and behind the part that a text contains.
pub(super) fn contains(value: &str) -> (String, String) {
    (format!("instr({value}, "), ") > 0".to_owned())
}
