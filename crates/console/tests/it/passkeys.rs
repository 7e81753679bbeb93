//! Passkeys: making, signing in alone and as the second step, and what a wrong one gets.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{Answer, Authenticator, TestServer};

use crate::{
    browser::{Browser, LOGIN, PASSWORD, field},
    oidc::{World, admin, cookie_of},
    roles::with_role,
};

const PAGE: &str = "/admin/settings/passkeys";
const ORIGIN: &str = "https://org.example";

async fn add(browser: &Browser<'_>, device: &mut Authenticator, name: &str) -> Result<Answer> {
    let csrf = [("csrf", browser.csrf().await?)];
    let options = browser.post("/admin/settings/passkeys/options", &csrf).await?;
    ensure!(options.status == 200, "{}", options.text);
    let [(_, csrf)] = csrf;
    let fields = [
        ("csrf", csrf),
        ("name", name.to_owned()),
        ("credential", device.create(&options.json)?),
    ];
    browser.post(PAGE, &fields).await
}

/// What the browser is asked to show.
async fn options(server: &TestServer) -> Result<Value> {
    let call = server.call("POST", "/admin/sign-in/passkey/options").anonymous();
    let asked = call.form(&[]).send().await?;
    ensure!(asked.status == 200, "{}", asked.text);
    Ok(asked.json)
}

async fn show(server: &TestServer, credential: String, pending: &str) -> Result<Answer> {
    let fields = [
        ("credential", credential),
        ("pending", pending.to_owned()),
        ("next", "/admin/risk/users".to_owned()),
    ];
    server
        .call("POST", "/admin/sign-in/passkey")
        .anonymous()
        .form(&fields)
        .send()
        .await
}

async fn last_reason(server: &TestServer) -> Result<String> {
    let path = "/api/v1/logs?filter=eventType+eq+%22user.authentication.auth_via_mfa%22+and+outcome.result+eq+%22FAILURE%22";
    let log = server.call("GET", path).send().await?;
    let last = log
        .json
        .as_array()
        .and_then(|events| events.last())
        .context("nothing was logged")?;
    Ok(last["outcome"]["reason"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_passkey_is_made_and_signs_in_alone() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    let made = add(&browser, &mut device, "Laptop").await?;
    assert_eq!(
        (made.status, made.headers["location"].to_str()?),
        (303, "/admin/settings/passkeys?done=made")
    );
    assert!(browser.get(PAGE).await?.text.contains("Laptop"));
    let again = add(&browser, &mut device, "Twice").await?;
    assert!(
        again.status == 400 && again.text.contains("registered already"),
        "{}",
        again.text
    );
    let options = options(&server).await?;
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], json!([]), "nobody learns who has one");
    let answer = show(&server, device.get(&options)?, "").await?;
    assert_eq!(
        (answer.status, answer.headers["location"].to_str()?),
        (303, "/admin/risk/users"),
        "{}",
        answer.text
    );
    let other = Browser {
        server: &server,
        cookie: cookie_of(&answer, "watchfire"),
        secret: Vec::new(),
        login: LOGIN.to_owned(),
    };
    assert_eq!(other.get("/admin").await?.status, 200);
    let listed = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let path = format!("/watchfire/v1/administrators/{}/passkeys", listed.text_at("/0/userId"));
    let own = server.call("GET", &path).send().await?;
    assert_eq!(
        (own.text_at("/0/name"), own.text_at("/0/lastUsed").is_empty()),
        ("Laptop", false)
    );
    let csrf = [("csrf", browser.csrf().await?)];
    let removed = browser
        .post(&format!("{PAGE}/{}/remove", own.text_at("/0/id")), &csrf)
        .await?;
    assert_eq!(removed.status, 303, "{}", removed.text);
    let gone = show(&server, device.get(&self::options(&server).await?)?, "").await?;
    assert_eq!((gone.status, last_reason(&server).await?.as_str()), (401, "PASSKEY_UNKNOWN"));
    Ok(())
}

#[tokio::test]
async fn each_wrong_assertion_is_refused_and_the_log_says_why() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    device.counter = 5;
    assert_eq!(add(&browser, &mut device, "Laptop").await?.status, 303);
    // Another device that calls its key by the same name: the signature is not that of the key.
    let mut other = Authenticator::new(ORIGIN, 1)?;
    other.counter = 6;
    let shown = other.get(&options(&server).await?)?;
    assert_eq!(show(&server, shown, "").await?.status, 401);
    assert_eq!(last_reason(&server).await?, "PASSKEY_NOT_VERIFIED");
    for (what, reason) in [
        ("count", "PASSKEY_COUNTER"),
        ("unverified", "PASSKEY_USER_NOT_VERIFIED"),
        ("origin", "PASSKEY_NOT_VERIFIED"),
        ("site", "PASSKEY_NOT_VERIFIED"),
        ("handle", "PASSKEY_OF_ANOTHER"),
    ] {
        device.counter = if what == "count" { 5 } else { 9 };
        device.verifies_user = what != "unverified";
        device.origin = if what == "origin" {
            "https://org.example.evil"
        } else {
            ORIGIN
        }
        .to_owned();
        device.rp_id = if what == "site" { "evil.example" } else { "org.example" }.to_owned();
        if what == "handle" {
            device.claim("00uSomebodyElse00000");
        }
        let shown = device.get(&options(&server).await?)?;
        assert_eq!(show(&server, shown, "").await?.status, 401, "{what}");
        assert_eq!(last_reason(&server).await?, reason, "{what}");
    }
    for shown in ["", "{}", "[]", "nonsense"] {
        assert_eq!(show(&server, shown.to_owned(), "").await?.status, 401, "{shown}");
        assert_eq!(last_reason(&server).await?, "PASSKEY_MALFORMED");
    }
    Ok(())
}

#[tokio::test]
async fn a_challenge_has_one_answer_and_five_minutes() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    assert_eq!(add(&browser, &mut device, "Laptop").await?.status, 303);
    let asked = options(&server).await?;
    let shown = device.get(&asked)?;
    assert_eq!(show(&server, shown.clone(), "").await?.status, 303);
    assert_eq!(show(&server, shown, "").await?.status, 401, "replayed");
    assert_eq!(last_reason(&server).await?, "PASSKEY_CHALLENGE");
    let asked = options(&server).await?;
    server.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(show(&server, device.get(&asked)?, "").await?.status, 401, "too late");
    let made_up = json!({"challenge": "AAAA"});
    assert_eq!(show(&server, device.get(&made_up)?, "").await?.status, 401, "never asked");
    Ok(())
}

#[tokio::test]
async fn a_passkey_is_the_second_step_of_its_owner_only() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    assert_eq!(add(&browser, &mut device, "Laptop").await?.status, 303);
    let analyst = with_role(&server, "al@example.com", "SECURITY_ANALYST").await?;
    let mut theirs = Authenticator::new(ORIGIN, 2)?;
    assert_eq!(add(&analyst, &mut theirs, "Phone").await?.status, 303);
    let page = browser.password(PASSWORD).await?;
    let pending = field(&page.text, "pending");
    let other = show(&server, theirs.get(&options(&server).await?)?, &pending).await?;
    assert_eq!(
        (other.status, last_reason(&server).await?.as_str()),
        (401, "PASSKEY_OF_ANOTHER")
    );
    let own = show(&server, device.get(&options(&server).await?)?, &pending).await?;
    assert_eq!(own.status, 303, "{}", own.text);
    server.clock.advance(std::time::Duration::from_secs(301));
    let late = show(&server, device.get(&options(&server).await?)?, &pending).await?;
    assert!(late.status == 401 && late.text.contains("took too long"), "{}", late.text);
    Ok(())
}

#[tokio::test]
async fn at_a_provider_a_passkey_is_the_second_step_and_alone_it_is_not_enough_without_passwords() -> Result<()> {
    let world = World::with(json!({})).await?;
    let browser = Browser::signed_in(&world.server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    assert_eq!(add(&browser, &mut device, "Laptop").await?.status, 303);
    assert_eq!(world.set(&world.body(json!({"password": false}))).await?.status, 200);
    let alone = show(&world.server, device.get(&options(&world.server).await?)?, "").await?;
    assert_eq!(
        (alone.status, last_reason(&world.server).await?.as_str()),
        (401, "PASSKEY_NOT_ALLOWED")
    );
    let page = world.sign_in(&admin()).await?;
    let pending = field(&page.text, "pending");
    let both = show(&world.server, device.get(&options(&world.server).await?)?, &pending).await?;
    assert_eq!(both.status, 303, "{}", both.text);
    assert_eq!(world.events("user.identity_link.create").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_new_invitation_takes_the_old_passkeys_away() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    assert_eq!(add(&browser, &mut device, "Lost phone").await?.status, 303);
    let invite = json!({"login": LOGIN, "role": "SUPER_ADMIN"});
    let made = server
        .call("POST", "/watchfire/v1/administrators")
        .json(&invite)
        .send()
        .await?;
    assert_eq!(
        show(&server, device.get(&options(&server).await?)?, "").await?.status,
        303,
        "not used yet"
    );
    let token = made.text_at("/invitation").rsplit('/').next().unwrap_or_default().to_owned();
    Browser::invited(&server, &token, LOGIN).await?;
    assert_eq!(show(&server, device.get(&options(&server).await?)?, "").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn passkeys_are_made_with_the_sessions_token_and_taken_away_by_those_who_may() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let mut device = Authenticator::new(ORIGIN, 1)?;
    assert_eq!(browser.post("/admin/settings/passkeys/options", &[]).await?.status, 403);
    let anonymous = server.call("POST", "/admin/settings/passkeys/options").anonymous();
    assert_eq!(anonymous.form(&[]).send().await?.status, 303, "to the sign-in");
    assert_eq!(add(&browser, &mut device, "Laptop").await?.status, 303);
    // What one administrator was asked for is no answer of another's.
    let analyst = with_role(&server, "al@example.com", "SECURITY_ANALYST").await?;
    let csrf = [("csrf", browser.csrf().await?)];
    let asked = browser.post("/admin/settings/passkeys/options", &csrf).await?;
    let mut theirs = Authenticator::new(ORIGIN, 2)?;
    let fields = [
        ("csrf", analyst.csrf().await?),
        ("name", "Stolen".to_owned()),
        ("credential", theirs.create(&asked.json)?),
    ];
    assert_eq!(analyst.post(PAGE, &fields).await?.status, 400);
    let unverified = {
        theirs.verifies_user = false;
        add(&analyst, &mut theirs, "No PIN").await?
    };
    assert!(
        unverified.status == 400 && unverified.text.contains("could not be verified"),
        "{}",
        unverified.text
    );
    let listed = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let path = format!("/watchfire/v1/administrators/{}/passkeys", listed.text_at("/0/userId"));
    let id = server.call("GET", &path).send().await?.text_at("/0/id").to_owned();
    let refused = analyst.api("DELETE", &format!("{path}/{id}")).await?.send().await?;
    assert_eq!(refused.status, 403);
    assert_eq!(server.call("DELETE", &format!("{path}/{id}")).send().await?.status, 204);
    assert_eq!(server.call("DELETE", &format!("{path}/{id}")).send().await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn attempts_with_passkeys_are_limited_and_an_address_has_none() -> Result<()> {
    let mut settings = Settings::new(ORIGIN);
    settings.console.sign_ins_per_minute = 3;
    let server = TestServer::start_with(settings).await?;
    for _ in 0..3 {
        options(&server).await?;
        assert_eq!(show(&server, "{}".to_owned(), "").await?.status, 401);
    }
    let call = server.call("POST", "/admin/sign-in/passkey/options").anonymous();
    assert_eq!(call.form(&[]).send().await?.status, 429);
    assert_eq!(show(&server, "{}".to_owned(), "").await?.status, 429);
    let server = TestServer::start_with(Settings::new("https://192.0.2.1")).await?;
    assert!(!server.app.takes_passkeys());
    let page = server.call("GET", "/admin/sign-in").anonymous().send().await?;
    assert!(!page.text.contains("data-passkey"));
    Ok(())
}
