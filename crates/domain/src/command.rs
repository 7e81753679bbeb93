//! What a command is: it names the slice of state that it needs, and is decided on that slice, a time
//! and fresh ids alone (architecture section 6).

use watchfire_model::{
    id::IdSource,
    log::LogEvent,
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

    /// Decides. A rejection may have a decision too: a failed sign-in is in the System Log.
    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Self::Outcome>;
}

/// What comes in from outside when a command is decided.
pub struct Context<'a> {
    /// The time of the decision; never before that of the decision before it.
    pub now: Timestamp,
    /// Makes the ids of this decision.
    pub ids: &'a mut dyn IdSource,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Gives an event its identity and time and puts it into the decision.
    pub fn log(&mut self, decision: &mut Decision, mut event: LogEvent) {
        event.stamp(self.ids.next_uuid(), self.now);
        decision.log(event);
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
