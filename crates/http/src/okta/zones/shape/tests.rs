use proptest::prelude::*;
use watchfire_model::{id::ZoneId, time::Timestamp};

use super::*;

fn causes(body: &Value) -> (String, Vec<String>) {
    match parse(body).unwrap_err() {
        Error::Invalid { field, causes } => (field, causes),
        other => panic!("{other:?}"),
    }
}

fn zone(draft: ZoneDraft) -> Zone {
    Zone {
        id: ZoneId::new("nzo1a2b3c4D5e6F7g0h7"),
        name: draft.name,
        usage: draft.usage,
        status: draft.status.unwrap_or_default(),
        system: false,
        gateways: draft.gateways,
        proxies: draft.proxies,
        dynamic: draft.dynamic,
        created: Timestamp::from_seconds(1_787_922_000),
        last_updated: Timestamp::from_seconds(1_787_922_000),
    }
}

/// The body that Terraform sends for `okta_network_zone`.
const TERRAFORM: &str = r#"{"type":"IP","name":"office","usage":"POLICY","status":"ACTIVE",
  "gateways":[{"type":"CIDR","value":"1.2.3.4/24"},{"type":"RANGE","value":"2.3.4.5-2.3.4.15"}],
  "proxies":[{"type":"CIDR","value":"2.2.3.4/24"},{"type":"RANGE","value":"3.3.4.5"}],"asns":null,"somethingNew":1}"#;

#[test]
fn what_terraform_sends_comes_back() {
    let draft = parse(&serde_json::from_str(TERRAFORM).unwrap()).unwrap();
    let body = serde_json::to_value(render(&zone(draft), "https://ORG")).unwrap();
    let want = json!({
        "id": "nzo1a2b3c4D5e6F7g0h7", "type": "IP", "name": "office", "status": "ACTIVE", "usage": "POLICY", "system": false,
        "created": "2026-08-28T13:00:00.000Z", "lastUpdated": "2026-08-28T13:00:00.000Z",
        "gateways": [{"type": "CIDR", "value": "1.2.3.4/24"}, {"type": "RANGE", "value": "2.3.4.5-2.3.4.15"}],
        "proxies": [{"type": "CIDR", "value": "2.2.3.4/24"}, {"type": "RANGE", "value": "3.3.4.5-3.3.4.5"}],
        "_links": {
            "self": {"href": "https://ORG/api/v1/zones/nzo1a2b3c4D5e6F7g0h7", "hints": {"allow": ["GET", "PUT", "DELETE"]}},
            "deactivate": {"href": "https://ORG/api/v1/zones/nzo1a2b3c4D5e6F7g0h7/lifecycle/deactivate", "hints": {"allow": ["POST"]}}
        }
    });
    assert_eq!(body, want);
}

#[test]
fn unset_proxies_are_null() {
    let draft = parse(&json!({"type": "IP", "name": "office"})).unwrap();
    assert_eq!((draft.status, draft.usage), (None, ZoneUsage::Policy));
    let body = serde_json::to_value(render(&zone(draft), "https://ORG")).unwrap();
    assert_eq!((&body["gateways"], &body["proxies"]), (&json!([]), &Value::Null));
}

#[test]
fn dynamic_zones_come_back() {
    // Whole, as recorded: members of the other types are not there, absent lists are empty (okta.md 10.2).
    for (sent, want) in [
        (
            json!({"type": "DYNAMIC", "name": "z", "proxyType": "Tor", "gateways": [{"type": "CIDR", "value": "1.2.3.4/24"}]}),
            json!({"locations": null, "asns": [], "proxyType": "Tor"}),
        ),
        (
            json!({"type": "DYNAMIC", "name": "z", "locations": [{"country": "US", "region": "US-CA"}, {"country": "NO"}], "asns": ["2232", 7]}),
            json!({"locations": [{"country": "US", "region": "US-CA"}, {"country": "NO", "region": null}], "asns": ["2232", "7"], "proxyType": ""}),
        ),
        (
            json!({"type": "DYNAMIC_V2", "name": "z", "ipServiceCategories": {"include": ["ALL_ANONYMIZERS"]},
                "locations": {"exclude": [{"country": "NO", "region": null}]}}),
            json!({"locations": {"include": [], "exclude": [{"country": "NO", "region": null}]}, "asns": {"include": [], "exclude": []},
                "ipServiceCategories": {"include": ["ALL_ANONYMIZERS"], "exclude": []}}),
        ),
    ] {
        let body = serde_json::to_value(render(&zone(parse(&sent).unwrap()), "https://ORG")).unwrap();
        let mut own = body.as_object().unwrap().clone();
        for common in ["id", "name", "status", "usage", "system", "created", "lastUpdated", "_links"] {
            assert!(own.remove(common).is_some(), "{common}");
        }
        assert_eq!(own.remove("type").as_ref(), sent.get("type"));
        assert_eq!(Value::Object(own), want);
        assert_eq!(parse(&body).unwrap().dynamic, parse(&sent).unwrap().dynamic);
    }
}

#[test]
fn faults_of_a_dynamic_zone_name_the_member() {
    let v1 = |member: &str, value: Value| json!({"type": "DYNAMIC", "name": "z", "proxyType": "Any", member: value});
    let v2 = |member: &str, value: Value| json!({"type": "DYNAMIC_V2", "name": "z", "ipServiceCategories": {"include": ["ALL_ANONYMIZERS"]}, member: value});
    for (body, want) in [
        (
            json!({"type": "DYNAMIC", "name": "z"}),
            "locations: The field cannot be left blank",
        ),
        (
            json!({"type": "DYNAMIC_V2", "name": "z"}),
            "locations: The field cannot be left blank",
        ),
        (v1("proxyType", json!("Carrier pigeon")), "proxyType: Invalid value"),
        (v1("locations", json!([{"country": "Norway"}])), "locations: Invalid value"),
        (
            v1("locations", json!([{"country": "US", "region": "NO-03"}])),
            "locations: Invalid value",
        ),
        (v1("locations", json!({"include": []})), "locations: Invalid value"),
        (v1("asns", json!(["AS12"])), "asns: Invalid value"),
        (v1("asns", json!(["0"])), "asns: Invalid value"),
        (
            v1("asns", json!(vec!["1"; 151])),
            "asns: Number of entries exceeds the maximum of 150",
        ),
        (v2("asns", json!({"exclude": ["x"]})), "asns.exclude: Invalid value"),
        (v2("locations", json!([])), "locations: Invalid value"),
        (
            v2("ipServiceCategories", json!({"include": ["tor"]})),
            "ipServiceCategories.include: Invalid value",
        ),
    ] {
        assert_eq!(causes(&body).1, [want], "{body}");
    }
}

#[test]
fn faults_name_the_field() {
    let long = "x".repeat(129);
    let many = vec![json!({"type": "CIDR", "value": "192.0.2.1/32"}); 151];
    for (body, want) in [
        (json!({"name": "a"}), "type: The field cannot be left blank"),
        (json!({"type": 3, "name": "a"}), "type: Invalid value"),
        (json!({"type": "PLANET", "name": "a"}), "type: Invalid value"),
        (json!({"type": "IP"}), "name: The field cannot be left blank"),
        (json!({"type": "IP", "name": " "}), "name: The field cannot be left blank"),
        (json!({"type": "IP", "name": long}), "name: The field is too long"),
        (json!({"type": "IP", "name": "a", "usage": "FUN"}), "usage: Invalid value"),
        (json!({"type": "IP", "name": "a", "status": true}), "status: Invalid value"),
        (json!({"type": "IP", "name": "a", "gateways": {}}), "gateways: Invalid value"),
        (
            json!({"type": "IP", "name": "a", "gateways": ["1.2.3.4"]}),
            "gateways: The value of an entry cannot be left blank",
        ),
        (
            json!({"type": "IP", "name": "a", "gateways": [{"value": "1.2.3.4"}]}),
            "gateways: The type of an entry must be CIDR or RANGE",
        ),
        (
            json!({"type": "IP", "name": "a", "proxies": [{"type": "RANGE", "value": "2.2.2.2-1.1.1.1"}]}),
            "proxies: Invalid network address: 2.2.2.2-1.1.1.1",
        ),
        (
            json!({"type": "IP", "name": "a", "gateways": many}),
            "gateways: Number of entries exceeds the maximum of 150",
        ),
    ] {
        assert_eq!(causes(&body).1, [want], "{body}");
    }
    assert!(matches!(parse(&json!([])), Err(Error::Malformed)));
}

#[test]
fn every_fault_is_told_at_once() {
    let (field, causes) = causes(&json!({"type": "IP", "usage": "FUN", "gateways": [{"type": "CIDR", "value": "x"}]}));
    assert_eq!((field.as_str(), causes.len()), ("name", 3));
}

#[test]
fn addresses_take_one_form() {
    for (kind, value, want) in [
        ("CIDR", "203.0.113.0/24", Some("203.0.113.0/24")),
        ("CIDR", "203.0.113.7", Some("203.0.113.7/32")),
        ("CIDR", "2001:DB8::/32", Some("2001:db8::/32")),
        ("CIDR", "::ffff:203.0.113.0/120", Some("203.0.113.0/24")),
        ("CIDR", "::ffff:203.0.113.0/80", None),
        ("CIDR", "203.0.113.0/33", None),
        ("CIDR", "203.0.113.1-203.0.113.2", None),
        ("RANGE", "203.0.113.1-203.0.113.9", Some("203.0.113.1-203.0.113.9")),
        ("RANGE", "203.0.113.1 - 203.0.113.9", Some("203.0.113.1-203.0.113.9")),
        ("RANGE", "::ffff:203.0.113.1-203.0.113.9", Some("203.0.113.1-203.0.113.9")),
        ("RANGE", "2001:db8::1-2001:db8::f", Some("2001:db8::1-2001:db8::f")),
        ("RANGE", "203.0.113.1-2001:db8::f", None),
        ("RANGE", "203.0.113.0/24", None),
        ("RANGE", "", None),
        ("CIDR", "", None),
    ] {
        let got = entry(&json!({"type": kind, "value": value})).ok().map(|e| entry_body(&e));
        assert_eq!(
            got.map(|e| (e.entry_type, e.value)),
            want.map(|w| (kind, w.to_owned())),
            "{kind} {value}"
        );
    }
}

proptest! {
    #[test]
    fn a_rendered_entry_reads_back(kind in "CIDR|RANGE", value in "[0-9a-f:./-]{0,24}") {
        if let Ok(read) = entry(&json!({"type": kind, "value": value})) {
            let again = serde_json::to_value(entry_body(&read)).unwrap();
            prop_assert_eq!(entry(&again), Ok(read));
        }
    }
}
