//! The inline journal: the decisions of a group are one transaction of the index, synced when it
//! commits. There is no second place that could disagree.
//!
//! A group is kept in memory until it is synced, and then written with a few statements of many rows each:
//! a statement costs more than a row.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use watchfire_model::{
    row::{Decision, DedupeKey, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    Session,
    dedupe::{self, Dedupe},
    dialect, execute,
    known::{Behind, Keys as _, Known},
    log::{self, LogWriter},
    objects,
};
use crate::{
    StoreError,
    foreign::{Counters, ForeignGroup},
    journal::{Foreign, Journal, Seq},
    segments::{Applied, Encoded},
    settings::Settings,
};

/// The inline journal.
#[derive(Debug)]
pub struct Inline {
    session: Session,
    dedupe: Dedupe,
    log: LogWriter,
    log_retention: Duration,
    known: Known,
    next_seq: Seq,
    transaction: Option<Transaction>,
    applied: watch::Sender<Seq>,
    /// How far the group under way goes, when another journal is in front of this one.
    upto: Option<Applied>,
    /// What other nodes have decided and nobody has taken yet.
    foreign: Foreign,
}

/// A transaction of the index, and what is put back when it is rolled back.
#[derive(Debug)]
struct Transaction {
    dedupe: dedupe::Mark,
    log: log::Mark,
}

/// Objects and receipts that one purge removes at most, so that a group of commands never waits long for it.
const PURGE_BATCH: i64 = 1_000;

impl Inline {
    /// Opens the journal on `session`, which keeps other processes out for as long as it lives.
    pub(crate) async fn open(mut session: Session, settings: &Settings) -> Result<Self, StoreError> {
        let conn = &mut session.conn;
        execute(conn, dialect::BEGIN).await?;
        let dedupe = Dedupe::open(conn, settings.dedupe_partition_rows).await?;
        let log = LogWriter::open(conn, settings.log_partition_rows).await?;
        let last_ordinal = objects::last_ordinal(conn).await?;
        sqlx::query("COMMIT").execute(conn).await.map_err(StoreError::of_commit)?;
        Ok(Self {
            session,
            dedupe,
            log,
            log_retention: settings.log_retention,
            known: Known::new(last_ordinal, settings),
            next_seq: 1,
            transaction: None,
            applied: watch::Sender::new(0),
            upto: None,
            foreign: Foreign::default(),
        })
    }

    /// When the newest log event was published; the clock never goes behind it.
    pub fn last_published(&self) -> Timestamp {
        self.log.last_published()
    }

    /// How far the index is, when another journal is in front of this one.
    pub(crate) async fn applied_upto(&mut self) -> Result<Applied, StoreError> {
        let found: Option<(i64, i64)> = sqlx::query_as("SELECT epoch, seq FROM applied")
            .fetch_optional(&mut self.session.conn)
            .await
            .map_err(StoreError::of_statement)?;
        let (epoch, seq) = found.unwrap_or_default();
        Ok(Applied {
            epoch: epoch.unsigned_abs(),
            seq: seq.unsigned_abs(),
        })
    }

    /// Writes decisions that are durable elsewhere, and how far they go, in one transaction.
    pub(crate) async fn apply(&mut self, decisions: &[Arc<Decision>], upto: Applied) -> Result<(), StoreError> {
        self.known.take_as_decided(decisions);
        self.upto = Some(upto);
        let applied = self.sync().await;
        self.upto = None;
        applied
    }

    /// Keeps a decision aside that the index refused for itself, and goes on behind it.
    pub(crate) async fn hold(&mut self, decision: &Decision, at: Applied, why: &StoreError) -> Result<(), StoreError> {
        let mut encoded = Encoded::default();
        // What was written into a segment can be written.
        let _ = encoded.push(decision);
        self.open_transaction().await?;
        sqlx::query("INSERT INTO held (epoch, seq, reason, decision) VALUES ($1, $2, $3, $4)")
            .bind(at.epoch.cast_signed())
            .bind(at.seq.cast_signed())
            .bind(why.to_string())
            .bind(encoded.bytes())
            .execute(&mut self.session.conn)
            .await
            .map_err(StoreError::of_statement)?;
        self.write_upto(at).await?;
        self.commit(false).await
    }

    /// The keys that are remembered.
    pub(crate) const fn dedupe(&self) -> &Dedupe {
        &self.dedupe
    }

    /// The highest ordinal in use.
    pub(crate) const fn last_ordinal(&self) -> i64 {
        self.known.ordinal_before().saturating_sub(1)
    }

    /// Begins a transaction, unless there is one. What others have decided until then is taken over.
    async fn open_transaction(&mut self) -> Result<(), StoreError> {
        if self.transaction.is_some() {
            return Ok(());
        }
        let begun = match self.session.begin().await {
            Ok(groups) => self.take_over(groups).await,
            Err(error) => Err(error),
        };
        self.transaction = Some(Transaction {
            dedupe: self.dedupe.mark(),
            log: self.log.mark(),
        });
        if begun.is_err() {
            self.undo().await;
            self.session.examine().await;
        }
        begun
    }

    /// Begins a transaction before anything is read, where others may write in between.
    async fn begin_if_shared(&mut self) -> Result<(), StoreError> {
        self.session.ready().await?;
        if Session::SHARED {
            self.open_transaction().await
        } else {
            Ok(())
        }
    }

    /// What others have written is in the index; here everything that goes with it is brought up.
    async fn take_over(&mut self, groups: Vec<ForeignGroup>) -> Result<(), StoreError> {
        for group in groups {
            let keys: Vec<(DedupeKey, Timestamp)> = group.decisions.iter().flat_map(keys_of).collect();
            self.dedupe.learn(&keys, group.counters.dedupe);
            self.log.go_on_from(group.counters.log);
            self.known.follow(&group.decisions, group.bytes, group.counters.next_ordinal);
            if group.purged {
                self.known.cache.clear();
                self.dedupe.look_again(&mut self.session.conn).await?;
            }
            let count = u64::try_from(group.decisions.len()).unwrap_or(0);
            self.next_seq = self.next_seq.saturating_add(count);
            self.foreign.decisions.extend(group.decisions);
            self.foreign.last_published = self.log.last_published();
            self.session.has_read(group.place);
            self.applied.send_replace(self.next_seq.saturating_sub(1));
        }
        Ok(())
    }

    /// What the next group goes on counting from.
    fn counters(&self) -> Counters {
        Counters {
            next_ordinal: self.known.next_ordinal(),
            dedupe: self.dedupe.counters(),
            log: self.log.counters(),
        }
    }

    /// Writes the group into the transaction.
    async fn write(&mut self) -> Result<(), StoreError> {
        self.open_transaction().await?;
        match self.write_at_once().await {
            // Something in it was written before, or its order counts.
            Err(StoreError::Refused(_)) => {
                self.session.again().await?;
                if let Some(before) = &self.transaction {
                    self.dedupe.restore(&before.dedupe);
                    self.log.restore(&before.log);
                }
                self.write_in_order().await
            }
            done => done,
        }?;
        match self.upto {
            Some(upto) => self.write_upto(upto).await,
            None => Ok(()),
        }
    }

    async fn write_upto(&mut self, upto: Applied) -> Result<(), StoreError> {
        let sql = "INSERT INTO applied (one, epoch, seq) VALUES (1, $1, $2) \
                   ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq";
        sqlx::query(sql)
            .bind(upto.epoch.cast_signed())
            .bind(upto.seq.cast_signed())
            .execute(&mut self.session.conn)
            .await
            .map_err(StoreError::of_statement)?;
        Ok(())
    }

    /// The keys that the group remembers. What another journal has decided may have one that is remembered already,
    /// by the same row.
    async fn new_keys(&mut self) -> Result<Vec<(DedupeKey, Timestamp)>, StoreError> {
        let mut keys = self.known.group.remembered().to_vec();
        if self.upto.is_some() {
            let mut new = Vec::with_capacity(keys.len());
            for (key, expires_at) in keys {
                if self.dedupe.expiry_of(&mut self.session.conn, key).await?.is_none() {
                    new.push((key, expires_at));
                }
            }
            keys = new;
        }
        Ok(keys)
    }

    /// What the group comes to.
    async fn write_at_once(&mut self) -> Result<(), StoreError> {
        let keys = self.new_keys().await?;
        let (conn, group) = (&mut self.session.conn, &self.known.group);
        self.dedupe.remember(conn, &keys).await?;
        objects::put_receipts(conn, &group.receipts()).await?;
        objects::delete(conn, &group.deleted()).await?;
        self.known.cache.weigh(objects::put(conn, &group.put()).await?);
        self.log.write(conn, group.decisions()).await
    }

    /// Row by row, as the decisions have them.
    async fn write_in_order(&mut self) -> Result<(), StoreError> {
        let mut ordinal = self.known.ordinal_before();
        let keys = self.new_keys().await?;
        let (conn, group) = (&mut self.session.conn, &self.known.group);
        self.dedupe.remember(conn, &keys).await?;
        objects::put_receipts(conn, &group.receipts()).await?;
        for decision in group.decisions() {
            self.log.prepare(conn, decision).await?;
            for row in &decision.rows {
                match row {
                    Row::Put(object) => {
                        let bytes = objects::put(conn, &[(object, &object.keys(), ordinal)]).await?;
                        self.known.cache.weigh(bytes);
                        ordinal += 1;
                    }
                    Row::Delete { kind, id } => objects::delete(conn, &[(*kind, id)]).await?,
                    Row::Log(event) => self.log.append(conn, event).await?,
                    Row::Dedupe { .. } | Row::Receipt(_) => {}
                }
            }
        }
        Ok(())
    }

    async fn purge_in_transaction(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let kept_since = now.minus(self.log_retention);
        let conn = &mut self.session.conn;
        let objects = objects::purge(conn, now, PURGE_BATCH).await?;
        let receipts = objects::purge_receipts(conn, now, kept_since, PURGE_BATCH).await?;
        let partitions = self.dedupe.forget(conn, now).await? + self.log.drop_before(conn, kept_since).await?;
        if objects > 0 {
            self.known.cache.clear();
        }
        Ok(objects + receipts + partitions)
    }

    async fn commit(&mut self, purged: bool) -> Result<(), StoreError> {
        let counters = self.counters();
        self.session.seal(self.known.group.decisions(), &counters, purged).await?;
        self.session.commit().await?;
        self.transaction = None;
        self.dedupe.settle();
        Ok(())
    }

    async fn undo(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.session.roll_back().await;
            self.dedupe.restore(&transaction.dedupe);
            self.log.restore(&transaction.log);
        }
    }
}

#[async_trait]
impl Journal for Inline {
    async fn begin(&mut self) -> Result<Foreign, StoreError> {
        self.begin_if_shared().await?;
        Ok(std::mem::take(&mut self.foreign))
    }

    async fn tail(&mut self) -> Result<Foreign, StoreError> {
        self.session.ready().await?;
        let followed = match self.session.tail().await {
            Ok(groups) => self.take_over(groups).await,
            Err(error) => Err(error),
        };
        if followed.is_err() {
            self.session.examine().await;
        }
        followed.map(|()| std::mem::take(&mut self.foreign))
    }

    fn others(&self) -> Option<Arc<Notify>> {
        self.session.others()
    }

    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        self.begin_if_shared().await?;
        let behind = Behind {
            conn: &mut self.session.conn,
            keys: &self.dedupe,
        };
        self.known.load(behind, needs).await
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        self.begin_if_shared().await?;
        let behind = Behind {
            conn: &mut self.session.conn,
            keys: &self.dedupe,
        };
        self.known.append(behind, decision).await?;
        let seq = self.next_seq;
        self.next_seq += 1;
        Ok(seq)
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        if self.known.group.is_empty() {
            // It was read, and others may go on.
            self.undo().await;
            return Ok(());
        }
        let written = match self.write().await {
            Ok(()) => self.commit(false).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            self.roll_back().await;
            return Err(error);
        }
        self.known.settle_group();
        self.applied.send_replace(self.next_seq - 1);
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.undo().await;
        self.session.examine().await;
        self.known.drop_group();
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.session.ready().await?;
        self.open_transaction().await?;
        let purged = match self.purge_in_transaction(now).await {
            // What removes nothing tells nobody.
            Ok(0) => {
                self.undo().await;
                Ok(0)
            }
            Ok(purged) => self.commit(true).await.map(|()| purged),
            Err(error) => Err(error),
        };
        if purged.is_err() {
            self.undo().await;
            self.session.examine().await;
        }
        purged
    }

    fn applied(&self) -> watch::Receiver<Seq> {
        self.applied.subscribe()
    }
}

/// The keys that a decision remembers.
fn keys_of(decision: &Decision) -> impl Iterator<Item = (DedupeKey, Timestamp)> {
    decision.rows.iter().filter_map(|row| match row {
        Row::Dedupe { key, expires_at } => Some((*key, *expires_at)),
        _ => None,
    })
}
