use watchfire_model::{
    id::EventHookId,
    log::{EventType, RequestOrigin},
    object::{EventHook, Object, Status},
    slice::Slice,
    time::Timestamp,
};

use super::{
    AuthChange, ChangeEventHook, CreateEventHook, DeleteEventHook, ELIGIBLE, EventHookChange, EventHookDraft, is_eligible,
    is_free_header, is_header_value,
};
use crate::{
    Rejection,
    testing::{NOW, admin, decide, event_types},
};

fn draft() -> EventHookDraft {
    EventHookDraft {
        name: "SIEM".to_owned(),
        events: vec!["user.session.start".to_owned(), "user.risk.detect".to_owned()],
        uri: "https://siem.example/hook".to_owned(),
        headers: vec![("X-Team".to_owned(), "soc".to_owned())],
        auth_header: Some("Authorization".to_owned()),
        auth: AuthChange::Set(Some("sealed".to_owned())),
        status: None,
    }
}

fn create(draft: EventHookDraft) -> CreateEventHook {
    CreateEventHook {
        id: EventHookId::new("who1"),
        draft,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn change(change: EventHookChange) -> ChangeEventHook {
    ChangeEventHook {
        id: EventHookId::new("who1"),
        change,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn slice(hooks: impl IntoIterator<Item = EventHook>) -> Slice {
    let mut slice = Slice::default();
    hooks.into_iter().for_each(|hook| slice.insert(Object::from(hook)));
    slice
}

fn verified() -> EventHook {
    let made = decide(&create(draft()), &Slice::default()).outcome.unwrap();
    EventHook { verified: true, ..made }
}

#[test]
fn the_eligible_types_are_in_order_and_leave_out_what_would_loop() {
    assert!(ELIGIBLE.is_sorted());
    for name in ["user.risk.detect", "policy.rule.add", "user.mfa.factor.activate"] {
        assert!(is_eligible(name), "{name}");
    }
    for name in [
        "policy.entity_risk.action",
        "policy.auth_reevaluate.enforce",
        "security.events.provider.receive_event",
        "security.risk.signal.consume",
        "event_hook.delivery",
        "security.action.dead_letter",
        "",
    ] {
        assert!(!is_eligible(name), "{name}");
    }
}

#[test]
fn headers_cannot_take_the_place_of_reserved_ones() {
    for name in ["X-Team", "authorization", "Cookie", "x-api-key"] {
        assert!(is_free_header(name), "{name}");
    }
    for name in [
        "",
        "Host",
        "content-TYPE",
        "Accept",
        "x-okta-verification-challenge",
        "Proxy-Authorization",
        "a b",
        "a:",
        "ä",
    ] {
        assert!(!is_free_header(name), "{name}");
    }
    assert!(is_header_value("Bearer abc") && is_header_value("a\tb"));
    for value in ["", " a", "a\r\nX-Evil: 1", "a\u{7f}", "ä"] {
        assert!(!is_header_value(value), "{value:?}");
    }
}

#[test]
fn a_new_hook_is_active_and_not_verified() {
    let decided = decide(&create(draft()), &Slice::default());
    assert_eq!(event_types(&decided.decision), [EventType::EventHookCreate]);
    let hook = decided.outcome.unwrap();
    assert_eq!((hook.status, hook.verified), (Status::Active, false));
    assert_eq!(hook.sealed_auth_value.as_deref(), Some("sealed"));
    assert_eq!(hook.created_by, admin().id);
}

#[test]
fn refuses_what_the_limits_forbid() {
    let many = |count: usize, events: usize| {
        slice((0..count).map(|number| EventHook {
            id: EventHookId::new(format!("who{number:017}")),
            events: vec!["user.session.start".to_owned(); events],
            ..verified()
        }))
    };
    let with = |edit: fn(&mut EventHookDraft)| {
        let mut it = draft();
        edit(&mut it);
        it
    };
    let reserved = ("Host".to_owned(), "evil".to_owned());
    for (name, slice, draft, field) in [
        ("25 hooks", many(25, 1), draft(), "eventHook"),
        ("300 types", many(1, 299), draft(), "events.items"),
        ("no type", many(0, 0), with(|it| it.events.clear()), "events.items"),
        (
            "a type that is not eligible",
            many(0, 0),
            with(|it| it.events.push("policy.entity_risk.action".to_owned())),
            "events.items",
        ),
        ("no name", many(0, 0), with(|it| it.name = " ".to_owned()), "name"),
        ("a long name", many(0, 0), with(|it| it.name = "a".repeat(256)), "name"),
        (
            "a header twice",
            many(0, 0),
            with(|it| it.headers.push(("x-team".to_owned(), "b".to_owned()))),
            "channel.config.headers",
        ),
        (
            "the credential's header",
            many(0, 0),
            with(|it| it.headers[0].0 = "AUTHORIZATION".to_owned()),
            "channel.config.headers",
        ),
        (
            "a reserved key",
            many(0, 0),
            with(|it| it.auth_header = Some("Host".to_owned())),
            "channel.config.authScheme.key",
        ),
    ] {
        let refused = decide(&create(draft), &slice).outcome.unwrap_err();
        assert!(
            matches!(&refused, Rejection::Invalid { field: named, .. } if named == field),
            "{name}: {refused:?}"
        );
    }
    let mut it = draft();
    it.headers.push(reserved);
    assert!(decide(&create(it), &Slice::default()).outcome.is_err());
    assert!(decide(&create(draft()), &many(24, 1)).outcome.is_ok());
}

/// okta.md 10.4: changing the channel resets the verification, changing the rest does not.
#[test]
fn another_channel_has_to_be_verified_again() {
    let keep = || EventHookDraft {
        auth: AuthChange::Keep,
        ..draft()
    };
    for (name, draft, stays) in [
        ("nothing", keep(), true),
        (
            "the name",
            EventHookDraft {
                name: "other".to_owned(),
                ..keep()
            },
            true,
        ),
        (
            "the events",
            EventHookDraft {
                events: vec!["user.session.end".to_owned()],
                ..keep()
            },
            true,
        ),
        (
            "the status",
            EventHookDraft {
                status: Some(Status::Inactive),
                ..keep()
            },
            true,
        ),
        (
            "the address",
            EventHookDraft {
                uri: "https://other.example/".to_owned(),
                ..keep()
            },
            false,
        ),
        (
            "a header",
            EventHookDraft {
                headers: Vec::new(),
                ..keep()
            },
            false,
        ),
        ("the credential", draft(), false),
    ] {
        let replaced = decide(&change(EventHookChange::Replace(draft)), &slice([verified()]))
            .outcome
            .unwrap();
        assert_eq!(replaced.verified, stays, "{name}");
        assert_eq!(replaced.sealed_auth_value.as_deref(), Some("sealed"), "{name}");
    }
}

#[test]
fn a_verification_is_of_the_hook_that_was_asked() {
    let hook = EventHook {
        verified: false,
        ..verified()
    };
    // What was just published has microseconds that the store does not keep.
    let seen = NOW.plus(std::time::Duration::from_micros(999));
    let taken = decide(&change(EventHookChange::Verified(seen)), &slice([hook.clone()]));
    assert_eq!(event_types(&taken.decision), [EventType::EventHookVerify]);
    assert!(taken.outcome.unwrap().verified);
    let stale = change(EventHookChange::Verified(Timestamp::from_seconds(1)));
    assert!(decide(&stale, &slice([hook])).outcome.is_err());
}

#[test]
fn an_active_hook_stays() {
    let delete = DeleteEventHook {
        id: EventHookId::new("who1"),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    assert!(decide(&delete, &slice([verified()])).outcome.is_err());
    let off = EventHook {
        status: Status::Inactive,
        ..verified()
    };
    assert!(decide(&delete, &slice([off])).outcome.is_ok());
}
