use serde_json::json;

use super::*;

#[test]
fn a_whole_document_is_read() {
    let document = json!({
        "spec_version": "1_0",
        "issuer": "https://tr.example/a",
        "jwks_uri": "https://tr.example/keys",
        "delivery_methods_supported": [
            "urn:ietf:rfc:8935",
            "urn:ietf:rfc:8936",
            "https://schemas.openid.net/secevent/risc/delivery-method/push",
            "https://schemas.openid.net/secevent/risc/delivery-method/poll",
            "urn:example:pigeon",
        ],
        "configuration_endpoint": "https://tr.example/stream",
        "status_endpoint": "https://tr.example/status",
        "add_subject_endpoint": "https://tr.example/add",
        "remove_subject_endpoint": "https://tr.example/remove",
        "verification_endpoint": "https://tr.example/verify",
        "critical_subject_members": ["tenant", "user"],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}, {"other": 1}, 7],
        "default_subjects": "NONE",
        "something_else": {"a": 1},
    });
    let read = TransmitterMetadata::parse(&document).unwrap();
    let (rfc, risc) = (DeliveryNames::Rfc, DeliveryNames::Risc);
    let both = [DeliveryMethod::Push, DeliveryMethod::Poll];
    assert_eq!(
        read.delivery_methods,
        [both.map(|it| (it, rfc)), both.map(|it| (it, risc))].concat()
    );
    assert_eq!(read.critical_subject_members, ["tenant", "user"]);
    assert_eq!(read.authorization_schemes, ["urn:ietf:rfc:6749"]);
    assert_eq!(read.default_subjects, Some(DefaultSubjects::None));
    assert_eq!(read.status_endpoint.as_deref(), Some("https://tr.example/status"));
    assert!(read.has_stream_api() && read.faults.is_empty(), "{read:?}");
}

/// META-09: Okta's documents promise nothing more.
#[test]
fn issuer_and_keys_are_enough() {
    let document = json!({"issuer": "Issuer", "jwks_uri": "https://tr.example/keys"});
    let read = TransmitterMetadata::parse(&document).unwrap();
    assert_eq!(
        (read.issuer.as_str(), read.spec_version.as_str()),
        ("Issuer", ASSUMED_SPEC_VERSION)
    );
    assert!(!read.has_stream_api() && read.faults.is_empty());
}

#[test]
fn a_document_without_an_issuer_is_none() {
    for document in [
        json!([]),
        json!("https://tr.example"),
        json!({}),
        json!({"issuer": null}),
        json!({"issuer": ""}),
        json!({"issuer": ["https://tr.example"]}),
        json!({"issuer": "x".repeat(MAX_ISSUER_CHARS + 1)}),
    ] {
        assert!(TransmitterMetadata::parse(&document).is_err(), "{document}");
    }
}

/// META-12: an element that is wrong takes nothing else with it.
#[test]
fn an_element_that_is_wrong_is_left_out_and_named() {
    let many = vec!["x"; MAX_ELEMENTS + 1];
    for (member, value, fault) in [
        ("jwks_uri", json!(7), "not a string"),
        ("jwks_uri", json!("keys.json"), "not an absolute https URL"),
        ("jwks_uri", json!("file:///etc/passwd"), "not an absolute https URL"),
        ("status_endpoint", json!("javascript:alert(1)"), "not an absolute https URL"),
        (
            "status_endpoint",
            json!(format!("https://tr.example/{}", "x".repeat(2048))),
            "too long",
        ),
        ("delivery_methods_supported", json!("urn:ietf:rfc:8935"), "not an array"),
        ("critical_subject_members", json!(["user", 1]), "not an array of strings"),
        ("critical_subject_members", json!(many), "too many elements"),
        ("authorization_schemes", json!({}), "not an array"),
        ("default_subjects", json!("SOME"), "neither ALL nor NONE"),
        ("spec_version", json!(1.0), "not a string"),
    ] {
        let document = json!({"issuer": "https://tr.example", member: value});
        let read = TransmitterMetadata::parse(&document).unwrap();
        assert_eq!(read.fault_of(member), Some(fault), "{document}");
        assert_eq!(read.faults.len(), 1, "{document}");
        assert_eq!(read.jwks_uri, None);
    }
    let nulls = json!({"issuer": "a", "jwks_uri": null, "delivery_methods_supported": null, "default_subjects": null});
    assert!(TransmitterMetadata::parse(&nulls).unwrap().faults.is_empty());
}
