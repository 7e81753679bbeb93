//! The pieces of an archive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchfire_crypto::digest::{Sha256, hex};
use watchfire_model::time::Timestamp;

use super::{ArchiveError, row::Batch, table::Table};

/// The form that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// A piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The first one.
    Header(Header),
    /// Rows.
    Batch(Batch),
    /// The last one.
    Footer(Footer),
}

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The form of the archive.
    pub format: u32,
    /// The version of Watchfire that made it.
    pub version: String,
    /// The moment whose state it is.
    pub made: Timestamp,
    /// `sqlite` or `postgres`.
    pub store: String,
    /// The newest start of the store.
    pub epoch: u64,
    /// The name of the key under which its secrets are sealed, where there is one.
    pub key: Option<String>,
    /// How many rows follow.
    pub rows: u64,
    /// The columns of its tables.
    pub tables: BTreeMap<String, Vec<String>>,
}

impl Header {
    /// The tables as this version has them.
    pub(crate) fn own_tables() -> BTreeMap<String, Vec<String>> {
        let names = |table: Table| table.column_names().into_iter().map(str::to_owned).collect();
        Table::ALL
            .into_iter()
            .map(|table| (table.name().to_owned(), names(table)))
            .collect()
    }

    pub(crate) const fn current_format() -> u32 {
        FORMAT
    }

    pub(super) fn check(&self) -> Result<(), ArchiveError> {
        if self.format != FORMAT {
            return Err(ArchiveError::Format { found: self.format });
        }
        if self.tables != Self::own_tables() {
            return Err(ArchiveError::Shape {
                version: self.version.clone(),
            });
        }
        Ok(())
    }
}

/// What must have come before the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Footer {
    /// Batches.
    pub batches: u64,
    /// What they come to, by table.
    pub tables: BTreeMap<String, TableSum>,
}

impl Footer {
    /// The first table of which `other` has something else.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differs = |table: &&Table| self.tables.get(table.name()) != other.tables.get(table.name());
        Table::ALL.iter().find(differs).map(|table| table.name().to_owned())
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|sum| sum.rows).sum()
    }
}

/// A table in one number and one digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over them, in the table's order.
    pub sha256: String,
}

/// The sums while they are made.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    batches: u64,
    tables: BTreeMap<Table, (u64, Sha256)>,
}

impl Sums {
    pub(crate) fn take(&mut self, batch: &Batch) {
        self.batches = self.batches.saturating_add(1);
        let (rows, digest) = self.tables.entry(batch.table).or_default();
        *rows = rows.saturating_add(u64::from(batch.count));
        digest.update(&batch.bytes);
    }

    pub(crate) fn footer(&self) -> Footer {
        let sum = |table: &Table| {
            let (rows, digest) = self.tables.get(table).cloned().unwrap_or_default();
            TableSum {
                rows,
                sha256: hex(digest.finish()),
            }
        };
        Footer {
            batches: self.batches,
            tables: Table::ALL.iter().map(|table| (table.name().to_owned(), sum(table))).collect(),
        }
    }
}
