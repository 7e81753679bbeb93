use serde_json::json;
use watchfire_model::{
    id::StreamInId,
    object::{Kind, Object, StreamAuthorization, StreamDelivery, StreamIn, StreamStatus, UnsentAcks},
    row::Row,
    time::Timestamp,
};

use super::*;
use crate::testing::{NOW, admin, decide, event_types, events};

const SEEN: Timestamp = Timestamp::from_seconds(1);

fn provider(id: &str, name: &str, issuer: &str) -> SecurityEventsProvider {
    SecurityEventsProvider {
        id: SecurityEventsProviderId::new(id),
        name: name.to_owned(),
        product: "acme".to_owned(),
        status: Status::Active,
        issuer: issuer.to_owned(),
        jwks_url: "https://acme.example/keys".to_owned(),
        well_known_url: None,
        issuer_differs: false,
        critical_subject_members: Vec::new(),
        profile: ProviderProfile::open(DialectName::Okta),
        created: SEEN,
        last_updated: SEEN,
    }
}

fn with_metadata(id: &str) -> SecurityEventsProvider {
    SecurityEventsProvider {
        well_known_url: Some("https://casb.example/.well-known/ssf-configuration".to_owned()),
        ..provider(id, "Acme CASB", "https://casb.example")
    }
}

fn draft(name: &str, issuer: &str) -> SecurityEventsProviderDraft {
    SecurityEventsProviderDraft {
        name: name.to_owned(),
        product: "acme-edr".to_owned(),
        source: ProviderSource {
            issuer: issuer.to_owned(),
            jwks_url: "https://edr.example/keys".to_owned(),
            metadata: None,
        },
    }
}

fn create(draft: SecurityEventsProviderDraft) -> CreateSecurityEventsProvider {
    CreateSecurityEventsProvider {
        draft,
        dialect: DialectName::Okta,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn replace(id: &str, draft: SecurityEventsProviderDraft) -> ReplaceSecurityEventsProvider {
    ReplaceSecurityEventsProvider {
        id: SecurityEventsProviderId::new(id),
        draft,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn slice() -> Slice {
    let mut slice = Slice::default();
    slice.insert(Object::from(provider("sseA", "Acme EDR", "https://acme.example")));
    slice.insert(Object::from(with_metadata("sseB")));
    slice
}

fn causes(rejection: Rejection) -> Vec<String> {
    match rejection {
        Rejection::Invalid { causes, .. } => causes,
        other => panic!("{other:?}"),
    }
}

/// okta.md 5.1, 5.2; META-13. The two texts about what is taken are whole causes (clients.md 5).
#[test]
fn a_draft_that_breaks_a_rule_is_refused_with_its_text() {
    let long = |length: usize| "ü".repeat(length);
    let with = |change: &dyn Fn(&mut SecurityEventsProviderDraft)| {
        let mut draft = draft("New", "https://new.example");
        change(&mut draft);
        draft
    };
    let metadata = |url: String| MetadataSource {
        well_known_url: url,
        issuer_differs: false,
        critical_subject_members: Vec::new(),
    };
    let cases = [
        (with(&|it| it.name = " ".to_owned()), "name: The field cannot be left blank"),
        (with(&|it| it.name = long(101)), "name: The field is too long"),
        (with(&|it| it.product = String::new()), "type: The field cannot be left blank"),
        (with(&|it| it.product = long(256)), "type: The field is too long"),
        (
            with(&|it| it.source.issuer = String::new()),
            "issuer: The field cannot be left blank",
        ),
        (with(&|it| it.source.issuer = long(701)), "issuer: The field is too long"),
        (with(&|it| it.source.jwks_url = long(1001)), "jwks_url: The field is too long"),
        (
            with(&|it| it.source.metadata = Some(metadata(long(1001)))),
            "well_known_url: The field is too long",
        ),
        (
            with(&|it| it.name = "ACME edr".to_owned()),
            "Security Events Provider name must be unique",
        ),
        (
            with(&|it| it.source.issuer = "https://acme.example".to_owned()),
            "The provided issuer already exists for this organization.",
        ),
    ];
    for (draft, cause) in cases {
        let decided = decide(&create(draft.clone()), &slice());
        assert!(decided.decision.rows.is_empty());
        assert_eq!(causes(decided.outcome.unwrap_err()), [cause], "{draft:?}");
        let replaced = decide(&replace("sseB", draft.clone()), &slice());
        assert_eq!(causes(replaced.outcome.unwrap_err()), [cause], "{draft:?}");
    }
}

#[test]
fn the_longest_values_and_another_spelling_of_an_issuer_are_taken() {
    let mut longest = draft(&"ü".repeat(100), &"i".repeat(700));
    longest.product = "t".repeat(255);
    longest.source.jwks_url = "u".repeat(1000);
    assert!(decide(&create(longest), &slice()).outcome.is_ok());
    // JWT-12: issuers compare to the letter.
    for issuer in ["https://acme.example/", "https://ACME.example", "Issuer"] {
        assert!(decide(&create(draft("New", issuer)), &slice()).outcome.is_ok(), "{issuer}");
    }
}

#[test]
fn there_are_only_so_many_providers() {
    let mut slice = Slice::default();
    for number in 0..MAX_SECURITY_EVENTS_PROVIDERS {
        let name = format!("p{number}");
        slice.insert(Object::from(provider(&format!("sse{number}"), &name, &name)));
    }
    let refused = decide(&create(draft("New", "new")), &slice).outcome.unwrap_err();
    assert_eq!(causes(refused), ["Maximum number of security events providers (500) reached"]);
    assert!(decide(&replace("sse7", draft("New", "new")), &slice).outcome.is_ok());
}

/// okta.md 5.3: what the System Log says of it.
#[test]
fn a_new_provider_is_active_open_and_logged() {
    let decided = decide(&create(draft("New", "https://new.example")), &slice());
    assert_eq!(event_types(&decided.decision), [EventType::SecurityEventsProviderCreate]);
    let detail = events(&decided.decision)[0].target[0].detail_entry.clone();
    assert_eq!(
        serde_json::Value::from(detail.unwrap()),
        json!({
            "issuer": "https://new.example",
            "jwksUrl": "https://edr.example/keys",
            "wellKnownUrl": null,
            "providerType": "APP",
            "providerName": "New",
        })
    );
    let provider = decided.outcome.unwrap();
    assert_eq!(provider.status, Status::Active);
    assert_eq!(provider.profile, ProviderProfile::open(DialectName::Okta));
    assert_eq!((provider.created, provider.last_updated), (NOW, NOW));
}

#[test]
fn a_replaced_provider_keeps_id_status_profile_and_birth() {
    let mut slice = slice();
    let mut old = with_metadata("sseB");
    old.status = Status::Inactive;
    old.issuer_differs = true;
    old.profile.authoritative = true;
    slice.insert(Object::from(old.clone()));
    let decided = decide(&replace("sseB", draft("acme casb", "https://casb.example")), &slice);
    assert_eq!(event_types(&decided.decision), [EventType::SecurityEventsProviderUpdate]);
    let changed = events(&decided.decision)[0].target[0].change_details.clone().unwrap();
    assert_eq!(changed["to"]["wellKnownUrl"], json!(null));
    let new = decided.outcome.unwrap();
    assert_eq!((&new.id, new.status, &new.profile), (&old.id, old.status, &old.profile));
    assert_eq!((new.created, new.last_updated), (SEEN, NOW));
    assert_eq!((new.well_known_url, new.issuer_differs), (None, false));
    assert_eq!((new.name.as_str(), new.product.as_str()), ("acme casb", "acme-edr"));
}

#[test]
fn a_status_is_changed_and_logged_once() {
    let set = |status| SetSecurityEventsProviderStatus {
        id: SecurityEventsProviderId::new("sseA"),
        status,
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let same = decide(&set(Status::Active), &slice());
    assert!(same.decision.rows.is_empty());
    assert_eq!(same.outcome.unwrap().status, Status::Active);
    let off = decide(&set(Status::Inactive), &slice());
    assert_eq!(event_types(&off.decision), [EventType::SecurityEventsProviderDeactivate]);
    let mut slice = slice();
    slice.insert(Object::from(off.outcome.unwrap()));
    let on = decide(&set(Status::Active), &slice);
    assert_eq!(event_types(&on.decision), [EventType::SecurityEventsProviderActivate]);
}

fn stream(id: &str, provider: &str) -> StreamIn {
    StreamIn {
        id: StreamInId::new(id),
        provider_id: SecurityEventsProviderId::new(provider),
        key: String::new(),
        issuer: String::new(),
        risc_names: false,
        subject_format: None,
        deleted_at: None,
        remote_id: None,
        metadata: json!({}),
        metadata_at: SEEN,
        audience: Vec::new(),
        delivery: StreamDelivery::Poll {
            endpoint_url: None,
            long: false,
        },
        authorization: StreamAuthorization::Bearer {
            sealed_token: String::new(),
        },
        events_requested: Vec::new(),
        events_delivered: Vec::new(),
        status: StreamStatus::Enabled,
        status_reason: None,
        description: None,
        min_verification_interval: None,
        inactivity_timeout: None,
        verifications: Vec::new(),
        verified_at: None,
        unsent: UnsentAcks::default(),
        last_error: None,
        created: SEEN,
        last_updated: SEEN,
    }
}

/// What is remembered of its tokens stays: none takes effect again when the issuer comes back. Its
/// streams stay until their transmitter knows.
#[test]
fn a_provider_goes_and_its_streams_are_marked() {
    let mut slice = slice();
    for (id, provider) in [("sti1", "sseA"), ("sti2", "sseB"), ("sti3", "sseA")] {
        slice.insert(Object::from(stream(id, provider)));
    }
    let already = StreamIn {
        deleted_at: Some(SEEN),
        ..stream("sti4", "sseA")
    };
    slice.insert(Object::from(already));
    let command = DeleteSecurityEventsProvider {
        id: SecurityEventsProviderId::new("sseA"),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&command, &slice);
    let rows = &decided.decision.rows;
    let gone: Vec<&Row> = rows.iter().filter(|row| matches!(row, Row::Delete { .. })).collect();
    let id = "sseA".to_owned();
    let kind = Kind::SecurityEventsProvider;
    assert_eq!(gone, [&Row::Delete { kind, id }]);
    let delete = EventType::SecurityEventsStreamDelete;
    assert_eq!(
        event_types(&decided.decision),
        [delete, delete, EventType::SecurityEventsProviderDelete]
    );
    let streams = decided.outcome.unwrap();
    let ids: Vec<&str> = streams.iter().map(|stream| stream.id.as_str()).collect();
    assert_eq!(ids, ["sti1", "sti3"]);
    assert!(streams.iter().all(|stream| stream.deleted_at == Some(NOW)));
}

#[test]
fn an_unknown_provider_is_not_found() {
    let id = SecurityEventsProviderId::new("sseX");
    let (actor, origin) = (admin(), RequestOrigin::default());
    let not_found = Rejection::not_found("sseX", "SecurityEventsProvider");
    let refused = decide(&replace("sseX", draft("New", "new")), &slice()).outcome.unwrap_err();
    assert_eq!(refused, not_found);
    let set = SetSecurityEventsProviderStatus {
        id: id.clone(),
        status: Status::Active,
        actor: actor.clone(),
        origin: origin.clone(),
    };
    assert_eq!(decide(&set, &slice()).outcome.unwrap_err(), not_found);
    let profile = SetProviderProfile {
        id: id.clone(),
        profile: ProviderProfile::open(DialectName::Okta),
        actor: actor.clone(),
        origin: origin.clone(),
    };
    assert_eq!(decide(&profile, &slice()).outcome.unwrap_err(), not_found);
    let delete = DeleteSecurityEventsProvider { id, actor, origin };
    assert_eq!(decide(&delete, &slice()).outcome.unwrap_err(), not_found);
}

fn refresh(change: impl Fn(&mut ProviderSource)) -> RefreshProviderMetadata {
    let mut source = ProviderSource {
        issuer: "https://casb.example".to_owned(),
        jwks_url: "https://acme.example/keys".to_owned(),
        metadata: Some(MetadataSource {
            well_known_url: "https://casb.example/.well-known/ssf-configuration".to_owned(),
            issuer_differs: false,
            critical_subject_members: Vec::new(),
        }),
    };
    change(&mut source);
    RefreshProviderMetadata {
        id: SecurityEventsProviderId::new("sseB"),
        source,
        actor: admin(),
    }
}

/// META-11: the difference is audited.
#[test]
fn metadata_that_has_changed_is_taken_over_and_audited() {
    let same = decide(&refresh(|_| {}), &slice());
    assert!(same.decision.rows.is_empty());
    assert_eq!(same.outcome.unwrap(), Refreshed::Same);
    let moved = decide(&refresh(|it| it.jwks_url = "https://casb.example/new".to_owned()), &slice());
    assert_eq!(event_types(&moved.decision), [EventType::SecurityEventsProviderUpdate]);
    let changed = events(&moved.decision)[0].target[0].change_details.clone().unwrap();
    assert_eq!(changed["from"]["jwksUrl"], "https://acme.example/keys");
    assert_eq!(changed["to"]["jwksUrl"], "https://casb.example/new");
    let Refreshed::Changed(provider) = moved.outcome.unwrap() else {
        panic!("not changed")
    };
    assert_eq!((provider.status, provider.last_updated), (Status::Active, NOW));
}

/// META-11: another issuer is nobody's wish but an administrator's.
#[test]
fn metadata_of_another_issuer_suspends_the_provider() {
    let suspend = refresh(|it| it.issuer = "https://evil.example".to_owned());
    let decided = decide(&suspend, &slice());
    assert_eq!(event_types(&decided.decision), [EventType::SecurityEventsProviderUpdate]);
    let Refreshed::Suspended(provider) = decided.outcome.unwrap() else {
        panic!("not suspended")
    };
    assert_eq!(
        (provider.status, provider.issuer.as_str()),
        (Status::Inactive, "https://casb.example")
    );
    let mut slice = slice();
    slice.insert(Object::from(provider));
    let again = decide(&suspend, &slice);
    assert!(again.decision.rows.is_empty());
    assert_eq!(again.outcome.unwrap(), Refreshed::Same);
}

#[test]
fn metadata_that_nobody_asks_for_any_more_changes_nothing() {
    let mut slice = slice();
    let elsewhere = |it: &mut ProviderSource| it.issuer = "https://evil.example".to_owned();
    slice.insert(Object::from(provider("sseB", "Acme CASB", "https://casb.example")));
    assert!(decide(&refresh(elsewhere), &slice).decision.rows.is_empty());
    assert!(decide(&refresh(elsewhere), &Slice::default()).decision.rows.is_empty());
}

fn set_profile(change: impl Fn(&mut ProviderProfile)) -> SetProviderProfile {
    let mut profile = ProviderProfile::open(DialectName::Okta);
    change(&mut profile);
    SetProviderProfile {
        id: SecurityEventsProviderId::new("sseA"),
        profile,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

fn texts(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

/// SET-04: nothing symmetric can be configured; every entry that is refused is named.
#[test]
fn a_profile_that_breaks_a_rule_is_refused_with_its_text() {
    let algorithms = "RS256, PS256, ES256, ES384, EdDSA";
    let many = vec!["a.example".to_owned(); MAX_PROFILE_ENTRIES + 1];
    let numbered: Vec<String> = (0..=MAX_PROFILE_ENTRIES).map(|number| format!("a{number}.example")).collect();
    assert!(
        decide(&set_profile(|it| it.domains = Some(many.clone())), &slice())
            .outcome
            .is_ok()
    );
    let cases = [
        (
            set_profile(|it| it.algorithms = Vec::new()),
            texts(&["algorithms: At least one algorithm is needed"]),
        ),
        (
            set_profile(|it| it.algorithms = texts(&["RS256", "none", "HS256"])),
            vec![
                format!("algorithms: 'none' is not one of {algorithms}"),
                format!("algorithms: 'HS256' is not one of {algorithms}"),
            ],
        ),
        (
            set_profile(|it| it.event_types = Some(texts(&["session-revoked", "https://x.example/a b"]))),
            texts(&[
                "event_types: 'session-revoked' is not an event type's URI",
                "event_types: 'https://x.example/a b' is not an event type's URI",
            ]),
        ),
        (
            set_profile(|it| it.subject_formats = Some(texts(&["mail"]))),
            vec![format!(
                "subject_formats: 'mail' is not one of {}",
                SUBJECT_FORMATS.join(", ")
            )],
        ),
        (
            set_profile(|it| it.domains = Some(texts(&["example", "a..example", "@acme.example"]))),
            texts(&[
                "domains: 'example' is not a domain name",
                "domains: 'a..example' is not a domain name",
                "domains: '@acme.example' is not a domain name",
            ]),
        ),
        (
            set_profile(|it| it.domains = Some(numbered.clone())),
            texts(&["domains: The list has more than 1000 entries"]),
        ),
        (
            set_profile(|it| it.issuers = Some(vec!["x".repeat(701)])),
            texts(&["issuers: An entry is longer than 700 characters"]),
        ),
        (
            set_profile(|it| it.revoked_keys = texts(&[" "])),
            texts(&["revoked_keys: An entry is blank"]),
        ),
        (
            set_profile(|it| it.authoritative = true),
            texts(&["authoritative: A provider is authoritative for its domains and issuers: name at least one"]),
        ),
    ];
    for (command, expected) in cases {
        let decided = decide(&command, &slice());
        assert!(decided.decision.rows.is_empty());
        assert_eq!(causes(decided.outcome.unwrap_err()), expected);
    }
}

#[test]
fn a_profile_is_kept_in_one_form_and_audited() {
    let command = set_profile(|it| {
        it.profile = DialectName::Authentik;
        it.algorithms = texts(&["EdDSA", "RS256", "EdDSA"]);
        it.domains = Some(texts(&["Acme.Example.", "acme.example", "bücher.example"]));
        it.event_types = Some(texts(&[
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
        ]));
        it.subject_formats = Some(Vec::new());
        it.authoritative = true;
        it.revoked_keys = texts(&["k1"]);
    });
    let decided = decide(&command, &slice());
    assert_eq!(event_types(&decided.decision), [EventType::SecurityEventsProviderUpdate]);
    let changed = events(&decided.decision)[0].target[0].change_details.clone().unwrap();
    assert_eq!(
        (&changed["from"]["authoritative"], &changed["to"]["authoritative"]),
        (&json!(false), &json!(true))
    );
    let provider = decided.outcome.unwrap();
    assert_eq!(provider.profile.algorithms, ["EdDSA", "RS256"]);
    assert_eq!(provider.profile.domains, Some(texts(&["acme.example", "bücher.example"])));
    let mut slice = slice();
    slice.insert(Object::from(provider));
    assert!(decide(&command, &slice).decision.rows.is_empty());
}
