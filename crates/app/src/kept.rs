//! What a browser is sent away with, until it comes back: to whichever node, once, and in time.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use watchfire_model::time::Timestamp;
use watchfire_store::cluster::{Cluster, SharedKey};

use crate::{App, Error, Result, rate::shared::shared_key, sequencer::ErrorChain};

/// What it is sealed for.
const SEALED_FOR: &str = "kept";
/// Values that are kept in memory, where there is one node; past it the oldest one goes.
const MOST: usize = 20_000;

/// Values by a digest of what they are asked for with, sealed.
#[derive(Debug)]
pub(crate) struct Kept {
    here: Mutex<HashMap<SharedKey, (String, Timestamp)>>,
    cluster: Option<Arc<dyn Cluster>>,
}

impl Kept {
    pub(crate) fn new(cluster: Option<Arc<dyn Cluster>>) -> Self {
        Self {
            here: Mutex::default(),
            cluster,
        }
    }

    async fn keep(&self, key: SharedKey, sealed: String, until: Timestamp, now: Timestamp) -> Result<()> {
        if let Some(cluster) = &self.cluster {
            return Ok(cluster.keep(key, sealed.as_bytes(), until).await?);
        }
        let mut here = self.here.lock();
        if here.len() >= MOST {
            here.retain(|_, (_, until)| now < *until);
        }
        if here.len() >= MOST {
            let oldest = here.iter().min_by_key(|(_, (_, until))| *until).map(|(key, _)| *key);
            oldest.and_then(|key| here.remove(&key));
        }
        here.insert(key, (sealed, until));
        Ok(())
    }

    async fn take(&self, key: SharedKey, now: Timestamp) -> Option<String> {
        let Some(cluster) = &self.cluster else {
            let (sealed, until) = self.here.lock().remove(&key)?;
            return (now < until).then_some(sealed);
        };
        match cluster.take(key, now).await {
            Ok(sealed) => String::from_utf8(sealed?).ok(),
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "what a browser was sent away with could not be read");
                None
            }
        }
    }
}

impl App {
    /// Keeps a value of a kind until `until`, for whoever brings `name`.
    pub(crate) async fn keep<T: Serialize + Sync>(&self, kind: &str, name: &str, value: &T, until: Timestamp) -> Result<()> {
        let json = serde_json::to_vec(value).map_err(Error::internal)?;
        let sealed = self.vault.seal(SEALED_FOR, kind, &json).map_err(Error::internal)?;
        self.kept.keep(shared_key(kind, name), sealed, until, self.clock.now()).await
    }

    /// The value that was kept for `name`, which is gone with it.
    pub(crate) async fn take_kept<T: DeserializeOwned>(&self, kind: &str, name: &str) -> Option<T> {
        let sealed = self.kept.take(shared_key(kind, name), self.clock.now()).await?;
        let json = self.vault.open(SEALED_FOR, kind, &sealed).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_taken_once_and_in_time() {
        let (kept, at) = (Kept::new(None), Timestamp::from_seconds);
        for (time, found) in [(599, true), (600, false)] {
            kept.keep([1; 16], "v".to_owned(), at(600), at(0)).await.unwrap();
            assert_eq!(kept.take([1; 16], at(time)).await.is_some(), found, "{time}");
            assert!(kept.take([1; 16], at(0)).await.is_none(), "it was taken");
        }
        assert!(kept.take([2; 16], at(0)).await.is_none());
    }

    #[tokio::test]
    async fn there_are_only_so_many() {
        let (kept, at) = (Kept::new(None), Timestamp::from_seconds);
        let key = |n: usize| shared_key("k", n);
        for n in 0..=MOST {
            let until = at(600 + i64::try_from(n).unwrap());
            kept.keep(key(n), String::new(), until, at(0)).await.unwrap();
        }
        assert_eq!(kept.here.lock().len(), MOST);
        assert!(kept.take(key(0), at(0)).await.is_none());
        assert!(kept.take(key(1), at(0)).await.is_some());
    }
}
