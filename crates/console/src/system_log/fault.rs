//! A query that is refused, and where its fault is.

use watchfire_model::{filter::FilterError, log::LogQueryError};

/// What is wrong, and the filter in three parts: before the fault, the fault, behind it.
#[derive(Debug)]
pub(crate) struct FilterFault {
    pub(crate) message: String,
    pub(crate) before: String,
    pub(crate) at: String,
    pub(crate) behind: String,
    /// Whether the place is known.
    pub(crate) is_placed: bool,
}

impl FilterFault {
    pub(crate) fn new(error: &LogQueryError, filter: &str) -> Self {
        let place = match error {
            LogQueryError::Filter(FilterError::Syntax { reason, .. }) => {
                position(reason).map(|start| (start, word_chars(filter, start)))
            }
            LogQueryError::Filter(FilterError::UnknownField { field } | FilterError::UnsupportedCombination { field, .. }) => {
                chars_before(filter, field).map(|start| (start, field.chars().count()))
            }
            _ => None,
        };
        let (start, length) = place.unwrap_or_default();
        let mut characters = filter.chars();
        Self {
            message: message(error),
            before: characters.by_ref().take(start).collect(),
            at: characters.by_ref().take(length).collect(),
            behind: characters.collect(),
            is_placed: place.is_some(),
        }
    }
}

fn message(error: &LogQueryError) -> String {
    match error {
        LogQueryError::Filter(FilterError::Syntax { reason, .. }) => reason.clone(),
        LogQueryError::Filter(FilterError::UnknownField { field }) => format!("There is no field {field} in the log."),
        other => {
            let causes = other.causes();
            if causes.is_empty() {
                other.summary()
            } else {
                causes.join(" ")
            }
        }
    }
}

/// The number behind the last `at position `.
fn position(reason: &str) -> Option<usize> {
    let (_, behind) = reason.rsplit_once("at position ")?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Characters of the word that begins at `start`; 1 at the end, so that there is something to mark.
fn word_chars(filter: &str, start: usize) -> usize {
    let word = filter.chars().skip(start).take_while(|character| !character.is_whitespace());
    word.count().max(1)
}

fn chars_before(filter: &str, field: &str) -> Option<usize> {
    let (before, _) = filter.split_once(field)?;
    Some(before.chars().count())
}

#[cfg(test)]
mod tests {
    use watchfire_model::{
        log::{LogQuery, LogQueryParams},
        time::Timestamp,
    };

    use super::*;

    fn fault(filter: &str) -> FilterFault {
        let params = LogQueryParams {
            filter: Some(filter),
            ..LogQueryParams::default()
        };
        let error = LogQuery::parse(&params, Timestamp::from_seconds(1_800_000_000)).unwrap_err();
        FilterFault::new(&error, filter)
    }

    #[test]
    fn the_place_of_a_fault_is_marked() {
        for (filter, before, at) in [
            ("eventType eq \"a\" nonsense", "eventType eq \"a\" ", "nonsense"),
            ("eventType eq", "eventType eq", ""),
            ("eventType eq \"äö\" x", "eventType eq \"äö\" ", "x"),
            ("severity eq \"a\" and nofield eq \"b\"", "severity eq \"a\" and ", "nofield"),
        ] {
            let fault = fault(filter);
            assert!(fault.is_placed, "{fault:?}");
            assert_eq!(fault.before, before, "{fault:?}");
            assert_eq!(fault.at, at, "{fault:?}");
            assert_eq!(format!("{}{}{}", fault.before, fault.at, fault.behind), filter);
        }
    }
}
