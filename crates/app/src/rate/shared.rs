//! Windows that all nodes count in together. What comes while a count is under way is counted at once by the next one: a
//! busy key costs a statement a round trip, whatever comes.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use watchfire_crypto::digest::sha256_of;
use watchfire_model::time::Timestamp;
use watchfire_store::cluster::{Calls, Cluster, SharedKey};

use crate::sequencer::ErrorChain;

/// Calls that may wait to be counted; past it they are counted on this node alone.
const QUEUE: usize = 4_096;
/// Calls that are counted at one time.
const AT_ONCE: usize = 1_024;
/// How long one waits for its count; past it, it is counted on this node alone.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often ended windows are removed.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// A call in its window: when that began, and the how many-th it is.
pub(crate) type Place = (Timestamp, u64);

/// Counts calls together with other nodes.
#[derive(Clone, Debug)]
pub(crate) struct SharedCounts {
    queue: mpsc::Sender<Ask>,
    cluster: Arc<dyn Cluster>,
}

#[derive(Debug)]
struct Ask {
    key: SharedKey,
    window: Duration,
    slides: bool,
    now: Timestamp,
    answer: oneshot::Sender<Place>,
}

/// What a call is counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) length: Duration,
    /// Each call makes it end later.
    pub(crate) slides: bool,
}

impl SharedCounts {
    /// Starts counting; it ends with the last handle.
    pub(crate) fn start(cluster: Arc<dyn Cluster>) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE);
        tokio::spawn(count_all(asked, Arc::clone(&cluster)));
        Self { queue, cluster }
    }

    /// Counts a call; nothing when the others cannot be asked.
    pub(crate) async fn count(&self, key: SharedKey, window: Window, now: Timestamp) -> Option<Place> {
        let (answer, counted) = oneshot::channel();
        let ask = Ask {
            key,
            window: window.length,
            slides: window.slides,
            now,
            answer,
        };
        self.queue.try_send(ask).ok()?;
        tokio::time::timeout(PATIENCE, counted).await.ok()?.ok()
    }

    /// Forgets the calls of a key.
    pub(crate) async fn forget(&self, key: SharedKey) {
        if let Err(error) = self.cluster.forget(key).await {
            tracing::debug!(error = %ErrorChain(&error), "a count could not be forgotten");
        }
    }
}

/// What `key` is counted under, the same on every node. Only a digest is kept: names are as long as an attacker likes.
pub(crate) fn shared_key(of: &str, key: impl Hash) -> SharedKey {
    #[derive(Default)]
    struct Gathered(Vec<u8>);
    impl Hasher for Gathered {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }
    let mut gathered = Gathered::default();
    key.hash(&mut gathered);
    let digest = sha256_of(&[of.as_bytes(), &[0], &gathered.0]);
    let mut short = SharedKey::default();
    short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    short
}

async fn count_all(mut asked: mpsc::Receiver<Ask>, cluster: Arc<dyn Cluster>) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    let mut forget = tokio::time::interval(FORGET_EVERY);
    forget.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut latest = Timestamp::default();
    loop {
        tokio::select! {
            taken = asked.recv_many(&mut batch, AT_ONCE) => {
                if taken == 0 {
                    return;
                }
                let batch = std::mem::take(&mut batch);
                latest = batch.iter().map(|ask| ask.now).max().unwrap_or(latest);
                count_batch(batch, &*cluster, latest).await;
            }
            _ = forget.tick(), if latest > Timestamp::default() => {
                if let Err(error) = cluster.forget_ended(latest).await {
                    tracing::debug!(error = %ErrorChain(&error), "ended windows could not be removed");
                }
            }
        }
    }
}

/// Whoever gets no answer counts for itself.
async fn count_batch(batch: Vec<Ask>, cluster: &dyn Cluster, now: Timestamp) {
    let mut by_key: BTreeMap<SharedKey, (Calls, Vec<oneshot::Sender<Place>>)> = BTreeMap::new();
    for ask in batch {
        let calls = Calls {
            key: ask.key,
            calls: 0,
            window: ask.window,
            slides: ask.slides,
        };
        let (calls, waiting) = by_key.entry(ask.key).or_insert_with(|| (calls, Vec::new()));
        calls.calls = calls.calls.saturating_add(1);
        waiting.push(ask.answer);
    }
    let calls: Vec<Calls> = by_key.values().map(|(calls, _)| *calls).collect();
    match cluster.count(&calls, now).await {
        Ok(counted) => {
            for it in counted {
                let waiting = by_key.remove(&it.key).map(|(_, waiting)| waiting).unwrap_or_default();
                let first = it.calls.saturating_sub(u64::try_from(waiting.len()).unwrap_or(0));
                for (number, answer) in (first.saturating_add(1)..).zip(waiting) {
                    // Whoever asked may have gone; its call was counted.
                    let _ = answer.send((it.started_at, number));
                }
            }
        }
        Err(error) => tracing::warn!(error = %ErrorChain(&error), calls = calls.len(), "calls are counted on this node alone"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_wherever_it_is_counted_and_another_for_every_limiter() {
        assert_eq!(shared_key("api", ("a", 1_u8)), shared_key("api", ("a", 1_u8)));
        let others = [
            shared_key("log", ("a", 1_u8)),
            shared_key("api", ("a", 2_u8)),
            shared_key("api", "a"),
        ];
        assert!(others.iter().all(|other| *other != shared_key("api", ("a", 1_u8))));
    }
}
