//! Fixed-window call counting (okta.md 11.5).
//!
//! A window starts with its first call and ends a fixed time later. Nothing is lost that anybody would
//! miss when a process ends (architecture invariant 3), so this is memory only where there is one process. Several nodes
//! on one store count together ([`RateLimiter::together`]).

pub(crate) mod shared;

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use watchfire_model::time::Timestamp;

use self::shared::{SharedCounts, Window as SharedWindow, shared_key};

/// What a limiter allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls in one window; 0 switches the limiter off.
    pub calls: u32,
    /// How long a window is.
    pub window: Duration,
    /// How many keys are kept; past it, the oldest windows are forgotten early.
    pub max_keys: usize,
}

impl RateLimit {
    /// How many keys a limiter keeps unless it is told otherwise.
    pub const DEFAULT_MAX_KEYS: usize = 100_000;

    /// `calls` a minute.
    pub const fn per_minute(calls: u32) -> Self {
        Self {
            calls,
            window: Duration::from_secs(60),
            max_keys: Self::DEFAULT_MAX_KEYS,
        }
    }

    /// `calls` a second.
    pub const fn per_second(calls: u32) -> Self {
        Self {
            calls,
            window: Duration::from_secs(1),
            max_keys: Self::DEFAULT_MAX_KEYS,
        }
    }
}

/// Where a caller stands in its window: what the `X-Rate-Limit-*` headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateWindow {
    /// Calls in one window.
    pub limit: u32,
    /// Calls left in this one.
    pub remaining: u32,
    /// When the next one can start.
    pub resets_at: Timestamp,
    /// Whether the counted call is inside the limit.
    pub allowed: bool,
    /// Whether it is the first of its window that is not.
    pub is_first_refused: bool,
}

/// Counts calls by key: a credential, a provider, a user name.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    // Only a keyed hash of the key is kept: names are as long as an attacker likes.
    hasher: RandomState,
    windows: Mutex<Windows>,
    /// With whom it counts, and under which name.
    together: Option<(SharedCounts, &'static str)>,
}

#[derive(Debug, Default)]
struct Windows {
    by_key: HashMap<u64, Window>,
    // All windows are equally long, so they end in the order in which they started.
    oldest_first: VecDeque<(u64, Timestamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    started_at: Timestamp,
    calls: u32,
}

impl RateLimiter {
    /// A limiter with no calls counted yet.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            hasher: RandomState::new(),
            windows: Mutex::default(),
            together: None,
        }
    }

    /// Counts together with all nodes, where there are others.
    #[must_use]
    pub(crate) fn together(mut self, counts: Option<&SharedCounts>, name: &'static str) -> Self {
        self.together = counts.map(|counts| (counts.clone(), name));
        self
    }

    /// Counts one call of `key`; `None` when the limiter is off. When other nodes cannot be asked, those of this one
    /// are counted.
    pub async fn count(&self, key: impl Hash + Send, now: Timestamp) -> Option<RateWindow> {
        if self.limit.calls == 0 {
            return None;
        }
        if let Some((counts, name)) = &self.together {
            let window = SharedWindow {
                length: self.limit.window,
                slides: false,
            };
            let counted = counts.count(shared_key(name, &key), window, now).await;
            if let Some((started_at, calls)) = counted {
                return Some(self.window(started_at, calls));
            }
        }
        self.count_here(key, now)
    }

    /// Counts one call of `key` on this node alone; `None` when the limiter is off.
    pub fn count_here(&self, key: impl Hash, now: Timestamp) -> Option<RateWindow> {
        if self.limit.calls == 0 {
            return None;
        }
        let window = self.windows.lock().count(self.hasher.hash_one(key), now, self.limit);
        Some(self.window(window.started_at, u64::from(window.calls)))
    }

    fn window(&self, started_at: Timestamp, calls: u64) -> RateWindow {
        let limit = u64::from(self.limit.calls);
        RateWindow {
            limit: self.limit.calls,
            remaining: u32::try_from(limit.saturating_sub(calls)).unwrap_or(0),
            resets_at: started_at.plus(self.limit.window),
            allowed: calls <= limit,
            is_first_refused: calls == limit.saturating_add(1),
        }
    }

    /// What this limiter allows.
    pub const fn limit(&self) -> RateLimit {
        self.limit
    }

    /// How many keys are being counted.
    pub fn keys(&self) -> usize {
        self.windows.lock().by_key.len()
    }
}

impl Windows {
    fn count(&mut self, key: u64, now: Timestamp, limit: RateLimit) -> Window {
        self.forget_ended(now, limit.window);
        if let Some(window) = self.by_key.get_mut(&key) {
            window.calls = window.calls.saturating_add(1);
            return *window;
        }
        while self.by_key.len() >= limit.max_keys.max(1) && self.forget_oldest() {}
        let window = Window {
            started_at: now,
            calls: 1,
        };
        self.by_key.insert(key, window);
        self.oldest_first.push_back((key, now));
        window
    }

    fn forget_ended(&mut self, now: Timestamp, length: Duration) {
        while let Some((_, started_at)) = self.oldest_first.front() {
            // A clock that was set back must not keep a caller out for longer than one window.
            let ended = started_at.plus(length) <= now || started_at.minus(length) >= now;
            if !ended || !self.forget_oldest() {
                break;
            }
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((key, _)) = self.oldest_first.pop_front() else {
            return false;
        };
        self.by_key.remove(&key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000 + milliseconds * 1_000)
    }

    #[test]
    fn a_window_starts_with_its_first_call_and_ends_a_minute_later() {
        let limiter = RateLimiter::new(RateLimit::per_minute(3));
        for (time, remaining, allowed) in [(400, 2, true), (500, 1, true), (60_399, 0, true), (60_399, 0, false)] {
            let window = limiter.count_here("rkp1", at(time)).expect("on");
            assert_eq!((window.remaining, window.allowed), (remaining, allowed), "{time}");
            assert_eq!(window.resets_at, at(60_400));
        }
        let next = limiter.count_here("rkp1", at(60_400)).expect("on");
        assert_eq!((next.remaining, next.allowed, next.resets_at), (2, true, at(120_400)));
    }

    #[test]
    fn keys_do_not_share_a_window() {
        let limiter = RateLimiter::new(RateLimit::per_second(1));
        assert!(limiter.count_here("a", at(0)).expect("on").allowed);
        assert!(limiter.count_here("b", at(0)).expect("on").allowed);
        assert!(!limiter.count_here("a", at(999)).expect("on").allowed);
        assert!(limiter.count_here("a", at(1_000)).expect("on").allowed);
    }

    #[test]
    fn zero_switches_it_off() {
        let limiter = RateLimiter::new(RateLimit::per_minute(0));
        assert_eq!(limiter.count_here("a", at(0)), None);
        assert_eq!(limiter.keys(), 0);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_oldest_go_first() {
        let limiter = RateLimiter::new(RateLimit {
            max_keys: 10,
            ..RateLimit::per_minute(1)
        });
        for key in 0..1_000 {
            limiter.count_here(key, at(key));
        }
        assert_eq!(limiter.keys(), 10);
        assert!(!limiter.count_here(990_i64, at(1_000)).expect("on").allowed);
        assert!(limiter.count_here(0_i64, at(1_000)).expect("on").allowed);
    }

    #[test]
    fn ended_windows_leave_no_trace() {
        let limiter = RateLimiter::new(RateLimit::per_minute(1));
        for key in 0..100 {
            limiter.count_here(key, at(0));
        }
        limiter.count_here("last", at(60_000));
        assert_eq!(limiter.keys(), 1);
    }

    #[test]
    fn a_clock_set_back_does_not_lock_anybody_out() {
        let limiter = RateLimiter::new(RateLimit::per_minute(1));
        limiter.count_here("a", at(3_600_000));
        assert!(limiter.count_here("a", at(0)).expect("on").allowed);
    }
}
