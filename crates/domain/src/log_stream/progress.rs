//! How far a stream of the log has come. Whoever works on it holds a lease, and reports under it; neither
//! writes to the log, so that a stream does not feed itself.

use std::time::Duration;

use watchfire_model::{
    id::LogStreamId,
    log::{Actor, EventType},
    object::{LogStream, LogStreamLease, LogStreamProgress},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::log_event;
use crate::command::{Command, Context, Decided};

/// Characters of an error that is kept for people.
const MAX_ERROR_CHARS: usize = 512;

/// Asks for the right to work on a stream.
#[derive(Clone, Debug)]
pub struct ClaimLogStream {
    /// Which.
    pub id: LogStreamId,
    /// The process start that asks.
    pub epoch: u64,
    /// How long it holds.
    pub hold: Duration,
    /// Whether no other process works on this store, so that the leases of earlier starts are void.
    pub sole: bool,
}

impl Command for ClaimLogStream {
    /// How far it has come; nothing when somebody else works on it, or it is gone.
    type Outcome = Option<LogStreamProgress>;

    fn needs(&self) -> Vec<Need> {
        needs(&self.id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Option<LogStreamProgress>> {
        let mut decision = Decision::new();
        if slice.get::<LogStream>(self.id.as_str()).is_none() {
            return Decided::done(decision, None);
        }
        let old = slice.get::<LogStreamProgress>(self.id.as_str());
        let lease = old.and_then(|it| it.lease).filter(|_| !self.sole);
        if lease.is_some_and(|lease| lease.epoch != self.epoch && lease.until > context.now) {
            return Decided::done(decision, None);
        }
        let fresh = || LogStreamProgress::new(self.id.clone(), context.now);
        let mut progress = old.map_or_else(fresh, LogStreamProgress::clone);
        progress.lease = Some(LogStreamLease {
            epoch: self.epoch,
            until: context.now.plus(self.hold),
        });
        progress.last_updated = context.now;
        decision.put(progress.clone());
        Decided::done(decision, Some(progress))
    }
}

/// Writes down how far a stream has come, or what is in its way, and holds on to it or lets it go.
#[derive(Clone, Debug)]
pub struct ReportLogStream {
    /// Which.
    pub id: LogStreamId,
    /// Who reports.
    pub epoch: u64,
    /// How long the lease holds from now on; nothing lets it go.
    pub hold: Option<Duration>,
    /// What there is to say.
    pub report: Report,
    /// How long nothing may go before the System Log says so.
    pub patience: Duration,
    /// Us, for the System Log.
    pub actor: Actor,
}

/// What there is to say of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything up to here has been taken; nothing where it has not moved.
    pub cursor: Option<String>,
    /// Events that were taken since the last report.
    pub delivered: u64,
    /// When the last of them was published.
    pub reached: Option<Timestamp>,
    /// What went wrong; nothing when all is well.
    pub error: Option<String>,
}

impl Command for ReportLogStream {
    /// Whether the one who reports still has the lease.
    type Outcome = bool;

    fn needs(&self) -> Vec<Need> {
        needs(&self.id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<bool> {
        let mut decision = Decision::new();
        let stream = slice.get::<LogStream>(self.id.as_str());
        let progress = slice.get::<LogStreamProgress>(self.id.as_str());
        let is_mine = |it: &&LogStreamProgress| it.lease.is_some_and(|lease| lease.epoch == self.epoch);
        let (Some(stream), Some(progress)) = (stream, progress.filter(is_mine)) else {
            return Decided::done(decision, false);
        };
        let mut progress = progress.clone();
        let report = &self.report;
        if report.cursor.is_some() {
            progress.cursor.clone_from(&report.cursor);
        }
        progress.delivered = progress.delivered.saturating_add(report.delivered);
        progress.reached = report.reached.or(progress.reached);
        progress.lease = self.hold.map(|hold| LogStreamLease {
            epoch: self.epoch,
            until: context.now.plus(hold),
        });
        progress.last_updated = context.now;
        match &report.error {
            Some(error) => self.fails(error, stream, &mut progress, (&mut decision, context)),
            None => self.recovers(stream, &mut progress, (&mut decision, context)),
        }
        decision.put(progress);
        Decided::done(decision, true)
    }
}

type Writing<'w, 'c> = (&'w mut Decision, &'w mut Context<'c>);

impl ReportLogStream {
    fn fails(&self, error: &str, stream: &LogStream, progress: &mut LogStreamProgress, (decision, context): Writing<'_, '_>) {
        let error: String = error.chars().take(MAX_ERROR_CHARS).collect();
        let since = *progress.failing_since.get_or_insert(context.now);
        if !progress.is_noted && context.now.since(since) >= self.patience {
            progress.is_noted = true;
            let event = log_event(EventType::LogStreamFail, self.actor.clone(), stream)
                .debug("error", error.as_str())
                .debug("failingSince", since.to_string());
            context.log(decision, event);
        }
        progress.last_error = Some(error);
    }

    fn recovers(&self, stream: &LogStream, progress: &mut LogStreamProgress, (decision, context): Writing<'_, '_>) {
        if std::mem::take(&mut progress.is_noted) {
            let since = progress.failing_since.unwrap_or(context.now);
            let event =
                log_event(EventType::LogStreamRecover, self.actor.clone(), stream).debug("failingSince", since.to_string());
            context.log(decision, event);
        }
        progress.failing_since = None;
        progress.last_error = None;
    }
}

fn needs(id: &LogStreamId) -> Vec<Need> {
    vec![
        Need::object::<LogStream>(id.as_str()),
        Need::object::<LogStreamProgress>(id.as_str()),
    ]
}
