//! What is read of the System Log: pages, one event, positions.

use std::{fmt, net::IpAddr};

use watchfire_model::{log::LogEvent, signal::RiskLevel};

/// Reads the signals of a received body; the layer that checked the body when it came knows how.
pub type SignalReader = fn(&str) -> Vec<(IpAddr, RiskLevel)>;

/// An event and what its receipt adds to it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Its place in the log: the store's commit cursor.
    pub cursor: LogCursor,
    /// The event.
    pub event: LogEvent,
    /// The signals of its receipt, for the event type that shows them.
    pub signals: Option<Vec<(IpAddr, RiskLevel)>>,
}

impl LogEntry {
    /// The event as clients see it.
    pub fn to_wire(&self) -> serde_json::Value {
        self.event.render(self.signals.as_deref())
    }
}

/// One page of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    /// The events in the order that was asked for. A page may have fewer than the limit and yet have a
    /// next one, when looking through more rows would have taken too long.
    pub entries: Vec<LogEntry>,
    /// Behind what the next page begins. Always there in polling, absent on the last bounded page.
    pub next: Option<LogCursor>,
}

/// A place in the log, opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCursor(pub(crate) i64);

const CURSOR_DIGITS: usize = 16;

impl LogCursor {
    /// Reads what [`fmt::Display`] has written; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == CURSOR_DIGITS && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| i64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    /// How many events there are from this place to `end`, both counted: places have no gaps.
    pub fn count_to(self, end: Self) -> u64 {
        u64::try_from(end.0.saturating_sub(self.0).saturating_add(1)).unwrap_or(0)
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        for seq in [0, 1, 255, i64::MAX] {
            assert_eq!(LogCursor::parse(&LogCursor(seq).to_string()), Some(LogCursor(seq)));
        }
        for text in [
            "",
            "1",
            "+000000000000001",
            "00000000000000zz",
            "ffffffffffffffff",
            "00000000000000FF",
        ] {
            assert_eq!(LogCursor::parse(text), None, "{text}");
        }
    }
}
