//! The journals that there are, behind one way to open them, so that one suite runs on each.

use std::{collections::BTreeMap, path::Path, path::PathBuf, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use parking_lot::Mutex;
use watchfire_model::time::Timestamp;
use watchfire_store::{index::Index, journal::Journal, settings::Settings, sqlite};

use crate::{
    clock::START,
    delayed::{ApplyDelay, Delayed, DurableLog},
};

/// A way to keep decisions.
#[async_trait]
pub trait Backend: std::fmt::Debug + Send + Sync {
    /// Opens the store in `folder`; whoever had it before has let go of it.
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened>;
}

/// An open store.
pub struct Opened {
    /// Where decisions become durable.
    pub journal: Box<dyn Journal>,
    /// Where they are found again.
    pub index: Arc<dyn Index>,
    /// The number of this start.
    pub epoch: u64,
    /// No decision is dated before this.
    pub last_decision: Timestamp,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// SQLite, inline: a group is a transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

#[async_trait]
impl Backend for Inline {
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened> {
        let store = sqlite::open(folder, settings, START).await?;
        Ok(Opened {
            last_decision: store.journal.last_published(),
            journal: Box::new(store.journal),
            index: Arc::new(store.reader),
            epoch: store.epoch,
        })
    }
}

/// SQLite behind a journal that is durable at once and applied after a delay.
#[derive(Debug, Default)]
pub struct Behind {
    delay: ApplyDelay,
    /// What is durable and not applied when a store is closed waits here, as in a file, for the next start.
    logs: Mutex<BTreeMap<PathBuf, DurableLog>>,
}

impl Behind {
    /// Applies after `delay`.
    pub fn new(delay: ApplyDelay) -> Self {
        Self {
            delay,
            logs: Mutex::default(),
        }
    }
}

#[async_trait]
impl Backend for Behind {
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened> {
        let log = self.logs.lock().entry(folder.to_owned()).or_default().clone();
        log.wait_until_closed().await;
        let store = sqlite::open(folder, settings, START).await?;
        Ok(Opened {
            last_decision: store.journal.last_published(),
            journal: Box::new(Delayed::open(store.journal, log, self.delay.clone()).await?),
            index: Arc::new(store.reader),
            epoch: store.epoch,
        })
    }
}
