//! The one place through which everything that changes state goes (architecture section 6).
//!
//! What has queued up is one group: each command is decided on a slice that includes the ones before
//! it, all decisions share one sync, and only then is anything published or answered.

mod others;
mod pending;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use watchfire_domain::{
    Command, Context,
    command::{HookSubscriptions, MAX_FOLLOW_UPS},
};
use watchfire_model::{row::Decision, time::Timestamp};
use watchfire_store::{
    StoreError,
    journal::{Foreign, Journal, Seq},
};

use self::{
    others::Freshness,
    pending::{Envelope, Pending, Verdict},
};
use crate::{Clock, Error, Result, ids::KeyedIds, metrics::Metrics, state::State};

/// Named limits of the sequencer.
#[derive(Clone, Copy, Debug)]
pub struct SequencerLimits {
    /// Commands that may wait; past it the answer is 503.
    pub queue: usize,
    /// Commands of one group at the most.
    pub group: usize,
    /// What a client that is sent away is told to wait.
    pub retry_after: Duration,
    /// How often what has expired is removed.
    pub purge_every: Duration,
    /// How soon after a removal the next one follows, until nothing is left: each is small, so that no
    /// command waits long for it.
    pub purge_again: Duration,
    /// How often a node that has nothing to do looks at what others have decided.
    pub look_every: Duration,
    /// How long ago a node may have looked last, before it counts as stale.
    pub stale_after: Duration,
    /// How long a read waits for the index to hold what was answered before it; then it takes what is there.
    pub index_wait: Duration,
}

impl Default for SequencerLimits {
    fn default() -> Self {
        Self {
            queue: 4_096,
            group: 256,
            retry_after: Duration::from_secs(1),
            purge_every: Duration::from_secs(60),
            purge_again: Duration::from_millis(100),
            look_every: Duration::from_millis(100),
            stale_after: Duration::from_secs(2),
            index_wait: Duration::from_secs(5),
        }
    }
}

/// Gives commands to the sequencer.
#[derive(Clone, Debug)]
pub struct Commands {
    queue: mpsc::Sender<Box<dyn Pending>>,
    accepted: watch::Receiver<Seq>,
    applied: watch::Receiver<Seq>,
    freshness: Arc<Freshness>,
    limits: SequencerLimits,
    metrics: Arc<Metrics>,
}

impl Commands {
    /// Has `command` decided, made durable and published, and gives its outcome.
    ///
    /// # Errors
    /// What the command was rejected with; [`Error::Unavailable`] when the queue is full or the store
    /// is busy: nothing happened; [`Error::Internal`] when the index refused the decision.
    pub async fn run<C: Command>(&self, command: C) -> Result<C::Outcome> {
        let (pending, answer) = Envelope::new(command);
        self.queue.try_send(Box::new(pending)).map_err(|_| self.unavailable())?;
        // The sequencer only drops an answer when the process is about to end with an unknown outcome.
        answer.await.unwrap_or_else(|_| Err(self.unavailable()))
    }

    /// Waits until the index holds everything that was accepted before this call, but not for ever:
    /// after [`SequencerLimits::index_wait`] the reader takes what is there.
    pub async fn wait_for_index(&self) {
        let accepted = *self.accepted.borrow();
        let mut applied = self.applied.clone();
        let caught_up = applied.wait_for(|seq| *seq >= accepted);
        let _ = tokio::time::timeout(self.limits.index_wait, caught_up).await;
    }

    /// Tells of every group that the index holds.
    pub fn written(&self) -> watch::Receiver<Seq> {
        self.applied.clone()
    }

    /// The counters of the sequencer and of what is in front of it.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Commands that wait.
    pub fn queued(&self) -> usize {
        self.limits.queue.saturating_sub(self.queue.capacity())
    }

    /// Decisions that were acknowledged and that reads of the index do not see yet.
    pub fn behind(&self) -> u64 {
        self.accepted.borrow().saturating_sub(*self.applied.borrow())
    }

    /// How much of what other nodes have decided may be missing here, in time; nothing where there are none.
    pub fn lag(&self) -> Option<Duration> {
        self.freshness.age()
    }

    /// Whether this node has not seen for too long what others have decided. Judged at the time of the call: a process
    /// that was stopped and goes on is stale at once.
    pub fn is_stale(&self) -> bool {
        self.lag().is_some_and(|lag| lag > self.limits.stale_after)
    }

    pub(crate) fn unavailable(&self) -> Error {
        Error::Unavailable {
            retry_after: self.limits.retry_after,
        }
    }
}

/// The sequencer: takes commands until it is cancelled and the queue is empty.
#[derive(Debug)]
pub struct Sequencer<J> {
    journal: J,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    ids: KeyedIds,
    queue: mpsc::Receiver<Box<dyn Pending>>,
    accepted: watch::Sender<Seq>,
    others: Option<Arc<Notify>>,
    freshness: Arc<Freshness>,
    limits: SequencerLimits,
    last: Timestamp,
    metrics: Arc<Metrics>,
}

/// The commands of a group that the index refused, and why.
type Refused = (Vec<Box<dyn Pending>>, StoreError);

/// Why the sequencer ended.
#[derive(Debug)]
pub enum Ended {
    /// Nobody gives commands any more, or it was told to stop; everything queued was carried out.
    Stopped,
    /// A sync failed and nobody knows what is on the disk: the process must end with 75.
    SyncUnknown(StoreError),
}

impl<J: Journal> Sequencer<J> {
    /// A sequencer over `journal`, and the handle that feeds it. No decision is dated before `last`.
    pub fn new(
        journal: J,
        state: Arc<State>,
        clock: Arc<dyn Clock>,
        ids: KeyedIds,
        last: Timestamp,
        limits: SequencerLimits,
    ) -> (Self, Commands) {
        let (sender, queue) = mpsc::channel(limits.queue);
        let (accepted, accepted_rx) = watch::channel(0);
        let metrics = Arc::new(Metrics::default());
        let others = journal.others();
        let freshness = Arc::new(Freshness::new(others.is_none()));
        let commands = Commands {
            queue: sender,
            accepted: accepted_rx,
            applied: journal.applied(),
            freshness: Arc::clone(&freshness),
            limits,
            metrics: Arc::clone(&metrics),
        };
        (
            Self {
                journal,
                state,
                clock,
                ids,
                queue,
                accepted,
                others,
                freshness,
                limits,
                last,
                metrics,
            },
            commands,
        )
    }

    /// Runs until `stop` is cancelled and the queue is empty, or until a sync fails.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let mut purge = tokio::time::interval(self.limits.purge_every);
        purge.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(self.limits.group);
        loop {
            tokio::select! {
                // What is always ready comes last: a full queue may not hold up the end or the removal.
                biased;
                () = stop.cancelled(), if !self.queue.is_closed() => self.queue.close(),
                _ = purge.tick() => match self.purge().await {
                    Ok(0) => {}
                    Ok(_) => purge.reset_after(self.limits.purge_again),
                    Err(unknown) => return Ended::SyncUnknown(unknown),
                },
                taken = self.queue.recv_many(&mut batch, self.limits.group) => {
                    if taken == 0 {
                        return Ended::Stopped;
                    }
                    if let Err(unknown) = self.group(std::mem::take(&mut batch)).await {
                        return Ended::SyncUnknown(unknown);
                    }
                }
                // Each group looks by itself.
                () = others::decided(self.others.as_deref(), self.limits.look_every) => {
                    if let Err(unknown) = self.look().await {
                        return Ended::SyncUnknown(unknown);
                    }
                }
            }
        }
    }

    /// Carries a group out. When the index finds only at the sync that it will not have one of its
    /// decisions, each command becomes a group of its own: that one fails alone.
    async fn group(&mut self, batch: Vec<Box<dyn Pending>>) -> Result<(), StoreError> {
        let Some((waiting, error)) = self.try_group(batch).await? else {
            return Ok(());
        };
        tracing::error!(error = %ErrorChain(&error), commands = waiting.len(), "the index refused a group; its commands go one by one");
        for pending in waiting {
            if let Some((alone, error)) = self.try_group(vec![pending]).await?
                && let Some(pending) = alone.into_iter().next()
            {
                pending.finish(Verdict::Refused(error));
            }
        }
        Ok(())
    }

    /// Decides, appends, syncs, publishes, answers: never in another order. Gives back the commands of a group
    /// that the index refused whole.
    async fn try_group(&mut self, batch: Vec<Box<dyn Pending>>) -> Result<Option<Refused>, StoreError> {
        if let Err(error) = self.begin().await {
            return self.abandon(batch, error).await.map(|()| None);
        }
        let mut waiting = Vec::with_capacity(batch.len());
        let mut published = Vec::with_capacity(batch.len());
        let mut last_seq = None;
        let mut rest = batch.into_iter();
        let mut failed = None;
        for mut pending in rest.by_ref() {
            match self.one(pending.as_mut()).await {
                Ok((decision, seq)) => {
                    last_seq = seq.or(last_seq);
                    published.push(decision);
                    waiting.push(pending);
                }
                // About this command alone: its neighbours go on.
                Err(error @ (StoreError::Refused(_) | StoreError::Corrupt { .. })) => pending.finish(Verdict::Refused(error)),
                Err(error) => {
                    waiting.push(pending);
                    failed = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = failed {
            waiting.extend(rest);
            return self.abandon(waiting, error).await.map(|()| None);
        }
        #[cfg(feature = "sabotage-early-answer")]
        self.state.publish(&published, self.last);
        #[cfg(feature = "sabotage-early-answer")]
        for pending in waiting.drain(..) {
            pending.finish(Verdict::Durable);
        }
        let began = Instant::now();
        match self.journal.sync().await {
            Ok(()) => {}
            Err(error @ (StoreError::Refused(_) | StoreError::Corrupt { .. })) => return Ok(Some((waiting, error))),
            Err(error) => return self.abandon(waiting, error).await.map(|()| None),
        }
        self.metrics.synced(published.len(), began.elapsed().as_secs_f64());
        self.state.publish(&published, self.last);
        if let Some(seq) = last_seq {
            self.accepted.send_replace(seq);
        }
        for pending in waiting {
            pending.finish(Verdict::Durable);
        }
        Ok(None)
    }

    /// Begins a group on what every node has decided before it.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let at = Instant::now();
        let foreign = self.journal.begin().await?;
        self.follow(foreign, at);
        Ok(())
    }

    /// Takes over what others have decided, between groups.
    async fn look(&mut self) -> Result<(), StoreError> {
        let at = Instant::now();
        match self.journal.tail().await {
            Ok(foreign) => self.follow(foreign, at),
            Err(error @ StoreError::SyncUnknown(_)) => return Err(error),
            Err(error) => tracing::debug!(error = %ErrorChain(&error), "what other nodes have decided could not be read"),
        }
        Ok(())
    }

    /// What others have decided is durable, and published here as if it were our own.
    fn follow(&mut self, foreign: Foreign, at: Instant) {
        self.last = self.last.max(foreign.last_published);
        if !foreign.decisions.is_empty() {
            let decisions: Vec<_> = foreign.decisions.into_iter().map(others::whole).collect();
            self.metrics.followed(decisions.len());
            self.state.publish(&decisions, self.last.max(self.clock.now()));
        }
        self.freshness.looked(at);
    }

    async fn one(&mut self, pending: &mut dyn Pending) -> Result<(Arc<Decision>, Option<Seq>), StoreError> {
        let mut asked = pending.needs();
        let mut slice = self.journal.load(&asked).await?;
        for _ in 0..MAX_FOLLOW_UPS {
            // What was asked for and is not there shall not be looked for again.
            let mut more = pending.follow_up(&slice);
            more.retain(|need| !asked.contains(need));
            if more.is_empty() {
                break;
            }
            slice.merge(self.journal.load(&more).await?);
            asked.append(&mut more);
        }
        let directory = self.state.directory();
        self.last = self.last.max(self.clock.now());
        let quota = self.state.hook_quota();
        let nobody = HookSubscriptions::new();
        let hooks = if quota.has_room(self.last) {
            directory.hook_subscriptions()
        } else {
            &nobody
        };
        self.ids.begin_decision();
        let decision = Arc::new(pending.decide(
            &slice,
            &mut Context {
                now: self.last,
                ids: &mut self.ids,
                hooks,
            },
        ));
        if decision.rows.is_empty() {
            // Nothing to write, but the answer still waits for the sync: what it repeats may be in
            // this very group.
            return Ok((decision, None));
        }
        let seq = self.journal.append(Arc::clone(&decision)).await?;
        Ok((decision, Some(seq)))
    }

    /// Nothing of the group happened; or, after a failed sync, nobody knows.
    async fn abandon(&mut self, waiting: Vec<Box<dyn Pending>>, error: StoreError) -> Result<(), StoreError> {
        if matches!(error, StoreError::SyncUnknown(_)) {
            return Err(error);
        }
        self.journal.roll_back().await;
        self.metrics.abandoned();
        tracing::warn!(error = %ErrorChain(&error), commands = waiting.len(), "the store did not take a group of commands");
        for pending in waiting {
            pending.finish(Verdict::Unavailable(self.limits.retry_after));
        }
        Ok(())
    }

    async fn purge(&mut self) -> Result<u64, StoreError> {
        let now = self.last.max(self.clock.now());
        self.state.forget_expired(now);
        match self.journal.purge(now).await {
            Ok(purged) => {
                if purged > 0 {
                    tracing::debug!(purged, "removed what has expired");
                }
                Ok(purged)
            }
            Err(error @ StoreError::SyncUnknown(_)) => Err(error),
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "could not remove what has expired");
                Ok(0)
            }
        }
    }
}

/// Prints an error with all its sources.
pub(crate) struct ErrorChain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
