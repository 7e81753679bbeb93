//! Trying policies out before they are enforced, through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_app::{Settings, insight::simulations::SimulationLimits};
use watchfire_harness::{Answer, TestApp, TestServer};

use crate::people::{self, sign_in};

const JO: &str = "jo.lin@example.com";
const SIMULATIONS: &str = "/watchfire/v1/simulations";

/// Its result, however long it takes.
async fn simulate(server: &TestServer, body: &Value) -> Result<Value> {
    let made = server.call("POST", SIMULATIONS).json(body).send().await?;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("{SIMULATIONS}/{}", made.json["id"].as_str().context("an id")?);
    let mut simulation = made.json;
    while simulation["status"] == "RUNNING" {
        tokio::task::yield_now().await;
        simulation = server.call("GET", &path).send().await?.json;
    }
    assert_eq!(simulation["status"], "DONE", "{simulation}");
    assert_eq!(simulation["progress"]["percent"], 100);
    Ok(simulation["result"].clone())
}

async fn refused(server: &TestServer, body: &Value) -> Result<Answer> {
    let answer = server.call("POST", SIMULATIONS).json(body).send().await?;
    assert_eq!(
        (answer.status, answer.error().0),
        (400, "E0000001"),
        "{body}: {}",
        answer.text
    );
    Ok(answer)
}

/// A server whose simulations have other limits.
async fn limited(change: impl FnOnce(&mut SimulationLimits)) -> Result<TestServer> {
    let settings = |it: &mut Settings| change(&mut it.simulations);
    Ok(TestServer::over(TestApp::builder().settings(settings).start().await?))
}

fn deny(level: &str) -> Value {
    json!({
        "type": "SIGN_ON", "name": format!("No {level}"), "priority": 1,
        "conditions": {"riskScore": {"level": level}},
        "actions": {"signon": {"access": "DENY"}},
    })
}

/// A user whose sign-ins were HIGH, MEDIUM, MEDIUM and LOW.
async fn known_user(server: &TestServer) -> Result<()> {
    people::user(server, JO).await?;
    for _ in 0..4 {
        server.clock.advance(Duration::from_secs(1));
        assert_eq!(sign_in(server, JO).await?.status, 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_drafted_rule_tells_whom_it_would_have_refused_and_why() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    let result = simulate(&server, &json!({"draft": {"rules": [deny("HIGH")]}})).await?;
    assert_eq!((&result["compared"], &result["changed"]), (&json!(4), &json!(1)), "{result}");
    assert_eq!(result["decisions"], json!({"ALLOW": {"ALLOW": 3, "DENY": 1}}));
    assert_eq!(
        result["levels"],
        json!({"HIGH": {"HIGH": 1}, "MEDIUM": {"MEDIUM": 2}, "LOW": {"LOW": 1}})
    );
    let user = &result["users"]["most"][0];
    assert_eq!(
        (&user["login"], &user["changed"], &user["stricter"]),
        (&json!(JO), &json!(1), &json!(1))
    );
    let example = &result["examples"][0];
    assert_eq!(
        (&example["before"]["rule"], &example["after"]["rule"]),
        (&json!("Default Rule"), &json!("No HIGH"))
    );
    assert_eq!(example["after"]["decision"], "DENY");
    // Nothing has changed but that somebody knows.
    let rules = format!("{}/rules", people::default_policy(&server).await?);
    let rules = server.call("GET", &rules).send().await?;
    assert_eq!(rules.json.as_array().map(Vec::len), Some(1));
    assert_eq!(sign_in(&server, JO).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn the_policies_of_the_time_decide_again_as_they_did() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    people::add_rule(&server, "LOW", json!({"access": "DENY"})).await?;
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&server, JO).await?.status, 401);
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&server, JO).await?.status, 200);
    // The provider is of no account any more; that changes nothing of what was.
    people::partner_says(&server, "none", "HIGH").await?;

    let unchanged = simulate(&server, &json!({})).await?;
    assert_eq!(
        (&unchanged["compared"], &unchanged["changed"], &unchanged["differing"]),
        (&json!(6), &json!(0), &json!(0)),
        "{unchanged}"
    );
    assert_eq!(unchanged["skipped"], json!({"otherVersion": 0, "withoutPolicies": 0}));

    let current = simulate(&server, &json!({"base": "CURRENT"})).await?;
    assert_eq!(current["decisions"]["ALLOW"], json!({"ALLOW": 4, "DENY": 1}), "{current}");

    let listed = server.call("GET", "/api/v1/risk/providers").send().await?;
    let provider = listed.json[0]["id"].as_str().context("a provider")?;
    let unheard = simulate(&server, &json!({"draft": {"providers": {provider: {"action": "none"}}}})).await?;
    assert_eq!(unheard["levels"]["HIGH"]["LOW"], 1, "{unheard}");
    assert_eq!(unheard["decisions"]["ALLOW"]["DENY"], 1);
    let factors = unheard["examples"][0]["factors"].as_array().context("factors")?;
    assert!(factors.iter().any(|it| it["factor"] == "level_floor"), "{unheard}");
    Ok(())
}

#[tokio::test]
async fn thresholds_and_cold_start_are_tried_out_over_a_range() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    people::add_rule(&server, "HIGH", json!({"access": "DENY"})).await?;
    let draft = json!({"coldStart": {"level": "LOW", "minEvents": 0}, "thresholds": {"medium": 1, "high": 2}});
    let result = simulate(&server, &json!({"base": "CURRENT", "draft": draft})).await?;
    let levels = json!({"HIGH": {"HIGH": 1}, "MEDIUM": {"LOW": 2}, "LOW": {"LOW": 1}});
    assert_eq!((&result["compared"], &result["levels"]), (&json!(4), &levels), "{result}");
    // The first one is HIGH by its score now, no more as one of a new user.
    let factors = json!([{"factor": "cold_start", "before": 47, "after": 0}]);
    assert_eq!(result["examples"][0]["factors"], factors, "{result}");
    // 08:00:01 to 08:00:04 they were; the end of a range is not in it.
    let range = json!({"since": "2027-01-15T08:00:02.000Z", "until": "2027-01-15T08:00:04.000Z"});
    assert_eq!(simulate(&server, &range).await?["compared"], 2);
    let nobody = json!({"since": "2020-01-01T00:00:00.000Z", "until": "2020-01-02T00:00:00.000Z"});
    assert_eq!(simulate(&server, &nobody).await?["compared"], 0);
    Ok(())
}

#[tokio::test]
async fn what_could_not_be_made_cannot_be_drafted() -> Result<()> {
    let server = TestServer::start().await?;
    let nameless = json!({"conditions": {}, "actions": {"signon": {"access": "DENY"}}});
    let elsewhere = json!({
        "name": "Elsewhere", "conditions": {"network": {"connection": "ZONE", "include": ["nzo404"]}},
        "actions": {"signon": {"access": "DENY"}},
    });
    let with = |member: &str, value: Value| {
        let mut rule = deny("HIGH");
        rule[member] = value;
        rule
    };
    let lost = json!({"policyId": "00p404", "name": "Lost", "actions": {"signon": {"access": "DENY"}}});
    for (body, member) in [
        (json!({"draft": {"rules": [nameless]}}), "draft.rules[0].name"),
        (
            json!({"draft": {"rules": [deny("HIGH"), deny("HIGH")]}}),
            "draft.rules[1].name",
        ),
        (
            json!({"draft": {"rules": [elsewhere]}}),
            "draft.rules[0].conditions.network.include",
        ),
        (json!({"draft": {"rules": [lost]}}), "draft.rules[0]"),
        (json!({"draft": {"rules": ["none"]}}), "draft.rules[0]"),
        (json!({"draft": {"rules": {}}}), "draft.rules"),
        (
            json!({"draft": {"policies": [{"type": "PASSWORD", "name": "x"}]}}),
            "draft.policies[0].type",
        ),
        (json!({"draft": {"zones": [{"type": "IP"}]}}), "draft.zones[0].name"),
        (json!({"draft": {"rules": [with("id", json!(5))]}}), "draft.rules[0].id"),
        (json!({"draft": {"rules": [with("id", json!(""))]}}), "draft.rules[0].id"),
        (
            json!({"draft": {"rules": [with("policyId", json!(["00p1"]))]}}),
            "draft.rules[0].policyId",
        ),
        (
            json!({"draft": {"rules": [with("priority", json!("1"))]}}),
            "draft.rules[0].priority",
        ),
        (
            json!({"draft": {"rules": [with("status", json!(true))]}}),
            "draft.rules[0].status",
        ),
        (json!({"draft": {"rules": [with("mode", json!(1))]}}), "draft.rules[0].mode"),
        (
            json!({"draft": {"rules": [with("conditions", json!([]))]}}),
            "draft.rules[0].conditions",
        ),
        (
            json!({"draft": {"rules": [with("id", json!("0pr1")), deny("LOW"), with("id", json!("0pr1"))]}}),
            "draft.rules[2].id",
        ),
        (
            json!({"draft": {"zones": [{"id": "x", "type": "IP", "name": "X"}],
                "policies": [{"id": "x", "type": "OKTA_SIGN_ON", "name": "X"}]}}),
            "draft.policies[0].id",
        ),
        (
            json!({"draft": {"thresholds": {"medium": 70, "high": 40}}}),
            "draft.thresholds.high",
        ),
        (json!({"draft": {"thresholds": {"high": 101}}}), "draft.thresholds.high"),
        (json!({"draft": {"treshold": {}}}), "draft.treshold"),
        (json!({"draft": {"coldStart": {"level": "SOME"}}}), "draft.coldStart.level"),
        (
            json!({"draft": {"providers": {"rkp404": {"trust": 0.4}}}}),
            "draft.providers.rkp404",
        ),
        (
            json!({"draft": {"providers": {"rkp404": {"trust": 1.4}}}}),
            "draft.providers.rkp404.trust",
        ),
        (json!({"base": "RECORDED", "draft": {"rules": [deny("HIGH")]}}), "base"),
        (json!({"since": "yesterday"}), "since"),
        (
            json!({"since": "2027-01-15T08:00:00.000Z", "until": "2027-01-15T08:00:00.000Z"}),
            "until",
        ),
        (json!({"limit": 0}), "limit"),
    ] {
        let answer = refused(&server, &body).await?;
        assert_eq!(
            answer.json["errorSummary"],
            format!("Api validation failed: {member}"),
            "{body}: {}",
            answer.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_simulation_is_listed_ended_and_forgotten() -> Result<()> {
    let server = TestServer::start().await?;
    known_user(&server).await?;
    let made = server.call("POST", SIMULATIONS).json(&json!({"limit": 3})).send().await?;
    let id = made.json["id"].as_str().context("an id")?;
    let listed = server.call("GET", SIMULATIONS).send().await?;
    assert_eq!(
        (listed.json[0]["id"].as_str(), listed.json[0].get("result")),
        (Some(id), None)
    );
    let path = format!("{SIMULATIONS}/{id}");
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    for method in ["GET", "DELETE"] {
        let gone = server.call(method, &path).send().await?;
        assert_eq!((gone.status, gone.error().0), (404, "E0000007"), "{method}");
    }
    let again = server.call("POST", SIMULATIONS).json(&json!({})).send().await?;
    let path = format!("{SIMULATIONS}/{}", again.json["id"].as_str().context("an id")?);
    assert_eq!(server.call("GET", &path).send().await?.status, 200);
    server.clock.advance(Duration::from_secs(3_600));
    assert_eq!(server.call("GET", &path).send().await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn foreign_sign_ins_are_decided_again_whatever_was_told_of_them() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let attempt = json!({"user": {"login": JO}, "client": {"ipAddress": "203.0.113.7", "userAgent": "Test/1.0"}});
    let mut ids = Vec::new();
    for result in ["SUCCESS", "SUCCESS", "FAILURE", "CHALLENGE_PASSED", "SUCCESS"] {
        server.clock.advance(Duration::from_secs(1));
        let asked = server.call("POST", "/watchfire/v1/sign-ins").json(&attempt).send().await?;
        let id = asked.json["id"].as_str().context("an id")?.to_owned();
        let outcome = format!("/watchfire/v1/sign-ins/{id}/outcome");
        let told = server.call("POST", &outcome).json(&json!({"result": result})).send().await?;
        assert_eq!(told.status, 204, "{}", told.text);
        ids.push(outcome);
    }
    let not_me = json!({"result": "NOT_ME"});
    for outcome in &ids[3..] {
        assert_eq!(server.call("POST", outcome).json(&not_me).send().await?.status, 204);
    }
    people::add_rule(&server, "HIGH", json!({"access": "ALLOW", "requireFactor": true})).await?;
    // Of somebody who is switched off no rule is asked, then or now.
    let suspend = format!("/api/v1/users/{user}/lifecycle/suspend");
    assert_eq!(server.call("POST", &suspend).send().await?.status, 200);
    server.clock.advance(Duration::from_secs(1));
    let off = server.call("POST", "/watchfire/v1/sign-ins").json(&attempt).send().await?;
    assert_eq!(off.json["decision"], "DENY", "{}", off.text);

    let unchanged = simulate(&server, &json!({})).await?;
    assert_eq!(
        (&unchanged["compared"], &unchanged["differing"]),
        (&json!(6), &json!(0)),
        "{unchanged}"
    );
    let current = simulate(&server, &json!({"base": "CURRENT"})).await?;
    let expected = json!({"ALLOW": {"ALLOW": 4, "CHALLENGE": 1}, "DENY": {"DENY": 1}});
    assert_eq!(current["decisions"], expected, "{current}");
    Ok(())
}

/// The longer the range and the more often policies change, the longer it takes, and no more.
#[tokio::test]
async fn a_simulation_holds_a_page_and_few_policies_however_long_its_range() -> Result<()> {
    let server = limited(|it| (it.page, it.policies) = (5, 2)).await?;
    people::user(&server, JO).await?;
    let policy = people::default_policy(&server).await?;
    for round in 0..24 {
        let rule = json!({
            "type": "SIGN_ON", "name": format!("Rule {round}"), "conditions": {"riskScore": {"level": "HIGH"}},
            "actions": {"signon": {"access": "ALLOW"}},
        });
        // All of this within one instant: the policies are told apart by what they hold.
        let made = server.call("POST", &format!("{policy}/rules")).json(&rule).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
        assert_eq!(sign_in(&server, JO).await?.status, 200);
    }
    let made = server.call("POST", SIMULATIONS).json(&json!({})).send().await?;
    let path = format!("{SIMULATIONS}/{}", made.json["id"].as_str().context("an id")?);
    let mut simulation = made.json;
    while simulation["status"] == "RUNNING" {
        tokio::task::yield_now().await;
        simulation = server.call("GET", &path).send().await?.json;
    }
    let result = &simulation["result"];
    assert_eq!(
        (
            &result["compared"],
            &result["differing"],
            &result["skipped"]["withoutPolicies"]
        ),
        (&json!(24), &json!(0), &json!(0)),
        "{result}"
    );
    assert_eq!(simulation["progress"]["mostHeld"], json!({"records": 5, "policies": 2}));
    Ok(())
}

#[tokio::test]
async fn a_simulation_that_is_ended_in_the_middle_of_its_range_stops_there() -> Result<()> {
    let server = limited(|it| (it.page, it.answer_within) = (1, Duration::from_secs(50))).await?;
    people::user(&server, JO).await?;
    for _ in 0..60 {
        server.clock.advance(Duration::from_secs(1));
        assert_eq!(sign_in(&server, JO).await?.status, 200);
    }
    let body = json!({});
    let asked = server.call("POST", SIMULATIONS).json(&body).send();
    let ended = async {
        loop {
            let listed = server.call("GET", SIMULATIONS).send().await?;
            if listed.json[0]["progress"]["read"].as_u64() > Some(0) {
                let id = listed.json[0]["id"].as_str().context("an id")?.to_owned();
                let path = format!("{SIMULATIONS}/{id}");
                assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
                assert_eq!(server.call("GET", &path).send().await?.status, 404);
                return anyhow::Ok(());
            }
            tokio::task::yield_now().await;
        }
    };
    let (answer, ended) = tokio::join!(asked, ended);
    ended?;
    let simulation = answer?.json;
    assert_eq!(
        (&simulation["status"], simulation.get("result")),
        (&json!("CANCELLED"), None),
        "{simulation}"
    );
    let read = simulation["progress"]["read"].as_u64().context("a number")?;
    assert!((1..60).contains(&read), "{simulation}");
    Ok(())
}

#[tokio::test]
async fn what_may_be_asked_of_a_simulation_is_bounded_by_settings() -> Result<()> {
    let server = limited(|it| (it.examples, it.drafts, it.running) = (3, 1, 0)).await?;
    let two = json!({"draft": {"rules": [deny("HIGH"), deny("LOW")]}});
    for (body, member) in [(json!({"limit": 4}), "limit"), (two, "draft.rules")] {
        let answer = refused(&server, &body).await?;
        assert_eq!(answer.json["errorSummary"], format!("Api validation failed: {member}"));
    }
    let answer = server.call("POST", SIMULATIONS).json(&json!({"limit": 3})).send().await?;
    assert_eq!((answer.status, answer.error().0), (429, "E0000047"), "{}", answer.text);
    Ok(())
}
