//! Dedupe keys: table sets that follow each other, so that the cost of a write does not grow with
//! the store and forgetting drops whole tables (architecture section 6).

use fastbloom::BloomFilter;
use sqlx::AssertSqlSafe;
use watchfire_model::{row::DedupeKey, time::Timestamp};

use super::{Connection, dialect, partitions};
use crate::StoreError;

/// The table set's name.
pub(crate) const TABLE_SET: &str = "dedupe";

/// One live partition and, once it is closed, the filter in front of it.
#[derive(Debug)]
struct Partition {
    number: i64,
    rows: i64,
    last_expiry_us: i64,
    closed: Option<BloomFilter>,
}

/// A point in the life of [`Dedupe`] to which a rolled-back transaction returns.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    partitions: usize,
    rows: i64,
    last_expiry_us: i64,
}

/// All live partitions, oldest first; the last one takes the writes.
#[derive(Debug)]
pub(crate) struct Dedupe {
    live: Vec<Partition>,
    /// Dropped in the transaction under way: they are back if it is rolled back.
    forgotten: Vec<Partition>,
    rows_per_partition: i64,
}

impl Dedupe {
    /// Opens the partitions that the store has and builds the filters of the closed ones.
    pub(crate) async fn open(conn: &mut Connection, rows_per_partition: i64) -> Result<Self, StoreError> {
        let mut live = Vec::new();
        for number in partitions::numbers(conn, TABLE_SET).await? {
            let table = table(number);
            let (rows, last_expiry_us): (i64, i64) = sqlx::query_as(AssertSqlSafe(format!(
                "SELECT COUNT(*), COALESCE(MAX(expires_us), 0) FROM {table}"
            )))
            .fetch_one(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
            live.push(Partition {
                number,
                rows,
                last_expiry_us,
                closed: None,
            });
        }
        let mut this = Self {
            live,
            forgotten: Vec::new(),
            rows_per_partition,
        };
        if this.live.is_empty() {
            this.begin_partition(conn).await?;
        }
        let closed = this.live.len().saturating_sub(1);
        for at in 0..closed {
            this.close(conn, at).await?;
        }
        Ok(this)
    }

    /// Whether `key` has been remembered in any live partition.
    pub(crate) async fn seen(&self, conn: &mut Connection, key: DedupeKey) -> Result<bool, StoreError> {
        for partition in self.live.iter().rev() {
            if partition.closed.as_ref().is_some_and(|filter| !filter.contains(&key.0)) {
                continue;
            }
            let sql = format!("SELECT 1 FROM {} WHERE hash = $1", table(partition.number));
            let hit: Option<i32> = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(&key.0[..])
                .fetch_optional(&mut *conn)
                .await
                .map_err(StoreError::of_statement)?;
            if hit.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers `key`. The caller has seen that it is new; the same row once more is no other row, and
    /// the same key with another expiry is refused.
    pub(crate) async fn remember(
        &mut self,
        conn: &mut Connection,
        key: DedupeKey,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        if self.live.last().is_none_or(|p| p.rows >= self.rows_per_partition) {
            self.begin_partition(conn).await?;
            let closed = self.live.len().saturating_sub(2);
            self.close(conn, closed).await?;
        }
        let Some(partition) = self.live.last_mut() else {
            return Ok(());
        };
        let table = table(partition.number);
        let sql = format!(
            "INSERT INTO {table} (hash, expires_us) SELECT $1, $2 \
             WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE hash = $1 AND expires_us = $2)"
        );
        let written = sqlx::query(AssertSqlSafe(sql))
            .bind(&key.0[..])
            .bind(expires_at.as_micros())
            .execute(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?
            .rows_affected();
        partition.rows = partition.rows.saturating_add_unsigned(written);
        partition.last_expiry_us = partition.last_expiry_us.max(expires_at.as_micros());
        Ok(())
    }

    /// Drops closed partitions in which every key has expired.
    pub(crate) async fn forget(&mut self, conn: &mut Connection, now: Timestamp) -> Result<u64, StoreError> {
        let mut dropped = 0;
        while self.live.len() > 1 {
            let Some(oldest) = self.live.first() else { break };
            if oldest.last_expiry_us >= now.as_micros() {
                break;
            }
            partitions::drop(conn, TABLE_SET, oldest.number, &[table(oldest.number)]).await?;
            self.forgotten.push(self.live.remove(0));
            dropped += 1;
        }
        Ok(dropped)
    }

    /// What must be put back when the transaction that follows is rolled back.
    pub(crate) fn mark(&self) -> Mark {
        let last = self.live.last();
        Mark {
            partitions: self.live.len(),
            rows: last.map_or(0, |p| p.rows),
            last_expiry_us: last.map_or(0, |p| p.last_expiry_us),
        }
    }

    /// Goes back to `mark`: what came after it never happened. A partition that was closed since then
    /// takes writes again, so its filter goes.
    pub(crate) fn restore(&mut self, mark: &Mark) {
        self.live.splice(0..0, self.forgotten.drain(..));
        self.live.truncate(mark.partitions);
        if let Some(last) = self.live.last_mut() {
            last.rows = mark.rows;
            last.last_expiry_us = mark.last_expiry_us;
            last.closed = None;
        }
    }

    /// What was forgotten is gone: the transaction is durable.
    pub(crate) fn settle(&mut self) {
        self.forgotten.clear();
    }

    async fn begin_partition(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let number = self.live.last().map_or(1, |p| p.number + 1);
        partitions::begin(conn, TABLE_SET, number).await?;
        sqlx::query(AssertSqlSafe(dialect::create_dedupe_table(&table(number))))
            .execute(conn)
            .await
            .map_err(StoreError::of_statement)?;
        self.live.push(Partition {
            number,
            rows: 0,
            last_expiry_us: 0,
            closed: None,
        });
        Ok(())
    }

    /// Builds the filter of the partition at `at`: from now on most look-ups pass it by.
    async fn close(&mut self, conn: &mut Connection, at: usize) -> Result<(), StoreError> {
        let Some(partition) = self.live.get_mut(at) else {
            return Ok(());
        };
        let rows = usize::try_from(partition.rows).unwrap_or(0).max(1);
        let mut filter = BloomFilter::with_false_pos(0.01).seed(&0).expected_items(rows);
        let hashes: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT hash FROM {}", table(partition.number))))
            .fetch_all(conn)
            .await
            .map_err(StoreError::of_statement)?;
        for hash in hashes {
            if let Ok(hash) = <[u8; 16]>::try_from(hash) {
                filter.insert(&hash);
            }
        }
        partition.closed = Some(filter);
        Ok(())
    }
}

fn table(number: i64) -> String {
    format!("{TABLE_SET}_{number}")
}
