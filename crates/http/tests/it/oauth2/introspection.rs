//! okta.md 1.7.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, ServiceApp, TestServer, service_app::JWT_BEARER};

use super::{events, refusal};

const SCOPE: &str = "okta.riskProviders.read";

/// Asks about `token` as `app`, by an assertion for the endpoint itself.
async fn ask(server: &TestServer, app: &ServiceApp, endpoint: &str, token: &str) -> Result<Answer> {
    let mut claims = app.claims(server);
    claims["aud"] = json!(format!("https://org.example/oauth2/v1/{endpoint}"));
    let form = [
        ("token", token.to_owned()),
        ("client_assertion_type", JWT_BEARER.to_owned()),
        ("client_assertion", app.sign(&claims)?),
    ];
    server
        .call("POST", &format!("/oauth2/v1/{endpoint}"))
        .anonymous()
        .form(&form)
        .send()
        .await
}

#[tokio::test]
async fn a_token_is_introspected_and_revoked_by_its_client() -> Result<()> {
    let server = TestServer::start().await?;
    let (app, other) = (
        ServiceApp::register(&server, &[SCOPE]).await?,
        ServiceApp::register(&server, &[SCOPE]).await?,
    );
    let token = app.token(&server, SCOPE).await?;
    let known = ask(&server, &app, "introspect", &token).await?;
    assert_eq!(
        (known.status, &known.json),
        (
            200,
            &json!({
                "active": true, "token_type": "Bearer", "scope": SCOPE, "client_id": app.id, "sub": app.id,
                "aud": "https://org.example", "iss": "https://org.example", "jti": known.text_at("/jti"),
                "exp": 1_800_003_600, "iat": 1_800_000_000,
            })
        )
    );
    let nonsense = ask(&server, &app, "introspect", "nonsense").await?;
    assert_eq!((nonsense.status, nonsense.text.as_str()), (200, r#"{"active":false}"#));

    // Another client's revocation is answered alike and does nothing.
    for (who, works) in [(&other, 200), (&app, 401)] {
        let revoked = ask(&server, who, "revoke", &token).await?;
        assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
        let read = server.call("GET", "/api/v1/risk/providers").bearer(&token).send().await?;
        assert_eq!(read.status, works);
    }
    let read = server.call("GET", "/api/v1/risk/providers").bearer(&token).send().await?;
    assert!(
        read.headers["www-authenticate"]
            .to_str()?
            .contains("The access token has been revoked.")
    );
    assert_eq!(ask(&server, &app, "introspect", &token).await?.json, json!({"active": false}));
    assert_eq!(ask(&server, &app, "revoke", "nonsense").await?.status, 200);
    assert_eq!(
        events(&server, "app.oauth2.token.revoke").await?,
        ["app.oauth2.token.revoke SUCCESS -"]
    );

    // A restart does not forget it.
    let server = server.restart().await?;
    let read = server.call("GET", "/api/v1/risk/providers").bearer(&token).send().await?;
    assert_eq!(read.status, 401);
    Ok(())
}

#[tokio::test]
async fn clients_authenticate_as_they_registered() -> Result<()> {
    let server = TestServer::start().await?;
    let web = |method: &str| json!({"client_name": "Web", "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": method});
    let mut made = Vec::new();
    for method in ["client_secret_post", "none"] {
        let answer = server.call("POST", "/oauth2/v1/clients").json(&web(method)).send().await?;
        made.push((
            answer.text_at("/client_id").to_owned(),
            answer.text_at("/client_secret").to_owned(),
        ));
    }
    let ((post, secret), (public, _)) = (made[0].clone(), made[1].clone());
    let token = ("token", "nonsense".to_owned());
    let failed = "Client authentication failed. Either the client or the client credentials are invalid.";
    type Form<'a> = Vec<(&'a str, String)>;
    let cases: [(Form<'_>, u16, &str, &str); 7] = [
        (
            vec![token.clone(), ("client_id", post.clone()), ("client_secret", secret.clone())],
            200,
            "",
            "",
        ),
        (vec![token.clone(), ("client_id", public.clone())], 200, "", ""),
        (
            vec![
                token.clone(),
                ("client_id", post.clone()),
                ("client_secret", "wrong".to_owned()),
            ],
            401,
            "invalid_client",
            failed,
        ),
        (
            vec![token.clone(), ("client_id", post.clone())],
            401,
            "invalid_client",
            failed,
        ),
        (
            vec![token.clone(), ("client_id", "0oaNobody".to_owned())],
            401,
            "invalid_client",
            "Invalid value for 'client_id' parameter.",
        ),
        (vec![token], 401, "invalid_client", "No client credentials found."),
        (
            vec![("client_id", public)],
            400,
            "invalid_request",
            "The 'token' parameter is required.",
        ),
    ];
    for endpoint in ["introspect", "revoke"] {
        for (form, status, error, description) in &cases {
            let answer = server
                .call("POST", &format!("/oauth2/v1/{endpoint}"))
                .anonymous()
                .form(form)
                .send()
                .await?;
            assert_eq!(refusal(&answer), (*status, *error, *description), "{endpoint} {form:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_assertion_works_once_here_too() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &[SCOPE]).await?;
    let mut claims = app.claims(&server);
    claims["jti"] = Value::from("once");
    let form = [
        ("token", "nonsense".to_owned()),
        ("client_assertion_type", JWT_BEARER.to_owned()),
        ("client_assertion", app.sign(&claims)?),
    ];
    let ask = || server.call("POST", "/oauth2/v1/introspect").anonymous().form(&form);
    assert_eq!(ask().send().await?.status, 200);
    let text = "The client_assertion token has already been used.";
    assert_eq!(refusal(&ask().send().await?), (401, "invalid_client", text));
    Ok(())
}
