//! Security events providers, their profiles, their metadata and their keys (okta.md 5).

mod keys;
mod metadata;
mod profiles;

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{Answer, SetSender, TestServer};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

const PROVIDERS: &str = "/api/v1/security-events-providers";
const BLANK: &str = "The field cannot be left blank";

/// A server that may call vendors on loopback.
async fn server() -> Result<TestServer> {
    TestServer::start_with(SetSender::settings()).await
}

fn by_hand(name: &str, issuer: &str) -> Value {
    json!({
        "name": name,
        "type": "acme-edr",
        "settings": {"issuer": issuer, "jwks_url": "https://transmitter.acme.example/jwks.json"},
    })
}

fn well_known(name: &str, url: &str) -> Value {
    json!({"name": name, "type": "acme-casb", "settings": {"well_known_url": url}})
}

async fn create(server: &TestServer, body: &Value) -> Result<Answer> {
    server.call("POST", PROVIDERS).json(body).send().await
}

/// Answers every request with `answer`.
async fn vendor(answer: ResponseTemplate) -> MockServer {
    let vendor = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(answer).mount(&vendor).await;
    vendor
}

async fn logged(server: &TestServer) -> Result<Vec<Value>> {
    let path = "/api/v1/logs?filter=eventType+sw+%22security.events.provider.%22";
    let log = server.call("GET", path).send().await?;
    Ok(log.json.as_array().cloned().unwrap_or_default())
}

/// okta.md 5.3: the example, member for member.
#[tokio::test]
async fn a_provider_by_issuer_and_keys_is_answered_as_the_contract_shows() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme EDR", "https://transmitter.acme.example")).await?;
    assert_eq!(made.status, 200);
    let id = made.text_at("/id");
    assert!(id.starts_with("sse") && id.len() == 20, "{id}");
    let href = format!("https://org.example{PROVIDERS}/{id}");
    let expected = json!({
        "id": id,
        "name": "Acme EDR",
        "type": "acme-edr",
        "status": "ACTIVE",
        "settings": {
            "issuer": "https://transmitter.acme.example",
            "jwks_url": "https://transmitter.acme.example/jwks.json",
        },
        "_links": {
            "self": {"href": href, "hints": {"allow": ["GET", "PUT", "DELETE"]}},
            "deactivate": {"href": format!("{href}/lifecycle/deactivate"), "hints": {"allow": ["POST"]}},
        },
    });
    assert_eq!(made.json, expected);
    let read = server.call("GET", &format!("{PROVIDERS}/{id}")).send().await?;
    assert_eq!((read.status, &read.json), (200, &expected));
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!((listed.status, listed.json), (200, json!([expected])));
    Ok(())
}

/// okta.md 5.2: every operation and its status; Terraform asks for what already is.
#[tokio::test]
async fn a_provider_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let path = format!("{PROVIDERS}/{}", made.text_at("/id"));
    let steps = [
        ("activate", "ACTIVE"),
        ("deactivate", "INACTIVE"),
        ("deactivate", "INACTIVE"),
        ("activate", "ACTIVE"),
        ("deactivate", "INACTIVE"),
    ];
    for (step, status) in steps {
        let lifecycle = format!("{path}/lifecycle/{step}");
        let call = server.call("POST", &lifecycle);
        let changed = call.header("content-type", "application/octet-stream").send().await?;
        assert_eq!((changed.status, changed.text_at("/status")), (200, status), "{step}");
        let opposite = if status == "ACTIVE" { "deactivate" } else { "activate" };
        let links: Vec<&String> = changed.json["_links"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(links, ["self", opposite], "{step}");
    }
    // What was read is sent back, read-only members included.
    let mut whole = server.call("GET", &path).send().await?.json;
    whole["name"] = json!("Acme EDR");
    whole["status"] = json!("ACTIVE");
    whole["id"] = json!("sseOther");
    let replaced = server.call("PUT", &path).json(&whole).send().await?;
    assert_eq!((replaced.status, replaced.text_at("/name")), (200, "Acme EDR"));
    assert_eq!(
        (replaced.text_at("/status"), &replaced.json["id"]),
        ("INACTIVE", &made.json["id"])
    );
    let deleted = server.call("DELETE", &path).send().await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    let types: Vec<Value> = logged(&server)
        .await?
        .iter()
        .map(|event| event["eventType"].clone())
        .collect();
    let steps = ["create", "deactivate", "activate", "deactivate", "update", "delete"];
    assert_eq!(types, steps.map(|step| json!(format!("security.events.provider.{step}"))));
    Ok(())
}

#[tokio::test]
async fn nothing_of_this_id_is_404() -> Result<()> {
    let server = TestServer::start().await?;
    let path = format!("{PROVIDERS}/sse0000000000000000X");
    let (activate, deactivate) = (format!("{path}/lifecycle/activate"), format!("{path}/lifecycle/deactivate"));
    let profile = "/watchfire/v1/security-events-providers/sse0000000000000000X/profile".to_owned();
    let refresh = "/watchfire/v1/security-events-providers/sse0000000000000000X/keys/refresh".to_owned();
    for (method, path, body) in [
        ("GET", &path, None),
        ("PUT", &path, Some(by_hand("New", "new"))),
        ("DELETE", &path, None),
        ("POST", &activate, None),
        ("POST", &deactivate, None),
        ("GET", &profile, None),
        ("PUT", &profile, Some(json!({"profile": "okta"}))),
        ("POST", &refresh, None),
    ] {
        let call = server.call(method, path);
        let call = if let Some(body) = &body { call.json(body) } else { call };
        let gone = call.send().await?;
        assert_eq!((gone.status, gone.error().0), (404, "E0000007"), "{method} {path}");
        assert!(
            gone.text_at("/errorSummary").ends_with("(SecurityEventsProvider)"),
            "{method} {path}"
        );
    }
    Ok(())
}

/// okta.md 5.1, 5.2: the members and their texts; nothing is stored.
#[tokio::test]
async fn a_faulty_provider_is_refused_with_its_text() -> Result<()> {
    let server = TestServer::start().await?;
    create(&server, &by_hand("Acme", "https://acme.example")).await?;
    let with = |settings: Value| json!({"name": "New", "type": "t", "settings": settings});
    let keys = |url: &str| with(json!({"issuer": "new", "jwks_url": url}));
    let not_valid = "jwks_url: jwks_url is not valid".to_owned();
    let cases = [
        (json!({"type": "t", "settings": {}}), format!("name: {BLANK}")),
        (json!({"name": "New", "settings": {}}), format!("type: {BLANK}")),
        (json!({"name": "New", "type": "t"}), format!("settings: {BLANK}")),
        (
            json!({"name": "New", "type": "t", "settings": []}),
            "settings: The field must be an object".to_owned(),
        ),
        (
            json!({"name": 1, "type": "t", "settings": {}}),
            "name: The field must be a string".to_owned(),
        ),
        (with(json!({})), format!("well_known_url: {BLANK}")),
        (with(json!({"issuer": "new"})), format!("jwks_url: {BLANK}")),
        (with(json!({"jwks_url": "https://a.example"})), format!("issuer: {BLANK}")),
        (
            with(json!({"issuer": 7, "jwks_url": "https://a.example"})),
            "issuer: The field must be a string".to_owned(),
        ),
        (
            with(json!({"wellKnownUrl": "https://a.example"})),
            "wellKnownUrl: The field is not known. It is spelt well_known_url".to_owned(),
        ),
        (
            with(json!({"issuer": "new", "jwksUrl": "https://a.example"})),
            "jwksUrl: The field is not known. It is spelt jwks_url".to_owned(),
        ),
        (keys("not a url"), not_valid.clone()),
        (keys("ftp://a.example/keys"), not_valid.clone()),
        (keys("http://a.example/keys"), not_valid.clone()),
        (keys("https://user:password@a.example/keys"), not_valid.clone()),
        (keys("https://127.0.0.1/keys"), not_valid.clone()),
        (keys("https://[::1]/keys"), not_valid.clone()),
        (keys("https://169.254.169.254/latest"), not_valid.clone()),
        (keys("https://10.0.0.7/keys"), not_valid.clone()),
        (keys("https://localhost/keys"), not_valid),
        (
            by_hand("ACME", "https://other.example"),
            "Security Events Provider name must be unique".to_owned(),
        ),
        (
            by_hand("Other", "https://acme.example"),
            "The provided issuer already exists for this organization.".to_owned(),
        ),
    ];
    for (body, cause) in cases {
        let refused = create(&server, &body).await?;
        assert_eq!(
            (refused.status, refused.error()),
            (400, ("E0000001", cause.as_str())),
            "{body}"
        );
    }
    let scheme = create(&server, &keys("http://a.example/keys")).await?;
    assert_eq!(scheme.text_at("/errorSummary"), "Api validation failed: settings");
    assert_eq!(
        scheme.text_at("/errorCauses/1/errorSummary"),
        "jwks_url: the scheme must be https"
    );
    let malformed = server
        .call("POST", PROVIDERS)
        .header("content-type", "application/json")
        .text("[");
    assert_eq!(malformed.send().await?.error().0, "E0000003");
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(1));
    Ok(())
}

/// The scopes are looked at before the body.
#[tokio::test]
async fn a_token_needs_the_scope() -> Result<()> {
    use watchfire_harness::ServiceApp;
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.securityEventsProviders.read"]).await?;
    let token = app.token(&server, "okta.securityEventsProviders.read").await?;
    let listed = server.call("GET", PROVIDERS).bearer(&token).send().await?;
    assert_eq!(listed.status, 200);
    let refused = server.call("POST", PROVIDERS).bearer(&token).json(&json!({})).send().await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"));
    let anonymous = server.call("GET", PROVIDERS).anonymous().send().await?;
    assert_eq!((anonymous.status, anonymous.error().0), (401, "E0000011"));
    Ok(())
}

/// okta.md 8.6: who, what, and the details of the target.
#[tokio::test]
async fn the_system_log_says_who_made_it_and_what_it_is() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let events = logged(&server).await?;
    assert_eq!(events[0]["displayMessage"], "Create security events provider");
    assert_eq!(events[0]["actor"]["type"], "User");
    let target = &events[0]["target"][0];
    assert_eq!((&target["id"], &target["displayName"]), (&made.json["id"], &json!("Acme")));
    assert_eq!(
        target["detailEntry"],
        json!({
            "issuer": "Issuer",
            "jwksUrl": "https://transmitter.acme.example/jwks.json",
            "wellKnownUrl": null,
            "providerType": "APP",
            "providerName": "Acme",
        })
    );
    Ok(())
}

/// Everything is there again after a restart.
#[tokio::test]
async fn providers_outlive_the_process() -> Result<()> {
    let server = TestServer::start_with(Settings::new("https://org.example")).await?;
    let made = create(&server, &by_hand("Acme", "Issuer")).await?;
    let server = server.restart().await?;
    let listed = server.call("GET", PROVIDERS).send().await?;
    assert_eq!(listed.json, json!([made.json]));
    Ok(())
}
