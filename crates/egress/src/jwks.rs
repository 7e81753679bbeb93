//! Fetched JWK sets, kept as parsed keys (JWT-05, JWT-06, JWT-08).
//!
//! Verification reads a published set without a lock. Only those who need a fetch wait, for one fetch
//! per owner at a time; a set that is still good is never thrown away for one that could not be had.

mod entry;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use watchfire_crypto::jwk::{Algorithm, KeySet, KeySetError};
use watchfire_model::time::Timestamp;

use self::entry::Entry;
use crate::{
    client::{Egress, FetchError, FetchLimits},
    policy::Purpose,
};

/// How long sets are kept, how often they are fetched, how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwksLimits {
    /// What the fetches are for: the policy's exceptions are by purpose.
    pub purpose: Purpose,
    /// What one fetch may cost.
    pub fetch: FetchLimits,
    /// How long a set is fresh when its answer does not say.
    pub default_age: Duration,
    /// The shortest time that an answer can ask for.
    pub min_age: Duration,
    /// The longest.
    pub max_age: Duration,
    /// How long past its freshness a set is used while it cannot be fetched.
    pub max_stale: Duration,
    /// Between two fetches for keys that the set does not have.
    pub refetch_pause: Duration,
    /// Between a fetch that failed and the next one.
    pub failure_pause: Duration,
    /// Whether a set that has been fetched and has no usable key any more takes the place of the one
    /// before it (JWT-06), or counts as one that could not be had.
    pub empty_replaces: bool,
    /// How many owners' sets are kept; past it, the one that was used the longest ago goes.
    pub max_owners: usize,
}

/// Whose keys, and where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwksSource<'a> {
    /// The client id or issuer that registered `url`: sets are kept by owner, never by a URL out of a
    /// token.
    pub owner: &'a str,
    /// Where the set is.
    pub url: &'a str,
    /// What its keys may be used with (JWT-01).
    pub algorithms: &'a [Algorithm],
    /// Whether every key must have a `kid` of its own (okta.md 1.3.4).
    pub unique_kids: bool,
}

/// A set of keys that has been fetched.
#[derive(Clone, Debug)]
pub struct CachedKeys {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// When they were fetched.
    pub fetched_at: Timestamp,
    /// Whether they are past their time because fetching fails (health is degraded then).
    pub stale: bool,
    generation: u64,
}

/// Why there are no keys. Each variant is a text of okta.md 1.3.4.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JwksError {
    /// The document could not be had.
    #[error("the JWK set could not be fetched")]
    Fetch(#[source] Arc<FetchError>),
    /// The document is no JWK set.
    #[error("the document is not a JWK set")]
    Invalid(#[source] KeySetError),
    /// There is no key in it that could verify anything.
    #[error("the JWK set has no usable key")]
    Empty,
    /// Two keys cannot be told apart.
    #[error("the keys of the JWK set have no unique key ids")]
    DuplicateKid,
}

/// The cache. Shared by reference; every method takes the present instant.
#[derive(Debug)]
pub struct JwksCache {
    egress: Egress,
    limits: JwksLimits,
    entries: Mutex<HashMap<Box<str>, Arc<Entry>>>,
}

impl Default for JwksLimits {
    fn default() -> Self {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        Self {
            purpose: Purpose::Jwks,
            fetch: FetchLimits::JWKS,
            default_age: hour,
            min_age: 5 * minute,
            max_age: 24 * hour,
            max_stale: 24 * hour,
            refetch_pause: minute,
            failure_pause: Duration::from_secs(10),
            empty_replaces: false,
            max_owners: 1000,
        }
    }
}

impl CachedKeys {
    /// Whether `other` is the same fetched set.
    pub fn is_same(&self, other: &Self) -> bool {
        self.generation == other.generation
    }
}

impl JwksCache {
    /// An empty cache that fetches through `egress`.
    pub fn new(egress: Egress, limits: JwksLimits) -> Self {
        Self {
            egress,
            limits,
            entries: Mutex::default(),
        }
    }

    /// The keys of `source`, fetched if there are none that are fresh.
    ///
    /// # Errors
    /// [`JwksError`] if there is no set that may still be used.
    pub async fn keys(&self, source: &JwksSource<'_>, now: Timestamp) -> Result<CachedKeys, JwksError> {
        let entry = self.entry(source, now);
        if let Some(keys) = entry.fresh(now) {
            return Ok(keys);
        }
        // While somebody else fetches, a set past its time is better than waiting for a slow host.
        if entry.is_fetching()
            && let Some(keys) = entry.usable(now)
        {
            return Ok(keys);
        }
        let mut flight = entry.board().await;
        if let Some(keys) = entry.fresh(now) {
            return Ok(keys);
        }
        if let Some(error) = flight.recent_failure(now, self.limits.failure_pause) {
            return entry.usable(now).ok_or(error);
        }
        match self.fetch(source, now).await {
            Ok(fetched) => Ok(entry.publish(fetched, now)),
            Err(error) => {
                tracing::warn!(owner = source.owner, error = ?error, "could not fetch a JWK set");
                flight.fail(error.clone(), now);
                self.retract(&entry, &error);
                entry.usable(now).ok_or(error)
            }
        }
    }

    /// The keys of `source` that may be used now, without a fetch.
    pub fn published(&self, source: &JwksSource<'_>, now: Timestamp) -> Option<CachedKeys> {
        self.entry(source, now).usable(now)
    }

    /// A newer set than `known`, whose keys did not fit a token. It is fetched at most once in a
    /// `refetch_pause`; `None` when there is none.
    pub async fn newer(&self, source: &JwksSource<'_>, known: &CachedKeys, now: Timestamp) -> Option<CachedKeys> {
        let entry = self.entry(source, now);
        let mut flight = entry.board().await;
        if let Some(keys) = entry.fresh(now).filter(|keys| !keys.is_same(known)) {
            return Some(keys);
        }
        if !flight.may_refetch(now, self.limits.refetch_pause) {
            return None;
        }
        match self.fetch(source, now).await {
            Ok(fetched) => Some(entry.publish(fetched, now)),
            Err(error) => {
                tracing::warn!(owner = source.owner, error = ?error, "could not fetch a JWK set again");
                self.retract(&entry, &error);
                None
            }
        }
    }

    /// Forgets what was fetched for `owner`: its registration has changed or is gone.
    pub fn forget(&self, owner: &str) {
        self.entries.lock().remove(owner);
    }

    /// How many owners' sets are kept.
    pub fn owners(&self) -> usize {
        self.entries.lock().len()
    }

    fn retract(&self, entry: &Entry, error: &JwksError) {
        if self.limits.empty_replaces && matches!(error, JwksError::Empty) {
            entry.retract();
        }
    }

    fn entry(&self, source: &JwksSource<'_>, now: Timestamp) -> Arc<Entry> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(source.owner).filter(|entry| entry.is_for(source)) {
            entry.touch(now);
            return Arc::clone(entry);
        }
        while entries.len() >= self.limits.max_owners.max(1) {
            let oldest = entries
                .iter()
                .min_by_key(|(_, entry)| entry.used_at())
                .map(|(owner, _)| owner.clone());
            match oldest {
                Some(owner) => entries.remove(&owner),
                None => break,
            };
        }
        let entry = Arc::new(Entry::new(source, now));
        entries.insert(source.owner.into(), Arc::clone(&entry));
        entry
    }

    async fn fetch(&self, source: &JwksSource<'_>, now: Timestamp) -> Result<FreshSet, JwksError> {
        let fetched = self
            .egress
            .fetch_json(self.limits.purpose, source.url, &self.limits.fetch)
            .await;
        let fetched = fetched.map_err(|error| JwksError::Fetch(Arc::new(error)))?;
        let keys = KeySet::parse(&fetched.value, source.algorithms).map_err(JwksError::Invalid)?;
        for rejected in keys.rejected() {
            tracing::warn!(owner = source.owner, kid = rejected.kid, reason = %rejected.reason, "a key of a JWK set cannot be used");
        }
        if keys.is_empty() {
            return Err(JwksError::Empty);
        }
        if source.unique_kids && !has_unique_kids(&keys) {
            return Err(JwksError::DuplicateKid);
        }
        let age = fetched.max_age.unwrap_or(self.limits.default_age);
        let fresh_until = now.plus(age.clamp(self.limits.min_age, self.limits.max_age));
        Ok(FreshSet {
            keys,
            fresh_until,
            usable_until: fresh_until.plus(self.limits.max_stale),
        })
    }
}

/// A set on its way into the cache.
#[derive(Debug)]
struct FreshSet {
    keys: KeySet,
    fresh_until: Timestamp,
    usable_until: Timestamp,
}

/// A set of one needs no ids.
fn has_unique_kids(keys: &KeySet) -> bool {
    let mut seen = std::collections::HashSet::new();
    keys.keys().len() == 1 || keys.keys().iter().all(|key| key.kid().is_some_and(|kid| seen.insert(kid)))
}
