//! Pages of the System Log. A page is looked for in windows of a bounded number of rows, partition by
//! partition, so that no single statement takes long and a query can be given up between two.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};
use watchfire_model::{
    log::{EventType, LogEvent, LogQuery, Mode, SortOrder},
    time::Timestamp,
};

use super::{Connection, Db, Row, log, log_filter, log_row};
use crate::{
    StoreError,
    log::{LogCursor, LogEntry, LogPage, SignalReader},
};

/// Numbers that one statement covers at the most.
pub(super) const WINDOW: i64 = 100_000;
/// Numbers that the first statement covers: what is frequent is found there, and what a word or a value has
/// in common with many rows is not all put in order for one page.
const FIRST_WINDOW: i64 = 2_000;
/// How much more each next statement covers.
const GROWTH: i64 = 7;

/// Rows that one statement returns at most.
const BATCH: usize = 1_000;
/// Rows that one statement returns at least, where the evaluator has the last word on each.
const DOUBTFUL_BATCH: usize = 100;

/// What a page is made of.
#[derive(Clone, Copy)]
pub(crate) struct PageQuery<'a> {
    pub(crate) query: &'a LogQuery,
    pub(crate) after: Option<LogCursor>,
    pub(crate) read: SignalReader,
    /// Rows that are looked at one by one at most, where SQL cannot say the query.
    pub(crate) look_at: usize,
    /// Rows that are read through at most, where no index leads to those that are asked for.
    pub(crate) read_through: i64,
}

/// One partition and the numbers in it.
pub(super) struct Partition {
    pub(super) number: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// When the first of them was published, and the last.
    first_us: i64,
    last_us: i64,
}

pub(crate) async fn page(conn: &mut Connection, wanted: PageQuery<'_>) -> Result<LogPage, StoreError> {
    let partitions = partitions(conn).await?;
    let mut scan = Scan::new(conn, &partitions, wanted).await?;
    while !scan.is_done() {
        let Some((partition, window)) = scan.window(&partitions) else {
            break;
        };
        scan.read_window(conn, partition, window).await?;
    }
    let (mut entries, next) = scan.finish();
    add_signals(conn, &mut entries, wanted.read).await?;
    Ok(LogPage { entries, next })
}

/// The event with this UUID.
pub(crate) async fn event(conn: &mut Connection, uuid: &str, read: SignalReader) -> Result<Option<LogEntry>, StoreError> {
    for partition in partitions(conn).await?.iter().rev() {
        let table = log::events_table(partition.number);
        let sql = format!("SELECT {} FROM {table} WHERE uuid = $1", log_row::COLUMNS);
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(uuid)
            .fetch_optional(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
        if let Some(row) = row {
            let mut entries = [entry(&row)?];
            add_signals(conn, &mut entries, read).await?;
            return Ok(entries.into_iter().next());
        }
    }
    Ok(None)
}

/// The numbers that are still to be looked at, and what was found so far.
struct Scan<'a> {
    wanted: PageQuery<'a>,
    /// Both ends belong to it; empty when `low > high`.
    low: i64,
    high: i64,
    found: Vec<LogEntry>,
    looked_at: usize,
    /// Numbers that the next statement covers.
    reach: i64,
    /// Whether an index leads to the rows.
    is_narrow: bool,
    read_through: i64,
}

impl<'a> Scan<'a> {
    async fn new(conn: &mut Connection, partitions: &[Partition], wanted: PageQuery<'a>) -> Result<Self, StoreError> {
        let query = wanted.query;
        let first = partitions.first().map_or(1, |partition| partition.first);
        let last = partitions.last().map_or(0, |partition| partition.last);
        let mut low = match query.since {
            Some(since) => first_at(conn, partitions, since).await?,
            None => first,
        };
        let mut high = match query.until {
            Some(until) => first_at(conn, partitions, until).await? - 1,
            None => last,
        };
        match (wanted.after, query.order) {
            (Some(LogCursor(after)), SortOrder::Ascending) => low = low.max(after.saturating_add(1)),
            (Some(LogCursor(after)), SortOrder::Descending) => high = high.min(after.saturating_sub(1)),
            (None, _) => {}
        }
        Ok(Self {
            wanted,
            low,
            high,
            found: Vec::new(),
            looked_at: 0,
            reach: FIRST_WINDOW,
            is_narrow: is_narrow(query),
            read_through: 0,
        })
    }

    /// One more than the page holds tells whether there is a next one; a follower always has one.
    fn needed(&self) -> usize {
        let limit = usize::try_from(self.wanted.query.limit).unwrap_or(usize::MAX);
        match self.wanted.query.mode {
            Mode::Bounded if limit > 0 => limit + 1,
            _ => limit,
        }
    }

    fn is_done(&self) -> bool {
        let enough = self.found.len() >= self.needed() || self.looked_at >= self.wanted.look_at;
        enough || self.low > self.high || (!self.is_narrow && self.read_through >= self.wanted.read_through)
    }

    /// The next numbers to look at: never those of two partitions.
    fn window<'p>(&self, partitions: &'p [Partition]) -> Option<(&'p Partition, (i64, i64))> {
        let holds = |at: i64| partitions.iter().find(move |p| p.first <= at && at <= p.last);
        match self.wanted.query.order {
            SortOrder::Ascending => {
                let partition = holds(self.low)?;
                let end = self.high.min(partition.last).min(self.low.saturating_add(self.reach - 1));
                Some((partition, (self.low, end)))
            }
            SortOrder::Descending => {
                let partition = holds(self.high)?;
                let start = self.low.max(partition.first).max(self.high.saturating_sub(self.reach - 1));
                Some((partition, (start, self.high)))
            }
        }
    }

    async fn read_window(&mut self, conn: &mut Connection, partition: &Partition, window: (i64, i64)) -> Result<(), StoreError> {
        let (mut statement, exact, batch) = self.statement(partition, window);
        let rows = statement
            .build()
            .persistent(false)
            .fetch_all(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
        let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let complete = entries.len() < batch;
        if !exact {
            add_signals(conn, &mut entries, self.wanted.read).await?;
        }
        for entry in entries {
            if self.is_done() {
                return Ok(());
            }
            self.pass(entry.cursor.0);
            if !exact {
                self.looked_at += 1;
            }
            if exact || self.matches(&entry) {
                self.found.push(entry);
            }
        }
        if complete {
            self.pass_window(window);
            self.read_through = self.read_through.saturating_add(window.1 - window.0);
            self.reach = self.reach.saturating_mul(GROWTH).min(WINDOW);
        }
        Ok(())
    }

    /// The statement, whether it says exactly the query, and how many rows it returns at most.
    fn statement(&self, partition: &Partition, window: (i64, i64)) -> (QueryBuilder<Db>, bool, usize) {
        let query = self.wanted.query;
        let table = log::events_table(partition.number);
        let mut sql = QueryBuilder::new(format!("SELECT {} FROM {table} WHERE seq BETWEEN ", log_row::COLUMNS));
        sql.push_bind(window.0).push(" AND ").push_bind(window.1);
        let mut exact = query.keywords.is_empty();
        if let Some(filter) = &query.filter {
            sql.push(" AND ");
            exact &= log_filter::push(&mut sql, partition.number, filter.expr());
        }
        super::dialect::push_keywords(&mut sql, partition.number, &query.keywords, window);
        let order = match query.order {
            SortOrder::Ascending => "ASC",
            SortOrder::Descending => "DESC",
        };
        let missing = self.needed().saturating_sub(self.found.len());
        let batch = if exact { missing } else { missing.max(DOUBTFUL_BATCH) }.clamp(1, BATCH);
        sql.push(format!(" ORDER BY seq {order} LIMIT {batch}"));
        (sql, exact, batch)
    }

    fn matches(&self, entry: &LogEntry) -> bool {
        let query = self.wanted.query;
        query.keywords.match_event(&entry.event) && query.filter.as_ref().is_none_or(|filter| filter.matches(&entry.to_wire()))
    }

    /// This row has been looked at.
    fn pass(&mut self, seq: i64) {
        self.pass_window((seq, seq));
    }

    /// These rows have been looked at.
    fn pass_window(&mut self, (start, end): (i64, i64)) {
        match self.wanted.query.order {
            SortOrder::Ascending => self.low = end.saturating_add(1),
            SortOrder::Descending => self.high = start.saturating_sub(1),
        }
    }

    fn finish(mut self) -> (Vec<LogEntry>, Option<LogCursor>) {
        let limit = usize::try_from(self.wanted.query.limit).unwrap_or(usize::MAX);
        let passed = LogCursor(match self.wanted.query.order {
            SortOrder::Ascending => self.low.saturating_sub(1),
            SortOrder::Descending => self.high.saturating_add(1),
        });
        let more = self.found.len() > limit;
        self.found.truncate(limit);
        let last = self.found.last().map(|entry| entry.cursor);
        let next = match self.wanted.query.mode {
            // What a follower has passed, it has seen; an `after` from elsewhere is not led back.
            Mode::Polling => Some(self.wanted.after.map_or(passed, |after| after.max(passed))),
            Mode::Bounded if limit == 0 => None,
            Mode::Bounded if more => last,
            Mode::Bounded => (self.low <= self.high).then_some(passed),
        };
        (self.found, next)
    }
}

fn entry(row: &Row) -> Result<LogEntry, StoreError> {
    let (seq, event) = log_row::read(row)?;
    Ok(LogEntry {
        cursor: LogCursor(seq),
        event,
        signals: None,
    })
}

/// All partitions that have events, oldest first.
pub(super) async fn partitions(conn: &mut Connection) -> Result<Vec<Partition>, StoreError> {
    let rows =
        sqlx::query("SELECT number, first_seq, last_seq, first_us, last_us FROM partitions WHERE table_set = $1 ORDER BY number")
            .bind(log::TABLE_SET)
            .fetch_all(&mut *conn)
            .await
            .map_err(StoreError::of_statement)?;
    let mut partitions = Vec::new();
    for row in rows {
        let (number, first, first_us): (i64, i64, i64) = (row.get("number"), row.get("first_seq"), row.get("first_us"));
        let closed = row.get::<Option<i64>, _>("last_seq").zip(row.get("last_us"));
        let last = match closed {
            Some(last) => Some(last),
            None => newest(conn, number).await?,
        };
        partitions.extend(last.map(|(last, last_us)| Partition {
            number,
            first,
            last,
            first_us,
            last_us,
        }));
    }
    Ok(partitions)
}

/// The number and the time of the newest event of a partition.
async fn newest(conn: &mut Connection, number: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let events = log::events_table(number);
    let sql = format!("SELECT seq, published_us FROM {events} ORDER BY seq DESC LIMIT 1");
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_optional(conn)
        .await
        .map_err(StoreError::of_statement)
}

/// The number of the first event that was published at `time` or later; one past the end if none was.
/// `published` rises with the number, so halving finds it: in the database, for each step is two lookups there
/// and would be a statement here.
pub(super) async fn first_at(conn: &mut Connection, partitions: &[Partition], time: Timestamp) -> Result<i64, StoreError> {
    let time = time.as_micros();
    let Some(partition) = partitions.iter().find(|it| time <= it.last_us) else {
        return Ok(partitions.last().map_or(1, |it| it.last + 1));
    };
    if time <= partition.first_us {
        return Ok(partition.first);
    }
    let middle = "(SELECT published_us FROM {events} WHERE seq = (low + past) / 2)"
        .replace("{events}", &log::events_table(partition.number));
    let sql = format!(
        "WITH RECURSIVE halving (low, past) AS (SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT) UNION ALL \
         SELECT CASE WHEN {middle} < $3 THEN (low + past) / 2 + 1 ELSE low END, \
         CASE WHEN {middle} < $3 THEN past ELSE (low + past) / 2 END FROM halving WHERE low < past) \
         SELECT low FROM halving WHERE low = past"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(partition.first)
        .bind(partition.last)
        .bind(time)
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}

/// Whether an index leads to the rows of `query`, so that the others are not read.
pub(super) fn is_narrow(query: &LogQuery) -> bool {
    !query.keywords.is_empty()
        || query
            .filter
            .as_ref()
            .is_none_or(|filter| log_filter::is_narrow(filter.expr()))
}

/// Reads the signals of those entries whose type shows them.
async fn add_signals(conn: &mut Connection, entries: &mut [LogEntry], read: SignalReader) -> Result<(), StoreError> {
    let shows = |event: &LogEvent| match event.event_type {
        EventType::SecurityRiskSignalConsume => event.receipt.clone(),
        _ => None,
    };
    let mut query: QueryBuilder<Db> = QueryBuilder::new("SELECT id, body FROM receipts WHERE id IN (");
    let mut ids = query.separated(", ");
    let mut any = false;
    for receipt in entries
        .iter()
        .filter(|entry| entry.signals.is_none())
        .filter_map(|entry| shows(&entry.event))
    {
        ids.push_bind(String::from(receipt));
        any = true;
    }
    if !any {
        return Ok(());
    }
    query.push(")");
    let rows = query
        .build()
        .persistent(false)
        .fetch_all(conn)
        .await
        .map_err(StoreError::of_statement)?;
    let bodies: HashMap<String, String> = rows.iter().map(|row| (row.get("id"), row.get("body"))).collect();
    for entry in entries.iter_mut().filter(|entry| entry.signals.is_none()) {
        let body = shows(&entry.event).and_then(|receipt| bodies.get(receipt.as_str()));
        entry.signals = body.map(|body| read(body));
    }
    Ok(())
}
