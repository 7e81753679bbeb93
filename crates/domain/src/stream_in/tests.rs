use std::time::Duration;

use serde_json::json;
use watchfire_model::{
    log::Severity,
    object::{Object, PendingVerification},
    row::Row,
};
use watchfire_ssf::ErrorCode;

use super::*;
use crate::security_events_provider::ProviderSource;
use crate::testing::{NOW, admin, decide, event_types, events};

fn draft(name: &str) -> StreamInDraft {
    StreamInDraft {
        provider: StreamProvider::Issuer(Box::new(NewProvider {
            draft: SecurityEventsProviderDraft {
                name: name.to_owned(),
                product: "ssf".to_owned(),
                source: ProviderSource {
                    issuer: "https://tr.example".to_owned(),
                    jwks_url: "https://tr.example/jwks".to_owned(),
                    metadata: None,
                },
            },
            dialect: DialectName::Standard,
        })),
        key: "unguessable".to_owned(),
        metadata: json!({"issuer": "https://tr.example"}),
        metadata_at: NOW,
        audience: Vec::new(),
        delivery: StreamDelivery::Poll {
            endpoint_url: None,
            long: false,
        },
        authorization: StreamAuthorization::Bearer {
            sealed_token: "sealed".to_owned(),
        },
        events_requested: vec!["urn:a".to_owned()],
        description: None,
        subject_format: None,
    }
}

fn create(draft: StreamInDraft, slice: &Slice) -> Decided<CreatedStreamIn> {
    let command = CreateStreamIn {
        draft,
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    decide(&command, slice)
}

/// What the decision leaves in the store.
fn apply(slice: &mut Slice, decision: &Decision) {
    for row in &decision.rows {
        if let Row::Put(object) = row {
            slice.insert(object.clone());
        }
    }
    slice.overlay(
        &[],
        &Decision {
            rows: decision
                .rows
                .iter()
                .filter(|row| matches!(row, Row::Delete { .. }))
                .cloned()
                .collect(),
        },
    );
}

fn with_stream() -> (Slice, StreamIn, SecurityEventsProvider) {
    let mut slice = Slice::default();
    let decided = create(draft("Acme"), &slice);
    apply(&mut slice, &decided.decision);
    let stream = decided.outcome.unwrap().stream;
    let provider = slice
        .get::<SecurityEventsProvider>(stream.provider_id.as_str())
        .unwrap()
        .clone();
    (slice, stream, provider)
}

fn change(slice: &mut Slice, id: &StreamInId, change: StreamChange) -> (StreamIn, Decision) {
    let command = ChangeStreamIn {
        id: id.clone(),
        change,
        by: None,
    };
    let decided = decide(&command, slice);
    apply(slice, &decided.decision);
    (decided.outcome.unwrap(), decided.decision)
}

/// STRM-20: the intention is there before the transmitter knows of it, with the provider (profile
/// `standard`).
#[test]
fn a_stream_is_noted_with_its_provider_before_it_is_made() {
    let decided = create(draft("Acme"), &Slice::default());
    assert_eq!(
        event_types(&decided.decision),
        [EventType::SecurityEventsProviderCreate, EventType::SecurityEventsStreamCreate]
    );
    let created = decided.outcome.unwrap();
    assert!(created.provider_is_new);
    assert_eq!(created.stream.remote_id, None);
    let provider = decided.decision.rows.iter().find_map(|row| match row {
        Row::Put(Object::SecurityEventsProvider(it)) => Some(it.clone()),
        _ => None,
    });
    assert_eq!(provider.unwrap().profile.profile, DialectName::Standard);
}

#[test]
fn a_second_stream_of_an_issuer_feeds_the_same_provider() {
    let (slice, first, provider) = with_stream();
    let second = create(draft("Another name"), &slice).outcome.unwrap();
    assert!(!second.provider_is_new);
    assert_eq!(second.stream.provider_id, provider.id);
    let named = StreamInDraft {
        provider: StreamProvider::Existing(first.provider_id),
        ..draft("Acme")
    };
    assert!(!create(named, &slice).outcome.unwrap().provider_is_new);
}

#[test]
fn bad_drafts_are_refused() {
    let (slice, ..) = with_stream();
    let with_issuer = |name: &str| {
        let mut it = draft(name);
        if let StreamProvider::Issuer(new) = &mut it.provider {
            new.draft.source.issuer = "https://other.example".to_owned();
        }
        it
    };
    for (draft, field) in [
        (with_issuer(" "), "name"),
        (with_issuer(&"x".repeat(101)), "name"),
        (with_issuer("ACME"), "name"),
        (
            StreamInDraft {
                provider: StreamProvider::Existing(SecurityEventsProviderId::new("nobody")),
                ..draft("x")
            },
            "providerId",
        ),
        (
            StreamInDraft {
                events_requested: vec!["x".repeat(257)],
                ..draft("x")
            },
            "eventsRequested",
        ),
        (
            StreamInDraft {
                description: Some("x".repeat(257)),
                ..draft("x")
            },
            "description",
        ),
    ] {
        let decided = create(draft, &slice);
        assert!(decided.decision.rows.is_empty());
        assert!(
            matches!(&decided.outcome, Err(Rejection::Invalid { field: it, .. }) if it == field),
            "{field}"
        );
    }
}

/// AMB-40: what was pinned stays whatever the transmitter says later.
#[test]
fn the_audience_is_pinned_when_the_stream_is_made() {
    let (mut slice, stream, _) = with_stream();
    let remote = |audience: &str| {
        StreamChange::Remote(Box::new(RemoteStream {
            remote_id: "s1".to_owned(),
            audience: vec![audience.to_owned()],
            poll_endpoint: Some("https://tr.example/poll/s1".to_owned()),
            ..RemoteStream::default()
        }))
    };
    let (made, decision) = change(&mut slice, &stream.id, remote("https://we"));
    assert_eq!(event_types(&decision), [EventType::SecurityEventsStreamUpdate]);
    assert_eq!(made.audience, ["https://we"]);
    assert!(matches!(&made.delivery, StreamDelivery::Poll { endpoint_url: Some(url), .. } if url.ends_with("/poll/s1")));
    let (again, _) = change(&mut slice, &stream.id, remote("https://somebody-else"));
    assert_eq!(again.audience, ["https://we"]);
    let (_, nothing) = change(&mut slice, &stream.id, remote("https://we"));
    assert!(nothing.rows.is_empty(), "a repeat changes nothing");
}

/// POLL-11, POLL-15: what must be told is kept until it has been, and is told once in one way.
#[test]
fn acknowledgements_are_kept_until_they_are_told() {
    let (mut slice, stream, _) = with_stream();
    let polled = |result: PollResult| StreamChange::Polled(Box::new(result));
    let refused = |jti: &str| (jti.to_owned(), "invalid_request".to_owned(), "why".to_owned());
    let (it, decision) = change(
        &mut slice,
        &stream.id,
        polled(PollResult {
            ack: vec!["a".into(), "b".into(), "a".into()],
            errors: vec![refused("c"), refused("a")],
            ..PollResult::default()
        }),
    );
    assert!(events(&decision).is_empty(), "polls are not in the System Log");
    assert_eq!(it.unsent.ack, ["a", "b"]);
    assert_eq!(it.unsent.errors, [refused("c")]);
    let (it, _) = change(
        &mut slice,
        &stream.id,
        polled(PollResult {
            told: vec!["a".into(), "c".into()],
            ack: vec!["d".into()],
            error: Some("x".repeat(1_000)),
            ..PollResult::default()
        }),
    );
    assert_eq!((it.unsent.ack.len(), it.unsent.errors.len()), (2, 0));
    assert_eq!(it.last_error.map(|text| text.len()), Some(512));
    let (it, _) = change(
        &mut slice,
        &stream.id,
        polled(PollResult {
            told: vec!["b".into(), "d".into()],
            ..PollResult::default()
        }),
    );
    assert_eq!((it.unsent, it.last_error), (UnsentAcks::default(), None));
}

/// EVT-04, EVT-05, AMB-23: none is fine, one that is out is fine, a late one is marked, any other is
/// `invalid_state`.
#[test]
fn a_verification_must_carry_a_state_that_was_asked_for() {
    let (mut slice, stream, provider) = with_stream();
    let (asked, _) = change(&mut slice, &stream.id, StreamChange::Verify { state: "x".into() });
    let streams = [&asked];
    let minutes = |count: u64| NOW.plus(Duration::from_secs(count * 60));
    for (state, now, expected) in [
        (None, NOW, Ok(false)),
        (Some("x"), NOW, Ok(false)),
        (Some("x"), minutes(9), Ok(false)),
        (Some("x"), minutes(10), Ok(true)),
        (Some("x"), minutes(23 * 60), Ok(true)),
        (Some("x"), minutes(25 * 60), Err(ErrorCode::InvalidState)),
        (Some("y"), NOW, Err(ErrorCode::InvalidState)),
        (Some(""), NOW, Err(ErrorCode::InvalidState)),
    ] {
        let found = verification(&streams, state, now);
        assert_eq!(
            found.map(|it| it.is_late()).map_err(|error| error.code),
            expected,
            "{state:?} {now}"
        );
    }
    assert!(verification(&[], Some("x"), NOW).is_err());
    assert!(verification(&[&stream], Some("x"), NOW).is_err(), "nobody has asked yet");

    let mut decision = Decision::new();
    let found = verification(&streams, Some("x"), NOW).unwrap();
    crate::testing::with_context(|context| found.note(&provider, &mut decision, context));
    assert_eq!(event_types(&decision), [EventType::SecurityEventsStreamVerify]);
    apply(&mut slice, &decision);
    let verified = slice.get::<StreamIn>(stream.id.as_str()).unwrap();
    assert_eq!(verified.verified_at, Some(NOW));
    assert!(verification(&[verified], Some("x"), NOW).is_err(), "once");
}

#[test]
fn only_so_many_states_are_out() {
    let (mut slice, stream, _) = with_stream();
    for number in 0..40 {
        let state = number.to_string();
        change(&mut slice, &stream.id, StreamChange::Verify { state });
    }
    let kept = &slice.get::<StreamIn>(stream.id.as_str()).unwrap().verifications;
    let states: Vec<&str> = kept.iter().map(|it: &PendingVerification| it.state.as_str()).collect();
    assert_eq!((states.len(), states.first(), states.last()), (16, Some(&"24"), Some(&"39")));
}

/// STRM-37: the status is kept and logged, with a warning when events no longer flow.
#[test]
fn a_transmitter_that_pauses_a_stream_is_worth_a_warning() {
    let (_, stream, provider) = with_stream();
    for (status, severity) in [
        (StreamStatus::Paused, Severity::Warn),
        (StreamStatus::Disabled, Severity::Warn),
        (StreamStatus::Enabled, Severity::Info),
    ] {
        let mut decision = Decision::new();
        crate::testing::with_context(|context| {
            event::note_status(&stream, &provider, (status, Some("maintenance")), &mut decision, context);
        });
        let log = events(&decision);
        assert_eq!(log[0].event_type, EventType::SecurityEventsStreamStatus);
        assert_eq!(log[0].severity, severity);
    }
}

/// A stream that is deleted here is kept until it is gone there, and is nobody's any more.
#[test]
fn a_deleted_stream_is_kept_until_it_is_forgotten() {
    let (mut slice, stream, provider) = with_stream();
    let delete = DeleteStreamIn {
        id: stream.id.clone(),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&delete, &slice);
    assert_eq!(event_types(&decided.decision), [EventType::SecurityEventsStreamDelete]);
    apply(&mut slice, &decided.decision);
    assert_eq!(decided.outcome.unwrap().deleted_at, Some(NOW));
    assert!(decide(&delete, &slice).outcome.is_err());
    let edit = ChangeStreamIn {
        id: stream.id.clone(),
        change: StreamChange::Error(Some("x".into())),
        by: None,
    };
    assert!(decide(&edit, &slice).outcome.is_err());
    let forget = ForgetStreamIn {
        id: stream.id.clone(),
        with_provider: true,
    };
    let decided = decide(&forget, &slice);
    apply(&mut slice, &decided.decision);
    assert!(slice.get::<StreamIn>(stream.id.as_str()).is_none());
    assert!(slice.get::<SecurityEventsProvider>(provider.id.as_str()).is_none());
    assert!(decide(&forget, &slice).decision.rows.is_empty());
}
