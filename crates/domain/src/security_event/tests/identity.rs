//! Who decides whom an identifier names (rows 15 and 16 of ssf.md annex B, architecture section 8).

use serde_json::{Value, json};
use watchfire_model::{object::CauseKind, row::Handling};

use super::world::*;

const RISK: &str = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";

/// ACME decides about the addresses of acme.example.
fn authoritative(world: &mut World) {
    world.provider(ACME, |provider| {
        provider.profile.authoritative = true;
        provider.profile.domains = Some(vec!["acme.example".to_owned(), "example.com".to_owned()]);
    });
}

fn high() -> Value {
    json!({"principal": "USER", "current_level": "HIGH"})
}

fn aliases(identifiers: &[&str]) -> Value {
    json!({"format": "aliases", "identifiers": identifiers.iter().map(|it| email(it)).collect::<Vec<_>>()})
}

/// Jo is known to ACME as jo@acme.example.
fn linked(world: &mut World) {
    world.take(ACME, RISK, about(aliases(&["jo.lin@example.com", "jo@acme.example"]), high()));
    assert_eq!(
        world.links(ACME),
        [("email".to_owned(), "jo@acme.example".to_owned(), jo().to_string())]
    );
}

fn renames(old: &str, new: &str) -> Value {
    about(email(old), json!({"new-value": new}))
}

/// Row 15: a provider that decides moves the edge; one that does not only speaks of a risk.
#[test]
fn an_identifier_moves_when_its_provider_decides_about_it() {
    let uri = format!("{RISC}identifier-changed");
    for decides in [true, false] {
        let mut world = World::new();
        if decides {
            authoritative(&mut world);
        }
        linked(&mut world);
        world.take(ACME, &uri, renames("jo@acme.example", "jo.roe@acme.example"));
        let kinds: Vec<CauseKind> = world.causes(&jo()).into_iter().map(|(kind, _, _)| kind).collect();
        assert_eq!(kinds, [CauseKind::RiskLevel, CauseKind::IdentifierChanged]);
        let known: Vec<String> = world.links(ACME).into_iter().map(|(_, name, _)| name).collect();
        let old = world.tell(ACME, RISK, about(email("jo@acme.example"), high())).handling;
        let new = world.tell(ACME, RISK, about(email("jo.roe@acme.example"), high())).handling;
        if decides {
            assert_eq!(known, ["jo.roe@acme.example"]);
            assert_eq!((old, new), (Handling::Unbound, Handling::Handled));
        } else {
            assert_eq!(known, ["jo@acme.example"]);
            assert_eq!((old, new), (Handling::Handled, Handling::Unbound));
        }
        let links = world.risk(&jo()).map(|risk| risk.links.len());
        assert_eq!(links, Some(1));
    }
}

/// A login is the directory's: nobody takes it from a user, and nobody takes another's.
#[test]
fn a_login_is_nobodys_to_move() {
    let uri = format!("{RISC}identifier-changed");
    let mut world = World::new();
    authoritative(&mut world);
    world.take(ACME, &uri, renames("jo.lin@example.com", "sam@example.com"));
    assert_eq!(world.links(ACME), [], "Sam's login leads to Sam");
    assert_eq!(world.take(ACME, RISK, about(email("sam@example.com"), high())), [sam()]);
    assert_eq!(world.take(ACME, RISK, about(email("jo.lin@example.com"), high())), [jo()]);
}

/// Row 16: forgotten when its provider decides, a risk all the same.
#[test]
fn a_recycled_identifier_is_forgotten_when_its_provider_decides_about_it() {
    let uri = format!("{RISC}identifier-recycled");
    for decides in [true, false] {
        let mut world = World::new();
        if decides {
            authoritative(&mut world);
        }
        linked(&mut world);
        // Somebody else has said the same, without deciding about it.
        world.take(
            OTHER,
            RISK,
            about(aliases(&["jo.lin@example.com", "jo@acme.example"]), high()),
        );
        world.take(ACME, &uri, about(email("jo@acme.example"), json!({})));
        assert!(
            world
                .causes(&jo())
                .iter()
                .any(|(kind, _, _)| *kind == CauseKind::IdentifierRecycled)
        );
        let handling = world.tell(ACME, RISK, about(email("jo@acme.example"), high())).handling;
        let expected = if decides { Handling::Unbound } else { Handling::Handled };
        assert_eq!(handling, expected, "decides: {decides}");
    }
}

/// EVT-21: with another format it is taken, and moves nothing.
#[test]
fn another_format_is_taken_and_moves_nothing() {
    let mut world = World::new();
    authoritative(&mut world);
    let subject = json!({"format": "iss_sub", "iss": ORG_URL, "sub": JO});
    world.take(
        ACME,
        &format!("{RISC}identifier-changed"),
        about(subject, json!({"new-value": "x@acme.example"})),
    );
    assert_eq!(world.links(ACME), []);
}

/// A provider that does not decide never leads an identifier away from where it leads; one that does, does.
#[test]
fn a_claim_does_not_move_an_identifier_that_leads_elsewhere() {
    let mut world = World::new();
    linked(&mut world);
    let stolen = about(aliases(&["sam@example.com", "jo@acme.example"]), high());
    assert_eq!(
        world.tell(OTHER, RISK, stolen).handling,
        Handling::Unbound,
        "two people are nobody"
    );
    assert_eq!(world.links(OTHER), []);

    // Jo's and Sam's at once: the subject is Jo by login, the other name stays where it leads.
    let mut world = World::new();
    world.take(
        OTHER,
        RISK,
        about(aliases(&["sam@example.com", "shared@acme.example"]), high()),
    );
    authoritative(&mut world);
    let user = json!({"user": email("jo.lin@example.com")});
    let mut event = about(user, high());
    event["subject"]["user"] = aliases(&["jo.lin@example.com"]);
    world.take(ACME, RISK, event);
    assert_eq!(world.take(ACME, RISK, about(email("shared@acme.example"), high())), [sam()]);
}
