mod query;

use std::net::IpAddr;

use serde_json::{Value, json};

use super::*;
use crate::{id::ReceiptId, signal::RiskLevel};

/// okta.md 8.5, member for member.
const EXAMPLE: &str = include_str!("tests/sign_in.json");

fn lyon() -> GeographicalContext {
    GeographicalContext {
        city: Some("Lyon".into()),
        state: Some("Rhône".into()),
        country: Some("France".into()),
        postal_code: Some("69001".into()),
        geolocation: Some(Geolocation { lat: 45.76, lon: 4.83 }),
    }
}

pub(super) fn sign_in() -> LogEvent {
    let ip: IpAddr = "203.0.113.7".parse().unwrap();
    let session = Some("102mZ3aB4cD5eF6gH7iJ".to_owned());
    let origin = RequestOrigin {
        client: ClientContext {
            user_agent: Some(UserAgent {
                raw_user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0".into(),
                os: Some("Linux".into()),
                browser: Some("FIREFOX".into()),
            }),
            device: Some("Computer".into()),
            ip_address: Some(ip),
            geographical_context: Some(lyon()),
            ..ClientContext::default()
        },
        ip_chain: vec![IpHop {
            geographical_context: Some(lyon()),
            ..IpHop::new(ip)
        }],
        network: SecurityContext::default(),
        request_id: "reqQ1w2E3r4T5y6U7i8".into(),
        request_uri: "/api/v1/authn".into(),
        url: "/api/v1/authn?".into(),
        api_token_id: None,
    };
    let actor = Actor::user("00u5h1Kd9Xb2QwErT0h7", "jo.lin@example.com", "Jo Lin");
    let mut event = LogEvent::new(EventType::UserSessionStart, actor)
        .from_request(&origin)
        .authentication(AuthenticationContext {
            root_session_id: session.clone(),
            external_session_id: session,
            ..AuthenticationContext::password()
        })
        .risk(RiskContext::new(
            RiskLevel::High,
            vec!["Anomalous Location".into(), "Suspected Threat".into()],
        ))
        .behaviors(vec![UserBehavior {
            id: Some("bhv1a2b3c4d5e6f7g0h7".into()),
            name: "New Device".into(),
            result: BehaviorResult::Positive,
        }])
        .debug("threatSuspected", "false")
        .debug(
            "partnerRisk",
            "[{reasons=Credential stuffing node, level=HIGH, name=Acme Risk Feed}]",
        );
    event.security_context = SecurityContext {
        as_number: Some(64500),
        as_org: Some("example hosting".into()),
        isp: Some("example hosting".into()),
        domain: Some("example.net".into()),
        is_proxy: Some(false),
        ..event.security_context
    };
    event.stamp(
        "6f0c1d2e-8413-11f0-9c2b-3f1e5a7b9d10".into(),
        Timestamp::from_micros(1_787_927_467_214_000),
    );
    event
}

fn consume() -> LogEvent {
    let client = crate::id::ClientId::new("0oa5h1Kd9Xb2QwErT0h7");
    LogEvent::new(EventType::SecurityRiskSignalConsume, Actor::client_app(&client, "Acme"))
        .receipt(ReceiptId::new("rcp5h1Kd9Xb2QwErT0h7"))
}

#[test]
fn renders_a_sign_in_as_the_contract_shows_it() {
    let want: Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(sign_in().to_wire(), want);
}

#[test]
fn what_is_stored_comes_back_the_same() {
    for event in [sign_in(), consume()] {
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<LogEvent>(&stored).unwrap(), event);
    }
}

#[test]
fn an_event_of_the_server_itself_has_every_member() {
    let wire = LogEvent::new(EventType::OAuthKeyRollover, Actor::system(&crate::id::OrgId::new("00o1"))).to_wire();
    assert_eq!(wire["version"], "0");
    assert_eq!(wire["outcome"], json!({ "result": "SUCCESS", "reason": null }));
    assert_eq!(wire["authenticationContext"]["authenticationStep"], 0);
    for null in ["client", "device", "legacyEventType", "target"] {
        assert_eq!(wire.get(null), Some(&Value::Null), "{null}");
    }
}

#[test]
fn a_reason_is_never_empty_and_never_longer_than_clients_take() {
    let reason = |text: &str| {
        let mut event = consume();
        event.outcome.reason = Some(text.to_owned());
        event.to_wire()["outcome"]["reason"].clone()
    };
    assert_eq!(reason(""), Value::Null);
    assert_eq!(reason("INVALID_CREDENTIALS"), "INVALID_CREDENTIALS");
    assert_eq!(reason(&"é".repeat(300)).as_str().map(|r| r.chars().count()), Some(255));
    assert_eq!(Outcome::failure("").reason, None);
}

#[test]
fn the_list_of_signals_comes_from_the_receipt() {
    let signals = [
        ("203.0.113.7".parse().unwrap(), RiskLevel::High),
        ("198.51.100.2".parse().unwrap(), RiskLevel::Low),
    ];
    let data = consume().render(Some(&signals))["debugContext"]["debugData"].clone();
    assert_eq!(
        data,
        json!({
            "riskSignalList": "[{ip=203.0.113.7, riskLevel=HIGH}, {ip=198.51.100.2, riskLevel=LOW}]",
            "riskSignalSize": "2",
        })
    );
    assert_eq!(sign_in().render(Some(&signals)), sign_in().to_wire());
}

#[test]
fn a_failed_sign_in_has_the_other_old_name() {
    let event = LogEvent::new(EventType::UserSessionStart, Actor::unknown_user("x@example.com"))
        .outcome(Outcome::failure("INVALID_CREDENTIALS"));
    assert_eq!(event.legacy_event_type(), Some("core.user_auth.login_failed"));
}

#[test]
fn every_event_type_reads_back_by_its_name() {
    for &event_type in EventType::ALL {
        assert_eq!(EventType::parse(event_type.as_str()), Some(event_type));
        assert_eq!(serde_json::to_value(event_type).unwrap(), event_type.as_str());
        assert!(!event_type.display_message().is_empty());
    }
}
