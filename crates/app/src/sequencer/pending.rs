//! A command on its way through the sequencer, its type hidden, with the one who waits for it.

use std::time::Duration;

use tokio::sync::oneshot;
use watchfire_domain::{Command, Context, Rejection};
use watchfire_model::{
    row::Decision,
    slice::{Need, Slice},
};
use watchfire_store::StoreError;

use crate::{Error, Result};

/// How a command's decision fared.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is synced and published.
    Durable,
    /// Nothing was written; the same command may go through later.
    Unavailable(Duration),
    /// The index will not have it: a defect.
    Refused(StoreError),
}

/// A command of any type.
pub(super) trait Pending: Send {
    /// The part of the state that it depends on.
    fn needs(&self) -> Vec<Need>;
    /// What it must see beside that, having seen `slice`.
    fn follow_up(&self, slice: &Slice) -> Vec<Need>;
    /// Decides and keeps the outcome.
    fn decide(&mut self, slice: &Slice, context: &mut Context<'_>) -> Decision;
    /// Answers.
    fn finish(self: Box<Self>, verdict: Verdict);
}

impl std::fmt::Debug for dyn Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

/// A command, its outcome once decided, and who waits for it.
pub(super) struct Envelope<C: Command> {
    command: C,
    outcome: Option<Result<C::Outcome, Rejection>>,
    answer: oneshot::Sender<Result<C::Outcome>>,
}

impl<C: Command> Envelope<C> {
    pub(super) fn new(command: C) -> (Self, oneshot::Receiver<Result<C::Outcome>>) {
        let (answer, receiver) = oneshot::channel();
        (
            Self {
                command,
                outcome: None,
                answer,
            },
            receiver,
        )
    }
}

impl<C: Command> Pending for Envelope<C> {
    fn needs(&self) -> Vec<Need> {
        self.command.needs()
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        self.command.follow_up(slice)
    }

    fn decide(&mut self, slice: &Slice, context: &mut Context<'_>) -> Decision {
        let decided = self.command.decide(slice, context);
        self.outcome = Some(decided.outcome);
        decided.decision
    }

    fn finish(self: Box<Self>, verdict: Verdict) {
        let answer = match (verdict, self.outcome) {
            (Verdict::Durable, Some(outcome)) => outcome.map_err(Error::from),
            (Verdict::Unavailable(retry_after), _) => Err(Error::Unavailable { retry_after }),
            (Verdict::Refused(error), _) => Err(Error::internal(error)),
            (Verdict::Durable, None) => Err(Error::internal("a command was answered before it was decided")),
        };
        // Whoever asked may have gone; what was decided stands.
        let _ = self.answer.send(answer);
    }
}
