//! Time that stands still until it is moved.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use watchfire_app::Clock;
use watchfire_model::time::Timestamp;

/// 2027-01-15T08:00:00Z: where a test's time begins unless it says otherwise.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A clock that is moved by hand.
#[derive(Debug)]
pub struct FakeClock {
    micros: AtomicI64,
}

impl FakeClock {
    /// Stands at `at`.
    pub const fn new(at: Timestamp) -> Self {
        Self {
            micros: AtomicI64::new(at.as_micros()),
        }
    }

    /// Goes to `at`, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.micros.store(at.as_micros(), Ordering::SeqCst);
    }

    /// Goes on by `by`.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new(START)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_it_is_moved() {
        let clock = FakeClock::default();
        assert_eq!((clock.now(), clock.now()), (START, START));
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), START.plus(Duration::from_millis(1_500)));
        clock.set(Timestamp::from_seconds(1));
        assert_eq!(clock.now(), Timestamp::from_seconds(1));
    }
}
