//! Factors and the second step of a sign-in (okta.md 9.1, 10.1) through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::{Clock as _, Settings, identity::LockoutLimits};
use watchfire_crypto::totp;
use watchfire_harness::{Answer, ORG_URL, TestServer};

use crate::people::{self, HOME, PASSWORD, events, sign_in, sign_in_with};

const JO: &str = "jo.lin@example.com";
const STEP: Duration = Duration::from_secs(30);

/// A factor of somebody who holds the secret.
struct Device {
    id: String,
    secret: String,
}

impl Device {
    /// Enrols and activates a factor, and waits until its first code is over.
    async fn of(server: &TestServer, user: &str) -> Result<Self> {
        let (device, activated) = Self::enrol(server, user).await?;
        assert_eq!(
            (activated.status, &activated.json["status"]),
            (200, &json!("ACTIVE")),
            "{}",
            activated.text
        );
        server.clock.advance(STEP);
        Ok(device)
    }

    async fn enrol(server: &TestServer, user: &str) -> Result<(Self, Answer)> {
        let body = json!({"factorType": "token:software:totp", "provider": "GOOGLE"});
        let path = format!("/api/v1/users/{user}/factors");
        let enrolled = server.call("POST", &path).json(&body).send().await?;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        let activation = &enrolled.json["_embedded"]["activation"];
        let device = Self {
            id: enrolled.json["id"].as_str().context("an id")?.to_owned(),
            secret: activation["sharedSecret"].as_str().context("a secret")?.to_owned(),
        };
        let path = format!("{path}/{}/lifecycle/activate", device.id);
        let body = json!({"passCode": device.code(server, 0)});
        let activated = server.call("POST", &path).json(&body).send().await?;
        Ok((device, activated))
    }

    /// The code of the step that is `away` from now.
    fn code(&self, server: &TestServer, away: i64) -> String {
        let secret = totp::decode_secret(&self.secret).expect("base32");
        totp::code_at_step(&secret, totp::step_at(server.clock.now().as_seconds()) + away)
    }

    async fn answer(&self, server: &TestServer, state_token: &str, code: &str) -> Result<Answer> {
        let path = format!("/api/v1/authn/factors/{}/verify", self.id);
        let call = server
            .call("POST", &path)
            .anonymous()
            .from(HOME)
            .header("user-agent", "Test/1.0");
        call.json(&json!({"stateToken": state_token, "passCode": code})).send().await
    }
}

/// A server that challenges above LOW, with a new user who has a factor.
async fn challenging() -> Result<(TestServer, String, Device)> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    for level in ["MEDIUM", "HIGH"] {
        people::add_rule(&server, level, json!({"access": "ALLOW", "requireFactor": true})).await?;
    }
    let device = Device::of(&server, &id).await?;
    Ok((server, id, device))
}

async fn challenge(server: &TestServer) -> Result<String> {
    let answer = sign_in(server, JO).await?;
    assert_eq!(
        (answer.status, &answer.json["status"]),
        (200, &json!("MFA_REQUIRED")),
        "{}",
        answer.text
    );
    answer.json["stateToken"].as_str().map(str::to_owned).context("a token")
}

async fn post(server: &TestServer, path: &str, body: Value) -> Result<Answer> {
    server.call("POST", path).anonymous().from(HOME).json(&body).send().await
}

/// okta.md 9.6: a provider's word turns an allowed sign-in into a challenged one.
#[tokio::test]
async fn an_enforced_high_signal_turns_success_into_a_challenge() -> Result<()> {
    let (server, _, device) = challenging().await?;
    // Three successes, each after a challenge, make the user known.
    for _ in 0..3 {
        let token = challenge(&server).await?;
        let done = device.answer(&server, &token, &device.code(&server, 0)).await?;
        assert_eq!((done.status, &done.json["status"]), (200, &json!("SUCCESS")), "{}", done.text);
        server.clock.advance(STEP);
    }
    assert_eq!(sign_in(&server, JO).await?.json["status"], "SUCCESS");
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    challenge(&server).await?;
    Ok(())
}

#[tokio::test]
async fn a_challenge_has_oktas_shape() -> Result<()> {
    let (server, id, device) = challenging().await?;
    let answer = sign_in(&server, JO).await?;
    let token = answer.json["stateToken"].as_str().context("a token")?;
    assert!(token.starts_with("00") && token.len() == 42, "{token}");
    let post = |path: &str| json!({"href": format!("{ORG_URL}/api/v1/authn/{path}"), "hints": {"allow": ["POST"]}});
    assert_eq!(
        answer.json,
        json!({
            "stateToken": token, "expiresAt": "2027-01-15T08:05:30.000Z", "status": "MFA_REQUIRED",
            "_embedded": {
                "user": {"id": id, "passwordChanged": "2027-01-15T08:00:00.000Z", "profile":
                    {"login": JO, "firstName": "Jo", "lastName": "Lin", "locale": "en", "timeZone": "America/Los_Angeles"}},
                "factors": [{"id": device.id, "factorType": "token:software:totp", "provider": "GOOGLE", "vendorName": "GOOGLE",
                    "profile": {"credentialId": JO},
                    "_links": {"verify": post(&format!("factors/{}/verify", device.id))}}],
                "policy": {"allowRememberDevice": false, "rememberDeviceLifetimeInMinutes": 0,
                    "rememberDeviceByDefault": false, "factorsPolicyInfo": {}},
            },
            "_links": {"cancel": post("cancel")},
        })
    );
    // No session has started yet, and the state can be read again.
    assert!(events(&server, "user.session.start").await?.is_empty());
    let read = server
        .call("POST", "/api/v1/authn")
        .anonymous()
        .json(&json!({"stateToken": token}))
        .send()
        .await?;
    assert_eq!(read.json, answer.json);
    Ok(())
}

#[tokio::test]
async fn a_session_starts_when_the_factor_was_accepted_and_says_both_steps() -> Result<()> {
    let (server, _, device) = challenging().await?;
    let first = sign_in(&server, JO).await?;
    let token = first.json["stateToken"].as_str().context("a token")?;
    server.clock.advance(Duration::from_secs(1));
    let done = device.answer(&server, token, &device.code(&server, 0)).await?;
    let start = &events(&server, "user.session.start").await?[0];
    let data = &start["debugContext"]["debugData"];
    assert_eq!(data["authnRequestId"], json!(first.headers["x-okta-request-id"].to_str()?));
    assert_eq!(data["requestId"], json!(done.headers["x-okta-request-id"].to_str()?));
    assert_eq!(data["risk"], "{reasons=New User, New Device, New IP, level=HIGH}");
    assert_eq!(start["securityContext"]["risk"]["level"], "HIGH");
    let via = &events(&server, "user.authentication.auth_via_mfa").await?[0];
    assert_eq!(
        (&via["outcome"]["result"], &via["authenticationContext"]["credentialType"]),
        (&json!("SUCCESS"), &json!("OTP"))
    );
    // The session says how it was proved.
    let body = json!({"sessionToken": done.json["sessionToken"]});
    let session = server.call("POST", "/api/v1/sessions").json(&body).send().await?;
    assert_eq!(session.json["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(session.json["mfaActive"], true);
    assert_eq!(session.json["id"], start["authenticationContext"]["externalSessionId"]);
    Ok(())
}

#[tokio::test]
async fn a_code_counts_once_and_only_near_its_time() -> Result<()> {
    let (server, _, device) = challenging().await?;
    let token = challenge(&server).await?;
    for away in [-2, 2] {
        let refused = device.answer(&server, &token, &device.code(&server, away)).await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000068"), "{away}");
    }
    let next = device.code(&server, 1);
    assert_eq!(device.answer(&server, &token, &next).await?.status, 200);
    // The same code again, and the one before it, for another sign-in.
    let token = challenge(&server).await?;
    for code in [next, device.code(&server, 0)] {
        let refused = device.answer(&server, &token, &code).await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000068"));
    }
    server.clock.advance(STEP * 2);
    assert_eq!(device.answer(&server, &token, &device.code(&server, 0)).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn the_code_that_activates_a_factor_does_not_sign_in() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    people::add_rule(&server, "HIGH", json!({"access": "ALLOW", "requireFactor": true})).await?;
    let (device, _) = Device::enrol(&server, &id).await?;
    let token = challenge(&server).await?;
    let refused = device.answer(&server, &token, &device.code(&server, 0)).await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000068"));
    Ok(())
}

#[tokio::test]
async fn too_many_wrong_codes_end_the_sign_in() -> Result<()> {
    let (server, _, device) = challenging().await?;
    let token = challenge(&server).await?;
    for _ in 0..5 {
        let refused = device.answer(&server, &token, "000000").await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000068"));
    }
    let ended = device.answer(&server, &token, &device.code(&server, 0)).await?;
    assert_eq!((ended.status, ended.error().0), (401, "E0000011"));
    let start = &events(&server, "user.session.start").await?[0];
    assert_eq!(start["outcome"], json!({"result": "FAILURE", "reason": "VERIFICATION_ERROR"}));
    Ok(())
}

#[tokio::test]
async fn wrong_codes_of_many_sign_ins_lock_the_account() -> Result<()> {
    let server = TestServer::start_with(Settings {
        lockout: LockoutLimits {
            failures: 4,
            ..LockoutLimits::default()
        },
        logins_per_second: 0,
        api_calls_per_minute: 0,
        ..Settings::new(ORG_URL)
    })
    .await?;
    let id = people::user(&server, JO).await?;
    people::add_rule(&server, "HIGH", json!({"access": "ALLOW", "requireFactor": true})).await?;
    let device = Device::of(&server, &id).await?;
    // A right password in between does not begin the count anew.
    for _ in 0..4 {
        let token = challenge(&server).await?;
        device.answer(&server, &token, "000000").await?;
    }
    assert_eq!(sign_in(&server, JO).await?.error().0, "E0000004");
    assert_eq!(events(&server, "user.account.lock").await?.len(), 1);
    Ok(())
}

/// However many come at once: ten are looked at, then the account is locked.
#[tokio::test]
async fn wrong_codes_at_the_same_time_lock_the_account_too() -> Result<()> {
    let (server, id, device) = challenging().await?;
    let mut looked_at = 0;
    for _ in 0..2 {
        let token = challenge(&server).await?;
        let tries = (0..10).map(|_| device.answer(&server, &token, "000000"));
        for answer in futures_util::future::join_all(tries).await {
            looked_at += usize::from(answer?.status == 403);
        }
        let user = server.call("GET", &format!("/api/v1/users/{id}")).send().await?;
        if user.json["status"] == "LOCKED_OUT" {
            break;
        }
    }
    assert!((5..=10).contains(&looked_at), "{looked_at}");
    assert_eq!(sign_in(&server, JO).await?.error().0, "E0000004");
    assert_eq!(events(&server, "user.account.lock").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_state_token_ends_with_time_use_and_cancel() -> Result<()> {
    let (server, _, device) = challenging().await?;
    let authn = "/api/v1/authn";
    let expired = challenge(&server).await?;
    server.clock.advance(Duration::from_secs(5 * 60));
    let used = challenge(&server).await?;
    device.answer(&server, &used, &device.code(&server, 0)).await?;
    let body = json!({"username": JO, "password": PASSWORD, "relayState": "/app"});
    let relayed = post(&server, authn, body).await?;
    assert_eq!(relayed.json["relayState"], "/app");
    let cancelled = relayed.json["stateToken"].as_str().context("a token")?.to_owned();
    let answer = post(&server, "/api/v1/authn/cancel", json!({"stateToken": cancelled})).await?;
    assert_eq!((answer.status, answer.json), (200, json!({"relayState": "/app"})));
    for token in [expired, used, cancelled, "00nothing".to_owned()] {
        for path in [authn, "/api/v1/authn/cancel", "/api/v1/authn/previous", "/api/v1/authn/skip"] {
            let refused = post(&server, path, json!({"stateToken": token})).await?;
            assert_eq!((refused.status, refused.error().0), (401, "E0000011"), "{path}");
        }
        let refused = device.answer(&server, &token, &device.code(&server, 0)).await?;
        assert_eq!((refused.status, refused.error().0), (401, "E0000011"));
    }
    let live = challenge(&server).await?;
    for path in ["/api/v1/authn/previous", "/api/v1/authn/skip"] {
        let refused = post(&server, path, json!({"stateToken": live})).await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000079"), "{path}");
    }
    let answer = post(&server, "/api/v1/authn/cancel", json!({"stateToken": live})).await?;
    assert_eq!((answer.status, answer.json), (200, json!({})));
    let token = post(&server, authn, json!({"token": "00recovery"})).await?;
    assert_eq!((token.status, token.error().0), (401, "E0000011"));
    Ok(())
}

#[tokio::test]
async fn a_user_who_is_switched_off_between_the_steps_does_not_get_in() -> Result<()> {
    let (server, id, device) = challenging().await?;
    let token = challenge(&server).await?;
    let path = format!("/api/v1/users/{id}/lifecycle/suspend");
    assert_eq!(server.call("POST", &path).send().await?.status, 200);
    let refused = device.answer(&server, &token, &device.code(&server, 0)).await?;
    assert_eq!(refused.status, 401, "{}", refused.text);
    Ok(())
}

#[tokio::test]
async fn a_factor_of_somebody_else_does_not_help() -> Result<()> {
    let (server, _, _) = challenging().await?;
    let other = people::user(&server, "other@example.com").await?;
    let others = Device::of(&server, &other).await?;
    let token = challenge(&server).await?;
    let refused = others.answer(&server, &token, &others.code(&server, 0)).await?;
    assert_eq!((refused.status, refused.error().0), (404, "E0000007"));
    Ok(())
}

#[tokio::test]
async fn a_challenge_and_its_failure_teach_nothing() -> Result<()> {
    let (server, _, device) = challenging().await?;
    for _ in 0..3 {
        let token = challenge(&server).await?;
        device.answer(&server, &token, "000000").await?;
        sign_in_with(&server, JO, "wrong password").await?;
    }
    challenge(&server).await?;
    Ok(())
}

#[tokio::test]
async fn factors_are_enrolled_listed_and_removed() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    let path = format!("/api/v1/users/{id}/factors");
    let enrol = |provider: &str| {
        let body = json!({"factorType": "token:software:totp", "provider": provider});
        server.call("POST", &path).json(&body).send()
    };
    let pending = enrol("OKTA").await?;
    let factor = pending.json["id"].as_str().context("an id")?;
    assert!(factor.starts_with("ost") && factor.len() == 20, "{factor}");
    assert_eq!(pending.json["status"], "PENDING_ACTIVATION");
    let activation = &pending.json["_embedded"]["activation"];
    assert_eq!(
        (&activation["timeStep"], &activation["encoding"]),
        (&json!(30), &json!("base32"))
    );
    assert_eq!(activation["sharedSecret"].as_str().map(str::len), Some(32));
    let wrong = server
        .call("POST", &format!("{path}/{factor}/lifecycle/activate"))
        .json(&json!({"passCode": "000000"}));
    let wrong = wrong.send().await?;
    assert_eq!((wrong.status, wrong.error().0), (403, "E0000068"));
    // Begun anew, the first one is gone.
    let (device, activated) = Device::enrol(&server, &id).await?;
    assert_eq!(activated.json.get("_embedded"), None);
    enrol("OKTA").await?;
    let listed = server.call("GET", &path).send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(2));
    assert!(!listed.text.contains("sharedSecret") && !listed.text.contains("sealed"));
    let twice = enrol("GOOGLE").await?;
    assert_eq!(
        (twice.status, twice.error()),
        (400, ("E0000001", "A factor of this type is already set up."))
    );
    for (body, cause) in [
        (json!({}), "factorType: The field cannot be left blank"),
        (json!({"factorType": "sms", "provider": "OKTA"}), "factorType: Invalid value"),
        (
            json!({"factorType": "token:software:totp", "provider": "RSA"}),
            "provider: Invalid value",
        ),
    ] {
        let refused = server.call("POST", &path).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    let own = format!("{path}/{}", device.id);
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    assert_eq!(server.call("GET", &own).send().await?.error().0, "E0000007");
    for event in ["user.mfa.factor.activate", "user.mfa.factor.deactivate"] {
        assert_eq!(events(&server, event).await?.len(), 1, "{event}");
    }
    Ok(())
}
