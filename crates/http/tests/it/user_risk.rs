//! `/api/v1/users/{id}/risk` (okta.md 9.7) and the explanation of an entity's level.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, ORG_URL, SetSender, TestServer};

use crate::people::{self, PASSWORD, events, sign_in, sign_in_from, user};

const JO: &str = "jo.lin@example.com";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";

async fn put(server: &TestServer, user: &str, body: Value) -> Result<Answer> {
    let path = format!("/api/v1/users/{user}/risk");
    server.call("PUT", &path).json(&body).send().await
}

async fn risk(server: &TestServer, user: &str) -> Result<Answer> {
    server.call("GET", &format!("/api/v1/users/{user}/risk")).send().await
}

async fn explained(server: &TestServer, user: &str) -> Result<Answer> {
    let path = format!("/watchfire/v1/entities/user/{user}/risk");
    server.call("GET", &path).send().await
}

#[tokio::test]
async fn a_user_without_a_record_has_no_risk() -> Result<()> {
    let server = TestServer::start().await?;
    let id = user(&server, JO).await?;
    let got = risk(&server, &id).await?;
    let own = format!("{ORG_URL}/api/v1/users/{id}");
    assert_eq!(
        (got.status, got.json),
        (
            200,
            json!({"riskLevel": "NONE", "_links": {
                "self": {"href": format!("{own}/risk"), "hints": {"allow": ["GET", "PUT"]}},
                "user": {"href": own, "hints": {"allow": ["GET"]}}}})
        )
    );
    let gone = risk(&server, "00unobody").await?;
    assert_eq!(gone.status, 404);
    Ok(())
}

/// 201 for the first, 200 for the next; what is put is what is read (okta.md 9.7; 13, row 26).
#[tokio::test]
async fn the_first_override_is_created_and_each_is_read_back() -> Result<()> {
    let server = TestServer::start().await?;
    let id = user(&server, JO).await?;
    for (level, reason, status, want) in [
        ("LOW", None, 201, "Admin override risk"),
        ("HIGH", Some("Phished, see ticket 4.2"), 200, "Phished, see ticket 4.2"),
        ("MEDIUM", None, 200, "Admin override risk"),
        ("LOW", None, 200, "Admin override risk"),
    ] {
        let answer = put(&server, &id, json!({"riskLevel": level, "riskReason": reason})).await?;
        assert_eq!(
            (answer.status, answer.text_at("/riskLevel"), answer.text_at("/reason")),
            (status, level, want)
        );
        assert_eq!(risk(&server, &id).await?.json, answer.json);
    }
    let detected = events(&server, "user.risk.detect").await?;
    assert_eq!(detected.len(), 4);
    assert_eq!(
        detected[2]["debugContext"]["debugData"]["risk"],
        "{previousLevel=LOW, level=HIGH, detectionName=Admin Reported User Risk, reasons=Phished, see ticket 4.2, issuer=OKTA}"
    );
    assert_eq!(detected[2]["actor"]["type"], "User");
    assert_eq!(events(&server, "policy.entity_risk.evaluate").await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_said_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let id = user(&server, JO).await?;
    const REASON: &str = "riskReason: Only letters, digits, blanks, hyphens, commas and full stops are allowed";
    for (body, want) in [
        (json!({}), "riskLevel: The field cannot be left blank"),
        (json!({"riskLevel": "NONE"}), "riskLevel: Invalid value"),
        (json!({"riskLevel": "high"}), "riskLevel: Invalid value"),
        (json!({"riskLevel": 3}), "riskLevel: Invalid value"),
        (json!({"riskLevel": ""}), "riskLevel: The field cannot be left blank"),
        (json!({"riskLevel": "HIGH", "riskReason": "<b>"}), REASON),
        (json!({"riskLevel": "HIGH", "riskReason": "naïve"}), REASON),
        (
            json!({"riskLevel": "HIGH", "riskReason": "a".repeat(501)}),
            "riskReason: The field is too long",
        ),
    ] {
        let answer = put(&server, &id, body.clone()).await?;
        assert_eq!((answer.status, answer.error().1), (400, want), "{body}");
    }
    assert_eq!(risk(&server, &id).await?.text_at("/riskLevel"), "NONE");
    let longest = json!({"riskLevel": "HIGH", "riskReason": "a".repeat(500)});
    assert_eq!(put(&server, &id, longest).await?.status, 201);
    Ok(())
}

/// risk-engine.md 5.7: what a provider states fades, is explained, and ends by an administrator's word.
#[tokio::test]
async fn a_providers_word_fades_is_explained_and_cleared() -> Result<()> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let id = user(&server, JO).await?;
    let sender = SetSender::register(&server, "https://idp.example").await?;
    sender.tell(&server, "one", USER_RISK, high(&server)).await?;
    let now = explained(&server, &id).await?;
    assert_eq!((now.status, now.text_at("/level")), (200, "HIGH"), "{}", now.text);
    let cause = &now.json["causes"][0];
    assert_eq!((&cause["kind"], &cause["strength"]), (&json!("user_risk"), &json!(4.0)));
    assert_eq!(cause["source"]["id"], json!(sender.provider_id));
    assert_eq!(cause["halfLifeSeconds"], json!(7 * 86_400));
    assert!(cause["receipt"].as_str().is_some_and(|it| it.starts_with("rcp")));
    assert_eq!(
        cause["clearedBy"],
        json!(["same_provider", "credential_change_and_sessions_ended", "administrator"])
    );
    assert!(now.json["nextTransition"].is_string());
    server.clock.advance(Duration::from_secs(7 * 86_400));
    let later = explained(&server, &id).await?;
    assert_eq!(
        (later.text_at("/level"), &later.json["causes"][0]["strengthNow"]),
        ("MEDIUM", &json!(2.0))
    );
    let causes = format!("/watchfire/v1/entities/user/{id}/risk/causes");
    let wrong = server.call("DELETE", &format!("{causes}?kind=mood")).send().await?;
    assert_eq!((wrong.status, wrong.error().1), (400, "kind: Invalid value"));
    let cleared = server.call("DELETE", &format!("{causes}?kind=user_risk")).send().await?;
    assert_eq!(cleared.status, 204);
    assert_eq!(risk(&server, &id).await?.text_at("/riskLevel"), "NONE");
    let logged = events(&server, "security.entity_risk.clear").await?;
    assert_eq!(logged[0]["debugContext"]["debugData"]["clearedCauses"], "user_risk");
    let nobody = server.call("GET", "/watchfire/v1/entities/device/guo1/risk").send().await?;
    assert_eq!(nobody.status, 404);
    Ok(())
}

fn high(server: &TestServer) -> Value {
    json!({
        "subject": {"user": {"format": "email", "email": JO}},
        "event_timestamp": watchfire_app::Clock::now(&*server.clock).as_seconds(),
        "initiating_entity": "policy",
        "previous_level": "low",
        "current_level": "high",
    })
}

/// risk-engine.md 5.7: a HIGH sign-in makes its user MEDIUM, once there are habits to break.
#[tokio::test]
async fn a_high_sign_in_raises_its_user_to_medium() -> Result<()> {
    let server = TestServer::start().await?;
    let id = user(&server, JO).await?;
    for _ in 0..4 {
        assert_eq!(sign_in(&server, JO).await?.status, 200);
    }
    assert_eq!(
        risk(&server, &id).await?.text_at("/riskLevel"),
        "NONE",
        "a new user is no risk"
    );
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let wrong = people::sign_in_with(&server, JO, "wrong").await?;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        risk(&server, &id).await?.text_at("/riskLevel"),
        "NONE",
        "whoever does not know the password cannot raise anybody"
    );
    assert_eq!(sign_in(&server, JO).await?.status, 200);
    assert_eq!(risk(&server, &id).await?.text_at("/riskLevel"), "MEDIUM");
    let detected = &events(&server, "user.risk.detect").await?[0];
    let text = detected["debugContext"]["debugData"]["risk"].as_str().unwrap_or_default();
    assert!(
        text.starts_with("{previousLevel=LOW, level=MEDIUM, detectionName=Session Influenced User Risk"),
        "{text}"
    );
    assert_eq!(detected["actor"]["id"], json!(id));
    Ok(())
}

#[tokio::test]
async fn a_rule_about_high_sign_ins_ends_the_sign_in_too() -> Result<()> {
    let server = TestServer::start().await?;
    user(&server, JO).await?;
    let listed = server.call("GET", "/api/v1/policies?type=ENTITY_RISK").send().await?;
    let rules = format!("/api/v1/policies/{}/rules", listed.text_at("/0/id"));
    let rule = json!({"type": "ENTITY_RISK", "name": "Out", "conditions": {"riskDetectionTypes": {"include": ["SESSION_INFLUENCED_USER_RISK"]}},
        "actions": {"entityRisk": {"actions": [{"action": "TERMINATE_ALL_SESSIONS"}]}}});
    let made = server.call("POST", &rules).json(&rule).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let first = sign_in(&server, JO).await?;
    let start = json!({"sessionToken": first.json["sessionToken"]});
    let session = server.call("POST", "/api/v1/sessions").json(&start).send().await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let refused = sign_in_from(&server, JO, PASSWORD, people::HOME).await?;
    assert_eq!(refused.status, 401, "{}", refused.text);
    let own = format!("/api/v1/sessions/{}", session.text_at("/id"));
    assert_eq!(server.call("GET", &own).send().await?.status, 404);
    let failure = &events(&server, "user.session.start").await?[0]["outcome"];
    assert_eq!(failure["reason"], "Entity risk policy ended all sessions");
    Ok(())
}

async fn new_password(server: &TestServer, user: &str) -> Result<Answer> {
    let body = json!({"credentials": {"password": {"value": "another horse"}}});
    let path = format!("/api/v1/users/{user}");
    server.call("POST", &path).json(&body).send().await
}

async fn clear_sessions(server: &TestServer, user: &str) -> Result<Answer> {
    let path = format!("/api/v1/users/{user}/sessions");
    server.call("DELETE", &path).send().await
}

/// risk-engine.md 5.7, okta.md 9.4, 9.8: a new password and the end of all sessions settle a HIGH that a
/// provider stated, together and in either order, and the log says so.
#[tokio::test]
async fn a_new_password_and_ended_sessions_settle_a_high() -> Result<()> {
    for password_first in [true, false] {
        let server = TestServer::start_with(SetSender::settings()).await?;
        let id = user(&server, JO).await?;
        let sender = SetSender::register(&server, "https://idp.example").await?;
        // What was done before it was said settles nothing.
        assert_eq!(new_password(&server, &id).await?.status, 200);
        assert_eq!(clear_sessions(&server, &id).await?.status, 204);
        server.clock.advance(Duration::from_secs(60));
        sender.tell(&server, "one", USER_RISK, high(&server)).await?;
        server.clock.advance(Duration::from_secs(60));
        for last in [false, true] {
            assert_eq!(risk(&server, &id).await?.text_at("/riskLevel"), "HIGH");
            assert!(events(&server, "security.entity_risk.clear").await?.is_empty());
            if password_first == last {
                assert_eq!(clear_sessions(&server, &id).await?.status, 204);
            } else {
                assert_eq!(new_password(&server, &id).await?.status, 200);
            }
        }
        assert_eq!(risk(&server, &id).await?.text_at("/riskLevel"), "NONE");
        let logged = events(&server, "security.entity_risk.clear").await?;
        assert_eq!(logged.len(), 1);
        assert_eq!(logged[0]["debugContext"]["debugData"]["clearedCauses"], "user_risk");
        assert_eq!(logged[0]["target"][0]["id"], json!(id));
        assert_eq!(logged[0]["actor"]["type"], "User");
    }
    Ok(())
}

/// The same by the other ways: a password that is taken away ends the sessions too; a universal logout is
/// the end of all sessions; a change that somebody demanded is settled by the password alone.
#[tokio::test]
async fn whatever_ends_sessions_or_passwords_settles() -> Result<()> {
    const REQUIRED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required";
    let server = TestServer::start_with(SetSender::settings()).await?;
    let id = user(&server, JO).await?;
    let sender = SetSender::register(&server, "https://idp.example").await?;
    let required = json!({"subject": {"user": {"format": "email", "email": JO}}});
    let reset = format!("/api/v1/users/{id}/lifecycle/reset_password?sendEmail=false");
    let causes = async || anyhow::Ok(explained(&server, &id).await?.json["causes"].clone());
    sender.tell(&server, "one", REQUIRED, required.clone()).await?;
    assert_eq!(causes().await?[0]["kind"], "credential_change_required");
    assert_eq!(clear_sessions(&server, &id).await?.status, 204);
    assert_eq!(causes().await?.as_array().map(Vec::len), Some(1));
    assert_eq!(new_password(&server, &id).await?.status, 200);
    assert_eq!(causes().await?, json!([]));

    server.clock.advance(Duration::from_secs(60));
    sender.tell(&server, "two", USER_RISK, high(&server)).await?;
    let answer = server.call("POST", &reset).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(causes().await?, json!([]));

    server.clock.advance(Duration::from_secs(60));
    sender.tell(&server, "three", USER_RISK, high(&server)).await?;
    assert_eq!(new_password(&server, &id).await?.status, 200);
    let revoke = json!({"sub_id": {"format": "opaque", "id": id}});
    let answer = server
        .call("POST", "/oauth2/v1/global-token-revocation")
        .json(&revoke)
        .send()
        .await?;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(causes().await?, json!([]));
    assert_eq!(events(&server, "security.entity_risk.clear").await?.len(), 3);
    Ok(())
}
