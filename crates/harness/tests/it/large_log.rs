//! A log of 200 000 events: what a query reads is bounded, however long the log is. No time is measured here;
//! `cargo xtask bench log` does that with ten million.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::time::Duration;

use watchfire_engine::generate::log::{LogDecisions, LogParameters, RARE_WORD};
use watchfire_model::{
    log::{LogEvent, LogQuery, LogQueryParams},
    row::Row,
    time::Timestamp,
};
use watchfire_store::{
    bulk,
    index::Index as _,
    settings::Settings,
    sqlite::{self, Store},
};

const EVENTS: u64 = 200_000;
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn parameters() -> LogParameters {
    LogParameters {
        seed: 4,
        events: EVENTS,
        users: 1_000,
        from: NOW.minus(Duration::from_secs(20 * 86_400)),
        until: NOW,
    }
}

fn decided() -> Vec<LogEvent> {
    let rows = LogDecisions::new(parameters()).flat_map(|decision| decision.rows);
    rows.filter_map(|row| match row {
        Row::Log(event) => Some(*event),
        _ => None,
    })
    .collect()
}

fn settings() -> Settings {
    Settings {
        // Several partitions.
        log_partition_rows: 60_000,
        log_rows_read_through: 50_000,
        ..Settings::default()
    }
}

fn query(filter: &str, q: &str) -> LogQuery {
    let since = NOW.minus(Duration::from_secs(30 * 86_400)).to_string();
    let params = LogQueryParams {
        since: Some(&since),
        filter: Some(filter),
        q: Some(q),
        limit: Some("40"),
        sort_order: Some("DESCENDING"),
        ..LogQueryParams::default()
    };
    LogQuery::parse(&params, NOW).unwrap()
}

/// Every page, one behind the other: the events and how many pages it took.
async fn all(store: &Store, query: &LogQuery) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.reader.log(query, after, |_| Vec::new()).await.unwrap();
        pages += 1;
        found.extend(page.entries.into_iter().map(|entry| entry.event.uuid));
        match page.next {
            Some(next) => after = Some(next),
            None => return (found, pages),
        }
    }
}

#[tokio::test]
async fn a_log_of_two_hundred_thousand_events_is_seeded_whole_and_asked_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite::open(folder.path(), &bulk::settings(&settings()), NOW).await.unwrap();
    let mut told = 0;
    let written = bulk::write(&mut store.journal, LogDecisions::new(parameters()), |_| told += 1)
        .await
        .unwrap();
    assert_eq!((written, told), (EVENTS, 4));
    drop(store);
    // A server opens it, and goes on where it ends.
    let store = sqlite::open(folder.path(), &settings(), NOW).await.unwrap();
    let events = decided();
    assert_eq!(store.last_published, events.last().unwrap().published);

    pages_have_what_is_asked_for(&store, &events).await;
    what_no_index_leads_to_is_read_in_portions(&store, &events).await;
    counts_are_exact_where_they_are_few_and_near_where_they_are_many(&store, &events).await;
    edges_fall_between_the_right_events(&store, &events).await;
}

/// What a filter says, in Rust: the evaluator would turn each event into its document for each question.
type Says = fn(&LogEvent) -> bool;

const FILTERS: [(&str, Says); 5] = [
    (r#"eventType eq "zone.create""#, |event| {
        event.event_type.as_str() == "zone.create"
    }),
    (
        r#"eventType eq "user.account.lock" and outcome.result eq "SUCCESS""#,
        |event| event.event_type.as_str() == "user.account.lock" && event.outcome.result.as_str() == "SUCCESS",
    ),
    (r#"actor.id eq "00uSynthetic00000900""#, |event| {
        event.actor.id == "00uSynthetic00000900"
    }),
    (r#"client.ipAddress eq "198.18.0.7""#, |event| {
        let client = event.client.as_ref();
        client
            .and_then(|client| client.ip_address)
            .is_some_and(|ip| ip.to_string() == "198.18.0.7")
    }),
    (r#"target.id eq "00uSynthetic00000900""#, |event| {
        event.target.iter().any(|target| target.id == "00uSynthetic00000900")
    }),
];

async fn pages_have_what_is_asked_for(store: &Store, events: &[LogEvent]) {
    for (filter, says) in FILTERS {
        found_is(store, events, &query(filter, ""), says).await;
    }
    for q in [RARE_WORD, "user900@example.com", "ada rossi compliance"] {
        let query = query("", q);
        found_is(store, events, &query, |event| query.keywords.match_event(event)).await;
    }
    let both = query(r#"eventType eq "user.risk.detect""#, "nakamura malware");
    let says = |event: &LogEvent| event.event_type.as_str() == "user.risk.detect" && both.keywords.match_event(event);
    found_is(store, events, &both, says).await;
}

async fn found_is(store: &Store, events: &[LogEvent], query: &LogQuery, says: impl Fn(&LogEvent) -> bool) {
    let passing = events.iter().rev().filter(|event| says(event));
    let want: Vec<String> = passing.map(|event| event.uuid.clone()).collect();
    let (found, pages) = all(store, query).await;
    assert_eq!(found, want, "{query:?}");
    assert!(pages <= want.len() / 40 + 1, "{query:?}: {pages} pages for {}", want.len());
}

async fn what_no_index_leads_to_is_read_in_portions(store: &Store, events: &[LogEvent]) {
    let (found, pages) = all(store, &query(r#"outcome.reason eq "NONESUCH""#, "")).await;
    assert!(found.is_empty() && (2..=8).contains(&pages), "{pages} pages");
    let (found, _) = all(store, &query(r#"debugContext.debugData.note eq "quarantined-heron""#, "")).await;
    let notes = events.iter().filter(|event| event.debug_data.contains_key("note")).count();
    assert_eq!(found.len(), notes);
}

async fn counts_are_exact_where_they_are_few_and_near_where_they_are_many(store: &Store, events: &[LogEvent]) {
    let edge = |day: u64| NOW.minus(Duration::from_secs((20 - day) * 86_400));
    let edges: Vec<Timestamp> = (0..=20).map(edge).collect();
    let cases: [(&str, bool, Says); 4] = [
        ("", false, |_| true),
        (r#"eventType eq "user.account.lock""#, false, |event| {
            event.event_type.as_str() == "user.account.lock"
        }),
        (r#"outcome.result eq "FAILURE""#, true, |event| {
            event.outcome.result.as_str() == "FAILURE"
        }),
        (r#"severity eq "INFO""#, true, |event| event.severity.as_str() == "INFO"),
    ];
    for (filter, estimated, says) in cases {
        let query = query(filter, "");
        let counted = store.reader.log_counts(&query, &edges).await.unwrap();
        assert_eq!(counted.is_estimate, estimated, "{filter}");
        let real: Vec<u64> = edges
            .windows(2)
            .map(|pair| {
                let within = events
                    .iter()
                    .filter(|event| pair[0] <= event.published && event.published < pair[1]);
                u64::try_from(within.filter(|event| says(event)).count()).unwrap()
            })
            .collect();
        if !estimated {
            assert_eq!(counted.counts, real, "{filter}");
            continue;
        }
        let (about, all): (u64, u64) = (counted.counts.iter().sum(), real.iter().sum());
        assert!(about.abs_diff(all) * 5 < all, "{filter}: {about} for {all}");
    }
}

async fn edges_fall_between_the_right_events(store: &Store, events: &[LogEvent]) {
    let plain = query("", "");
    for at in [0, 1, 59_999, 60_000, 60_001, 123_456, 199_998] {
        let (one, other) = (events[at].published, events[at + 1].published);
        let counted = store
            .reader
            .log_counts(&plain, &[NOW.minus(Duration::from_secs(30 * 86_400)), one, other])
            .await
            .unwrap();
        let before = events.partition_point(|event| event.published < one);
        let until = events.partition_point(|event| event.published < other);
        let want = [before, until - before].map(|count| u64::try_from(count).unwrap());
        assert_eq!(counted.counts, want, "{at}");
    }
}
