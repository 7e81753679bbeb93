//! Times in claims (JWT-10, EVT-12).

use serde_json::{Number, Value};
use watchfire_model::time::Timestamp;

use crate::normalisation::{Normalisation, Notes};

/// Every whole number up to here is one in a double too (JWT-10).
const MAX_EXACT: i64 = 1 << 53;
/// Seconds that are so many are milliseconds (AMB-02): the year 5138 in seconds, 1973 in milliseconds.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
/// Milliseconds that are so many are microseconds.
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;

/// A `NumericDate` in whole seconds; a fraction is cut off. `None` for anything else, and for numbers
/// beyond ±2^53.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    whole(value).map(|(seconds, _)| seconds)
}

/// A `NumericDate` that is kept: one that every calendar has.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    let seconds = seconds(value)?;
    (seconds.unsigned_abs() < MILLISECONDS_FROM).then(|| Timestamp::from_seconds(seconds))
}

/// The time of an event: seconds, or milliseconds or microseconds when they are too many for seconds.
pub(crate) fn event_time(value: &Value, notes: &mut Notes) -> Option<Timestamp> {
    let (number, fractional) = whole(value)?;
    notes.add_if(fractional, Normalisation::FractionalTime);
    let magnitude = number.unsigned_abs();
    if magnitude >= MICROSECONDS_FROM {
        notes.add(Normalisation::Microseconds);
        Some(Timestamp::from_micros(number))
    } else if magnitude >= MILLISECONDS_FROM {
        notes.add(Normalisation::Milliseconds);
        Some(Timestamp::from_micros(number.saturating_mul(1_000)))
    } else {
        Some(Timestamp::from_seconds(number))
    }
}

/// The number without its fraction, and whether it had one.
fn whole(value: &Value) -> Option<(i64, bool)> {
    let number = value.as_number()?;
    let (whole, fractional) = match number.as_i64() {
        Some(whole) => (whole, false),
        None => from_float(number)?,
    };
    (-MAX_EXACT..=MAX_EXACT).contains(&whole).then_some((whole, fractional))
}

fn from_float(number: &Number) -> Option<(i64, bool)> {
    let float = number.as_f64()?;
    #[expect(clippy::as_conversions, reason = "saturates, and the range is checked by the caller")]
    let whole = float.trunc() as i64;
    Some((whole, float.fract() != 0.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(value: &Value) -> (Option<Timestamp>, Vec<Normalisation>) {
        let mut notes = Notes::default();
        (event_time(value, &mut notes), notes.into_vec())
    }

    #[test]
    fn a_date_is_a_number_that_a_double_holds_exactly() {
        for (value, want) in [
            (json!(1_615_305_159), Some(1_615_305_159)),
            (json!(1_615_305_159.9), Some(1_615_305_159)),
            (json!(1.615_305_159e9), Some(1_615_305_159)),
            (json!(-1.5), Some(-1)),
            (json!(9_007_199_254_740_992_i64), Some(9_007_199_254_740_992)),
            (json!(9_007_199_254_740_993_i64), None),
            (json!(-9_007_199_254_740_993_i64), None),
            (json!(u64::MAX), None),
            (json!(1e300), None),
            (json!("1615305159"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(seconds(&value), want, "{value}");
        }
    }

    #[test]
    fn a_date_that_is_kept_can_be_printed() {
        for value in [json!(99_999_999_999_i64), json!(-99_999_999_999_i64)] {
            let at = instant(&value).unwrap();
            assert!(!at.to_string().is_empty());
        }
        assert_eq!(instant(&json!(100_000_000_000_i64)), None);
        assert_eq!(instant(&json!(-9_007_199_254_740_992_i64)), None);
    }

    /// AMB-02, EVT-12
    #[test]
    fn the_unit_of_an_events_time_shows_in_its_size() {
        use Normalisation::{FractionalTime, Microseconds, Milliseconds};
        for (value, micros, notes) in [
            (json!(1_615_304_991), 1_615_304_991_000_000, vec![]),
            (json!(99_999_999_999_i64), 99_999_999_999_000_000, vec![]),
            (json!(1_615_304_991_643_i64), 1_615_304_991_643_000, vec![Milliseconds]),
            (json!(100_000_000_000_i64), 100_000_000_000_000, vec![Milliseconds]),
            (json!(1_615_304_991_643_210_i64), 1_615_304_991_643_210, vec![Microseconds]),
            (json!(100_000_000_000_000_i64), 100_000_000_000_000, vec![Microseconds]),
            (json!(1_615_304_991.643), 1_615_304_991_000_000, vec![FractionalTime]),
        ] {
            assert_eq!(event(&value), (Some(Timestamp::from_micros(micros)), notes), "{value}");
        }
        assert_eq!(event(&json!(9_007_199_254_740_993_i64)).0, None);
        assert!(
            event(&json!(9_007_199_254_740_992_i64))
                .0
                .unwrap()
                .to_string()
                .starts_with("2255-")
        );
    }
}
