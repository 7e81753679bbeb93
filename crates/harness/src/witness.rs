//! An eye and a hand on an embedded store from outside the store: another connection, as another
//! process would have it.

use std::path::Path;

use anyhow::Result;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use watchfire_model::time::Timestamp;
use watchfire_store::{
    settings::Settings,
    sqlite::{self, FILE_NAME},
};

/// A connection of its own to the store's file.
#[derive(Debug)]
pub struct Witness {
    conn: SqliteConnection,
}

impl Witness {
    /// Looks only.
    ///
    /// # Errors
    /// When there is no store.
    pub async fn reading(folder: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(folder.join(FILE_NAME)).read_only(true);
        Ok(Self {
            conn: options.connect().await?,
        })
    }

    /// Looks only, when a start has brought the index up with what the journal of a killed process holds.
    ///
    /// # Errors
    /// When there is no store, or a process has it.
    pub async fn after_a_start(folder: &Path) -> Result<Self> {
        drop(sqlite::open(folder, &Settings::default(), Timestamp::default()).await?);
        Self::reading(folder).await
    }

    /// May also take locks and write.
    ///
    /// # Errors
    /// When there is no store.
    pub async fn writing(folder: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(folder.join(FILE_NAME));
        Ok(Self {
            conn: options.connect().await?,
        })
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// When SQLite refuses it.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.conn).await?;
        Ok(())
    }

    /// The texts of a query's one column.
    ///
    /// # Errors
    /// When SQLite refuses it.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.conn)
            .await?)
    }

    /// The one number that a query gives.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn number(&mut self, sql: &str) -> Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.conn)
            .await?)
    }

    /// Every row of every table that holds what decisions wrote, as text: two stores with the same text
    /// hold the same.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn contents(&mut self) -> Result<String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%_sqlx_%' \
             AND name NOT IN ('epochs', 'applied') AND name NOT LIKE '%_data' AND name NOT LIKE '%_idx' AND name NOT LIKE '%_docsize' \
             AND name NOT LIKE '%_config' AND name NOT LIKE 'log_text%' ORDER BY name",
        )
        .fetch_all(&mut self.conn)
        .await?;
        let mut text = String::new();
        for table in tables {
            let columns: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT name FROM pragma_table_info('{table}') ORDER BY cid"
            )))
            .fetch_all(&mut self.conn)
            .await?;
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
            let sql = format!("SELECT {} AS line FROM {table} ORDER BY line", quoted.join(" || ',' || "));
            let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.conn).await?;
            for line in lines {
                text.push_str(&format!("{table}: {line}\n"));
            }
        }
        Ok(text)
    }
}
