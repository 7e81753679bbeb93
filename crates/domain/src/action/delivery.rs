//! The right to work on an action, and what came of it.

use std::time::Duration;

use watchfire_model::{
    id::ActionId,
    log::{Actor, EventType, LogEvent, Outcome, Severity, Target, Transaction},
    object::{Action, ActionCall, ActionState, Attempt, EventHook, Lease, Org, User},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    about,
    retry::{RetryPolicy, Tried},
};
use crate::command::{Command, Context, Decided};

/// Attempts that are kept of one action: the first, and the newest.
const MAX_ATTEMPTS: usize = 64;

/// Takes the right to work on an action, when it is due and nobody has it.
#[derive(Clone, Debug)]
pub struct LeaseAction {
    /// Which.
    pub id: ActionId,
    /// The process start that asks.
    pub epoch: u64,
    /// The number of the lease, of its own within that start.
    pub number: u64,
    /// How long nobody else may.
    pub hold: Duration,
    /// Whether no other process can be at work: then the leases of earlier starts are void.
    pub sole: bool,
}

impl LeaseAction {
    fn may_take(&self, lease: &Lease, now: Timestamp) -> bool {
        lease.until <= now || (self.sole && lease.epoch != self.epoch)
    }
}

impl Command for LeaseAction {
    /// The action, when the right was given.
    type Outcome = Option<Action>;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Action>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Option<Action>> {
        let is_free = |action: &&Action| {
            let due = action.state == ActionState::Pending && action.due_at <= context.now;
            due && action.lease.is_none_or(|lease| self.may_take(&lease, context.now))
        };
        let Some(action) = slice.get::<Action>(self.id.as_str()).filter(is_free) else {
            return Decided::done(Decision::new(), None);
        };
        let leased = Action {
            lease: Some(Lease {
                epoch: self.epoch,
                number: self.number,
                until: context.now.plus(self.hold),
            }),
            ..action.clone()
        };
        let mut decision = Decision::new();
        decision.put(leased.clone());
        Decided::done(decision, Some(leased))
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// The target has taken it.
    Delivered {
        /// The HTTP status.
        status: u16,
    },
    /// Not this time; perhaps the next.
    Failed {
        /// The HTTP status.
        status: Option<u16>,
        /// Why, for people; never what the target has answered.
        why: String,
        /// What the answer asked to wait.
        retry_after: Option<Duration>,
    },
    /// Trying again would not help.
    Refused {
        /// The HTTP status.
        status: Option<u16>,
        /// Why, for people.
        why: String,
    },
}

impl CallResult {
    pub(super) fn attempt(&self, at: Timestamp) -> Attempt {
        let (status, result) = match self {
            Self::Delivered { status } => (Some(*status), "delivered".to_owned()),
            Self::Failed { status, why, .. } | Self::Refused { status, why } => (*status, why.clone()),
        };
        Attempt { at, result, status }
    }
}

/// Writes down the result of a call, if the lease that made it still holds.
#[derive(Clone, Debug)]
pub struct RecordAttempt {
    /// Of which action.
    pub id: ActionId,
    /// The lease's process start.
    pub epoch: u64,
    /// The lease's number.
    pub number: u64,
    /// The result.
    pub result: CallResult,
    /// When calls are made again.
    pub policy: RetryPolicy,
    /// A random number for the wait.
    pub jitter: u32,
}

/// What became of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The lease was lost: the result says nothing.
    Ignored,
    /// It is done.
    Done,
    /// It is tried again then.
    Again(Timestamp),
    /// It is a dead letter.
    Dead,
}

impl Command for RecordAttempt {
    type Outcome = Recorded;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<Action>(self.id.as_str())]
    }

    /// What the log says of it.
    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(action) = slice.get::<Action>(self.id.as_str()) else {
            return Vec::new();
        };
        if !slice.all::<Org>().is_empty() {
            return Vec::new();
        }
        let mut needs = vec![Need::all::<Org>()];
        needs.extend(action.user().map(|id| Need::object::<User>(id.as_str())));
        if let ActionCall::HookDelivery { hook, .. } = &action.call {
            needs.push(Need::object::<EventHook>(hook.as_str()));
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Recorded> {
        let ours = |action: &&Action| {
            let held = action
                .lease
                .is_some_and(|lease| lease.epoch == self.epoch && lease.number == self.number);
            action.state == ActionState::Pending && held
        };
        let Some(old) = slice.get::<Action>(self.id.as_str()).filter(ours) else {
            return Decided::done(Decision::new(), Recorded::Ignored);
        };
        let (action, recorded) = self.after(old, context.now);
        let mut decision = Decision::new();
        if let Some(event) = self.giving_up(&action, recorded, slice) {
            context.log(&mut decision, event);
        }
        decision.put(action);
        Decided::done(decision, recorded)
    }
}

impl RecordAttempt {
    fn after(&self, old: &Action, now: Timestamp) -> (Action, Recorded) {
        let mut action = Action {
            lease: None,
            ..old.clone()
        };
        action.attempts.push(self.result.attempt(now));
        if action.attempts.len() > MAX_ATTEMPTS {
            action.attempts.remove(1);
        }
        let recorded = match &self.result {
            CallResult::Delivered { .. } => Recorded::Done,
            CallResult::Refused { .. } => Recorded::Dead,
            CallResult::Failed { retry_after, .. } => {
                let since = old.working_since();
                let tried = Tried {
                    tries: action.attempts.iter().filter(|attempt| attempt.at >= since).count(),
                    since,
                    at: now,
                    retry_after: *retry_after,
                };
                self.policy.next(&tried, self.jitter).map_or(Recorded::Dead, Recorded::Again)
            }
        };
        match recorded {
            Recorded::Again(due) => action.due_at = due,
            Recorded::Done => action.state = ActionState::Done,
            Recorded::Dead | Recorded::Ignored => action.state = ActionState::Dead,
        }
        action.finished_at = (action.state != ActionState::Pending).then_some(now);
        (action, recorded)
    }

    /// The event of a dead letter; successes are what the decision's own events announced.
    fn giving_up(&self, action: &Action, recorded: Recorded, slice: &Slice) -> Option<LogEvent> {
        let (Recorded::Dead, CallResult::Failed { why, .. } | CallResult::Refused { why, .. }) = (recorded, &self.result) else {
            return None;
        };
        let orgs = slice.all::<Org>();
        let actor = orgs.first().map_or_else(unknown_system, |org| Actor::system(&org.id));
        let id = action
            .cause
            .as_ref()
            .map_or(action.id.as_str(), |cause| cause.transaction.as_str());
        let event = |event_type| {
            LogEvent::new(event_type, actor)
                .transaction(Transaction::job(id))
                .outcome(Outcome::failure(why.as_str()))
        };
        let ActionCall::HookDelivery { hook, event: uuid } = &action.call else {
            return Some(about(event(EventType::SecurityActionFail), action, slice));
        };
        let name = slice.get::<EventHook>(hook.as_str()).map_or("", |hook| hook.name.as_str());
        let delivery = event(EventType::EventHookDelivery).target(Target::new("EventHook", hook.as_str(), name));
        Some(
            delivery
                .severity(Severity::Warn)
                .debug("eventUuid", uuid.as_str())
                .debug("actionId", action.id.as_str()),
        )
    }
}

/// There is always an organisation; a log event needs an actor all the same.
fn unknown_system() -> Actor {
    Actor::new("SystemPrincipal", "unknown", "system", "System")
}
