//! A store that is filled from an archive, batch by batch; each batch is one transaction with how far it goes.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder};
use watchfire_crypto::digest::{hex, sha256_of};
use watchfire_model::{
    log::LogEvent,
    object::{Kind, Object},
    row::{Decision, Row},
    time::Timestamp,
};

use super::{
    Connection, Db, archive_export, dialect,
    log::{Leads, LogWriter},
    log_row::{self, LogRow},
    many_rows::{pieces, run},
    objects,
};
use crate::{
    StoreError,
    archive::{ArchiveError, Batch, Column, Footer, Piece, Sink, Table, Value},
};

/// The table that says how far it is; it goes when the store is whole.
pub(crate) const PROGRESS: &str = "archive_progress";

/// A store on its way.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) conn: Connection,
    /// Where it is, for people.
    place: String,
    /// Batches that are there, and the digest over them.
    there: (u64, String),
    /// Batches that came, and the digest over them.
    came: (u64, String),
    footer: Option<Footer>,
    log_partition_rows: i64,
}

impl Import {
    /// Goes on with what is there, or begins. The tables are made.
    pub(crate) async fn begin(mut conn: Connection, place: String, log_partition_rows: i64) -> Result<Self, ArchiveError> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {PROGRESS} (one INTEGER PRIMARY KEY CHECK (one = 1), batches BIGINT NOT NULL, \
             digest TEXT NOT NULL)"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await?;
        let sql = format!("SELECT batches, digest FROM {PROGRESS}");
        let there: Option<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(&mut conn).await?;
        Ok(Self {
            conn,
            place,
            there: there
                .map(|(batches, digest)| (batches.unsigned_abs(), digest))
                .unwrap_or_default(),
            came: (0, String::new()),
            footer: None,
            log_partition_rows,
        })
    }

    async fn batch(&mut self, batch: &Batch) -> Result<(), ArchiveError> {
        let digest = hex(sha256_of(&[
            self.came.1.as_bytes(),
            batch.table.name().as_bytes(),
            &batch.bytes,
        ]));
        self.came = (self.came.0.saturating_add(1), digest);
        if self.came.0 < self.there.0 {
            return Ok(());
        }
        if self.came.0 == self.there.0 {
            return if self.came == self.there {
                Ok(())
            } else {
                Err(self.other_source())
            };
        }
        if batch.table == Table::Held && !dialect::KEEPS_HELD {
            return Err(ArchiveError::Held);
        }
        let rows = batch.read().ok_or(ArchiveError::NotAnArchive)?;
        super::execute(&mut self.conn, dialect::BEGIN).await?;
        let written = match self.write_batch(batch.table, &rows).await {
            Ok(()) => sqlx::query("COMMIT")
                .execute(&mut self.conn)
                .await
                .map(drop)
                .map_err(ArchiveError::from),
            Err(error) => Err(error),
        };
        if written.is_err() {
            let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        }
        written
    }

    fn other_source(&self) -> ArchiveError {
        ArchiveError::OtherSource {
            place: self.place.clone(),
        }
    }

    async fn write_batch(&mut self, table: Table, rows: &[Vec<Value>]) -> Result<(), ArchiveError> {
        for (partition, rows) in by_partition(table, rows) {
            if table == Table::LogEvents {
                self.write_events(partition, rows).await?;
            } else {
                self.write_rows(table, partition, rows).await?;
            }
        }
        if table == Table::Partitions {
            for row in rows {
                self.make_tables(row).await?;
            }
        }
        let sql = format!(
            "INSERT INTO {PROGRESS} (one, batches, digest) VALUES (1, $1, $2) \
             ON CONFLICT (one) DO UPDATE SET batches = excluded.batches, digest = excluded.digest"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(self.came.0.cast_signed())
            .bind(&self.came.1)
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }

    /// Writes rows as they are.
    async fn write_rows(&mut self, table: Table, partition: Option<i64>, rows: &[Vec<Value>]) -> Result<(), ArchiveError> {
        let columns = table.columns();
        let before = usize::from(partition.is_some());
        let into = format!(
            "INSERT INTO {} ({}) ",
            archive_export::name(table, partition),
            table.column_names().join(", ")
        );
        for piece in pieces(rows) {
            let mut sql: QueryBuilder<Db> = QueryBuilder::new(&into);
            sql.push_values(piece, |mut line, row| {
                for (column, value) in columns.iter().zip(row.iter().skip(before)) {
                    match column {
                        Column::Integer(_) => line.push_bind(value.integer()),
                        Column::Text(_) => line.push_bind(value.text()),
                        Column::Bytes(_) => line.push_bind(value.bytes()),
                    };
                }
            });
            run(&mut self.conn, sql).await?;
        }
        Ok(())
    }

    /// Writes log events with what is derived from them.
    async fn write_events(&mut self, partition: Option<i64>, rows: &[Vec<Value>]) -> Result<(), ArchiveError> {
        let partition = partition.ok_or(ArchiveError::NotAnArchive)?;
        let rows = rows.iter().map(|row| log_row_of(row)).collect::<Result<Vec<_>, _>>()?;
        for piece in pieces(&rows) {
            log_row::insert(&mut self.conn, partition, piece).await?;
        }
        let mut leads = Leads::default();
        leads.take(rows);
        Ok(leads.write(&mut self.conn, partition).await?)
    }

    async fn make_tables(&mut self, row: &[Value]) -> Result<(), ArchiveError> {
        let (Some(set), Some(number)) = (row.first().and_then(Value::text), row.get(1).and_then(Value::integer)) else {
            return Err(ArchiveError::NotAnArchive);
        };
        let statements = match set {
            "dedupe" => vec![dialect::create_dedupe_table(&archive_export::name(
                Table::Dedupe,
                Some(number),
            ))],
            "log" => dialect::create_log_tables(number),
            _ => return Err(ArchiveError::NotAnArchive),
        };
        for sql in statements {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut self.conn).await?;
        }
        Ok(())
    }

    /// Reads everything back.
    pub(crate) async fn verify(&mut self) -> Result<(), ArchiveError> {
        let expected = self.footer.as_ref().ok_or(ArchiveError::NotAnArchive)?;
        let found = archive_export::sums(&mut self.conn).await?;
        match expected.difference(&found) {
            None => Ok(()),
            Some(table) => Err(ArchiveError::Differs { table }),
        }
    }

    /// Every object of a kind under `parent`, or of the kind.
    pub(crate) async fn objects(&mut self, kind: Kind, parent: Option<&str>) -> Result<Vec<Object>, ArchiveError> {
        Ok(match parent {
            None => objects::all(&mut self.conn, kind).await?,
            Some(parent) => objects::children(&mut self.conn, kind, parent).await?,
        })
    }

    /// When the newest event was published.
    pub(crate) async fn last_published(&mut self) -> Result<Timestamp, ArchiveError> {
        let log = LogWriter::open(&mut self.conn, self.log_partition_rows).await?;
        Ok(log.last_published())
    }

    /// Writes objects and log events of a decision, over what is there.
    pub(crate) async fn write(&mut self, decision: &Decision) -> Result<(), ArchiveError> {
        super::execute(&mut self.conn, dialect::BEGIN).await?;
        let written = match self.write_decision(decision).await {
            Ok(()) => sqlx::query("COMMIT")
                .execute(&mut self.conn)
                .await
                .map(drop)
                .map_err(ArchiveError::from),
            Err(error) => Err(error.into()),
        };
        if written.is_err() {
            let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        }
        written
    }

    async fn write_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        let conn = &mut self.conn;
        let mut log = LogWriter::open(conn, self.log_partition_rows).await?;
        let mut ordinal = objects::last_ordinal(conn).await?;
        log.prepare(conn, decision).await?;
        for row in &decision.rows {
            match row {
                Row::Put(object) => {
                    ordinal = ordinal.saturating_add(1);
                    objects::put(conn, &[(object, &object.keys(), ordinal)]).await?;
                }
                Row::Delete { kind, id } => objects::delete(conn, &[(*kind, id)]).await?,
                Row::Log(event) => log.append(conn, event).await?,
                Row::Dedupe { .. } | Row::Receipt(_) => {}
            }
        }
        Ok(())
    }

    /// Removes what only the way needed, and begins a start above `epoch`.
    pub(crate) async fn finish(&mut self, epoch: u64, now: Timestamp) -> Result<(), ArchiveError> {
        let begin = format!(
            "INSERT INTO epochs (epoch, started_us) {}VALUES ($1, $2)",
            dialect::WITH_A_NUMBER
        );
        sqlx::query(AssertSqlSafe(begin))
            .bind(epoch.cast_signed())
            .bind(now.as_micros())
            .execute(&mut self.conn)
            .await?;
        sqlx::query(AssertSqlSafe(format!("DROP TABLE {PROGRESS}")))
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Sink for Import {
    async fn take(&mut self, piece: Piece) -> Result<(), ArchiveError> {
        match piece {
            Piece::Header(_) => Ok(()),
            Piece::Batch(batch) => self.batch(&batch).await,
            Piece::Footer(footer) => {
                // Something else was begun here, and it was longer.
                if self.came.0 < self.there.0 {
                    return Err(self.other_source());
                }
                self.footer = Some(footer);
                Ok(())
            }
        }
    }
}

/// Rows of one partition each, as they follow each other.
fn by_partition(table: Table, rows: &[Vec<Value>]) -> Vec<(Option<i64>, &[Vec<Value>])> {
    let partition = |row: &Vec<Value>| table.table_set().and_then(|_| row.first()).and_then(Value::integer);
    rows.chunk_by(|a, b| partition(a) == partition(b))
        .map(|rows| (rows.first().and_then(partition), rows))
        .collect()
}

/// A row of the log as it was, and its event, for what is derived from it.
fn log_row_of(row: &[Value]) -> Result<LogRow<'static>, ArchiveError> {
    let at = |name: &str| {
        let column = Table::LogEvents.columns().iter().position(|column| column.name() == name);
        column.and_then(|column| row.get(column.saturating_add(1)))
    };
    let text = |name: &str| at(name).and_then(Value::text).map(str::to_owned);
    let corrupt = || ArchiveError::Store(log_row::corrupt(&text("uuid").unwrap_or_default()));
    let (seq, published) = (
        at("seq").and_then(Value::integer),
        at("published_us").and_then(Value::integer),
    );
    let (Some(seq), Some(published), Some(detail)) = (seq, published, text("detail")) else {
        return Err(corrupt());
    };
    let event: LogEvent = log_row::event_of(&detail, published, text).ok_or_else(corrupt)?;
    Ok(LogRow::stored(seq, event, detail))
}
