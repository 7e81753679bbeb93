use watchfire_model::{
    id::{ApiTokenId, IdSource, PolicyId, RuleId, UserId},
    object::{NetworkCondition, NetworkConnection, ProxyType, RuleConditions, SignOnAction, ZoneEntry, ZoneLocation},
    row::Row,
    time::Timestamp,
};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Default)]
struct Counted(u32);

impl IdSource for Counted {
    fn next_id(&mut self, prefix: &str) -> String {
        self.0 += 1;
        format!("{prefix}{:017}", self.0)
    }
    fn next_uuid(&mut self) -> String {
        self.next_id("uuid")
    }
}

fn office() -> Zone {
    Zone {
        id: ZoneId::new("nzo1"),
        name: "Office".to_owned(),
        usage: ZoneUsage::Policy,
        status: Status::Active,
        system: false,
        gateways: vec![entry("203.0.113.0/24")],
        proxies: None,
        dynamic: None,
        created: Timestamp::default(),
        last_updated: Timestamp::default(),
    }
}

fn entry(cidr: &str) -> ZoneEntry {
    serde_json::from_value(serde_json::json!({"type": "CIDR", "value": cidr})).unwrap()
}

fn org() -> Slice {
    let mut slice = Slice::default();
    slice.insert(office().into());
    slice
}

fn draft(name: &str, usage: ZoneUsage, cidr: &str) -> ZoneDraft {
    ZoneDraft {
        name: name.to_owned(),
        usage,
        status: None,
        gateways: vec![entry(cidr)],
        proxies: None,
        dynamic: None,
    }
}

fn origin() -> RequestOrigin {
    let mut origin = RequestOrigin::default();
    origin.client.ip_address = Some("::ffff:198.51.100.2".parse().unwrap());
    origin
}

fn actor() -> Actor {
    Actor::user("00u1", "admin@example.com", "Ad Min")
}

fn run<C: Command>(command: &C, slice: &Slice) -> Decided<C::Outcome> {
    let mut ids = Counted::default();
    command.decide(
        slice,
        &mut Context {
            now: NOW,
            ids: &mut ids,
            hooks: &Default::default(),
        },
    )
}

fn create(draft: ZoneDraft) -> CreateZone {
    CreateZone {
        draft,
        place: Place::default(),
        actor: actor(),
        origin: origin(),
    }
}

fn delete() -> DeleteZone {
    DeleteZone {
        id: ZoneId::new("nzo1"),
        actor: actor(),
        origin: origin(),
    }
}

fn set(status: Status) -> SetZoneStatus {
    SetZoneStatus {
        id: ZoneId::new("nzo1"),
        status,
        place: Place::default(),
        actor: actor(),
        origin: origin(),
    }
}

fn events(decision: &Decision) -> Vec<String> {
    let name = |row: &Row| match row {
        Row::Log(event) => Some(serde_json::to_value(event.event_type).unwrap().as_str().unwrap().to_owned()),
        _ => None,
    };
    decision.rows.iter().filter_map(name).collect()
}

fn causes<T: std::fmt::Debug>(decided: Decided<T>) -> Vec<String> {
    assert!(decided.decision.rows.is_empty(), "a refusal writes nothing");
    match decided.outcome {
        Err(Rejection::Invalid { causes, .. }) => causes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn zones_live() {
    let made = run(&create(draft("Home", ZoneUsage::Policy, "192.0.2.0/24")), &org());
    assert_eq!(events(&made.decision), ["zone.create"]);
    assert_eq!(made.outcome.unwrap().status, Status::Active);
    let replaced = run(
        &ReplaceZone {
            id: ZoneId::new("nzo1"),
            draft: draft("OFFICE", ZoneUsage::Policy, "192.0.2.0/24"),
            place: Place::default(),
            actor: actor(),
            origin: origin(),
        },
        &org(),
    );
    assert_eq!(events(&replaced.decision), ["zone.update"]);
    let zone = replaced.outcome.unwrap();
    assert_eq!(
        (zone.name.as_str(), zone.created, zone.last_updated),
        ("OFFICE", Timestamp::default(), NOW)
    );
    assert_eq!(events(&run(&set(Status::Inactive), &org()).decision), ["zone.deactivate"]);
    assert!(run(&set(Status::Active), &org()).decision.rows.is_empty());
    assert_eq!(events(&run(&delete(), &org()).decision), ["zone.delete"]);
    assert_eq!(
        run(&delete(), &Slice::default()).outcome,
        Err(Rejection::not_found("nzo1", "NetworkZone"))
    );
}

#[test]
fn names_are_unique() {
    assert_eq!(
        causes(run(&create(draft("office", ZoneUsage::Policy, "192.0.2.0/24")), &org())),
        [format!("name: {TAKEN}")]
    );
}

#[test]
fn nobody_blocks_the_address_that_it_calls_from() {
    let want = ["gateways: The blocklist would contain the address of this request"];
    let own = draft("Blocked", ZoneUsage::Blocklist, "198.51.100.0/24");
    assert_eq!(causes(run(&create(own.clone()), &org())), want);
    let mut off = own;
    off.status = Some(Status::Inactive);
    assert!(run(&create(off), &org()).outcome.is_ok());
    let mut slice = Slice::default();
    slice.insert(
        Zone {
            usage: ZoneUsage::Blocklist,
            status: Status::Inactive,
            gateways: vec![entry("0.0.0.0/0")],
            ..office()
        }
        .into(),
    );
    assert_eq!(causes(run(&set(Status::Active), &slice)), want);
}

#[test]
fn a_zone_in_use_stays() {
    let mut by_rule = org();
    by_rule.insert(
        Rule {
            id: RuleId::new("0pr1"),
            policy_id: PolicyId::new("00p1"),
            name: "Rule".to_owned(),
            status: Status::Inactive,
            priority: 1,
            system: false,
            conditions: RuleConditions {
                network: NetworkCondition {
                    connection: NetworkConnection::Zone,
                    include: Vec::new(),
                    exclude: vec!["nzo1".to_owned()],
                },
                ..RuleConditions::default()
            },
            action: SignOnAction::default(),
            mode: watchfire_model::object::RuleMode::Enforce,
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    assert_eq!(
        causes(run(&delete(), &by_rule)),
        ["zone: The network zone is in use by the policy rule 0pr1"]
    );
    let mut by_token = org();
    by_token.insert(
        ApiToken {
            id: ApiTokenId::new("00T1"),
            name: "CI".to_owned(),
            user_id: UserId::new("00u1"),
            hash: "h".to_owned(),
            network: TokenNetwork::Zone {
                include: vec![ZoneId::new("nzo1")],
                exclude: Vec::new(),
            },
            expires_at: None,
            window_seconds: None,
            created: NOW,
            last_updated: NOW,
        }
        .into(),
    );
    assert_eq!(
        causes(run(&delete(), &by_token)),
        ["zone: The network zone is in use by the API token 00T1"]
    );
}

fn dynamic(country: &str) -> DynamicZone {
    DynamicZone::Dynamic {
        locations: Some(vec![ZoneLocation {
            country: country.to_owned(),
            region: None,
        }]),
        asns: Vec::new(),
        proxy_type: ProxyType::Unasked,
    }
}

#[test]
fn a_dynamic_blocklist_does_not_hold_its_maker() {
    let in_norway = Place {
        country: Some("NO".to_owned()),
        ..Place::default()
    };
    for (country, place, refused) in [
        ("NO", in_norway.clone(), true),
        ("SE", in_norway, false),
        // Nobody knows where the maker is: the blocklist will not block such addresses either.
        ("NO", Place::default(), false),
    ] {
        let command = CreateZone {
            draft: ZoneDraft {
                gateways: Vec::new(),
                dynamic: Some(dynamic(country)),
                ..draft("Far away", ZoneUsage::Blocklist, "192.0.2.0/24")
            },
            place,
            actor: actor(),
            origin: origin(),
        };
        let want = Rejection::invalid("usage", "The blocklist would contain the address of this request");
        assert_eq!(run(&command, &org()).outcome.err(), refused.then_some(want), "{country}");
    }
}

#[test]
fn a_zone_keeps_its_type() {
    let command = ReplaceZone {
        id: ZoneId::new("nzo1"),
        draft: ZoneDraft {
            dynamic: Some(dynamic("NO")),
            ..draft("Office", ZoneUsage::Policy, "192.0.2.0/24")
        },
        place: Place::default(),
        actor: actor(),
        origin: origin(),
    };
    let refused = run(&command, &org());
    let want = Rejection::invalid("type", "The type of a network zone cannot be changed");
    assert_eq!(refused.outcome, Err(want));
}
