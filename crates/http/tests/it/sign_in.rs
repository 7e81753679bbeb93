//! okta.md 9.1, 9.2 and 9.6 through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use watchfire_app::{Settings, identity::LockoutLimits};
use watchfire_harness::{ORG_URL, TestServer};

use crate::people::{self, HOME, PASSWORD, events, sign_in, sign_in_from, sign_in_with};

const JO: &str = "jo.lin@example.com";

#[tokio::test]
async fn the_default_policy_allows_at_every_level() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let answer = sign_in(&server, JO).await?;
    assert_eq!(
        (answer.status, &answer.json["status"]),
        (200, &json!("SUCCESS")),
        "{}",
        answer.text
    );
    assert_eq!(answer.json["expiresAt"], "2027-01-15T08:05:00.000Z");
    let token = answer.json["sessionToken"].as_str().context("a token")?;
    assert!(token.starts_with("20111") && token.len() == 45);
    let user = &answer.json["_embedded"]["user"];
    assert_eq!(user["profile"]["login"], JO);
    assert_eq!(user["passwordChanged"], "2027-01-15T08:00:00.000Z");
    assert_eq!(answer.json.get("stateToken"), None);
    Ok(())
}

#[tokio::test]
async fn nobody_can_tell_a_wrong_password_from_a_wrong_name() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let wrong = sign_in_with(&server, JO, "wrong password").await?;
    let unknown = sign_in(&server, "nobody@example.com").await?;
    for answer in [&wrong, &unknown] {
        assert_eq!((answer.status, answer.error().0), (401, "E0000004"));
        assert_eq!(answer.json["errorSummary"], "Authentication failed");
    }
    let starts = events(&server, "user.session.start").await?;
    let told: Vec<_> = starts
        .iter()
        .map(|e| (&e["actor"]["alternateId"], &e["outcome"]["reason"]))
        .collect();
    let reason = json!("INVALID_CREDENTIALS");
    assert_eq!(told, [(&json!("nobody@example.com"), &reason), (&json!(JO), &reason)]);
    assert_eq!(starts[0]["actor"]["id"], "unknown");
    assert_eq!(starts[0]["legacyEventType"], "core.user_auth.login_failed");
    Ok(())
}

#[tokio::test]
async fn a_short_name_signs_in_while_it_is_unambiguous() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    people::user(&server, "jo.linden@example.com").await?;
    for name in ["jo.lin", "Jo.Lin", "JO.LIN@EXAMPLE.COM"] {
        assert_eq!(sign_in(&server, name).await?.status, 200, "{name}");
    }
    people::user(&server, "jo.lin@example.org").await?;
    for name in ["jo.lin", "jo", "", "jo.lin@"] {
        assert_ne!(sign_in(&server, name).await?.status, 200, "{name}");
    }
    Ok(())
}

/// Anybody makes such users by typing a name at another identity provider.
#[tokio::test]
async fn users_without_a_password_do_not_make_a_short_name_ambiguous() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    for login in ["jo.lin@a.example", "jo.lin@z.example", "jo.lin"] {
        let body = json!({"user": {"login": login}, "client": {"ipAddress": "203.0.113.9"}});
        let made = server.call("POST", "/watchfire/v1/sign-ins").json(&body).send().await?;
        assert!(made.status < 300, "{}", made.text);
        assert_eq!(sign_in(&server, "jo.lin").await?.status, 200, "{login}");
    }
    Ok(())
}

/// Nobody who types wrong passwords undoes what an administrator, or a rule, has decided.
#[tokio::test]
async fn wrong_passwords_lift_no_suspension() -> Result<()> {
    let mut settings = Settings::new(ORG_URL);
    (settings.logins_per_second, settings.api_calls_per_minute) = (0, 0);
    settings.lockout.failures = 3;
    let server = TestServer::start_with(settings).await?;
    for (change, status, decision) in [
        ("suspend", "SUSPENDED", "DENY"),
        ("deactivate", "DEPROVISIONED", "DENY"),
        ("expire_password", "PASSWORD_EXPIRED", "ALLOW"),
    ] {
        let login = format!("{change}@example.com");
        let path = format!("/api/v1/users/{}", people::user(&server, &login).await?);
        let changed = server.call("POST", &format!("{path}/lifecycle/{change}")).send().await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        for _ in 0..4 {
            assert_eq!(sign_in_with(&server, &login, "wrong password").await?.status, 401);
        }
        assert_eq!(server.call("GET", &path).send().await?.json["status"], status);
        let unlocked = server.call("POST", &format!("{path}/lifecycle/unlock")).send().await?;
        assert_eq!(unlocked.error().0, "E0000038", "{}", unlocked.text);
        let body = json!({"user": {"login": login}, "client": {"ipAddress": "203.0.113.9"}});
        let asked = server.call("POST", "/watchfire/v1/sign-ins").json(&body).send().await?;
        assert_eq!(asked.json["decision"], decision, "{}", asked.text);
        assert_ne!(sign_in(&server, &login).await?.status, 200, "{change}");
    }
    assert!(events(&server, "user.account.lock").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_new_user_is_high_then_medium_and_low_after_three_successes() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    for level in ["HIGH", "MEDIUM", "MEDIUM", "LOW", "LOW"] {
        server.clock.advance(Duration::from_secs(1));
        assert_eq!(sign_in(&server, JO).await?.status, 200);
        let start = &events(&server, "user.session.start").await?[0];
        assert_eq!(start["securityContext"]["risk"]["level"], level);
    }
    // Failures teach nothing: another address is still new after them.
    for _ in 0..3 {
        sign_in_from(&server, JO, "wrong password", [198, 51, 100, 9]).await?;
    }
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in_from(&server, JO, PASSWORD, [198, 51, 100, 9]).await?.status, 200);
    let start = &events(&server, "user.session.start").await?[0];
    assert_eq!(start["debugContext"]["debugData"]["risk"], "{reasons=New IP, level=LOW}");
    Ok(())
}

/// A user whom the engine knows from `HOME`.
async fn known_user(server: &TestServer) -> Result<()> {
    people::user(server, JO).await?;
    for _ in 0..3 {
        assert_eq!(sign_in(server, JO).await?.status, 200);
    }
    server.clock.advance(Duration::from_secs(1));
    Ok(())
}

/// okta.md 9.6.
#[tokio::test]
async fn an_enforced_high_signal_denies_what_a_rule_denies() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    people::add_rule(&server, "HIGH", json!({"access": "DENY"})).await?;
    assert_eq!(sign_in(&server, JO).await?.json["status"], "SUCCESS");
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    server.clock.advance(Duration::from_secs(1));
    let refused = sign_in(&server, JO).await?;
    assert_eq!((refused.status, refused.error().0), (401, "E0000004"));
    let evaluated = &events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["outcome"]["result"], "DENY");
    assert_eq!(evaluated["target"][0]["type"], "PolicyEntity");
    assert_eq!(
        (&evaluated["target"][1]["type"], &evaluated["target"][1]["displayName"]),
        (&json!("PolicyRule"), &json!("At HIGH"))
    );
    let start = &events(&server, "user.session.start").await?[0];
    assert_eq!(start["outcome"]["result"], "FAILURE");
    let data = &start["debugContext"]["debugData"];
    assert_eq!(data["risk"], "{reasons=Suspected Threat, level=HIGH}");
    assert_eq!(
        data["partnerRisk"],
        "[{reasons=Credential stuffing node, level=HIGH, name=Acme Risk Feed}]"
    );
    assert_eq!(data["threatSuspected"], "true");
    Ok(())
}

#[tokio::test]
async fn a_logged_signal_only_shows_in_the_log() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    people::add_rule(&server, "HIGH", json!({"access": "DENY"})).await?;
    people::partner_says(&server, "log_only", "HIGH").await?;
    assert_eq!(sign_in(&server, JO).await?.json["status"], "SUCCESS");
    let data = &events(&server, "user.session.start").await?[0]["debugContext"]["debugData"];
    assert_eq!(data["risk"], "{level=LOW}");
    assert_eq!(data.get("partnerRisk"), None);
    let logged: serde_json::Value = serde_json::from_str(data["logOnlySecurityData"].as_str().context("text")?)?;
    assert_eq!(logged["risk"], json!({"reasons": "Suspected Threat", "level": "HIGH"}));
    Ok(())
}

#[tokio::test]
async fn the_providers_action_at_sign_in_time_counts() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    people::partner_says(&server, "log_only", "MEDIUM").await?;
    let providers = server.call("GET", "/api/v1/risk/providers").send().await?;
    let path = format!(
        "/api/v1/risk/providers/{}",
        providers.json[0]["id"].as_str().context("an id")?
    );
    for (action, level) in [("enforce_and_log", "MEDIUM"), ("none", "LOW")] {
        let body = json!({"name": "Acme Risk Feed", "clientId": "null", "action": action});
        server.call("PUT", &path).json(&body).send().await?;
        server.clock.advance(Duration::from_secs(1));
        sign_in(&server, JO).await?;
        let start = &events(&server, "user.session.start").await?[0];
        assert_eq!(start["securityContext"]["risk"]["level"], level, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_challenged_user_without_a_factor_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    people::add_rule(&server, "HIGH", json!({"access": "ALLOW", "requireFactor": true})).await?;
    let refused = sign_in(&server, JO).await?;
    assert_eq!((refused.status, refused.error().0), (401, "E0000004"));
    let evaluated = &events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["outcome"]["result"], "CHALLENGE");
    let start = &events(&server, "user.session.start").await?[0];
    assert_eq!(start["outcome"], json!({"result": "FAILURE", "reason": "NO_FACTOR"}));
    Ok(())
}

/// okta.md 8.5, 8.6.
#[tokio::test]
async fn a_session_start_has_exactly_the_contracts_keys() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    let body = json!({"username": JO, "password": PASSWORD, "context": {"deviceToken": "26q43Ak9Eh04p7H6Nnx0m69JqYOrfVBY"}});
    let call = server
        .call("POST", "/api/v1/authn")
        .from(HOME)
        .header("x-device-fingerprint", "fp-1");
    let answer = call.json(&body).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let start = &events(&server, "user.session.start").await?[0];
    let data = start["debugContext"]["debugData"].as_object().context("an object")?;
    let mut keys: Vec<&str> = data.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "authnRequestId",
            "behaviors",
            "deviceFingerprint",
            "dtHash",
            "requestId",
            "requestUri",
            "risk",
            "threatSuspected",
            "url",
        ]
    );
    let request = answer.headers["x-okta-request-id"].to_str()?;
    assert_eq!(
        (&data["requestId"], &data["authnRequestId"]),
        (&json!(request), &json!(request))
    );
    assert_eq!(data["requestUri"], "/api/v1/authn");
    assert_eq!(data["deviceFingerprint"], "fp-1");
    assert_eq!(data["dtHash"].as_str().map(str::len), Some(64));
    assert_eq!(data["risk"], "{reasons=New User, New Device, New IP, level=HIGH}");
    assert_eq!(
        data["behaviors"],
        "{New Geo-Location=BAD_REQUEST, New Device=UNKNOWN, New IP=UNKNOWN, New State=BAD_REQUEST, \
         New Country=BAD_REQUEST, Velocity=BAD_REQUEST, New City=BAD_REQUEST}"
    );
    assert_eq!(start["actor"]["id"], json!(id));
    assert_eq!(start["outcome"], json!({"result": "SUCCESS", "reason": null}));
    assert_eq!(start["displayMessage"], "User login to Okta");
    assert_eq!(start["legacyEventType"], "core.user_auth.login_success");
    assert_eq!(start["client"]["ipAddress"], "203.0.113.7");
    assert_eq!(start["authenticationContext"]["credentialType"], "PASSWORD");
    assert_eq!(
        start["securityContext"]["risk"]["reasons"],
        json!(["New User", "New Device", "New IP"])
    );
    assert!(!server.call("GET", "/api/v1/logs").send().await?.text.contains(PASSWORD));
    Ok(())
}

#[tokio::test]
async fn a_device_token_counts_only_with_an_api_token() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let body = json!({"username": JO, "password": PASSWORD, "context": {"deviceToken": "device-1"}});
    for trusted in [false, true] {
        server.clock.advance(Duration::from_secs(1));
        let call = server.call("POST", "/api/v1/authn").from(HOME);
        let call = if trusted { call } else { call.anonymous() };
        assert_eq!(call.json(&body).send().await?.status, 200);
        let start = &events(&server, "user.session.start").await?[0];
        assert_eq!(start["debugContext"]["debugData"].get("dtHash").is_some(), trusted);
    }
    let call = server.call("POST", "/api/v1/authn").header("authorization", "SSWS nonsense");
    let refused = call.json(&body).send().await?;
    assert_eq!((refused.status, refused.error().0), (401, "E0000011"));
    Ok(())
}

#[tokio::test]
async fn too_many_failures_lock_the_account_and_tell_nobody() -> Result<()> {
    let server = TestServer::start_with(Settings {
        lockout: LockoutLimits {
            failures: 3,
            ..LockoutLimits::default()
        },
        logins_per_second: 0,
        api_calls_per_minute: 0,
        ..Settings::new(ORG_URL)
    })
    .await?;
    let id = people::user(&server, JO).await?;
    // A success begins the count anew.
    for password in ["wrong password", "wrong password", PASSWORD] {
        sign_in_with(&server, JO, password).await?;
    }
    server.clock.advance(Duration::from_secs(1));
    for password in ["wrong password", "wrong password", "wrong password", PASSWORD] {
        server.clock.advance(Duration::from_secs(1));
        let refused = sign_in_with(&server, JO, password).await?;
        assert_eq!((refused.status, refused.error().0), (401, "E0000004"), "{password}");
    }
    let user = server.call("GET", &format!("/api/v1/users/{id}")).send().await?;
    assert_eq!(user.json["status"], "LOCKED_OUT");
    let locks = events(&server, "user.account.lock").await?;
    assert_eq!((locks.len(), &locks[0]["target"][0]["id"]), (1, &json!(id)));
    let start = &events(&server, "user.session.start").await?[0];
    assert_eq!(start["outcome"]["reason"], "LOCKED_OUT");
    server
        .call("POST", &format!("/api/v1/users/{id}/lifecycle/unlock"))
        .send()
        .await?;
    assert_eq!(sign_in(&server, JO).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn attempts_are_limited_by_the_second_and_name() -> Result<()> {
    let server = TestServer::start_with(Settings {
        api_calls_per_minute: 0,
        ..Settings::new(ORG_URL)
    })
    .await?;
    for _ in 0..4 {
        assert_eq!(sign_in(&server, "nobody@example.com").await?.status, 401);
    }
    let refused = sign_in(&server, "NOBODY@example.com").await?;
    assert_eq!((refused.status, refused.error().0), (429, "E0000047"));
    assert_eq!(refused.headers["x-rate-limit-limit"], "4");
    assert!(refused.headers.contains_key("date"));
    assert_eq!(sign_in(&server, "other@example.com").await?.status, 401);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&server, "nobody@example.com").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_blocked_address_is_refused_before_anything_else() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let gateways = json!([{"type": "CIDR", "value": "203.0.113.0/24"}]);
    let zone = json!({"type": "IP", "name": "Blocked", "usage": "BLOCKLIST", "gateways": gateways});
    let made = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let refused = sign_in(&server, JO).await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"));
    let blocked = &events(&server, "security.request.blocked").await?[0];
    assert_eq!(blocked["target"][0]["displayName"], "Blocked");
    assert_eq!(blocked["client"]["ipAddress"], "203.0.113.7");
    assert_eq!(sign_in_from(&server, JO, PASSWORD, [198, 51, 100, 9]).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn refuses_a_body_that_is_no_attempt() -> Result<()> {
    let server = TestServer::start().await?;
    let long = "x".repeat(33);
    for (body, cause) in [
        (json!({}), "username: The field cannot be left blank"),
        (json!({"username": JO}), "password: The field cannot be left blank"),
        (json!({"username": 7, "password": PASSWORD}), "username: Invalid value"),
        (
            json!({"username": JO, "password": PASSWORD, "context": {"deviceToken": long}}),
            "context.deviceToken: The field is too long",
        ),
        (
            json!({"username": JO, "password": PASSWORD, "relayState": "x".repeat(2_049)}),
            "relayState: The field is too long",
        ),
    ] {
        let refused = server.call("POST", "/api/v1/authn").anonymous().json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    for body in ["", "[]", "{"] {
        let refused = server.call("POST", "/api/v1/authn").anonymous().text(body).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000003"), "{body}");
    }
    assert_eq!(events(&server, "user.session.start").await?.len(), 0);
    Ok(())
}
