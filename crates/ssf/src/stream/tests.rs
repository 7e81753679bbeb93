use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use watchfire_model::object::StreamStatus;

use super::{
    discovery::{DiscoveryError, IssuerMatch, candidates, check_issuer, issuer_of},
    poll::{backoff, shortened},
    *,
};

const FULL: &str = r#"{"stream_id":"f67e39a0a4d34d56b3aa1bc4cff0069f","iss":"https://tr.example.com",
 "aud":["https://rp.example.com/web","https://rp.example.com/mobile"],
 "delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://rp.example.com/events"},
 "events_supported":["urn:a","urn:b"],"events_requested":["urn:b","urn:c"],"events_delivered":["urn:b"],
 "min_verification_interval":60,"inactivity_timeout":300,"description":"Stream"}"#;

fn parsed(text: &str) -> StreamConfiguration {
    StreamConfiguration::parse(&serde_json::from_str(text).unwrap()).unwrap()
}

/// ssf.md 5.2.
#[test]
fn a_whole_configuration_is_read() {
    let stream = parsed(FULL);
    assert_eq!(stream.audience.len(), 2);
    assert!(stream.is_pushed_to("https://rp.example.com/events"));
    assert_eq!(stream.missing_events(&["urn:b".into(), "urn:c".into()]), ["urn:c"]);
    assert_eq!(
        (stream.min_verification_interval, stream.inactivity_timeout),
        (Some(60), Some(300))
    );
    assert!(!stream.contradicts_issuer("https://tr.example.com"));
    assert!(!stream.contradicts_issuer("https://tr.example.com/"), "AMB-04");
    assert!(stream.contradicts_issuer("https://other.example.com"));
}

/// AMB-35, AMB-36, AMB-45: nulls are absent, one text is a list of one, a list of one is one.
#[test]
fn rough_configurations_are_read() {
    let rough = r#"{"stream_id":"s","aud":"a","events_requested":null,"events_delivered":null,"description":null,"delivery":null,
        "inactivity_timeout":0,"min_verification_interval":"30","format":"iss_sub","status":"paused"}"#;
    let stream = parsed(rough);
    assert_eq!(stream.audience, ["a"]);
    assert_eq!(
        (
            stream.events_delivered.clone(),
            stream.description.clone(),
            stream.delivery.clone()
        ),
        (None, None, None)
    );
    assert_eq!(
        (stream.inactivity_timeout, stream.min_verification_interval),
        (None, Some(30))
    );
    assert_eq!(stream.status, Some(StreamStatus::Paused));
    assert!(
        !stream.contradicts_issuer("https://whoever"),
        "an absent iss contradicts nothing"
    );
    assert_eq!(parsed(&format!("[{rough}]")), stream);
    for (text, ids) in [
        ("[]", vec![]),
        ("null", vec![]),
        ("{}", vec![]),
        (r#"{"stream_id":"one"}"#, vec!["one"]),
        (r#"[{"stream_id":"a"},null,7,{"x":1},{"stream_id":"b"}]"#, vec!["a", "b"]),
    ] {
        let list = StreamConfiguration::parse_list(&serde_json::from_str(text).unwrap());
        let found: Vec<_> = list.iter().map(|it| it.stream_id.as_str()).collect();
        assert_eq!(found, ids, "{text}");
    }
    for text in ["{}", "[]", "7", r#"{"stream_id":""}"#, r#"{"stream_id":7}"#, "null"] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(StreamConfiguration::parse(&value), Err(StreamError::NoStreamId), "{text}");
    }
}

/// AMB-06, DEL-02: both names of a method mean the same.
#[test]
fn delivery_methods_have_two_names() {
    for method in [DeliveryMethod::Push, DeliveryMethod::Poll] {
        for names in [DeliveryNames::Rfc, DeliveryNames::Risc] {
            assert_eq!(DeliveryMethod::parse(method.uri(names)), Some((method, names)));
        }
    }
    assert_eq!(DeliveryMethod::parse("urn:ietf:rfc:8937"), None);
}

/// STRM-18, AMB-07: members of the receiver only, always `events_requested` and `delivery`.
#[test]
fn only_what_a_receiver_supplies_is_sent() {
    let events = ["urn:b".to_owned()];
    let push = StreamRequest {
        events_requested: &events,
        delivery: DeliveryRequest::Push {
            endpoint_url: "https://we/x",
            authorization_header: "Bearer y",
        },
        description: None,
        format: Some("iss_sub"),
    };
    assert_eq!(
        push.create(DeliveryNames::Risc),
        json!({"events_requested": ["urn:b"], "format": "iss_sub", "delivery": {
            "method": "https://schemas.openid.net/secevent/risc/delivery-method/push",
            "endpoint_url": "https://we/x", "authorization_header": "Bearer y"}})
    );
    let poll = StreamRequest {
        delivery: DeliveryRequest::Poll,
        description: Some("d"),
        format: None,
        ..push
    };
    assert_eq!(
        poll.update("s1", DeliveryNames::Rfc),
        json!({"stream_id": "s1", "events_requested": ["urn:b"], "description": "d", "delivery": {"method": "urn:ietf:rfc:8936"}})
    );
    assert_eq!(request::verification("s1", "x"), json!({"stream_id": "s1", "state": "x"}));
    assert_eq!(
        request::status("s1", StreamStatus::Paused, Some("why")),
        json!({"stream_id": "s1", "status": "paused", "reason": "why"})
    );
    let subject = json!({"format": "email", "email": "a@b.c"});
    assert_eq!(
        request::add_subject("s1", &subject, Some(true)),
        json!({"stream_id": "s1", "subject": subject, "verified": true})
    );
    assert!(!format!("{push:?}").contains("Bearer"), "the credential does not print");
}

/// ssf.md 5.3; a status in capitals is the same word.
#[test]
fn status_objects_are_read() {
    for (text, status) in [
        (r#"{"stream_id":"s","status":"enabled"}"#, Ok(StreamStatus::Enabled)),
        (r#"{"status":"PAUSED","reason":"x"}"#, Ok(StreamStatus::Paused)),
        (r#"{"status":"disabled","reason":null}"#, Ok(StreamStatus::Disabled)),
        (r#"{"status":"gone"}"#, Err(StreamError::NoStatus)),
        (r#"{"status":null}"#, Err(StreamError::NoStatus)),
        ("{}", Err(StreamError::NoStatus)),
        ("[]", Err(StreamError::NoStatus)),
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(StatusObject::parse(&value).map(|it| it.status), status, "{text}");
    }
}

/// POLL-17 and beyond: what is missing is empty, what cannot be read is an error.
#[test]
fn answers_to_polls_are_read() {
    for (text, sets, more) in [
        ("{}", vec![], false),
        ("", vec![], false),
        (" \n", vec![], false),
        (r#"{"sets":null}"#, vec![], false),
        (r#"{"sets":{},"moreAvailable":null}"#, vec![], false),
        (
            r#"{"sets":{"a":"x.y.z"},"moreAvailable":true}"#,
            vec![("a", Some("x.y.z"))],
            true,
        ),
        (
            r#"{"sets":{"a":null,"b":7},"moreAvailable":"yes"}"#,
            vec![("a", None), ("b", None)],
            false,
        ),
        (
            r#"{"sets":{"b":"1","a":"2"},"other":[]}"#,
            vec![("b", Some("1")), ("a", Some("2"))],
            false,
        ),
    ] {
        let response = PollResponse::parse(text.as_bytes()).unwrap();
        let found: Vec<_> = response
            .sets
            .iter()
            .map(|(jti, set)| (jti.as_str(), set.as_deref()))
            .collect();
        assert_eq!((found, response.more_available), (sets, more), "{text}");
    }
    for text in ["[]", "null", r#"{"sets":[]}"#, r#"{"sets":{"a":"1","a":"2"}}"#, "<html>", "{"] {
        assert_eq!(
            PollResponse::parse(text.as_bytes()),
            Err(StreamError::NotAPollResponse),
            "{text}"
        );
    }
    let long = format!(r#"{{"sets":{{"a":"{}"}}}}"#, "x".repeat(poll::MAX_RESPONSE_BYTES));
    assert_eq!(PollResponse::parse(long.as_bytes()), Err(StreamError::NotAPollResponse));
}

/// RFC 8936 section 2.2.
#[test]
fn polls_are_written() {
    let idle = PollRequest {
        max_events: 100,
        return_immediately: true,
        ..PollRequest::default()
    };
    assert_eq!(idle.body(), json!({"maxEvents": 100, "returnImmediately": true}));
    let flush = PollRequest {
        ack: vec!["a".into()],
        errors: vec![("b".into(), "invalid_key".into(), "why".into())],
        ..PollRequest::default()
    };
    assert_eq!(
        flush.body(),
        json!({"maxEvents": 0, "returnImmediately": false, "ack": ["a"], "setErrs": {"b": {"err": "invalid_key", "description": "why"}}})
    );
}

/// STRM-19, STRM-43, STRM-54, AMB-11, AMB-12, AMB-48, POLL-15: what each answer means.
#[test]
fn every_status_has_one_meaning() {
    use Operation as Op;
    use Reaction::*;
    for (operation, statuses, expected) in [
        (Op::Create, vec![200, 201], Done),
        (Op::Create, vec![202, 204], ReadAgain),
        (Op::Create, vec![409], Conflict),
        (Op::Create, vec![400, 405, 415, 422, 302, 501], Refused),
        (Op::Update, vec![200], Done),
        (Op::Update, vec![202, 204], ReadAgain),
        (Op::Update, vec![405, 501], OtherMethod),
        (Op::Replace, vec![405], Refused),
        (Op::Replace, vec![202], ReadAgain),
        (Op::SetStatus, vec![202], ReadAgain),
        (Op::Delete, vec![200, 202, 204, 404, 410], Done),
        (Op::Verify, vec![200, 202, 204], Done),
        (Op::AddSubject, vec![200, 204], Done),
        (Op::RemoveSubject, vec![200, 204], Done),
        (Op::ReadStatus, vec![404, 410], Gone),
        (Op::Poll, vec![404], Gone),
        (Op::Poll, vec![409], Refused),
    ] {
        for status in statuses {
            assert_eq!(reaction(operation, status), expected, "{operation:?} {status}");
        }
    }
    for operation in Op::ALL {
        assert_eq!(reaction(operation, 401), Authorise);
        assert_eq!(reaction(operation, 403), Forbidden);
        assert!(!operation.describe().is_empty());
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(reaction(operation, status), Later, "{operation:?} {status}");
        }
        for status in [100, 301, 302, 307, 400, 415, 600] {
            assert_eq!(reaction(operation, status), Refused, "{operation:?} {status}");
        }
    }
}

/// POLL-15: from one second to five minutes, never nothing.
#[test]
fn waits_double_up_to_a_cap() {
    let (base, cap) = (Duration::from_secs(1), Duration::from_secs(300));
    let waits: Vec<u64> = [1, 2, 3, 9, 10, u32::MAX]
        .map(|failures| backoff(failures, 0, base, cap).as_secs())
        .into();
    assert_eq!(waits, [1, 2, 4, 256, 300, 300]);
    assert!(backoff(1, u16::MAX, base, cap) >= Duration::from_millis(500));
    assert_eq!(shortened(Duration::from_secs(5), 0), Duration::from_secs(5));
}

/// META-08: inserted first, appended after it; one slash at the end is dropped.
#[test]
fn metadata_is_looked_for_in_order() {
    for (issuer, risc, expected) in [
        ("https://h", false, vec!["https://h/.well-known/ssf-configuration"]),
        ("https://h/", false, vec!["https://h/.well-known/ssf-configuration"]),
        (
            "https://h:8443/a/b/",
            false,
            vec![
                "https://h:8443/.well-known/ssf-configuration/a/b",
                "https://h:8443/a/b/.well-known/ssf-configuration",
            ],
        ),
        (
            "https://h",
            true,
            vec![
                "https://h/.well-known/ssf-configuration",
                "https://h/.well-known/risc-configuration",
            ],
        ),
    ] {
        assert_eq!(candidates(issuer, risc).unwrap(), expected, "{issuer}");
    }
    for issuer in ["", "h", "https://h?x", "https://h/#f", "mailto:x"] {
        assert_eq!(candidates(issuer, false), Err(DiscoveryError::NotAnIssuer), "{issuer}");
    }
}

/// META-07, AMB-04, AMB-05.
#[test]
fn metadata_of_another_issuer_is_refused_unless_it_is_confirmed() {
    for (url, issuer) in [
        ("https://h/.well-known/ssf-configuration", Some("https://h")),
        ("https://h/.well-known/ssf-configuration/a/b", Some("https://h/a/b")),
        ("https://h/a/.well-known/ssf-configuration", Some("https://h/a")),
        ("https://h/.well-known/risc-configuration", Some("https://h")),
        ("https://h/.well-known/ssf-configurations", None),
        ("https://h/somewhere", None),
    ] {
        assert_eq!(issuer_of(url).as_deref(), issuer, "{url}");
    }
    let authentik = "https://h/application/ssf/x/.well-known/ssf-configuration";
    for (expected, found, confirmed, result) in [
        (Some("https://h"), "https://h", None, Some(IssuerMatch::Exact)),
        (
            Some("https://ssf.caep.dev"),
            "https://ssf.caep.dev/",
            None,
            Some(IssuerMatch::Tolerated),
        ),
        (Some("https://h/"), "https://h", None, Some(IssuerMatch::Tolerated)),
        (Some("https://h"), "https://evil", None, None),
        (Some("https://h"), "https://h//", None, None),
        (None, "https://h", None, None),
        (None, "https://h", Some("https://h"), Some(IssuerMatch::Tolerated)),
        (
            Some("https://h/application/ssf/x"),
            authentik,
            Some(authentik),
            Some(IssuerMatch::Tolerated),
        ),
        (Some("https://h"), "https://evil", Some("https://other"), None),
    ] {
        assert_eq!(
            check_issuer(expected, found, confirmed).ok(),
            result,
            "{expected:?} {found} {confirmed:?}"
        );
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z:_/.]{0,12}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("stream_id".to_owned()),
        Just("delivery".to_owned()),
        Just("aud".to_owned()),
        Just("sets".to_owned()),
        Just("status".to_owned()),
        Just("method".to_owned()),
        "[a-z]{1,4}",
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a transmitter answers, it is read or refused.
    #[test]
    fn no_answer_panics(value in json_value()) {
        let one = StreamConfiguration::parse(&value);
        let list = StreamConfiguration::parse_list(&value);
        if let Ok(one) = one {
            prop_assert_eq!(&list[..], std::slice::from_ref(&one));
        }
        let _ = StatusObject::parse(&value);
        if let Ok(response) = PollResponse::parse(value.to_string().as_bytes()) {
            prop_assert!(response.sets.iter().all(|(_, set)| set.as_ref().is_none_or(|it| value.to_string().contains(it.as_str()))));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = PollResponse::parse(&bytes);
    }

    /// Where metadata is looked for, the issuer can be read off again.
    #[test]
    fn an_issuer_survives_its_address(path in "(/[a-z0-9]{1,5}){0,3}") {
        let issuer = format!("https://h.example{path}");
        for candidate in candidates(&issuer, true).unwrap() {
            prop_assert_eq!(issuer_of(&candidate), Some(issuer.clone()));
        }
    }

    #[test]
    fn waits_stay_between_half_the_base_and_the_cap(failures: u32, jitter: u16) {
        let wait = backoff(failures, jitter, Duration::from_secs(1), Duration::from_secs(300));
        prop_assert!(wait >= Duration::from_millis(500) && wait <= Duration::from_secs(300));
    }
}
