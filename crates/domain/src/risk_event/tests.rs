use serde_json::json;
use watchfire_fixtures::guides::TWO_SIGNALS;
use watchfire_model::{id::ClientId, object::Object};

use super::*;
use crate::testing::{NOW, admin, decide, event_types, events};

fn subject(ip: &str) -> Value {
    json!({"ip": ip, "riskLevel": "HIGH"})
}

fn read(body: Value) -> Result<RiskEvents, Rejection> {
    RiskEvents::read(&body)
}

fn guide() -> Value {
    serde_json::from_str(TWO_SIGNALS).unwrap()
}

/// okta.md 4.1, 4.2: every fault has its text, and one fault refuses the whole call.
#[test]
fn every_fault_is_named() {
    let long = "x".repeat(MAX_MESSAGE_CHARS + 1);
    let cases = [
        (json!({}), "riskEvents: The request body must be an array of risk events"),
        (json!([]), "riskEvents: The field cannot be left blank"),
        (json!([1]), "riskEvents: Each risk event must be an object"),
        (json!([{}]), "subjects: The field cannot be left blank"),
        (json!([{"subjects": null}]), "subjects: The field cannot be left blank"),
        (json!([{"subjects": []}]), "subjects: The field cannot be left blank"),
        (json!([{"subjects": {}}]), "subjects: The field must be an array"),
        (json!([{"subjects": ["1.1.1.1"]}]), "subjects: Each subject must be an object"),
        (json!([{"subjects": [subject("")]}]), "ip: Invalid IP address"),
        (json!([{"subjects": [subject("1.1.1.1/32")]}]), "ip: Invalid IP address"),
        (json!([{"subjects": [subject("fe80::1%eth0")]}]), "ip: Invalid IP address"),
        (
            json!([{"subjects": [{"ip": 1, "riskLevel": "HIGH"}]}]),
            "ip: Invalid IP address",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1"}]}]),
            "riskLevel: The field cannot be left blank",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1", "riskLevel": "high"}]}]),
            "riskLevel: Invalid value",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1", "riskLevel": 3}]}]),
            "riskLevel: Invalid value",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1", "riskLevel": "LOW", "message": long}]}]),
            "message: The field is too long",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1", "riskLevel": "LOW", "message": "a<b>"}]}]),
            "message: Invalid characters",
        ),
        (
            json!([{"subjects": [{"ip": "1.1.1.1", "riskLevel": "LOW", "message": 7}]}]),
            "message: Invalid characters",
        ),
        (
            json!([{"subjects": [subject("1.1.1.1")], "expiresAt": "tomorrow"}]),
            "expiresAt: Invalid date",
        ),
        (
            json!([{"subjects": [subject("1.1.1.1")], "timestamp": 5}]),
            "timestamp: Invalid date",
        ),
        (
            json!(vec![json!({"subjects": [subject("1.1.1.1")]}); 21]),
            "Number of risk events exceeds the maximum of 20",
        ),
        (
            json!([{"subjects": vec![subject("1.1.1.1"); 51]}]),
            "Number of subjects exceeds the maximum of 50",
        ),
    ];
    for (body, cause) in cases {
        let Err(Rejection::Invalid { causes, .. }) = read(body.clone()) else {
            panic!("{body} was taken")
        };
        assert_eq!(causes, [cause], "{body}");
    }
}

#[test]
fn the_limits_themselves_are_taken() {
    let event = json!({"subjects": vec![subject("1.1.1.1"); MAX_SUBJECTS]});
    let full = read(Value::Array(vec![event; MAX_EVENTS])).unwrap();
    assert_eq!(full.len(), MAX_EVENTS * MAX_SUBJECTS);
    let message = "x".repeat(MAX_MESSAGE_CHARS);
    assert!(read(json!([{"subjects": [{"ip": "::1", "riskLevel": "LOW", "message": message}]}])).is_ok());
}

/// okta.md 4.3: 24 hours from when we took it, however old the provider's timestamp is.
#[test]
fn a_signal_counts_for_a_day_unless_it_says_otherwise() {
    let old = read(guide()).unwrap().effective(NOW);
    assert!(old.iter().all(|signal| signal.expires_at == NOW.plus(DEFAULT_LIFE)));
    let said = read(json!([{"expiresAt": "2027-01-15T09:00:00Z", "subjects": [subject("1.1.1.1")]}])).unwrap();
    assert_eq!(
        said.effective(NOW).first().map(|s| s.expires_at),
        Timestamp::parse("2027-01-15T09:00:00Z").ok()
    );
}

/// okta.md 4.3: of one address twice in a call the later timestamp counts, else the later place.
#[test]
fn the_later_word_on_an_address_counts() {
    let levels = |body: Value| -> Vec<RiskLevel> { read(body).unwrap().effective(NOW).iter().map(|s| s.level).collect() };
    let event = |at: Option<&str>, level: &str| json!({"timestamp": at, "subjects": [{"ip": "1.1.1.1", "riskLevel": level}]});
    let (early, late) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-02T00:00:00Z"));
    assert_eq!(levels(json!([event(None, "LOW"), event(None, "HIGH")])), [RiskLevel::High]);
    assert_eq!(levels(json!([event(late, "LOW"), event(early, "HIGH")])), [RiskLevel::Low]);
    assert_eq!(levels(json!([event(early, "LOW"), event(late, "HIGH")])), [RiskLevel::High]);
    // ::ffff:1.1.1.1 is the same address.
    let mapped = json!([{"subjects": [{"ip": "::ffff:1.1.1.1", "riskLevel": "LOW"}, {"ip": "1.1.1.1", "riskLevel": "MEDIUM"}]}]);
    assert_eq!(levels(mapped), [RiskLevel::Medium]);
}

fn provider(action: ProviderAction) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::new("rkp00000000000000001"),
        name: "Acme Risk Feed".to_owned(),
        client_id: Some(ClientId::new("0oa00000000000000001")),
        action,
        created: NOW,
        last_updated: NOW,
    }
}

fn command() -> AcceptRiskEvents {
    AcceptRiskEvents {
        provider: provider(ProviderAction::LogOnly).id,
        events: read(guide()).unwrap(),
        body: guide().to_string().into(),
        idempotency: Some(DedupeKey([7; 16])),
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn slice(action: Option<ProviderAction>) -> Slice {
    let mut slice = Slice::default();
    if let Some(action) = action {
        slice.insert(Object::from(provider(action)));
    }
    slice
}

fn receipts(decision: &Decision) -> usize {
    decision.rows.iter().filter(|row| matches!(row, Row::Receipt(_))).count()
}

/// okta.md 8.6: one event a call, and none of a provider whose action is `none`.
#[test]
fn a_call_has_one_receipt_and_the_action_says_whether_it_is_logged() {
    for (action, logged) in [
        (ProviderAction::None, 0),
        (ProviderAction::LogOnly, 1),
        (ProviderAction::EnforceAndLog, 1),
    ] {
        let decided = decide(&command(), &slice(Some(action)));
        assert_eq!(decided.outcome, Ok(()));
        assert_eq!(receipts(&decided.decision), 1, "{action:?}");
        assert_eq!(
            event_types(&decided.decision),
            vec![EventType::SecurityRiskSignalConsume; logged],
            "{action:?}"
        );
    }
}

#[test]
fn the_event_names_the_provider_and_its_action_and_leads_to_the_receipt() {
    let decided = decide(&command(), &slice(Some(ProviderAction::EnforceAndLog)));
    let [event] = events(&decided.decision)[..] else {
        panic!("one event")
    };
    let debug = |key: &str| event.debug_data.get(key).map(String::as_str);
    assert_eq!(debug("riskSignalProviderAction"), Some("ENFORCE_AND_LOG"));
    assert_eq!(debug("riskSignalProviderName"), Some("Acme Risk Feed"));
    assert_eq!(debug("riskSignalProviderId"), Some("rkp00000000000000001"));
    assert!(event.receipt.is_some());
}

/// Architecture invariant 2: a repeat is acknowledged and does nothing.
#[test]
fn a_repeated_idempotency_key_writes_nothing() {
    let mut slice = slice(Some(ProviderAction::EnforceAndLog));
    slice.insert_seen(DedupeKey([7; 16]));
    let decided = decide(&command(), &slice);
    assert_eq!(decided.outcome, Ok(()));
    assert!(decided.decision.rows.is_empty());
}

#[test]
fn a_provider_that_was_deleted_meanwhile_is_refused() {
    let decided = decide(&command(), &slice(None));
    assert_eq!(decided.outcome, Err(Rejection::Forbidden));
    assert!(decided.decision.rows.is_empty());
}

proptest::proptest! {
    #[test]
    fn no_json_makes_the_reader_panic(text in "[\\[\\]{}:,\"a-zA-Z0-9.]{0,80}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = RiskEvents::read(&value);
        }
    }
}
