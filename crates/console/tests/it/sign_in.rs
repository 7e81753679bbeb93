use anyhow::{Context as _, Result};
use watchfire_harness::TestServer;

use crate::browser::{Browser, LOGIN, PASSWORD, between};

#[tokio::test]
async fn the_first_link_leads_to_the_console() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.get("/admin").await?;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("First Administrator") && page.text.contains("Super administrator"));
    let log = server
        .call("GET", "/api/v1/logs?filter=actor.alternateId+eq+%22admin@watchfire.local%22")
        .send()
        .await?;
    let types: Vec<&str> = log
        .json
        .as_array()
        .context("no list")?
        .iter()
        .filter_map(|event| event["eventType"].as_str())
        .collect();
    assert_eq!(
        types,
        [
            "user.account.update_password",
            "user.mfa.factor.activate",
            "user.authentication.auth_via_mfa",
            "user.session.start",
            "user.session.access_admin_app"
        ]
    );
    assert_eq!(log.json[3]["client"]["ipAddress"], "198.51.100.2");
    Ok(())
}

#[tokio::test]
async fn a_link_works_once_and_is_not_in_the_log() -> Result<()> {
    let server = TestServer::start().await?;
    let token = server.first_invitation().context("no link")?.to_owned();
    Browser::invited(&server, &token, LOGIN).await?;
    let again = server
        .call("GET", &format!("/admin/invitations/{token}"))
        .anonymous()
        .send()
        .await?;
    assert_eq!(again.status, 404);
    let log = server.call("GET", "/api/v1/logs").send().await?;
    assert!(!log.text.contains(&token));
    let server = server.restart().await?;
    assert_eq!(server.first_invitation(), None, "somebody has accepted one");
    Ok(())
}

#[tokio::test]
async fn a_new_start_makes_a_new_link_until_one_was_accepted() -> Result<()> {
    let server = TestServer::start().await?;
    let old = server.first_invitation().context("no link")?.to_owned();
    let server = server.restart().await?;
    let new = server.first_invitation().context("no link")?.to_owned();
    for (token, status) in [(&old, 404), (&new, 200)] {
        let path = format!("/admin/invitations/{token}");
        assert_eq!(server.call("GET", &path).anonymous().send().await?.status, status);
    }
    Ok(())
}

#[tokio::test]
async fn a_link_ends_and_its_form_says_what_is_wrong() -> Result<()> {
    let server = TestServer::start().await?;
    let path = format!("/admin/invitations/{}", server.first_invitation().context("no link")?);
    let browser = Browser {
        server: &server,
        cookie: None,
        secret: Vec::new(),
        login: LOGIN.to_owned(),
    };
    let page = browser.get(&path).await?;
    for (password, fault) in [
        ("short", "12 characters"),
        (LOGIN, "must not be the user name"),
        (PASSWORD, "The code does not fit"),
    ] {
        let answer = browser.accept(&page, &path, password, "000000").await?;
        assert_eq!(answer.status, 400, "{password}");
        assert!(answer.text.contains(fault), "{}", answer.text);
        assert_eq!(
            between(&answer.text, "class=\"wide\">", "<"),
            between(&page.text, "class=\"wide\">", "<")
        );
    }
    server.clock.advance(std::time::Duration::from_secs(72 * 3_600));
    assert_eq!(browser.get(&path).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_unknown_name_is_answered_like_a_wrong_password() -> Result<()> {
    let server = TestServer::start().await?;
    let mut browser = Browser::signed_in(&server).await?;
    browser.cookie = None;
    let wrong = browser.password("not the password").await?;
    browser.login = "nobody@example.com".to_owned();
    let unknown = browser.password(PASSWORD).await?;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    let same = |text: &str| text.replace(LOGIN, "").replace("nobody@example.com", "");
    assert_eq!(same(&wrong.text), same(&unknown.text));
    let log = server
        .call(
            "GET",
            "/api/v1/logs?filter=eventType+eq+%22user.session.start%22+and+outcome.result+eq+%22FAILURE%22",
        )
        .send()
        .await?;
    assert_eq!(log.json.as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_code_works_once_and_five_wrong_ones_make_one_wait() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.password(PASSWORD).await?;
    // The one that this session was begun with.
    let used = browser.give_code(&page, &browser.code()).await?;
    assert_eq!(used.status, 401);
    for _ in 0..4 {
        assert_eq!(browser.give_code(&page, "000000").await?.status, 401);
    }
    server.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(browser.give_code(&page, &browser.code()).await?.status, 429);
    server.clock.advance(std::time::Duration::from_secs(15 * 60));
    let page = browser.password(PASSWORD).await?;
    assert_eq!(browser.give_code(&page, &browser.code()).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn the_second_step_must_follow_within_five_minutes() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.password(PASSWORD).await?;
    server.clock.advance(std::time::Duration::from_secs(5 * 60));
    let late = browser.give_code(&page, &browser.code()).await?;
    assert_eq!(late.status, 401);
    assert!(late.text.contains("took too long"));
    Ok(())
}

#[tokio::test]
async fn attempts_are_limited_by_address() -> Result<()> {
    let mut settings = watchfire_app::Settings::new("https://org.example");
    settings.logins_per_second = 0;
    settings.console.sign_ins_per_minute = 3;
    let server = TestServer::start_with(settings).await?;
    let attempt = |ip: [u8; 4]| {
        let fields = [("login", "jo".to_owned()), ("password", "x".to_owned())];
        server
            .call("POST", "/admin/sign-in")
            .anonymous()
            .form(&fields)
            .from(ip)
            .send()
    };
    for _ in 0..3 {
        assert_eq!(attempt([198, 51, 100, 2]).await?.status, 401);
    }
    assert_eq!(attempt([198, 51, 100, 2]).await?.status, 429);
    assert_eq!(attempt([198, 51, 100, 3]).await?.status, 401);
    Ok(())
}
