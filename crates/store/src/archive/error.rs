//! What can be wrong with an archive, or with where it is to go.

use std::io;

use super::piece::FORMAT;
use crate::StoreError;

/// Why an archive cannot be made, read or taken.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file.
    #[error("the archive cannot be read or written")]
    Io(#[source] io::Error),
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Something else altogether.
    #[error("this is no archive of Watchfire's")]
    NotAnArchive,
    /// Made by a newer version.
    #[error("the archive has format {found}, and this version of Watchfire reads {FORMAT}")]
    Format {
        /// What it says.
        found: u32,
    },
    /// Its tables are not those of this version.
    #[error(
        "the archive was made by Watchfire {version}, whose tables are others: restore it with that version, and upgrade then"
    )]
    Shape {
        /// Who made it.
        version: String,
    },
    /// The file is shorter than it was.
    #[error("the archive ends in the middle of block {block}: it was cut off")]
    Truncated {
        /// Which block, counted from 0.
        block: u64,
    },
    /// A block is not what was written.
    #[error("block {block} of the archive is damaged")]
    Damaged {
        /// Which block, counted from 0.
        block: u64,
    },
    /// There is more than was written.
    #[error("there is something behind the end of the archive")]
    Trailing,
    /// The end does not go with what came before it.
    #[error("the archive's rows of {table} are not those that its end speaks of")]
    Totals {
        /// Of which table.
        table: String,
    },
    /// What was written is not what was read.
    #[error("what was written differs from the archive in {table}")]
    Differs {
        /// In which table.
        table: String,
    },
    /// There is a store where one should be made.
    #[error("{place} holds a store already; it is left as it is")]
    Occupied {
        /// Where.
        place: String,
    },
    /// What was begun was begun from something else.
    #[error("what was begun in {place} is of another source, or the source has changed since: remove it and begin again")]
    OtherSource {
        /// Where.
        place: String,
    },
    /// A server has the store.
    #[error("a server has {place}: stop it first")]
    InUse {
        /// What.
        place: String,
    },
    /// The store was written by another version.
    #[error("the store has schema {found}, and this version of Watchfire knows {known}: use the version that runs on it")]
    Schema {
        /// What it has.
        found: i64,
        /// What is known.
        known: i64,
    },
    /// Decisions that an index has refused have no place in the other store.
    #[error(
        "the store holds decisions aside that its index refused, and PostgreSQL has no place for them: they are a defect to be mended first"
    )]
    Held,
    /// The index of a running server does not come after its journal.
    #[error("the index of the server does not catch up with its journal")]
    Behind,
    /// There is no store.
    #[error("there is no store in {place}")]
    Nothing {
        /// Where.
        place: String,
    },
}

impl From<sqlx::Error> for ArchiveError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::of_statement(error))
    }
}
