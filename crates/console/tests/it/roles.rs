use anyhow::{Context as _, Result};
use serde_json::json;
use watchfire_harness::TestServer;

use crate::browser::{Browser, between};

/// Somebody whom the first administrator has invited with this role.
pub(crate) async fn with_role<'s>(server: &'s TestServer, login: &str, role: &str) -> Result<Browser<'s>> {
    let made = server
        .call("POST", "/watchfire/v1/administrators")
        .json(&json!({"login": login, "role": role}))
        .send()
        .await?;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.text_at("/status"), "INVITED");
    let token = made.text_at("/invitation").rsplit('/').next().context("no link")?.to_owned();
    let mut browser = Browser::invited(server, &token, login).await?;
    browser.sign_in().await?;
    Ok(browser)
}

#[tokio::test]
async fn the_api_enforces_the_role_of_the_consoles_session() -> Result<()> {
    let server = TestServer::start().await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let analyst = with_role(&server, "analyst@example.com", "SECURITY_ANALYST").await?;
    let all = with_role(&server, "all@example.com", "SUPER_ADMIN").await?;
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "192.0.2.0/24"}]});
    let nobody = "/api/v1/users/00unobody00000000000";
    for (method, path, body, [read_only, analysts, super_admins]) in [
        ("GET", "/api/v1/logs".to_owned(), json!(null), [200, 200, 200]),
        ("GET", "/api/v1/users".to_owned(), json!(null), [200, 200, 200]),
        ("GET", "/watchfire/v1/receipts".to_owned(), json!(null), [200, 200, 200]),
        ("GET", "/watchfire/v1/administrators".to_owned(), json!(null), [200, 200, 200]),
        ("DELETE", format!("{nobody}/sessions"), json!(null), [403, 404, 404]),
        (
            "POST",
            "/watchfire/v1/actions/act0/approve".to_owned(),
            json!({}),
            [403, 404, 404],
        ),
        ("POST", "/api/v1/zones".to_owned(), zone, [403, 403, 200]),
        ("POST", "/api/v1/risk/events/ip".to_owned(), json!([]), [403, 403, 400]),
        (
            "POST",
            "/watchfire/v1/api-tokens".to_owned(),
            json!({"name": "mine"}),
            [403, 403, 201],
        ),
        (
            "POST",
            "/watchfire/v1/administrators".to_owned(),
            json!({"login": "new@example.com", "role": "READ_ONLY"}),
            [403, 403, 201],
        ),
    ] {
        for (browser, status) in [(&reader, read_only), (&analyst, analysts), (&all, super_admins)] {
            let call = browser.api(method, &path).await?;
            let call = if body.is_null() { call } else { call.json(&body) };
            let answer = call.send().await?;
            assert_eq!(answer.status, status, "{} {method} {path}: {}", browser.login, answer.text);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_call_with_the_cookie_alone_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    assert_eq!(browser.get("/api/v1/logs").await?.status, 403);
    let wrong = browser
        .call("GET", "/api/v1/logs")
        .header("x-watchfire-csrf", "0")
        .send()
        .await?;
    assert_eq!(wrong.status, 403);
    let unknown = browser
        .call("GET", "/api/v1/logs")
        .header("cookie", "__Host-watchfire=none")
        .send()
        .await?;
    assert_eq!(unknown.status, 401);
    assert_eq!(browser.api("GET", "/api/v1/logs").await?.send().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_token_shrinks_with_the_role_of_its_administrator() -> Result<()> {
    let server = TestServer::start().await?;
    let second = with_role(&server, "second@example.com", "SUPER_ADMIN").await?;
    let made = second
        .api("POST", "/watchfire/v1/api-tokens")
        .await?
        .json(&json!({"name": "mine"}))
        .send()
        .await?;
    let token = format!("SSWS {}", made.text_at("/token"));
    let all = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let of = |login: &str| {
        let mut rows = all.json.as_array().into_iter().flatten();
        let row = rows.find(|row| row["login"] == login);
        row.and_then(|row| row["userId"].as_str()).unwrap_or_default().to_owned()
    };
    let path = format!("/watchfire/v1/administrators/{}", of("second@example.com"));
    let own = second
        .api("PUT", &path)
        .await?
        .json(&json!({"role": "READ_ONLY"}))
        .send()
        .await?;
    assert_eq!(own.status, 403, "nobody changes their own role");
    let changed = server.call("PUT", &path).json(&json!({"role": "READ_ONLY"})).send().await?;
    assert_eq!(changed.text_at("/role"), "READ_ONLY");
    let with_token = |method, path| server.call(method, path).header("authorization", &token);
    assert_eq!(with_token("GET", "/api/v1/users").send().await?.status, 200);
    let refused = with_token("POST", "/watchfire/v1/api-tokens")
        .json(&json!({"name": "more"}))
        .send()
        .await?;
    assert_eq!(refused.status, 403);
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(with_token("GET", "/api/v1/users").send().await?.status, 401);
    assert_eq!(second.get("/admin").await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_role_that_nobody_has_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    for body in [
        json!({"login": "a@example.com"}),
        json!({"login": "a@example.com", "role": "ROOT"}),
        json!({"role": "READ_ONLY"}),
    ] {
        let answer = server.call("POST", "/watchfire/v1/administrators").json(&body).send().await?;
        assert_eq!((answer.status, answer.error().0), (400, "E0000001"), "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn the_page_of_administrators_invites_and_a_reader_only_reads() -> Result<()> {
    let server = TestServer::start().await?;
    let first = Browser::signed_in(&server).await?;
    let fields = |csrf: String| {
        [
            ("csrf", csrf),
            ("login", "al@example.com".to_owned()),
            ("role", "READ_ONLY".to_owned()),
        ]
    };
    let path = "/admin/settings/administrators";
    assert_eq!(first.post(path, &fields("0".to_owned())).await?.status, 403);
    let page = first.post(path, &fields(first.csrf().await?)).await?;
    assert_eq!(page.status, 200, "{}", page.text);
    let token = between(&page.text, "/admin/invitations/", "<").to_owned();
    let mut al = Browser::invited(&server, &token, "al@example.com").await?;
    al.sign_in().await?;
    let seen = al.get(path).await?;
    assert!(seen.text.contains("al@example.com") && !seen.text.contains("Make a link"));
    assert_eq!(al.post(path, &fields(al.csrf().await?)).await?.status, 403);
    Ok(())
}
