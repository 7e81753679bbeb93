//! What others may try: forged, replayed and mixed-up answers, planted cookies, open redirects.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{FakeOpenIdProvider, Person};

use super::{World, admin, cookie_of};

/// Each part of an ID token that can be wrong, over real sockets.
#[tokio::test]
async fn each_wrong_token_is_refused_and_the_log_says_why() -> Result<()> {
    let world = World::trusting().await?;
    let now = 1_800_000_000_i64;
    for (claim, value, reason) in [
        ("iss", json!("https://evil.example"), "ID_TOKEN_ISSUER"),
        ("aud", json!("another client"), "ID_TOKEN_AUDIENCE"),
        ("aud", json!(["watchfire console", "another"]), "ID_TOKEN_AUDIENCE"),
        ("azp", json!("another client"), "ID_TOKEN_AUDIENCE"),
        ("exp", json!(now - 61), "ID_TOKEN_EXPIRED"),
        ("exp", json!(null), "ID_TOKEN_EXPIRED"),
        ("iat", json!(now + 3_600), "ID_TOKEN_ISSUED_AT"),
        ("iat", json!(now - 3_600), "ID_TOKEN_ISSUED_AT"),
        ("nonce", json!("of another request"), "ID_TOKEN_NONCE"),
        ("nonce", json!(null), "ID_TOKEN_NONCE"),
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ"), "ID_TOKEN_ACCESS_TOKEN_HASH"),
        ("sub", json!(""), "ID_TOKEN_SUBJECT"),
    ] {
        world.idp.manners(|manners| {
            manners.claims.clear();
            manners.claims.insert(claim.to_owned(), value.clone());
        });
        let refused = world.sign_in(&admin()).await?;
        assert_eq!(refused.status, 401, "{claim} {value}");
        assert!(refused.text.contains("could not be used"), "{}", refused.text);
        assert_eq!(cookie_of(&refused, "watchfire"), None);
        assert_eq!(world.last_reason().await?, reason, "{claim} {value}");
    }
    world.idp.manners(|manners| manners.claims.clear());
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_not_signed_by_the_provider_is_refused() -> Result<()> {
    let world = World::trusting().await?;
    world.idp.manners(|manners| manners.strange_key = true);
    assert_eq!(world.sign_in(&admin()).await?.status, 401);
    assert_eq!(world.last_reason().await?, "ID_TOKEN_KEY");
    let segment = |value: Value| watchfire_crypto::base64url::encode(value.to_string());
    let body = segment(json!({"iss": world.idp.issuer(), "sub": "sub-1"}));
    for (header, signature, reason) in [
        (json!({"alg": "none"}), "", "ID_TOKEN_ALGORITHM"),
        (json!({"alg": "HS256"}), "AAAA", "ID_TOKEN_ALGORITHM"),
        (json!({"alg": "PS256"}), "AAAA", "ID_TOKEN_ALGORITHM"),
        (json!({"alg": "ES256"}), "AAAA", "ID_TOKEN_SIGNATURE"),
        (
            json!({"alg": "ES256", "crit": ["b64"], "b64": false}),
            "AAAA",
            "ID_TOKEN_MALFORMED",
        ),
    ] {
        let token = format!("{}.{body}.{signature}", segment(header.clone()));
        world.idp.manners(|manners| manners.id_token = Some(token));
        assert_eq!(world.sign_in(&admin()).await?.status, 401, "{header}");
        assert_eq!(world.last_reason().await?, reason, "{header}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_works_once_and_only_in_the_browser_that_asked() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    assert_eq!(world.come_back(&back, &cookie).await?.status, 303);
    let replayed = world.come_back(&back, &cookie).await?;
    assert_eq!(
        (replayed.status, world.last_reason().await?.as_str()),
        (401, "ATTEMPT_UNKNOWN")
    );
    assert!(replayed.text.contains("Begin again"));
    // Somebody's own answer, opened in a victim's browser: with no cookie, or with that of the victim's attempt.
    let (theirs, _) = world.begin().await?;
    let (_, of_victim) = world.begin().await?;
    for cookie in ["", "__Host-watchfire-oidc=planted", &of_victim] {
        let back = world.idp.authorize(&theirs, &admin())?;
        let refused = world.come_back(&back, cookie).await?;
        assert_eq!((refused.status, cookie_of(&refused, "watchfire")), (401, None), "{cookie}");
    }
    assert_eq!(world.idp.token_calls().len(), 1, "no code of theirs was redeemed");
    for path in ["", "?state=", "?state=x&code=y", "?code=y"] {
        let refused = world
            .come_back(&format!("/admin/sign-in/oidc/callback{path}"), &of_victim)
            .await?;
        assert_eq!(refused.status, 401, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_code_that_was_used_or_stolen_gives_no_session() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let first = world.idp.authorize(&address, &admin())?;
    let code = first
        .split("code=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .context("no code")?
        .to_owned();
    // A code out of another attempt, in an answer to one's own: PKCE and the nonce are of that other one.
    let (own, own_cookie) = world.begin().await?;
    let own = world.idp.authorize(&own, &Person::verified("sub-9", "x@example.com"))?;
    let own_code = own
        .split("code=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .context("no code")?
        .to_owned();
    let injected = own.replace(&format!("code={own_code}"), &format!("code={code}"));
    assert_eq!(world.come_back(&injected, &own_cookie).await?.status, 401);
    assert_eq!(world.last_reason().await?, "TOKEN_REFUSED");
    // The code is gone at the provider: its own browser is refused too.
    assert_eq!(world.come_back(&first, &cookie).await?.status, 401);
    Ok(())
}

/// RFC 9207: the answer must be that of the provider to which the browser was sent.
#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_its_code_goes_anywhere() -> Result<()> {
    let world = World::trusting().await?;
    for (issuer, wanted) in [("https://evil.example", "RESPONSE_ISSUER"), ("", "RESPONSE_ISSUER")] {
        let (address, cookie) = world.begin().await?;
        let back = world.idp.authorize(&address, &admin())?;
        let (rest, _) = back.split_once("&iss=").context("no iss")?;
        let forged = match issuer {
            "" => rest.to_owned(),
            issuer => format!("{rest}&iss={}", issuer.replace(':', "%3A").replace('/', "%2F")),
        };
        assert_eq!(world.come_back(&forged, &cookie).await?.status, 401, "{forged}");
        assert_eq!(world.last_reason().await?, wanted);
    }
    assert_eq!(world.idp.token_calls().len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_attempt_ends_when_the_provider_is_changed_meanwhile() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    let other = FakeOpenIdProvider::start(world.server.clock.clone()).await?;
    let mut body = world.body(json!({"ownFactor": "TRUST"}));
    body["oidc"]["issuer"] = json!(other.issuer());
    assert_eq!(world.set(&body).await?.status, 200);
    assert_eq!(world.come_back(&back, &cookie).await?.status, 401);
    assert_eq!(
        (other.token_calls().len(), world.idp.token_calls().len()),
        (0, 0),
        "no code goes to the wrong one"
    );
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_planted_ends_and_the_new_one_is_fresh() -> Result<()> {
    let world = World::trusting().await?;
    let first = world.sign_in(&admin()).await?;
    let planted = cookie_of(&first, "watchfire").context("no session")?;
    let (address, attempt) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    let answer = world.come_back(&back, &format!("{attempt}; {planted}")).await?;
    let fresh = cookie_of(&answer, "watchfire").context("no session")?;
    assert_ne!(fresh, planted);
    let mut browser = world.browser();
    for (cookie, status) in [(planted, 303), (fresh, 200)] {
        browser.cookie = Some(cookie);
        assert_eq!(browser.get("/admin").await?.status, status);
    }
    Ok(())
}

#[tokio::test]
async fn the_way_back_stays_here() -> Result<()> {
    let world = World::trusting().await?;
    for next in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2Fadmin%2Fsign-in%2Foidc",
        "%2F%5Cevil.example",
    ] {
        let begun = world.browser().get(&format!("/admin/sign-in/oidc?next={next}")).await?;
        let address = begun.headers["location"].to_str()?.to_owned();
        let cookie = cookie_of(&begun, "watchfire-oidc").context("no cookie")?;
        let answer = world.come_back(&world.idp.authorize(&address, &admin())?, &cookie).await?;
        assert_eq!(
            (answer.status, answer.headers["location"].to_str()?),
            (303, "/admin"),
            "{next}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn it_takes_ten_minutes_at_the_most() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    world.server.clock.advance(Duration::from_secs(600));
    assert_eq!(world.come_back(&back, &cookie).await?.status, 401);
    assert_eq!(world.last_reason().await?, "ATTEMPT_UNKNOWN");
    Ok(())
}

#[tokio::test]
async fn attempts_and_answers_are_limited_by_address() -> Result<()> {
    let mut settings = Settings::new("https://org.example");
    settings.dev = true;
    settings.console.sign_ins_per_minute = 3;
    let world = World::over(settings, json!({"ownFactor": "TRUST"})).await?;
    let browser = world.browser();
    for _ in 0..3 {
        assert_eq!(browser.get("/admin/sign-in/oidc").await?.status, 303);
        assert_eq!(browser.get("/admin/sign-in/oidc/callback?state=x").await?.status, 401);
    }
    for path in ["/admin/sign-in/oidc", "/admin/sign-in/oidc/callback?state=x"] {
        assert_eq!(browser.get(path).await?.status, 429, "{path}");
        let other = world.server.call("GET", path).anonymous().from([198, 51, 100, 9]);
        assert_ne!(other.send().await?.status, 429, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_secret_is_in_the_log() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    assert_eq!(world.come_back(&back, &cookie).await?.status, 303);
    world.come_back(&back, &cookie).await?;
    let log = world.server.call("GET", "/api/v1/logs?limit=1000").send().await?;
    let parts = back.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('='));
    for (name, value) in parts.filter(|(name, _)| *name != "iss") {
        assert!(!log.text.contains(value), "{name}");
    }
    assert!(!log.text.contains("s3cret") && !log.text.contains(cookie.split('=').nth(1).context("no value")?));
    Ok(())
}
