//! okta.md 9.3 through the router.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, TestServer};

use crate::people;

async fn policy(server: &TestServer, body: &Value) -> Result<String> {
    let made = server.call("POST", "/api/v1/policies").json(body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(made.text_at("/id").to_owned())
}

fn staff() -> Value {
    json!({"type": "OKTA_SIGN_ON", "name": "Staff", "status": "ACTIVE", "description": "for staff", "priority": 1,
        "conditions": {"people": {"groups": {"include": []}}}})
}

fn high_risk() -> Value {
    json!({"type": "SIGN_ON", "name": "High risk", "conditions": {"riskScore": {"level": "HIGH"}},
        "actions": {"signon": {"access": "ALLOW", "requireFactor": true}}})
}

fn names(list: &Answer) -> Vec<(&str, u64)> {
    let items = list.json.as_array().into_iter().flatten();
    items
        .map(|it| {
            (
                it["name"].as_str().unwrap_or_default(),
                it["priority"].as_u64().unwrap_or_default(),
            )
        })
        .collect()
}

async fn default_policy(server: &TestServer) -> Result<String> {
    let list = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    assert_eq!(names(&list), [("Default Policy", 1)]);
    assert_eq!(list.json.pointer("/0/system"), Some(&Value::Bool(true)));
    Ok(list.text_at("/0/id").to_owned())
}

#[tokio::test]
async fn a_policy_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let id = policy(&server, &staff()).await?;
    assert!(id.starts_with("00p") && id.len() == 20);
    let path = format!("/api/v1/policies/{id}");
    let got = server.call("GET", &path).send().await?;
    assert_eq!((got.status, &got.json["name"]), (200, &json!("Staff")));
    assert_eq!(got.json["_links"]["self"]["href"], format!("https://org.example{path}"));
    let list = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    assert_eq!(names(&list), [("Staff", 1), ("Default Policy", 2)]);

    let renamed = json!({"type": "OKTA_SIGN_ON", "name": "Everybody", "id": "ignored", "_links": {}});
    let replaced = server.call("PUT", &path).json(&renamed).send().await?;
    assert_eq!((replaced.status, &replaced.json["description"]), (200, &Value::Null));
    let off = server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    assert_eq!((off.status, off.text.as_str()), (204, ""));
    let list = server
        .call("GET", "/api/v1/policies?type=OKTA_SIGN_ON&status=INACTIVE")
        .send()
        .await?;
    assert_eq!(names(&list), [("Everybody", 1)]);
    assert_eq!(
        server
            .call("POST", &format!("{path}/lifecycle/activate"))
            .send()
            .await?
            .status,
        204
    );
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    assert_eq!(gone.status, 404);
    assert_eq!(
        gone.json["errorSummary"],
        format!("Not found: Resource not found: {id} (Policy)")
    );
    default_policy(&server).await?;
    Ok(())
}

#[tokio::test]
async fn a_rule_lives_before_the_default_one() -> Result<()> {
    let server = TestServer::start().await?;
    let rules = format!("/api/v1/policies/{}/rules", default_policy(&server).await?);
    let made = server.call("POST", &rules).json(&high_risk()).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json["conditions"]["risk"], json!({"behaviors": []}));
    assert_eq!(made.json["priority"], 1);
    let path = format!("{rules}/{}", made.json["id"].as_str().unwrap_or_default());
    let list = server.call("GET", &rules).send().await?;
    assert_eq!(names(&list), [("High risk", 1), ("Default Rule", 2)]);

    let mut medium = made.json.clone();
    medium["conditions"]["riskScore"]["level"] = json!("MEDIUM");
    let replaced = server.call("PUT", &path).json(&medium).send().await?;
    assert_eq!(
        (replaced.status, &replaced.json["conditions"]["riskScore"]["level"]),
        (200, &json!("MEDIUM"))
    );
    assert_eq!(
        server
            .call("POST", &format!("{path}/lifecycle/deactivate"))
            .send()
            .await?
            .status,
        204
    );
    assert_eq!(server.call("GET", &path).send().await?.json["status"], "INACTIVE");
    assert_eq!(
        server
            .call("POST", &format!("{path}/lifecycle/activate"))
            .send()
            .await?
            .status,
        204
    );
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(names(&server.call("GET", &rules).send().await?), [("Default Rule", 1)]);
    Ok(())
}

#[tokio::test]
async fn new_objects_may_be_made_inactive() -> Result<()> {
    let server = TestServer::start().await?;
    let made = server
        .call("POST", "/api/v1/policies?activate=false")
        .json(&staff())
        .send()
        .await?;
    assert_eq!((made.status, &made.json["status"]), (200, &json!("INACTIVE")));
    assert!(made.json["_links"].get("activate").is_some());
    Ok(())
}

#[tokio::test]
async fn lists_are_filtered_expanded_and_cut() -> Result<()> {
    let server = TestServer::start().await?;
    policy(&server, &staff()).await?;
    let one = server
        .call("GET", "/api/v1/policies?type=OKTA_SIGN_ON&limit=1&expand=rules")
        .send()
        .await?;
    assert_eq!(names(&one), [("Staff", 1)]);
    assert_eq!(one.json[0]["_embedded"]["rules"], json!([]));
    let next = one.headers.get_all("link").iter().filter_map(|l| l.to_str().ok()).next_back();
    let next = next.and_then(|line| line.split(['<', '>']).nth(1)).unwrap_or_default();
    let two = server
        .call("GET", next.trim_start_matches("https://org.example"))
        .send()
        .await?;
    assert_eq!(names(&two), [("Default Policy", 2)]);
    assert_eq!(two.json[0]["_embedded"]["rules"][0]["name"], "Default Rule");
    let found = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON&q=sta").send().await?;
    assert_eq!(names(&found), [("Staff", 1)]);
    let other = server.call("GET", "/api/v1/policies?type=ACCESS_POLICY").send().await?;
    assert_eq!((other.status, &other.json), (200, &json!([])));
    Ok(())
}

#[tokio::test]
async fn refusals_have_their_shape_and_store_nothing() -> Result<()> {
    let server = TestServer::start().await?;
    let default = default_policy(&server).await?;
    let policies = "/api/v1/policies".to_owned();
    let policy = format!("{policies}/{default}");
    let rules = format!("{policy}/rules");
    let unknown_zone = json!({"name": "r", "conditions": {"network": {"connection": "ZONE", "include": ["nzoX"]}},
        "actions": {"signon": {"access": "DENY"}}});
    for (method, path, body, status, code, cause) in [
        (
            "GET",
            &policies,
            None,
            400,
            "E0000001",
            "type: The field cannot be left blank",
        ),
        (
            "POST",
            &policies,
            Some(json!({"type": "OKTA_SIGN_ON"})),
            400,
            "E0000001",
            "name: The field cannot be left blank",
        ),
        ("POST", &policies, Some(json!([1])), 400, "E0000003", ""),
        (
            "POST",
            &policies,
            Some(json!({"type": "OKTA_SIGN_ON", "name": "default policy"})),
            400,
            "E0000001",
            "name: An object with this field already exists in the current organization",
        ),
        (
            "POST",
            &policies,
            Some(json!({"type": "OKTA_SIGN_ON", "name": "p", "conditions": {"people": {"groups": {"include": ["00gX"]}}}})),
            400,
            "E0000001",
            "conditions.people.groups.include: Invalid group id: 00gX",
        ),
        (
            "DELETE",
            &policy,
            None,
            400,
            "E0000001",
            "policy: The default policy cannot be deleted",
        ),
        (
            "POST",
            &rules,
            Some(unknown_zone),
            400,
            "E0000001",
            "conditions.network.include: Invalid zone id: nzoX",
        ),
        ("PATCH", &policy, None, 405, "E0000022", ""),
    ] {
        let mut call = server.call(method, path);
        if let Some(body) = &body {
            call = call.json(body);
        }
        let answer = call.send().await?;
        assert_eq!(
            (answer.status, answer.error()),
            (status, (code, cause)),
            "{method} {path} {body:?}"
        );
        assert!(answer.json["errorCauses"].is_array());
    }
    for path in [
        "/api/v1/policies/00pX",
        "/api/v1/policies/00pX/rules",
        "/api/v1/policies/00pX/rules/0prX",
        &format!("{rules}/0prX"),
    ] {
        let answer = server.call("GET", path).send().await?;
        assert_eq!((answer.status, answer.error().0), (404, "E0000007"), "{path}");
    }
    let anonymous = server
        .call("GET", "/api/v1/policies?type=OKTA_SIGN_ON")
        .anonymous()
        .send()
        .await?;
    assert_eq!((anonymous.status, anonymous.error().0), (401, "E0000011"));
    default_policy(&server).await?;
    Ok(())
}

/// The rule's id, after it was made in the default policy.
async fn rule(server: &TestServer, body: &Value) -> Result<String> {
    let path = format!("/api/v1/policies/{}/rules", first_policy(server).await?);
    let made = server.call("POST", &path).json(body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(made.text_at("/id").to_owned())
}

async fn first_policy(server: &TestServer) -> Result<String> {
    let list = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    Ok(list.text_at("/0/id").to_owned())
}

#[tokio::test]
async fn every_condition_is_kept() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, "jo.lin@example.com").await?;
    let group = server
        .call("POST", "/api/v1/groups")
        .json(&json!({"profile": {"name": "Payroll"}}))
        .send()
        .await?;
    let group = group.text_at("/id");
    let conditions = json!({
        "people": {"users": {"include": [user], "exclude": []}, "groups": {"exclude": [group]}},
        "network": {"connection": "ANYWHERE"}, "authContext": {"authType": "ANY"}, "risk": {"behaviors": []},
        "riskScore": {"level": "ANY", "minScore": 20, "maxScore": 69},
        "app": {"include": [{"type": "APP", "id": "payroll"}], "exclude": []}, "device": {"known": false},
        "elCondition": {"condition": "security.risk.score >= 40 || 'New IP' in security.behaviors"},
        "identityProvider": {"provider": "ANY"}
    });
    let body = json!({"name": "r", "mode": "MONITOR", "conditions": conditions, "actions": {"signon": {"access": "DENY"}}});
    let path = format!(
        "/api/v1/policies/{}/rules/{}",
        first_policy(&server).await?,
        rule(&server, &body).await?
    );
    let got = server.call("GET", &path).send().await?;
    assert_eq!((&got.json["conditions"], &got.json["mode"]), (&conditions, &json!("MONITOR")));
    // What is not sent is not kept: the rule decides again.
    let mut plain = got.json.clone();
    plain.as_object_mut().map(|it| it.remove("mode"));
    let replaced = server.call("PUT", &path).json(&plain).send().await?;
    assert_eq!((replaced.status, replaced.json.get("mode")), (200, None));
    Ok(())
}

#[tokio::test]
async fn refuses_conditions_that_name_nothing_or_cannot_be_read() -> Result<()> {
    let server = TestServer::start().await?;
    let path = format!("/api/v1/policies/{}/rules", first_policy(&server).await?);
    for (conditions, want) in [
        (
            json!({"people": {"groups": {"include": ["00gMissing"]}}}),
            "conditions.people.groups.include: Invalid group id: 00gMissing",
        ),
        (
            json!({"people": {"users": {"include": ["00uMissing"]}}}),
            "conditions.people.users.include: Invalid user id: 00uMissing",
        ),
        (
            json!({"elCondition": {"condition": "security.risk.mood == 'bad'"}}),
            "conditions.elCondition.condition: No such key: mood",
        ),
        (
            json!({"elCondition": {"condition": "user.groups.all(g, user.groups.all(h, g == h))"}}),
            "conditions.elCondition.condition: One loop cannot be within another",
        ),
        (
            json!({"riskScore": {"level": "ANY", "minScore": 70, "maxScore": 40}}),
            "conditions.riskScore.minScore: Must not be greater than maxScore",
        ),
    ] {
        let body = json!({"name": "r", "conditions": conditions, "actions": {"signon": {"access": "DENY"}}});
        let refused = server.call("POST", &path).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", want)));
    }
    let body = json!({"name": "r", "conditions": {"elCondition": {"condition": "security.risk.level ="}}, "actions": {"signon": {"access": "DENY"}}});
    let refused = server.call("POST", &path).json(&body).send().await?;
    assert_eq!(
        refused.json["errorSummary"],
        "Api validation failed: conditions.elCondition.condition"
    );
    assert!(refused.error().1.contains("at line 1, column "), "{}", refused.text);
    Ok(())
}

/// A rule that watches changes no sign-in; what it would have decided is in the log.
#[tokio::test]
async fn a_watching_rule_is_only_logged() -> Result<()> {
    const JO: &str = "jo.lin@example.com";
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let mut body = json!({"name": "unknown devices", "mode": "MONITOR", "conditions": {"device": {"known": false}},
        "actions": {"signon": {"access": "DENY"}}});
    let id = rule(&server, &body).await?;
    assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    let evaluated = &people::events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["outcome"]["result"], "ALLOW");
    assert_eq!(
        evaluated["debugContext"]["debugData"]["monitoredRules"],
        format!("[{{rule={id}, name=unknown devices, decision=DENY}}]")
    );
    // The device is known now, and a rule that decides lets it pass.
    body["mode"] = json!("ENFORCE");
    body["name"] = json!("unknown devices, for good");
    rule(&server, &body).await?;
    server.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    let evaluated = &people::events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["debugContext"]["debugData"].get("monitoredRules"), None);
    Ok(())
}

/// Without data sets nobody knows where an address is: a denial becomes a challenge, and nobody is let in by it.
#[tokio::test]
async fn a_place_that_nobody_knows_errs_towards_a_challenge() -> Result<()> {
    const JO: &str = "jo.lin@example.com";
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    let zone = json!({"type": "DYNAMIC", "name": "home", "locations": [{"country": "NO"}]});
    let zone = server.call("POST", "/api/v1/zones").json(&zone).send().await?;
    let zone = zone.text_at("/id");
    let body = json!({"name": "abroad", "conditions": {"network": {"connection": "ZONE", "exclude": [zone]}},
        "actions": {"signon": {"access": "DENY"}}});
    rule(&server, &body).await?;
    let refused = people::sign_in(&server, JO).await?;
    assert_eq!((refused.status, refused.error().0), (401, "E0000004"));
    let evaluated = &people::events(&server, "policy.evaluate_sign_on").await?[0];
    assert_eq!(evaluated["outcome"]["result"], "CHALLENGE");
    let started = &people::events(&server, "user.session.start").await?[0];
    assert_eq!(started["outcome"]["reason"], "NO_FACTOR");
    Ok(())
}
