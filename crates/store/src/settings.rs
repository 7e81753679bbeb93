//! The store's named limits.

use std::{str::FromStr, sync::Arc, time::Duration};

use crate::{
    disk::{Disk, RealDisk},
    segments::SegmentSizes,
};

/// Where the embedded store makes decisions durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalKind {
    /// In a transaction of the index.
    Inline,
    /// In files in front of the index, which follows.
    Segments,
}

/// The name is none of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be segments or inline")]
pub struct UnknownJournal;

impl FromStr for JournalKind {
    type Err = UnknownJournal;

    fn from_str(name: &str) -> Result<Self, UnknownJournal> {
        match name {
            "inline" => Ok(Self::Inline),
            "segments" => Ok(Self::Segments),
            _ => Err(UnknownJournal),
        }
    }
}

/// Limits of a store. Every one has a default that suits one machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections that only read.
    pub readers: u32,
    /// How long a statement waits for a lock before the store is [`Busy`](crate::StoreError::Busy).
    pub busy_timeout: Duration,
    /// How long a statement may take on PostgreSQL.
    pub statement_timeout: Duration,
    /// How long a node on PostgreSQL may do nothing in the middle of a group before the server takes its turn away.
    pub idle_in_group: Duration,
    /// How long a node on PostgreSQL is kept in mind that gives no sign of life.
    pub node_timeout: Duration,
    /// Groups that are kept on PostgreSQL for nodes that have not read them yet; a node that is further behind
    /// starts anew.
    pub kept_groups: u32,
    /// Dedupe keys in one partition before the next one is begun.
    pub dedupe_partition_rows: i64,
    /// Log events in one partition before the next one is begun.
    pub log_partition_rows: i64,
    /// How long log events are kept; a partition goes when its newest event is older.
    pub log_retention: Duration,
    /// Rows that a log query looks at one by one, where SQL cannot say the filter, before it answers
    /// with the page that it has.
    pub log_rows_looked_at: usize,
    /// Rows that a log query reads through, where no index leads to those that it asks for, before it
    /// answers with the page that it has.
    pub log_rows_read_through: i64,
    /// How long a log query may take.
    pub log_query_timeout: Duration,
    /// Answers about objects that the journal keeps in memory; past it they are looked up again.
    pub cached_answers: usize,
    /// Bytes of the documents of these objects, as they are stored; in memory they take a few times that.
    pub cached_bytes: usize,
    /// Bytes of pages that a connection to the embedded store keeps; they are used when they are needed.
    pub page_cache_bytes: usize,
    /// Bytes of SQLite's write-ahead log after which its pages are copied back.
    pub write_ahead_bytes: usize,
    /// Where the embedded store makes decisions durable.
    pub journal: JournalKind,
    /// Sizes of the segment journal's files.
    pub segments: SegmentSizes,
    /// Where these files are.
    pub disk: Arc<dyn Disk>,
    /// Bytes in segments that are not in the index; past it commands wait for it, and then are sent away.
    pub backlog_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(60),
            idle_in_group: Duration::from_secs(2),
            node_timeout: Duration::from_secs(60),
            kept_groups: 100_000,
            dedupe_partition_rows: 1_000_000,
            log_partition_rows: 1_000_000,
            log_retention: watchfire_model::log::RETENTION,
            log_rows_looked_at: 50_000,
            log_rows_read_through: 250_000,
            log_query_timeout: Duration::from_secs(30),
            cached_answers: 65_536,
            cached_bytes: 32 * 1_024 * 1_024,
            page_cache_bytes: 32 * 1_024 * 1_024,
            write_ahead_bytes: 16 * 1_024 * 1_024,
            journal: JournalKind::Segments,
            segments: SegmentSizes {
                first: 256 * 1_024,
                most: 8 * 1_024 * 1_024,
            },
            disk: Arc::new(RealDisk),
            backlog_bytes: 8 * 1_024 * 1_024,
        }
    }
}
