//! The tables of an archive: what decisions leave in a store of either dialect.

/// A table, or a set of tables that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Objects,
    Receipts,
    Held,
    Partitions,
    /// A set; a row begins with the number of its partition.
    Dedupe,
    /// A set; a row begins with the number of its partition.
    LogEvents,
}

/// A column, and what its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Integer(&'static str),
    Text(&'static str),
    Bytes(&'static str),
}

impl Column {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Integer(name) | Self::Text(name) | Self::Bytes(name) => name,
        }
    }
}

use Column::{Bytes, Integer, Text};

impl Table {
    /// Every one, in the order of an archive.
    pub(crate) const ALL: [Self; 6] = [
        Self::Objects,
        Self::Receipts,
        Self::Held,
        Self::Partitions,
        Self::Dedupe,
        Self::LogEvents,
    ];

    /// The number in a batch.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Objects => 1,
            Self::Receipts => 2,
            Self::Held => 3,
            Self::Partitions => 4,
            Self::Dedupe => 5,
            Self::LogEvents => 6,
        }
    }

    /// The table with a number.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }

    /// The table's name; of a set what the names of its tables begin with.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Receipts => "receipts",
            Self::Held => "held",
            Self::Partitions => "partitions",
            Self::Dedupe => "dedupe",
            Self::LogEvents => "log_events",
        }
    }

    /// The name of the set in the catalogue of partitions.
    pub(crate) const fn table_set(self) -> Option<&'static str> {
        match self {
            Self::Dedupe => Some("dedupe"),
            Self::LogEvents => Some("log"),
            _ => None,
        }
    }

    /// The columns of each of its tables.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Objects => &[
                Integer("ordinal"),
                Text("kind"),
                Text("id"),
                Text("parent"),
                Text("natural_key"),
                Integer("expires_us"),
                Text("document"),
            ],
            Self::Receipts => &[
                Text("id"),
                Text("kind"),
                Text("provider"),
                Integer("received_us"),
                Integer("expires_us"),
                Text("body"),
                Text("note"),
            ],
            Self::Held => &[Integer("epoch"), Integer("seq"), Text("reason"), Bytes("decision")],
            Self::Partitions => &[
                Text("table_set"),
                Integer("number"),
                Integer("rows_written"),
                Integer("first_seq"),
                Integer("last_seq"),
                Integer("first_us"),
                Integer("last_us"),
            ],
            Self::Dedupe => &[Bytes("hash"), Integer("expires_us")],
            Self::LogEvents => &[
                Integer("seq"),
                Text("uuid"),
                Integer("published_us"),
                Text("event_type"),
                Text("severity"),
                Text("outcome"),
                Text("actor_id"),
                Text("client_ip"),
                Text("transaction_id"),
                Text("receipt_id"),
                Text("detail"),
            ],
        }
    }

    /// One order that both dialects know, whatever the rows were written in.
    pub(crate) const fn order(self) -> &'static str {
        match self {
            Self::Objects => "ordinal, kind, id",
            Self::Receipts => "received_us, id",
            Self::Held => "epoch, seq",
            Self::Partitions => "table_set, number",
            Self::Dedupe => "hash",
            Self::LogEvents => "seq",
        }
    }

    /// Values of a row.
    pub(crate) fn width(self) -> usize {
        let partition = usize::from(self.table_set().is_some());
        self.columns().len().saturating_add(partition)
    }

    /// The names of its columns.
    pub(crate) fn column_names(self) -> Vec<&'static str> {
        self.columns().iter().map(|column| column.name()).collect()
    }
}
