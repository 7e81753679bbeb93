//! The keys that SETs are verified with (JWT-05, JWT-06; clients.md 9).
//!
//! One vendor's slow, huge or broken key set is that vendor's trouble alone: each has its own fetch,
//! which nobody else waits for; keys that are known are used while a fetch hangs; and only so many
//! requests of one vendor wait for a fetch at one time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use watchfire_crypto::jwk::{Algorithm, KeySet};
use watchfire_egress::{CachedKeys, Egress, FetchLimits, JwksCache, JwksError, JwksSource, jwks::JwksLimits};
use watchfire_model::{id::SecurityEventsProviderId, object::SecurityEventsProvider, time::Timestamp};

use super::transmitter_metadata::sentence;
use crate::App;

/// Sets that are kept; there are no more providers than this.
const MAX_SETS: usize = watchfire_domain::security_events_provider::MAX_SECURITY_EVENTS_PROVIDERS;

/// How the keys of security events providers are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventKeyLimits {
    /// Time that a fetch may take.
    pub fetch: Duration,
    /// Between two fetches for keys that a set does not have (JWT-05).
    pub pause: Duration,
    /// How long a SET waits for a fresh set while there is one past its time that may still be used.
    pub patience: Duration,
    /// Requests that wait for one provider's keys at one time.
    pub waiting: usize,
}

impl Default for EventKeyLimits {
    fn default() -> Self {
        Self {
            fetch: FetchLimits::EVENT_KEYS.total,
            pause: Duration::from_secs(30),
            patience: Duration::from_secs(1),
            waiting: 256,
        }
    }
}

/// A provider's keys as they are now.
#[derive(Clone, Debug)]
pub struct ProviderKeys {
    cached: CachedKeys,
    usable: Arc<KeySet>,
}

impl ProviderKeys {
    fn new(cached: CachedKeys, provider: &SecurityEventsProvider) -> Self {
        let revoked = &provider.profile.revoked_keys;
        let usable = if revoked.is_empty() {
            Arc::clone(&cached.keys)
        } else {
            Arc::new(cached.keys.without(revoked))
        };
        Self { cached, usable }
    }

    /// The keys, without those that an administrator has revoked. There may be none left.
    pub fn keys(&self) -> &KeySet {
        &self.usable
    }

    /// When they were fetched.
    pub const fn fetched_at(&self) -> Timestamp {
        self.cached.fetched_at
    }

    /// Whether they are past their time because fetching fails.
    pub const fn is_stale(&self) -> bool {
        self.cached.stale
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum NoEventKeys {
    /// They could not be had, and none that are known may still be used.
    #[error("the provider's keys could not be fetched")]
    Unavailable(#[source] JwksError),
    /// Too many of the provider's requests wait for them already.
    #[error("too many requests wait for the provider's keys")]
    Busy,
}

impl NoEventKeys {
    /// One sentence for an administrator.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Unavailable(JwksError::Fetch(error)) => sentence(error),
            Self::Unavailable(error) => error.to_string(),
            Self::Busy => self.to_string(),
        }
    }
}

/// The cache of key sets, by provider.
#[derive(Debug)]
pub(crate) struct EventKeys {
    cache: Arc<JwksCache>,
    limits: EventKeyLimits,
    turns: Mutex<HashMap<SecurityEventsProviderId, Arc<Semaphore>>>,
}

impl EventKeys {
    pub(crate) fn new(egress: Egress, limits: EventKeyLimits) -> Self {
        let of_cache = JwksLimits {
            fetch: FetchLimits {
                total: limits.fetch,
                ..FetchLimits::EVENT_KEYS
            },
            refetch_pause: limits.pause,
            empty_replaces: true,
            max_owners: MAX_SETS,
            ..JwksLimits::default()
        };
        Self {
            cache: Arc::new(JwksCache::new(egress, of_cache)),
            limits,
            turns: Mutex::default(),
        }
    }

    /// Forgets what belongs to a provider that has changed or is gone.
    pub(crate) fn forget(&self, provider: &SecurityEventsProviderId) {
        self.turns.lock().remove(provider);
        self.cache.forget(provider.as_str());
    }

    async fn current(&self, provider: &SecurityEventsProvider, now: Timestamp) -> Result<CachedKeys, NoEventKeys> {
        let owned = OwnedSource::of(provider);
        let Some(known) = self.cache.published(&owned.borrow(), now) else {
            let _turn = self.turn(provider)?;
            return landed(self.fetch(owned, now)).await;
        };
        if !known.stale {
            return Ok(known);
        }
        // The fetch goes on by itself; the next SET finds what it has brought.
        match tokio::time::timeout(self.limits.patience, landed(self.fetch(owned, now))).await {
            Ok(Ok(fetched)) => Ok(fetched),
            Ok(Err(_)) | Err(_) => Ok(known),
        }
    }

    async fn newer(&self, provider: &SecurityEventsProvider, known: &CachedKeys, now: Timestamp) -> Option<CachedKeys> {
        let _turn = self.turn(provider).ok()?;
        let (cache, owned, known) = (Arc::clone(&self.cache), OwnedSource::of(provider), known.clone());
        let flight = tokio::spawn(async move { cache.newer(&owned.borrow(), &known, now).await });
        flight.await.ok().flatten()
    }

    /// A task of its own: it ends well when the one who asked has gone.
    fn fetch(&self, owned: OwnedSource, now: Timestamp) -> JoinHandle<Result<CachedKeys, JwksError>> {
        let cache = Arc::clone(&self.cache);
        tokio::spawn(async move { cache.keys(&owned.borrow(), now).await })
    }

    fn turn(&self, provider: &SecurityEventsProvider) -> Result<OwnedSemaphorePermit, NoEventKeys> {
        let mut turns = self.turns.lock();
        let turn = turns
            .entry(provider.id.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.limits.waiting.max(1))));
        Arc::clone(turn).try_acquire_owned().map_err(|_| NoEventKeys::Busy)
    }
}

async fn landed(flight: JoinHandle<Result<CachedKeys, JwksError>>) -> Result<CachedKeys, NoEventKeys> {
    match flight.await {
        Ok(fetched) => fetched.map_err(NoEventKeys::Unavailable),
        // It panicked, or the process ends.
        Err(_) => Err(NoEventKeys::Busy),
    }
}

/// What a fetch needs to know of a provider.
struct OwnedSource {
    owner: String,
    url: String,
    algorithms: Vec<Algorithm>,
}

impl OwnedSource {
    fn of(provider: &SecurityEventsProvider) -> Self {
        let named = provider.profile.algorithms.iter();
        Self {
            owner: provider.id.to_string(),
            url: provider.jwks_url.clone(),
            algorithms: named.filter_map(|name| Algorithm::from_name(name)).collect(),
        }
    }

    fn borrow(&self) -> JwksSource<'_> {
        JwksSource {
            owner: &self.owner,
            url: &self.url,
            algorithms: &self.algorithms,
            unique_kids: false,
        }
    }
}

impl App {
    /// The keys that this provider's tokens are verified with.
    ///
    /// # Errors
    /// [`NoEventKeys`].
    pub async fn event_keys(&self, provider: &SecurityEventsProvider) -> Result<ProviderKeys, NoEventKeys> {
        let cached = self.event_keys.current(provider, self.clock.now()).await?;
        Ok(ProviderKeys::new(cached, provider))
    }

    /// Newer keys than `known`, which had none for a token's `kid`; fetched at most once in a pause.
    pub async fn newer_event_keys(&self, provider: &SecurityEventsProvider, known: &ProviderKeys) -> Option<ProviderKeys> {
        let newer = self.event_keys.newer(provider, &known.cached, self.clock.now()).await?;
        Some(ProviderKeys::new(newer, provider))
    }
}
