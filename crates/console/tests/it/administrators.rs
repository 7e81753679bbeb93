//! Nobody shuts administrators out, and nobody gets rid of the last one.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_app::Settings;
use watchfire_harness::{Answer, TestServer};

use crate::{
    browser::{Browser, LOGIN, PASSWORD},
    roles::with_role,
};

const ADMINISTRATORS: &str = "/watchfire/v1/administrators";
/// What the user behind the administrator signs in with elsewhere.
const USERS_PASSWORD: &str = "the user's own";

async fn me(server: &TestServer) -> Result<Answer> {
    server.call("GET", "/api/v1/users/me").send().await
}

/// Gives the user behind the first administrator a password of its own; its path.
async fn with_password(server: &TestServer) -> Result<String> {
    let path = format!("/api/v1/users/{}", me(server).await?.text_at("/id"));
    let body = json!({"credentials": {"password": {"value": USERS_PASSWORD}}});
    let set = server.call("POST", &path).json(&body).send().await?;
    assert_eq!(set.status, 200, "{}", set.text);
    Ok(path)
}

async fn authn(server: &TestServer, password: &str) -> Result<Answer> {
    let body = json!({"username": LOGIN, "password": password});
    let call = server.call("POST", "/api/v1/authn").anonymous();
    call.json(&body).send().await
}

async fn invite(server: &TestServer, login: &str, role: &str) -> Result<Answer> {
    let body = json!({"login": login, "role": role});
    server.call("POST", ADMINISTRATORS).json(&body).send().await
}

async fn id_of(server: &TestServer, login: &str) -> Result<String> {
    let all = server.call("GET", ADMINISTRATORS).send().await?.json;
    let row = all.as_array().into_iter().flatten().find(|row| row["login"] == login);
    let id = row.and_then(|row| row["userId"].as_str());
    Ok(id.context("no administrator")?.to_owned())
}

/// An API token of whoever sits at this browser.
async fn token(browser: &Browser<'_>) -> Result<String> {
    let call = browser.api("POST", "/watchfire/v1/api-tokens").await?;
    let made = call.json(&json!({"name": "mine"})).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    Ok(format!("SSWS {}", made.text_at("/token")))
}

/// ADR 0013: who locks a user's account does not lock out its administrator.
#[tokio::test]
async fn wrong_passwords_of_the_user_do_not_lock_out_its_administrator() -> Result<()> {
    let mut settings = Settings::new("https://org.example");
    (settings.logins_per_second, settings.api_calls_per_minute) = (0, 0);
    settings.lockout.failures = 3;
    let server = TestServer::start_with(settings).await?;
    let mut browser = Browser::signed_in(&server).await?;
    let path = with_password(&server).await?;
    for status in ["LOCKED_OUT", "PASSWORD_EXPIRED"] {
        if status == "LOCKED_OUT" {
            for _ in 0..4 {
                assert_eq!(authn(&server, "wrong password").await?.status, 401);
            }
        } else {
            let expire = format!("{path}/lifecycle/expire_password");
            assert_eq!(server.call("POST", &expire).send().await?.status, 200);
        }
        let user = me(&server).await?;
        assert_eq!((user.status, user.text_at("/status")), (200, status), "the API token works");
        assert_eq!(browser.get("/admin").await?.status, 200, "the session goes on: {status}");
        browser.sign_in().await?;
        assert_eq!(browser.get("/admin").await?.status, 200, "{status}");
        // The user itself does not get in, and its administrator can mend that.
        assert_ne!(authn(&server, USERS_PASSWORD).await?.status, 200, "{status}");
        let mine = token(&browser).await?;
        if status == "LOCKED_OUT" {
            let unlock = server.call("POST", &format!("{path}/lifecycle/unlock"));
            assert_eq!(unlock.header("authorization", &mine).send().await?.status, 200);
            assert_eq!(authn(&server, USERS_PASSWORD).await?.status, 200);
        }
    }
    Ok(())
}

#[tokio::test]
async fn attempts_at_the_users_sign_in_use_up_nobodys_way_to_the_console() -> Result<()> {
    let mut settings = Settings::new("https://org.example");
    (settings.logins_per_second, settings.api_calls_per_minute) = (2, 0);
    let server = TestServer::start_with(settings).await?;
    let browser = Browser::signed_in(&server).await?;
    server.clock.advance(std::time::Duration::from_secs(5));
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(authn(&server, "wrong password").await?.status);
    }
    assert_eq!(answers, [401, 401, 429, 429]);
    for status in [200, 200, 429] {
        assert_eq!(browser.password(PASSWORD).await?.status, status);
    }
    Ok(())
}

#[tokio::test]
async fn five_wrong_codes_are_five_however_many_come_at_once() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    let page = browser.password(PASSWORD).await?;
    let wrong = || browser.give_code(&page, "000000");
    let (a, b, c, d, e, f, g, h) = tokio::join!(wrong(), wrong(), wrong(), wrong(), wrong(), wrong(), wrong(), wrong());
    let mut statuses = Vec::new();
    for answer in [a, b, c, d, e, f, g, h] {
        statuses.push(answer?.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    let log = server
        .call(
            "GET",
            "/api/v1/logs?filter=eventType+eq+%22user.authentication.auth_via_mfa%22+and+outcome.result+eq+%22FAILURE%22",
        )
        .send()
        .await?;
    assert_eq!(log.json.as_array().map(Vec::len), Some(5));
    Ok(())
}

#[tokio::test]
async fn nobody_changes_their_role_by_inviting_themselves() -> Result<()> {
    let server = TestServer::start().await?;
    for role in ["READ_ONLY", "SECURITY_ANALYST"] {
        let refused = invite(&server, LOGIN, role).await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000006"), "{role}");
    }
    let relinked = invite(&server, LOGIN, "SUPER_ADMIN").await?;
    assert_eq!((relinked.status, relinked.text_at("/role")), (201, "SUPER_ADMIN"));
    // Another one is changed by it, and both halves of the change are in the log.
    assert_eq!(invite(&server, "al@example.com", "SUPER_ADMIN").await?.status, 201);
    assert_eq!(
        invite(&server, "al@example.com", "READ_ONLY").await?.text_at("/role"),
        "READ_ONLY"
    );
    let log = "/api/v1/logs?filter=eventType+eq+%22user.account.privilege.revoke%22";
    let revoked = server.call("GET", log).send().await?.json;
    assert_eq!(revoked.as_array().map(Vec::len), Some(1));
    assert_eq!(revoked[0]["debugContext"]["debugData"]["privilegeRevoked"], "SUPER_ADMIN");
    Ok(())
}

#[tokio::test]
async fn of_two_who_demote_each_other_at_the_same_time_one_stays() -> Result<()> {
    let server = TestServer::start().await?;
    let second = with_role(&server, "second@example.com", "SUPER_ADMIN").await?;
    let third = with_role(&server, "third@example.com", "SUPER_ADMIN").await?;
    let (second_token, third_token) = (token(&second).await?, token(&third).await?);
    let demote = async |id: String, token: String| {
        let call = server.call("PUT", &format!("{ADMINISTRATORS}/{id}"));
        let call = call.header("authorization", &token).json(&json!({"role": "READ_ONLY"}));
        anyhow::Ok(call.send().await?.status)
    };
    let (second_id, third_id) = (
        id_of(&server, "second@example.com").await?,
        id_of(&server, "third@example.com").await?,
    );
    let (one, other) = tokio::join!(demote(third_id, second_token), demote(second_id, third_token));
    let mut statuses = [one?, other?];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    Ok(())
}

#[tokio::test]
async fn who_is_removed_and_invited_again_has_no_old_token() -> Result<()> {
    let server = TestServer::start().await?;
    let second = with_role(&server, "second@example.com", "SUPER_ADMIN").await?;
    let mine = token(&second).await?;
    let uses = async || {
        let call = server.call("GET", "/api/v1/users/me").header("authorization", &mine);
        anyhow::Ok(call.send().await?.status)
    };
    assert_eq!(uses().await?, 200);
    let path = format!("{ADMINISTRATORS}/{}", id_of(&server, "second@example.com").await?);
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(uses().await?, 401);
    let listed = server.call("GET", "/api/v1/api-tokens?q=mine").send().await?;
    assert_eq!(listed.json, json!([]));
    assert_eq!(invite(&server, "second@example.com", "READ_ONLY").await?.status, 201);
    assert_eq!(uses().await?, 401);
    Ok(())
}

#[tokio::test]
async fn who_is_switched_off_is_not_invited_and_does_not_accept() -> Result<()> {
    let server = TestServer::start().await?;
    for (change, back) in [("suspend", "unsuspend"), ("deactivate", "activate")] {
        let login = format!("{change}@example.com");
        let invited = with_role(&server, &login, "READ_ONLY").await?;
        let link = invite(&server, &login, "READ_ONLY").await?;
        let link = format!(
            "/admin/invitations/{}",
            link.text_at("/invitation").rsplit('/').next().context("no link")?
        );
        let user = format!("/api/v1/users/{}", id_of(&server, &login).await?);
        let lifecycle = async |word: &str| {
            let call = server.call("POST", &format!("{user}/lifecycle/{word}"));
            anyhow::Ok(call.send().await?.status)
        };
        assert_eq!(lifecycle(change).await?, 200);
        let refused = invite(&server, &login, "READ_ONLY").await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000001"), "{}", refused.text);
        assert_eq!(invited.get(&link).await?.status, 404);
        // The link was not used up.
        assert_eq!(lifecycle(back).await?, 200);
        assert_eq!(invited.get(&link).await?.status, 200);
    }
    Ok(())
}

/// ADR 0009, also by way of a rule: an analyst may set a user's risk and approve what it leads to.
#[tokio::test]
async fn only_another_super_administrator_approves_that_one_is_switched_off() -> Result<()> {
    let server = TestServer::start().await?;
    let analyst = with_role(&server, "analyst@example.com", "SECURITY_ANALYST").await?;
    let second = with_role(&server, "second@example.com", "SUPER_ADMIN").await?;
    let rule = json!({"type": "ENTITY_RISK", "name": "Off", "conditions": {"entityRisk": {"level": "HIGH"}},
        "actions": {"entityRisk": {"actions": [{"action": "DEACTIVATE_USER"}]}}});
    let policy = server.call("GET", "/api/v1/policies?type=ENTITY_RISK").send().await?;
    let rules = format!("/api/v1/policies/{}/rules", policy.text_at("/0/id"));
    let call = second.api("POST", &rules).await?;
    assert_eq!(call.json(&rule).send().await?.status, 200);
    let first = me(&server).await?.text_at("/id").to_owned();
    let risk = analyst.api("PUT", &format!("/api/v1/users/{first}/risk")).await?;
    let risk = risk.json(&json!({"riskLevel": "HIGH"})).send().await?;
    assert!(risk.status < 300, "{}", risk.text);
    let listed = server
        .call("GET", "/watchfire/v1/actions?state=AWAITING_APPROVAL")
        .send()
        .await?;
    let approve = format!("/watchfire/v1/actions/{}/approve", listed.text_at("/0/id"));
    // Neither the analyst, nor the one whom it is about.
    let refused = analyst.api("POST", &approve).await?.send().await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"));
    let refused = server.call("POST", &approve).send().await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"));
    assert_eq!(me(&server).await?.text_at("/status"), "ACTIVE");
    // The second one has written the rule; a third one has not.
    let third = with_role(&server, "third@example.com", "SUPER_ADMIN").await?;
    let done = third.api("POST", &approve).await?.send().await?;
    assert_eq!((done.status, done.text_at("/state")), (200, "DONE"), "{}", done.text);
    assert_eq!(me(&server).await?.status, 401);
    Ok(())
}

/// ADR 0009: the sessions of an administrator are for administrators, by whichever way.
#[tokio::test]
async fn an_analyst_ends_no_session_of_an_administrator() -> Result<()> {
    let server = TestServer::start().await?;
    let analyst = with_role(&server, "analyst@example.com", "SECURITY_ANALYST").await?;
    let user = with_password(&server).await?;
    let token = authn(&server, USERS_PASSWORD).await?.json["sessionToken"].clone();
    let begin = server.call("POST", "/api/v1/sessions").json(&json!({"sessionToken": token}));
    let session = format!("/api/v1/sessions/{}", begin.send().await?.text_at("/id"));
    let everything = json!({"sub_id": {"format": "email", "email": LOGIN}});
    for (method, path, body) in [
        ("DELETE", session.clone(), Value::Null),
        ("DELETE", format!("{user}/sessions"), Value::Null),
        ("POST", "/oauth2/v1/global-token-revocation".to_owned(), everything),
    ] {
        let refused = analyst.api(method, &path).await?.json(&body).send().await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000006"), "{path}");
        assert_eq!(server.call("GET", &session).send().await?.status, 200, "{path}");
    }
    assert_eq!(server.call("DELETE", &session).send().await?.status, 204);
    Ok(())
}

#[tokio::test]
async fn a_name_that_turns_around_is_written_out_on_the_page_of_administrators() -> Result<()> {
    let server = TestServer::start().await?;
    let browser = Browser::signed_in(&server).await?;
    assert_eq!(
        invite(&server, "adm\u{202e}nimda@example.com", "READ_ONLY").await?.status,
        201
    );
    let page = browser.get("/admin/settings/administrators").await?;
    assert!(page.text.contains("adm⟨U+202E⟩nimda@example.com"), "{}", page.text);
    assert!(!page.text.contains('\u{202e}'));
    Ok(())
}
