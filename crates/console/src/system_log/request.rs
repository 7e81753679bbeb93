//! What the page is asked for; its address says all of it, so that it can be passed on.

use std::time::Duration;

use watchfire_app::insight::log_tail::TailQuery;
use watchfire_model::{log::LogQueryParams, time::Timestamp};

use super::PATH;
use crate::fields::{Fields, address};

/// Rows of a page: with long names it is still below 100 kB.
const LIMIT: &str = "40";
/// Rows that one poll brings at most.
const TAIL_LIMIT: &str = "40";

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A time range that ends now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeChoice {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    seconds: u64,
}

/// The ranges that the page offers beside two times.
pub(crate) const RANGES: [RangeChoice; 6] = [
    range("15m", "Last 15 minutes", 15 * 60),
    range("1h", "Last hour", HOUR),
    range("24h", "Last 24 hours", DAY),
    range("7d", "Last 7 days", 7 * DAY),
    range("30d", "Last 30 days", 30 * DAY),
    range("90d", "Last 90 days", 90 * DAY),
];

/// The range of an address that names none.
const DEFAULT: &str = "7d";

const fn range(name: &'static str, label: &'static str, seconds: u64) -> RangeChoice {
    RangeChoice { name, label, seconds }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct LogRequest {
    pub(crate) filter: String,
    pub(crate) q: String,
    /// A name of [`RANGES`], or empty for two times.
    pub(crate) range: String,
    /// As they were typed; only without a range.
    pub(crate) since: String,
    pub(crate) until: String,
    pub(crate) after: String,
    /// The lower bound that the range means now.
    bound: String,
}

impl LogRequest {
    pub(crate) fn read(query: &Fields, now: Timestamp) -> Self {
        let text = |name: &str| query.get(name).trim().to_owned();
        let (since, until) = (text("since"), text("until"));
        let named = RANGES.iter().find(|choice| choice.name == query.get("range"));
        let by_times = named.is_none() && !(since.is_empty() && until.is_empty());
        let choice = named.or_else(|| RANGES.iter().find(|choice| choice.name == DEFAULT));
        let choice = choice.filter(|_| !by_times);
        Self {
            filter: text("filter"),
            q: text("q"),
            range: choice.map(|choice| choice.name.to_owned()).unwrap_or_default(),
            bound: match choice {
                Some(choice) => now.minus(Duration::from_secs(choice.seconds)).to_string(),
                None => since.clone(),
            },
            since: if by_times { since } else { String::new() },
            until: if by_times { until } else { String::new() },
            after: text("after"),
        }
    }

    /// The newest first.
    pub(crate) fn params(&self) -> LogQueryParams<'_> {
        LogQueryParams {
            since: Some(&self.bound),
            until: Some(&self.until),
            after: Some(&self.after),
            filter: Some(&self.filter),
            q: Some(&self.q),
            limit: Some(LIMIT),
            sort_order: Some("DESCENDING"),
        }
    }

    /// What comes behind `after`, the oldest first.
    pub(crate) fn following(&self) -> LogQueryParams<'_> {
        LogQueryParams {
            until: None,
            limit: Some(TAIL_LIMIT),
            sort_order: None,
            ..self.params()
        }
    }

    /// The address of this request, its position left out, with `more` parameters.
    pub(crate) fn address(&self, more: &[(&str, &str)]) -> String {
        self.at(PATH, more)
    }

    /// Where the result is a file.
    pub(crate) fn export(&self, format: &str) -> String {
        self.at(&format!("{PATH}/export"), &[("format", format)])
    }

    /// What is followed; `last` is the place that a browser had come to before it was cut off.
    pub(crate) fn tailed(&self, last: Option<&str>) -> TailQuery {
        TailQuery {
            filter: self.filter.clone(),
            q: self.q.clone(),
            after: last.filter(|last| !last.is_empty()).unwrap_or(&self.after).to_owned(),
            since: self.bound.clone(),
        }
    }

    /// Where what comes behind `after` is: `tail` or `stream`.
    pub(crate) fn tail(&self, way: &str, after: Option<&str>) -> String {
        let path = format!("{PATH}/{way}");
        let (filter, q) = (self.filter.as_str(), self.q.as_str());
        // Without a place it begins at the bound of the range.
        let place = after.map_or(("range", self.range.as_str()), |after| ("after", after));
        address(&path, &[("filter", filter), ("q", q), place])
    }

    /// This request with a narrower filter.
    pub(crate) fn narrowed(&self, field: &str, value: &str) -> String {
        let narrowed = Self {
            filter: test(field, value),
            q: String::new(),
            ..self.clone()
        };
        narrowed.address(&[])
    }

    /// This request between two times.
    pub(crate) fn between(&self, since: Timestamp, until: Timestamp) -> String {
        let brushed = Self {
            range: String::new(),
            since: since.to_string(),
            until: until.to_string(),
            ..self.clone()
        };
        brushed.address(&[])
    }

    fn at(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut parameters = vec![
            ("filter", self.filter.as_str()),
            ("q", self.q.as_str()),
            ("range", self.range.as_str()),
            ("since", self.since.as_str()),
            ("until", self.until.as_str()),
        ];
        parameters.extend_from_slice(more);
        address(path, &parameters)
    }
}

/// `field eq "value"`, whatever is in the value.
pub(crate) fn test(field: &str, value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    format!("{field} eq {quoted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn request(query: &str) -> LogRequest {
        LogRequest::read(&Fields::parse(query.as_bytes()), NOW)
    }

    #[test]
    fn an_address_says_all_of_it_again() {
        for query in [
            "filter=eventType+eq+%22a%22&q=jo&range=1h",
            "since=2026-01-01&until=2026-01-02T10%3A00",
            "filter=actor.displayName+eq+%22%3Cb%3E%26%22&range=90d",
        ] {
            assert_eq!(request(query).address(&[]), format!("{PATH}?{query}"));
        }
        assert_eq!(request("").address(&[]), format!("{PATH}?range=7d"));
        assert_eq!(request("range=nonsense").range, "7d");
    }

    #[test]
    fn a_named_range_wins_over_times_and_a_brush_over_both() {
        let both = request("range=1h&since=2026-01-01");
        assert_eq!((both.range.as_str(), both.since.as_str()), ("1h", ""));
        let brushed = both.between(Timestamp::from_seconds(0), Timestamp::from_seconds(60));
        assert!(brushed.contains("since=1970-01-01T00%3A00%3A00.000Z") && !brushed.contains("range"));
    }

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(test("target.id", "a\" or \"b"), r#"target.id eq "a\" or \"b""#);
    }
}
