//! The query of `GET /api/v1/logs`: its parameters, its two modes, its bounds (okta.md 8.1 to 8.3).

use std::time::Duration;

use super::{Keywords, KeywordsError, SYSTEM_LOG};
use crate::{
    filter::{Filter, FilterError},
    time::Timestamp,
};

const DAY: u64 = 24 * 60 * 60;

/// How long events are kept: older ones are not returned.
pub const RETENTION: Duration = Duration::from_secs(90 * DAY);

/// A lower bound further back than this is refused.
const MAX_SINCE: Duration = Duration::from_secs(180 * DAY);

/// How far back a query without a lower bound looks.
const DEFAULT_WINDOW: Duration = Duration::from_secs(7 * DAY);

/// Events on a page, at most.
pub const MAX_LIMIT: u32 = 1_000;

/// Events on a page when the query does not say.
pub const DEFAULT_LIMIT: u32 = 100;

/// The parameters as they came, percent-decoded. An empty one counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogQueryParams<'a> {
    /// Lower bound.
    pub since: Option<&'a str>,
    /// Upper bound.
    pub until: Option<&'a str>,
    /// Position, from a `next` link.
    pub after: Option<&'a str>,
    /// Filter expression.
    pub filter: Option<&'a str>,
    /// Keywords.
    pub q: Option<&'a str>,
    /// Page size.
    pub limit: Option<&'a str>,
    /// Order.
    pub sort_order: Option<&'a str>,
}

/// A query that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    /// Whether there is always a next page.
    pub mode: Mode,
    /// Which end comes first.
    pub order: SortOrder,
    /// Events of this time and later. `None` in polling past the first page: `after` decides alone.
    pub since: Option<Timestamp>,
    /// Events before this time; `None` is no upper bound.
    pub until: Option<Timestamp>,
    /// Position, from a `next` link; the store reads it.
    pub after: Option<String>,
    /// Which events.
    pub filter: Option<Filter>,
    /// Which events.
    pub keywords: Keywords,
    /// How many, 0 to [`MAX_LIMIT`].
    pub limit: u32,
}

/// Whether there is always a next page (okta.md 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every event exactly once, for ever: no `until`, ascending.
    Polling,
    /// What is there between two times: everything else.
    Bounded,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The oldest.
    #[default]
    Ascending,
    /// The newest.
    Descending,
}

/// Why a query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogQueryError {
    /// A bound is no date-time.
    #[error("'{parameter}' is no date-time")]
    Date {
        /// `since` or `until`.
        parameter: &'static str,
    },
    /// The lower bound is too far back.
    #[error("'since' is over 180 days back")]
    SinceTooOld,
    /// The keywords are past their bounds.
    #[error(transparent)]
    Keywords(#[from] KeywordsError),
    /// The filter was refused.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The page size is none of 0 to [`MAX_LIMIT`].
    #[error("'limit' is out of range")]
    Limit,
    /// The order is neither.
    #[error("'sortOrder' is unknown")]
    SortOrder,
}

impl LogQueryError {
    /// The error code that goes to the client, with status 400.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Date { .. } | Self::Keywords(_) | Self::Limit | Self::SortOrder => "E0000001",
            Self::SinceTooOld => "E0000053",
            Self::Filter(error) => error.code(),
        }
    }

    /// The summary that goes to the client.
    pub fn summary(&self) -> String {
        match self {
            Self::SinceTooOld => "Invalid parameter: The since parameter is over 180 days prior to the current day.".to_owned(),
            Self::Filter(error) => error.to_string(),
            _ => format!("Api validation failed: {}", self.causes().join(" ")),
        }
    }

    /// The causes that go to the client.
    pub fn causes(&self) -> Vec<String> {
        match self {
            Self::Date { parameter } => vec![
                format!(
                    "'{parameter}': The date format in your query is not recognized. \
                     Please enter dates using ISO8601 string format."
                ),
                format!("'{parameter}': must be a valid date-time or empty."),
            ],
            Self::Keywords(error) => vec![error.to_string()],
            Self::Limit => vec![format!("'limit': must be between 0 and {MAX_LIMIT}.")],
            Self::SortOrder => vec!["'sortOrder': must be ASCENDING or DESCENDING.".to_owned()],
            Self::SinceTooOld | Self::Filter(_) => Vec::new(),
        }
    }
}

impl LogQuery {
    /// Reads the parameters. A query with `after` may have `since` too: the Go SDK sends both
    /// (okta.md 13, row 39).
    ///
    /// # Errors
    /// [`LogQueryError`] for the first parameter that is refused.
    pub fn parse(params: &LogQueryParams<'_>, now: Timestamp) -> Result<Self, LogQueryError> {
        let since = date("since", params.since)?;
        let until = date("until", params.until)?;
        let after = given(params.after).map(str::to_owned);
        let order = given(params.sort_order).map_or(Ok(SortOrder::default()), sort_order)?;
        let mode = match (until, order) {
            (None, SortOrder::Ascending) => Mode::Polling,
            _ => Mode::Bounded,
        };
        let filter = given(params.filter)
            .map(|text| Filter::parse(text, &SYSTEM_LOG))
            .transpose()?;
        Ok(Self {
            since: lower_bound(since, until, now, mode == Mode::Polling && after.is_some())?,
            until,
            mode,
            order,
            after,
            filter,
            keywords: Keywords::parse(params.q.unwrap_or_default())?,
            limit: given(params.limit).map_or(Ok(DEFAULT_LIMIT), limit)?,
        })
    }
}

fn given(parameter: Option<&str>) -> Option<&str> {
    parameter.filter(|text| !text.is_empty())
}

/// A follower repeats the `since` of its first call for ever, so it must not grow too old.
fn lower_bound(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Timestamp,
    follows: bool,
) -> Result<Option<Timestamp>, LogQueryError> {
    if follows {
        return Ok(None);
    }
    if since.is_some_and(|since| since < now.minus(MAX_SINCE)) {
        return Err(LogQueryError::SinceTooOld);
    }
    let since = since.unwrap_or_else(|| until.unwrap_or(now).minus(DEFAULT_WINDOW));
    Ok(Some(since.max(now.minus(RETENTION))))
}

fn date(parameter: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, LogQueryError> {
    given(text)
        .map(|text| iso_8601(text).ok_or(LogQueryError::Date { parameter }))
        .transpose()
}

/// ISO 8601 as clients send it (clients.md 8): with or without decimals, with or without a zone (then
/// UTC), a day alone, and a `+` of the zone that has become a blank on the way.
fn iso_8601(text: &str) -> Option<Timestamp> {
    let plain = |text: &str| -> Option<Timestamp> {
        let at = text.parse::<jiff::civil::DateTime>().ok()?;
        let at = jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?;
        Some(Timestamp::from_micros(at.as_microsecond()))
    };
    let with_zone = || match text.rsplit_once(' ') {
        Some((instant, zone)) if instant.contains('T') => Timestamp::parse(&format!("{instant}+{zone}")).ok(),
        _ => Timestamp::parse(text).ok(),
    };
    with_zone().or_else(|| plain(text))
}

fn sort_order(text: &str) -> Result<SortOrder, LogQueryError> {
    match text.to_ascii_uppercase().as_str() {
        "ASCENDING" => Ok(SortOrder::Ascending),
        "DESCENDING" => Ok(SortOrder::Descending),
        _ => Err(LogQueryError::SortOrder),
    }
}

fn limit(text: &str) -> Result<u32, LogQueryError> {
    text.parse()
        .ok()
        .filter(|limit| *limit <= MAX_LIMIT)
        .ok_or(LogQueryError::Limit)
}
