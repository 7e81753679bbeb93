use anyhow::{Context as _, Result};
use serde_json::json;
use watchfire_harness::{Answer, TestServer};

use crate::{
    browser::{Browser, between},
    roles::with_role,
};

const JO: &str = "jo@example.com";
const PASSWORD: &str = "correct horse";
const HOME: [u8; 4] = [203, 0, 113, 7];
const EVIL: &str = "<script>alert(1)</script>\u{202e}\"'><img src=x>";

async fn user(server: &TestServer, login: &str, first: &str) -> Result<String> {
    let profile = json!({"firstName": first, "lastName": "Lin", "email": login, "login": login});
    let body = json!({"profile": profile, "credentials": {"password": {"value": PASSWORD}}});
    let made = server.call("POST", "/api/v1/users?activate=true").json(&body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(made.text_at("/id").to_owned())
}

/// Signs in from `HOME`; gives the sign-in's id.
async fn sign_in(server: &TestServer, user: &str) -> Result<String> {
    let body = json!({"username": JO, "password": PASSWORD});
    let call = server.call("POST", "/api/v1/authn").anonymous().from(HOME);
    let answer = call.header("user-agent", "Test/1.0").json(&body).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let listed = server
        .call("GET", &format!("/watchfire/v1/sign-ins?userId={user}"))
        .send()
        .await?;
    Ok(listed.text_at("/0/id").to_owned())
}

/// A session of somebody who has just signed in.
async fn session(server: &TestServer) -> Result<()> {
    let body = json!({"username": JO, "password": PASSWORD});
    let call = server.call("POST", "/api/v1/authn").anonymous().from(HOME);
    let answer = call.json(&body).send().await?;
    let token = json!({"sessionToken": answer.text_at("/sessionToken")});
    let made = server.call("POST", "/api/v1/sessions").json(&token).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(())
}

async fn set_risk(server: &TestServer, user: &str, level: &str) -> Result<()> {
    let body = json!({"riskLevel": level});
    let set = server
        .call("PUT", &format!("/api/v1/users/{user}/risk"))
        .json(&body)
        .send()
        .await?;
    assert!(matches!(set.status, 200 | 201), "{}", set.text);
    Ok(())
}

async fn provider_says(server: &TestServer, level: &str) -> Result<()> {
    let listed = server.call("GET", "/api/v1/risk/providers").send().await?;
    let id = listed.text_at("/0/id");
    let body = json!({"name": "Acme <b>Feed</b>", "clientId": "null", "action": "enforce_and_log"});
    let changed = server
        .call("PUT", &format!("/api/v1/risk/providers/{id}"))
        .json(&body)
        .send()
        .await?;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let events = json!([{"subjects": [{"ip": "203.0.113.7", "riskLevel": level, "message": "Credential stuffing node"}]}]);
    let sent = server.call("POST", "/api/v1/risk/events/ip").json(&events).send().await?;
    assert_eq!(sent.status, 202, "{}", sent.text);
    Ok(())
}

fn assert_harmless(page: &Answer) {
    assert!(
        !page.text.contains("<script>alert") && !page.text.contains("<img src=x"),
        "{}",
        page.text
    );
    assert!(!page.text.contains('\u{202e}') && !page.text.contains("Acme <b>"));
}

/// What a form with a button of this name sends, beside its token.
async fn press(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
    let mut sent = vec![("csrf", browser.csrf().await?)];
    sent.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    browser.post(path, &sent).await
}

#[tokio::test]
async fn users_at_risk_are_listed_the_worst_first_and_found_by_login() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.get("/admin/risk/users").await?;
    assert!(page.text.contains("Nobody is at risk."), "{}", page.text);
    let jo = user(&server, JO, EVIL).await?;
    let al = user(&server, "al@example.com", "Al").await?;
    user(&server, "kim@example.com", "Kim").await?;
    set_risk(&server, &jo, "MEDIUM").await?;
    set_risk(&server, &al, "HIGH").await?;
    let page = browser.get("/admin/risk/users").await?;
    let place = |login: &str| page.text.find(login).context(login.to_owned());
    assert!(place("al@example.com")? < place(JO)?);
    assert!(!page.text.contains("kim@example.com") && page.text.contains("1 HIGH"));
    assert_harmless(&page);
    let high = browser.get("/admin/risk/users?level=HIGH").await?;
    assert!(high.text.contains("al@example.com") && !high.text.contains(JO));
    let found = browser.get("/admin/risk/users?login=KI").await?;
    assert!(found.text.contains("kim@example.com") && found.text.contains(">NONE<"));
    let none = browser.get("/admin/risk/users?login=%3Cscript%3E").await?;
    assert!(none.text.contains("No user name begins with") && !none.text.contains("<script>"));
    Ok(())
}

#[tokio::test]
async fn a_users_page_tells_why_and_an_analyst_ends_the_sessions() -> Result<()> {
    let server = TestServer::start().await?;
    let jo = user(&server, JO, EVIL).await?;
    let sign_in = sign_in(&server, &jo).await?;
    session(&server).await?;
    set_risk(&server, &jo, "HIGH").await?;
    let analyst = with_role(&server, "an@example.com", "SECURITY_ANALYST").await?;
    let path = format!("/admin/risk/users/{jo}");
    let page = analyst.get(&path).await?;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_harmless(&page);
    for told in [
        "An administrator set the level",
        "it stays until it is cleared",
        "an administrator clears it",
        "End all sessions",
        "Changes of the level",
        &format!("/admin/risk/sign-ins/{sign_in}"),
        "/admin/risk/addresses/203.0.113.7",
        "What the user did",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    assert!(!page.text.contains(">Clear<"), "clearing causes is not the analyst's");
    assert_eq!(
        analyst
            .post(&format!("{path}/end-sessions"), &[("csrf", "0".to_owned())])
            .await?
            .status,
        403
    );
    let ended = press(&analyst, &format!("{path}/end-sessions"), &[]).await?;
    assert_eq!(
        (ended.status, ended.headers["location"].to_str()?),
        (303, format!("{path}?done=ended").as_str())
    );
    let page = analyst.get(&format!("{path}?done=ended")).await?;
    assert!(page.text.contains("All sessions of this user were ended.") && page.text.contains("No session of this user"));
    let cleared = server
        .call("GET", "/api/v1/logs?filter=eventType+eq+%22user.session.clear%22")
        .send()
        .await?;
    assert_eq!(cleared.text_at("/0/actor/alternateId"), "an@example.com");
    Ok(())
}

#[tokio::test]
async fn causes_are_cleared_and_a_level_is_set_by_those_who_may() -> Result<()> {
    let server = TestServer::start().await?;
    let jo = user(&server, JO, "Jo").await?;
    set_risk(&server, &jo, "HIGH").await?;
    let admin = Browser::signed_in(&server).await?;
    let path = format!("/admin/risk/users/{jo}");
    assert!(admin.get(&path).await?.text.contains(">Clear</button>"));
    let done = press(&admin, &format!("{path}/clear"), &[("kind", "admin_override")]).await?;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = admin.get(&format!("{path}?done=cleared")).await?;
    assert!(page.text.contains("Nothing speaks against this user."), "{}", page.text);
    let done = press(&admin, &format!("{path}/level"), &[("level", "MEDIUM"), ("reason", "phish")]).await?;
    assert_eq!(done.status, 303);
    assert!(admin.get(&path).await?.text.contains("phish"));
    assert_eq!(
        press(&admin, &format!("{path}/level"), &[("level", "WORSE")]).await?.status,
        400
    );
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let page = reader.get(&path).await?;
    assert!(page.status == 200 && page.text.contains("phish"));
    for offered in ["End all sessions", ">Clear<", "Set the level"] {
        assert!(!page.text.contains(offered), "{offered}");
    }
    for (action, fields) in [("end-sessions", &[][..]), ("clear", &[]), ("level", &[("level", "LOW")])] {
        assert_eq!(
            press(&reader, &format!("{path}/{action}"), fields).await?.status,
            403,
            "{action}"
        );
    }
    assert_eq!(admin.get("/admin/risk/users/00unobody").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_sign_ins_page_explains_its_score() -> Result<()> {
    let server = TestServer::start().await?;
    provider_says(&server, "HIGH").await?;
    let jo = user(&server, JO, "Jo").await?;
    let first = sign_in(&server, &jo).await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let page = reader.get(&format!("/admin/risk/sign-ins/{first}")).await?;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_harmless(&page);
    for told in [
        "Too few sign-ins to know the user",
        "Risk providers",
        "Credential stuffing node",
        "The recorded numbers give this verdict again.",
        "Default Rule",
        "class=\"scale\"",
        "class=\"against\"",
        "Everything of this transaction",
        "MEDIUM from 40, HIGH from 70",
        "/admin/risk/addresses/203.0.113.7",
        &format!("/admin/risk/users/{jo}"),
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let link = between(&page.text, " · <a href=\"", "\"").replace("&#38;", "&");
    let log = reader.get(&link).await?;
    assert!(
        log.text.contains("User login to Okta") && log.text.contains("Evaluation of sign-on policy"),
        "{}",
        log.text
    );
    assert!(
        log.text.contains(&format!("/admin/risk/sign-ins/{first}")),
        "the log leads back"
    );
    assert_eq!(reader.get("/admin/risk/sign-ins/sgnnone").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_addresss_page_has_signals_zones_and_who_was_seen_there() -> Result<()> {
    let server = TestServer::start().await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    let empty = reader.get("/admin/risk/addresses/192.0.2.1").await?;
    assert!(empty.text.contains("No risk provider says anything") && empty.text.contains("Nobody in the last 7 days"));
    provider_says(&server, "MEDIUM").await?;
    let jo = user(&server, JO, "Jo").await?;
    let id = sign_in(&server, &jo).await?;
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    assert_eq!(server.call("POST", "/api/v1/zones").json(&zone).send().await?.status, 200);
    let page = reader.get("/admin/risk/addresses/203.0.113.7").await?;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_harmless(&page);
    for told in [
        "Credential stuffing node",
        "counts at sign-in",
        "Office",
        JO,
        &format!("/admin/risk/sign-ins/{id}"),
        &format!("/admin/risk/users/{jo}"),
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let found = reader.get("/admin/risk/addresses?ip=2001:0db8::15").await?;
    assert_eq!(found.headers["location"], "/admin/risk/addresses/2001%3Adb8%3A%3A15");
    assert_eq!(reader.get("/admin/risk/addresses/2001%3Adb8%3A%3A15").await?.status, 200);
    let wrong = reader.get("/admin/risk/addresses?ip=%3Cscript%3E").await?;
    assert!(wrong.text.contains("This is no IP address") && !wrong.text.contains("<script>"));
    assert_eq!(reader.get("/admin/risk/addresses/nonsense").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn the_overviews_numbers_come_from_what_has_happened() -> Result<()> {
    let server = TestServer::start().await?;
    provider_says(&server, "HIGH").await?;
    let jo = user(&server, JO, "Jo").await?;
    sign_in(&server, &jo).await?;
    set_risk(&server, &jo, "HIGH").await?;
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    for range in ["24h", "7d"] {
        let page = reader.get(&format!("/admin?range={range}")).await?;
        assert_harmless(&page);
        assert!(
            page.text
                .contains("class=\"needed\"><a href=\"/admin/risk/users?level=HIGH\"><span class=\"count\">1<")
        );
        assert!(page.text.contains("Signals of Acme &#60;b&#62;Feed"), "{}", page.text);
        let bars = page.text.matches("<rect class=\"bar good\"").count();
        assert_eq!(bars, 1, "one sign-in was let in");
        let link = between(&page.text, "Sign-ins by decision", "</figure>");
        let link = link
            .split("<a href=\"")
            .find(|part| part.contains("1 ALLOW from"))
            .unwrap_or_default();
        let link = link.split('"').next().unwrap_or_default().replace("&#38;", "&");
        let log = reader.get(&link).await?;
        assert!(log.text.contains("Evaluation of sign-on policy"), "{link}");
    }
    let api = reader.api("GET", "/watchfire/v1/overview?hours=24").await?.send().await?;
    assert_eq!(api.json["usersAtRisk"]["high"], 1, "{}", api.text);
    assert_eq!(api.json["addressesAtRisk"]["high"], 1);
    Ok(())
}

#[tokio::test]
async fn a_finding_is_judged_by_those_who_may_and_the_judgement_taken_back() -> Result<()> {
    let server = TestServer::start().await?;
    let jo = user(&server, JO, "Jo").await?;
    let id = sign_in(&server, &jo).await?;
    set_risk(&server, &jo, "HIGH").await?;
    let analyst = with_role(&server, "an@example.com", "SECURITY_ANALYST").await?;
    let path = format!("/admin/risk/sign-ins/{id}");
    let judge = [
        ("type", "SIGN_IN"),
        ("id", id.as_str()),
        ("label", "FALSE_POSITIVE"),
        ("reason", EVIL),
        ("back", path.as_str()),
    ];
    let reader = with_role(&server, "reader@example.com", "READ_ONLY").await?;
    assert!(!reader.get(&path).await?.text.contains("Was it the user?"));
    assert_eq!(press(&reader, "/admin/risk/feedback", &judge).await?.status, 403);
    let done = press(&analyst, "/admin/risk/feedback", &judge).await?;
    assert_eq!(
        (done.status, done.headers["location"].to_str()?),
        (303, path.as_str()),
        "{}",
        done.text
    );
    let page = reader.get(&path).await?;
    assert!(
        page.text.contains("a false alarm") && page.text.contains("by <bdi>"),
        "{}",
        page.text
    );
    assert_harmless(&page);
    let withdraw = between(&analyst.get(&path).await?.text, "name=\"withdraw\" value=\"", "\"").to_owned();
    let fields = [("withdraw", withdraw.as_str()), ("back", "https://evil.example/admin/risk/")];
    let done = press(&analyst, "/admin/risk/feedback", &fields).await?;
    assert_eq!(done.headers["location"], "/admin/risk/users");
    assert!(!reader.get(&path).await?.text.contains("a false alarm"));
    let page = analyst.get(&format!("/admin/risk/users/{jo}")).await?;
    let uuid = between(
        &page.text,
        "value=\"RISK_CHANGE\"><input type=\"hidden\" name=\"id\" value=\"",
        "\"",
    )
    .to_owned();
    let own = format!("/admin/risk/users/{jo}");
    let judge = [
        ("type", "RISK_CHANGE"),
        ("id", uuid.as_str()),
        ("label", "TRUE_POSITIVE"),
        ("back", own.as_str()),
    ];
    let done = press(&analyst, "/admin/risk/feedback", &judge).await?;
    assert_eq!(done.headers["location"], own.as_str());
    assert!(reader.get(&own).await?.text.contains("an attack"));
    Ok(())
}
