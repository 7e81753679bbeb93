//! The System Log in the store: what is written is found again, page by page, whatever is asked.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "log/events.rs"]
mod events;

use std::{net::IpAddr, sync::Arc, time::Duration};

use proptest::prelude::*;
use watchfire_model::{
    filter::Filter,
    log::{Actor, EventType, Keywords, LogEvent, LogQuery, LogQueryParams, SYSTEM_LOG},
    row::Decision,
    signal::RiskLevel,
    time::Timestamp,
};
use watchfire_store::{
    StoreError,
    index::Index as _,
    journal::Journal as _,
    log::{LogCursor, LogPage},
    settings::{JournalKind, Settings},
    sqlite::{self, Store},
};

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

struct Log {
    store: Store,
    _folder: tempfile::TempDir,
}

fn settings() -> Settings {
    Settings {
        journal: JournalKind::Inline,
        log_partition_rows: 7,
        ..Settings::default()
    }
}

fn at(seconds: usize) -> Timestamp {
    START.plus(Duration::from_secs(u64::try_from(seconds).unwrap()))
}

async fn log_of(events: Vec<LogEvent>) -> Log {
    log_with(&settings(), events).await
}

async fn log_with(settings: &Settings, events: Vec<LogEvent>) -> Log {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite::open(folder.path(), settings, START).await.unwrap();
    for event in events {
        let mut decision = Decision::new();
        decision.rows.extend(event.receipt.clone().map(events::receipt));
        decision.log(event);
        store.journal.append(Arc::new(decision.clone())).await.unwrap();
    }
    store.journal.sync().await.unwrap();
    Log { store, _folder: folder }
}

/// Events one second apart, with the uuids `e0`, `e1`, …
fn numbered(count: usize) -> Vec<LogEvent> {
    (0..count)
        .map(|n| {
            let actor = Actor::user(format!("00u{}", n % 3), "jo@example.com", "Jo");
            let mut event = LogEvent::new(EventType::UserSessionStart, actor);
            event.stamp(format!("e{n}"), at(n));
            event
        })
        .collect()
}

impl Log {
    async fn page(&self, params: LogQueryParams<'_>) -> LogPage {
        self.try_page(params).await.unwrap()
    }

    async fn try_page(&self, params: LogQueryParams<'_>) -> Result<LogPage, StoreError> {
        let query = LogQuery::parse(&params, at(100)).unwrap();
        let after = query.after.as_deref().map(|after| LogCursor::parse(after).unwrap());
        self.store.reader.log(&query, after, events::read_signals).await
    }

    /// Follows `next` until a page is empty or the last.
    async fn all(&self, params: LogQueryParams<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .page(LogQueryParams {
                    after: after.as_deref(),
                    ..params
                })
                .await;
            let empty = page.entries.is_empty();
            found.extend(uuids(&page));
            match page.next {
                Some(next) if !empty || Some(next.to_string()) != after => after = Some(next.to_string()),
                _ => return found,
            }
        }
    }
}

fn uuids(page: &LogPage) -> Vec<String> {
    page.entries.iter().map(|entry| entry.event.uuid.clone()).collect()
}

fn named(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("e{n}")).collect()
}

const ALL: LogQueryParams<'_> = LogQueryParams {
    since: None,
    until: None,
    after: None,
    filter: None,
    q: None,
    limit: Some("5"),
    sort_order: None,
};

#[tokio::test]
async fn pages_cross_partitions_in_both_orders() {
    let log = log_of(numbered(30)).await;
    assert_eq!(log.all(ALL).await, named(0..30));
    let backwards = LogQueryParams {
        sort_order: Some("DESCENDING"),
        ..ALL
    };
    assert_eq!(log.all(backwards).await, named((0..30).rev()));
}

#[tokio::test]
async fn since_is_inside_and_until_is_outside() {
    let log = log_of(numbered(30)).await;
    let (since, until) = (at(10).to_string(), at(20).to_string());
    let between = LogQueryParams {
        since: Some(&since),
        until: Some(&until),
        ..ALL
    };
    assert_eq!(log.all(between).await, named(10..20));
    assert_eq!(
        log.all(LogQueryParams {
            sort_order: Some("DESCENDING"),
            ..between
        })
        .await,
        named((10..20).rev())
    );
    assert_eq!(
        log.all(LogQueryParams {
            since: Some(&until),
            ..ALL
        })
        .await,
        named(20..30)
    );
}

#[tokio::test]
async fn the_last_bounded_page_has_no_next_and_a_follower_always_has_one() {
    let log = log_of(numbered(10)).await;
    let until = at(100).to_string();
    let bounded = LogQueryParams {
        until: Some(&until),
        ..ALL
    };
    let first = log.page(bounded).await;
    assert_eq!((uuids(&first), first.next.is_some()), (named(0..5), true));
    let after = first.next.unwrap().to_string();
    let second = log
        .page(LogQueryParams {
            after: Some(&after),
            ..bounded
        })
        .await;
    assert_eq!((uuids(&second), second.next), (named(5..10), None));
    assert_eq!(
        log.page(LogQueryParams {
            limit: Some("0"),
            ..bounded
        })
        .await,
        LogPage::default()
    );

    let empty = log_of(Vec::new()).await.page(ALL).await;
    assert!(empty.entries.is_empty() && empty.next.is_some());
}

#[tokio::test]
async fn a_follower_sees_what_is_written_later_exactly_once() {
    let mut events = numbered(20);
    let later = events.split_off(12);
    let mut log = log_of(events).await;
    let filter = LogQueryParams {
        filter: Some(r#"actor.id ne "00u1""#),
        limit: Some("100"),
        ..ALL
    };
    let first = log.page(filter).await;
    assert_eq!(uuids(&first), named((0..12).filter(|n| n % 3 != 1)));
    for event in later {
        let mut decision = Decision::new();
        decision.log(event);
        log.store.journal.append(Arc::new(decision.clone())).await.unwrap();
    }
    log.store.journal.sync().await.unwrap();
    let after = first.next.unwrap().to_string();
    let second = log
        .page(LogQueryParams {
            after: Some(&after),
            ..filter
        })
        .await;
    assert_eq!(uuids(&second), named((12..20).filter(|n| n % 3 != 1)));
}

#[tokio::test]
async fn what_was_rolled_back_leaves_no_trace() {
    let mut log = log_of(numbered(6)).await;
    let mut lost = Decision::new();
    for mut event in numbered(9) {
        event.uuid = format!("lost-{}", event.uuid);
        lost.log(event);
    }
    log.store.journal.append(Arc::new(lost.clone())).await.unwrap();
    log.store.journal.roll_back().await;
    let mut kept = Decision::new();
    kept.log(numbered(7).pop().unwrap());
    // The second event has the uuid of the first: the index refuses the decision and keeps the group.
    let mut refused = Decision::new();
    refused.log(numbered(9).pop().unwrap());
    refused.log(numbered(1).pop().unwrap());
    log.store.journal.append(Arc::new(kept.clone())).await.unwrap();
    let _ = log.store.journal.append(Arc::new(refused.clone())).await;
    log.store.journal.sync().await.unwrap();
    let found = log.all(ALL).await;
    assert_eq!(found.get(..7).unwrap(), named(0..7));
    assert!(!found.iter().any(|uuid| uuid.starts_with("lost")));
}

#[tokio::test]
async fn a_restart_goes_on_where_the_log_ended() {
    let folder = tempfile::tempdir().unwrap();
    for part in [0..10, 10..20] {
        let mut store = sqlite::open(folder.path(), &settings(), START).await.unwrap();
        let mut decision = Decision::new();
        for event in numbered(20).drain(part) {
            decision.log(event);
        }
        store.journal.append(Arc::new(decision.clone())).await.unwrap();
        store.journal.sync().await.unwrap();
    }
    let store = sqlite::open(folder.path(), &settings(), START).await.unwrap();
    assert_eq!(store.last_published, at(19));
    let log = Log { store, _folder: folder };
    assert_eq!(log.all(ALL).await, named(0..20));
}

#[tokio::test]
async fn time_does_not_go_back_in_the_log() {
    let mut events = numbered(3);
    events[2].published = START;
    let log = log_of(events).await;
    let page = log.page(ALL).await;
    assert_eq!(page.entries[2].event.published, at(1));
}

#[tokio::test]
async fn retention_drops_whole_partitions() {
    let brief = Settings {
        log_retention: Duration::from_secs(100),
        ..settings()
    };
    let mut log = log_with(&brief, numbered(30)).await;
    // Partitions of seven: 0-6, 7-13, 14-20, 21-27, 28-29.
    assert_eq!(log.store.journal.purge(at(120)).await.unwrap(), 2);
    assert_eq!(log.all(ALL).await, named(14..30));
    assert_eq!(log.store.journal.purge(at(199)).await.unwrap(), 2);
    assert_eq!(log.all(ALL).await, named(28..30));
    let stale = LogCursor::parse("0000000000000003").unwrap().to_string();
    assert_eq!(
        uuids(
            &log.page(LogQueryParams {
                after: Some(&stale),
                ..ALL
            })
            .await
        ),
        named(28..30)
    );
}

#[tokio::test]
async fn one_event_is_found_by_its_uuid() {
    let log = log_of(numbered(30)).await;
    let found = log
        .store
        .reader
        .log_event("e17", events::read_signals)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.event, numbered(30)[17]);
    assert_eq!(log.store.reader.log_event("e30", events::read_signals).await.unwrap(), None);
}

#[tokio::test]
async fn the_list_of_signals_comes_from_the_stored_body() {
    let log = log_of(vec![events::consume("e0", "rcp1")]).await;
    let page = log.page(LogQueryParams {
        filter: Some(r#"debugContext.debugData.riskSignalList co "203.0.113.7, riskLevel=HIGH""#),
        ..ALL
    });
    let page = page.await;
    let high: (IpAddr, RiskLevel) = ("203.0.113.7".parse().unwrap(), RiskLevel::High);
    assert_eq!(page.entries[0].signals.as_deref(), Some(&[high][..]));
    assert_eq!(page.entries[0].to_wire()["debugContext"]["debugData"]["riskSignalSize"], "1");
}

#[tokio::test]
async fn a_nul_is_stored_as_the_replacement_character() {
    let event = numbered(1).pop().unwrap().debug("url", "a\0b");
    let log = log_of(vec![event]).await;
    let page = log
        .page(LogQueryParams {
            filter: Some(r#"debugContext.debugData.url ew "B""#),
            ..ALL
        })
        .await;
    assert_eq!(page.entries[0].event.debug_data["url"], "a\u{fffd}b");
    let nul = LogQueryParams {
        filter: Some(r#"debugContext.debugData.url eq "a\u0000b""#),
        ..ALL
    };
    assert_eq!(log.page(nul).await.entries, []);
}

#[tokio::test]
async fn looking_through_rows_is_bounded_and_goes_on_behind_next() {
    let few = Settings {
        log_rows_looked_at: 4,
        ..settings()
    };
    let log = log_with(&few, numbered(20)).await;
    let until = at(100).to_string();
    // `legacyEventType` is made when the event is rendered, so the evaluator has to look.
    let rendered = LogQueryParams {
        filter: Some("legacyEventType eq null"),
        until: Some(&until),
        ..ALL
    };
    let first = log.page(rendered).await;
    assert!(first.entries.is_empty() && first.next.is_some());
    assert_eq!(
        log.all(LogQueryParams {
            filter: Some("legacyEventType pr"),
            ..rendered
        })
        .await,
        named(0..20)
    );
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_given_up() {
    let hasty = Settings {
        log_query_timeout: Duration::ZERO,
        ..settings()
    };
    let log = log_with(&hasty, numbered(20)).await;
    assert!(matches!(log.try_page(ALL).await, Err(StoreError::Timeout)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_finds_what_the_evaluator_finds(
        events in proptest::collection::vec(events::event(), 1..40),
        filters in proptest::collection::vec(events::filter(), 40),
        queries in proptest::collection::vec(events::keywords(), 10),
    ) {
        let events: Vec<LogEvent> = events
            .into_iter()
            .enumerate()
            .map(|(n, mut event)| { event.stamp(format!("e{n}"), at(n)); event })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = log_of(events.clone()).await;
            for text in &filters {
                let Ok(filter) = Filter::parse(text, &SYSTEM_LOG) else { continue };
                let holds = |event: &&LogEvent| filter.matches(&events::rendered(event));
                let want: Vec<String> = events.iter().filter(holds).map(|event| event.uuid.clone()).collect();
                prop_assert_eq!(log.all(LogQueryParams { filter: Some(text), ..ALL }).await, want, "{}", text);
            }
            for q in &queries {
                let keywords = Keywords::parse(q).unwrap();
                let holds = |event: &&LogEvent| keywords.match_event(event);
                let want: Vec<String> = events.iter().rev().filter(holds).map(|event| event.uuid.clone()).collect();
                let backwards = LogQueryParams { q: Some(q), sort_order: Some("DESCENDING"), ..ALL };
                prop_assert_eq!(log.all(backwards).await, want, "{}", q);
            }
            Ok(())
        })?;
    }
}
