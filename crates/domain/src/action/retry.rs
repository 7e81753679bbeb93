//! When a call is made again (ssf.md 4.1 "Transmitter retry semantics", okta.md 10.4).

use std::time::Duration;

use watchfire_model::{object::ActionCall, time::Timestamp};

/// How long and how often a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest wait after the first try; it doubles with each.
    pub base: Duration,
    /// The longest wait after any.
    pub cap: Duration,
    /// The longest wait that a `Retry-After` is believed.
    pub retry_after_cap: Duration,
    /// No try later than this after the first.
    pub horizon: Duration,
    /// Tries in all, where they are counted.
    pub tries: Option<usize>,
}

impl RetryPolicy {
    /// What the contract says of an event hook: one more try, soon.
    pub const HOOK: Self = Self {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(1),
        retry_after_cap: Duration::ZERO,
        horizon: Duration::from_secs(24 * 60 * 60),
        tries: Some(2),
    };

    /// The policy of webhooks and logout calls, with this horizon.
    pub const fn backoff(horizon: Duration) -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(15 * 60),
            retry_after_cap: Duration::from_secs(60 * 60),
            horizon,
            tries: None,
        }
    }

    /// The policy for `call`.
    pub const fn of(call: &ActionCall, horizon: Duration) -> Self {
        match call {
            ActionCall::HookDelivery { .. } => Self::HOOK,
            _ => Self::backoff(horizon),
        }
    }
}

/// What has happened until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Tries, the last one included.
    pub tries: usize,
    /// From when they count.
    pub since: Timestamp,
    /// The last one's end.
    pub at: Timestamp,
    /// What its answer asked for.
    pub retry_after: Option<Duration>,
}

impl RetryPolicy {
    /// When the next try is due; `None` when there is none. `jitter` is uniformly random: the wait is
    /// anything from nothing to what the backoff allows (full jitter), but what the target asked for at
    /// the least.
    pub fn next(&self, tried: &Tried, jitter: u32) -> Option<Timestamp> {
        if self.tries.is_some_and(|limit| tried.tries >= limit) {
            return None;
        }
        let asked = tried.retry_after.unwrap_or_default().min(self.retry_after_cap);
        let due = tried.at.plus(self.backoff_after(tried.tries, jitter).max(asked));
        (due <= tried.since.plus(self.horizon)).then_some(due)
    }

    fn backoff_after(&self, tries: usize, jitter: u32) -> Duration {
        let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let longest = self.base.saturating_mul(factor).min(self.cap);
        longest.mul_f64(f64::from(jitter) / f64::from(u32::MAX))
    }
}
