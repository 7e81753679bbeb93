//! How far streams have come, for people and for meters.

use std::time::Duration;

use watchfire_model::{
    log::{Keywords, LogQuery, LogQueryParams, Mode, SortOrder},
    object::{LogStream, LogStreamProgress},
    time::Timestamp,
};
use watchfire_store::log::{LogCursor, LogPage};

use super::READ;
use crate::{App, Error, Result, access::Principal, insight::log::listed_signals};

/// How far a stream has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStreamStatus {
    /// What was written down.
    pub progress: LogStreamProgress,
    /// What it has not sent.
    pub lag: Lag,
}

/// What is still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Events of the log from the next one that is to be sent to the end.
    pub events: u64,
    /// How long ago that one was published.
    pub age: Duration,
}

impl App {
    /// How far a stream has come.
    ///
    /// # Errors
    /// Without the scope; when the store does not answer.
    pub async fn log_stream_status(&self, caller: &Principal, stream: &LogStream) -> Result<LogStreamStatus> {
        caller.require(READ)?;
        let found = self.get::<LogStreamProgress>(stream.id.as_str()).await?;
        let progress = found.unwrap_or_else(|| LogStreamProgress::new(stream.id.clone(), stream.created));
        let cursor = progress.cursor.as_deref().and_then(LogCursor::parse);
        let lag = self.log_lag(stream, cursor).await?;
        Ok(LogStreamStatus { progress, lag })
    }

    /// What a stream that has come to `cursor` has not sent.
    pub(super) async fn log_lag(&self, stream: &LogStream, cursor: Option<LogCursor>) -> Result<Lag> {
        let page = self.log_page(stream, cursor, 1).await?;
        let Some(next) = page.entries.first() else {
            return Ok(Lag::default());
        };
        let last = LogQuery {
            order: SortOrder::Descending,
            mode: Mode::Bounded,
            ..everything(1)
        };
        let last = self.index.log(&last, None, listed_signals).await?;
        let end = last.entries.first().map_or(next.cursor, |entry| entry.cursor);
        Ok(Lag {
            events: next.cursor.count_to(end),
            age: self.clock.now().since(next.event.published),
        })
    }

    /// The next events for a stream that has come to `cursor`.
    pub(super) async fn log_page(&self, stream: &LogStream, cursor: Option<LogCursor>, limit: u32) -> Result<LogPage> {
        self.commands.wait_for_index().await;
        let query = LogQuery {
            since: stream.since.filter(|_| cursor.is_none()),
            filter: filter(stream, self.clock.now())?,
            ..everything(limit)
        };
        Ok(self.index.log(&query, cursor, listed_signals).await?)
    }
}

fn filter(stream: &LogStream, now: Timestamp) -> Result<Option<watchfire_model::filter::Filter>> {
    let params = LogQueryParams {
        filter: stream.filter.as_deref(),
        ..LogQueryParams::default()
    };
    Ok(LogQuery::parse(&params, now).map_err(Error::internal)?.filter)
}

fn everything(limit: u32) -> LogQuery {
    LogQuery {
        mode: Mode::Polling,
        order: SortOrder::Ascending,
        since: None,
        until: None,
        after: None,
        filter: None,
        keywords: Keywords::default(),
        limit,
    }
}
