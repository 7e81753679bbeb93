use std::time::Duration;

use crate::{
    log::{Actor, EventType, Keywords, LogEvent, LogQuery, LogQueryError, LogQueryParams, Mode, SortOrder, Target},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

fn parse(params: LogQueryParams<'_>) -> Result<LogQuery, LogQueryError> {
    LogQuery::parse(&params, NOW)
}

#[test]
fn a_query_without_an_end_polls() {
    let query = parse(LogQueryParams::default()).unwrap();
    assert_eq!(
        (query.mode, query.order, query.limit),
        (Mode::Polling, SortOrder::Ascending, 100)
    );
    assert_eq!((query.since, query.until), (Some(NOW.minus(days(7))), None));
}

#[test]
fn anything_with_an_end_or_backwards_is_bounded() {
    let until = LogQueryParams {
        until: Some("2027-01-10T00:00:00.000Z"),
        since: Some("2027-01-09T00:00:00.000Z"),
        ..LogQueryParams::default()
    };
    let query = parse(until).unwrap();
    assert_eq!((query.mode, query.order), (Mode::Bounded, SortOrder::Ascending));
    assert_eq!(query.since.unwrap().to_string(), "2027-01-09T00:00:00.000Z");
    assert_eq!(query.until.unwrap().to_string(), "2027-01-10T00:00:00.000Z");

    let only_until = parse(LogQueryParams { since: None, ..until }).unwrap();
    assert_eq!(only_until.since.unwrap().to_string(), "2027-01-03T00:00:00.000Z");

    let backwards = LogQueryParams {
        sort_order: Some("descending"),
        ..LogQueryParams::default()
    };
    let query = parse(backwards).unwrap();
    assert_eq!((query.mode, query.until), (Mode::Bounded, None));
}

#[test]
fn a_follower_may_repeat_its_first_since_for_ever() {
    // clients.md 8 and okta.md 13 row 39: the Go SDK sends `since` and `after` together.
    let follower = LogQueryParams {
        since: Some("2020-01-01T00:00:00Z"),
        after: Some("AAAB"),
        ..LogQueryParams::default()
    };
    let query = parse(follower).unwrap();
    assert_eq!((query.since, query.after.as_deref()), (None, Some("AAAB")));
}

#[test]
fn nothing_older_than_the_retention_is_looked_for() {
    let query = parse(LogQueryParams {
        since: Some("2026-08-01T00:00:00Z"),
        ..LogQueryParams::default()
    });
    assert_eq!(query.unwrap().since, Some(NOW.minus(days(90))));
}

#[test]
fn takes_the_dates_that_clients_send() {
    for text in [
        "2027-01-10T00:00:00.000Z",
        "2027-01-10T00:00:00Z",
        "2027-01-10T00:00:00",
        "2027-01-10T00:00:00.000",
        "2027-01-10",
        "2027-01-10T01:00:00+01:00",
        "2027-01-10T01:00:00 01:00",
        "2027-01-10T01:00:00+0100",
    ] {
        let query = parse(LogQueryParams {
            since: Some(text),
            ..LogQueryParams::default()
        });
        let since = query.map(|query| query.since.unwrap().to_string());
        assert_eq!(since.as_deref(), Ok("2027-01-10T00:00:00.000Z"), "{text}");
    }
}

#[test]
fn refusals_have_oktas_words() {
    let none = LogQueryParams::default();
    let long = "x".repeat(41);
    for (params, code, summary, causes) in [
        (
            LogQueryParams {
                until: Some("bogus"),
                ..none
            },
            "E0000001",
            "Api validation failed: 'until': The date format in your query is not recognized. Please enter dates using ISO8601 string format. 'until': must be a valid date-time or empty.",
            2,
        ),
        (
            LogQueryParams {
                since: Some("2026-01-01T00:00:00Z"),
                ..none
            },
            "E0000053",
            "Invalid parameter: The since parameter is over 180 days prior to the current day.",
            0,
        ),
        (
            LogQueryParams { q: Some(&long), ..none },
            "E0000001",
            "Api validation failed: 'q': Freeform search cannot contain items longer than 40 characters.",
            1,
        ),
        (
            LogQueryParams {
                q: Some("1 2 3 4 5 6 7 8 9 10 11"),
                ..none
            },
            "E0000001",
            "Api validation failed: 'q': Freeform search cannot contain more than 10 items.",
            1,
        ),
        (
            LogQueryParams {
                limit: Some("1001"),
                ..none
            },
            "E0000001",
            "Api validation failed: 'limit': must be between 0 and 1000.",
            1,
        ),
        (
            LogQueryParams {
                limit: Some("-1"),
                ..none
            },
            "E0000001",
            "Api validation failed: 'limit': must be between 0 and 1000.",
            1,
        ),
        (
            LogQueryParams {
                sort_order: Some("UP"),
                ..none
            },
            "E0000001",
            "Api validation failed: 'sortOrder': must be ASCENDING or DESCENDING.",
            1,
        ),
        (
            LogQueryParams {
                filter: Some("published pr"),
                ..none
            },
            "E0000053",
            "field is not valid: published",
            0,
        ),
    ] {
        let error = parse(params).unwrap_err();
        assert_eq!(
            (error.code(), error.summary().as_str(), error.causes().len()),
            (code, summary, causes)
        );
    }
}

#[test]
fn empty_parameters_count_as_absent() {
    let empty = Some("");
    let query = parse(LogQueryParams {
        since: empty,
        until: empty,
        after: empty,
        filter: empty,
        q: empty,
        limit: empty,
        sort_order: empty,
    });
    assert_eq!(query, parse(LogQueryParams::default()));
}

#[test]
fn keywords_are_whole_words_or_parts_between_hyphens() {
    let event = LogEvent::new(
        EventType::UserUpdateProfile,
        Actor::user("00u1", "jo.lin@example.com", "Jo Lin-Berg"),
    )
    .target(Target::new("Place", "p1", "San Francisco"))
    .debug("url", "interestingURI.com");
    for (q, want) in [
        ("San Francisco", true),
        ("francisco", true),
        ("interestinguri.COM", true),
        ("interestinguri", false),
        ("Berg", true),
        ("Lin-Berg jo", true),
        ("Lin-", false),
        ("user.account.update_profile", true),
        ("jo absent", false),
        ("0", false),
        ("", true),
    ] {
        assert_eq!(Keywords::parse(q).map(|it| it.match_event(&event)), Ok(want), "{q}");
    }
}
