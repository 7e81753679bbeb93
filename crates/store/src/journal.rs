//! The contract of a journal.
//!
//! ```text
//! begin ─> load(needs) ─> decide ─> append ─> … ─> sync ─> (publish, answer)
//! ```
//!
//! * Where several nodes share a store, `begin` keeps the others from deciding until the `sync` or the roll-back, and
//!   gives what they have decided before. Elsewhere it does nothing.
//! * `load` sees every decision that was appended before, synced or not, applied to the index or not.
//! * `append` takes a decision whole or not at all.
//! * When `sync` has returned, every decision of the group survives a power cut. When it fails, none
//!   of them is acknowledged.
//! * What is synced is in the index at once (inline) or after a while (journals with an apply delay);
//!   [`Journal::applied`] tells.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use watchfire_model::{
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::StoreError;

/// The place of a decision in the one order of all decisions.
pub type Seq = u64;

/// What other nodes have decided since this one looked last. It is durable, and given once.
#[derive(Clone, Debug, Default)]
pub struct Foreign {
    /// In their order. What follows from a body alone, the signals of risk events, is not in it.
    pub decisions: Vec<Decision>,
    /// When the newest log event was published; the clock never goes behind it.
    pub last_published: Timestamp,
}

/// Where decisions become durable.
#[async_trait]
pub trait Journal: Send + std::fmt::Debug {
    /// Begins a group: until it is synced or rolled back no other node decides. Gives what others have decided.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another node is at it for too long, [`StoreError::SyncUnknown`] when too much was
    /// decided without this node: the process must end.
    async fn begin(&mut self) -> Result<Foreign, StoreError> {
        Ok(Foreign::default())
    }

    /// What others have decided, between groups.
    ///
    /// # Errors
    /// As [`Journal::begin`].
    async fn tail(&mut self) -> Result<Foreign, StoreError> {
        Ok(Foreign::default())
    }

    /// Tells that others may have decided something; nothing where nobody else decides.
    fn others(&self) -> Option<Arc<Notify>> {
        None
    }

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
    async fn begin(&mut self) -> Result<Foreign, StoreError> {
        (**self).begin().await
    }

    async fn tail(&mut self) -> Result<Foreign, StoreError> {
        (**self).tail().await
    }

    fn others(&self) -> Option<Arc<Notify>> {
        (**self).others()
    }

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
