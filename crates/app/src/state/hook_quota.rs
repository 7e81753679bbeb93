//! How many events were given to event hooks in the last day, of all that may be (okta.md 10.4).

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;
use watchfire_model::{
    object::{Action, ActionCall, ActionState, Object},
    row::{Decision, Row},
    time::Timestamp,
};

/// The quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookQuotaLimits {
    /// Events in the window; past it none is given to a hook. Decisions of one group see what was given
    /// before the group.
    pub events: u64,
    /// From so many on administrators are warned.
    pub warning: u64,
}

impl Default for HookQuotaLimits {
    fn default() -> Self {
        Self {
            events: 400_000,
            warning: 280_000,
        }
    }
}

/// The window.
pub(crate) const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// Events of so long a time are counted together.
const SLOT_MICROS: i64 = 60_000_000;

/// What has been reached, for the System Log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Most of it is used.
    Warning,
    /// All of it is.
    Limit,
}

/// The events of the last day. In memory: they are counted again at every start.
#[derive(Debug)]
pub(crate) struct HookQuota {
    limits: HookQuotaLimits,
    counted: Mutex<Counted>,
    reached: Notify,
}

#[derive(Debug, Default)]
struct Counted {
    /// Events by slot, oldest first.
    slots: VecDeque<(i64, u64)>,
    used: u64,
    warned_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    news: VecDeque<Reached>,
}

impl HookQuota {
    pub(crate) fn new(limits: HookQuotaLimits) -> Self {
        Self {
            limits,
            counted: Mutex::default(),
            reached: Notify::new(),
        }
    }

    pub(crate) const fn limits(&self) -> HookQuotaLimits {
        self.limits
    }

    /// Whether events may be given to hooks at `now`.
    pub(crate) fn has_room(&self, now: Timestamp) -> bool {
        let mut counted = self.counted.lock();
        counted.forget(now);
        counted.used < self.limits.events
    }

    /// Counts what a decision at `now` gives to hooks.
    pub(crate) fn count(&self, decision: &Decision, now: Timestamp) {
        let given = decision
            .rows
            .iter()
            .filter(|row| matches!(row, Row::Put(Object::Action(action)) if is_given(action)));
        let given = u64::try_from(given.count()).unwrap_or(u64::MAX);
        if given > 0 {
            self.add(now, given, now);
        }
    }

    /// Counts a delivery of an earlier start.
    pub(crate) fn load(&self, action: &Action, now: Timestamp) {
        if matches!(action.call, ActionCall::HookDelivery { .. }) && action.created.plus(WINDOW) > now {
            self.add(action.created, 1, now);
        }
    }

    fn add(&self, at: Timestamp, events: u64, now: Timestamp) {
        let mut counted = self.counted.lock();
        counted.forget(now);
        counted.add(at, events);
        let told = |at: Option<Timestamp>| at.is_some_and(|at| at.plus(WINDOW) > now);
        if counted.used >= self.limits.warning && !told(counted.warned_at) {
            counted.warned_at = Some(now);
            counted.news.push_back(Reached::Warning);
        }
        if counted.used >= self.limits.events && !told(counted.stopped_at) {
            counted.stopped_at = Some(now);
            counted.news.push_back(Reached::Limit);
        }
        drop(counted);
        self.reached.notify_one();
    }

    /// Waits for something to tell administrators, once a window each.
    pub(crate) async fn reached(&self) -> Reached {
        loop {
            let news = self.counted.lock().news.pop_front();
            match news {
                Some(reached) => return reached,
                None => self.reached.notified().await,
            }
        }
    }
}

/// A delivery that this very decision makes: later ones of the same row are its tries.
fn is_given(action: &Action) -> bool {
    let is_new = action.lease.is_none() && action.attempts.is_empty() && action.resumed_at.is_none();
    is_new && action.state == ActionState::Pending && matches!(action.call, ActionCall::HookDelivery { .. })
}

impl Counted {
    fn add(&mut self, at: Timestamp, events: u64) {
        let slot = at.as_micros().div_euclid(SLOT_MICROS);
        let place = self.slots.partition_point(|(known, _)| *known < slot);
        match self.slots.get_mut(place).filter(|(known, _)| *known == slot) {
            Some((_, count)) => *count = count.saturating_add(events),
            None => self.slots.insert(place, (slot, events)),
        }
        self.used = self.used.saturating_add(events);
    }

    fn forget(&mut self, now: Timestamp) {
        let oldest = now.minus(WINDOW).as_micros().div_euclid(SLOT_MICROS);
        while let Some((slot, count)) = self.slots.front().copied()
            && slot <= oldest
        {
            self.slots.pop_front();
            self.used = self.used.saturating_sub(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[tokio::test]
    async fn a_day_takes_so_many_and_says_so_once() {
        let quota = HookQuota::new(HookQuotaLimits { events: 4, warning: 3 });
        quota.add(NOW, 2, NOW);
        assert!(quota.has_room(NOW));
        let later = NOW.plus(Duration::from_secs(3_600));
        quota.add(later, 1, later);
        assert_eq!(quota.reached().await, Reached::Warning);
        quota.add(later, 1, later);
        assert_eq!(quota.reached().await, Reached::Limit);
        assert!(!quota.has_room(NOW.plus(WINDOW).minus(Duration::from_secs(61))));
        // What is a day old makes room again, and what fills that is no news.
        let tomorrow = NOW.plus(WINDOW).plus(Duration::from_secs(60));
        assert!(quota.has_room(tomorrow));
        quota.add(tomorrow, 2, tomorrow);
        assert!(!quota.has_room(tomorrow));
        assert!(quota.counted.lock().news.is_empty());
        let a_day_after_the_warning = later.plus(WINDOW).plus(Duration::from_secs(60));
        quota.add(a_day_after_the_warning, 1, a_day_after_the_warning);
        assert_eq!(quota.reached().await, Reached::Warning);
    }
}
