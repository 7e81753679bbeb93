//! Turns at the processor, by provider.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchfire_model::id::SecurityEventsProviderId;

/// Who wants a token of a provider verified waits for one of that provider's turns, so that tokens of
/// others are never behind more of them than there are turns.
#[derive(Debug)]
pub(crate) struct VerificationTurns {
    each: usize,
    turns: Mutex<HashMap<SecurityEventsProviderId, Arc<Semaphore>>>,
}

impl VerificationTurns {
    pub(crate) fn new(each: usize) -> Self {
        Self {
            each: each.max(1),
            turns: Mutex::default(),
        }
    }

    /// The next turn of this provider. It ends when what this gives is dropped.
    pub(crate) async fn take(&self, provider: &SecurityEventsProviderId) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut all = self.turns.lock();
            let new = || Arc::new(Semaphore::new(self.each));
            Arc::clone(all.entry(provider.clone()).or_insert_with(new))
        };
        // Nobody closes it.
        turns.acquire_owned().await.ok()
    }

    /// Forgets a provider that has changed or is gone.
    pub(crate) fn forget(&self, provider: &SecurityEventsProviderId) {
        self.turns.lock().remove(provider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_provider_that_floods_takes_its_own_turns_and_no_others() {
        let turns = Arc::new(VerificationTurns::new(2));
        let (noisy, quiet) = (SecurityEventsProviderId::new("noisy"), SecurityEventsProviderId::new("quiet"));
        let held = [turns.take(&noisy).await, turns.take(&noisy).await];
        let third = tokio::spawn({
            let (turns, noisy) = (Arc::clone(&turns), noisy.clone());
            async move { turns.take(&noisy).await.is_some() }
        });
        assert!(turns.take(&quiet).await.is_some());
        tokio::task::yield_now().await;
        assert!(!third.is_finished());
        drop(held);
        assert!(third.await.unwrap());
    }
}
