//! How many events of the System Log there were between times. Numbers are without gaps and rise with
//! time, so an unfiltered count costs two searches however long the log is, and a sample of a span is a sample of
//! its numbers. What many events pass is counted in samples: a picture needs no more, and its cost is bounded.

use sqlx::{QueryBuilder, Row as _};
use watchfire_model::{
    log::{EventType, LogQuery},
    time::Timestamp,
};

use super::{
    Connection, Db, log, log_filter,
    log_page::{Partition, WINDOW, first_at, is_narrow, partitions},
};
use crate::{
    StoreError,
    index::{LogCounts, LogTally},
};

/// Events of which each is counted, whatever is asked of them.
const FEW: i64 = 40_000;
/// How a span is sampled, and when all is counted instead.
struct Sampling {
    /// Events that an index leads to and that are all counted, as far as samples tell.
    counted: u64,
    /// Samples of a span.
    samples: i64,
    /// Numbers in each.
    sample: i64,
}

const BY_COLUMNS: Sampling = Sampling {
    counted: 150_000,
    samples: 2,
    sample: 256,
};
/// The full-text index looks its words up anew for each sample, which costs more than what it then passes over.
const BY_WORDS: Sampling = Sampling {
    counted: 5_000,
    samples: 1,
    sample: 1_024,
};

/// The number of events between each edge and the next. What SQL cannot say of the filter or the keywords
/// is left out, so a count may be too high then.
pub(crate) async fn counts(conn: &mut Connection, query: &LogQuery, edges: &[Timestamp]) -> Result<LogCounts, StoreError> {
    let partitions = partitions(conn).await?;
    let mut places = Vec::with_capacity(edges.len());
    for edge in edges {
        places.push(first_at(conn, &partitions, *edge).await?);
    }
    let spans = || places.iter().copied().zip(places.iter().copied().skip(1));
    if query.filter.is_none() && query.keywords.is_empty() {
        let lengths = spans().map(|(from, to)| u64::try_from(to.saturating_sub(from)).unwrap_or(0));
        return Ok(LogCounts::exact(lengths.collect()));
    }
    let sampling = if query.keywords.is_empty() { BY_COLUMNS } else { BY_WORDS };
    let counter = Counter {
        partitions,
        query,
        sampling,
    };
    let all = places
        .last()
        .zip(places.first())
        .map_or(0, |(last, first)| last.saturating_sub(*first));
    if all > FEW {
        let mut estimate = Vec::with_capacity(places.len());
        for (from, to) in spans() {
            estimate.push(counter.estimate(conn, (from, to.saturating_sub(1))).await?);
        }
        if !is_narrow(query) || estimate.iter().sum::<u64>() > counter.sampling.counted {
            return Ok(LogCounts::estimated(estimate));
        }
    }
    let mut counts = Vec::with_capacity(places.len());
    for (from, to) in spans() {
        counts.push(counter.count(conn, (from, to.saturating_sub(1))).await?);
    }
    Ok(LogCounts::exact(counts))
}

/// How many events there were from one time until another, by type and outcome; those of security events
/// providers also by provider.
pub(crate) async fn tally(conn: &mut Connection, from: Timestamp, until: Timestamp) -> Result<Vec<LogTally>, StoreError> {
    let partitions = partitions(conn).await?;
    let first = first_at(conn, &partitions, from).await?;
    let last = first_at(conn, &partitions, until).await?.saturating_sub(1);
    let mut tallies = Vec::new();
    for partition in partitions {
        let (first, last) = (first.max(partition.first), last.min(partition.last));
        if first > last {
            continue;
        }
        let table = log::events_table(partition.number);
        let mut sql: QueryBuilder<Db> = QueryBuilder::new("SELECT event_type, outcome, CASE WHEN event_type = ");
        sql.push_bind(EventType::SecurityEventsProviderReceiveEvent.as_str());
        sql.push(format!(
            " THEN actor_id ELSE '' END AS provider, COUNT(*) AS events FROM {table} WHERE seq BETWEEN "
        ));
        sql.push_bind(first).push(" AND ").push_bind(last);
        sql.push(" GROUP BY 1, 2, 3");
        let rows = sql.build().persistent(false).fetch_all(&mut *conn).await;
        for row in rows.map_err(StoreError::of_statement)? {
            tallies.push(LogTally {
                event_type: row.get("event_type"),
                outcome: row.get("outcome"),
                provider: row.get("provider"),
                count: u64::try_from(row.get::<i64, _>("events")).unwrap_or(0),
            });
        }
    }
    Ok(tallies)
}

/// Counts what passes a query.
struct Counter<'a> {
    partitions: Vec<Partition>,
    query: &'a LogQuery,
    sampling: Sampling,
}

impl Counter<'_> {
    /// All that passes between two numbers, which belong to it.
    async fn count(&self, conn: &mut Connection, (low, high): (i64, i64)) -> Result<u64, StoreError> {
        let mut total = 0_i64;
        for partition in &self.partitions {
            let last = high.min(partition.last);
            let mut start = low.max(partition.first);
            while start <= last {
                let end = last.min(start.saturating_add(WINDOW - 1));
                total = total.saturating_add(self.count_window(conn, partition, (start, end)).await?);
                start = end.saturating_add(1);
            }
        }
        Ok(u64::try_from(total).unwrap_or(0))
    }

    /// About how many pass between two numbers, which belong to it.
    async fn estimate(&self, conn: &mut Connection, (low, high): (i64, i64)) -> Result<u64, StoreError> {
        let Sampling { samples, sample, .. } = self.sampling;
        let length = high.saturating_sub(low).saturating_add(1);
        if length <= samples * sample {
            return self.count(conn, (low, high)).await;
        }
        let step = length / samples;
        let (mut passed, mut looked_at) = (0_i64, 0_i64);
        for number in 0..samples {
            let start = low + number * step + (step - sample) / 2;
            let holds = self.partitions.iter().find(|it| it.first <= start && start <= it.last);
            if let Some(partition) = holds {
                let end = partition.last.min(start.saturating_add(sample - 1));
                passed = passed.saturating_add(self.count_window(conn, partition, (start, end)).await?);
                looked_at = looked_at.saturating_add(end - start + 1);
            }
        }
        let scaled = passed.saturating_mul(length).checked_div(looked_at).unwrap_or(0);
        Ok(u64::try_from(scaled).unwrap_or(0))
    }

    async fn count_window(&self, conn: &mut Connection, partition: &Partition, window: (i64, i64)) -> Result<i64, StoreError> {
        let table = log::events_table(partition.number);
        let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("SELECT COUNT(*) FROM {table} WHERE seq BETWEEN "));
        sql.push_bind(window.0).push(" AND ").push_bind(window.1);
        if let Some(filter) = &self.query.filter {
            sql.push(" AND ");
            log_filter::push(&mut sql, partition.number, filter.expr());
        }
        super::dialect::push_keywords(&mut sql, partition.number, &self.query.keywords, window);
        sql.build_query_scalar()
            .persistent(false)
            .fetch_one(conn)
            .await
            .map_err(StoreError::of_statement)
    }
}
