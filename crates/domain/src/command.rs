//! What a command is: it names the slice of state that it needs, and is decided on that slice, a time
//! and fresh ids alone (architecture section 6).

use std::collections::BTreeMap;

use watchfire_model::{
    id::{ActionId, EventHookId, IdSource},
    log::{EventType, LogEvent},
    object::{Action, ActionCall},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::Rejection;

/// Something that changes state.
pub trait Command: Send + 'static {
    /// What the one who gave the command gets back.
    type Outcome: Send + 'static;

    /// The part of the state that the decision depends on.
    fn needs(&self) -> Vec<Need>;

    /// What it must see beside that, now that it has seen `slice`: an identifier leads to a user, the user
    /// to its groups. Asked again after each load until there is nothing new, at most
    /// [`MAX_FOLLOW_UPS`] times; what has been asked for before is left out, so it may be named again.
    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let _ = slice;
        Vec::new()
    }

    /// Decides. A rejection may have a decision too: a failed sign-in is in the System Log.
    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Self::Outcome>;
}

/// How often a command may ask for more.
pub const MAX_FOLLOW_UPS: usize = 8;

/// What comes in from outside when a command is decided.
pub struct Context<'a> {
    /// The time of the decision; never before that of the decision before it.
    pub now: Timestamp,
    /// Makes the ids of this decision.
    pub ids: &'a mut dyn IdSource,
    /// Who is to be told of which events.
    pub hooks: &'a HookSubscriptions,
}

/// The event hooks that are active and verified, by event type (okta.md 10.4).
pub type HookSubscriptions = BTreeMap<EventType, Vec<EventHookId>>;

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Gives an event its identity and time, puts it into the decision, and into the outbox of every
    /// hook that wants it. Returns its `uuid`.
    pub fn log(&mut self, decision: &mut Decision, mut event: LogEvent) -> String {
        event.stamp(self.ids.next_uuid(), self.now);
        for hook in self.hooks.get(&event.event_type).into_iter().flatten() {
            let call = ActionCall::HookDelivery {
                hook: hook.clone(),
                event: event.uuid.clone(),
            };
            decision.put(Action::due(ActionId::generate(self.ids), call, None, self.now));
        }
        let uuid = event.uuid.clone();
        decision.log(event);
        uuid
    }
}

/// A decision and the answer to the one who asked for it.
#[derive(Debug)]
pub struct Decided<T> {
    /// What is written. Empty when nothing changes.
    pub decision: Decision,
    /// What is answered once the decision is durable.
    pub outcome: Result<T, Rejection>,
}

impl<T> Decided<T> {
    /// `decision`, and `outcome` for the one who asked.
    pub const fn done(decision: Decision, outcome: T) -> Self {
        Self {
            decision,
            outcome: Ok(outcome),
        }
    }

    /// Nothing is written.
    pub fn rejected(rejection: Rejection) -> Self {
        Self {
            decision: Decision::new(),
            outcome: Err(rejection),
        }
    }
}

/// Lets a decision be written with `?`: a rejection writes nothing.
impl<T> From<Result<(Decision, T), Rejection>> for Decided<T> {
    fn from(result: Result<(Decision, T), Rejection>) -> Self {
        match result {
            Ok((decision, outcome)) => Self::done(decision, outcome),
            Err(rejection) => Self::rejected(rejection),
        }
    }
}
