//! What operators watch (`/metrics`, Prometheus text).

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper ends of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Upper ends of the group size buckets.
const GROUP_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The labels of a counted answer.
pub type AnswerLabels = Vec<(&'static str, String)>;

/// Every metric, with the registry that prints them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    answer_seconds: Histogram,
    group_commands: Histogram,
    sync_seconds: Histogram,
    groups_abandoned: Counter,
    live_signals: Gauge,
    queued_commands: Gauge,
    decisions_behind: Gauge,
    followed_decisions: Counter,
    node_lag: Gauge<f64, AtomicU64>,
    outbox_pending: Gauge,
    outbox_attempts: Family<AnswerLabels, Counter>,
    outbox_dead: Family<AnswerLabels, Counter>,
    sets: Family<AnswerLabels, Counter>,
    refused_sets: Family<AnswerLabels, Counter>,
    polls: Family<AnswerLabels, Counter>,
    polled_sets: Counter,
    geo_lookups: Family<AnswerLabels, Counter>,
    geo_changes: Family<AnswerLabels, Counter>,
    geo_ages: Family<AnswerLabels, Gauge>,
    log_streamed: Family<AnswerLabels, Counter>,
    log_stream_errors: Family<AnswerLabels, Counter>,
    log_stream_lag: Family<AnswerLabels, Gauge>,
    log_stream_lag_seconds: Family<AnswerLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let this = Self {
            registry: Registry::with_prefix("watchfire"),
            answers: Family::default(),
            answer_seconds: Histogram::new(LATENCY_BUCKETS),
            group_commands: Histogram::new(GROUP_BUCKETS),
            sync_seconds: Histogram::new(LATENCY_BUCKETS),
            groups_abandoned: Counter::default(),
            live_signals: Gauge::default(),
            queued_commands: Gauge::default(),
            decisions_behind: Gauge::default(),
            followed_decisions: Counter::default(),
            node_lag: Gauge::default(),
            outbox_pending: Gauge::default(),
            outbox_attempts: Family::default(),
            outbox_dead: Family::default(),
            sets: Family::default(),
            refused_sets: Family::default(),
            polls: Family::default(),
            polled_sets: Counter::default(),
            geo_lookups: Family::default(),
            geo_changes: Family::default(),
            geo_ages: Family::default(),
            log_streamed: Family::default(),
            log_stream_errors: Family::default(),
            log_stream_lag: Family::default(),
            log_stream_lag_seconds: Family::default(),
        };
        this.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let r = &mut self.registry;
        r.register("http_answers", "Answers by method and status", self.answers.clone());
        r.register_with_unit(
            "http_answer",
            "Time from request to answer",
            Unit::Seconds,
            self.answer_seconds.clone(),
        );
        r.register("group_commands", "Commands that shared one sync", self.group_commands.clone());
        r.register_with_unit(
            "sync",
            "Time of one sync of the journal",
            Unit::Seconds,
            self.sync_seconds.clone(),
        );
        r.register(
            "groups_abandoned",
            "Groups that the store did not take; their commands got 503",
            self.groups_abandoned.clone(),
        );
        r.register(
            "live_signals",
            "Signals about addresses that count now",
            self.live_signals.clone(),
        );
        r.register(
            "queued_commands",
            "Commands that wait for the sequencer",
            self.queued_commands.clone(),
        );
        r.register(
            "decisions_behind",
            "Decisions that were acknowledged and are not in the index yet",
            self.decisions_behind.clone(),
        );
        r.register(
            "followed_decisions",
            "Decisions of other nodes that were taken over here",
            self.followed_decisions.clone(),
        );
        r.register_with_unit(
            "node_lag",
            "Time since this node has seen everything that other nodes have decided; 0 where there are none",
            Unit::Seconds,
            self.node_lag.clone(),
        );
        r.register(
            "outbox_pending",
            "Actions that wait for a call, as far as they are in memory",
            self.outbox_pending.clone(),
        );
        r.register(
            "outbox_attempts",
            "Calls of actions by kind and result",
            self.outbox_attempts.clone(),
        );
        r.register("outbox_dead", "Actions that were given up, by kind", self.outbox_dead.clone());
        r.register("sets", "SETs that were taken, by provider and result", self.sets.clone());
        r.register(
            "sets_refused",
            "SETs that were not taken, by provider and err",
            self.refused_sets.clone(),
        );
        r.register("stream_polls", "Polls of incoming streams by result", self.polls.clone());
        r.register("stream_polled_sets", "SETs that polls have brought", self.polled_sets.clone());
        r.register(
            "geo_lookups",
            "Addresses that were looked up, by whether they were found",
            self.geo_lookups.clone(),
        );
        r.register(
            "geo_changes",
            "Changed files of geo data by kind and what became of them",
            self.geo_changes.clone(),
        );
        r.register_with_unit(
            "geo_data_age",
            "Time since the geo data in use was built",
            Unit::Seconds,
            self.geo_ages.clone(),
        );
        r.register(
            "log_stream_events",
            "Events of the System Log that targets have taken, by stream",
            self.log_streamed.clone(),
        );
        r.register(
            "log_stream_errors",
            "Failures of streams of the System Log, by stream",
            self.log_stream_errors.clone(),
        );
        r.register(
            "log_stream_lag_events",
            "Events of the System Log that are still to be sent, by stream",
            self.log_stream_lag.clone(),
        );
        r.register_with_unit(
            "log_stream_lag",
            "Age of the next event that is to be sent, by stream",
            Unit::Seconds,
            self.log_stream_lag_seconds.clone(),
        );
        self
    }

    /// Counts an answer over HTTP.
    pub fn answered(&self, method: &str, status: u16, seconds: f64) {
        let labels = vec![("method", method.to_owned()), ("status", status.to_string())];
        self.answers.get_or_create(&labels).inc();
        self.answer_seconds.observe(seconds);
    }

    pub(crate) fn synced(&self, commands: usize, seconds: f64) {
        self.group_commands
            .observe(f64::from(u32::try_from(commands).unwrap_or(u32::MAX)));
        self.sync_seconds.observe(seconds);
    }

    pub(crate) fn followed(&self, decisions: usize) {
        self.followed_decisions.inc_by(u64::try_from(decisions).unwrap_or(u64::MAX));
    }

    /// How far this node is behind others.
    pub(crate) fn lag(&self, lag: Duration) {
        self.node_lag.set(lag.as_secs_f64());
    }

    pub(crate) fn took_set(&self, provider: String, result: &'static str) {
        let labels = vec![("provider", provider), ("result", result.to_owned())];
        self.sets.get_or_create(&labels).inc();
    }

    pub(crate) fn refused_set(&self, provider: String, err: &'static str) {
        let labels = vec![("provider", provider), ("err", err.to_owned())];
        self.refused_sets.get_or_create(&labels).inc();
    }

    pub(crate) fn polled(&self, result: &str, sets: usize) {
        let labels = vec![("result", result.to_owned())];
        self.polls.get_or_create(&labels).inc();
        self.polled_sets.inc_by(u64::try_from(sets).unwrap_or(u64::MAX));
    }

    pub(crate) fn located(&self, found: bool) {
        let result = if found { "found" } else { "unknown" };
        self.geo_lookups.get_or_create(&vec![("result", result.to_owned())]).inc();
    }

    pub(crate) fn geo_changed(&self, kind: &str, result: &str) {
        let labels = vec![("kind", kind.to_owned()), ("result", result.to_owned())];
        self.geo_changes.get_or_create(&labels).inc();
    }

    /// The age of what is in use; `None` when nothing is.
    pub(crate) fn geo_data(&self, kind: &str, age: Option<Duration>) {
        let labels = vec![("kind", kind.to_owned())];
        match age {
            Some(age) => {
                let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                self.geo_ages.get_or_create(&labels).set(seconds);
            }
            None => {
                self.geo_ages.remove(&labels);
            }
        }
    }

    pub(crate) fn log_streamed(&self, stream: &str, events: u64) {
        self.log_streamed.get_or_create(&of_stream(stream)).inc_by(events);
    }

    pub(crate) fn log_stream_failed(&self, stream: &str) {
        self.log_stream_errors.get_or_create(&of_stream(stream)).inc();
    }

    pub(crate) fn log_stream_lags(&self, stream: &str, events: u64, age: Duration) {
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        self.log_stream_lag.get_or_create(&of_stream(stream)).set(events);
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        self.log_stream_lag_seconds.get_or_create(&of_stream(stream)).set(seconds);
    }

    /// Somebody else works on this stream, or nobody.
    pub(crate) fn forget_log_stream(&self, stream: &str) {
        self.log_stream_lag.remove(&of_stream(stream));
        self.log_stream_lag_seconds.remove(&of_stream(stream));
    }

    pub(crate) fn abandoned(&self) {
        self.groups_abandoned.inc();
    }

    pub(crate) fn attempted(&self, kind: &'static str, result: &'static str) {
        let labels = vec![("kind", kind.to_owned()), ("result", result.to_owned())];
        self.outbox_attempts.get_or_create(&labels).inc();
    }

    pub(crate) fn given_up(&self, kind: &'static str) {
        self.outbox_dead.get_or_create(&vec![("kind", kind.to_owned())]).inc();
    }

    /// How far the index is behind.
    pub(crate) fn behind(&self, decisions: u64) {
        self.decisions_behind.set(i64::try_from(decisions).unwrap_or(i64::MAX));
    }

    pub(crate) fn print(&self, live_signals: usize, queued: usize, outbox: usize) -> String {
        self.outbox_pending.set(i64::try_from(outbox).unwrap_or(i64::MAX));
        self.live_signals.set(i64::try_from(live_signals).unwrap_or(i64::MAX));
        self.queued_commands.set(i64::try_from(queued).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn of_stream(stream: &str) -> AnswerLabels {
    vec![("stream", stream.to_owned())]
}
