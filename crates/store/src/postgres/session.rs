//! The connection that writes, and its turn among the nodes (ADR 0022).
//!
//! A group is one transaction. It takes the lock first, so that groups follow each other over all nodes, and then reads
//! what others have committed since this node looked last. Its own row in `groups` has the next number: should two
//! nodes ever write at a time, one of them would be refused.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, postgres::PgConnectOptions};
use tokio::sync::Notify;
use watchfire_model::row::Decision;

use super::{CHANNEL, Connection, Row, WRITER_LOCK, execute};
use crate::{
    StoreError,
    foreign::{Counters, DedupeCounters, ForeignGroup, LogCounters, Place},
    segments::{Encoded, decode},
};

/// How long a connection that may be lost is given to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a commit whose answer was lost is looked for before its outcome counts as unknown.
const OUTCOME: Duration = Duration::from_secs(15);
/// How long the search for it rests.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Groups that are read at one time.
const PAGE: i64 = 256;

/// The connection that writes.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) conn: Connection,
    options: PgConnectOptions,
    epoch: i64,
    /// The last group that this node knows, its own or another's.
    at: Place,
    /// The group of the transaction under way, once it is written.
    sealed: Option<Place>,
    /// Whether there are nodes that want to read it.
    has_peers: bool,
    is_lost: bool,
    node_timeout: Duration,
    shared: Arc<Shared>,
}

/// What the node's heart tells of the journal, and the journal hears of other nodes.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// How far this node has read.
    pub(crate) read_upto: AtomicI64,
    /// Others have written.
    pub(crate) hint: Arc<Notify>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Committed,
    RolledBack,
    /// What came before it is gone as well: another server has taken over, or others have gone far ahead.
    Overtaken,
}

/// What a session is made of.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) conn: Connection,
    pub(crate) options: PgConnectOptions,
    pub(crate) epoch: i64,
    pub(crate) at: Place,
    pub(crate) node_timeout: Duration,
    pub(crate) shared: Arc<Shared>,
}

impl Session {
    /// Whether other processes write.
    pub(crate) const SHARED: bool = true;

    pub(crate) fn new(joined: Joined) -> Self {
        let Joined {
            conn,
            options,
            epoch,
            at,
            node_timeout,
            shared,
        } = joined;
        shared.read_upto.store(at.seq, Ordering::Relaxed);
        Self {
            conn,
            options,
            epoch,
            at,
            sealed: None,
            has_peers: true,
            is_lost: false,
            node_timeout,
            shared,
        }
    }

    /// Makes sure that there is a connection, and that what this node knows is still what is stored.
    pub(crate) async fn ready(&mut self) -> Result<(), StoreError> {
        if !self.is_lost {
            return Ok(());
        }
        self.conn = self.connect().await?;
        if !self.is_stored(self.at).await? {
            return Err(overtaken());
        }
        self.is_lost = false;
        Ok(())
    }

    /// Looks whether the connection is lost, after something has failed.
    pub(crate) async fn examine(&mut self) {
        let answers = tokio::time::timeout(ANSWER, self.conn.ping()).await;
        self.is_lost = !matches!(answers, Ok(Ok(())));
    }

    /// Begins a transaction when it is this node's turn; gives what others have committed.
    pub(crate) async fn begin(&mut self) -> Result<Vec<ForeignGroup>, StoreError> {
        self.sealed = None;
        self.take_turn().await?;
        self.tail().await
    }

    /// One way to the server for all three. What comes behind the savepoint can be taken back without the turn.
    async fn take_turn(&mut self) -> Result<(), StoreError> {
        let sql = format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({WRITER_LOCK}); SAVEPOINT decided");
        let taken = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await;
        taken.map(|_| ()).map_err(StoreError::of_statement)
    }

    /// Takes back what the transaction has done, and goes on.
    pub(crate) async fn again(&mut self) -> Result<(), StoreError> {
        execute(&mut self.conn, "ROLLBACK TO SAVEPOINT decided").await
    }

    /// What others have committed since. Numbers are given in the order of the commits and without gaps, so that none
    /// can turn up behind one that was read; where one is missing, it was removed, and this node is too late.
    pub(crate) async fn tail(&mut self) -> Result<Vec<ForeignGroup>, StoreError> {
        const SQL: &str = "SELECT p.has_peers, g.* FROM (SELECT EXISTS (SELECT 1 FROM nodes WHERE epoch <> $2 AND \
                           seen > clock_timestamp() - make_interval(secs => $4)) AS has_peers) AS p \
                           LEFT JOIN LATERAL (SELECT * FROM groups WHERE seq > $1 ORDER BY seq LIMIT $3) AS g ON TRUE \
                           ORDER BY g.seq";
        let mut groups: Vec<ForeignGroup> = Vec::new();
        loop {
            let after = groups.last().map_or(self.at.seq, |group| group.place.seq);
            let rows = sqlx::query(SQL)
                .bind(after)
                .bind(self.epoch)
                .bind(PAGE)
                .bind(self.node_timeout.as_secs_f64())
                .fetch_all(&mut self.conn)
                .await
                .map_err(StoreError::of_statement)?;
            let mut read = 0_i64;
            for row in &rows {
                self.has_peers = row.try_get("has_peers").map_err(StoreError::of_statement)?;
                let Some(group) = read_group(row)? else { continue };
                let wanted = groups.last().map_or(self.at.seq, |group| group.place.seq).saturating_add(1);
                if group.place.seq != wanted || group.place.epoch == self.epoch {
                    return Err(overtaken());
                }
                groups.push(group);
                read += 1;
            }
            if read < PAGE {
                return Ok(groups);
            }
        }
    }

    /// A group of another node is taken over here.
    pub(crate) fn has_read(&mut self, place: Place) {
        self.at = place;
        self.shared.read_upto.store(place.seq, Ordering::Relaxed);
    }

    /// Tells that others may have written.
    #[expect(clippy::unnecessary_wraps, reason = "the other dialect has no others")]
    pub(crate) fn others(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.shared.hint))
    }

    /// Writes down for the others what the transaction has written.
    pub(crate) async fn seal(
        &mut self,
        decisions: &VecDeque<Arc<Decision>>,
        counters: &Counters,
        purged: bool,
    ) -> Result<(), StoreError> {
        let mut payload = None;
        if self.has_peers {
            let mut encoded = Encoded::default();
            for decision in decisions {
                encoded.push(decision).map_err(|_| refused())?;
            }
            payload = Some(encoded);
        }
        let place = Place {
            seq: self.at.seq.saturating_add(1),
            epoch: self.epoch,
        };
        const COLUMNS: &str = "INSERT INTO groups (seq, epoch, payload, next_ordinal, dedupe_partition, dedupe_rows, dedupe_expiry_us, \
             log_partition, log_rows, log_seq, log_published_us, purged) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let told = format!("{COLUMNS} RETURNING pg_notify('{CHANNEL}', '{}')::text", self.epoch);
        let sql = if self.has_peers { told } else { COLUMNS.to_owned() };
        sqlx::query(AssertSqlSafe(sql))
            .bind(place.seq)
            .bind(place.epoch)
            .bind(payload.as_ref().map(Encoded::bytes))
            .bind(counters.next_ordinal)
            .bind(counters.dedupe.partition)
            .bind(counters.dedupe.rows)
            .bind(counters.dedupe.last_expiry_us)
            .bind(counters.log.partition)
            .bind(counters.log.rows)
            .bind(counters.log.last_seq)
            .bind(counters.log.last_published_us)
            .bind(purged)
            .execute(&mut self.conn)
            .await
            .map_err(StoreError::of_statement)?;
        self.sealed = Some(place);
        Ok(())
    }

    /// Commits. When the answer is lost, what is stored says what became of it.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("COMMIT").execute(&mut self.conn).await;
        match done.map_err(StoreError::of_commit) {
            Ok(_) => {}
            Err(StoreError::SyncUnknown(error)) => self.outcome(error).await?,
            Err(error) => return Err(error),
        }
        if let Some(place) = self.sealed.take() {
            self.has_read(place);
        }
        Ok(())
    }

    pub(crate) async fn roll_back(&mut self) {
        self.sealed = None;
        // What is lost has been rolled back by the server.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
    }

    /// What became of a commit whose answer was lost: its group is there or not, and it is not on its way any more when
    /// the turn is this node's again.
    async fn outcome(&mut self, lost: sqlx::Error) -> Result<(), StoreError> {
        let Some(sealed) = self.sealed else {
            return Err(StoreError::SyncUnknown(lost));
        };
        self.is_lost = true;
        tracing::warn!(error = %lost, "the answer to a commit was lost; looking for what became of it");
        let found = async {
            loop {
                match self.look_for(sealed).await {
                    Ok(found) => return found,
                    Err(error) => tracing::debug!(error = %error, "the database does not say yet what became of a commit"),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        match tokio::time::timeout(OUTCOME, found).await {
            Ok(Outcome::Committed) => Ok(()),
            Ok(Outcome::RolledBack) => Err(StoreError::Busy(lost)),
            Ok(Outcome::Overtaken) => Err(overtaken()),
            Err(_) => Err(StoreError::SyncUnknown(lost)),
        }
    }

    async fn look_for(&mut self, sealed: Place) -> Result<Outcome, StoreError> {
        self.conn = self.connect().await?;
        self.take_turn().await?;
        let outcome = if self.is_stored(sealed).await? {
            Outcome::Committed
        } else if self.is_stored(self.at).await? {
            Outcome::RolledBack
        } else {
            Outcome::Overtaken
        };
        execute(&mut self.conn, "ROLLBACK").await?;
        self.is_lost = false;
        Ok(outcome)
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        self.options.connect().await.map_err(StoreError::of_statement)
    }

    async fn is_stored(&mut self, place: Place) -> Result<bool, StoreError> {
        if place.seq == 0 {
            return Ok(true);
        }
        let epoch: Option<i64> = sqlx::query_scalar("SELECT epoch FROM groups WHERE seq = $1")
            .bind(place.seq)
            .fetch_optional(&mut self.conn)
            .await
            .map_err(StoreError::of_statement)?;
        Ok(epoch == Some(place.epoch))
    }
}

/// A group as it is stored; `None` where the row has none.
fn read_group(row: &Row) -> Result<Option<ForeignGroup>, StoreError> {
    let of_row = || -> Result<Option<ForeignGroup>, sqlx::Error> {
        let Some(seq) = row.try_get("seq")? else {
            return Ok(None);
        };
        let payload: Option<Vec<u8>> = row.try_get("payload")?;
        let decisions = payload.as_deref().and_then(|bytes| decode(bytes).ok());
        Ok(Some(ForeignGroup {
            place: Place {
                seq,
                epoch: row.try_get("epoch")?,
            },
            decisions: decisions.ok_or_else(|| sqlx::Error::Configuration(MISSED.into()))?,
            bytes: payload.map_or(0, |payload| payload.len()),
            counters: Counters {
                next_ordinal: row.try_get("next_ordinal")?,
                dedupe: DedupeCounters {
                    partition: row.try_get("dedupe_partition")?,
                    rows: row.try_get("dedupe_rows")?,
                    last_expiry_us: row.try_get("dedupe_expiry_us")?,
                },
                log: LogCounters {
                    partition: row.try_get("log_partition")?,
                    rows: row.try_get("log_rows")?,
                    last_seq: row.try_get("log_seq")?,
                    last_published_us: row.try_get("log_published_us")?,
                },
            },
            purged: row.try_get("purged")?,
        }))
    };
    // What cannot be read was not kept for this node, or is newer than it: it starts anew.
    of_row().map_err(StoreError::SyncUnknown)
}

const MISSED: &str = "other nodes have gone on without this one, and what they decided is not kept any more";

/// Others have gone on: what this node keeps in memory is old. The next start reads it anew.
fn overtaken() -> StoreError {
    StoreError::SyncUnknown(sqlx::Error::Configuration(MISSED.into()))
}

fn refused() -> StoreError {
    StoreError::Refused(sqlx::Error::Protocol("a decision cannot be written as bytes".to_owned()))
}
