//! Whom subjects lead to: the directory, then what was said before (ssf.md 2, okta.md 6.4).

use serde_json::{Value, json};
use watchfire_model::{entity::Entity, object::EntityRisk, row::Handling};

use super::{super::SetOutcome, world::*};

const RISK: &str = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";

fn high() -> Value {
    json!({"principal": "USER", "current_level": "HIGH"})
}

fn iss_sub(iss: &str, sub: &str) -> Value {
    json!({"format": "iss_sub", "iss": iss, "sub": sub})
}

/// okta.md 6.4, clients.md 9: the forms that senders use, with and without the `user` wrapper.
#[test]
fn the_directory_knows_its_users() {
    let slash = format!("{ORG_URL}/");
    for subject in [
        email("jo.lin@example.com"),
        email("Jo.Lin@Example.COM"),
        iss_sub(ORG_URL, JO),
        iss_sub(&slash, JO),
        iss_sub(ORG_URL, "jo.lin@example.com"),
        opaque(JO),
        json!({"format": "account", "uri": "acct:jo.lin@example.com"}),
        json!({"format": "aliases", "identifiers": [opaque("nobody's"), email("jo.lin@example.com")]}),
    ] {
        for subject in [subject.clone(), json!({"user": subject})] {
            let mut world = World::new();
            assert_eq!(world.take(ACME, RISK, about(subject.clone(), high())), [jo()], "{subject}");
        }
    }
}

/// AMB-26, SET-37: kept, unbound, and not a word in the log.
#[test]
fn nobody_here_is_nobody() {
    for subject in [
        email("nobody@example.com"),
        email("jo.lin@example.com.attacker.example"),
        iss_sub(ORG_URL, "00u00000000000000000"),
        iss_sub("https://elsewhere.example", JO),
        opaque("00u"),
        opaque("jo.lin@example.com"),
        json!({"format": "phone_number", "phone_number": "+12065550100"}),
        json!({"format": "did", "url": "did:example:123456"}),
        json!({"format": "uri", "uri": "https://people.example/jo"}),
        json!({"format": "badge", "number": 7}),
        json!({"user": email("nobody@example.com"), "device": opaque("D-42")}),
        json!({"user": email("nobody@example.com"), "session": opaque("s-1")}),
        json!({"session": opaque("s-1")}),
        json!({"format": "complex", "tenant": opaque("t-1")}),
    ] {
        let mut world = World::new();
        let note = world.tell(ACME, RISK, about(subject.clone(), high()));
        assert_eq!((note.handling, note.entities.len()), (Handling::Unbound, 0), "{subject}");
        assert!(world.log.is_empty() && world.all::<EntityRisk>().is_empty(), "{subject}");
    }
}

/// Aliases, and a `sub_id` with the event's own subject beside it, are remembered as one person's.
#[test]
fn what_is_said_together_is_remembered_together() {
    let mut world = World::new();
    let vendors = iss_sub("https://idp.example", "1472");
    let aliases = json!({"format": "aliases", "identifiers": [vendors, email("jo.lin@example.com")]});
    world.take(ACME, RISK, about(aliases, high()));
    assert_eq!(world.take(ACME, RISK, about(vendors.clone(), high())), [jo()]);
    assert_eq!(
        world.take(OTHER, RISK, about(vendors, high())),
        [jo()],
        "what one says counts for the risk"
    );

    let mut claims = claims(ACME, "beside", &[(RISK, about_jo(high()))]);
    claims["sub_id"] = opaque("acme-user-7");
    assert_eq!(world.receive(ACME, &claims), Ok(SetOutcome::Accepted));
    assert_eq!(
        world.notes.last().map(|note| note.events[0].entities.clone()),
        Some(vec![jo()])
    );
    assert_eq!(world.take(ACME, RISK, about(opaque("acme-user-7"), high())), [jo()]);
    let note = world.tell(OTHER, RISK, about(opaque("acme-user-7"), high()));
    assert_eq!(note.handling, Handling::Unbound, "what is opaque is its sender's own");
}

/// AMB-01: where both name somebody, `sub_id` is believed.
#[test]
fn sub_id_goes_before_the_events_own_subject() {
    let mut world = World::new();
    let mut claims = claims(ACME, "differ", &[(RISK, about_jo(high()))]);
    claims["sub_id"] = email("sam@example.com");
    assert_eq!(world.receive(ACME, &claims), Ok(SetOutcome::Accepted));
    assert_eq!(world.notes[0].events[0].entities, [sam()]);
    assert!(world.notes[0].normalisations.contains(&"subjects_differ".to_owned()));
    assert!(world.causes(&jo()).is_empty());
}

/// A device is remembered with its user, and leads to both; to another provider it is another device.
#[test]
fn a_device_is_its_senders_and_its_users() {
    let mut world = World::new();
    let uri = format!("{CAEP}device-compliance-change");
    let bad = json!({"previous_status": "compliant", "current_status": "not-compliant"});
    // Before anybody has said whose it is.
    let alone = world.take(ACME, &uri, about(json!({"device": opaque("D-42")}), bad.clone()));
    assert_eq!((alone.len(), alone[0].kind()), (1, "DEVICE"));
    assert!(world.log.is_empty());
    let both = json!({"user": email("jo.lin@example.com"), "device": opaque("D-42")});
    assert_eq!(world.take(ACME, &uri, about(both, bad.clone())), [jo(), alone[0].clone()]);
    assert_eq!(
        world.risk(&alone[0]).and_then(|risk| risk.user.clone()).map(Entity::User),
        Some(jo())
    );
    assert_eq!(world.log.len(), 2);
    let others = world.take(OTHER, &uri, about(json!({"device": opaque("D-42")}), bad));
    assert_ne!(others[0], alone[0]);
}

/// A user that is deleted takes its names along.
#[test]
fn a_name_of_somebody_who_is_gone_leads_nowhere() {
    let mut world = World::new();
    let vendors = iss_sub("https://idp.example", "1472");
    let aliases = json!({"format": "aliases", "identifiers": [vendors, email("sam@example.com")]});
    world.take(ACME, RISK, about(aliases, high()));
    world.remove_sam();
    assert_eq!(world.tell(ACME, RISK, about(vendors, high())).handling, Handling::Unbound);
}

/// A body has room for thousands of identifiers; what is looked at is bounded.
#[test]
fn aliases_are_looked_at_up_to_a_bound() {
    for (strangers, handling) in [(15, Handling::Handled), (16, Handling::Unbound)] {
        let mut identifiers: Vec<Value> = (0..strangers).map(|n| opaque(&format!("{n}"))).collect();
        identifiers.push(email("jo.lin@example.com"));
        let mut world = World::new();
        let subject = json!({"format": "aliases", "identifiers": identifiers});
        assert_eq!(
            world.tell(ACME, RISK, about(subject, high())).handling,
            handling,
            "{strangers}"
        );
    }
}

/// No sender makes an entity grow without end.
#[test]
fn names_are_bounded() {
    let mut world = World::new();
    for batch in 0..10 {
        let mut identifiers: Vec<Value> = (0..10).map(|n| opaque(&format!("{batch}-{n}"))).collect();
        identifiers.push(email("jo.lin@example.com"));
        let subject = json!({"format": "aliases", "identifiers": identifiers});
        world.take(ACME, RISK, about(subject, high()));
    }
    assert_eq!(
        (world.links(ACME).len(), world.risk(&jo()).map(|risk| risk.links.len())),
        (64, Some(64))
    );
}
