//! The journal and the index: where decisions become durable and where they are found again.
//!
//! | module | holds |
//! |---|---|
//! | [`journal`] | the contract of a journal: load, append, sync; and what can go wrong |
//! | [`index`] | what may be read: objects, receipts, counts |
//! | [`archive`] | everything in one form: backups and migrations |
//! | [`bulk`] | many decisions at once, for trials and benchmarks |
//! | [`log`] | pages and positions of the System Log |
//! | [`cluster`] | what several nodes on one store share beside their decisions |
//! | [`disk`] | files of our own, behind a seam |
//! | [`sqlite`] | the embedded store: the inline journal (one transaction a group, `synchronous=FULL`) |
//! | [`line_files`] | files of lines that others collect, and their rotation |
//! | [`segments`] | the files of the segment journal |
//! | [`postgres`] | the same SQL on PostgreSQL, which several nodes read and write |
//!
//! The SQL that both dialects take stands once, in `sql/`, and is compiled twice (ADR 0003).

#![deny(missing_docs)]

pub mod archive;
pub mod bulk;
pub mod cluster;
pub mod disk;
pub mod error;
mod foreign;
pub mod index;
pub mod journal;
pub mod line_files;
pub mod log;
mod log_detail;
mod object_cache;
pub mod postgres;
pub mod segments;
pub mod settings;
pub mod sqlite;
mod words;

pub use error::StoreError;
