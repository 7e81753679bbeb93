//! What a super administrator sets, and what becomes of passwords.

use anyhow::{Context as _, Result};
use serde_json::json;
use watchfire_app::Settings;
use watchfire_harness::{TestServer, fake_openid_provider::CLIENT_SECRET};

use super::{API, World, admin, cookie_of};
use crate::{
    browser::{Browser, LOGIN, PASSWORD},
    roles::with_role,
};

#[tokio::test]
async fn secrets_go_in_and_do_not_come_out() -> Result<()> {
    let world = World::trusting().await?;
    let got = world.server.call("GET", API).send().await?;
    assert_eq!(got.text_at("/oidc/issuer"), world.idp.issuer());
    assert_eq!(got.text_at("/redirectUri"), "https://org.example/admin/sign-in/oidc/callback");
    assert!(!got.text.contains("s3cret") && !got.text.contains("sealed"), "{}", got.text);
    let log = world.server.call("GET", "/api/v1/logs").send().await?;
    assert!(log.text.contains("security.console_sign_in.update") && !log.text.contains("s3cret"));
    // Left out, it stays, for the same client of the same issuer only: else it would be sent to somebody else.
    let mut body = world.body(json!({"ownFactor": "TRUST", "clientSecret": null, "name": "Renamed"}));
    assert_eq!(world.set(&body).await?.status, 200);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    body["oidc"]["clientId"] = json!("another");
    let refused = world.set(&body).await?;
    assert_eq!(refused.status, 400);
    assert!(refused.error().1.starts_with("oidc.clientSecret: "), "{}", refused.text);
    Ok(())
}

#[tokio::test]
async fn only_super_administrators_see_and_change_it() -> Result<()> {
    let world = World::trusting().await?;
    let body = world.body(json!({}));
    for role in ["SECURITY_ANALYST", "READ_ONLY"] {
        let browser = with_role(&world.server, &format!("{role}@example.com").to_lowercase(), role).await?;
        assert_eq!(browser.api("GET", API).await?.send().await?.status, 403, "{role}");
        assert_eq!(browser.api("PUT", API).await?.json(&body).send().await?.status, 403, "{role}");
        assert_eq!(browser.get("/admin/settings/sign-in").await?.status, 403, "{role}");
    }
    let anonymous = world.server.call("GET", API).anonymous().send().await?;
    assert_eq!(anonymous.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_provider_is_asked_before_it_is_kept() -> Result<()> {
    let world = World::trusting().await?;
    let metadata = |name: &str, value: serde_json::Value| {
        world.idp.manners(|manners| {
            manners.metadata.clear();
            manners.metadata.insert(name.to_owned(), value);
        });
    };
    for (name, value, says) in [
        ("issuer", json!("https://another.example"), "another issuer"),
        ("token_endpoint", json!(null), "token_endpoint"),
        ("token_endpoint", json!("ftp://idp.example/token"), "token_endpoint"),
        (
            "authorization_endpoint",
            json!("javascript:alert(1)"),
            "authorization_endpoint",
        ),
        ("jwks_uri", json!("http://169.254.169.254/keys"), "jwks_uri"),
        ("id_token_signing_alg_values_supported", json!(["HS256"]), "algorithm"),
        ("response_types_supported", json!(["id_token"]), "code flow"),
        ("code_challenge_methods_supported", json!(["plain"]), "PKCE"),
        (
            "token_endpoint_auth_methods_supported",
            json!(["tls_client_auth"]),
            "client authentication",
        ),
    ] {
        metadata(name, value);
        let refused = world.set(&world.body(json!({}))).await?;
        assert_eq!(refused.status, 400, "{name}");
        assert!(refused.error().1.contains(says), "{name}: {}", refused.text);
    }
    world.idp.manners(|manners| {
        manners.metadata.clear();
        manners.status = Some(500);
    });
    assert_eq!(world.set(&world.body(json!({}))).await?.status, 400);
    // Who switches it off because it is down is not refused for that.
    assert_eq!(world.set(&world.body(json!({"status": "INACTIVE"}))).await?.status, 200);
    let page = world.browser().get("/admin/sign-in").await?;
    assert!(!page.text.contains("Example ID"));
    assert_eq!(world.browser().get("/admin/sign-in/oidc").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn members_that_are_wrong_are_named() -> Result<()> {
    let world = World::trusting().await?;
    for (over, field) in [
        (json!({"issuer": "https://idp.example/?a=b"}), "oidc.issuer"),
        (json!({"issuer": "idp.example"}), "oidc.issuer"),
        (json!({"issuer": ""}), "oidc.issuer"),
        (json!({"name": ""}), "oidc.name"),
        (json!({"name": "x".repeat(61)}), "oidc.name"),
        (json!({"clientId": null}), "oidc.clientId"),
        (json!({"scopes": ["a b"]}), "oidc.scopes"),
        (json!({"ownFactor": "NEVER"}), "oidc.ownFactor"),
        (json!({"ownFactor": "ASK_UNLESS_TRUSTED"}), "oidc.trustedAmr"),
        (
            json!({"authentication": "PRIVATE_KEY_JWT", "privateKey": "x"}),
            "oidc.privateKey",
        ),
        (json!({"status": "ON"}), "oidc.status"),
    ] {
        let refused = world.set(&world.body(over.clone())).await?;
        assert_eq!(refused.status, 400, "{over}");
        assert!(
            refused.error().1.starts_with(&format!("{field}: ")),
            "{over}: {}",
            refused.text
        );
    }
    let alone = world.set(&json!({"password": false})).await?;
    assert!(alone.error().1.starts_with("password: "), "{}", alone.text);
    Ok(())
}

/// A private address is refused unless the operator allows it for this purpose.
#[tokio::test]
async fn a_provider_on_a_private_address_needs_the_operators_word() -> Result<()> {
    let server = TestServer::start().await?;
    for issuer in ["https://10.0.0.5", "https://127.0.0.1:8443", "http://idp.example"] {
        let oidc = json!({"name": "A", "issuer": issuer, "clientId": "c", "clientSecret": "s"});
        let refused = server.call("PUT", API).json(&json!({ "oidc": oidc })).send().await?;
        assert_eq!(refused.status, 400, "{issuer}");
        assert!(refused.error().1.starts_with("oidc.issuer: "), "{}", refused.text);
    }
    let mut settings = Settings::new("https://org.example");
    settings.outbound_allow = vec!["oidc=10.0.0.0/8".parse()?];
    let server = TestServer::start_with(settings).await?;
    let oidc = json!({"status": "INACTIVE", "name": "A", "issuer": "https://10.0.0.5", "clientId": "c", "clientSecret": "s"});
    let set = server.call("PUT", API).json(&json!({ "oidc": oidc })).send().await?;
    assert_eq!(set.status, 200, "{}", set.text);
    Ok(())
}

#[tokio::test]
async fn each_way_of_client_authentication_is_used_as_the_provider_takes_it() -> Result<()> {
    let world = World::trusting().await?;
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let call = world.idp.token_calls().pop().context("no call")?;
    assert!(call.authorization.is_some_and(|line| line.starts_with("Basic ")) && !call.form.contains_key("client_secret"));
    world.idp.manners(|manners| {
        let post = json!(["client_secret_post"]);
        manners
            .metadata
            .insert("token_endpoint_auth_methods_supported".to_owned(), post);
    });
    assert_eq!(world.set(&world.body(json!({"ownFactor": "TRUST"}))).await?.status, 200);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let call = world.idp.token_calls().pop().context("no call")?;
    assert_eq!(call.form.get("client_secret").map(String::as_str), Some(CLIENT_SECRET));
    assert_eq!(call.authorization, None);
    world.idp.manners(|manners| manners.metadata.clear());
    let by_key = json!({"ownFactor": "TRUST", "clientSecret": null, "authentication": "PRIVATE_KEY_JWT"});
    let set = world.set(&world.body(by_key)).await?;
    assert_eq!(set.status, 200, "{}", set.text);
    let public = set.json["oidc"]["publicKey"].clone();
    assert!(public["n"].is_string() && public.get("d").is_none(), "{public}");
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let call = world.idp.token_calls().pop().context("no call")?;
    let assertion = call.form.get("client_assertion").context("no assertion")?;
    let key = watchfire_crypto::jwk::KeySet::from_jwks([&public], watchfire_crypto::jwk::Algorithm::ALL);
    let jws = watchfire_crypto::jws::UnverifiedJws::parse(assertion)?;
    let claims = jws.verify(&key)?.claims()?;
    assert_eq!(claims["aud"], json!(format!("{}/token", world.idp.issuer())));
    Ok(())
}

/// OpenID only: no password, and the invitation is the way in when the provider fails.
#[tokio::test]
async fn without_passwords_an_invitation_still_leads_in() -> Result<()> {
    let world = World::with(json!({"ownFactor": "TRUST"})).await?;
    let token = world.server.first_invitation().context("no link")?.to_owned();
    let browser = Browser::invited(&world.server, &token, LOGIN).await?;
    world.server.clock.advance(std::time::Duration::from_secs(60));
    let waiting = browser.password(PASSWORD).await?;
    assert_eq!(waiting.status, 200);
    let only = world
        .set(&world.body(json!({"ownFactor": "TRUST", "password": false})))
        .await?;
    assert_eq!(only.status, 200, "{}", only.text);
    let page = browser.get("/admin/sign-in").await?;
    assert!(!page.text.contains("name=\"password\"") && page.text.contains("watchfire admin invite"));
    assert_eq!(browser.password(PASSWORD).await?.status, 401);
    let refused = world.events("user.session.start").await?;
    assert_eq!(
        refused.last().context("no event")?["outcome"]["reason"],
        "PASSWORD_NOT_ALLOWED"
    );
    // A sign-in by password that was under way does not go on either.
    assert_eq!(browser.give_code(&waiting, &browser.code()).await?.status, 401);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    world.idp.manners(|manners| manners.status = Some(500));
    let invite = json!({"login": LOGIN, "role": "SUPER_ADMIN"});
    let made = world
        .server
        .call("POST", "/watchfire/v1/administrators")
        .json(&invite)
        .send()
        .await?;
    let token = made.text_at("/invitation").rsplit('/').next().unwrap_or_default().to_owned();
    let mut lost = world.browser();
    let path = format!("/admin/invitations/{token}");
    let page = lost.get(&path).await?;
    lost.secret = watchfire_crypto::totp::decode_secret(crate::browser::between(&page.text, "class=\"wide\">", "<"))?.to_vec();
    let answer = lost.accept(&page, &path, PASSWORD, &lost.code()).await?;
    assert_eq!((answer.status, answer.headers["location"].to_str()?), (303, "/admin"));
    lost.cookie = cookie_of(&answer, "watchfire");
    assert_eq!(lost.get("/admin/settings/sign-in").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn it_is_set_by_the_form_of_the_settings() -> Result<()> {
    let world = World::with(json!({"status": "INACTIVE"})).await?;
    let browser = Browser::signed_in(&world.server).await?;
    let page = browser.get("/admin/settings/sign-in").await?;
    assert!(page.status == 200 && page.text.contains("Redirect URI") && !page.text.contains("s3cret"));
    let fields = |issuer: &str, secret: &str| {
        [
            ("csrf", crate::browser::field(&page.text, "csrf")),
            ("status", "ACTIVE".to_owned()),
            ("name", "From the form".to_owned()),
            ("issuer", issuer.to_owned()),
            ("client", "watchfire console".to_owned()),
            ("method", "CLIENT_SECRET".to_owned()),
            ("secret", secret.to_owned()),
            ("scopes", "email".to_owned()),
            ("factor", "TRUST".to_owned()),
            ("password", "yes".to_owned()),
        ]
    };
    let wrong = browser
        .post("/admin/settings/sign-in", &fields("https://10.0.0.1", "x"))
        .await?;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let set = browser
        .post("/admin/settings/sign-in", &fields(world.idp.issuer(), CLIENT_SECRET))
        .await?;
    assert_eq!(set.status, 303, "{}", set.text);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let without = browser.post("/admin/settings/sign-in", &fields("", "")).await?;
    assert_eq!(without.status, 303, "{}", without.text);
    assert_eq!(world.server.call("GET", API).send().await?.json.get("oidc"), None);
    Ok(())
}
