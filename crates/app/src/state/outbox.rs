//! What is to be done outside and when: the hot part of the outbox, a queue a target, so that one that
//! hangs holds up only itself. The store has all of it; a queue that is full is filled again from there.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use watchfire_model::{
    id::{ActionId, ClientId, EventHookId},
    object::{Action, ActionCall, ActionState, Kind, Object},
    row::Row,
    time::Timestamp,
};

/// Named limits of the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Actions of one target that are kept in memory.
    pub queue_per_target: usize,
    /// Calls to one target at one time.
    pub calls_per_target: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            queue_per_target: 1_000,
            calls_per_target: 4,
        }
    }
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKey {
    /// A webhook.
    Workflow(u64),
    /// An event hook.
    Hook(EventHookId),
    /// An app's logout endpoint.
    App(ClientId),
}

impl TargetKey {
    /// Whom `call` is made to; nobody for what is done here.
    pub fn of(call: &ActionCall) -> Option<Self> {
        match call {
            ActionCall::Workflow { workflow, .. } => Some(Self::Workflow(*workflow)),
            ActionCall::HookDelivery { hook, .. } => Some(Self::Hook(hook.clone())),
            ActionCall::UniversalLogout { app, .. } => Some(Self::App(app.clone())),
            ActionCall::EndSessions { .. } | ActionCall::DeactivateUser { .. } => None,
        }
    }

    /// Reads `workflow:5`, `hook:who…` or `app:0oa…`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "workflow" => id.parse().ok().map(Self::Workflow),
            "hook" => Some(Self::Hook(EventHookId::new(id))),
            "app" => Some(Self::App(ClientId::new(id))),
            _ => None,
        }
    }
}

impl std::fmt::Display for TargetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Workflow(id) => write!(f, "workflow:{id}"),
            Self::Hook(id) => write!(f, "hook:{id}"),
            Self::App(id) => write!(f, "app:{id}"),
        }
    }
}

/// An action whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: ActionId,
    /// Who is called.
    pub target: TargetKey,
}

/// The queues. Cheap to look at; nothing in it is not in the store.
#[derive(Debug)]
pub struct Outbox {
    hot: Mutex<Hot>,
    changed: Notify,
    results: watch::Sender<u64>,
    limits: OutboxLimits,
}

#[derive(Debug, Default)]
struct Hot {
    queues: BTreeMap<TargetKey, Queue>,
    /// Where the last turn was: targets take turns.
    last: Option<TargetKey>,
}

#[derive(Debug, Default)]
struct Queue {
    due: BTreeSet<(Timestamp, ActionId)>,
    by_id: BTreeMap<ActionId, Timestamp>,
    /// The store has more than fits.
    spilled: bool,
    running: usize,
    /// The last call failed: one call at a time until one goes through.
    failing: bool,
    /// The target asked for a rest.
    paused_until: Timestamp,
}

impl Queue {
    fn remove(&mut self, id: &ActionId) {
        if let Some(at) = self.by_id.remove(id) {
            self.due.remove(&(at, id.clone()));
        }
    }

    /// Keeps those that are due first.
    fn insert(&mut self, id: &ActionId, at: Timestamp, limit: usize) {
        self.remove(id);
        self.due.insert((at, id.clone()));
        self.by_id.insert(id.clone(), at);
        if self.by_id.len() > limit {
            self.spilled = true;
            if let Some((_, last)) = self.due.pop_last() {
                self.by_id.remove(&last);
            }
        }
    }

    fn may_run(&self, limit: usize) -> bool {
        self.running < if self.failing { 1 } else { limit }
    }

    /// When the next call may be made, as far as the target is concerned.
    fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| (*at).max(self.paused_until))
    }
}

impl Outbox {
    /// Empty queues.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            hot: Mutex::default(),
            changed: Notify::new(),
            results: watch::Sender::new(0),
            limits,
        }
    }

    /// Takes over what a durable decision says of an action.
    pub(super) fn publish(&self, row: &Row) {
        match row {
            Row::Put(Object::Action(action)) => self.put(action, ready_at(action)),
            Row::Delete { kind: Kind::Action, id } => self.forget(&ActionId::new(id.as_str())),
            _ => return,
        }
        self.changed.notify_one();
    }

    /// Takes an action from the store. The leases of earlier process starts are void where there is
    /// one process.
    pub fn load(&self, action: &Action, epoch: u64, sole: bool) {
        let void = sole && action.lease.is_some_and(|lease| lease.epoch != epoch);
        self.put(action, if void { action.due_at } else { ready_at(action) });
    }

    fn put(&self, action: &Action, at: Timestamp) {
        let Some(target) = TargetKey::of(&action.call) else { return };
        let mut hot = self.hot.lock();
        if action.state == ActionState::Pending {
            let limit = self.limits.queue_per_target;
            hot.queues.entry(target).or_default().insert(&action.id, at, limit);
        } else if let Some(queue) = hot.queues.get_mut(&target) {
            queue.remove(&action.id);
        }
    }

    fn forget(&self, id: &ActionId) {
        self.hot.lock().queues.values_mut().for_each(|queue| queue.remove(id));
    }

    /// An action that is due now, of the target whose turn it is. Its target counts as called until
    /// [`Self::finished`].
    pub fn take(&self, now: Timestamp) -> Option<Due> {
        let mut hot = self.hot.lock();
        let limit = self.limits.calls_per_target;
        let ready = |queue: &Queue| queue.may_run(limit) && queue.next().is_some_and(|at| at <= now);
        let after = hot.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let behind = hot.queues.range((after, Bound::Unbounded)).find(|(_, queue)| ready(queue));
        let target = behind
            .or_else(|| hot.queues.iter().find(|(_, queue)| ready(queue)))?
            .0
            .clone();
        let queue = hot.queues.get_mut(&target)?;
        let (_, id) = queue.due.pop_first()?;
        queue.by_id.remove(&id);
        queue.running = queue.running.saturating_add(1);
        hot.last = Some(target.clone());
        Some(Due { id, target })
    }

    /// A call to `target` is over. `failed` is how it went, where anything went; `rest` is what the
    /// target asked for.
    pub fn finished(&self, target: &TargetKey, failed: Option<bool>, rest: Option<Timestamp>) {
        let mut hot = self.hot.lock();
        if let Some(queue) = hot.queues.get_mut(target) {
            queue.running = queue.running.saturating_sub(1);
            queue.failing = failed.unwrap_or(queue.failing);
            queue.paused_until = rest.map_or(queue.paused_until, |rest| rest.max(queue.paused_until));
            if queue.by_id.is_empty() && queue.running == 0 && !queue.spilled && !queue.failing {
                hot.queues.remove(target);
            }
        }
        drop(hot);
        self.changed.notify_one();
    }

    /// Puts back what could not be begun.
    pub fn put_back(&self, due: &Due, at: Timestamp) {
        let mut hot = self.hot.lock();
        let queue = hot.queues.entry(due.target.clone()).or_default();
        if !queue.by_id.contains_key(&due.id) {
            queue.insert(&due.id, at, self.limits.queue_per_target);
        }
    }

    /// How long nothing becomes due, `longest` at the most.
    pub fn idle_for(&self, now: Timestamp, longest: Duration) -> Duration {
        let hot = self.hot.lock();
        let limit = self.limits.calls_per_target;
        let waiting = hot.queues.values().filter(|queue| queue.may_run(limit));
        let next = waiting.filter_map(Queue::next).min();
        next.map_or(longest, |at| at.since(now).min(longest))
    }

    /// The targets of which the store has more than is here, and here is room again. They count as
    /// filled from then on, unless the filling finds too much again.
    pub fn to_refill(&self) -> BTreeSet<TargetKey> {
        let mut hot = self.hot.lock();
        let low = self.limits.queue_per_target / 2;
        let wanting = hot
            .queues
            .iter_mut()
            .filter(|(_, queue)| queue.spilled && queue.by_id.len() <= low);
        wanting
            .map(|(target, queue)| {
                queue.spilled = false;
                target.clone()
            })
            .collect()
    }

    /// Waits until something was published or a call has ended.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Looks at the queues once more: the clock was set, or so it seems.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Actions in the queues.
    pub fn len(&self) -> usize {
        self.hot.lock().queues.values().map(|queue| queue.by_id.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn recorded(&self) {
        self.results.send_modify(|count| *count = count.saturating_add(1));
    }

    /// How many results have been written down since the start.
    pub fn results(&self) -> watch::Receiver<u64> {
        self.results.subscribe()
    }
}

/// An action that somebody works on becomes free when the lease runs out.
fn ready_at(action: &Action) -> Timestamp {
    action.lease.map_or(action.due_at, |lease| lease.until.max(action.due_at))
}
