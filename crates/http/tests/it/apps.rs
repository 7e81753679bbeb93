//! Service apps (okta.md 1.8, 2.1).

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{ServiceApp, TestServer, service_app::new_key};

const PATH: &str = "/api/v1/apps";

/// What Terraform and the SDKs send.
fn service_app(jwk: &Value) -> Value {
    json!({
        "name": "oidc_client",
        "label": "Acme Risk Feed",
        "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"token_endpoint_auth_method": "private_key_jwt", "pkce_required": false}},
        "settings": {"oauthClient": {
            "application_type": "service",
            "grant_types": ["client_credentials"],
            "response_types": ["token"],
            "jwks": {"keys": [jwk]},
        }},
    })
}

#[tokio::test]
async fn an_app_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let mut jwk = new_key()?.public_jwk();
    jwk.as_object_mut().expect("an object").remove("use");
    let made = server.call("POST", PATH).json(&service_app(&jwk)).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.text_at("/id").to_owned();
    assert!(id.starts_with("0oa") && id.len() == 20);
    let key = &made.json["settings"]["oauthClient"]["jwks"]["keys"][0];
    assert!(
        key["id"].as_str().is_some_and(|id| id.starts_with("pks") && id.len() == 20),
        "{key}"
    );
    assert_eq!((&key["status"], key.get("use")), (&json!("ACTIVE"), Some(&Value::Null)));
    for (pointer, want) in [
        ("/name", json!("oidc_client")),
        ("/label", json!("Acme Risk Feed")),
        ("/status", json!("ACTIVE")),
        ("/signOnMode", json!("OPENID_CONNECT")),
        ("/created", json!("2027-01-15T08:00:00.000Z")),
        ("/features", json!([])),
        ("/credentials/oauthClient/client_id", json!(id)),
        (
            "/credentials/oauthClient/token_endpoint_auth_method",
            json!("private_key_jwt"),
        ),
        (
            "/credentials/userNameTemplate",
            json!({"template": "${source.login}", "type": "BUILT_IN"}),
        ),
        ("/settings/oauthClient/redirect_uris", json!([])),
        ("/settings/oauthClient/consent_method", json!("TRUSTED")),
        ("/settings/oauthClient/issuer_mode", json!("ORG_URL")),
        ("/settings/oauthClient/dpop_bound_access_tokens", json!(false)),
        (
            "/_links/deactivate/href",
            json!(format!("https://org.example{PATH}/{id}/lifecycle/deactivate")),
        ),
    ] {
        assert_eq!(made.json.pointer(pointer), Some(&want), "{pointer}");
    }
    let own = format!("{PATH}/{id}");
    assert_eq!(server.call("GET", &own).send().await?.json, made.json);
    assert_eq!(server.call("GET", PATH).send().await?.json, json!([made.json]));

    // What was read goes back.
    let mut changed = made.json.clone();
    changed["label"] = json!("Renamed");
    let replaced = server.call("PUT", &own).json(&changed).send().await?;
    assert_eq!((replaced.status, &replaced.json), (200, &changed));

    let refused = server.call("DELETE", &own).send().await?;
    assert_eq!((refused.status, refused.text_at("/errorCode")), (403, "E0000056"));
    let off = server.call("POST", &format!("{own}/lifecycle/deactivate")).send().await?;
    assert_eq!((off.status, off.text.as_str()), (200, "{}"));
    assert_eq!(server.call("GET", &own).send().await?.text_at("/status"), "INACTIVE");
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    let gone = server.call("GET", &own).send().await?;
    assert_eq!(
        (gone.status, gone.text_at("/errorSummary")),
        (
            404,
            format!("Not found: Resource not found: {id} (OAuth2AppInstance)").as_str()
        )
    );
    Ok(())
}

#[tokio::test]
async fn bad_apps_are_refused_and_nothing_is_stored() -> Result<()> {
    let server = TestServer::start().await?;
    let good = service_app(&new_key()?.public_jwk());
    let cases = [
        ("/label", json!(""), "label: The field cannot be left blank"),
        ("/label", json!(5), "label: Invalid value"),
        ("/name", json!("bookmark"), "name: Only 'oidc_client' is supported"),
        (
            "/signOnMode",
            json!("SAML_2_0"),
            "signOnMode: Only 'OPENID_CONNECT' is supported",
        ),
        (
            "/settings/oauthClient/grant_types",
            Value::Null,
            "settings.oauthClient.grant_types: The field cannot be left blank",
        ),
        (
            "/settings/oauthClient/jwks",
            Value::Null,
            "settings.oauthClient.jwks: One of 'jwks' or 'jwks_uri' is required when the token_endpoint_auth_method is 'private_key_jwt'.",
        ),
    ];
    for (pointer, value, cause) in cases {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("there") = value;
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)));
    }
    assert_eq!(server.call("GET", PATH).send().await?.json, json!([]));
    Ok(())
}

#[tokio::test]
async fn an_inactive_app_gets_no_token_and_its_tokens_do_not_work() -> Result<()> {
    let server = TestServer::start().await?;
    let scope = "okta.riskProviders.read";
    let app = ServiceApp::register(&server, &[scope]).await?;
    let token = app.token(&server, scope).await?;
    let read = || server.call("GET", "/api/v1/risk/providers").bearer(&token);
    let switch = async |verb: &str| {
        server
            .call("POST", &format!("{PATH}/{}/lifecycle/{verb}", app.id))
            .send()
            .await
    };
    assert_eq!(switch("deactivate").await?.status, 200);
    let refused = app.request_token(&server, scope).await?;
    assert_eq!(
        (refused.status, refused.text_at("/error_description")),
        (
            401,
            "Client authentication failed. Either the client or the client credentials are invalid."
        )
    );
    assert_eq!(read().send().await?.status, 401);
    assert_eq!(switch("activate").await?.status, 200);
    assert_eq!(read().send().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn lists_are_filtered() -> Result<()> {
    let server = TestServer::start().await?;
    let one = server
        .call("POST", PATH)
        .json(&service_app(&new_key()?.public_jwk()))
        .send()
        .await?;
    let off = server
        .call("POST", &format!("{PATH}?activate=false"))
        .json(&service_app(&new_key()?.public_jwk()))
        .send()
        .await?;
    assert_eq!(off.text_at("/status"), "INACTIVE");
    let ids = async |query: &str| -> Result<Vec<String>> {
        let listed = server.call("GET", &format!("{PATH}?{query}")).send().await?;
        assert_eq!(listed.status, 200, "{}", listed.text);
        Ok(listed
            .json
            .as_array()
            .into_iter()
            .flatten()
            .map(|app| app["id"].as_str().unwrap_or_default().to_owned())
            .collect())
    };
    assert_eq!(ids("filter=status+eq+%22ACTIVE%22").await?, [one.text_at("/id")]);
    assert_eq!(
        ids(&format!("filter=id+eq+%22{}%22", off.text_at("/id"))).await?,
        [off.text_at("/id")]
    );
    assert_eq!(ids("q=ACME").await?.len(), 2);
    assert!(ids("q=other").await?.is_empty());
    for (filter, code) in [
        ("label+eq+%22x%22", "E0000053"),
        ("status+gt+%22x%22", "E0000053"),
        ("status+eq", "E0000053"),
    ] {
        let refused = server.call("GET", &format!("{PATH}?filter={filter}")).send().await?;
        assert_eq!((refused.status, refused.text_at("/errorCode")), (400, code), "{filter}");
    }
    Ok(())
}

#[tokio::test]
async fn keys_come_and_go_one_by_one() -> Result<()> {
    let server = TestServer::start().await?;
    let scope = "okta.logs.read";
    let app = ServiceApp::register(&server, &[scope]).await?;
    let path = format!("{PATH}/{}/credentials/jwks", app.id);
    let first = server.call("GET", &path).send().await?.text_at("/0/id").to_owned();
    let second = new_key()?;
    let added = server.call("POST", &path).json(&second.public_jwk()).send().await?;
    assert_eq!((added.status, added.text_at("/status")), (201, "ACTIVE"), "{}", added.text);
    let id = added.text_at("/id").to_owned();
    assert_eq!(server.call("GET", &format!("{path}/{id}")).send().await?.json, added.json);
    let by_second = ServiceApp {
        id: app.id.clone(),
        key: second,
    };
    assert_eq!(by_second.request_token(&server, scope).await?.status, 200);
    let off = server
        .call("POST", &format!("{path}/{id}/lifecycle/deactivate"))
        .send()
        .await?;
    assert_eq!((off.status, off.text_at("/status")), (200, "INACTIVE"));
    assert_eq!(by_second.request_token(&server, scope).await?.status, 401);
    assert_eq!(app.request_token(&server, scope).await?.status, 200);
    assert_eq!(
        server
            .call("POST", &format!("{path}/{id}/lifecycle/activate"))
            .send()
            .await?
            .status,
        200
    );
    assert_eq!(server.call("DELETE", &format!("{path}/{first}")).send().await?.status, 204);
    assert_eq!(app.request_token(&server, scope).await?.status, 401);

    let twice = server.call("POST", &path).json(&by_second.key.public_jwk()).send().await?;
    assert_eq!(
        (twice.status, twice.text_at("/errorSummary"), twice.error()),
        (
            400,
            "Api validation failed: JsonWebKey",
            ("E0000001", "All keys in the 'jwks' must have a unique `kid`.")
        )
    );
    let last = server.call("DELETE", &format!("{path}/{id}")).send().await?;
    assert_eq!((last.status, last.error().0), (400, "E0000001"), "an app by keys needs one");
    assert_eq!(server.call("GET", &format!("{path}/{first}")).send().await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn terraform_finds_the_id_token_settings() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[]).await?;
    let path = |id: &str| format!("/api/v1/internal/apps/{id}/settings/oauth/idToken");
    let set = server
        .call("POST", &path(&app.id))
        .json(&json!({"issuerMode": "ORG_URL"}))
        .send()
        .await?;
    let nothing = json!({"issuer": null, "orgUrl": null, "customUrl": null, "audience": null, "issuerMode": "ORG_URL"});
    assert_eq!((set.status, &set.json), (200, &nothing));
    let got = server.call("GET", &path(&app.id)).send().await?;
    let want =
        json!({"issuer": "https://org.example", "orgUrl": null, "customUrl": null, "audience": app.id, "issuerMode": "ORG_URL"});
    assert_eq!((got.status, &got.json), (200, &want));
    let unknown = server.call("GET", &path("0oaNobody")).send().await?;
    assert_eq!(
        unknown.text_at("/errorSummary"),
        "Not found: Resource not found: 0oaNobody (OAuth2AppInstance)"
    );
    Ok(())
}

#[tokio::test]
async fn roles_are_assigned_once() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[]).await?;
    let path = format!("/oauth2/v1/clients/{}/roles", app.id);
    let role = json!({"type": "SUPER_ADMIN"});
    let made = server.call("POST", &path).json(&role).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    for (member, want) in [
        ("label", "Super Administrator"),
        ("status", "ACTIVE"),
        ("assignmentType", "CLIENT"),
    ] {
        assert_eq!(made.json[member], want);
    }
    let twice = server.call("POST", &path).json(&role).send().await?;
    assert_eq!((twice.status, twice.text_at("/errorCode")), (409, "E0000090"));
    assert_eq!(server.call("GET", &path).send().await?.json, json!([made.json]));
    let own = format!("{path}/{}", made.text_at("/id"));
    assert_eq!(server.call("GET", &own).send().await?.json, made.json);
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    assert_eq!(server.call("GET", &own).send().await?.status, 404);
    let bad = server.call("POST", &path).json(&json!({"type": "EMPEROR"})).send().await?;
    assert_eq!((bad.status, bad.error()), (400, ("E0000001", "type: Invalid value")));
    Ok(())
}
