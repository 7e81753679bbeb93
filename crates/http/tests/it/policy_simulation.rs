//! `POST /api/v1/policies/simulate` (okta.md 9.3) through the router.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{ServiceApp, TestServer};

use crate::people;

const JO: &str = "jo.lin@example.com";
const SIMULATE: &str = "/api/v1/policies/simulate";

async fn simulate(server: &TestServer, query: &str, body: &Value) -> Result<Value> {
    let answer = server.call("POST", &format!("{SIMULATE}{query}")).json(body).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(answer.json)
}

async fn made(server: &TestServer, path: &str, body: &Value) -> Result<String> {
    let made = server.call("POST", path).json(body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json["id"].as_str().map(str::to_owned).context("an id")
}

/// HIGH is refused, unknown devices from the office's zone are challenged, the rest gets in.
async fn world(server: &TestServer) -> Result<String> {
    let zone = json!({"type": "IP", "name": "Office", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let zone = made(server, "/api/v1/zones", &zone).await?;
    let rules = format!("{}/rules", people::default_policy(server).await?);
    let office = json!({"type": "SIGN_ON", "name": "Office", "priority": 1,
        "conditions": {"network": {"connection": "ZONE", "include": [zone]}, "device": {"known": false}},
        "actions": {"signon": {"access": "ALLOW", "requireFactor": true}}});
    made(server, &rules, &office).await?;
    people::add_rule(server, "HIGH", json!({"access": "DENY"})).await?;
    Ok(zone)
}

fn met(evaluation: &Value, list: &str) -> Vec<String> {
    let policies = evaluation[list]["policies"].as_array().into_iter().flatten();
    let rules = policies.flat_map(|policy| policy["rules"].as_array().into_iter().flatten());
    rules
        .filter_map(|rule| Some(format!("{} {}", rule["name"].as_str()?, rule["status"].as_str()?)))
        .collect()
}

#[tokio::test]
async fn the_rule_that_a_sign_in_would_meet_is_told_with_its_conditions() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let zone = world(&server).await?;
    let context = |more: Value| {
        let mut context = json!({"user": {"id": user}});
        context
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        json!([{"policyTypes": ["OKTA_SIGN_ON"], "appInstance": "payroll", "policyContext": context}])
    };
    let unknown_device = json!({"registered": false});
    for (more, status, result, undefined) in [
        (json!({"risk": {"level": "HIGH"}}), "MATCH", vec!["At HIGH MATCH"], vec![]),
        (
            json!({"risk": {"level": "LOW"}, "ip": "203.0.113.7", "device": unknown_device}),
            "MATCH",
            vec!["Office MATCH"],
            vec![],
        ),
        (
            json!({"risk": {"level": "LOW"}, "zones": {"ids": [zone]}, "device": unknown_device}),
            "MATCH",
            vec!["Office MATCH"],
            vec![],
        ),
        (
            json!({"risk": {"level": "LOW"}, "ip": "192.0.2.1", "device": unknown_device}),
            "MATCH",
            vec!["Default Rule MATCH"],
            vec![],
        ),
        (
            json!({"risk": {"level": "LOW"}, "ip": "203.0.113.7"}),
            "UNDEFINED",
            vec!["Default Rule MATCH"],
            vec!["Office UNDEFINED"],
        ),
        (
            json!({}),
            "UNDEFINED",
            vec!["Default Rule MATCH"],
            vec!["At HIGH UNDEFINED", "Office UNDEFINED"],
        ),
    ] {
        let evaluations = simulate(&server, "", &context(more.clone())).await?;
        let evaluation = &evaluations[0];
        assert_eq!(evaluation["status"], status, "{more}: {evaluation}");
        assert_eq!(
            (met(evaluation, "result"), met(evaluation, "undefined")),
            (
                result.iter().map(|it| (*it).to_owned()).collect(),
                undefined.iter().map(|it| (*it).to_owned()).collect()
            ),
            "{more}: {evaluation}"
        );
        assert_eq!(
            (&evaluation["policyType"], evaluation.get("evaluated")),
            (&json!(["OKTA_SIGN_ON"]), None)
        );
        assert_eq!(evaluation["result"]["policies"][0]["rules"][0]["conditions"], json!([]));
    }
    let low = context(json!({"risk": {"level": "LOW"}, "ip": "192.0.2.1", "device": unknown_device}));
    let evaluations = simulate(&server, "?expand=EVALUATED&expand=RULE", &low).await?;
    assert_eq!(
        met(&evaluations[0], "evaluated"),
        ["At HIGH NOT_MATCH", "Office NOT_MATCH", "Default Rule MATCH"]
    );
    let policy = &evaluations[0]["evaluated"]["policies"][0];
    assert_eq!(
        (&policy["name"], &policy["status"]),
        (&json!("Default Policy"), &json!("MATCH"))
    );
    let conditions = policy["rules"][1]["conditions"].as_array().context("conditions")?;
    let network = conditions.iter().find(|it| it["type"] == "network").context("network")?;
    assert_eq!(
        (&network["status"], &network["got"]),
        (&json!("NOT_MATCH"), &json!("192.0.2.1 in none"))
    );
    assert_eq!(evaluations[0]["result"]["policies"][0]["rules"][0]["decision"], "ALLOW");
    Ok(())
}

/// The guide's call sends an object and reads `evaluation`; the SDKs send a list and read one.
#[tokio::test]
async fn a_single_object_is_answered_as_the_guide_has_it() -> Result<()> {
    let server = TestServer::start().await?;
    let groups = server.call("GET", "/api/v1/groups").send().await?;
    let everyone = groups.json[0]["id"].as_str().context("a group")?;
    let body = json!({"appInstance": "0oa1", "policyContext": {"groups": {"ids": [everyone]}}});
    let answer = simulate(&server, "?expand=EVALUATED&expand=RULE", &body).await?;
    let evaluation = &answer["evaluation"][0];
    assert_eq!(
        (&evaluation["policyType"], &evaluation["status"]),
        (&json!("OKTA_SIGN_ON"), &json!("MATCH")),
        "{answer}"
    );
    assert_eq!(met(evaluation, "result"), ["Default Rule MATCH"]);
    let other = json!({"policyTypes": ["ACCESS_POLICY"], "policyContext": {"groups": {"ids": [everyone]}}});
    let answer = simulate(&server, "", &other).await?;
    assert_eq!(
        answer["evaluation"],
        json!([{"status": "NOT_MATCH", "policyType": "ACCESS_POLICY", "result": {"policies": []}, "undefined": {"policies": []}}])
    );
    Ok(())
}

/// One evaluation for both, so that nothing is promised that does not happen.
#[tokio::test]
async fn what_is_simulated_is_what_happens() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    for _ in 0..5 {
        server.clock.advance(Duration::from_secs(60));
        assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    }
    world(&server).await?;
    let mut decisions = Vec::new();
    for (ip, user_agent) in [
        ("203.0.113.7", "Test/1.0"),
        ("203.0.113.9", "Other/2.0"),
        ("198.51.100.1", "Other/2.0"),
    ] {
        let attempt = json!({"user": {"login": JO}, "client": {"ipAddress": ip, "userAgent": user_agent}});
        let asked = server.call("POST", "/watchfire/v1/sign-ins").json(&attempt).send().await?;
        let path = format!("/watchfire/v1/sign-ins/{}", asked.text_at("/id"));
        let record = server.call("GET", &path).send().await?.json;
        let body = json!([{"policyContext": {"user": {"id": user}, "ip": ip, "device": {"known": user_agent == "Test/1.0"},
            "risk": {"level": record["risk"]["level"], "score": record["risk"]["score"], "behaviors": []}}}]);
        let evaluation = simulate(&server, "", &body).await?;
        let rule = &evaluation[0]["result"]["policies"][0]["rules"][0];
        assert_eq!(
            (&evaluation[0]["status"], &rule["name"], &rule["decision"]),
            (&json!("MATCH"), &record["policy"]["rule"]["name"], &record["decision"]),
            "{evaluation} {record}"
        );
        decisions.push(rule["decision"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(decisions.first().map(String::as_str), Some("ALLOW"));
    assert_eq!(decisions.get(1).map(String::as_str), Some("CHALLENGE"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_imagined_is_refused() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let one = |more: Value| {
        let mut context = json!({"user": {"id": user}});
        context
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        json!([{"policyContext": context}])
    };
    let twenty_one = Value::Array(vec![one(json!({}))[0].clone(); 21]);
    for (body, field) in [
        (json!([]), "simulatePolicy"),
        (twenty_one, "simulatePolicy"),
        (json!([{}]), "policyContext"),
        (json!([{"policyContext": {}}]), "policyContext.user"),
        (one(json!({"groups": {"ids": []}})), "policyContext.user"),
        (one(json!({"user": {"id": "00u404"}})), "policyContext.user.id"),
        (
            json!([{"policyContext": {"groups": {"ids": ["00g404"]}}}]),
            "policyContext.groups",
        ),
        (one(json!({"ip": "somewhere"})), "policyContext.ip"),
        (one(json!({"ip": "192.0.2.1", "zones": {"ids": []}})), "policyContext.ip"),
        (one(json!({"zones": {"ids": ["nzo404"]}})), "policyContext.zones.ids"),
        (one(json!({"risk": {"level": "SOME"}})), "policyContext.risk.level"),
        (one(json!({"risk": "HIGH"})), "policyContext.risk"),
        (one(json!({"risk": {"score": "5"}})), "policyContext.risk.score"),
        (one(json!({"risk": {"behaviors": "New IP"}})), "policyContext.risk.behaviors"),
        (one(json!({"device": {"known": "yes"}})), "policyContext.device.known"),
        (
            one(json!({"device": {"known": true, "registered": false}})),
            "policyContext.device.known",
        ),
        (one(json!({"ip": 5})), "policyContext.ip"),
        (one(json!({"zones": "nzo1"})), "policyContext.zones.ids"),
        (one(json!({"user": "00u1"})), "policyContext.user"),
        (
            json!([{"appInstance": 5, "policyContext": {"user": {"id": user}}}]),
            "appInstance",
        ),
        (
            one(json!({"risk": {"behaviors": ["New Moon"]}})),
            "policyContext.risk.behaviors",
        ),
        (
            json!([{"policyTypes": ["PASSWORD"], "policyContext": {"user": {"id": user}}}]),
            "policyTypes",
        ),
    ] {
        let answer = server.call("POST", SIMULATE).json(&body).send().await?;
        assert_eq!(
            (answer.status, answer.error().0),
            (400, "E0000001"),
            "{body}: {}",
            answer.text
        );
        assert_eq!(
            answer.json["errorSummary"],
            format!("Api validation failed: {field}"),
            "{body}"
        );
    }
    let unknown = server
        .call("POST", &format!("{SIMULATE}?expand=ALL"))
        .json(&one(json!({})))
        .send()
        .await?;
    assert_eq!(unknown.status, 400);
    let app = ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let token = app.token(&server, "okta.logs.read").await?;
    let refused = server
        .call("POST", SIMULATE)
        .bearer(&token)
        .json(&one(json!({})))
        .send()
        .await?;
    assert_eq!((refused.status, refused.error().0), (403, "E0000006"), "{}", refused.text);
    Ok(())
}
