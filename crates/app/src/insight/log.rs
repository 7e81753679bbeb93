//! Reading the System Log (okta.md 8).

use std::{net::IpAddr, time::Duration};

use watchfire_domain::risk_event::RiskEvents;
pub use watchfire_model::log::LogQueryParams;
use watchfire_model::{
    log::{LogQuery, LogQueryError, Mode},
    signal::RiskLevel,
    time::Timestamp,
};
pub use watchfire_store::index::LogCounts;
use watchfire_store::log::LogCursor;
pub use watchfire_store::log::LogEntry;

use crate::{App, Error, Result, access::Principal, rate::RateWindow};

/// The scope that reads it.
pub const READ: &str = "okta.logs.read";

/// One page of the System Log.
#[derive(Clone, Debug)]
pub struct LogAnswer {
    /// The events, in the order that was asked for.
    pub entries: Vec<LogEntry>,
    /// The `after` of the next page; absent on the last bounded one.
    pub next: Option<String>,
    /// The lower bound that the next page must name, when the query left it to us: otherwise it would
    /// move with the clock from page to page.
    pub since: Option<Timestamp>,
}

impl App {
    /// Counts a call of the log by `caller`; the log has a bucket of its own (okta.md 11.5).
    pub async fn count_log_call(&self, caller: &Principal) -> Option<RateWindow> {
        self.log_calls.count(caller.rate_key(), self.clock.now()).await
    }

    /// A page of the log.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope, [`Error::Catalogued`] for a query that is refused,
    /// [`Error::Unavailable`] when looking takes too long.
    pub async fn log(&self, caller: &Principal, params: &LogQueryParams<'_>) -> Result<LogAnswer> {
        caller.require(READ)?;
        let query = LogQuery::parse(params, self.clock.now()).map_err(refused)?;
        let after = query.after.as_deref().map(position).transpose()?;
        self.commands.wait_for_index().await;
        let page = self.index.log(&query, after, listed_signals).await?;
        Ok(LogAnswer {
            entries: page.entries,
            next: page.next.map(|cursor| cursor.to_string()),
            since: query.since.filter(|_| query.mode == Mode::Bounded),
        })
    }
}

impl App {
    /// How many events of `params` lie between each of `edges` and the next, where they can be counted within
    /// `patience`; very many are estimated. They may be too many when the query is one that only looking at each event decides.
    ///
    /// # Errors
    /// As for [`Self::log`].
    pub async fn log_counts(
        &self,
        caller: &Principal,
        params: &LogQueryParams<'_>,
        edges: &[Timestamp],
        patience: Duration,
    ) -> Result<Option<LogCounts>> {
        caller.require(READ)?;
        let query = LogQuery::parse(params, self.clock.now()).map_err(refused)?;
        self.commands.wait_for_index().await;
        match tokio::time::timeout(patience, self.index.log_counts(&query, edges)).await {
            Ok(counts) => Ok(Some(counts?)),
            Err(_) => Ok(None),
        }
    }

    /// The event with this `uuid`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope, [`Error::NotFound`].
    pub async fn log_event(&self, caller: &Principal, uuid: &str) -> Result<LogEntry> {
        caller.require(READ)?;
        self.commands.wait_for_index().await;
        let found = self.index.log_event(uuid, listed_signals).await?;
        found.ok_or_else(|| Error::not_found(uuid, "LogEvent"))
    }
}

/// Whether a query can be asked at all.
pub(super) fn check(params: &LogQueryParams<'_>, now: Timestamp) -> Result<()> {
    let query = LogQuery::parse(params, now).map_err(refused)?;
    query.after.as_deref().map(position).transpose().map(drop)
}

fn position(after: &str) -> Result<LogCursor> {
    LogCursor::parse(after).ok_or_else(|| Error::catalogued("E0000029", vec!["after: The cursor is not valid".to_owned()]))
}

fn refused(error: LogQueryError) -> Error {
    Error::Catalogued {
        status: 400,
        code: error.code(),
        summary: error.summary(),
        causes: error.causes(),
    }
}

/// The signals of a stored body. It was read without a fault when it was accepted.
pub(crate) fn listed_signals(body: &str) -> Vec<(IpAddr, RiskLevel)> {
    let events = serde_json::from_str(body).ok().and_then(|body| RiskEvents::read(&body).ok());
    events.map(|events| events.listed()).unwrap_or_default()
}
