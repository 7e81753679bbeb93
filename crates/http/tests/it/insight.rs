//! Who is at risk, what is known of an address, the numbers of the last hours, a user's sessions.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_app::Clock as _;
use watchfire_harness::{Answer, Reply, ServiceApp, Target, TestServer};
use watchfire_model::{
    entity::Entity,
    id::{ActionId, EntityRiskPolicyId, EntityRiskRuleId, UserId},
    object::{Action, ActionCall, ActionCause},
};

use crate::{
    actions,
    people::{self, partner_says},
};

async fn set_risk(server: &TestServer, user: &str, level: &str) -> Result<()> {
    let call = server.call("PUT", &format!("/api/v1/users/{user}/risk"));
    let set = call.json(&json!({"riskLevel": level})).send().await?;
    assert!(matches!(set.status, 200 | 201), "{}", set.text);
    Ok(())
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["id"].as_str())
        .collect()
}

/// The path of the next page.
fn next_of(page: &Answer) -> String {
    let mut lines = page.headers.get_all("link").iter().filter_map(|line| line.to_str().ok());
    let next = lines.find(|line| line.contains("rel=\"next\"")).unwrap_or_default();
    let next = next.split('>').next().unwrap_or_default();
    let path = next.find("/watchfire").and_then(|at| next.get(at..));
    path.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn those_at_risk_are_listed_the_worst_first_page_by_page_also_after_a_restart() -> Result<()> {
    let server = TestServer::start().await?;
    let mut users = Vec::new();
    for (login, level) in [
        ("a@example.com", "LOW"),
        ("b@example.com", "HIGH"),
        ("c@example.com", "MEDIUM"),
    ] {
        let id = people::user(&server, login).await?;
        set_risk(&server, &id, level).await?;
        users.push(id);
    }
    let all = server.call("GET", "/watchfire/v1/entities").send().await?;
    assert_eq!(ids(&all.json), [users[1].as_str(), &users[2], &users[0]], "{}", all.text);
    let worst = &all.json[0];
    assert_eq!(
        (&worst["type"], &worst["level"], &worst["cause"], &worst["login"]),
        (
            &json!("USER"),
            &json!("HIGH"),
            &json!("admin_override"),
            &json!("b@example.com")
        )
    );
    let high = server
        .call("GET", "/watchfire/v1/entities?type=user&level=HIGH")
        .send()
        .await?;
    assert_eq!(ids(&high.json), [users[1].as_str()]);
    let first = server.call("GET", "/watchfire/v1/entities?limit=2").send().await?;
    let second = server.call("GET", &next_of(&first)).send().await?;
    assert_eq!(ids(&second.json), [users[0].as_str()]);
    for wrong in ["type=PERSON", "level=WORSE", "after=nowhere", "limit=0"] {
        let refused = server.call("GET", &format!("/watchfire/v1/entities?{wrong}")).send().await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let cleared = server
        .call("DELETE", &format!("/watchfire/v1/entities/user/{}/risk/causes", users[1]))
        .send()
        .await?;
    assert_eq!(cleared.status, 204);
    let left = server.call("GET", "/watchfire/v1/entities").send().await?;
    assert_eq!(ids(&left.json), [users[2].as_str(), &users[0]]);
    let server = server.restart().await?;
    let again = server.call("GET", "/watchfire/v1/entities").send().await?;
    assert_eq!(again.json, left.json);
    Ok(())
}

#[tokio::test]
async fn an_address_tells_what_counts_now_and_forgets_it() -> Result<()> {
    let server = TestServer::start().await?;
    partner_says(&server, "log_only", "MEDIUM").await?;
    let known = server
        .call("GET", "/watchfire/v1/addresses/::ffff:203.0.113.7")
        .send()
        .await?;
    assert_eq!(known.json["ipAddress"], "203.0.113.7", "{}", known.text);
    let signal = &known.json["signals"][0];
    assert_eq!(
        (&signal["level"], &signal["action"], &signal["message"]),
        (&json!("MEDIUM"), &json!("log_only"), &json!("Credential stuffing node"))
    );
    server.clock.advance(Duration::from_secs(400 * 24 * 3_600));
    let later = server.call("GET", "/watchfire/v1/addresses/203.0.113.7").send().await?;
    assert_eq!(later.json["signals"], json!([]));
    assert_eq!(server.call("GET", "/watchfire/v1/addresses/home").send().await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn addresses_that_providers_speak_of_are_listed_the_worst_first_page_by_page() -> Result<()> {
    let server = TestServer::start().await?;
    let subjects: Vec<Value> = [("203.0.113.7", "LOW"), ("2001:db8::15", "HIGH"), ("203.0.113.9", "MEDIUM")]
        .iter()
        .map(|(ip, level)| json!({"ip": ip, "riskLevel": level, "message": "Seen"}))
        .collect();
    let sent = server
        .call("POST", "/api/v1/risk/events/ip")
        .json(&json!([{"subjects": subjects}]));
    assert_eq!(sent.send().await?.status, 202);
    let all = server.call("GET", "/watchfire/v1/addresses").send().await?;
    let addresses = |list: &Value| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items
            .map(|it| it["ipAddress"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(addresses(&all.json), ["2001:db8::15", "203.0.113.9", "203.0.113.7"]);
    assert_eq!(
        (&all.json[0]["level"], &all.json[0]["signals"][0]["message"]),
        (&json!("HIGH"), &json!("Seen"))
    );
    let worse = server.call("GET", "/watchfire/v1/addresses?level=MEDIUM").send().await?;
    assert_eq!(addresses(&worse.json).len(), 2);
    let first = server.call("GET", "/watchfire/v1/addresses?limit=2").send().await?;
    assert_eq!(
        addresses(&server.call("GET", &next_of(&first)).send().await?.json),
        ["203.0.113.7"]
    );
    for wrong in ["level=WORSE", "after=nowhere", "limit=0"] {
        let refused = server.call("GET", &format!("/watchfire/v1/addresses?{wrong}")).send().await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    server.clock.advance(Duration::from_secs(400 * 24 * 3_600));
    assert_eq!(server.call("GET", "/watchfire/v1/addresses").send().await?.json, json!([]));
    Ok(())
}

#[tokio::test]
async fn the_overview_counts_what_the_log_has() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, "jo@example.com").await?;
    for _ in 0..2 {
        assert_eq!(people::sign_in(&server, "jo@example.com").await?.status, 200);
    }
    server.clock.advance(Duration::from_secs(2 * 3_600));
    people::sign_in(&server, "jo@example.com").await?;
    partner_says(&server, "enforce_and_log", "HIGH").await?;
    // What a call has no time to count, a later one has: hours that are over are counted once.
    let mut complete = false;
    for _ in 0..30 {
        let overview = server.call("GET", "/watchfire/v1/overview?hours=3").send().await?;
        complete = overview.json["complete"] == true;
        if !complete {
            continue;
        }
        let events = overview.json["events"].as_array().into_iter().flatten();
        let mut allowed = events.filter(|it| it["eventType"] == "policy.evaluate_sign_on");
        assert_eq!(allowed.next().map(|it| &it["counts"]), Some(&json!([2, 0, 1])));
        let signals = &overview.json["signals"][0];
        assert_eq!((&signals["level"], &signals["counts"]), (&json!("HIGH"), &json!([0, 0, 1])));
        break;
    }
    assert!(complete, "never whole");
    for wrong in ["0", "169", "x"] {
        let refused = server
            .call("GET", &format!("/watchfire/v1/overview?hours={wrong}"))
            .send()
            .await?;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    Ok(())
}

/// The first call fails and the second, a minute later, is answered: a minute.
#[tokio::test]
async fn an_action_that_was_answered_gives_the_time_from_signal_to_action() -> Result<()> {
    let (server, mut target) = (actions::server().await?, Target::start().await?);
    let (id, _) = actions::workflow(&server, "SOAR", &target.url).await?;
    target.then([Reply::status(500), Reply::status(200)]);
    let cause = ActionCause {
        entity: Entity::User(UserId::new("00u1")),
        rule: EntityRiskRuleId::new("rul00000000000000001"),
        policy: EntityRiskPolicyId::new("rst00000000000000001"),
        provider: None,
        receipt: None,
        transaction: "req1".to_owned(),
    };
    let call = ActionCall::Workflow {
        workflow: id,
        payload: json!({}),
    };
    let action = Action::due(ActionId::new("act1"), call, Some(cause), server.clock.now());
    let server = actions::having(server, [action.into()]).await?;
    let before = server.call("GET", "/watchfire/v1/overview").send().await?;
    assert_eq!(
        before.json["signalToAction"],
        json!({"count": 0, "p50Millis": null, "p99Millis": null})
    );
    for count in 1..=2 {
        target.next().await?;
        actions::results(&server, count).await?;
        actions::pass(&server, 60);
    }
    let after = server.call("GET", "/watchfire/v1/overview").send().await?;
    let took = &after.json["signalToAction"];
    assert_eq!((&took["count"], &took["p50Millis"]), (&json!(1), &took["p99Millis"]));
    let millis = took["p50Millis"].as_u64().unwrap_or_default();
    assert!((60_000..62_000).contains(&millis), "{took}");
    Ok(())
}

#[tokio::test]
async fn the_sessions_of_a_user_are_listed_until_they_end() -> Result<()> {
    let server = TestServer::start().await?;
    let jo = people::user(&server, "jo@example.com").await?;
    let token = people::sign_in(&server, "jo@example.com").await?;
    let body = json!({"sessionToken": token.json["sessionToken"]});
    let session = server.call("POST", "/api/v1/sessions").json(&body).send().await?;
    let path = "/watchfire/v1/users/jo@example.com/sessions";
    let listed = server.call("GET", path).send().await?;
    assert_eq!(listed.json[0]["id"], session.json["id"], "{}", listed.text);
    assert_eq!(listed.json[0]["amr"], json!(["pwd"]));
    server.call("DELETE", &format!("/api/v1/users/{jo}/sessions")).send().await?;
    assert_eq!(server.call("GET", path).send().await?.json, json!([]));
    Ok(())
}

#[tokio::test]
async fn each_of_them_asks_for_its_scope() -> Result<()> {
    let server = TestServer::start().await?;
    let app = ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let token = app.token(&server, "okta.logs.read").await?;
    for path in [
        "/watchfire/v1/entities",
        "/watchfire/v1/overview",
        "/watchfire/v1/addresses",
        "/watchfire/v1/addresses/203.0.113.7",
        "/watchfire/v1/users/jo@example.com/sessions",
    ] {
        let refused = server.call("GET", path).bearer(&token).send().await?;
        assert_eq!(refused.status, 403, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn saved_searches_are_each_administrators_own() -> Result<()> {
    let server = TestServer::start().await?;
    let path = "/watchfire/v1/saved-searches";
    let save = async |body: Value| server.call("POST", path).json(&body).send().await;
    let first = save(json!({"name": "Denied", "filter": "outcome.result eq \"DENY\"", "range": "7d"})).await?;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = save(json!({"name": "DENIED", "q": "jo"})).await?;
    assert_eq!((again.status, &again.json["id"]), (201, &first.json["id"]), "one of a name");
    let listed = server.call("GET", path).send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(1));
    assert_eq!((&listed.json[0]["q"], &listed.json[0]["filter"]), (&json!("jo"), &json!("")));
    for wrong in [
        json!({}),
        json!({"name": " "}),
        json!({"name": "x", "filter": "no eq"}),
        json!({"name": "a\u{0}"}),
    ] {
        assert_eq!(save(wrong.clone()).await?.status, 400, "{wrong}");
    }
    let app = ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let token = app.token(&server, "okta.logs.read").await?;
    assert_eq!(server.call("GET", path).bearer(&token).send().await?.status, 403);
    let own = format!("{path}/{}", first.text_at("/id"));
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    assert_eq!(server.call("DELETE", &own).send().await?.status, 404);
    Ok(())
}
