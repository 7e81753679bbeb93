//! How many events there were over the range, as bars that can be followed.

use std::time::Duration;

use watchfire_app::{App, access::Principal, insight::log::LogCounts};
use watchfire_model::{log::LogQuery, time::Timestamp};

use super::request::LogRequest;
use crate::failure::Failure;

/// Bars.
const BARS: i64 = 48;
/// How long a page waits for its bars; without them it is still a page. Their work is bounded: this is for a machine
/// that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(1);
/// Height of the tallest bar in the picture's units.
const HEIGHT: u64 = 60;

/// The bars.
#[derive(Debug)]
pub(crate) struct Histogram {
    pub(crate) bars: Vec<Bar>,
    pub(crate) total: u64,
    /// Whether the numbers are estimates.
    pub(crate) is_estimate: bool,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A bar: where it is, how tall, and where it leads.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) y: u64,
    pub(crate) height: u64,
    pub(crate) count: u64,
    pub(crate) from: String,
    pub(crate) link: String,
}

/// The bars of `request`; none when counting takes too long.
pub(crate) async fn of(app: &App, caller: &Principal, request: &LogRequest) -> Result<Option<Histogram>, Failure> {
    let now = app.clock().now();
    let Ok(query) = LogQuery::parse(&request.params(), now) else {
        return Ok(None);
    };
    let (Some(since), until) = (query.since, query.until.unwrap_or(now)) else {
        return Ok(None);
    };
    let edges = edges(since, until);
    let counts = app.log_counts(caller, &request.params(), &edges, PATIENCE).await?;
    Ok(counts.map(|counts| Histogram::new(&edges, &counts, request)))
}

/// Equal steps from `since` to `until`, both of them included.
fn edges(since: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let length = until.as_micros().saturating_sub(since.as_micros()).max(BARS);
    let step = length.div_euclid(BARS);
    let mut edges: Vec<Timestamp> = (0..BARS)
        .map(|bar| Timestamp::from_micros(since.as_micros().saturating_add(bar.saturating_mul(step))))
        .collect();
    // The last one ends behind the newest event.
    edges.push(until.plus(Duration::from_millis(1)));
    edges
}

impl Histogram {
    fn new(edges: &[Timestamp], counted: &LogCounts, request: &LogRequest) -> Self {
        let counts: Vec<u64> = counted
            .counts
            .iter()
            .map(|count| rounded(*count, counted.is_estimate))
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let spans = edges.iter().zip(edges.iter().skip(1)).zip(&counts).zip(0..);
        let bars = spans.map(|(((from, to), count), index)| {
            // A bar of few events among many is still seen.
            let scaled = count.saturating_mul(HEIGHT).div_ceil(most);
            Bar {
                x: i64::saturating_mul(index, 10),
                y: HEIGHT.saturating_sub(scaled),
                height: scaled,
                count: *count,
                from: from.to_string(),
                link: request.between(*from, *to),
            }
        });
        Self {
            bars: bars.collect(),
            total: rounded(counts.iter().sum(), counted.is_estimate),
            is_estimate: counted.is_estimate,
            from: edges.first().map(ToString::to_string).unwrap_or_default(),
            to: edges.last().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// An estimate says no more than it knows: two digits.
fn rounded(count: u64, is_estimate: bool) -> u64 {
    let digits = count.checked_ilog10().unwrap_or(0);
    if !is_estimate || digits < 2 {
        return count;
    }
    let unit = 10_u64.saturating_pow(digits - 1);
    count.saturating_add(unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;

    #[test]
    fn the_bars_cover_the_range_without_gaps() {
        let at = Timestamp::from_seconds;
        let edges = edges(at(0), at(4_800));
        assert_eq!(edges.len(), 49);
        assert_eq!((edges[0], edges[1]), (at(0), at(100)));
        assert!(edges[48] > at(4_800));
        let one = super::edges(at(5), at(5));
        assert!(one.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_tallest_bar_is_the_height_and_one_event_is_seen() {
        let request = LogRequest::read(&Fields::default(), Timestamp::from_seconds(100));
        let edges = [0, 1, 2, 3].map(Timestamp::from_seconds);
        let histogram = Histogram::new(&edges, &LogCounts::exact(vec![0, 1, 10_000]), &request);
        let heights: Vec<u64> = histogram.bars.iter().map(|bar| bar.height).collect();
        assert_eq!((heights, histogram.total), (vec![0, 1, HEIGHT], 10_001));
    }

    #[test]
    fn an_estimate_has_two_digits() {
        for (count, said) in [
            (0, 0),
            (7, 7),
            (99, 99),
            (104, 100),
            (1_260, 1_300),
            (994_999, 990_000),
            (999_999, 1_000_000),
        ] {
            assert_eq!((rounded(count, true), rounded(count, false)), (said, count));
        }
    }
}
