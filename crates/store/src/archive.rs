//! Everything that a store keeps, in one form for both dialects: what a backup writes, what a restore reads, and what a
//! migration passes from one store to another (ADR 0023).
//!
//! ```text
//! header · rows of objects, of receipts, of what is held, of the partitions, of dedupe keys, of the log · footer
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `table` | the tables, their columns and their order |
//! | `row` | values and batches of rows as bytes |
//! | `piece` | header, batch, footer; sums over tables |
//! | `file` | pieces as a file: each block has a digest over everything before it |
//!
//! What follows from the rows is not in it: the targets and the words of log events. What is of one process or one
//! node is not in it either.

mod error;
mod file;
mod piece;
mod row;
mod table;

use async_trait::async_trait;
use watchfire_model::{object::Object, row::Decision, time::Timestamp};

pub use self::{
    error::ArchiveError,
    file::{ArchiveReader, ArchiveWriter},
    piece::{Footer, Header, Piece, TableSum},
    row::Batch,
};
pub(crate) use self::{
    piece::Sums,
    row::Value,
    table::{Column, Table},
};

/// What takes the pieces of an archive in their order.
#[async_trait]
pub trait Sink: Send {
    /// Takes the next piece.
    ///
    /// # Errors
    /// When it cannot.
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError>;
}

/// A store that is read whole.
#[async_trait]
pub trait Source: Send {
    /// Gives everything to `sink`, as it was at one moment.
    ///
    /// # Errors
    /// When the store or the sink fails.
    async fn export(&mut self, made: Timestamp, sink: &mut dyn Sink) -> Result<(), ArchiveError>;
}

/// A store that is being filled, and that nobody sees before it is whole. What is taken is kept batch by batch: after an
/// interruption the same pieces go on behind the last batch that is there.
#[async_trait]
pub trait Target: Sink {
    /// Reads back what was written and compares it with the end of the archive.
    ///
    /// # Errors
    /// [`ArchiveError::Differs`].
    async fn verify(&mut self) -> Result<(), ArchiveError>;

    /// Every object of a kind under `parent`, or of the kind.
    ///
    /// # Errors
    /// When the store fails.
    async fn objects(&mut self, kind: watchfire_model::object::Kind, parent: Option<&str>) -> Result<Vec<Object>, ArchiveError>;

    /// When the newest event of the log was published.
    ///
    /// # Errors
    /// When the store fails.
    async fn last_published(&mut self) -> Result<Timestamp, ArchiveError>;

    /// Writes a decision of this start over what was taken.
    ///
    /// # Errors
    /// When the store fails.
    async fn write(&mut self, decision: &Decision) -> Result<(), ArchiveError>;

    /// Makes the store one that a server can be started on. Its next start has a number above `epoch`.
    ///
    /// # Errors
    /// When the store fails; then nothing is to be seen of it.
    async fn publish(self: Box<Self>, epoch: u64, now: Timestamp) -> Result<(), ArchiveError>;
}
