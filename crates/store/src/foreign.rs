//! What other nodes have committed, as a journal that is shared reads it.

use watchfire_model::row::Decision;

/// Which group: its number, and the start of the process that wrote it. Two groups with one place are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: i64,
    pub(crate) epoch: i64,
}

/// A group of another node.
#[derive(Debug)]
pub(crate) struct ForeignGroup {
    pub(crate) place: Place,
    pub(crate) decisions: Vec<Decision>,
    /// Of the decisions as they were written.
    pub(crate) bytes: usize,
    pub(crate) counters: Counters,
    /// Something was removed because its time was over, and the decisions do not say what.
    pub(crate) purged: bool,
}

/// What the group after one goes on counting from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) next_ordinal: i64,
    pub(crate) dedupe: DedupeCounters,
    pub(crate) log: LogCounters,
}

/// The partition that takes the dedupe keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DedupeCounters {
    pub(crate) partition: i64,
    pub(crate) rows: i64,
    pub(crate) last_expiry_us: i64,
}

/// The partition that takes the log events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogCounters {
    pub(crate) partition: i64,
    pub(crate) rows: i64,
    pub(crate) last_seq: i64,
    pub(crate) last_published_us: i64,
}
