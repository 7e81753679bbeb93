//! Reading registered claims (RFC 7519 section 4.1).

use serde_json::{Map, Value};

/// NumericDates outside ±2^53 are no dates (JWT-10).
const MAX_DATE: i64 = 1 << 53;

/// A NumericDate: whole seconds, fractions cut off (JWT-10).
pub(crate) fn numeric_date(value: &Value) -> Option<i64> {
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(seconds), _) => seconds,
        (None, Some(seconds)) => truncate(seconds)?,
        (None, None) => return None,
    };
    (-MAX_DATE..=MAX_DATE).contains(&seconds).then_some(seconds)
}

/// A NumericDate, or one written as a string, as the guide shows it (okta.md 13 row 3).
pub(crate) fn lenient_numeric_date(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let number: serde_json::Number = text.parse().ok().filter(|_| is_number)?;
            numeric_date(&Value::Number(number))
        }
        other => numeric_date(other),
    }
}

/// A claim that is a string.
pub(crate) fn string<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Whether `aud`, a string or an array of strings, has one of `accepted`.
pub(crate) fn audience_has(claims: &Map<String, Value>, accepted: &[String]) -> bool {
    let is_accepted = |value: &Value| {
        value
            .as_str()
            .is_some_and(|audience| accepted.iter().any(|it| it == audience))
    };
    match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().all(Value::is_string) && audiences.iter().any(is_accepted),
        Some(one) => is_accepted(one),
        None => false,
    }
}

fn truncate(seconds: f64) -> Option<i64> {
    // 2^53 is the last integer up to which every integer is an f64.
    const MAX: f64 = 9_007_199_254_740_992.0;
    if !(-MAX..=MAX).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::as_conversions,
        reason = "the range was checked, and cutting off the fraction is meant"
    )]
    Some(seconds as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_dates() {
        for (value, strict, lenient) in [
            (json!(1_700_000_000), Some(1_700_000_000), Some(1_700_000_000)),
            (json!(1_700_000_000.9), Some(1_700_000_000), Some(1_700_000_000)),
            (json!("1700000000"), None, Some(1_700_000_000)),
            (json!("1700000000.5"), None, Some(1_700_000_000)),
            (json!(""), None, None),
            (json!("1e3"), None, None),
            (json!("-5"), None, None),
            (json!(" 5"), None, None),
            (json!("2026-01-01"), None, None),
            (json!(null), None, None),
            (json!(true), None, None),
            (json!(u64::MAX), None, None),
            (json!(1e300), None, None),
            (json!((1_i64 << 53) + 1), None, None),
            (json!([1]), None, None),
        ] {
            assert_eq!(numeric_date(&value), strict, "{value}");
            assert_eq!(lenient_numeric_date(&value), lenient, "{value}");
        }
    }

    #[test]
    fn finds_an_audience() {
        let accepted = ["a".to_owned(), "b".to_owned()];
        for (aud, found) in [
            (json!("a"), true),
            (json!("A"), false),
            (json!(["x", "b"]), true),
            (json!(["x", 5, "b"]), false),
            (json!([]), false),
            (json!(5), false),
            (json!(null), false),
        ] {
            let claims = json!({ "aud": aud });
            assert_eq!(audience_has(claims.as_object().unwrap(), &accepted), found, "{claims}");
        }
        assert!(!audience_has(&Map::new(), &accepted));
    }
}
