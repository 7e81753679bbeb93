//! System Log events, written: table sets that follow each other, so that the cost of a write does not
//! grow with the store and retention drops whole tables (architecture section 6).
//!
//! A partition is three tables: `log_events_<n>` (narrow rows), `log_targets_<n>` (the targets' ids) and
//! the full-text index of `q`. Numbers (`seq`) are given in the order of the commits and without gaps,
//! and `published` never falls as they rise, so that one order serves pages of either kind.

use std::{collections::VecDeque, sync::Arc};

use sqlx::{AssertSqlSafe, QueryBuilder};
use watchfire_model::{
    log::LogEvent,
    row::{Decision, Row},
    time::Timestamp,
};

use super::{
    Connection, Db, dialect,
    log_row::{self, LogRow},
    many_rows::{narrow_pieces, pieces, run},
    partitions,
};
use crate::{StoreError, foreign::LogCounters};

/// The table set's name.
pub(crate) const TABLE_SET: &str = "log";

/// Writes events into the newest partition.
#[derive(Debug)]
pub(crate) struct LogWriter {
    at: Mark,
    rows_per_partition: i64,
}

/// A point in the life of [`LogWriter`] to which a rolled-back transaction returns.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// The partition that takes the writes; 0 before the first.
    partition: i64,
    rows: i64,
    last_seq: i64,
    last_published: Timestamp,
}

impl LogWriter {
    /// Finds the end of the log.
    pub(crate) async fn open(conn: &mut Connection, rows_per_partition: i64) -> Result<Self, StoreError> {
        let newest: Option<(i64, i64)> =
            sqlx::query_as("SELECT number, first_seq FROM partitions WHERE table_set = $1 ORDER BY number DESC LIMIT 1")
                .bind(TABLE_SET)
                .fetch_optional(&mut *conn)
                .await
                .map_err(StoreError::of_statement)?;
        let (partition, first_seq) = newest.unwrap_or((0, 1));
        let mut at = Mark {
            partition,
            rows: 0,
            last_seq: first_seq - 1,
            last_published: Timestamp::default(),
        };
        if partition > 0 {
            let sql = format!(
                "SELECT seq, published_us FROM {} ORDER BY seq DESC LIMIT 1",
                events_table(partition)
            );
            let last: Option<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_optional(conn)
                .await
                .map_err(StoreError::of_statement)?;
            if let Some((seq, published_us)) = last {
                at.rows = seq - at.last_seq;
                at.last_seq = seq;
                at.last_published = Timestamp::from_micros(published_us);
            }
        }
        Ok(Self { at, rows_per_partition })
    }

    /// When the newest event was published.
    pub(crate) fn last_published(&self) -> Timestamp {
        self.at.last_published
    }

    /// What the next write goes on counting from.
    pub(crate) fn counters(&self) -> LogCounters {
        LogCounters {
            partition: self.at.partition,
            rows: self.at.rows,
            last_seq: self.at.last_seq,
            last_published_us: self.at.last_published.as_micros(),
        }
    }

    /// Another node has written, and it goes on counting from `counters`.
    pub(crate) fn go_on_from(&mut self, counters: LogCounters) {
        self.at = Mark {
            partition: counters.partition,
            rows: counters.rows,
            last_seq: counters.last_seq,
            last_published: Timestamp::from_micros(counters.last_published_us),
        };
    }

    /// What must be put back when the transaction that follows is rolled back.
    pub(crate) fn mark(&self) -> Mark {
        self.at.clone()
    }

    /// Goes back to `mark`: what came after it never happened.
    pub(crate) fn restore(&mut self, mark: &Mark) {
        self.at = mark.clone();
    }

    /// Makes room for the events of `decision`: begins a partition where one is due. Not inside the
    /// decision's savepoint, for SQLite cannot commit when a full-text table was made in a savepoint
    /// that was rolled back; so a partition holds its limit and the rest of one decision.
    pub(crate) async fn prepare(&mut self, conn: &mut Connection, decision: &Decision) -> Result<(), StoreError> {
        let first = decision.rows.iter().find_map(as_event).map(|event| event.published);
        match first {
            Some(published) if self.at.partition == 0 || self.at.rows >= self.rows_per_partition => {
                self.begin_partition(conn, published.max(self.at.last_published)).await
            }
            _ => Ok(()),
        }
    }

    /// Writes an event into the partition that was prepared, unless it is there: then its decision is written again.
    pub(crate) async fn append(&mut self, conn: &mut Connection, event: &LogEvent) -> Result<(), StoreError> {
        if log_row::is_there(conn, self.at.partition, &event.uuid).await? {
            return Ok(());
        }
        self.write_events(conn, &[event]).await
    }

    /// Writes the events of decisions that are new, and begins partitions where they are due.
    pub(crate) async fn write(&mut self, conn: &mut Connection, decisions: &VecDeque<Arc<Decision>>) -> Result<(), StoreError> {
        let mut run = Vec::new();
        for decision in decisions {
            let events = || decision.rows.iter().filter_map(as_event);
            let rows = self.at.rows.saturating_add(i64::try_from(run.len()).unwrap_or(i64::MAX));
            if events().next().is_some() && (self.at.partition == 0 || rows >= self.rows_per_partition) {
                self.write_events(conn, &std::mem::take(&mut run)).await?;
                self.prepare(conn, decision).await?;
            }
            run.extend(events());
        }
        self.write_events(conn, &run).await
    }

    /// The sequencer's clock does not go back, so `published` does not either; if it ever did, the event
    /// would be stored under the newest time.
    async fn write_events(&mut self, conn: &mut Connection, events: &[&LogEvent]) -> Result<(), StoreError> {
        let partition = self.at.partition;
        let mut leads = Leads::default();
        let mut pieces = pieces(events);
        let mut rows = self.rows(pieces.next())?;
        while !rows.is_empty() {
            // The next rows are made while the database writes these.
            let next = async { self.rows(pieces.next()) };
            let (written, next) = tokio::join!(log_row::insert(conn, partition, &rows), next);
            written?;
            leads.take(std::mem::replace(&mut rows, next?));
        }
        leads.write(conn, partition).await
    }

    fn rows<'a>(&mut self, events: Option<&[&'a LogEvent]>) -> Result<Vec<LogRow<'a>>, StoreError> {
        let events = events.unwrap_or_default();
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            self.at.last_seq += 1;
            self.at.last_published = self.at.last_published.max(event.published);
            self.at.rows += 1;
            rows.push(LogRow::new(self.at.last_seq, self.at.last_published, event)?);
        }
        Ok(rows)
    }

    /// Drops every closed partition whose newest event was published before `time`.
    pub(crate) async fn drop_before(&mut self, conn: &mut Connection, time: Timestamp) -> Result<u64, StoreError> {
        let old: Vec<i64> = sqlx::query_scalar(
            "SELECT number FROM partitions WHERE table_set = $1 AND last_us IS NOT NULL AND last_us < $2 ORDER BY number",
        )
        .bind(TABLE_SET)
        .bind(time.as_micros())
        .fetch_all(&mut *conn)
        .await
        .map_err(StoreError::of_statement)?;
        let mut dropped = 0;
        for number in old {
            let tables = [text_table(number), targets_table(number), events_table(number)];
            partitions::drop(conn, TABLE_SET, number, &tables).await?;
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Closes the newest partition and makes the next one, whose first event is at `published`.
    async fn begin_partition(&mut self, conn: &mut Connection, published: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE partitions SET rows_written = $3, last_seq = $4, last_us = $5 WHERE table_set = $1 AND number = $2")
            .bind(TABLE_SET)
            .bind(self.at.partition)
            .bind(self.at.rows)
            .bind(self.at.last_seq)
            .bind(self.at.last_published.as_micros())
            .execute(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
        let number = self.at.partition + 1;
        partitions::begin(conn, TABLE_SET, number).await?;
        sqlx::query("UPDATE partitions SET first_seq = $3, first_us = $4 WHERE table_set = $1 AND number = $2")
            .bind(TABLE_SET)
            .bind(number)
            .bind(self.at.last_seq + 1)
            .bind(published.as_micros())
            .execute(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
        for sql in dialect::create_log_tables(number) {
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut *conn)
                .await
                .map_err(StoreError::of_statement)?;
        }
        self.at.partition = number;
        self.at.rows = 0;
        Ok(())
    }
}

/// The table of a partition's events.
pub(crate) fn events_table(number: i64) -> String {
    format!("log_events_{number}")
}

/// The table of a partition's targets.
pub(crate) fn targets_table(number: i64) -> String {
    format!("log_targets_{number}")
}

/// The full-text index of a partition.
pub(crate) fn text_table(number: i64) -> String {
    format!("log_text_{number}")
}

fn as_event(row: &Row) -> Option<&LogEvent> {
    match row {
        Row::Log(event) => Some(event),
        _ => None,
    }
}

/// What leads to events of a partition: their targets and their words.
#[derive(Default)]
pub(crate) struct Leads {
    targets: Vec<(String, i64)>,
    texts: Vec<(i64, dialect::Words)>,
}

impl Leads {
    /// Takes those of rows that are written.
    pub(crate) fn take(&mut self, rows: Vec<LogRow<'_>>) {
        for row in rows {
            self.targets.extend(row.targets());
            self.texts.push((row.seq, row.words));
        }
    }

    /// Writes them.
    pub(crate) async fn write(mut self, conn: &mut Connection, partition: i64) -> Result<(), StoreError> {
        // Neighbours in the table, one behind the other.
        self.targets.sort_unstable();
        insert_targets(conn, partition, &self.targets).await?;
        for piece in narrow_pieces(&self.texts) {
            dialect::index_texts(conn, partition, piece).await?;
        }
        Ok(())
    }
}

async fn insert_targets(conn: &mut Connection, partition: i64, targets: &[(String, i64)]) -> Result<(), StoreError> {
    for piece in pieces(targets) {
        let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("INSERT INTO {} (target_id, seq) ", targets_table(partition)));
        sql.push_values(piece, |mut row, (id, seq)| {
            row.push_bind(id).push_bind(*seq);
        });
        sql.push(" ON CONFLICT DO NOTHING");
        run(conn, sql).await?;
    }
    Ok(())
}
