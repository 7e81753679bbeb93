//! What the nodes on one database share beside decisions: signs of life, leases, counts of calls, values for one taker.
//!
//! All of it has connections of its own, which do not wait for the disk: none of it is a decision.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchfire_model::time::Timestamp;

use super::{CHANNEL, Pool, session::Shared};
use crate::{
    StoreError,
    cluster::{Calls, Cluster, Counted, SharedKey},
    settings::Settings,
};

/// Connections for it.
const CONNECTIONS: u32 = 4;
/// How often a node shows that it lives, and what all have read is removed.
const BEAT: Duration = Duration::from_secs(1);
/// How long a listener that has lost its connection rests.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// Rows that are removed at one time.
const REMOVED_AT_ONCE: i64 = 10_000;

/// What the nodes share, on PostgreSQL.
#[derive(Debug)]
pub(crate) struct PostgresNodes {
    pool: Pool,
    epoch: i64,
    _stop: DropGuard,
}

/// The node's signs of life.
#[derive(Debug)]
struct Heart {
    pool: Pool,
    epoch: i64,
    node_timeout: f64,
    kept_groups: i64,
    shared: Arc<Shared>,
}

impl PostgresNodes {
    pub(crate) async fn start(
        options: &PgConnectOptions,
        epoch: i64,
        settings: &Settings,
        shared: Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(settings.busy_timeout)
            .connect_with(options.clone().options([("synchronous_commit", "off")]))
            .await
            .map_err(StoreError::of_statement)?;
        let stop = CancellationToken::new();
        let heart = Heart {
            pool: pool.clone(),
            epoch,
            node_timeout: settings.node_timeout.as_secs_f64(),
            kept_groups: i64::from(settings.kept_groups),
            shared: Arc::clone(&shared),
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(heart.beat()));
        tokio::spawn(stop.clone().run_until_cancelled_owned(listen(pool.clone(), epoch, shared)));
        Ok(Self {
            pool,
            epoch,
            _stop: stop.drop_guard(),
        })
    }
}

impl Heart {
    async fn beat(self) {
        loop {
            tokio::time::sleep(BEAT).await;
            if let Err(error) = self.beat_once().await {
                tracing::debug!(error = %error, "a sign of life did not reach the database");
            }
        }
    }

    async fn beat_once(&self) -> Result<(), sqlx::Error> {
        const BEAT: &str = "INSERT INTO nodes (epoch, read_upto) VALUES ($1, $2) \
                            ON CONFLICT (epoch) DO UPDATE SET read_upto = excluded.read_upto, seen = excluded.seen";
        sqlx::query(BEAT)
            .bind(self.epoch)
            .bind(self.shared.read_upto.load(Ordering::Relaxed))
            .execute(&self.pool)
            .await?;
        sqlx::query("DELETE FROM nodes WHERE seen < clock_timestamp() - make_interval(secs => $1)")
            .bind(self.node_timeout)
            .execute(&self.pool)
            .await?;
        // The newest one stays: it is where the numbers go on.
        const READ_BY_ALL: &str = "DELETE FROM groups WHERE seq IN (SELECT seq FROM groups WHERE seq < GREATEST( \
                                   (SELECT MIN(read_upto) FROM nodes), (SELECT MAX(seq) FROM groups) - $1) ORDER BY seq LIMIT $2)";
        sqlx::query(READ_BY_ALL)
            .bind(self.kept_groups)
            .bind(REMOVED_AT_ONCE)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Hears that others have committed. What is not heard is found by looking.
async fn listen(pool: Pool, epoch: i64, shared: Arc<Shared>) {
    let own = epoch.to_string();
    loop {
        let heard = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            loop {
                if listener.recv().await?.payload() != own {
                    shared.hint.notify_one();
                }
            }
        };
        let lost: Result<(), sqlx::Error> = heard.await;
        if let Err(error) = lost {
            tracing::debug!(error = %error, "nothing is heard of other nodes");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

#[async_trait]
impl Cluster for PostgresNodes {
    async fn count(&self, calls: &[Calls], now: Timestamp) -> Result<Vec<Counted>, StoreError> {
        // A clock that was set back must not keep a caller out for longer than one window.
        const SQL: &str = "INSERT INTO windows AS w (key, started_us, ends_us, calls, slides) \
             SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[]) \
             AS new (key, started_us, ends_us, calls, slides) ORDER BY key \
             ON CONFLICT (key) DO UPDATE SET (started_us, ends_us, calls) = ( \
             SELECT CASE WHEN is_over THEN excluded.started_us ELSE w.started_us END, \
             CASE WHEN is_over OR excluded.slides THEN excluded.ends_us ELSE w.ends_us END, \
             CASE WHEN is_over THEN excluded.calls ELSE w.calls + excluded.calls END \
             FROM (SELECT excluded.started_us >= w.ends_us OR excluded.ends_us <= w.started_us AS is_over) AS it) \
             RETURNING key, started_us, calls";
        let keys: Vec<&[u8]> = calls.iter().map(|it| it.key.as_slice()).collect();
        let starts = vec![now.as_micros(); calls.len()];
        let ends: Vec<i64> = calls.iter().map(|it| now.plus(it.window).as_micros()).collect();
        let slides: Vec<bool> = calls.iter().map(|it| it.slides).collect();
        let counts: Vec<i64> = calls.iter().map(|it| i64::from(it.calls)).collect();
        let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(SQL)
            .bind(keys)
            .bind(starts)
            .bind(ends)
            .bind(counts)
            .bind(slides)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::of_statement)?;
        let counted = rows.into_iter().filter_map(|(key, started_us, calls)| {
            Some(Counted {
                key: key.try_into().ok()?,
                started_at: Timestamp::from_micros(started_us),
                calls: calls.unsigned_abs(),
            })
        });
        Ok(counted.collect())
    }

    async fn forget(&self, key: SharedKey) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM windows WHERE key = $1")
            .bind(&key[..])
            .execute(&self.pool)
            .await;
        done.map(|_| ()).map_err(StoreError::of_statement)
    }

    async fn hold(&self, name: &str, hold_for: Duration) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO leases AS l (name, epoch, until) \
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
             ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, until = excluded.until \
             WHERE l.epoch = excluded.epoch OR l.until < clock_timestamp()";
        let done = sqlx::query(SQL)
            .bind(name)
            .bind(self.epoch)
            .bind(hold_for.as_secs_f64())
            .execute(&self.pool)
            .await
            .map_err(StoreError::of_statement)?;
        Ok(done.rows_affected() > 0)
    }

    async fn let_go(&self, name: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM leases WHERE name = $1 AND epoch = $2")
            .bind(name)
            .bind(self.epoch)
            .execute(&self.pool)
            .await;
        done.map(|_| ()).map_err(StoreError::of_statement)
    }

    async fn keep(&self, key: SharedKey, value: &[u8], until: Timestamp) -> Result<(), StoreError> {
        let done = sqlx::query("INSERT INTO kept (key, expires_us, value) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING")
            .bind(&key[..])
            .bind(until.as_micros())
            .bind(value)
            .execute(&self.pool)
            .await;
        done.map(|_| ()).map_err(StoreError::of_statement)
    }

    async fn take(&self, key: SharedKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<(Vec<u8>, i64)> = sqlx::query_as("DELETE FROM kept WHERE key = $1 RETURNING value, expires_us")
            .bind(&key[..])
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::of_statement)?;
        let alive = found.filter(|(_, expires_us)| now.as_micros() < *expires_us);
        Ok(alive.map(|(value, _)| value))
    }

    async fn forget_ended(&self, now: Timestamp) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM windows WHERE key IN (SELECT key FROM windows WHERE ends_us < $1 LIMIT $2)",
            "DELETE FROM kept WHERE key IN (SELECT key FROM kept WHERE expires_us < $1 LIMIT $2)",
        ] {
            sqlx::query(sql)
                .bind(now.as_micros())
                .bind(REMOVED_AT_ONCE)
                .execute(&self.pool)
                .await
                .map_err(StoreError::of_statement)?;
        }
        Ok(())
    }
}
