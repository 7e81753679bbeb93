//! The inline journal: the decisions of a group are one transaction of the index, synced when it
//! commits. There is no second place that could disagree.
//!
//! A group is kept in memory until it is synced, and then written with a few statements of many rows each:
//! a statement costs more than a row. What commands ask for is answered out of memory where it is known
//! (`object_cache.rs`), with the group laid over it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;
use watchfire_model::{
    object::{Kind, Object},
    row::{Decision, DedupeKey, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    Session,
    dedupe::{self, Dedupe},
    dialect, execute,
    group::Group,
    log::{self, LogWriter},
    objects,
};
use crate::{
    StoreError,
    journal::{Journal, Seq},
    object_cache::ObjectCache,
    settings::Settings,
};

/// The inline journal.
#[derive(Debug)]
pub struct Inline {
    session: Session,
    dedupe: Dedupe,
    log: LogWriter,
    log_retention: Duration,
    cache: ObjectCache,
    cached_answers: usize,
    cached_bytes: usize,
    group: Group,
    /// Put back when the group is dropped.
    ordinal_before: i64,
    next_ordinal: i64,
    next_seq: Seq,
    transaction: Option<Transaction>,
    applied: watch::Sender<Seq>,
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
        let next_ordinal = objects::last_ordinal(conn).await?.saturating_add(1);
        sqlx::query("COMMIT").execute(conn).await.map_err(StoreError::of_commit)?;
        Ok(Self {
            session,
            dedupe,
            log,
            log_retention: settings.log_retention,
            cache: ObjectCache::default(),
            cached_answers: settings.cached_answers,
            cached_bytes: settings.cached_bytes,
            group: Group::default(),
            ordinal_before: next_ordinal,
            next_ordinal,
            next_seq: 1,
            transaction: None,
            applied: watch::Sender::new(0),
        })
    }

    /// When the newest log event was published; the clock never goes behind it.
    pub fn last_published(&self) -> Timestamp {
        self.log.last_published()
    }

    /// The objects that `need` asks for, as the index and the group have them.
    async fn find(&mut self, need: &Need) -> Result<Vec<Arc<Object>>, StoreError> {
        let conn = &mut self.session.conn;
        let found = match need {
            Need::Object(kind, id) => objects::get(conn, *kind, id).await?.into_iter().collect(),
            Need::Natural(kind, key) => objects::find(conn, *kind, key).await?.into_iter().collect(),
            Need::Children(kind, parent) => objects::children(conn, *kind, parent).await?,
            Need::All(kind) => objects::all(conn, *kind).await?,
            Need::Dedupe(_) => Vec::new(),
        };
        let mut found = found.into_iter().map(Arc::new).collect();
        self.group.overlay(need, &mut found);
        Ok(found)
    }

    async fn seen(&mut self, key: DedupeKey) -> Result<bool, StoreError> {
        Ok(self.group.expiry_of(key).is_some() || self.dedupe.expiry_of(&mut self.session.conn, key).await?.is_some())
    }

    /// Takes the rows of a decision into the group.
    async fn take(&mut self, decision: &Decision) -> Result<(), StoreError> {
        for row in &decision.rows {
            match row {
                Row::Put(object) => self.put(object).await?,
                Row::Delete { kind, id } => {
                    self.cache.remove(*kind, id);
                    self.group.delete(*kind, id, self.next_ordinal);
                }
                Row::Dedupe { key, expires_at } => self.remember(*key, *expires_at).await?,
                Row::Receipt(_) | Row::Log(_) => {}
            }
        }
        Ok(())
    }

    /// A natural key that is another object's is refused.
    async fn put(&mut self, object: &Object) -> Result<(), StoreError> {
        let keys = object.keys();
        if let Some(key) = &keys.natural {
            let holder = self.holder(object.kind(), key).await?;
            if holder.is_some_and(|holder| holder != keys.id) {
                return Err(refused("another object has this key"));
            }
        }
        let object = Arc::new(object.clone());
        self.cache.put(&object, &keys);
        self.group.write(object, keys, self.next_ordinal);
        self.next_ordinal += 1;
        Ok(())
    }

    /// The id of the object that has this natural key.
    async fn holder(&mut self, kind: Kind, key: &str) -> Result<Option<String>, StoreError> {
        let need = Need::Natural(kind, key.to_owned());
        if let Some(known) = self.cache.one(&need) {
            return Ok(known.map(|object| object.keys().id));
        }
        let found = self.find(&need).await?;
        self.cache.learn(&need, &found);
        Ok(found.first().map(|object| object.keys().id))
    }

    /// The same row once more is no other row; the same key with another expiry is refused.
    async fn remember(&mut self, key: DedupeKey, expires_at: Timestamp) -> Result<(), StoreError> {
        let known = match self.group.expiry_of(key) {
            Some(known) => Some(known),
            None => self.dedupe.expiry_of(&mut self.session.conn, key).await?,
        };
        match known {
            None => self.group.remember(key, expires_at),
            Some(known) if known == expires_at => {}
            Some(_) => return Err(refused("the key is remembered already")),
        }
        Ok(())
    }

    /// Goes back to the group without the decision that was refused half way.
    async fn take_again(&mut self) -> Result<(), StoreError> {
        let group = std::mem::take(&mut self.group);
        self.cache.clear();
        self.next_ordinal = self.ordinal_before;
        for decision in group.decisions() {
            self.take(decision).await?;
            self.group.push(Arc::clone(decision));
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        execute(&mut self.session.conn, dialect::BEGIN).await?;
        self.transaction = Some(Transaction {
            dedupe: self.dedupe.mark(),
            log: self.log.mark(),
        });
        Ok(())
    }

    /// Writes the group into the transaction.
    async fn write(&mut self) -> Result<(), StoreError> {
        self.begin().await?;
        match self.write_at_once().await {
            // Something in it was written before, or its order counts.
            Err(StoreError::Refused(_)) => {
                self.undo().await;
                self.begin().await?;
                self.write_in_order().await
            }
            done => done,
        }
    }

    /// What the group comes to.
    async fn write_at_once(&mut self) -> Result<(), StoreError> {
        let (conn, group) = (&mut self.session.conn, &self.group);
        self.dedupe.remember(conn, group.remembered()).await?;
        objects::put_receipts(conn, &group.receipts()).await?;
        objects::delete(conn, &group.deleted()).await?;
        self.cache.weigh(objects::put(conn, &group.put()).await?);
        self.log.write(conn, group.decisions()).await
    }

    /// Row by row, as the decisions have them.
    async fn write_in_order(&mut self) -> Result<(), StoreError> {
        let (conn, group) = (&mut self.session.conn, &self.group);
        self.dedupe.remember(conn, group.remembered()).await?;
        objects::put_receipts(conn, &group.receipts()).await?;
        let mut ordinal = self.ordinal_before;
        for decision in group.decisions() {
            self.log.prepare(conn, decision).await?;
            for row in &decision.rows {
                match row {
                    Row::Put(object) => {
                        self.cache
                            .weigh(objects::put(conn, &[(object, &object.keys(), ordinal)]).await?);
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
            self.cache.clear();
        }
        Ok(objects + receipts + partitions)
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        sqlx::query("COMMIT")
            .execute(&mut self.session.conn)
            .await
            .map_err(StoreError::of_commit)?;
        self.transaction = None;
        self.dedupe.settle();
        Ok(())
    }

    async fn undo(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            // SQLite may have rolled back by itself (disk full): then there is nothing to roll back.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.session.conn).await;
            self.dedupe.restore(&transaction.dedupe);
            self.log.restore(&transaction.log);
        }
    }
}

fn refused(why: &'static str) -> StoreError {
    StoreError::Refused(sqlx::Error::Protocol(why.to_owned()))
}

#[async_trait]
impl Journal for Inline {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        self.session.ready().await?;
        let mut slice = Slice::default();
        for need in needs {
            if let Need::Dedupe(key) = need {
                if self.seen(*key).await? {
                    slice.insert_seen(*key);
                }
            } else if !self.cache.answer(need, &mut slice) {
                let found = self.find(need).await?;
                self.cache.learn(need, &found);
                found.into_iter().for_each(|object| slice.share(object));
            }
        }
        Ok(slice)
    }

    async fn append(&mut self, decision: Arc<Decision>) -> Result<Seq, StoreError> {
        if let Err(error) = self.take(&decision).await {
            self.take_again().await?;
            return Err(error);
        }
        self.group.push(decision);
        let seq = self.next_seq;
        self.next_seq += 1;
        Ok(seq)
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let written = match self.write().await {
            Ok(()) => self.commit().await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            self.roll_back().await;
            return Err(error);
        }
        self.group = Group::default();
        self.ordinal_before = self.next_ordinal;
        if self.cache.len() > self.cached_answers || self.cache.bytes() > self.cached_bytes {
            self.cache.clear();
        }
        self.applied.send_replace(self.next_seq - 1);
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.undo().await;
        self.session.examine().await;
        if !self.group.is_empty() {
            self.cache.clear();
        }
        self.group = Group::default();
        self.next_ordinal = self.ordinal_before;
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.session.ready().await?;
        self.begin().await?;
        let purged = match self.purge_in_transaction(now).await {
            Ok(purged) => self.commit().await.map(|()| purged),
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
