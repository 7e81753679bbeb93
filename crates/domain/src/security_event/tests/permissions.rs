//! What a provider may speak about (architecture section 8).

use serde_json::{Value, json};
use watchfire_model::{
    object::{DialectName, ProviderProfile, Status},
    row::Handling,
};
use watchfire_ssf::ErrorCode;

use super::{super::SetOutcome, world::*};
use crate::Rejection;

const RISK: &str = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";

fn high(subject: Value) -> Value {
    about(subject, json!({"principal": "USER", "current_level": "HIGH"}))
}

fn allowing(change: impl FnOnce(&mut ProviderProfile)) -> World {
    let mut world = World::new();
    world.provider(ACME, |provider| change(&mut provider.profile));
    world
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

/// Each list by itself: what is on it is handled, what is not is kept and does nothing.
#[test]
fn what_is_not_listed_is_kept_and_not_used() {
    type Change = fn(&mut ProviderProfile);
    let by_id = json!({"format": "iss_sub", "iss": ORG_URL, "sub": JO});
    let both = json!({"format": "aliases", "identifiers": [email("jo.lin@example.com"), by_id]});
    let table: [(Change, Value, bool); 12] = [
        (|it| it.event_types = texts(&[RISK]), email("jo.lin@example.com"), true),
        (
            |it| it.event_types = texts(&["https://acme.example/other"]),
            email("jo.lin@example.com"),
            false,
        ),
        (|it| it.subject_formats = texts(&["email"]), email("jo.lin@example.com"), true),
        (|it| it.subject_formats = texts(&["email"]), by_id.clone(), false),
        (|it| it.subject_formats = texts(&["aliases", "email"]), both.clone(), false),
        (
            |it| it.subject_formats = texts(&["aliases", "email", "iss_sub"]),
            both.clone(),
            true,
        ),
        (|it| it.domains = texts(&["example.com"]), email("JO.LIN@EXAMPLE.COM"), true),
        (|it| it.domains = texts(&["ample.com"]), email("jo.lin@example.com"), false),
        (|it| it.domains = texts(&["acme.example"]), email("jo.lin@example.com"), false),
        (|it| it.domains = texts(&["acme.example"]), both.clone(), false),
        (|it| it.issuers = texts(&[ORG_URL]), by_id.clone(), true),
        (|it| it.issuers = texts(&["https://idp.example"]), by_id, false),
    ];
    for (at, (change, subject, allowed)) in table.into_iter().enumerate() {
        let mut world = allowing(change);
        let handling = world.tell(ACME, RISK, high(json!({"user": subject}))).handling;
        let expected = if allowed { Handling::Handled } else { Handling::NotPermitted };
        assert_eq!(handling, expected, "{at}");
        assert_eq!(world.log.is_empty(), !allowed, "{at}");
    }
}

/// The subject that stands beside a `sub_id` counts too.
#[test]
fn no_subject_goes_past_the_lists() {
    let mut world = allowing(|it| it.domains = texts(&["acme.example"]));
    let mut claims = claims(ACME, "one", &[(RISK, high(email("jo.lin@example.com")))]);
    claims["sub_id"] = email("jo@acme.example");
    assert_eq!(world.receive(ACME, &claims), Ok(SetOutcome::Accepted));
    assert_eq!(world.notes[0].events[0].handling, Handling::NotPermitted);
}

/// RFC 8935 `access_denied`: the strict profile says so, and keeps nothing.
#[test]
fn the_strict_profile_says_so() {
    let mut world = allowing(|it| {
        it.profile = DialectName::Interop;
        it.event_types = texts(&["https://acme.example/other"]);
    });
    let mut event = high(email("jo.lin@example.com"));
    event.as_object_mut().unwrap().remove("subject");
    let mut claims = claims(ACME, "one", &[(RISK, event)]);
    claims["sub_id"] = email("jo.lin@example.com");
    let refused = world.receive(ACME, &claims);
    assert!(
        matches!(&refused, Err(Rejection::Set(error)) if error.code == ErrorCode::AccessDenied),
        "{refused:?}"
    );
    assert!(world.notes.is_empty());
}

/// okta.md 5.2: one that was deactivated while its token was on its way.
#[test]
fn a_deactivated_provider_is_not_heard() {
    let mut world = World::new();
    world.provider(ACME, |provider| provider.status = Status::Inactive);
    let refused = world.receive(ACME, &claims(ACME, "one", &[(RISK, high(email("jo.lin@example.com")))]));
    assert!(
        matches!(&refused, Err(Rejection::Set(error)) if error.code == ErrorCode::InvalidIssuer),
        "{refused:?}"
    );
    assert!(world.notes.is_empty());
}

/// SET-22, SET-23: per issuer; a repeat with other content is written about, once.
#[test]
fn a_token_is_taken_once() {
    let mut world = World::new();
    let of = |issuer: &str, level: &str| {
        let event = about_jo(json!({"principal": "USER", "current_level": level}));
        claims(issuer, "one", &[(RISK, event)])
    };
    assert_eq!(world.receive(ACME, &of(ACME, "HIGH")), Ok(SetOutcome::Accepted));
    assert_eq!(
        world.receive(OTHER, &of(OTHER, "HIGH")),
        Ok(SetOutcome::Accepted),
        "another's jti is another"
    );
    let (logged, notes) = (world.log.len(), world.notes.len());
    assert_eq!(world.receive(ACME, &of(ACME, "HIGH")), Ok(SetOutcome::Duplicate));
    assert_eq!((world.log.len(), world.notes.len()), (logged, notes));
    for _ in 0..3 {
        assert_eq!(world.receive(ACME, &of(ACME, "LOW")), Ok(SetOutcome::Duplicate));
    }
    assert_eq!(
        world.count(watchfire_model::log::EventType::SecurityEventsProviderConflict),
        1
    );
    assert_eq!((world.log.len(), world.notes.len()), (logged + 1, notes));
    assert_eq!(world.causes(&jo()).len(), 2, "nothing was taken back");
}

/// SET-29, AMB-47
#[test]
fn a_critical_member_that_is_not_understood_discards_the_event() {
    let unknown = json!({"format": "badge", "number": 7});
    for (member, value, discarded) in [
        ("tenant", opaque("t-1"), true),
        ("user", unknown.clone(), true),
        ("user", email("jo.lin@example.com"), false),
        ("device", opaque("D-42"), false),
    ] {
        let mut world = World::new();
        world.provider(ACME, |provider| provider.critical_subject_members = vec![member.to_owned()]);
        let mut subject = json!({"user": email("jo.lin@example.com")});
        subject[member] = value;
        let handling = world.tell(ACME, RISK, high(subject)).handling;
        assert_eq!(handling == Handling::DiscardedCritical, discarded, "{member}: {handling:?}");
    }
}
