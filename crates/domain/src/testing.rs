//! Counted ids and a fixed time for tests of decisions.

use watchfire_model::{
    id::IdSource,
    log::{Actor, EventType, LogEvent},
    row::{Decision, Row},
    slice::Slice,
    time::Timestamp,
};

use crate::command::{Command, Context, Decided};

/// The time of every decision.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Counted(u32);

impl IdSource for Counted {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:0width$}", self.0, width = 20 - prefix.len())
    }

    fn next_uuid(&mut self) -> String {
        self.0 += 1;
        format!("00000000-0000-8000-8000-{:012}", self.0)
    }
}

/// Decides `command` on `objects`.
pub(crate) fn decide<C: Command>(command: &C, slice: &Slice) -> Decided<C::Outcome> {
    command.decide(
        slice,
        &mut Context {
            now: NOW,
            ids: &mut Counted(0),
            hooks: &Default::default(),
        },
    )
}

/// Gives `act` what a decision is made with.
pub(crate) fn with_context<T>(act: impl FnOnce(&mut Context<'_>) -> T) -> T {
    act(&mut Context {
        now: NOW,
        ids: &mut Counted(0),
        hooks: &Default::default(),
    })
}

/// The log events of a decision.
pub(crate) fn events(decision: &Decision) -> Vec<&LogEvent> {
    decision
        .rows
        .iter()
        .filter_map(|row| if let Row::Log(event) = row { Some(&**event) } else { None })
        .collect()
}

/// Their types.
pub(crate) fn event_types(decision: &Decision) -> Vec<EventType> {
    events(decision).iter().map(|event| event.event_type).collect()
}

/// The administrator who asks.
pub(crate) fn admin() -> Actor {
    Actor::user("00u00000000000000001", "admin@example.com", "An Administrator")
}
