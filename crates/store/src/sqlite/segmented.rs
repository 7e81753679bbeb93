//! The journal of segments in front of SQLite (architecture section 6, ADR 0020).
//!
//! ```text
//! append ─> encode ─> sync: one write and one fdatasync of a file ─> (publish, answer)
//!                       └─> applier: what has come since its last transaction, in one transaction
//! ```
//!
//! What commands see is the index with everything laid over it that it does not have yet. The applier is the inline
//! journal; the same transaction says how far it is. A start applies first what the files have and the index has not.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fastbloom::BloomFilter;
use tokio::sync::{mpsc, oneshot, watch};
use watchfire_model::{
    row::{Decision, DedupeKey, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    Connection,
    dedupe::{self, Dedupe},
    inline::Inline,
    known::{Behind, Keys, Known},
};
use crate::{
    StoreError,
    journal::{Journal, Seq},
    segments::{AppendError, Applied, Encoded, SegmentLog},
    settings::Settings,
};

/// The journal.
#[derive(Debug)]
pub struct Segmented {
    known: Known,
    conn: Connection,
    seen: Seen,
    /// Away while it syncs.
    log: Option<SegmentLog>,
    encoded: Encoded,
    /// Decisions of the known group that are synced.
    synced: usize,
    /// The decision before the first one of the known group.
    forgotten: Seq,
    applier: mpsc::UnboundedSender<Work>,
    state: Arc<ApplierState>,
    applied: watch::Receiver<Seq>,
    backlog_bytes: usize,
    backlog_wait: Duration,
}

/// What the applier is given, in order.
enum Work {
    Group(SyncedGroup),
    Purge(Timestamp, oneshot::Sender<Result<u64, StoreError>>),
}

/// A group that is durable.
struct SyncedGroup {
    decisions: Vec<Arc<Decision>>,
    bytes: usize,
    last: Seq,
}

/// What the applier tells.
#[derive(Debug)]
struct ApplierState {
    /// Bytes of groups that are not in the index.
    backlog: AtomicUsize,
    applied: watch::Sender<Seq>,
    /// The dedupe partitions that there are.
    partitions: watch::Sender<Vec<i64>>,
    /// It has met what only a new start can mend.
    failed: watch::Sender<bool>,
}

/// Decisions that one transaction of the index applies at the most.
const APPLY_AT_ONCE: usize = 2_048;
/// How long the applier waits before it tries again what the index was too busy for.
const TRY_AGAIN: Duration = Duration::from_millis(50);

impl Segmented {
    /// Begins the files of start `epoch` in `folder`, in front of `index`, which has everything of the starts before.
    /// `conn` reads what `index` writes.
    pub(crate) fn begin(
        index: Inline,
        conn: Connection,
        folder: &Path,
        epoch: u64,
        settings: &Settings,
    ) -> Result<Self, StoreError> {
        let log = SegmentLog::begin(Arc::clone(&settings.disk), folder, epoch, settings.segments)
            .map_err(|error| StoreError::Database(sqlx::Error::Io(error)))?;
        let state = Arc::new(ApplierState {
            backlog: AtomicUsize::new(0),
            applied: watch::Sender::new(0),
            partitions: watch::Sender::new(index.dedupe().numbers()),
            failed: watch::Sender::new(false),
        });
        let (applier, work) = mpsc::unbounded_channel();
        let this = Self {
            known: Known::new(index.last_ordinal(), settings),
            conn,
            seen: Seen::of(index.dedupe(), state.partitions.subscribe(), settings.dedupe_partition_rows),
            log: Some(log),
            encoded: Encoded::default(),
            synced: 0,
            forgotten: 0,
            applier,
            applied: state.applied.subscribe(),
            state: Arc::clone(&state),
            backlog_bytes: settings.backlog_bytes,
            backlog_wait: settings.busy_timeout,
        };
        tokio::spawn(
            Applier {
                index,
                epoch,
                work,
                state,
            }
            .run(),
        );
        Ok(this)
    }

    /// Takes away what the index has by now. Only ever before the index is read: what is read and what lies over it
    /// may overlap, and there is nothing between them.
    fn catch_up(&mut self) {
        let applied = *self.applied.borrow_and_update();
        let count = usize::try_from(applied.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        if count > 0 {
            self.known.group.forget(count);
            self.synced = self.synced.saturating_sub(count);
            self.forgotten = applied;
        }
    }

    /// Waits while the index is further behind than it may be.
    async fn wait_for_room(&mut self) -> Result<(), StoreError> {
        let has_room = || self.state.backlog.load(Ordering::Acquire) <= self.backlog_bytes;
        if has_room() {
            return Ok(());
        }
        let mut applied = self.state.applied.subscribe();
        let waited = applied.wait_for(|_| has_room());
        match tokio::time::timeout(self.backlog_wait, waited).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StoreError::Busy(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Goes back to what is synced.
    fn forget_group(&mut self) {
        self.encoded.clear();
        if self.known.group.decisions().len() > self.synced {
            self.known.keep(self.synced);
        }
    }

    /// Writes and syncs on a thread that may wait.
    async fn write(&mut self) -> Result<Seq, AppendError> {
        let gone = || AppendError::Unknown(std::io::ErrorKind::BrokenPipe.into());
        let mut log = self.log.take().ok_or_else(gone)?;
        let encoded = std::mem::take(&mut self.encoded);
        let applied = *self.applied.borrow();
        let written = tokio::task::spawn_blocking(move || {
            if let Err(error) = log.retire(applied) {
                tracing::warn!(%error, "cannot remove a segment of the journal that is no longer needed");
            }
            let appended = log.append(&encoded);
            (log, encoded, appended)
        });
        let (log, encoded, appended) = written.await.map_err(|_| gone())?;
        (self.log, self.encoded) = (Some(log), encoded);
        appended
    }
}

#[async_trait]
impl Journal for Segmented {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        self.catch_up();
        let behind = Behind {
            conn: &mut self.conn,
            keys: &self.seen,
        };
        self.known.load(behind, needs).await
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        if self.encoded.is_empty() {
            self.wait_for_room().await?;
            self.catch_up();
        }
        let behind = Behind {
            conn: &mut self.conn,
            keys: &self.seen,
        };
        self.known.append(behind, Arc::clone(&decision)).await?;
        if let Err(error) = self.encoded.push(&decision) {
            self.known.keep(self.known.group.decisions().len().saturating_sub(1));
            return Err(StoreError::Refused(sqlx::Error::Encode(error.into())));
        }
        self.seen.remember(&decision);
        let count = Seq::try_from(self.known.group.decisions().len()).unwrap_or(Seq::MAX);
        Ok(self.forgotten.saturating_add(count))
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        if *self.state.failed.borrow() {
            return Err(StoreError::SyncUnknown(sqlx::Error::WorkerCrashed));
        }
        if self.encoded.is_empty() {
            return Ok(());
        }
        let bytes = self.encoded.len();
        let last = match self.write().await {
            Ok(last) => last,
            Err(AppendError::Unknown(error)) => return Err(StoreError::SyncUnknown(sqlx::Error::Io(error))),
            Err(AppendError::Unwritten(error)) => {
                self.forget_group();
                return Err(StoreError::Busy(sqlx::Error::Io(error)));
            }
        };
        self.encoded.clear();
        let decisions: Vec<_> = self.known.group.decisions().range(self.synced..).map(Arc::clone).collect();
        self.synced = self.known.group.decisions().len();
        self.state.backlog.fetch_add(bytes, Ordering::AcqRel);
        // Whoever does not listen any more has said that it has failed.
        let _ = self.applier.send(Work::Group(SyncedGroup { decisions, bytes, last }));
        self.known.bound_cache();
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.forget_group();
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let (answer, purged) = oneshot::channel();
        let _ = self.applier.send(Work::Purge(now, answer));
        let purged = purged
            .await
            .unwrap_or(Err(StoreError::SyncUnknown(sqlx::Error::WorkerCrashed)))?;
        self.catch_up();
        if purged > 0 {
            self.known.cache.clear();
        }
        self.seen.trim();
        Ok(purged)
    }

    fn applied(&self) -> watch::Receiver<Seq> {
        self.applied.clone()
    }
}

/// Whether a key was used, for who does not write the index. The filters follow each other as the partitions do, but
/// the two are not counted together: a key that is in one of the filters is looked for in all partitions.
#[derive(Debug)]
struct Seen {
    filters: VecDeque<BloomFilter>,
    rows: i64,
    rows_per_partition: i64,
    partitions: watch::Receiver<Vec<i64>>,
}

impl Seen {
    fn of(index: &Dedupe, partitions: watch::Receiver<Vec<i64>>, rows_per_partition: i64) -> Self {
        let mut filters: VecDeque<BloomFilter> = index.filters().cloned().collect();
        filters.push_back(dedupe::filter(rows_per_partition));
        Self {
            filters,
            rows: 0,
            rows_per_partition,
            partitions,
        }
    }

    fn remember(&mut self, decision: &Decision) {
        for row in &decision.rows {
            if let Row::Dedupe { key, .. } = row {
                if self.rows >= self.rows_per_partition {
                    self.filters.push_back(dedupe::filter(self.rows_per_partition));
                    self.rows = 0;
                }
                if let Some(last) = self.filters.back_mut() {
                    last.insert(&key.0);
                    self.rows = self.rows.saturating_add(1);
                }
            }
        }
    }

    /// Forgets filters of partitions that are gone, and keeps one for each border that may lie elsewhere.
    fn trim(&mut self) {
        let kept = self.partitions.borrow().len().saturating_add(2);
        while self.filters.len() > kept {
            self.filters.pop_front();
        }
    }
}

impl Keys for Seen {
    async fn expiry_of(&self, conn: &mut Connection, key: DedupeKey) -> Result<Option<Timestamp>, StoreError> {
        if !self.filters.iter().any(|filter| filter.contains(&key.0)) {
            return Ok(None);
        }
        let partitions = self.partitions.borrow().clone();
        for partition in partitions.into_iter().rev() {
            let found = dedupe::look_up(conn, partition, key).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Brings the index up with the segments.
struct Applier {
    index: Inline,
    epoch: u64,
    work: mpsc::UnboundedReceiver<Work>,
    state: Arc<ApplierState>,
}

impl Applier {
    async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.work.recv_many(&mut waiting, APPLY_AT_ONCE).await > 0 {
            if let Err(error) = self.carry_out(std::mem::take(&mut waiting)).await {
                tracing::error!(%error, "the index cannot be brought up with the journal; a new start will try");
                self.state.failed.send_replace(true);
                return;
            }
        }
    }

    async fn carry_out(&mut self, waiting: Vec<Work>) -> Result<(), StoreError> {
        let (mut groups, mut decisions) = (Vec::new(), 0);
        for work in waiting {
            match work {
                Work::Group(group) => {
                    decisions += group.decisions.len();
                    groups.push(group);
                    if decisions >= APPLY_AT_ONCE {
                        decisions = 0;
                        self.apply(std::mem::take(&mut groups)).await?;
                    }
                }
                Work::Purge(now, answer) => {
                    self.apply(std::mem::take(&mut groups)).await?;
                    let purged = self.index.purge(now).await;
                    self.tell_partitions();
                    let _ = answer.send(purged);
                }
            }
        }
        self.apply(groups).await
    }

    /// Applies groups and tells how far the index is.
    async fn apply(&mut self, groups: Vec<SyncedGroup>) -> Result<(), StoreError> {
        let Some(last) = groups.last().map(|group| group.last) else {
            return Ok(());
        };
        let bytes = groups.iter().map(|group| group.bytes).sum();
        let decisions: Vec<_> = groups.into_iter().flat_map(|group| group.decisions).collect();
        let first = last
            .saturating_add(1)
            .saturating_sub(Seq::try_from(decisions.len()).unwrap_or(Seq::MAX));
        apply_or_hold(&mut self.index, &decisions, self.epoch, first).await?;
        self.tell_partitions();
        self.state.backlog.fetch_sub(bytes, Ordering::AcqRel);
        self.state.applied.send_replace(last);
        Ok(())
    }

    fn tell_partitions(&self) {
        let numbers = self.index.dedupe().numbers();
        self.state.partitions.send_if_modified(|known| {
            let changed = *known != numbers;
            *known = numbers;
            changed
        });
    }
}

/// Applies decisions of start `epoch`, the first of them number `first`. One that the index will not have, which is a
/// defect, is kept aside, and its neighbours go on.
pub(crate) async fn apply_or_hold(
    index: &mut Inline,
    decisions: &[Arc<Decision>],
    epoch: u64,
    first: Seq,
) -> Result<(), StoreError> {
    for (seq, piece) in (first..).step_by(APPLY_AT_ONCE).zip(decisions.chunks(APPLY_AT_ONCE)) {
        let count = Seq::try_from(piece.len()).unwrap_or(Seq::MAX);
        let upto = |seq| Applied { epoch, seq };
        match apply(index, piece, upto(seq.saturating_add(count).saturating_sub(1))).await {
            Err(StoreError::Refused(_) | StoreError::Corrupt { .. }) => {
                for (seq, decision) in (seq..).zip(piece) {
                    match apply(index, std::slice::from_ref(decision), upto(seq)).await {
                        Err(error @ (StoreError::Refused(_) | StoreError::Corrupt { .. })) => {
                            tracing::error!(%error, epoch, seq, "the index refused a decision that was acknowledged; it is held");
                            index.hold(decision, upto(seq), &error).await?;
                        }
                        other => other?,
                    }
                }
            }
            other => other?,
        }
    }
    Ok(())
}

/// Applies, and tries again for as long as the index is busy or full.
async fn apply(index: &mut Inline, decisions: &[Arc<Decision>], upto: Applied) -> Result<(), StoreError> {
    let mut told = false;
    loop {
        match index.apply(decisions, upto).await {
            Err(StoreError::Busy(error)) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "the index is busy or full; the journal waits for it");
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
            other => return other,
        }
    }
}
