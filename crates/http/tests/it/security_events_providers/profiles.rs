//! `/watchfire/v1/security-events-providers/{id}/profile`.

use anyhow::Result;
use serde_json::json;
use watchfire_harness::TestServer;

use super::{by_hand, create, logged};

/// Wide open for what is said of users' risk, closed for who they are; Okta's dialect.
#[tokio::test]
async fn a_new_provider_has_the_profile_of_oktas_vendors() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let path = format!("/watchfire/v1/security-events-providers/{}/profile", made.text_at("/id"));
    let profile = server.call("GET", &path).send().await?;
    let expected = json!({
        "profile": "okta",
        "algorithms": ["RS256", "ES256"],
        "event_types": null,
        "subject_formats": null,
        "domains": null,
        "issuers": null,
        "authoritative": false,
        "revoked_keys": [],
    });
    assert_eq!((profile.status, &profile.json), (200, &expected));
    // What was read may be sent back as it is, and changes nothing.
    let same = server.call("PUT", &path).json(&expected).send().await?;
    assert_eq!((same.status, &same.json), (200, &expected));
    assert_eq!(logged(&server).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_profile_is_replaced_whole_and_outlives_the_process() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let path = format!("/watchfire/v1/security-events-providers/{}/profile", made.text_at("/id"));
    let wanted = json!({
        "profile": "caep.dev",
        "algorithms": ["RS256", "PS256", "ES256", "ES384", "EdDSA"],
        "event_types": ["https://schemas.openid.net/secevent/caep/event-type/session-revoked"],
        "subject_formats": ["email", "iss_sub"],
        "domains": ["acme.example"],
        "issuers": ["https://idp.acme.example"],
        "authoritative": true,
        "revoked_keys": ["k1"],
    });
    let changed = server.call("PUT", &path).json(&wanted).send().await?;
    assert_eq!((changed.status, &changed.json), (200, &wanted), "{}", changed.text);
    let change = &logged(&server).await?[1]["target"][0]["changeDetails"];
    assert_eq!(
        (&change["from"]["profile"], &change["to"]["profile"]),
        (&json!("okta"), &json!("caep.dev"))
    );
    let server = server.restart().await?;
    assert_eq!(server.call("GET", &path).send().await?.json, wanted);
    let narrow = server.call("PUT", &path).json(&json!({"profile": "standard"})).send().await?;
    assert_eq!(narrow.json["algorithms"], json!(["RS256", "ES256"]));
    assert_eq!(
        (&narrow.json["authoritative"], &narrow.json["domains"]),
        (&json!(false), &json!(null))
    );
    Ok(())
}

/// The members; the rules between them are tested in the domain.
#[tokio::test]
async fn a_faulty_profile_is_refused_with_its_text() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let path = format!("/watchfire/v1/security-events-providers/{}/profile", made.text_at("/id"));
    let cases = [
        (json!({}), "profile: The field cannot be left blank"),
        (
            json!({"profile": "oktaa"}),
            "profile: The value is not valid. Allowed values: okta, standard, interop, google-risc, legacy-sse, authentik, \
             caep.dev",
        ),
        (
            json!({"profile": "okta", "domains": "acme.example"}),
            "domains: The field must be an array of strings",
        ),
        (
            json!({"profile": "okta", "domains": [1]}),
            "domains: The field must be an array of strings",
        ),
        (
            json!({"profile": "okta", "authoritative": "yes"}),
            "authoritative: The field must be true or false",
        ),
        (
            json!({"profile": "okta", "eventTypes": []}),
            "eventTypes: The field is not known. Known fields: profile, algorithms, event_types, subject_formats, domains, \
             issuers, authoritative, revoked_keys",
        ),
        (
            json!({"profile": "okta", "algorithms": ["HS256"]}),
            "algorithms: 'HS256' is not one of RS256, PS256, ES256, ES384, EdDSA",
        ),
    ];
    for (body, cause) in cases {
        let refused = server.call("PUT", &path).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    Ok(())
}
