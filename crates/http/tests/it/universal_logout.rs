//! Universal Logout (okta.md 9.8): the calls that we make, and the one that we take.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    jws::UnverifiedJws,
};
use watchfire_harness::{ORG_URL, ServiceApp, Target, TestServer};
use watchfire_model::{
    id::{ActionId, ClientId, UserId},
    object::{Action, ActionCall},
};

use crate::{
    actions::{having, results, server},
    people::{self, events},
};

const REVOKE: &str = "/oauth2/v1/global-token-revocation";
const JO: &str = "jo.lin@example.com";

async fn app(server: &TestServer) -> Result<String> {
    let app = ServiceApp::register(server, &["okta.logs.read"]).await?;
    Ok(app.id)
}

#[tokio::test]
async fn an_endpoint_lives_and_the_app_shows_it() -> Result<()> {
    let server = TestServer::start().await?;
    let id = app(&server).await?;
    let path = format!("/watchfire/v1/apps/{id}/universal-logout");
    assert_eq!(server.call("GET", &path).send().await?.status, 404);
    let shown = server.call("GET", &format!("/api/v1/apps/{id}")).send().await?;
    assert_eq!(shown.text_at("/universalLogout/status"), "DISABLED");
    let body = json!({"url": "https://app.example/revoke", "subjectFormat": "email"});
    let set = server.call("PUT", &path).json(&body).send().await?;
    let at = "2027-01-15T08:00:00.000Z";
    let object = json!({"appId": id, "url": "https://app.example/revoke", "audience": null, "subjectFormat": "email",
        "created": at, "lastUpdated": at});
    assert_eq!((set.status, &set.json), (200, &object), "{}", set.text);
    assert_eq!(server.call("GET", &path).send().await?.json, object);
    let shown = server.call("GET", &format!("/api/v1/apps/{id}")).send().await?;
    assert_eq!(shown.text_at("/universalLogout/status"), "ENABLED");
    for (body, field) in [
        (json!({"url": "http://app.example/"}), "url"),
        (json!({"url": "https://10.1.2.3/"}), "url"),
        (
            json!({"url": "https://app.example/", "subjectFormat": "phone"}),
            "subjectFormat",
        ),
    ] {
        let refused = server.call("PUT", &path).json(&body).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{body}");
        assert!(refused.error().1.starts_with(field), "{}", refused.text);
    }
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(server.call("DELETE", &path).send().await?.status, 404);
    let unknown = server.call("PUT", "/watchfire/v1/apps/0oanone/universal-logout");
    assert_eq!(
        unknown.json(&json!({"url": "https://app.example/"})).send().await?.status,
        404
    );
    Ok(())
}

#[tokio::test]
async fn an_app_is_called_with_a_credential_of_ours() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let id = app(&server).await?;
    let user = people::user(&server, JO).await?;
    let url = format!("{}/revoke", target.url);
    let mut server = server;
    for (format, audience, subject) in [
        ("iss_sub", None, json!({"format": "iss_sub", "iss": ORG_URL, "sub": user})),
        ("email", Some("https://app.example"), json!({"format": "email", "email": JO})),
        ("opaque", None, json!({"format": "opaque", "id": user})),
    ] {
        let path = format!("/watchfire/v1/apps/{id}/universal-logout");
        let body = json!({"url": url, "audience": audience, "subjectFormat": format});
        assert_eq!(server.call("PUT", &path).json(&body).send().await?.status, 200);
        let call = ActionCall::UniversalLogout {
            app: ClientId::new(id.as_str()),
            user: UserId::new(user.as_str()),
        };
        let name = format!("act_{format}");
        let now = server.clock.now();
        let action = Action::due(ActionId::new(name.as_str()), call, None, now);
        server = having(server, [action.into()]).await?;
        let request = target.next().await?;
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/revoke"));
        assert_eq!(request.json(), json!({"sub_id": subject}));
        let token = request
            .header("authorization")
            .strip_prefix("Bearer ")
            .context("a bearer token")?;
        let jwks = server.call("GET", "/oauth2/v1/keys").anonymous().send().await?.json;
        let keys = KeySet::from_jwks(jwks["keys"].as_array().context("keys")?, &[Algorithm::Rs256]);
        let jws = UnverifiedJws::parse(token)?;
        let claims = Value::Object(jws.verify(&keys)?.claims()?);
        let at = now.as_seconds();
        assert_eq!(
            claims,
            json!({"iss": ORG_URL, "sub": ORG_URL, "aud": audience.unwrap_or(&url), "iat": at, "nbf": at, "exp": at + 300,
                "jti": name})
        );
        results(&server, 1).await?;
        let done = server.call("GET", &format!("/watchfire/v1/actions/{name}")).send().await?;
        assert_eq!(done.text_at("/state"), "DONE");
    }
    Ok(())
}

#[tokio::test]
async fn a_revocation_call_ends_the_sessions_of_its_user() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    for subject in [
        json!({"format": "opaque", "id": user}),
        json!({"format": "iss_sub", "iss": ORG_URL, "sub": user}),
        json!({"format": "email", "email": "Jo.Lin@example.com"}),
    ] {
        let token = people::sign_in(&server, JO).await?.json["sessionToken"].clone();
        let body = json!({"sessionToken": token});
        let session = server.call("POST", "/api/v1/sessions").json(&body).send().await?;
        let session = format!("/api/v1/sessions/{}", session.text_at("/id"));
        let unused = people::sign_in(&server, JO).await?.json["sessionToken"].clone();
        let revoked = server.call("POST", REVOKE).json(&json!({"sub_id": subject})).send().await?;
        assert_eq!((revoked.status, revoked.text.as_str()), (204, ""));
        assert_eq!(server.call("GET", &session).send().await?.status, 404);
        let late = json!({"sessionToken": unused});
        assert_eq!(server.call("POST", "/api/v1/sessions").json(&late).send().await?.status, 401);
    }
    assert_eq!(events(&server, "user.session.end").await?.len(), 3);
    assert_eq!(events(&server, "user.authentication.universal_logout").await?.len(), 3);
    Ok(())
}

/// A profile's address finds its user when it is no login, unless two have it.
#[tokio::test]
async fn a_revocation_call_names_its_user_by_the_profiles_address() -> Result<()> {
    let server = TestServer::start().await?;
    for (login, email) in [
        ("a@corp.example", "Ann@mail.example"),
        ("b@corp.example", "both@mail.example"),
        ("c@corp.example", "both@mail.example"),
    ] {
        let profile = json!({"firstName": "A", "lastName": "B", "email": email, "login": login});
        let made = server
            .call("POST", "/api/v1/users")
            .json(&json!({ "profile": profile }))
            .send()
            .await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    for (email, status) in [("ann@MAIL.example", 204), ("both@mail.example", 404), ("b@corp.example", 204)] {
        let body = json!({"sub_id": {"format": "email", "email": email}});
        assert_eq!(
            server.call("POST", REVOKE).json(&body).send().await?.status,
            status,
            "{email}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_revocation_call_that_is_none_gets_the_contracts_answers() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    for body in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"sub_id":"00u1"}"#,
        r#"{"sub_id":{"id":"00u1"}}"#,
        r#"{"sub_id":{"format":"opaque"}}"#,
        r#"{"sub_id":{"format":"opaque","id":7}}"#,
        r#"{"sub_id":{"format":"iss_sub","iss":"https://org.example"}}"#,
        r#"{"sub_id":{"format":"phone_number","phone_number":"+1"}}"#,
    ] {
        let refused = server.call("POST", REVOKE).text(body).send().await?;
        assert_eq!((refused.status, refused.text.as_str()), (400, ""), "{body}");
    }
    for subject in [
        json!({"format": "opaque", "id": "00unobody"}),
        json!({"format": "iss_sub", "iss": "https://elsewhere.example", "sub": user}),
        json!({"format": "email", "email": "nobody@example.com"}),
    ] {
        let unknown = server.call("POST", REVOKE).json(&json!({"sub_id": subject})).send().await?;
        assert_eq!((unknown.status, unknown.text.as_str()), (404, ""), "{subject}");
    }
    assert_eq!(server.call("POST", REVOKE).anonymous().text("{}").send().await?.status, 401);
    let reader = ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let token = reader.token(&server, "okta.logs.read").await?;
    assert_eq!(
        server.call("POST", REVOKE).bearer(&token).text("{}").send().await?.status,
        403
    );
    Ok(())
}
