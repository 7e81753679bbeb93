use std::time::Duration;

use anyhow::Result;
use watchfire_app::Clock as _;
use watchfire_crypto::digest::sha256_hex;
use watchfire_harness::TestServer;

use crate::browser::{Browser, PASSWORD};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_cookie_is_bound_to_host_and_https_and_hidden_from_scripts() -> Result<()> {
    let server = TestServer::start().await?;
    let mut browser = Browser::signed_in(&server).await?;
    let answer = browser.sign_in().await?;
    let line = answer.headers["set-cookie"].to_str()?.to_owned();
    let (pair, flags) = line.split_once("; ").unwrap_or_default();
    assert!(pair.starts_with("__Host-watchfire="), "{line}");
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Lax; Secure");
    let stored = server.call("GET", "/api/v1/logs").send().await?;
    assert!(!stored.text.contains(pair.trim_start_matches("__Host-watchfire=")));
    Ok(())
}

#[tokio::test]
async fn each_sign_in_gets_a_cookie_of_its_own_and_ends_the_one_before() -> Result<()> {
    let server = TestServer::start().await?;
    let mut browser = Browser::signed_in(&server).await?;
    // What somebody has planted before the sign-in is no session afterwards.
    browser.cookie = Some("__Host-watchfire=planted".to_owned());
    browser.sign_in().await?;
    let first = browser.cookie.clone();
    assert_ne!(first.as_deref(), Some("__Host-watchfire=planted"));
    browser.sign_in().await?;
    assert_ne!(browser.cookie, first);
    assert_eq!(browser.get("/admin").await?.status, 200);
    browser.cookie = first;
    assert_eq!(browser.get("/admin").await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_session_ends_unused_after_half_an_hour_and_in_any_case_after_twelve() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let is_in = async || Ok::<_, anyhow::Error>(browser.get("/admin/settings/administrators").await?.status == 200);
    let hash = sha256_hex(
        browser
            .cookie
            .as_deref()
            .unwrap_or_default()
            .trim_start_matches("__Host-watchfire="),
    );
    for _ in 0..24 {
        server.clock.advance(29 * MINUTE);
        assert!(is_in().await?);
        // The use is noted behind the answer.
        let noted = || {
            let directory = server.app.state().directory();
            directory
                .admin_session_by_hash(&hash)
                .is_some_and(|session| session.last_used == server.clock.now())
        };
        while !noted() {
            tokio::task::yield_now().await;
        }
    }
    // 11 h 36 min: used all the time, and yet.
    server.clock.advance(24 * MINUTE);
    assert!(!is_in().await?);
    let again = Browser { cookie: None, ..browser };
    let mut again = again;
    again.sign_in().await?;
    server.clock.advance(30 * MINUTE);
    let gone = again.get("/admin/reports/system-log?q=a").await?;
    assert_eq!(gone.status, 303);
    assert_eq!(
        gone.headers["location"],
        "/admin/sign-in?next=%2Fadmin%2Freports%2Fsystem-log%3Fq%3Da"
    );
    Ok(())
}

#[tokio::test]
async fn the_live_tail_does_not_keep_a_session_alive() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for _ in 0..2 {
        server.clock.advance(14 * MINUTE);
        assert_eq!(browser.get("/admin/reports/system-log/tail").await?.status, 200);
    }
    server.clock.advance(3 * MINUTE);
    let poll = browser
        .call("GET", "/admin/reports/system-log/tail")
        .header("hx-request", "true");
    let poll = poll.send().await?;
    assert_eq!((poll.status, poll.headers["hx-redirect"].to_str()?), (401, "/admin/sign-in"));
    Ok(())
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_ends_with_its_administrator() -> Result<()> {
    let server = TestServer::start().await?;
    let cookie = Browser::signed_in(&server).await?.cookie.unwrap_or_default();
    let server = server.restart().await?;
    let get = || server.call("GET", "/admin").anonymous().header("cookie", &cookie).send();
    assert_eq!(get().await?.status, 200);
    let me = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let id = me.text_at("/0/userId").to_owned();
    let suspended = server
        .call("POST", &format!("/api/v1/users/{id}/lifecycle/deactivate"))
        .send()
        .await?;
    assert_eq!(suspended.status, 403, "nobody switches themselves off");
    assert_eq!(get().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn signing_out_needs_the_token_of_the_session_and_ends_it() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for csrf in ["", "0000"] {
        let refused = browser.post("/admin/sign-out", &[("csrf", csrf.to_owned())]).await?;
        assert_eq!(refused.status, 403);
    }
    let csrf = browser.csrf().await?;
    let out = browser.post("/admin/sign-out", &[("csrf", csrf)]).await?;
    assert_eq!(out.status, 303);
    assert!(out.headers["set-cookie"].to_str()?.contains("Max-Age=0"));
    assert_eq!(browser.get("/admin").await?.status, 303);
    let log = server.call("GET", "/api/v1/logs?q=user.session.end").send().await?;
    assert_eq!(log.json.as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_before_anything_is_read() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let csrf = browser.csrf().await?;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let fields = [("csrf", csrf.clone())];
        let refused = browser
            .call("POST", "/admin/sign-out")
            .form(&fields)
            .header(name, value)
            .send()
            .await?;
        assert_eq!(refused.status, 403, "{name}");
        let fields = [("login", browser.login.clone()), ("password", PASSWORD.to_owned())];
        let refused = browser
            .call("POST", "/admin/sign-in")
            .form(&fields)
            .header(name, value)
            .send()
            .await?;
        assert_eq!(refused.status, 403, "{name}");
    }
    assert_eq!(browser.get("/admin").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn every_page_has_the_headers_whoever_asks() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for path in [
        "/",
        "/admin",
        "/admin/sign-in",
        "/admin/nothing",
        "/admin/reports/system-log",
        "/admin/invitations/none",
    ] {
        for answer in [browser.get(path).await?, server.call("GET", path).anonymous().send().await?] {
            let header = |name: &str| {
                answer
                    .headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
            };
            assert_eq!(
                header("content-security-policy"),
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
                "{path}"
            );
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert_eq!(header("x-frame-options"), "DENY", "{path}");
            assert_eq!(header("cache-control"), "no-store", "{path}");
            assert!(!answer.text.contains("<script>") && !answer.text.contains(" style=") && !answer.text.contains("<style"));
            assert!(!answer.text.contains(" onclick") && !answer.text.contains("hx-on"), "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_page_and_no_call_of_one_is_refused_as_a_page_with_its_headers() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    for (method, path, status) in [
        ("GET", "/admin/risk/users/%ff", 400),
        ("GET", "/admin/reports/system-log/events/%ff", 400),
        ("DELETE", "/admin/reports/system-log", 405),
        ("PUT", "/admin", 405),
        ("GET", "/admin/sign-out", 405),
        ("GET", "/admin/nothing", 404),
    ] {
        let refused = browser.call(method, path).send().await?;
        assert_eq!(refused.status, status, "{method} {path}: {}", refused.text);
        assert!(refused.text.contains("<!doctype html>"), "{method} {path}: {}", refused.text);
        let policy = refused.headers["content-security-policy"].to_str()?;
        assert!(policy.starts_with("default-src 'none'"), "{method} {path}");
        assert_eq!(refused.headers["x-frame-options"], "DENY");
    }
    Ok(())
}
