//! Takes pages of the log to a sink, and writes down how far it has come.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use watchfire_domain::log_stream::{Report, ReportLogStream};
use watchfire_model::{
    id::OrgId,
    log::Actor,
    object::{LogStream, LogStreamProgress},
    time::Timestamp,
};
use watchfire_ssf::stream::poll::backoff;
use watchfire_store::{journal::Seq, log::LogCursor};

use super::{
    limits::LogStreamLimits,
    record::Record,
    sink::{Certain, Sink, SinkError},
};
use crate::{App, Result, sequencer::ErrorChain};

/// When a page is read again that the store did not give.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// How often it is measured how far a stream is behind.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// How often a lease is renewed while nothing goes.
const RENEWALS: u32 = 3;

pub(super) struct Worker {
    app: App,
    stream: Arc<LogStream>,
    epoch: u64,
    stop: CancellationToken,
    changes: watch::Receiver<()>,
    written: watch::Receiver<Seq>,
    limits: LogStreamLimits,
    sink: Option<Sink>,
    /// Everything up to here was given to the sink.
    position: Option<LogCursor>,
    /// What the sink took and is not certain yet.
    pending: VecDeque<Given>,
    /// Everything up to here is certain.
    settled: Option<LogCursor>,
    /// What is certain and not written down yet.
    unreported: Unreported,
    reported: Option<LogCursor>,
    reported_at: Instant,
    measured_at: Option<Instant>,
    failures: u32,
    error: Option<String>,
    /// Something failed since the last report.
    has_failed: bool,
    /// The last report was of a failure.
    is_failing: bool,
}

/// What a sink took.
struct Given {
    certain_at: Instant,
    cursor: Option<LogCursor>,
    events: u64,
    published: Option<Timestamp>,
}

#[derive(Default)]
struct Unreported {
    events: u64,
    published: Option<Timestamp>,
}

/// What is done next.
enum Next {
    /// The next page.
    Go,
    /// The next page when something was written, or after this time.
    Wait(Duration),
    /// Nothing until then, whatever is written.
    Pause(Duration),
}

impl Worker {
    pub(super) fn new(
        app: App,
        stream: Arc<LogStream>,
        epoch: u64,
        progress: LogStreamProgress,
        stop: CancellationToken,
    ) -> Self {
        let cursor = progress.cursor.as_deref().and_then(LogCursor::parse);
        Self {
            changes: app.state.changes(),
            written: app.commands.written(),
            limits: app.settings.log_streams.clone(),
            app,
            stream,
            epoch,
            stop,
            sink: None,
            position: cursor,
            pending: VecDeque::new(),
            settled: cursor,
            unreported: Unreported::default(),
            reported: cursor,
            reported_at: Instant::now(),
            measured_at: None,
            failures: 0,
            has_failed: false,
            is_failing: progress.last_error.is_some(),
            error: progress.last_error,
        }
    }

    /// Works until the process stops, the stream changes, or somebody else has the lease.
    pub(super) async fn run(mut self) {
        loop {
            let ended = ended(
                self.app.clone(),
                self.changes.clone(),
                Arc::clone(&self.stream),
                self.stop.clone(),
            );
            // What is under way then is sent again by whoever comes next.
            let stepped = tokio::select! {
                stepped = self.step() => stepped,
                () = ended => break,
            };
            let next = match stepped {
                Ok(next) => next,
                Err(error) => self.failed(&error),
            };
            if self.is_due() && !self.report(Some(self.limits.lease)).await {
                return;
            }
            self.measure().await;
            self.wait(next).await;
            if self.stop.is_cancelled() || self.has_changed() {
                break;
            }
        }
        self.settle();
        self.report(None).await;
    }

    /// Sends the next page.
    async fn step(&mut self) -> Result<Next, SinkError> {
        // From here on what is written wakes us.
        self.written.borrow_and_update();
        let mut sink = match self.sink.take() {
            Some(sink) => sink,
            None => Sink::of(&self.app, &self.stream)?,
        };
        let stepped = self.step_with(&mut sink).await;
        self.sink = Some(sink);
        stepped
    }

    async fn step_with(&mut self, sink: &mut Sink) -> Result<Next, SinkError> {
        if !self.pending.is_empty() {
            sink.check()?;
            self.settle();
        }
        let page = match self.app.log_page(&self.stream, self.position, self.limits.page).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(stream = %self.stream.id, error = %ErrorChain(&error), "the log could not be read for a stream");
                return Ok(Next::Pause(STORE_RETRY));
            }
        };
        let last = page.entries.last().map(|entry| entry.event.published);
        let events = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
        if events == 0 {
            let has_moved = page.next != self.position;
            self.position = page.next;
            if self.pending.is_empty() {
                self.settled = self.position;
            } else if has_moved {
                self.give(Certain::Now, 0, None);
            }
            sink.rest().await?;
            return Ok(Next::Wait(self.limits.look.min(self.next_settled())));
        }
        let format = self.stream.format;
        let records = page.entries.iter().map(|entry| Record::new(entry, format)).collect();
        let delivered = tokio::time::timeout(self.patience(), sink.deliver(records)).await;
        let certain = delivered.map_err(|_| SinkError::TimedOut)??;
        self.position = page.next;
        self.give(certain, events, last);
        self.settle();
        let is_full = events >= u64::from(self.limits.page);
        Ok(if is_full { Next::Go } else { Next::Pause(self.limits.gather) })
    }

    /// A page may be many calls.
    fn patience(&self) -> Duration {
        let calls = self.limits.call.saturating_mul(self.limits.page.clamp(1, 10));
        calls.saturating_add(self.limits.acknowledge)
    }

    fn give(&mut self, certain: Certain, events: u64, published: Option<Timestamp>) {
        let wait = match certain {
            Certain::Now => Duration::ZERO,
            Certain::After(wait) => wait,
        };
        let now = Instant::now();
        // Nothing is certain before what went before it.
        let before = self.pending.back().map_or(now, |given| given.certain_at);
        self.pending.push_back(Given {
            certain_at: (now + wait).max(before),
            cursor: self.position,
            events,
            published,
        });
    }

    /// What has become certain.
    fn settle(&mut self) {
        let now = Instant::now();
        while let Some(given) = self.pending.pop_front_if(|given| given.certain_at <= now) {
            self.settled = given.cursor;
            self.unreported.events = self.unreported.events.saturating_add(given.events);
            self.unreported.published = given.published.or(self.unreported.published);
            if given.events > 0 {
                self.failures = 0;
                self.error = None;
                self.app
                    .commands
                    .metrics()
                    .log_streamed(self.stream.id.as_str(), given.events);
            }
        }
    }

    fn next_settled(&self) -> Duration {
        let next = self
            .pending
            .front()
            .map(|given| given.certain_at.saturating_duration_since(Instant::now()));
        next.unwrap_or(Duration::MAX)
    }

    /// Goes back to what is certain.
    fn failed(&mut self, error: &SinkError) -> Next {
        let told = error.told();
        tracing::warn!(stream = %self.stream.id, name = %self.stream.name, error = %told, "a stream of the log does not reach its target");
        self.app.commands.metrics().log_stream_failed(self.stream.id.as_str());
        self.settle();
        self.pending.clear();
        self.position = self.settled;
        if let Some(sink) = &mut self.sink {
            sink.hang_up();
        }
        self.failures = self.failures.saturating_add(1);
        self.error = Some(told);
        self.has_failed = true;
        let wait = backoff(
            self.failures,
            self.app.log_stream_jitter(),
            self.limits.backoff,
            self.limits.backoff_cap,
        );
        let asked = error.retry_after();
        Next::Pause(asked.map_or(wait, |asked| asked.clamp(wait, self.limits.backoff_cap.max(wait))))
    }

    /// Waits, but not longer than the stream is as it is.
    async fn wait(&mut self, next: Next) {
        let (until, wakes) = match next {
            Next::Go => return,
            Next::Wait(wait) => (Instant::now() + wait, true),
            Next::Pause(wait) => (Instant::now() + wait, false),
        };
        let stop = self.stop.clone();
        loop {
            let renewal = self.reported_at + self.limits.lease / RENEWALS;
            let sole = self.app.settings.delivery.sole;
            let mut renews = false;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(until) => return,
                () = tokio::time::sleep_until(renewal), if !sole => renews = true,
                _ = self.changes.changed() => if self.has_changed() { return },
                _ = self.written.changed(), if wakes => {
                    let _ = stop.run_until_cancelled(tokio::time::sleep(self.limits.gather)).await;
                    return;
                }
            }
            // Whether it is still ours is found out with the next report.
            if renews {
                self.report(Some(self.limits.lease)).await;
            }
        }
    }

    fn has_changed(&self) -> bool {
        has_changed(&self.app, &self.stream)
    }

    /// Whether there is something to be written down that should not wait.
    fn is_due(&self) -> bool {
        let age = self.reported_at.elapsed();
        if self.has_failed || self.error.is_none() && self.is_failing {
            return true;
        }
        if self.unreported.events > 0 {
            return age >= self.limits.report;
        }
        self.settled != self.reported && age >= self.limits.report_idle
    }

    /// Writes down how far it has come. Says whether it is still ours.
    async fn report(&mut self, hold: Option<Duration>) -> bool {
        let unreported = std::mem::take(&mut self.unreported);
        let org = self.app.state.directory().org().map(|org| org.id.clone());
        let command = ReportLogStream {
            id: self.stream.id.clone(),
            epoch: self.epoch,
            hold,
            report: Report {
                cursor: self.settled.map(|cursor| cursor.to_string()),
                delivered: unreported.events,
                reached: unreported.published,
                error: self.error.clone(),
            },
            patience: self.limits.patience,
            actor: Actor::system(&org.unwrap_or_else(|| OrgId::new("unknown"))),
        };
        let reported = self.app.commands.run(command).await;
        self.reported_at = Instant::now();
        match reported {
            Ok(mine) => {
                self.reported = self.settled;
                self.has_failed = false;
                self.is_failing = self.error.is_some();
                mine
            }
            Err(error) => {
                tracing::debug!(stream = %self.stream.id, error = %ErrorChain(&error), "the place of a stream could not be written down");
                self.unreported.events = self.unreported.events.saturating_add(unreported.events);
                self.unreported.published = self.unreported.published.or(unreported.published);
                true
            }
        }
    }

    async fn measure(&mut self) {
        if self.measured_at.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return;
        }
        self.measured_at = Some(Instant::now());
        if let Ok(lag) = self.app.log_lag(&self.stream, self.settled).await {
            self.app
                .commands
                .metrics()
                .log_stream_lags(self.stream.id.as_str(), lag.events, lag.age);
        }
    }
}

fn has_changed(app: &App, stream: &Arc<LogStream>) -> bool {
    let now = app.active_log_stream(&stream.id);
    now.is_none_or(|now| !Arc::ptr_eq(&now, stream))
}

/// Waits until a stream is no longer what it was, or the process stops.
async fn ended(app: App, mut changes: watch::Receiver<()>, stream: Arc<LogStream>, stop: CancellationToken) {
    let changed = async {
        while !has_changed(&app, &stream) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = stop.run_until_cancelled(changed).await;
}

impl App {
    fn log_stream_jitter(&self) -> u16 {
        let mut bytes = [0; 2];
        self.entropy.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}
