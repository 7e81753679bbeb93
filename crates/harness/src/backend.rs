//! The journals that there are, behind one way to open them, so that one suite runs on each.

use std::{collections::BTreeMap, path::Path, path::PathBuf, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use parking_lot::Mutex;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use watchfire_crypto::digest;
use watchfire_model::time::Timestamp;
use watchfire_store::{
    cluster::Nodes,
    index::Index,
    journal::Journal,
    postgres,
    settings::{JournalKind, Settings},
    sqlite,
};

use crate::{
    clock::START,
    delayed::{ApplyDelay, Delayed, DurableLog},
    witness::Witness,
};

/// A way to keep decisions.
#[async_trait]
pub trait Backend: std::fmt::Debug + Send + Sync {
    /// Opens the store in `folder`; whoever had it before has let go of it.
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened>;

    /// Every row of every table that holds what decisions wrote, as text: two stores with the same text hold
    /// the same. They are SQLite's, unless the backend says otherwise.
    async fn contents(&self, folder: &Path) -> Result<String> {
        Witness::reading(folder).await?.contents().await
    }
}

/// An open store.
pub struct Opened {
    /// Where decisions become durable.
    pub journal: Box<dyn Journal>,
    /// Where they are found again.
    pub index: Arc<dyn Index>,
    /// What it shares with other nodes, where the store is one for several.
    pub nodes: Option<Nodes>,
    /// The number of this start.
    pub epoch: u64,
    /// No decision is dated before this.
    pub last_decision: Timestamp,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// SQLite, behind one of its journals.
#[derive(Clone, Copy, Debug)]
pub enum Sqlite {
    /// A group is a transaction.
    Inline,
    /// A group is a part of a file, and the index follows.
    Segments,
}

impl Sqlite {
    const fn kind(self) -> JournalKind {
        match self {
            Self::Inline => JournalKind::Inline,
            Self::Segments => JournalKind::Segments,
        }
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened> {
        let journal = self.kind();
        let store = sqlite::open(
            folder,
            &Settings {
                journal,
                ..settings.clone()
            },
            START,
        )
        .await?;
        Ok(Opened {
            last_decision: store.last_published,
            journal: store.journal,
            index: Arc::new(store.reader),
            nodes: None,
            epoch: store.epoch,
        })
    }
}

/// PostgreSQL: each folder has a database of its own on one server.
#[derive(Clone, Debug)]
pub struct Postgres {
    server: PgConnectOptions,
}

/// Names the server: a URL whose user may create databases.
pub const POSTGRES_SERVER: &str = "WATCHFIRE_TEST_POSTGRES";

impl Postgres {
    /// The URL of the folder's database, which is made if it is not there.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self, folder: &Path) -> Result<String> {
        let name = digest::sha256_hex(folder.as_os_str().as_encoded_bytes());
        let name = format!("watchfire_{}", name.get(..16).unwrap_or_default());
        let mut server = self.server.connect().await?;
        let there: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(&name)
            .fetch_optional(&mut server)
            .await?;
        if there.is_none() {
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                .execute(&mut server)
                .await?;
        }
        server.close().await?;
        Ok(self.server.clone().database(&name).to_url_lossy().to_string())
    }
}

impl Postgres {
    /// The texts that a query of one text column gives in the folder's database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn texts(&self, folder: &Path, sql: &str) -> Result<Vec<String>> {
        let mut conn = self.database(folder).await?.parse::<PgConnectOptions>()?.connect().await?;
        Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut conn).await?)
    }
}

#[async_trait]
impl Backend for Postgres {
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened> {
        let store = postgres::open(&self.database(folder).await?, settings, START).await?;
        Ok(Opened {
            last_decision: store.journal.last_published(),
            journal: Box::new(store.journal),
            index: Arc::new(store.reader),
            nodes: Some(store.nodes),
            epoch: store.epoch,
        })
    }

    async fn contents(&self, folder: &Path) -> Result<String> {
        let database = self.database(folder).await?.parse::<PgConnectOptions>()?;
        let mut conn = database.connect().await?;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx%' \
             AND tablename NOT IN ('epochs', 'groups', 'nodes', 'leases', 'windows', 'kept', 'compatibility') ORDER BY 1",
        )
        .fetch_all(&mut conn)
        .await?;
        let mut text = String::new();
        for table in tables {
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} AS t ORDER BY 1")))
                .fetch_all(&mut conn)
                .await?;
            rows.iter().for_each(|row| text.push_str(&format!("{table}: {row}\n")));
        }
        Ok(text)
    }
}

/// Where the tests of this run keep their decisions: on the server that the environment names, or else in SQLite.
///
/// # Errors
/// When the URL is none.
pub fn of_environment() -> Result<Arc<dyn Backend>> {
    Ok(match postgres_of_environment()? {
        Some(postgres) => Arc::new(postgres),
        None => Arc::new(Sqlite::Segments),
    })
}

/// The server that the environment names.
///
/// # Errors
/// When the URL is none.
pub fn postgres_of_environment() -> Result<Option<Postgres>> {
    let url = std::env::var(POSTGRES_SERVER).ok();
    let server = url.map(|url| url.parse::<PgConnectOptions>()).transpose()?;
    Ok(server.map(|server| Postgres { server }))
}

/// SQLite behind a journal that is durable at once and applied after a delay.
#[derive(Debug, Default)]
pub struct Behind {
    delay: ApplyDelay,
    /// What is durable and not applied when a store is closed waits here, as in a file, for the next start.
    logs: Mutex<BTreeMap<PathBuf, DurableLog>>,
}

impl Behind {
    /// Applies after `delay`.
    pub fn new(delay: ApplyDelay) -> Self {
        Self {
            delay,
            logs: Mutex::default(),
        }
    }
}

#[async_trait]
impl Backend for Behind {
    async fn open(&self, folder: &Path, settings: &Settings) -> Result<Opened> {
        let log = self.logs.lock().entry(folder.to_owned()).or_default().clone();
        log.wait_until_closed().await;
        let journal = JournalKind::Inline;
        let store = sqlite::open(
            folder,
            &Settings {
                journal,
                ..settings.clone()
            },
            START,
        )
        .await?;
        Ok(Opened {
            last_decision: store.last_published,
            journal: Box::new(Delayed::open(store.journal, log, self.delay.clone()).await?),
            index: Arc::new(store.reader),
            nodes: None,
            epoch: store.epoch,
        })
    }
}
