//! How many events of the System Log there were between times. Numbers are without gaps and rise with
//! time, so an unfiltered count costs two searches however long the log is.

use sqlx::{QueryBuilder, Row as _};
use watchfire_model::{
    log::{EventType, LogQuery},
    time::Timestamp,
};

use super::{
    Connection, Db, log, log_filter,
    log_page::{Partition, WINDOW, first_at, partitions},
};
use crate::{StoreError, index::LogTally};

/// The number of events between each edge and the next. What SQL cannot say of the filter or the keywords
/// is left out, so a count may be too high then.
pub(crate) async fn counts(conn: &mut Connection, query: &LogQuery, edges: &[Timestamp]) -> Result<Vec<u64>, StoreError> {
    let partitions = partitions(conn).await?;
    let mut places = Vec::with_capacity(edges.len());
    for edge in edges {
        places.push(first_at(conn, &partitions, *edge).await?);
    }
    let is_plain = query.filter.is_none() && query.keywords.is_empty();
    let mut counts = Vec::with_capacity(places.len());
    for (from, to) in places.iter().zip(places.iter().skip(1)) {
        let count = if is_plain {
            to.saturating_sub(*from)
        } else {
            count(conn, &partitions, query, (*from, to.saturating_sub(1))).await?
        };
        counts.push(u64::try_from(count).unwrap_or(0));
    }
    Ok(counts)
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

/// Both ends belong to it.
async fn count(
    conn: &mut Connection,
    partitions: &[Partition],
    query: &LogQuery,
    (low, high): (i64, i64),
) -> Result<i64, StoreError> {
    let mut total = 0_i64;
    for partition in partitions {
        let last = high.min(partition.last);
        let mut start = low.max(partition.first);
        while start <= last {
            let end = last.min(start.saturating_add(WINDOW - 1));
            total = total.saturating_add(count_window(conn, partition, query, (start, end)).await?);
            start = end.saturating_add(1);
        }
    }
    Ok(total)
}

async fn count_window(
    conn: &mut Connection,
    partition: &Partition,
    query: &LogQuery,
    window: (i64, i64),
) -> Result<i64, StoreError> {
    let table = log::events_table(partition.number);
    let mut sql: QueryBuilder<Db> = QueryBuilder::new(format!("SELECT COUNT(*) FROM {table} WHERE seq BETWEEN "));
    sql.push_bind(window.0).push(" AND ").push_bind(window.1);
    if let Some(filter) = &query.filter {
        sql.push(" AND ");
        log_filter::push(&mut sql, partition.number, filter.expr());
    }
    super::dialect::push_keywords(&mut sql, partition.number, &query.keywords, window);
    sql.build_query_scalar()
        .persistent(false)
        .fetch_one(conn)
        .await
        .map_err(StoreError::of_statement)
}
