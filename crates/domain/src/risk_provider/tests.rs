use watchfire_model::{
    object::{AuthMethod, ClientMetadata, Object, Status},
    time::Timestamp,
};

use super::*;
use crate::testing::{NOW, admin, decide, event_types};

fn provider(id: &str, name: &str, client: Option<&str>) -> RiskProvider {
    RiskProvider {
        id: RiskProviderId::new(id),
        name: name.to_owned(),
        client_id: client.map(ClientId::new),
        action: ProviderAction::LogOnly,
        created: Timestamp::from_seconds(1),
        last_updated: Timestamp::from_seconds(1),
    }
}

fn app(id: &str, application_type: &str) -> Client {
    let metadata = ClientMetadata {
        client_name: id.to_owned(),
        application_type: application_type.to_owned(),
        grant_types: Vec::new(),
        response_types: Vec::new(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
        keys: None,
        dpop_bound_access_tokens: false,
        other: serde_json::Map::new(),
    };
    Client {
        id: ClientId::new(id),
        metadata,
        secret_hash: None,
        status: Status::Active,
        consent_method: "REQUIRED".to_owned(),
        app: serde_json::Map::new(),
        created: NOW,
        last_updated: NOW,
    }
}

fn draft(name: &str, client: Option<&str>) -> RiskProviderDraft {
    RiskProviderDraft {
        name: name.to_owned(),
        client_id: client.map(ClientId::new),
        action: ProviderAction::EnforceAndLog,
    }
}

fn create(draft: RiskProviderDraft) -> CreateRiskProvider {
    CreateRiskProvider {
        draft,
        actor: admin(),
        origin: RequestOrigin::default(),
    }
}

/// Two providers and three apps, of which one is no service app.
fn slice() -> Slice {
    let mut slice = Slice::default();
    slice.insert(Object::from(provider("rkpA", "Default ", None)));
    slice.insert(Object::from(provider("rkpB", "Acme", Some("0oaTaken"))));
    slice.insert(Object::from(app("0oaTaken", "service")));
    slice.insert(Object::from(app("0oaFree", "service")));
    slice.insert(Object::from(app("0oaWeb", "web")));
    slice
}

/// okta.md 3.2: the validation table.
#[test]
fn a_draft_that_breaks_a_rule_is_refused_with_its_text() {
    let taken = "An object with this field already exists in the current organization";
    let long = "x".repeat(51);
    let cases = [
        (draft("", None), "name: The field cannot be left blank".to_owned()),
        (draft("  ", None), "name: The field cannot be left blank".to_owned()),
        (draft(&long, None), "name: The field is too long".to_owned()),
        (draft("ACME", None), format!("name: {taken}")),
        (draft("New", Some("0oaNobody")), "clientId: Invalid client id".to_owned()),
        (draft("New", Some("0oaWeb")), "clientId: Invalid client id".to_owned()),
        (draft("New", Some("0oaTaken")), format!("clientId: {taken}")),
    ];
    for (draft, cause) in cases {
        let decided = decide(&create(draft.clone()), &slice());
        let Err(Rejection::Invalid { causes, .. }) = decided.outcome else {
            panic!("{draft:?} was taken")
        };
        assert_eq!(causes, [cause], "{draft:?}");
        assert!(decided.decision.rows.is_empty());
    }
}

#[test]
fn fifty_characters_are_a_name_whatever_their_bytes() {
    assert!(decide(&create(draft(&"ü".repeat(50), None)), &slice()).outcome.is_ok());
}

/// okta.md 3.2: the default provider counts towards the three.
#[test]
fn a_fourth_provider_is_refused() {
    let mut slice = slice();
    slice.insert(Object::from(provider("rkpC", "Third", None)));
    let Err(Rejection::Invalid { field, causes }) = decide(&create(draft("Fourth", None)), &slice).outcome else {
        panic!("a fourth was taken")
    };
    assert_eq!(field, "riskProvider");
    assert_eq!(causes, ["Maximum number of risk providers (3) reached"]);
}

/// The guide's step: the default provider gets a name, an app and an action.
#[test]
fn a_replaced_provider_keeps_its_id_and_birth() {
    let command = ReplaceRiskProvider {
        id: RiskProviderId::new("rkpA"),
        draft: draft("Risk Provider Example", Some("0oaFree")),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    let decided = decide(&command, &slice());
    assert_eq!(event_types(&decided.decision), [EventType::SecurityRiskProviderUpdate]);
    let provider = decided.outcome.unwrap();
    assert_eq!(provider.id.as_str(), "rkpA");
    assert_eq!(provider.created, Timestamp::from_seconds(1));
    assert_eq!(provider.last_updated, NOW);
    assert_eq!(provider.client_id, Some(ClientId::new("0oaFree")));
}

#[test]
fn its_own_name_and_client_are_no_conflict() {
    let command = ReplaceRiskProvider {
        id: RiskProviderId::new("rkpB"),
        draft: draft("acme", Some("0oaTaken")),
        actor: admin(),
        origin: RequestOrigin::default(),
    };
    assert!(decide(&command, &slice()).outcome.is_ok());
}

#[test]
fn an_unknown_provider_is_not_found() {
    let id = RiskProviderId::new("rkpX");
    let not_found = Rejection::not_found("rkpX", "RiskProvider");
    let (actor, origin) = (admin(), RequestOrigin::default());
    let replace = ReplaceRiskProvider {
        id: id.clone(),
        draft: draft("New", None),
        actor: actor.clone(),
        origin: origin.clone(),
    };
    assert_eq!(decide(&replace, &slice()).outcome.unwrap_err(), not_found);
    assert_eq!(
        decide(&DeleteRiskProvider { id, actor, origin }, &slice())
            .outcome
            .unwrap_err(),
        not_found
    );
}
