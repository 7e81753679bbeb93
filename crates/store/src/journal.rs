//! The contract of a journal.
//!
//! ```text
//! load(needs) ─> decide ─> append ─> … ─> sync ─> (publish, answer)
//! ```
//!
//! * `load` sees every decision that was appended before, synced or not, applied to the index or not.
//! * `append` takes a decision whole or not at all.
//! * When `sync` has returned, every decision of the group survives a power cut. When it fails, none
//!   of them is acknowledged.
//! * What is synced is in the index at once (inline) or after a while (journals with an apply delay);
//!   [`Journal::applied`] tells.

use std::sync::Arc;

use async_trait::async_trait;
use watchfire_model::{
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::StoreError;

/// The place of a decision in the one order of all decisions.
pub type Seq = u64;

/// Where decisions become durable.
#[async_trait]
pub trait Journal: Send + std::fmt::Debug {
    /// Loads the slice of state that `needs` names.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what it needs cannot be read: the group goes on without this
    /// command. Anything else ends the group: the caller rolls back.
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError>;

    /// Appends a decision to the group.
    ///
    /// # Errors
    /// [`StoreError::Refused`] and [`StoreError::Corrupt`] when the index will not have it: the group
    /// goes on without it. Anything else ends the group: the caller rolls back.
    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError>;

    /// Makes the group durable.
    ///
    /// # Errors
    /// [`StoreError::Refused`] and [`StoreError::Corrupt`] when the index will not have one of its decisions
    /// and only finds out now: nothing of the group is there, and the caller tries its commands one by one.
    /// [`StoreError::Busy`] when it failed before the sync, [`StoreError::SyncUnknown`] when the sync
    /// itself failed.
    async fn sync(&mut self) -> Result<(), StoreError>;

    /// Drops the group: nothing of it happened.
    async fn roll_back(&mut self);

    /// Forgets what expired before `now`, as a group of its own; gives how much that was.
    ///
    /// # Errors
    /// As [`Journal::sync`].
    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError>;

    /// The number of the last decision that reads of the index can see; readers wait for it.
    fn applied(&self) -> tokio::sync::watch::Receiver<Seq>;
}

#[async_trait]
impl<J: Journal + ?Sized> Journal for Box<J> {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        (**self).load(needs).await
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        (**self).append(decision).await
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        (**self).sync().await
    }

    async fn roll_back(&mut self) {
        (**self).roll_back().await;
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        (**self).purge(now).await
    }

    fn applied(&self) -> tokio::sync::watch::Receiver<Seq> {
        (**self).applied()
    }
}
