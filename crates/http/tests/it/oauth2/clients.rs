//! okta.md 1.2.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{ServiceApp, TestServer, service_app::new_key};

use super::{events, refusal};

const PATH: &str = "/oauth2/v1/clients";

/// Document 002's payload, with the key that it prints.
fn guide() -> Value {
    json!({
        "client_name": "Risk Provider Example",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "redirect_uris": ["https://httpbin.org/get"],
        "token_endpoint_auth_method": "private_key_jwt",
        "application_type": "service",
        "jwks": {"keys": [{
            "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB",
            "n": "pqEM9uy9rPs6M8E3zGqnSjdgHRYj9pZ2LCb0sRzpg2r1BItPXknLPmrcVI0K4a84FpDRRoOc5zV-YILYIPA8JdAnazQiiGHfzzrNsTfcT-iD45-4Fb7tyuU2KQdwwZpP0FfWNcILgbdJbYdjfPM7AuKg3zok7xzZnk-wTJkGzdcya-0X5jX4hKl48hm8506CBep6fKhwZbjMXTt3R2bm-zqxYqjC5dXawx0ICniRnZyzNscmO6e3SYd0WDB-etQTHehbj1r0v6NOVZBWwsQEMP7_WZoUUS02mOODYSh-TI-deJ3Aw61iG5rKsQDgOZzGy2ZazyXJGhhfngGgzL4xfw"
        }]},
    })
}

#[tokio::test]
async fn a_client_of_the_guide_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let made = server.call("POST", PATH).json(&guide()).send().await?;
    let id = made.text_at("/client_id").to_owned();
    let mut want = json!({
        "client_id": id, "client_id_issued_at": 1_800_000_000, "client_uri": null, "logo_uri": null,
    });
    want.as_object_mut()
        .expect("an object")
        .extend(guide().as_object().expect("an object").clone());
    // A kid that was not sent is null (okta.md 1.2.1, "Echo").
    want["jwks"]["keys"][0]["kid"] = Value::Null;
    assert_eq!((made.status, &made.json), (201, &want));
    assert!(id.starts_with("0oa") && id.len() == 20);
    let path = format!("{PATH}/{id}");
    assert_eq!(server.call("GET", &path).send().await?.json, want);

    // What the SDKs read they send back.
    want["client_name"] = json!("Renamed");
    let replaced = server.call("PUT", &path).json(&want).send().await?;
    assert_eq!((replaced.status, &replaced.json), (200, &want));

    let gone = server.call("DELETE", &path).send().await?;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    for method in ["GET", "PUT", "DELETE"] {
        let unknown = server.call(method, &path).json(&guide()).send().await?;
        assert_eq!((unknown.status, unknown.text_at("/errorCode")), (404, "E0000007"), "{method}");
        assert_eq!(
            unknown.text_at("/errorSummary"),
            format!("Not found: Resource not found: {id} (PublicClientApp)")
        );
    }
    let kinds = ["create", "update", "delete"];
    for prefix in ["app.oauth2.client.lifecycle", "application.lifecycle"] {
        assert_eq!(
            events(&server, prefix).await?,
            kinds.map(|kind| format!("{prefix}.{kind} SUCCESS -"))
        );
    }
    Ok(())
}

#[tokio::test]
async fn metadata_faults_are_told_as_oauth_does() -> Result<()> {
    let server = TestServer::start().await?;
    let with = |member: &str, value: Value| {
        let mut body = guide();
        body[member] = value;
        body
    };
    let key = new_key()?.public_jwk();
    let cases = [
        (
            with("client_name", json!("")),
            "invalid_client_metadata",
            "client_name: The field cannot be left blank",
        ),
        (
            json!({}),
            "invalid_client_metadata",
            "client_name: The field cannot be left blank",
        ),
        (
            json!([]),
            "invalid_client_metadata",
            "client_name: The field cannot be left blank",
        ),
        (
            with("jwks", json!({"keys": [key, key]})),
            "invalid_client_metadata",
            "jwks: All keys in the 'jwks' must have a unique `kid`.",
        ),
        (
            with("redirect_uris", json!(["/relative"])),
            "invalid_redirect_uri",
            "redirect_uris: '/relative' is not an absolute URI without a fragment.",
        ),
    ];
    for (body, error, description) in cases {
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!(refusal(&refused), (400, error, description));
    }
    let malformed = server
        .call("POST", PATH)
        .header("content-type", "application/json")
        .text("{")
        .send()
        .await?;
    assert_eq!((malformed.status, malformed.text_at("/errorCode")), (400, "E0000003"));
    let none = server.call("GET", PATH).send().await?;
    assert_eq!(none.json, json!([]), "nothing is stored");
    Ok(())
}

#[tokio::test]
async fn lists_go_by_pages_and_prefix() -> Result<()> {
    let server = TestServer::start().await?;
    for name in ["Alpha one", "Beta", "alpha two"] {
        let mut body = guide();
        body["client_name"] = json!(name);
        assert_eq!(server.call("POST", PATH).json(&body).send().await?.status, 201);
        server.clock.advance(std::time::Duration::from_secs(1));
    }
    let names = |answer: &watchfire_harness::Answer| -> Vec<String> {
        let all = answer.json.as_array().into_iter().flatten();
        all.map(|it| it["client_name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let first = server.call("GET", &format!("{PATH}?limit=2")).send().await?;
    assert_eq!(names(&first), ["Alpha one", "Beta"]);
    let links: Vec<_> = first
        .headers
        .get_all("link")
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    assert_eq!(links.len(), 2);
    let next = links[1]
        .trim_start_matches("<https://org.example")
        .split('>')
        .next()
        .unwrap_or_default();
    let second = server.call("GET", next).send().await?;
    assert_eq!(names(&second), ["alpha two"]);
    assert_eq!(second.headers.get_all("link").iter().count(), 1);
    let prefixed = server.call("GET", &format!("{PATH}?q=alpha")).send().await?;
    assert_eq!(names(&prefixed), ["Alpha one", "alpha two"]);
    for bad in ["limit=0", "limit=201", "after=nonsense"] {
        let refused = server.call("GET", &format!("{PATH}?{bad}")).send().await?;
        assert_eq!((refused.status, refused.text_at("/errorCode")), (400, "E0000029"), "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn secrets_are_shown_once_and_can_be_renewed() -> Result<()> {
    let server = TestServer::start().await?;
    let web = json!({"client_name": "Web", "redirect_uris": ["https://app.example/cb"]});
    let made = server.call("POST", PATH).json(&web).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, secret) = (made.text_at("/client_id"), made.text_at("/client_secret"));
    assert_eq!((secret.len(), &made.json["client_secret_expires_at"]), (64, &json!(0)));
    let path = format!("{PATH}/{id}");
    assert_eq!(server.call("GET", &path).send().await?.json.get("client_secret"), None);
    let renew = format!("{path}/lifecycle/newSecret");
    let renewed = server.call("POST", &renew).send().await?;
    assert_eq!(renewed.status, 200);
    assert_ne!(renewed.text_at("/client_secret"), secret);
    let ask = |secret: String| {
        let form = [("token", "x".to_owned())];
        let basic = base64(&format!("{id}:{secret}"));
        server
            .call("POST", "/oauth2/v1/introspect")
            .header("authorization", &format!("Basic {basic}"))
            .form(&form)
    };
    assert_eq!(ask(secret.to_owned()).send().await?.status, 401);
    assert_eq!(ask(renewed.text_at("/client_secret").to_owned()).send().await?.status, 200);

    let app = ServiceApp::register(&server, &[]).await?;
    let keyed = server
        .call("POST", &format!("{PATH}/{}/lifecycle/newSecret", app.id))
        .send()
        .await?;
    assert_eq!(
        (keyed.status, keyed.text_at("/errorSummary")),
        (
            404,
            format!("Not found: Resource not found: {} (PublicClientApp)", app.id).as_str()
        )
    );
    Ok(())
}

#[tokio::test]
async fn a_deleted_client_takes_its_grants_tokens_and_provider_assignment_with_it() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.riskProviders.read"]).await?;
    let provider = server
        .call("GET", "/api/v1/risk/providers")
        .send()
        .await?
        .text_at("/0/id")
        .to_owned();
    let assigned = json!({"name": "Acme", "clientId": app.id, "action": "enforce_and_log"});
    let put = server
        .call("PUT", &format!("/api/v1/risk/providers/{provider}"))
        .json(&assigned)
        .send()
        .await?;
    assert_eq!(put.status, 200, "{}", put.text);
    let token = app.token(&server, "okta.riskProviders.read").await?;
    let read = || server.call("GET", "/api/v1/risk/providers").bearer(&token);
    assert_eq!(read().send().await?.status, 200);

    assert_eq!(server.call("DELETE", &format!("{PATH}/{}", app.id)).send().await?.status, 204);
    let refused = read().send().await?;
    assert_eq!((refused.status, refused.text_at("/errorCode")), (401, "E0000011"));
    let left = server.call("GET", "/api/v1/risk/providers").send().await?;
    assert_eq!(
        (left.text_at("/0/clientId"), left.text_at("/0/action")),
        ("null", "enforce_and_log")
    );
    assert_eq!(events(&server, "app.oauth2.as.consent.revoke").await?.len(), 1);
    assert_eq!(app.request_token(&server, "okta.riskProviders.read").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn every_way_needs_its_scope() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.clients.read", "okta.riskEvents.manage"]).await?;
    let reader = app.token(&server, "okta.clients.read").await?;
    let stranger = app.token(&server, "okta.riskEvents.manage").await?;
    let own = format!("{PATH}/{}", app.id);
    let renew = format!("{own}/lifecycle/newSecret");
    assert_eq!(server.call("GET", PATH).bearer(&reader).send().await?.status, 200);
    for (method, path, token, scope) in [
        ("GET", PATH, &stranger, "okta.clients.read"),
        ("GET", own.as_str(), &stranger, "okta.clients.read"),
        ("POST", PATH, &reader, "okta.clients.register"),
        ("PUT", own.as_str(), &reader, "okta.clients.manage"),
        ("DELETE", own.as_str(), &reader, "okta.clients.manage"),
        ("POST", renew.as_str(), &reader, "okta.clients.manage"),
    ] {
        let refused = server.call(method, path).bearer(token).json(&guide()).send().await?;
        assert_eq!(
            (refused.status, refused.text_at("/errorCode")),
            (403, "E0000006"),
            "{method} {path}"
        );
        let header = refused.headers["www-authenticate"].to_str()?;
        assert!(
            header.contains(&format!(r#"scope="{scope}", error="insufficient_scope""#)),
            "{header}"
        );
    }
    Ok(())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
