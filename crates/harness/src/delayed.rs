//! A journal as the segment journal will be, without its files: what is synced is durable, published
//! and answered at once, and reaches the index after a delay that the test sets.
//!
//! Between the two, slices are made of the index and every decision that it does not have yet.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use watchfire_model::{
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};
use watchfire_store::{
    StoreError,
    journal::{Journal, Seq},
};

/// How far the index is behind. Clones are one handle.
#[derive(Clone, Debug)]
pub struct ApplyDelay {
    /// `None`: nothing is applied.
    delay: Arc<watch::Sender<Option<Duration>>>,
}

impl Default for ApplyDelay {
    fn default() -> Self {
        Self::of(Duration::ZERO)
    }
}

impl ApplyDelay {
    /// A group is applied `delay` after it became durable.
    pub fn of(delay: Duration) -> Self {
        Self {
            delay: Arc::new(watch::Sender::new(Some(delay))),
        }
    }

    /// Nothing is applied until [`release`](Self::release).
    pub fn held() -> Self {
        let this = Self::default();
        this.hold();
        this
    }

    /// From now on nothing is applied.
    pub fn hold(&self) {
        self.delay.send_replace(None);
    }

    /// What waits is applied at once, and so is what comes.
    pub fn release(&self) {
        self.set(Duration::ZERO);
    }

    /// Changes the delay, also of what waits.
    pub fn set(&self, delay: Duration) {
        self.delay.send_replace(Some(delay));
    }

    /// Waits as long as it now takes; a change begins the wait anew.
    async fn pass(&self) {
        let mut watched = self.delay.subscribe();
        loop {
            let delay = *watched.borrow_and_update();
            let waited = async {
                match delay {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = waited => return,
                _ = watched.changed() => {}
            }
        }
    }
}

/// A decision and its number.
type Entry = (Seq, Arc<Decision>);

/// What is durable and not applied: the file of this journal. It outlives the journal.
#[derive(Clone, Debug, Default)]
pub struct DurableLog {
    entries: Arc<Mutex<VecDeque<Entry>>>,
    applier: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl DurableLog {
    /// Waits until the last journal over this log has let go of the index.
    pub(crate) async fn wait_until_closed(&self) {
        let applier = self.applier.lock().take();
        if let Some(applier) = applier {
            let _ = applier.await;
        }
    }

    fn decisions(&self) -> Vec<Arc<Decision>> {
        self.entries.lock().iter().map(|(_, decision)| Arc::clone(decision)).collect()
    }
}

/// The journal, over an inline journal that plays the index.
#[derive(Debug)]
pub struct Delayed<J> {
    shared: Arc<Shared<J>>,
    group: Vec<Entry>,
    next_seq: Seq,
    close: CancellationToken,
}

#[derive(Debug)]
struct Shared<J> {
    index: tokio::sync::Mutex<J>,
    log: DurableLog,
    delay: ApplyDelay,
    work: Notify,
    applied: watch::Sender<Seq>,
}

impl<J: Journal + 'static> Delayed<J> {
    /// Opens the journal: what `log` holds is applied first, as at any start.
    ///
    /// # Errors
    /// When the index does not take it.
    pub async fn open(index: J, log: DurableLog, delay: ApplyDelay) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            index: tokio::sync::Mutex::new(index),
            log,
            delay,
            work: Notify::new(),
            applied: watch::Sender::new(0),
        });
        shared.apply().await?;
        shared.applied.send_replace(0);
        let close = CancellationToken::new();
        let applier = tokio::spawn(Arc::clone(&shared).apply_behind(close.clone()));
        *shared.log.applier.lock() = Some(applier);
        Ok(Self {
            shared,
            group: Vec::new(),
            next_seq: 1,
            close,
        })
    }
}

impl<J> Drop for Delayed<J> {
    fn drop(&mut self) {
        self.close.cancel();
    }
}

impl<J: Journal> Shared<J> {
    async fn apply_behind(self: Arc<Self>, close: CancellationToken) {
        loop {
            let due = async {
                if self.log.entries.lock().is_empty() {
                    self.work.notified().await;
                }
                self.delay.pass().await;
            };
            tokio::select! {
                () = close.cancelled() => return,
                () = due => {}
            }
            // What the index does not take now stays in the log, and the next round tries again.
            if self.apply().await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Applies everything that is durable, as one group of the index.
    async fn apply(&self) -> Result<(), StoreError> {
        let mut index = self.index.lock().await;
        let batch: Vec<Entry> = self.log.entries.lock().iter().cloned().collect();
        let Some((last, _)) = batch.last() else { return Ok(()) };
        for (_, decision) in &batch {
            if let Err(error) = index.append(Arc::clone(decision)).await {
                index.roll_back().await;
                return Err(error);
            }
        }
        index.sync().await?;
        self.log.entries.lock().drain(..batch.len());
        self.applied.send_replace(*last);
        Ok(())
    }
}

impl<J: Journal> Delayed<J> {
    /// Shows whether the index would take `decision`, by writing it there behind all that comes before it,
    /// and taking it back.
    async fn try_out(&self, index: &mut J, decision: &Arc<Decision>) -> Result<(), StoreError> {
        index.load(&[]).await?;
        for before in self.shared.log.decisions() {
            index.append(before).await?;
        }
        for (_, before) in &self.group {
            index.append(Arc::clone(before)).await?;
        }
        index.append(Arc::clone(decision)).await.map(|_| ())
    }
}

#[async_trait]
impl<J: Journal + 'static> Journal for Delayed<J> {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        let mut index = self.shared.index.lock().await;
        let loaded = index.load(needs).await;
        index.roll_back().await;
        let mut slice = loaded?;
        for decision in &self.shared.log.decisions() {
            slice.overlay(needs, decision);
        }
        for (_, decision) in &self.group {
            slice.overlay(needs, decision);
        }
        Ok(slice)
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        let shared = Arc::clone(&self.shared);
        let mut index = shared.index.lock().await;
        let tried = self.try_out(&mut index, &decision).await;
        index.roll_back().await;
        tried?;
        let seq = self.next_seq;
        self.next_seq = self.next_seq.saturating_add(1);
        self.group.push((seq, decision));
        Ok(seq)
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        self.shared.log.entries.lock().extend(self.group.drain(..));
        self.shared.work.notify_one();
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.group.clear();
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.shared.index.lock().await.purge(now).await
    }

    fn applied(&self) -> watch::Receiver<Seq> {
        self.shared.applied.subscribe()
    }
}
