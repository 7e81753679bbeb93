//! Instants as whole microseconds since the Unix epoch, UTC.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// The JSON form is RFC 3339 with three decimals and `Z` (okta.md 11.3); the stored form is the integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 date-time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date-time")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The instant `us` microseconds after the epoch.
    pub const fn from_micros(us: i64) -> Self {
        Self(us)
    }

    /// The instant `s` seconds after the epoch; saturates at the ends of the range.
    pub const fn from_seconds(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down (JWT NumericDate).
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant without what its text does not show: whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_printed(self) -> Self {
        Self(self.0.div_euclid(1_000).saturating_mul(1_000))
    }

    /// Parses RFC 3339 with zero to nine decimals and any offset (okta.md 4.1).
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for anything else, a date without a zone included.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_microsecond()))
            .map_err(|_| InvalidTimestamp)
    }

    /// Parses the date of an HTTP header (RFC 9110 section 5.6.7, the form that is sent today).
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for anything else.
    pub fn parse_http_date(text: &str) -> Result<Self, InvalidTimestamp> {
        jiff::fmt::rfc2822::parse(text)
            .map(|at| Self(at.timestamp().as_microsecond()))
            .map_err(|_| InvalidTimestamp)
    }

    /// This instant `by` later; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This instant `by` earlier; saturates.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Truncated to milliseconds, never rounded up into the future.
        let at = jiff::Timestamp::from_millisecond(self.0.div_euclid(1_000)).map_err(|_| fmt::Error)?;
        write!(f, "{at:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_three_decimals_and_z() {
        assert_eq!(
            Timestamp::from_micros(1_611_100_800_001_999).to_string(),
            "2021-01-20T00:00:00.001Z"
        );
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn takes_the_forms_that_clients_send() {
        let want = Timestamp::from_micros(1_611_100_800_001_000);
        for text in [
            "2021-01-20T00:00:00.001Z",
            "2021-01-20T00:00:00.001000+00:00",
            "2021-01-20T01:00:00.001000000+01:00",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(want), "{text}");
        }
        assert_eq!(
            Timestamp::parse("2021-01-20T00:00:00Z").map(Timestamp::as_seconds),
            Ok(1_611_100_800)
        );
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "now",
            "2021-01-20",
            "2021-01-20T00:00:00",
            "2021-13-20T00:00:00Z",
            "1611100800",
        ] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTimestamp), "{text}");
        }
    }
}
