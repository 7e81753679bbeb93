//! Wrong passwords and codes in a row, by user: what locks an account. In memory only; nobody misses it
//! after a restart (architecture invariant 3). Several nodes on one store count together.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use watchfire_model::{id::UserId, time::Timestamp};
use watchfire_store::cluster::SharedKey;

use crate::rate::shared::{SharedCounts, Window, shared_key};

/// When an account is locked.
#[derive(Clone, Copy, Debug)]
pub struct LockoutLimits {
    /// Failures in a row that lock it; 0 never does.
    pub failures: u32,
    /// A failure is forgotten when no other one came for so long.
    pub window: Duration,
    /// Users that are counted at one time; past it the oldest count is forgotten.
    pub max_users: usize,
}

impl Default for LockoutLimits {
    fn default() -> Self {
        Self {
            failures: 10,
            window: Duration::from_secs(60 * 60),
            max_users: 100_000,
        }
    }
}

/// Counts failures since the last success.
#[derive(Debug)]
pub(crate) struct Failures {
    limits: LockoutLimits,
    counts: Mutex<Counts>,
    together: Option<SharedCounts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_user: HashMap<UserId, (u32, Timestamp)>,
    /// In the order in which they were first counted; what a success took away is still in it.
    order: VecDeque<UserId>,
}

impl Failures {
    pub(crate) fn new(limits: LockoutLimits, together: Option<SharedCounts>) -> Self {
        Self {
            limits,
            counts: Mutex::default(),
            together,
        }
    }

    /// Counts a failure of `user`; true when it is the one that locks the account.
    pub(crate) async fn count(&self, user: &UserId, now: Timestamp) -> bool {
        if self.limits.failures == 0 {
            return false;
        }
        if let Some(together) = &self.together {
            let window = Window {
                length: self.limits.window,
                slides: true,
            };
            if let Some((_, count)) = together.count(key_of(user), window, now).await {
                let locks = count >= u64::from(self.limits.failures);
                if locks {
                    together.forget(key_of(user)).await;
                }
                return locks;
            }
        }
        self.count_here(user, now)
    }

    fn count_here(&self, user: &UserId, now: Timestamp) -> bool {
        let mut counts = self.counts.lock();
        let before = counts.by_user.get(user).filter(|(_, at)| now.since(*at) < self.limits.window);
        let count = before.map_or(0, |(count, _)| *count).saturating_add(1);
        if count >= self.limits.failures {
            counts.by_user.remove(user);
            return true;
        }
        if counts.by_user.insert(user.clone(), (count, now)).is_none() {
            counts.order.push_back(user.clone());
        }
        while counts.order.len() > self.limits.max_users.max(1) {
            if let Some(oldest) = counts.order.pop_front() {
                counts.by_user.remove(&oldest);
            }
        }
        false
    }

    /// Forgets the failures of `user`: it has shown that it is itself.
    pub(crate) async fn forget(&self, user: &UserId) {
        self.counts.lock().by_user.remove(user);
        if let Some(together) = &self.together {
            together.forget(key_of(user)).await;
        }
    }
}

fn key_of(user: &UserId) -> SharedKey {
    shared_key("failures", user.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn failures(failures: u32, max_users: usize) -> Failures {
        let limits = LockoutLimits {
            failures,
            max_users,
            ..LockoutLimits::default()
        };
        Failures::new(limits, None)
    }

    #[test]
    fn the_last_failure_in_a_row_locks() {
        let (counts, jo) = (failures(3, 10), UserId::new("00u1"));
        assert_eq!([0, 1, 2].map(|s| counts.count_here(&jo, at(s))), [false, false, true]);
        assert_eq!([3, 4].map(|s| counts.count_here(&jo, at(s))), [false, false]);
        counts.counts.lock().by_user.remove(&jo);
        assert_eq!([5, 6, 7].map(|s| counts.count_here(&jo, at(s))), [false, false, true]);
    }

    #[tokio::test]
    async fn old_failures_are_forgotten_and_zero_never_locks() {
        let (counts, jo) = (failures(2, 10), UserId::new("00u1"));
        assert!(!counts.count_here(&jo, at(0)));
        assert!(!counts.count_here(&jo, at(3_600)));
        assert!(counts.count_here(&jo, at(3_601)));
        let off = failures(0, 10);
        assert!(!off.count(&jo, at(0)).await);
    }

    #[test]
    fn the_number_of_users_is_bounded() {
        let counts = failures(2, 3);
        for n in 0..10 {
            counts.count_here(&UserId::new(format!("00u{n}")), at(n));
        }
        assert!(counts.counts.lock().by_user.len() <= 3);
        assert!(counts.count_here(&UserId::new("00u9"), at(11)));
        assert!(!counts.count_here(&UserId::new("00u0"), at(11)));
    }
}
