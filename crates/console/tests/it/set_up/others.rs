use anyhow::Result;
use serde_json::json;
use watchfire_harness::{SetSender, TestServer};

use super::{done, fault, id_in, send};
use crate::browser::{Browser, between};

#[tokio::test]
async fn a_token_is_shown_once_and_revoked() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let path = "/admin/settings/api-tokens";
    let bad = send(&browser, path, &[("name", "ci"), ("expires", "tomorrow")]).await?;
    assert_eq!(bad.status, 400);
    assert!(fault(&bad.text, "expires").contains("The date must be"), "{}", bad.text);
    let made = send(&browser, path, &[("name", "ci")]).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let token = between(&made.text, "data-copy>", "<").to_owned();
    let call = || {
        let authorization = format!("SSWS {token}");
        server
            .call("GET", "/api/v1/users")
            .header("authorization", &authorization)
            .send()
    };
    assert_eq!(call().await?.status, 200);
    let page = browser.get(path).await?;
    assert!(page.text.contains(">ci<") && !page.text.contains(&token), "only once");
    let row = page.text.split("<tr").find(|row| row.contains(">ci<")).unwrap_or_default();
    let id = between(row, "/admin/settings/api-tokens/", "/revoke").to_owned();
    done(&browser, &format!("{path}/{id}/revoke"), &[]).await?;
    assert_eq!(call().await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn hooks_and_workflows_are_made_with_secrets_that_stay_hidden() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let hooks = "/admin/actions/hooks";
    let fields = [
        ("name", "SIEM"),
        ("uri", "https://siem.example.com/events"),
        ("events", "user.risk.detect\nuser.session.start"),
        ("auth_header", "Authorization"),
        ("auth_value", "top secret"),
    ];
    let id = id_in(&done(&browser, hooks, &fields).await?);
    let page = browser.get(&format!("{hooks}/{id}")).await?;
    assert!(page.text.contains("Unverified") && page.text.contains("user.risk.detect") && !page.text.contains("top secret"));
    let bad = send(
        &browser,
        hooks,
        &[("name", "B"), ("uri", "https://b.example"), ("events", "no.such.event")],
    )
    .await?;
    assert_eq!(bad.status, 400);
    assert!(!fault(&bad.text, "events").is_empty(), "{}", bad.text);
    let refused = send(&browser, &format!("{hooks}/{id}/delete"), &[]).await?;
    assert_ne!(refused.status, 303, "an active hook stays");
    done(&browser, &format!("{hooks}/{id}/deactivate"), &[]).await?;
    done(&browser, &format!("{hooks}/{id}/delete"), &[]).await?;

    let workflows = "/admin/actions/workflows";
    let made = send(
        &browser,
        workflows,
        &[("name", "SOC"), ("url", "https://soc.example.com/hook")],
    )
    .await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let secret = between(&made.text, "data-copy>", "<").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let id = between(&made.text, "/admin/actions/workflows/", "/").to_owned();
    let page = browser.get(&format!("{workflows}/{id}")).await?;
    assert!(page.text.contains("https://soc.example.com/hook") && !page.text.contains("whsec_"));
    let rotated = send(&browser, &format!("{workflows}/{id}/secret"), &[]).await?;
    assert!(rotated.text.contains("whsec_") && !rotated.text.contains(&secret));
    let bad = send(&browser, workflows, &[("name", "SOC"), ("url", "nonsense")]).await?;
    assert_eq!(bad.status, 400);
    Ok(())
}

#[tokio::test]
async fn a_log_stream_is_made_changed_and_removed_and_keeps_its_secret() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let path = "/admin/settings/log-streams";
    let form = browser.get(&format!("{path}/new/SYSLOG")).await?;
    assert!(
        form.text.contains("Its private key") && form.text.contains("6514"),
        "{}",
        form.text
    );
    let bad = [
        ("name", "SIEM"),
        ("host", "10.0.0.1"),
        ("port", "6514"),
        ("facility", "13"),
        ("most", "8192"),
    ];
    let bad = send(&browser, &format!("{path}/new/SYSLOG"), &bad).await?;
    assert_eq!(bad.status, 400);
    assert!(fault(&bad.text, "host").contains("is not allowed"), "{}", bad.text);
    let fields = [
        ("name", "SIEM"),
        ("host", "log.example"),
        ("port", "6514"),
        ("facility", "13"),
        ("most", "8192"),
        ("ca", watchfire_fixtures::tls::CA),
        ("certificate", watchfire_fixtures::tls::CLIENT_CERTIFICATE),
        ("key", watchfire_fixtures::tls::CLIENT_KEY),
        ("format", "OCSF"),
        ("filter", ""),
        ("start", "NOW"),
    ];
    let made = done(&browser, &format!("{path}/new/SYSLOG"), &fields).await?;
    let id = made
        .rsplit('/')
        .next()
        .and_then(|id| id.split('?').next())
        .unwrap_or_default()
        .to_owned();
    let own = format!("{path}/{id}");
    let page = browser.get(&own).await?;
    assert!(
        page.text.contains("log.example:6514") && page.text.contains("BEGIN CERTIFICATE"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("PRIVATE"), "{}", page.text);
    let changed = [&[("name", "SIEM 2")], &fields[1..7], &fields[8..10]].concat();
    done(&browser, &own, &changed).await?;
    let kept = server.call("GET", &format!("/watchfire/v1/log-streams/{id}")).send().await?;
    assert_eq!((kept.text_at("/name"), &kept.json["hasSecret"]), ("SIEM 2", &json!(true)));
    let listed = browser.get(path).await?;
    assert!(listed.text.contains("SIEM 2") && listed.text.contains("Syslog over TLS"));
    done(&browser, &format!("{own}/deactivate"), &[]).await?;
    done(&browser, &format!("{own}/delete"), &[]).await?;
    assert!(browser.get(path).await?.text.contains("No stream yet."));
    Ok(())
}

#[tokio::test]
async fn people_and_groups_are_found_and_joined() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let evil = "<script>alert(1)</script>\u{202e}";
    for (login, name) in [("jo@example.com", "Jo"), ("evil@example.com", evil)] {
        let profile = json!({"login": login, "email": login, "firstName": name, "lastName": "L"});
        let made = server
            .call("POST", "/api/v1/users?activate=false")
            .json(&json!({"profile": profile}))
            .send()
            .await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    let people = browser.get("/admin/directory/people?q=jo").await?;
    assert!(people.text.contains("Jo L") && people.text.contains("/admin/risk/users/00u") && !people.text.contains("evil@"));
    let all = browser.get("/admin/directory/people").await?;
    assert!(
        all.text.contains("U+202E") && !all.text.contains("<script>alert"),
        "{}",
        all.text
    );
    let groups = "/admin/directory/groups";
    let id = id_in(&done(&browser, groups, &[("name", "<b>Ops</b>")]).await?);
    let own = format!("{groups}/{id}");
    done(&browser, &format!("{own}/members"), &[("user", "jo@example.com")]).await?;
    let page = browser.get(&own).await?;
    assert!(
        page.text.contains("Jo L") && page.text.contains("&#60;b&#62;Ops"),
        "{}",
        page.text
    );
    let bad = send(&browser, &format!("{own}/members"), &[("user", "nobody@example.com")]).await?;
    assert_eq!(
        (bad.status, fault(&bad.text, "member-user").as_str()),
        (400, "Nobody has this login.")
    );
    let user = between(&page.text, "/members/", "/removed").to_owned();
    done(&browser, &format!("{own}/members/{user}/removed"), &[]).await?;
    assert!(browser.get(&own).await?.text.contains("Nobody is in this group"));
    done(&browser, &format!("{own}/delete"), &[]).await?;
    Ok(())
}

#[tokio::test]
async fn a_provider_is_made_in_both_ways_and_its_connection_is_tested() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let (list, new) = (
        "/admin/security/device-integrations",
        "/admin/security/device-integrations/new",
    );
    let first = browser.get(new).await?;
    assert!(first.text.contains("Google RISC") && first.text.contains("profile=standard"));
    assert_eq!(browser.get(&format!("{new}?profile=standard")).await?.status, 200);
    // Loopback is not a place for a vendor: the fault is told at its field, and what was typed stays.
    let fields = [
        ("profile", "standard"),
        ("name", "Acme"),
        ("type", "acme-edr"),
        ("way", "well-known"),
        ("well_known_url", "https://127.0.0.1/.well-known/ssf-configuration"),
    ];
    for word in ["test", "save"] {
        let mut fields = fields.to_vec();
        fields.push(("do", word));
        let answer = send(&browser, new, &fields).await?;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(fault(&answer.text, "well_known_url").contains("not valid"), "{}", answer.text);
        assert!(answer.text.contains("value=\"Acme\""));
    }
    let fields = [
        ("profile", "standard"),
        ("name", "Acme"),
        ("type", "acme-edr"),
        ("way", "keys"),
        ("well_known_url", "ignored"),
        ("issuer", "https://issuer.example"),
        ("jwks_url", "https://issuer.example/jwks"),
    ];
    let id = id_in(&done(&browser, new, &fields).await?);
    let own = format!("{list}/{id}");
    let profile = server
        .call("GET", &format!("/watchfire/v1/security-events-providers/{id}/profile"))
        .send()
        .await?;
    assert_eq!(profile.text_at("/profile"), "standard");
    let fields = [
        ("profile", "standard"),
        ("algorithms", "ES256"),
        ("domains", "example.com\nexample.net"),
    ];
    done(&browser, &format!("{own}/profile"), &fields).await?;
    let page = browser.get(&own).await?;
    assert!(page.text.contains("example.com\nexample.net") && page.text.contains("Its events in the System Log"));
    let tested = send(&browser, &format!("{own}/test"), &[]).await?;
    assert!(tested.text.contains("The keys cannot be had"), "{}", tested.text);
    done(&browser, &format!("{own}/deactivate"), &[]).await?;
    done(&browser, &format!("{own}/delete"), &[]).await?;
    assert!(browser.get(list).await?.text.contains("Nobody shares signals yet"));
    Ok(())
}

#[tokio::test]
async fn the_queue_of_approvals_says_that_nothing_waits() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    assert!(
        browser
            .get("/admin/actions/queue")
            .await?
            .text
            .contains("Nothing waits for a person")
    );
    assert!(
        browser
            .get("/admin/actions/queue?state=DONE")
            .await?
            .text
            .contains("There is none")
    );
    assert!(
        browser
            .get("/admin/actions/dead-letters")
            .await?
            .text
            .contains("No dead letter")
    );
    assert_eq!(browser.get("/admin/actions/queue/act0").await?.status, 404);
    let gone = send(&browser, "/admin/actions/queue/act0/decide", &[("decision", "approve")]).await?;
    assert_eq!(gone.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_connection_test_shows_what_was_fetched_and_keeps_nothing() -> Result<()> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let browser = Browser::signed_in(&server).await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let path = format!("/api/v1/security-events-providers/{}", sender.provider_id);
    let known = server.call("GET", &path).send().await?;
    let jwks_url = known.text_at("/settings/jwks_url");
    let kid = sender.key.public_jwk()["kid"].as_str().unwrap_or_default().to_owned();
    let new = "/admin/security/device-integrations/new";
    let fields = [
        ("profile", "okta"),
        ("way", "keys"),
        ("issuer", "https://other.example"),
        ("jwks_url", jwks_url),
        ("do", "test"),
    ];
    let tested = send(&browser, new, &fields).await?;
    assert_eq!(tested.status, 200, "{}", tested.text);
    assert!(tested.text.contains("tokens that these keys sign are accepted") && tested.text.contains(&kid));
    sender.publish(&[json!({"kty": "oct", "k": "AAAA", "kid": "shared"})]).await;
    let tested = send(&browser, new, &fields).await?;
    assert!(
        tested.text.contains("no key of the set can be used") && tested.text.contains("shared"),
        "{}",
        tested.text
    );
    sender.publish(&[sender.key.public_jwk()]).await;
    let of_provider = format!("/admin/security/device-integrations/{}/test", sender.provider_id);
    assert!(
        send(&browser, &of_provider, &[])
            .await?
            .text
            .contains("tokens that these keys sign are accepted")
    );
    let all = server.call("GET", "/api/v1/security-events-providers").send().await?;
    assert_eq!(all.json.as_array().map(Vec::len), Some(1), "a test keeps nothing");
    Ok(())
}

#[tokio::test]
async fn an_app_is_told_of_ended_sessions_where_its_form_says() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let app = watchfire_harness::ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let path = format!("/admin/security/apps/{}/universal-logout", app.id);
    let before = browser.get(&path).await?;
    assert!(before.text.contains("the app is not told"), "{}", before.text);
    assert!(!before.text.contains(&format!("{path}/delete")));
    let bad = send(&browser, &path, &[("url", "ftp://app.example"), ("subjectFormat", "iss_sub")]).await?;
    assert_eq!(bad.status, 400);
    assert!(!fault(&bad.text, "url").is_empty(), "{}", bad.text);
    let fields = [
        ("url", "https://app.example/revoke"),
        ("subjectFormat", "email"),
        ("audience", ""),
    ];
    done(&browser, &path, &fields).await?;
    let page = browser.get(&path).await?;
    assert!(
        page.text.contains("https://app.example/revoke") && page.text.contains("value=\"email\" selected"),
        "{}",
        page.text
    );
    done(&browser, &format!("{path}/delete"), &[]).await?;
    assert!(browser.get(&path).await?.text.contains("the app is not told"));
    assert_eq!(
        browser.get("/admin/security/apps/0oanone/universal-logout").await?.status,
        404
    );
    Ok(())
}
