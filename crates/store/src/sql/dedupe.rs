//! Dedupe keys: table sets that follow each other, so that the cost of a write does not grow with
//! the store and forgetting drops whole tables (architecture section 6).

use fastbloom::BloomFilter;
use sqlx::{AssertSqlSafe, QueryBuilder};
use watchfire_model::{row::DedupeKey, time::Timestamp};

use super::{
    Connection, Db, dialect,
    known::Keys,
    many_rows::{narrow_pieces, run},
    partitions,
};
use crate::{StoreError, foreign::DedupeCounters};

/// The table set's name.
pub(crate) const TABLE_SET: &str = "dedupe";

/// One live partition and the filter in front of it. The filter grows with the partition, so that no
/// write ever waits for one to be built; it may know keys of transactions that were rolled back, which
/// costs a look-up and nothing else.
#[derive(Debug)]
struct Partition {
    number: i64,
    rows: i64,
    last_expiry_us: i64,
    filter: BloomFilter,
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
    /// Opens the partitions that the store has and builds their filters.
    pub(crate) async fn open(conn: &mut Connection, rows_per_partition: i64) -> Result<Self, StoreError> {
        let mut this = Self {
            live: Vec::new(),
            forgotten: Vec::new(),
            rows_per_partition,
        };
        for number in partitions::numbers(conn, TABLE_SET).await? {
            let mut partition = this.partition(number);
            partition.read(conn).await?;
            this.live.push(partition);
        }
        if this.live.is_empty() {
            this.begin_partition(conn).await?;
        }
        Ok(this)
    }

    fn partition(&self, number: i64) -> Partition {
        Partition {
            number,
            rows: 0,
            last_expiry_us: 0,
            filter: filter(self.rows_per_partition),
        }
    }

    /// The filters in front of the live partitions, oldest first.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &BloomFilter> {
        self.live.iter().map(|partition| &partition.filter)
    }

    /// The numbers of the live partitions, oldest first.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.live.iter().map(|partition| partition.number).collect()
    }

    /// Remembers keys. The caller has seen that they are new.
    pub(crate) async fn remember(&mut self, conn: &mut Connection, keys: &[(DedupeKey, Timestamp)]) -> Result<(), StoreError> {
        let mut rest = keys;
        while !rest.is_empty() {
            if self.live.last().is_none_or(|p| p.rows >= self.rows_per_partition) {
                self.begin_partition(conn).await?;
            }
            let Some(partition) = self.live.last_mut() else {
                return Ok(());
            };
            let room = usize::try_from(self.rows_per_partition.saturating_sub(partition.rows)).unwrap_or(0);
            let (now, later) = rest.split_at(room.max(1).min(rest.len()));
            partition.remember(conn, now).await?;
            rest = later;
        }
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

    /// Goes back to `mark`: what came after it never happened.
    pub(crate) fn restore(&mut self, mark: &Mark) {
        self.live.splice(0..0, self.forgotten.drain(..));
        self.live.truncate(mark.partitions);
        if let Some(last) = self.live.last_mut() {
            last.rows = mark.rows;
            last.last_expiry_us = mark.last_expiry_us;
        }
    }

    /// What was forgotten is gone: the transaction is durable.
    pub(crate) fn settle(&mut self) {
        self.forgotten.clear();
    }

    /// What the next write goes on counting from.
    pub(crate) fn counters(&self) -> DedupeCounters {
        self.live.last().map_or_else(DedupeCounters::default, |last| DedupeCounters {
            partition: last.number,
            rows: last.rows,
            last_expiry_us: last.last_expiry_us,
        })
    }

    /// Another node has written `keys`, and it goes on counting from `counters`. They may be in every partition from
    /// the one that was the last until then: a filter that knows too much costs a look-up and nothing else.
    pub(crate) fn learn(&mut self, keys: &[(DedupeKey, Timestamp)], counters: DedupeCounters) {
        let last = self.live.last().map_or(0, |partition| partition.number);
        for number in last.saturating_add(1)..=counters.partition {
            let partition = self.partition(number);
            self.live.push(partition);
        }
        let from = last.min(counters.partition);
        for partition in self.live.iter_mut().filter(|partition| partition.number >= from) {
            for (key, expires_at) in keys {
                partition.filter.insert(&key.0);
                partition.last_expiry_us = partition.last_expiry_us.max(expires_at.as_micros());
            }
            if partition.number == counters.partition {
                partition.rows = counters.rows;
                partition.last_expiry_us = counters.last_expiry_us;
            }
        }
    }

    /// Another node has dropped partitions: only those that the store still has are looked at.
    pub(crate) async fn look_again(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let numbers = partitions::numbers(conn, TABLE_SET).await?;
        self.live.retain(|partition| numbers.contains(&partition.number));
        Ok(())
    }

    async fn begin_partition(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let number = self.live.last().map_or(1, |p| p.number + 1);
        partitions::begin(conn, TABLE_SET, number).await?;
        sqlx::query(AssertSqlSafe(dialect::create_dedupe_table(&table(number))))
            .execute(conn)
            .await
            .map_err(StoreError::of_statement)?;
        self.live.push(self.partition(number));
        Ok(())
    }
}

impl Keys for Dedupe {
    async fn expiry_of(&self, conn: &mut Connection, key: DedupeKey) -> Result<Option<Timestamp>, StoreError> {
        for partition in self.live.iter().rev().filter(|it| it.filter.contains(&key.0)) {
            let found = look_up(conn, partition.number, key).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Until when `key` is remembered in one partition.
pub(crate) async fn look_up(conn: &mut Connection, partition: i64, key: DedupeKey) -> Result<Option<Timestamp>, StoreError> {
    let sql = format!("SELECT expires_us FROM {} WHERE hash = $1", table(partition));
    let found: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(&key.0[..])
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)?;
    Ok(found.map(Timestamp::from_micros))
}

/// An empty filter for so many keys.
pub(crate) fn filter(rows: i64) -> BloomFilter {
    let expected = usize::try_from(rows).unwrap_or(0).max(1);
    BloomFilter::with_false_pos(0.01).seed(&0).expected_items(expected)
}

impl Partition {
    async fn remember(&mut self, conn: &mut Connection, keys: &[(DedupeKey, Timestamp)]) -> Result<(), StoreError> {
        // The table is in the order of its hashes.
        let mut keys = keys.to_vec();
        keys.sort_unstable_by_key(|(key, _)| key.0);
        for piece in narrow_pieces(&keys) {
            let into = table(self.number);
            let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("{} INTO {into} (hash, expires_us) ", dialect::INSERT));
            sql.push_values(piece, |mut row, (key, expires_at)| {
                row.push_bind(&key.0[..]).push_bind(expires_at.as_micros());
            });
            let written = run(conn, sql).await?;
            self.rows = self.rows.saturating_add_unsigned(written);
            for (key, expires_at) in piece {
                self.filter.insert(&key.0);
                self.last_expiry_us = self.last_expiry_us.max(expires_at.as_micros());
            }
        }
        Ok(())
    }

    /// Reads what the store has of it.
    async fn read(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        let sql = format!("SELECT hash, expires_us FROM {}", table(self.number));
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(conn)
            .await
            .map_err(StoreError::of_statement)?;
        for (hash, expires_us) in rows {
            if let Ok(hash) = <[u8; 16]>::try_from(hash) {
                self.filter.insert(&hash);
            }
            self.rows = self.rows.saturating_add(1);
            self.last_expiry_us = self.last_expiry_us.max(expires_us);
        }
        Ok(())
    }
}

fn table(number: i64) -> String {
    format!("{TABLE_SET}_{number}")
}
