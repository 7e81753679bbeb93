//! Other nodes on the same store: what they have decided, and how long ago this node has looked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use watchfire_domain::risk_event::RiskEvents;
use watchfire_model::row::{Decision, Received, Row};

/// When this node had last seen everything that any node has decided.
#[derive(Debug)]
pub(super) struct Freshness {
    began: Instant,
    /// Microseconds since then.
    looked: AtomicU64,
    /// Nobody else decides: what is here is all that there is.
    sole: bool,
}

impl Freshness {
    /// Fresh as of now.
    pub(super) fn new(sole: bool) -> Self {
        Self {
            began: Instant::now(),
            looked: AtomicU64::new(0),
            sole,
        }
    }

    /// Everything that was decided before `at` is here.
    pub(super) fn looked(&self, at: Instant) {
        let since = at.saturating_duration_since(self.began).as_micros();
        self.looked
            .fetch_max(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How much time of the others' may be missing here. The clock goes on while a process is stopped, so that one that comes back knows at
    /// once that it is late.
    pub(super) fn age(&self) -> Option<Duration> {
        let looked = Duration::from_micros(self.looked.load(Ordering::Relaxed));
        (!self.sole).then(|| self.began.elapsed().saturating_sub(looked))
    }
}

/// Waits until others may have decided something: they say so, or it is time to look.
pub(super) async fn decided(others: Option<&Notify>, poll: Duration) {
    match others {
        None => std::future::pending().await,
        Some(others) => {
            let _ = tokio::time::timeout(poll, others.notified()).await;
        }
    }
}

/// A decision of another node with what is not written down because it follows from what is.
pub(super) fn whole(mut decision: Decision) -> Arc<Decision> {
    for row in &mut decision.rows {
        if let Row::Receipt(receipt) = row
            && let Received::RiskEvents { signals, .. } = &mut receipt.content
            && let Ok(body) = serde_json::from_str::<serde_json::Value>(&receipt.body)
            && let Ok(events) = RiskEvents::read(&body)
        {
            *signals = events.effective(receipt.received_at).into();
        }
    }
    Arc::new(decision)
}
