//! Sign-ins at somebody else's identity provider (architecture section 5), and what the model learns of
//! them (risk-engine.md 5.9) through the router.

mod adversaries;
mod evidence;
mod explanation;
mod feedback;
mod learning;
mod rates;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::{Clock as _, Settings, identity::SignInLimits};
use watchfire_harness::{Answer, ORG_URL, ServiceApp, TestServer};

use crate::people::{self, events};

const JO: &str = "jo.lin@example.com";
const PATH: &str = "/watchfire/v1/sign-ins";
const HOME: &str = "203.0.113.7";
const AWAY: &str = "198.51.100.77";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1";

fn attempt(login: &str, ip: &str, user_agent: &str) -> Value {
    json!({"user": {"login": login}, "client": {"ipAddress": ip, "userAgent": user_agent}})
}

async fn evaluate(server: &TestServer, ip: &str, user_agent: &str) -> Result<Answer> {
    let answer = server.call("POST", PATH).json(&attempt(JO, ip, user_agent)).send().await?;
    anyhow::ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer)
}

async fn tell(server: &TestServer, id: &str, result: &str) -> Result<Answer> {
    let call = server.call("POST", &format!("{PATH}/{id}/outcome"));
    call.json(&json!({"result": result})).send().await
}

/// Signs in as people do: asked, let in, told. A second apart from the one before.
async fn succeed(server: &TestServer, ip: &str, user_agent: &str) -> Result<String> {
    server.clock.advance(Duration::from_secs(1));
    let id = evaluate(server, ip, user_agent).await?.text_at("/id").to_owned();
    let told = tell(server, &id, "SUCCESS").await?;
    anyhow::ensure!(told.status == 204, "{}", told.text);
    Ok(id)
}

async fn explained(server: &TestServer, id: &str) -> Result<Value> {
    let answer = server.call("GET", &format!("{PATH}/{id}")).send().await?;
    anyhow::ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json)
}

/// The numbers of a verdict on an attempt now.
async fn numbers(server: &TestServer, ip: &str, user_agent: &str) -> Result<Value> {
    let id = evaluate(server, ip, user_agent).await?.text_at("/id").to_owned();
    Ok(explained(server, &id).await?["explanation"]["basis"].clone())
}

/// A server that knows Jo from `HOME`.
async fn server_that_knows_jo() -> Result<TestServer> {
    let server = TestServer::start().await?;
    for _ in 0..6 {
        succeed(&server, HOME, FIREFOX).await?;
    }
    server.clock.advance(Duration::from_secs(1));
    Ok(server)
}

#[tokio::test]
async fn a_foreign_sign_in_is_assessed_decided_and_logged() -> Result<()> {
    let server = TestServer::start().await?;
    let answer = evaluate(&server, HOME, FIREFOX).await?;
    let it = &answer.json;
    assert!(answer.text_at("/id").starts_with("sgn"));
    assert_eq!((&it["risk"]["score"], &it["risk"]["level"]), (&json!(70), &json!("HIGH")));
    assert_eq!(it["risk"]["reasons"][0], "New User");
    assert_eq!(it["risk"]["factors"][0]["factor"], "cold_start");
    assert_eq!(
        (&it["decision"], &it["policy"]["name"]),
        (&json!("ALLOW"), &json!("Default Policy"))
    );
    assert_eq!(it["policy"]["rule"]["name"], "Default Rule");
    assert_eq!(it["behaviors"]["New IP"], "UNKNOWN");
    let evaluated = &events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["actor"]["alternateId"], JO);
    assert_eq!(evaluated["client"]["ipAddress"], HOME);
    assert_eq!(
        evaluated["debugContext"]["debugData"]["risk"],
        "{reasons=New User, New Device, New IP, level=HIGH}"
    );
    // The login was nobody's: it is a user now that cannot sign in here, and the same one the next time.
    let users = server.call("GET", &format!("/api/v1/users/{JO}")).send().await?;
    assert_eq!(users.json["status"], "PROVISIONED", "{}", users.text);
    evaluate(&server, HOME, FIREFOX).await?;
    assert_eq!(events(&server, "user.lifecycle.create").await?.len(), 1);
    assert_eq!(people::sign_in(&server, JO).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn only_a_told_success_teaches() -> Result<()> {
    let server = TestServer::start().await?;
    for result in ["FAILURE", "ABANDONED", "CHALLENGE_FAILED"] {
        let id = evaluate(&server, HOME, FIREFOX).await?.text_at("/id").to_owned();
        assert_eq!(tell(&server, &id, result).await?.status, 204);
        assert_eq!(explained(&server, &id).await?["learnt"], false);
        server.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(numbers(&server, HOME, FIREFOX).await?["successes"], 0);
    let started = events(&server, "user.session.start").await?;
    let results: Vec<_> = started.iter().map(|it| &it["outcome"]["result"]).collect();
    assert_eq!(results, [&json!("FAILURE"), &json!("ABANDONED"), &json!("FAILURE")]);
    let id = succeed(&server, HOME, FIREFOX).await?;
    assert_eq!(explained(&server, &id).await?["learnt"], true);
    assert_eq!(numbers(&server, HOME, FIREFOX).await?["successes"], 1);
    let started = &events(&server, "user.session.start").await?[0];
    assert_eq!(started["outcome"]["result"], "SUCCESS");
    assert_eq!(started["client"]["ipAddress"], HOME);
    Ok(())
}

/// risk-engine.md 5.9: elevated by other evidence only after a factor.
#[tokio::test]
async fn what_is_suspicious_teaches_only_after_a_second_factor() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let strange = evaluate(&server, AWAY, IPHONE).await?;
    assert_ne!(strange.json["risk"]["level"], "LOW", "{}", strange.text);
    let id = strange.text_at("/id");
    assert_eq!(tell(&server, id, "SUCCESS").await?.status, 204);
    assert_eq!(explained(&server, id).await?["learnt"], false);
    let id = evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned();
    assert_eq!(tell(&server, &id, "CHALLENGE_PASSED").await?.status, 204);
    assert_eq!(explained(&server, &id).await?["learnt"], true);
    Ok(())
}

#[tokio::test]
async fn an_outcome_is_told_once_in_time_and_by_the_one_who_asked() -> Result<()> {
    let server = TestServer::start().await?;
    let scopes = ["watchfire.signIns.evaluate", "watchfire.signIns.outcome"];
    let (ours, theirs) = (
        ServiceApp::register(&server, &scopes).await?,
        ServiceApp::register(&server, &scopes).await?,
    );
    let (our_token, their_token) = (
        ours.token(&server, &scopes.join(" ")).await?,
        theirs.token(&server, &scopes.join(" ")).await?,
    );
    let asked = || server.call("POST", PATH).bearer(&our_token).json(&attempt(JO, HOME, FIREFOX));
    let tell = |id: &str, token: &str, result: &str| {
        let call = server.call("POST", &format!("{PATH}/{id}/outcome"));
        call.bearer(token).json(&json!({"result": result})).send()
    };
    let id = asked().send().await?.text_at("/id").to_owned();
    let foreign = tell(&id, &their_token, "SUCCESS").await?;
    assert_eq!((foreign.status, foreign.error().0), (404, "E0000007"), "{}", foreign.text);
    assert_eq!(tell(&id, &their_token, "NOT_ME").await?.status, 404);
    let wrong = tell(&id, &our_token, "MAYBE").await?;
    assert_eq!((wrong.status, wrong.error()), (400, ("E0000001", "result: Invalid value")));
    assert_eq!(tell(&id, &our_token, "SUCCESS").await?.status, 204);
    for result in ["SUCCESS", "FAILURE"] {
        let again = tell(&id, &our_token, result).await?;
        assert_eq!(again.error().1, "result: The outcome has been told already");
    }
    // Who may evaluate may not read, and the other way round.
    let read = server.call("GET", &format!("{PATH}/{id}")).bearer(&our_token).send().await?;
    assert_eq!(read.status, 403);
    let late = asked().send().await?.text_at("/id").to_owned();
    server.clock.advance(Duration::from_secs(60 * 60 + 1));
    let fresh = ours.token(&server, &scopes.join(" ")).await?;
    let refused = tell(&late, &fresh, "SUCCESS").await?;
    assert_eq!(refused.error().1, "result: The time to tell the outcome is over");
    assert_eq!(tell(&id, &fresh, "NOT_ME").await?.status, 204);
    assert_eq!(tell(&id, &fresh, "NOT_ME").await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn evaluating_and_telling_are_scopes_of_their_own() -> Result<()> {
    let server = TestServer::start().await?;
    for (scope, evaluates, tells) in [
        ("watchfire.signIns.evaluate", 200, 403),
        ("watchfire.signIns.outcome", 403, 404),
        ("watchfire.signIns.read", 403, 403),
    ] {
        let app = ServiceApp::register(&server, &[scope]).await?;
        let token = app.token(&server, scope).await?;
        let asked = server.call("POST", PATH).bearer(&token).json(&attempt(JO, HOME, FIREFOX));
        assert_eq!(asked.send().await?.status, evaluates, "{scope}");
        let told = server.call("POST", &format!("{PATH}/sgnNone/outcome")).bearer(&token);
        assert_eq!(
            told.json(&json!({"result": "SUCCESS"})).send().await?.status,
            tells,
            "{scope}"
        );
    }
    Ok(())
}

/// The counts of everybody and the profile are what they were before, to the bit.
#[tokio::test]
async fn not_me_takes_back_exactly_what_was_taught() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let path = format!("/api/v1/users/{JO}");
    let user = server.call("GET", &path).send().await?.text_at("/id").to_owned();
    let (population, before) = (
        server.app.state().statistics().bytes(),
        numbers(&server, HOME, FIREFOX).await?,
    );
    let elsewhere = numbers(&server, AWAY, IPHONE).await?;
    let id = evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned();
    assert_eq!(tell(&server, &id, "CHALLENGE_PASSED").await?.status, 204);
    assert_ne!(server.app.state().statistics().bytes(), population);
    assert_ne!(numbers(&server, AWAY, IPHONE).await?["levels"], elsewhere["levels"]);
    assert_eq!(tell(&server, &id, "NOT_ME").await?.status, 204);
    let after = numbers(&server, HOME, FIREFOX).await?;
    for member in ["levels", "successes", "hour", "journey"] {
        assert_eq!(after[member], before[member], "{member}");
        assert_eq!(numbers(&server, AWAY, IPHONE).await?[member], elsewhere[member], "{member}");
    }
    // Only when the last one came is still known.
    let mut left = server.app.state().statistics().bytes();
    let last = 9..17;
    left.splice(last.clone(), population[last].iter().copied());
    assert_eq!(left, population);
    // And it speaks against the user (risk-engine.md 5.7).
    let risk = server.call("GET", &format!("/api/v1/users/{user}/risk")).send().await?;
    assert_eq!(risk.json["riskLevel"], "HIGH", "{}", risk.text);
    assert!(after["signals"]["causes"][0]["milli_nats"].as_i64().context("a cause")? >= 3_999);
    assert_eq!(
        events(&server, "user.account.report_suspicious_activity_by_enduser")
            .await?
            .len(),
        1
    );
    let found = &events(&server, "user.risk.detect").await?[0];
    assert!(found.to_string().contains("User Reported Suspicious Activity"), "{found}");
    Ok(())
}

#[tokio::test]
async fn a_repeated_idempotency_key_gives_the_first_sign_in() -> Result<()> {
    let server = TestServer::start().await?;
    let ask = |key: &str| {
        let call = server.call("POST", PATH).header("idempotency-key", key);
        call.json(&attempt(JO, HOME, FIREFOX)).send()
    };
    let (first, again, other) = (ask("a").await?, ask("a").await?, ask("b").await?);
    assert_eq!(first.text, again.text);
    assert_ne!(first.json["id"], other.json["id"]);
    assert_eq!(events(&server, "policy.evaluate_sign_on").await?.len(), 2);
    Ok(())
}

/// A verdict on somebody else is no answer.
#[tokio::test]
async fn a_key_is_one_sign_ins() -> Result<()> {
    let server = TestServer::start().await?;
    let ask = |login: &'static str, ip: &'static str, key: String| {
        let call = server.call("POST", PATH).header("idempotency-key", &key);
        call.json(&attempt(login, ip, FIREFOX)).send()
    };
    let first = ask(JO, HOME, "k".to_owned()).await?;
    assert_eq!(first.status, 200, "{}", first.text);
    for (login, ip) in [("alice@example.com", HOME), (JO, AWAY)] {
        let refused = ask(login, ip, "k".to_owned()).await?;
        let cause = "Idempotency-Key: This key was used with another sign-in";
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{login} {ip}");
    }
    let (empty, another) = (ask(JO, HOME, String::new()).await?, ask(JO, HOME, String::new()).await?);
    assert_ne!(empty.json["id"], another.json["id"], "an empty key is none");
    let long = ask(JO, HOME, "k".repeat(1_025)).await?;
    assert_eq!(long.status, 400, "a key that is cut would be another's");
    Ok(())
}

/// okta.md 10.2: whoever runs the identity provider, a blocked address does not get in.
#[tokio::test]
async fn from_a_blocked_address_nobody_gets_in() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let zone =
        json!({"type": "IP", "name": "Bad", "usage": "BLOCKLIST", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let made = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let answer = evaluate(&server, HOME, FIREFOX).await?;
    assert_eq!(answer.text_at("/decision"), "DENY");
    assert_eq!(evaluate(&server, AWAY, FIREFOX).await?.text_at("/decision"), "ALLOW");
    let blocked = events(&server, "security.request.blocked").await?;
    assert_eq!((blocked.len(), &blocked[0]["actor"]["alternateId"]), (1, &json!(JO)));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_sign_in_is_refused_and_says_why() -> Result<()> {
    let server = TestServer::start().await?;
    let client = json!({"ipAddress": HOME});
    let cases = [
        (json!({"client": client}), "user: The field cannot be left blank"),
        (json!({"user": {"login": JO}}), "client: The field cannot be left blank"),
        (
            json!({"user": {"login": JO}, "client": {}}),
            "client.ipAddress: The field cannot be left blank",
        ),
        (
            json!({"user": {"login": JO}, "client": {"ipAddress": "1.2.3"}}),
            "client.ipAddress: Invalid value",
        ),
        (json!({"user": {}, "client": client}), "user: Give either login or id"),
        (
            json!({"user": {"login": JO, "id": "00u1"}, "client": client}),
            "user: Give either login or id",
        ),
        (
            json!({"user": {"login": " "}, "client": client}),
            "user: Give either login or id",
        ),
        (
            json!({"user": {"login": "x".repeat(101)}, "client": client}),
            "user.login: The field is too long",
        ),
        (
            json!({"user": {"id": "00uNobody"}, "client": client}),
            "user.id: No user has this id",
        ),
        (
            json!({"user": {"login": JO}, "client": client, "at": "yesterday"}),
            "at: Invalid value",
        ),
        (
            json!({"user": {"login": JO}, "client": client, "at": "9999-01-01T00:00:00Z"}),
            "at: The time must be at most ten minutes ago and not in the future",
        ),
        (
            json!({"user": {"login": JO}, "client": client, "at": "1970-01-01T00:00:00Z"}),
            "at: The time must be at most ten minutes ago and not in the future",
        ),
    ];
    for (body, cause) in cases {
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)), "{body}");
    }
    assert_eq!(events(&server, "policy.evaluate_sign_on").await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_long_user_agent_is_cut_and_a_clock_that_goes_back_changes_nothing() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let long = format!("{FIREFOX} {}", "ü".repeat(20_000));
    let answer = evaluate(&server, HOME, &long).await?;
    let kept = explained(&server, answer.text_at("/id")).await?;
    assert!(kept["client"]["userAgent"].as_str().is_some_and(|agent| agent.len() <= 1_024));
    let now = server.clock.now();
    server.clock.set(now.minus(Duration::from_secs(3_600)));
    let earlier = evaluate(&server, HOME, FIREFOX).await?;
    assert_eq!(earlier.json["risk"]["level"], "LOW", "{}", earlier.text);
    Ok(())
}

#[tokio::test]
async fn an_engine_that_does_not_answer_in_time_means_a_challenge() -> Result<()> {
    let server = TestServer::start_with(Settings {
        sign_ins: SignInLimits {
            answer_within: Duration::ZERO,
            ..SignInLimits::default()
        },
        ..Settings::new(ORG_URL)
    })
    .await?;
    let answer = evaluate(&server, HOME, FIREFOX).await?;
    assert_eq!(
        (&answer.json["decision"], &answer.json["degraded"]),
        (&json!("CHALLENGE"), &json!(true))
    );
    assert_eq!((answer.json.get("id"), &answer.json["risk"]["level"]), (None, &json!("HIGH")));
    Ok(())
}

#[tokio::test]
async fn without_shadow_users_an_unknown_login_is_refused() -> Result<()> {
    let server = TestServer::start_with(Settings {
        sign_ins: SignInLimits {
            shadow_users: false,
            ..SignInLimits::default()
        },
        ..Settings::new(ORG_URL)
    })
    .await?;
    let refused = server.call("POST", PATH).json(&attempt(JO, HOME, FIREFOX)).send().await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "user.login: No user has this login")
    );
    people::user(&server, JO).await?;
    assert_eq!(evaluate(&server, HOME, FIREFOX).await?.json["decision"], "ALLOW");
    Ok(())
}

#[tokio::test]
async fn a_user_who_is_switched_off_is_denied() -> Result<()> {
    let server = TestServer::start().await?;
    let id = people::user(&server, JO).await?;
    server
        .call("POST", &format!("/api/v1/users/{id}/lifecycle/suspend"))
        .send()
        .await?;
    let answer = evaluate(&server, HOME, FIREFOX).await?;
    assert_eq!(
        (&answer.json["decision"], &answer.json["policy"]["id"]),
        (&json!("DENY"), &json!(null))
    );
    Ok(())
}

#[tokio::test]
async fn what_everybody_taught_is_there_after_a_restart() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let (population, before) = (
        server.app.state().statistics().bytes(),
        numbers(&server, HOME, FIREFOX).await?,
    );
    let server = server.restart().await?;
    assert_eq!(server.app.state().statistics().bytes(), population);
    assert_eq!(numbers(&server, HOME, FIREFOX).await?["levels"], before["levels"]);
    succeed(&server, AWAY, FIREFOX).await?;
    let population = server.app.state().statistics().bytes();
    let server = server.restart().await?;
    assert_eq!(server.app.state().statistics().bytes(), population);
    Ok(())
}
