//! okta.md 1.6, 11.1, and the rotation of keys.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use watchfire_harness::{ServiceApp, TestServer};

use super::events;

const SCOPE: &str = "okta.riskProviders.read";
const ROTATE: &str = "/watchfire/v1/signing-keys/rotate";

async fn kids(server: &TestServer) -> Result<Vec<String>> {
    let keys = server.call("GET", "/oauth2/v1/keys").anonymous().send().await?;
    assert_eq!(keys.status, 200);
    let keys = keys.json["keys"].as_array().cloned().unwrap_or_default();
    Ok(keys
        .iter()
        .map(|key| key["kid"].as_str().unwrap_or_default().to_owned())
        .collect())
}

#[tokio::test]
async fn keys_may_be_kept_for_an_hour_and_are_not_limited() -> Result<()> {
    let server = TestServer::start().await?;
    let keys = server.call("GET", "/oauth2/v1/keys").anonymous().send().await?;
    assert_eq!(keys.headers["cache-control"], "max-age=3600, must-revalidate");
    assert_eq!(keys.headers["expires"], "Fri, 15 Jan 2027 09:00:00 GMT");
    assert!(!keys.headers.contains_key("x-rate-limit-limit"));
    let key = keys.json["keys"][0].as_object().expect("a key");
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&key["alg"], &key["use"], &key["kty"]),
        (&"RS256".into(), &"sig".into(), &"RSA".into())
    );
    Ok(())
}

#[tokio::test]
async fn keys_go_from_next_to_active_to_retired() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let read = async |server: &TestServer, token: &str| -> Result<u16> {
        Ok(server
            .call("GET", "/api/v1/risk/providers")
            .bearer(token)
            .send()
            .await?
            .status)
    };
    let kid_of = |token: &str| -> Result<String> {
        let header = watchfire_crypto::base64url::decode(token.split('.').next().unwrap_or_default())?;
        let header: Value = serde_json::from_slice(&header)?;
        Ok(header["kid"].as_str().unwrap_or_default().to_owned())
    };
    let first = kids(&server).await?;
    let old = app.token(&server, SCOPE).await?;
    assert_eq!(kid_of(&old)?, first[0]);
    server.clock.advance(Duration::from_secs(1));
    let rotated = server.call("POST", ROTATE).send().await?;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let mut states: Vec<_> = rotated
        .json
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| key["status"].as_str().unwrap_or_default())
        .collect();
    states.sort_unstable();
    assert_eq!(states, ["ACTIVE", "NEXT", "RETIRED"]);
    let second = kids(&server).await?;
    assert!(second.contains(&first[0]) && second.len() == 3);
    let new = app.token(&server, SCOPE).await?;
    assert_ne!(kid_of(&new)?, first[0]);
    assert!(second.contains(&kid_of(&new)?));
    assert_eq!((read(&server, &old).await?, read(&server, &new).await?), (200, 200));

    // The key that was published as the next one signs after the next rotation.
    let next = rotated
        .json
        .as_array()
        .into_iter()
        .flatten()
        .find(|key| key["status"] == "NEXT")
        .map(|key| key["kid"].clone());
    assert_eq!(server.call("POST", ROTATE).send().await?.status, 200);
    let newest = app.token(&server, SCOPE).await?;
    assert_eq!(Some(Value::from(kid_of(&newest)?)), next);

    let server = server.restart().await?;
    assert_eq!((read(&server, &old).await?, read(&server, &newest).await?), (200, 200));
    server.clock.advance(Duration::from_secs(3_700));
    assert!(!kids(&server).await?.contains(&first[0]), "its last token has expired");
    assert_eq!(events(&server, "app.oauth2.as.key.rollover").await?.len(), 2);
    let token = app.token(&server, SCOPE).await?;
    assert_eq!(server.call("POST", ROTATE).bearer(&token).send().await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn discovery_names_what_is_served() -> Result<()> {
    let server = TestServer::start().await?;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let document = server.call("GET", path).anonymous().send().await?;
        assert_eq!(document.status, 200);
        for (member, served) in [
            ("token_endpoint", "/oauth2/v1/token"),
            ("jwks_uri", "/oauth2/v1/keys"),
            ("registration_endpoint", "/oauth2/v1/clients"),
            ("introspection_endpoint", "/oauth2/v1/introspect"),
            ("revocation_endpoint", "/oauth2/v1/revoke"),
        ] {
            assert_eq!(document.json[member], format!("https://org.example{served}"));
            assert_ne!(server.call("GET", served).send().await?.status, 404, "{served}");
        }
        let unknown = server
            .call("GET", &format!("{path}?client_id=0oaNobody"))
            .anonymous()
            .send()
            .await?;
        assert_eq!((unknown.status, unknown.text_at("/errorCode")), (400, "invalid_client"));
        assert_eq!(unknown.text_at("/errorSummary"), "Invalid value for 'client_id' parameter.");
    }
    Ok(())
}

#[tokio::test]
async fn the_organisation_introduces_itself() -> Result<()> {
    let server = TestServer::start().await?;
    let org = server
        .call("GET", "/.well-known/okta-organization")
        .anonymous()
        .send()
        .await?;
    assert_eq!((org.status, org.text_at("/pipeline")), (200, "idx"));
    assert!(org.text_at("/id").starts_with("00o"));
    assert_eq!(org.text_at("/_links/organization/href"), "https://org.example");
    Ok(())
}
