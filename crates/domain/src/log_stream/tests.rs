use std::time::Duration;

use watchfire_model::{
    object::{LogStreamLease, Object},
    row::Row,
};

use super::*;
use crate::testing::{NOW, admin, decide, event_types};

const HOUR: Duration = Duration::from_secs(3_600);

fn files() -> LogStreamTarget {
    LogStreamTarget::File {
        max_bytes: 1_000,
        max_age_seconds: 60,
        keep_files: 0,
    }
}

fn collector() -> LogStreamTarget {
    LogStreamTarget::SplunkHec {
        url: "https://splunk.example:8088".to_owned(),
        index: None,
        source: "watchfire".to_owned(),
        sourcetype: "_json".to_owned(),
        acknowledge: false,
        ca: None,
    }
}

fn draft(name: &str, target: LogStreamTarget) -> LogStreamDraft {
    LogStreamDraft {
        name: name.to_owned(),
        format: LogStreamFormat::Okta,
        filter: None,
        target,
        sealed_secret: Some("sealed".to_owned()),
    }
}

fn create(draft: LogStreamDraft, start: LogStreamStart) -> CreateLogStream {
    CreateLogStream {
        key: "key".to_owned(),
        draft,
        start,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn with(objects: impl IntoIterator<Item = Object>) -> Slice {
    let mut slice = Slice::default();
    objects.into_iter().for_each(|object| slice.insert(object));
    slice
}

fn made(name: &str) -> LogStream {
    let command = create(draft(name, collector()), LogStreamStart::Now);
    decide(&command, &Slice::default()).outcome.expect("a stream")
}

fn change(stream: &LogStream, change: LogStreamChange) -> Decided<LogStream> {
    let command = ChangeLogStream {
        id: stream.id.clone(),
        change,
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    decide(&command, &with([stream.clone().into()]))
}

#[test]
fn a_stream_begins_where_it_is_told_to() {
    let then = NOW.minus(HOUR);
    for (start, since) in [
        (LogStreamStart::Now, Some(NOW)),
        (LogStreamStart::Oldest, None),
        (LogStreamStart::At(then), Some(then)),
    ] {
        let decided = decide(&create(draft("a", files()), start), &Slice::default());
        assert_eq!(event_types(&decided.decision), [EventType::LogStreamCreate]);
        let stream = decided.outcome.expect("a stream");
        assert_eq!((stream.since, stream.status), (since, Status::Active), "{start:?}");
        assert!(stream.id.as_str().starts_with("lgs"));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let stream = made("Splunk");
    let bad_filter = LogStreamDraft {
        filter: Some("eventType eq".to_owned()),
        ..draft("b", files())
    };
    let cases = [
        (draft(" ", files()), "name"),
        (draft(&"n".repeat(MAX_NAME_CHARS + 1), files()), "name"),
        (draft("sPlUnK", files()), "name"),
        (bad_filter, "filter"),
    ];
    for (draft, member) in cases {
        let refused = decide(&create(draft, LogStreamStart::Now), &with([stream.clone().into()])).outcome;
        assert!(
            matches!(&refused, Err(Rejection::Invalid { field, .. }) if field == member),
            "{member}: {refused:?}"
        );
    }
    let full = (0..MAX_LOG_STREAMS).map(|n| {
        let id = LogStreamId::new(format!("lgs{n}"));
        Object::from(LogStream {
            id,
            name: n.to_string(),
            ..stream.clone()
        })
    });
    let refused = decide(&create(draft("one more", files()), LogStreamStart::Now), &with(full)).outcome;
    assert!(matches!(refused, Err(Rejection::Invalid { .. })));
}

#[test]
fn a_secret_stays_until_the_target_is_of_another_type() {
    let stream = made("Splunk");
    let kept = LogStreamDraft {
        sealed_secret: None,
        ..draft("Renamed", collector())
    };
    let kept = change(&stream, LogStreamChange::Replace(Box::new(kept)))
        .outcome
        .expect("changed");
    assert_eq!(kept.sealed_secret.as_deref(), Some("sealed"));
    let gone = LogStreamDraft {
        sealed_secret: None,
        ..draft("Renamed", files())
    };
    let gone = change(&stream, LogStreamChange::Replace(Box::new(gone)))
        .outcome
        .expect("changed");
    assert_eq!(gone.sealed_secret, None);
}

#[test]
fn a_status_is_written_once() {
    let stream = made("Splunk");
    let off = change(&stream, LogStreamChange::Status(Status::Inactive));
    assert_eq!(event_types(&off.decision), [EventType::LogStreamDeactivate]);
    let off = off.outcome.expect("changed");
    assert!(
        change(&off, LogStreamChange::Status(Status::Inactive))
            .decision
            .rows
            .is_empty()
    );
    let on = change(&off, LogStreamChange::Status(Status::Active));
    assert_eq!(event_types(&on.decision), [EventType::LogStreamActivate]);
}

fn claim(slice: &Slice, epoch: u64, sole: bool) -> Decided<Option<LogStreamProgress>> {
    let id = slice.all::<LogStream>().first().expect("a stream").id.clone();
    let hold = Duration::from_secs(30);
    decide(&ClaimLogStream { id, epoch, hold, sole }, slice)
}

fn report(slice: &Slice, epoch: u64, report: Report) -> (Decided<bool>, Option<LogStreamProgress>) {
    let command = ReportLogStream {
        id: slice.all::<LogStream>().first().expect("a stream").id.clone(),
        epoch,
        hold: Some(Duration::from_secs(30)),
        report,
        patience: HOUR,
        actor: admin(),
    };
    let decided = decide(&command, slice);
    let written = decided.decision.rows.iter().find_map(|row| match row {
        Row::Put(Object::LogStreamProgress(it)) => Some(LogStreamProgress::clone(it)),
        _ => None,
    });
    (decided, written)
}

#[test]
fn one_process_works_on_a_stream_at_a_time() {
    let stream = made("Splunk");
    let held = |epoch, until| LogStreamProgress {
        lease: Some(LogStreamLease { epoch, until }),
        ..LogStreamProgress::new(stream.id.clone(), NOW)
    };
    let of = |progress: LogStreamProgress| with([stream.clone().into(), progress.into()]);
    let is_mine = |slice: &Slice, sole| claim(slice, 7, sole).outcome.expect("an answer").is_some();
    assert!(is_mine(&with([stream.clone().into()]), false), "nobody has it");
    assert!(!is_mine(&of(held(6, NOW.plus(HOUR))), false), "somebody else has it");
    assert!(is_mine(&of(held(6, NOW)), false), "nobody has it any more");
    assert!(is_mine(&of(held(6, NOW.plus(HOUR))), true), "there is nobody else");
    let other = of(held(6, NOW.plus(HOUR)));
    let (decided, written) = report(&other, 7, Report::default());
    assert_eq!(
        (decided.outcome.ok(), written),
        (Some(false), None),
        "a report without a lease is nothing"
    );
}

#[test]
fn reports_move_the_cursor_and_only_long_failures_are_in_the_log() {
    let stream = made("Splunk");
    let claimed = claim(&with([stream.clone().into()]), 7, true).outcome.expect("an answer");
    let of = |progress: LogStreamProgress| with([stream.clone().into(), progress.into()]);
    let taken = Report {
        cursor: Some("0000000000000007".to_owned()),
        delivered: 7,
        reached: Some(NOW),
        error: None,
    };
    let (decided, progress) = report(&of(claimed.expect("a lease")), 7, taken);
    assert!(event_types(&decided.decision).is_empty());
    let progress = progress.expect("written");
    assert_eq!(
        (progress.cursor.as_deref(), progress.delivered),
        (Some("0000000000000007"), 7)
    );

    let failed = || Report {
        error: Some("nobody answers ".repeat(100)),
        ..Report::default()
    };
    let (decided, progress) = report(&of(progress), 7, failed());
    assert!(event_types(&decided.decision).is_empty(), "not yet");
    let mut progress = progress.expect("written");
    assert_eq!((progress.failing_since, progress.cursor.is_some()), (Some(NOW), true));
    assert_eq!(progress.last_error.as_ref().map(String::len), Some(512));
    progress.failing_since = Some(NOW.minus(HOUR));
    let (decided, progress) = report(&of(progress), 7, failed());
    assert_eq!(event_types(&decided.decision), [EventType::LogStreamFail]);
    let (decided, progress) = report(&of(progress.expect("written")), 7, failed());
    assert!(event_types(&decided.decision).is_empty(), "once");
    let (decided, progress) = report(&of(progress.expect("written")), 7, Report::default());
    assert_eq!(event_types(&decided.decision), [EventType::LogStreamRecover]);
    let progress = progress.expect("written");
    assert_eq!(
        (progress.failing_since, progress.last_error, progress.is_noted),
        (None, None, false)
    );
}

#[test]
fn a_stream_goes_with_how_far_it_has_come() {
    let stream = made("Splunk");
    let command = DeleteLogStream {
        id: stream.id.clone(),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let progress = LogStreamProgress::new(stream.id.clone(), NOW);
    let decided = decide(&command, &with([stream.into(), progress.into()]));
    let gone = decided
        .decision
        .rows
        .iter()
        .filter(|row| matches!(row, Row::Delete { .. }))
        .count();
    assert_eq!(gone, 2);
    assert_eq!(event_types(&decided.decision), [EventType::LogStreamDelete]);
    assert!(matches!(
        decide(&command, &Slice::default()).outcome,
        Err(Rejection::NotFound { .. })
    ));
}
