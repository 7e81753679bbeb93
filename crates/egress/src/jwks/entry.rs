//! One owner's place in the cache.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, MutexGuard};
use watchfire_crypto::jwk::{Algorithm, KeySet};
use watchfire_model::time::Timestamp;

use super::{CachedKeys, FreshSet, JwksError, JwksSource};

pub(super) struct Entry {
    url: Box<str>,
    algorithms: Vec<Algorithm>,
    unique_kids: bool,
    used_at: AtomicI64,
    generations: AtomicU64,
    published: ArcSwapOption<Published>,
    // Held while fetching, by those who need the fetch and nobody else.
    flight: Mutex<Flight>,
}

#[derive(Debug)]
struct Published {
    keys: Arc<KeySet>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
    usable_until: Timestamp,
    generation: u64,
}

/// What is remembered from one fetch to the next.
#[derive(Debug, Default)]
pub(super) struct Flight {
    failure: Option<(Timestamp, JwksError)>,
    refetched_at: Option<Timestamp>,
}

impl Entry {
    pub(super) fn new(source: &JwksSource<'_>, now: Timestamp) -> Self {
        Self {
            url: source.url.into(),
            algorithms: source.algorithms.to_vec(),
            unique_kids: source.unique_kids,
            used_at: AtomicI64::new(now.as_micros()),
            generations: AtomicU64::new(0),
            published: ArcSwapOption::empty(),
            flight: Mutex::default(),
        }
    }

    /// A registration that has changed gets a new entry, without the old one's keys.
    pub(super) fn is_for(&self, source: &JwksSource<'_>) -> bool {
        *self.url == *source.url && self.algorithms == source.algorithms && self.unique_kids == source.unique_kids
    }

    pub(super) fn touch(&self, now: Timestamp) {
        self.used_at.store(now.as_micros(), Ordering::Relaxed);
    }

    pub(super) fn used_at(&self) -> i64 {
        self.used_at.load(Ordering::Relaxed)
    }

    pub(super) fn fresh(&self, now: Timestamp) -> Option<CachedKeys> {
        self.usable(now).filter(|keys| !keys.stale)
    }

    pub(super) fn usable(&self, now: Timestamp) -> Option<CachedKeys> {
        let published = self.published.load();
        let published = published.as_ref().filter(|published| now < published.usable_until)?;
        Some(CachedKeys {
            keys: Arc::clone(&published.keys),
            fetched_at: published.fetched_at,
            stale: now >= published.fresh_until,
            generation: published.generation,
        })
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.flight.try_lock().is_err()
    }

    /// Waits for the fetch under way, if there is one, and starts the next.
    pub(super) async fn board(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().await
    }

    pub(super) fn publish(&self, set: FreshSet, now: Timestamp) -> CachedKeys {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let keys = Arc::new(set.keys);
        self.published.store(Some(Arc::new(Published {
            keys: Arc::clone(&keys),
            fetched_at: now,
            fresh_until: set.fresh_until,
            usable_until: set.usable_until,
            generation,
        })));
        CachedKeys {
            keys,
            fetched_at: now,
            stale: false,
            generation,
        }
    }

    /// The owner has no keys any more.
    pub(super) fn retract(&self) {
        self.published.store(None);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Flight {
    pub(super) fn fail(&mut self, error: JwksError, now: Timestamp) {
        self.failure = Some((now, error));
    }

    pub(super) fn recent_failure(&self, now: Timestamp, pause: Duration) -> Option<JwksError> {
        let (failed_at, error) = self.failure.as_ref()?;
        (now < failed_at.plus(pause)).then(|| error.clone())
    }

    /// Takes the turn, whether or not the fetch then succeeds.
    pub(super) fn may_refetch(&mut self, now: Timestamp, pause: Duration) -> bool {
        if self.refetched_at.is_some_and(|last| now < last.plus(pause)) {
            return false;
        }
        self.refetched_at = Some(now);
        true
    }
}
