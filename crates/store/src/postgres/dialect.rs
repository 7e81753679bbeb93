//! What only PostgreSQL says this way.

use sqlx::QueryBuilder;
use watchfire_model::log::{Keywords, LogEvent};

use super::{
    Connection, Db,
    log::{events_table, targets_table, text_table},
    many_rows::run,
};
use crate::{StoreError, words};

/// What the store is called in archives.
pub(super) const NAME: &str = "postgres";
/// Whether the store keeps decisions aside that its index refused: only one with a journal in front of it does.
pub(super) const KEEPS_HELD: bool = false;
/// Begins the values of a row whose number is given and not made.
pub(super) const WITH_A_NUMBER: &str = "OVERRIDING SYSTEM VALUE ";

/// The tables, and how they came to be.
pub(super) fn migrator() -> sqlx::migrate::Migrator {
    sqlx::migrate!("migrations/postgres")
}

/// For what is read at the start; whoever writes waits for its turn (see `Session`).
pub(super) const BEGIN: &str = "BEGIN";

/// Writes rows.
pub(super) const INSERT: &str = "INSERT";

/// PostgreSQL's planner finds the index of children by its statistics.
pub(super) const BY_PARENT_AND_ID: &str = "";

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
        format!("CREATE TABLE {text} (seq BIGINT PRIMARY KEY, words TEXT[] COLLATE \"C\" NOT NULL)"),
        format!("CREATE INDEX {text}_words ON {text} USING GIN (words)"),
    ]
}

/// The words of an event as the full-text index takes them.
pub(super) type Words = Vec<String>;

/// The words of an event, in lower case as SQLite's tokenizer has them.
pub(super) fn words_of(event: &LogEvent) -> Words {
    words::of(event, |words| words.iter().map(|word| word.to_lowercase()).collect())
}

/// Enters the words of events into the full-text index.
pub(super) async fn index_texts(conn: &mut Connection, partition: i64, texts: &[(i64, Words)]) -> Result<(), StoreError> {
    let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("INSERT INTO {} (seq, words) ", text_table(partition)));
    sql.push_values(texts, |mut row, (seq, words)| {
        row.push_bind(*seq).push_bind(words);
    });
    run(conn, sql).await?;
    Ok(())
}

/// Restricts a query to rows that may have the keywords and whose `seq` is in the range. Keywords that
/// are not in the index are left to the evaluator.
pub(super) fn push_keywords(query: &mut QueryBuilder<Db>, partition: i64, keywords: &Keywords, range: (i64, i64)) {
    let wanted: Vec<String> = keywords
        .as_slice()
        .iter()
        .filter(|word| words::is_indexed(word))
        .map(|word| word.to_lowercase())
        .collect();
    if wanted.is_empty() {
        return;
    }
    let table = text_table(partition);
    query.push(format!(" AND seq IN (SELECT seq FROM {table} WHERE words @> "));
    query.push_bind(wanted).push(" AND seq BETWEEN ");
    query.push_bind(range.0).push(" AND ").push_bind(range.1).push(")");
}

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
