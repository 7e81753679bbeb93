//! What the nodes on one database have in common beside their decisions: counts of calls, leases, and values that
//! one has kept and another takes. None of it is a decision: losing it costs a repeated step.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use watchfire_model::time::Timestamp;

use crate::{StoreError, index::Index};

/// What belongs to a store that several nodes work on at a time.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The index at one point of the one order of decisions, and what the journal gives from then on follows it. For the start; whoever has
    /// loaded what it needs lets go of it.
    pub loading: Arc<dyn Index>,
    /// What they share.
    pub cluster: Arc<dyn Cluster>,
}

/// The name under which something is counted or kept: a digest.
pub type SharedKey = [u8; 16];

/// Calls under one key.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// Whose.
    pub key: SharedKey,
    /// How many.
    pub calls: u32,
    /// How long a window is. It begins with the first call in it.
    pub window: Duration,
    /// Each call makes it end so long after itself.
    pub slides: bool,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whose.
    pub key: SharedKey,
    /// When the window began.
    pub started_at: Timestamp,
    /// Calls in it, with those that were just counted.
    pub calls: u64,
}

/// What the nodes share.
#[async_trait]
pub trait Cluster: Send + Sync + std::fmt::Debug {
    /// Counts calls; each key may be there once. They come back in any order.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn count(&self, calls: &[Calls], now: Timestamp) -> Result<Vec<Counted>, StoreError>;

    /// Forgets the calls of a key.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn forget(&self, key: SharedKey) -> Result<(), StoreError>;

    /// Takes the lease of some work, or keeps it, for so long from now; false when another node has it.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn hold(&self, name: &str, hold_for: Duration) -> Result<bool, StoreError>;

    /// Lets go of a lease that this node has.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn let_go(&self, name: &str) -> Result<(), StoreError>;

    /// Keeps a value for whichever node takes it first.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn keep(&self, key: SharedKey, value: &[u8], until: Timestamp) -> Result<(), StoreError>;

    /// Takes a value: whoever gets it is the only one.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn take(&self, key: SharedKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Forgets windows and values that ended before `now`.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn forget_ended(&self, now: Timestamp) -> Result<(), StoreError>;
}
