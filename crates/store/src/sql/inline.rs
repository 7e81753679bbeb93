//! The inline journal: the decisions of a group are one transaction of the index, synced when it
//! commits. There is no second place that could disagree.

use std::{fs::File, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;
use watchfire_model::{
    row::{Decision, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    Connection,
    dedupe::{self, Dedupe},
    dialect, execute,
    log::LogWriter,
    objects,
};
use crate::{
    StoreError,
    journal::{Journal, Seq},
    settings::Settings,
};

/// The inline journal.
#[derive(Debug)]
pub struct Inline {
    conn: Connection,
    dedupe: Dedupe,
    log: LogWriter,
    log_retention: Duration,
    next_ordinal: i64,
    next_seq: Seq,
    group: Option<Group>,
    applied: watch::Sender<Seq>,
    _lock: Option<File>,
}

/// What is put back when the group is dropped.
#[derive(Debug)]
struct Group {
    dedupe: dedupe::Mark,
    log: super::log::Mark,
}

impl Inline {
    /// Opens the journal on `conn`; `lock` keeps other processes out for as long as it lives.
    pub(crate) async fn open(mut conn: Connection, settings: &Settings, lock: Option<File>) -> Result<Self, StoreError> {
        execute(&mut conn, dialect::BEGIN).await?;
        let dedupe = Dedupe::open(&mut conn, settings.dedupe_partition_rows).await?;
        let log = LogWriter::open(&mut conn, settings.log_partition_rows).await?;
        let next_ordinal = objects::last_ordinal(&mut conn).await?.saturating_add(1);
        sqlx::query("COMMIT")
            .execute(&mut conn)
            .await
            .map_err(StoreError::of_commit)?;
        Ok(Self {
            conn,
            dedupe,
            log,
            log_retention: settings.log_retention,
            next_ordinal,
            next_seq: 1,
            group: None,
            applied: watch::Sender::new(0),
            _lock: lock,
        })
    }

    /// When the newest log event was published; the clock never goes behind it.
    pub fn last_published(&self) -> Timestamp {
        self.log.last_published()
    }

    async fn purge_in_group(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let kept_since = now.minus(self.log_retention);
        let objects = objects::purge(&mut self.conn, now, PURGE_BATCH).await?;
        let receipts = objects::purge_receipts(&mut self.conn, now, kept_since, PURGE_BATCH).await?;
        let partitions =
            self.dedupe.forget(&mut self.conn, now).await? + self.log.drop_before(&mut self.conn, kept_since).await?;
        Ok(objects + receipts + partitions)
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        if self.group.is_none() {
            execute(&mut self.conn, dialect::BEGIN).await?;
            self.group = Some(Group {
                dedupe: self.dedupe.mark(),
                log: self.log.mark(),
            });
        }
        Ok(())
    }

    async fn write(&mut self, decision: &Decision) -> Result<(), StoreError> {
        for row in &decision.rows {
            match row {
                Row::Put(object) => {
                    objects::put(&mut self.conn, object, self.next_ordinal).await?;
                    self.next_ordinal += 1;
                }
                Row::Delete { kind, id } => objects::delete(&mut self.conn, *kind, id).await?,
                Row::Dedupe { key, expires_at } => self.dedupe.remember(&mut self.conn, *key, *expires_at).await?,
                Row::Receipt(receipt) => objects::put_receipt(&mut self.conn, receipt).await?,
                Row::Log(event) => self.log.append(&mut self.conn, event).await?,
            }
        }
        Ok(())
    }
}

/// Objects and receipts that one purge removes at most, so that a group of commands never waits long for it.
const PURGE_BATCH: i64 = 1_000;

#[async_trait]
impl Journal for Inline {
    async fn load(&mut self, needs: &[Need]) -> Result<Slice, StoreError> {
        self.begin().await?;
        let mut slice = Slice::default();
        for need in needs {
            let found = match need {
                Need::Object(kind, id) => objects::get(&mut self.conn, *kind, id).await?.into_iter().collect(),
                Need::Natural(kind, key) => objects::find(&mut self.conn, *kind, key).await?.into_iter().collect(),
                Need::Children(kind, parent) => objects::children(&mut self.conn, *kind, parent).await?,
                Need::All(kind) => objects::all(&mut self.conn, *kind).await?,
                Need::Dedupe(key) => {
                    if self.dedupe.seen(&mut self.conn, *key).await? {
                        slice.insert_seen(*key);
                    }
                    Vec::new()
                }
            };
            for object in found {
                slice.insert(object);
            }
        }
        Ok(slice)
    }

    async fn append(&mut self, decision: &Decision) -> Result<Seq, StoreError> {
        self.begin().await?;
        self.log.prepare(&mut self.conn, decision).await?;
        let (dedupe, log) = (self.dedupe.mark(), self.log.mark());
        execute(&mut self.conn, "SAVEPOINT decision").await?;
        if let Err(error) = self.write(decision).await {
            self.dedupe.restore(&dedupe);
            self.log.restore(&log);
            // After a full disk SQLite has dropped the whole group by itself, savepoint and all: what
            // counts is why, and only a refusal lets the group go on.
            let undone = execute(&mut self.conn, "ROLLBACK TO SAVEPOINT decision").await;
            return Err(match (error, undone) {
                (StoreError::Refused(_) | StoreError::Corrupt { .. }, Err(broken)) => broken,
                (error, _) => error,
            });
        }
        execute(&mut self.conn, "RELEASE SAVEPOINT decision").await?;
        let seq = self.next_seq;
        self.next_seq += 1;
        Ok(seq)
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        if self.group.is_none() {
            return Ok(());
        }
        if let Err(error) = sqlx::query("COMMIT").execute(&mut self.conn).await {
            self.roll_back().await;
            return Err(StoreError::of_commit(error));
        }
        self.group = None;
        self.dedupe.settle();
        self.applied.send_replace(self.next_seq - 1);
        Ok(())
    }

    async fn roll_back(&mut self) {
        if let Some(group) = self.group.take() {
            // SQLite may have rolled back by itself (disk full): then there is nothing to roll back.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
            self.dedupe.restore(&group.dedupe);
            self.log.restore(&group.log);
        }
    }

    async fn purge(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.begin().await?;
        match self.purge_in_group(now).await {
            Ok(purged) => self.sync().await.map(|()| purged),
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    fn applied(&self) -> watch::Receiver<Seq> {
        self.applied.subscribe()
    }
}
