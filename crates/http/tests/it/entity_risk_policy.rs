//! The ENTITY_RISK policy (okta.md 9.4) through the router.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, ORG_URL, SetSender, TestServer};

use crate::people::{events, sign_in, user};

const JO: &str = "jo.lin@example.com";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";

async fn policy(server: &TestServer) -> Result<String> {
    let listed = server.call("GET", "/api/v1/policies?type=ENTITY_RISK").send().await?;
    assert_eq!(listed.json.as_array().map(Vec::len), Some(1), "{}", listed.text);
    Ok(format!("/api/v1/policies/{}", listed.text_at("/0/id")))
}

fn rule(name: &str, level: &str, actions: Value) -> Value {
    json!({"type": "ENTITY_RISK", "name": name, "conditions": {"entityRisk": {"level": level}},
        "actions": {"entityRisk": {"actions": actions}}})
}

fn ends_sessions() -> Value {
    json!([{"action": "TERMINATE_ALL_SESSIONS"}])
}

async fn add(server: &TestServer, body: &Value) -> Result<Answer> {
    let path = format!("{}/rules", policy(server).await?);
    server.call("POST", &path).json(body).send().await
}

#[tokio::test]
async fn an_organisation_comes_with_the_policy_and_its_catch_all_rule() -> Result<()> {
    let server = TestServer::start().await?;
    let path = policy(&server).await?;
    let got = server.call("GET", &format!("{path}?expand=rules")).send().await?;
    assert!(path.starts_with("/api/v1/policies/rst"));
    let href = format!("{ORG_URL}{path}");
    for (member, want) in [
        ("name", json!("Entity Risk Policy")),
        ("type", json!("ENTITY_RISK")),
        ("status", json!("ACTIVE")),
        ("priority", json!(1)),
        ("system", json!(true)),
        ("conditions", Value::Null),
        (
            "_links",
            json!({"self": {"href": href, "hints": {"allow": ["GET", "PUT"]}},
                "rules": {"href": format!("{href}/rules"), "hints": {"allow": ["GET", "POST"]}}}),
        ),
    ] {
        assert_eq!(got.json.get(member), Some(&want), "{member}");
    }
    let rules = &got.json["_embedded"]["rules"];
    assert_eq!(rules.as_array().map(Vec::len), Some(1));
    let all = &rules[0];
    assert!(all["id"].as_str().is_some_and(|id| id.starts_with("rul")));
    assert_eq!(
        (&all["priority"], &all["system"], &all["conditions"], &all["actions"]),
        (
            &json!(99),
            &json!(true),
            &Value::Null,
            &json!({"entityRisk": {"actions": []}})
        )
    );
    let listed = server.call("GET", &format!("{path}/rules")).send().await?;
    assert_eq!(&listed.json, rules);
    Ok(())
}

#[tokio::test]
async fn the_policy_is_renamed_and_neither_made_nor_removed() -> Result<()> {
    let server = TestServer::start().await?;
    let path = policy(&server).await?;
    let body = json!({"type": "ENTITY_RISK", "name": "Entities", "description": "d"});
    let renamed = server.call("PUT", &path).json(&body).send().await?;
    assert_eq!((renamed.status, renamed.text_at("/name")), (200, "Entities"));
    for (method, path, body, want) in [
        (
            "POST",
            "/api/v1/policies".to_owned(),
            Some(&body),
            "type: There is one entity risk policy, and no second one can be created",
        ),
        (
            "DELETE",
            path.clone(),
            None,
            "policy: The entity risk policy cannot be deleted",
        ),
        (
            "POST",
            format!("{path}/lifecycle/deactivate"),
            None,
            "status: The entity risk policy cannot be deactivated",
        ),
    ] {
        let call = server.call(method, &path);
        let answer = match body {
            Some(body) => call.json(body).send().await?,
            None => call.send().await?,
        };
        assert_eq!((answer.status, answer.error().1), (400, want));
    }
    let on = server.call("POST", &format!("{path}/lifecycle/activate")).send().await?;
    assert_eq!(on.status, 204);
    for path in ["/api/v1/policies/rstnone", "/api/v1/policies/rstnone/rules"] {
        assert_eq!(server.call("GET", path).send().await?.status, 404);
    }
    assert_eq!(server.call("DELETE", "/api/v1/policies/rstnone").send().await?.status, 404);
    let off = server
        .call("GET", "/api/v1/policies?type=ENTITY_RISK&status=INACTIVE")
        .send()
        .await?;
    assert_eq!(off.json, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_rule_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let first = add(&server, &rule("First", "HIGH", ends_sessions())).await?;
    assert_eq!((first.status, &first.json["priority"]), (200, &json!(1)), "{}", first.text);
    let second = add(&server, &rule("Second", "ANY", json!([]))).await?;
    assert_eq!(second.json["priority"], json!(2));
    let rules = format!("{}/rules", policy(&server).await?);
    let own = format!("{rules}/{}", second.text_at("/id"));
    let mut body = rule("Second", "LOW", json!([{"action": "DEACTIVATE_USER"}]));
    body["priority"] = json!(1);
    let replaced = server.call("PUT", &own).json(&body).send().await?;
    assert_eq!((replaced.status, &replaced.json["priority"]), (200, &json!(1)));
    assert_eq!(
        replaced.json["actions"]["entityRisk"]["actions"],
        json!([{"action": "DEACTIVATE_USER"}])
    );
    for (word, status) in [("deactivate", "INACTIVE"), ("activate", "ACTIVE")] {
        let changed = server.call("POST", &format!("{own}/lifecycle/{word}")).send().await?;
        assert_eq!(changed.status, 204);
        assert_eq!(server.call("GET", &own).send().await?.text_at("/status"), status);
    }
    let listed = server.call("GET", &rules).send().await?;
    let order: Vec<_> = listed
        .json
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (&it["name"], &it["priority"]))
        .collect();
    assert_eq!(
        order,
        [
            (&json!("Second"), &json!(1)),
            (&json!("First"), &json!(2)),
            (&json!("Catch-all Rule"), &json!(99))
        ]
    );
    assert_eq!(server.call("DELETE", &own).send().await?.status, 204);
    assert_eq!(server.call("GET", &own).send().await?.status, 404);
    let left = server.call("GET", &rules).send().await?;
    assert_eq!(left.json[0]["priority"], json!(1));
    for event in [
        "policy.rule.add",
        "policy.rule.update",
        "policy.rule.activate",
        "policy.rule.delete",
    ] {
        assert!(!events(&server, event).await?.is_empty(), "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn the_catch_all_rule_stays_as_it_is() -> Result<()> {
    let server = TestServer::start().await?;
    let rules = format!("{}/rules", policy(&server).await?);
    let listed = server.call("GET", &rules).send().await?;
    let own = format!("{rules}/{}", listed.text_at("/0/id"));
    let with = |conditions: Value, actions: Value| json!({"type": "ENTITY_RISK", "name": "Catch-all Rule", "conditions": conditions, "actions": {"entityRisk": {"actions": actions}}});
    for (body, want) in [
        (
            with(json!({"entityRisk": {"level": "HIGH"}}), json!([])),
            "conditions: The catch-all rule matches every detection",
        ),
        (with(json!({}), ends_sessions()), "actions: The catch-all rule has no actions"),
    ] {
        let answer = server.call("PUT", &own).json(&body).send().await?;
        assert_eq!((answer.status, answer.error().1), (400, want));
    }
    let renamed = server.call("PUT", &own).json(&with(Value::Null, json!([]))).send().await?;
    assert_eq!((renamed.status, &renamed.json["priority"]), (200, &json!(99)));
    assert_eq!(server.call("DELETE", &own).send().await?.status, 400);
    let off = server.call("POST", &format!("{own}/lifecycle/deactivate")).send().await?;
    assert_eq!(off.error().1, "status: The catch-all rule cannot be deactivated");
    Ok(())
}

#[tokio::test]
async fn a_rule_names_only_what_is_there() -> Result<()> {
    let server = TestServer::start().await?;
    let made = add(&server, &rule("Taken", "HIGH", json!([]))).await?;
    assert_eq!(made.status, 200);
    let people = |users: Value, groups: Value| {
        let mut body = rule("r", "HIGH", json!([]));
        body["conditions"]["people"] = json!({"users": users, "groups": groups});
        body
    };
    for (body, want) in [
        (
            rule("taken", "HIGH", json!([])),
            "name: An object with this field already exists in the current organization",
        ),
        (
            people(json!({"include": ["00unone"]}), json!({})),
            "conditions.people.users.include: Invalid user id: 00unone",
        ),
        (
            people(json!({}), json!({"exclude": ["00gnone"]})),
            "conditions.people.groups.exclude: Invalid group id: 00gnone",
        ),
        (
            rule("r", "HIGH", json!([{"action": "RUN_WORKFLOW", "workflow": {"id": 7}}])),
            "actions.entityRisk.actions: Invalid workflow id: 7",
        ),
        (
            rule(
                "r",
                "HIGH",
                json!([{"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "SPECIFIED", "apps": ["0oanone"]}}]),
            ),
            "actions.entityRisk.actions: App 0oanone has no logout endpoint",
        ),
    ] {
        let answer = add(&server, &body).await?;
        assert_eq!((answer.status, answer.error().1), (400, want), "{body}");
    }
    Ok(())
}

/// Issue item 6, from the token to the ended session.
#[tokio::test]
async fn a_providers_high_ends_all_sessions_by_a_rule() -> Result<()> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let id = user(&server, JO).await?;
    let made = add(&server, &rule("End sessions", "HIGH", ends_sessions())).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let token = sign_in(&server, JO).await?.json["sessionToken"].clone();
        let started = server
            .call("POST", "/api/v1/sessions")
            .json(&json!({"sessionToken": token}))
            .send()
            .await?;
        sessions.push(format!("/api/v1/sessions/{}", started.text_at("/id")));
    }
    let sender = SetSender::register(&server, "https://idp.example").await?;
    let says = |level: &str| {
        json!({
            "subject": {"user": {"format": "email", "email": JO}},
            "event_timestamp": watchfire_app::Clock::now(&*server.clock).as_seconds(),
            "previous_level": "low",
            "current_level": level,
        })
    };
    sender.tell(&server, "one", USER_RISK, says("medium")).await?;
    assert_eq!(
        server.call("GET", &sessions[0]).send().await?.status,
        200,
        "a SET alone ends nothing"
    );
    sender.tell(&server, "two", USER_RISK, says("high")).await?;
    for session in &sessions {
        assert_eq!(server.call("GET", session).send().await?.status, 404);
    }
    assert_eq!(events(&server, "user.session.end").await?.len(), 2);
    let acted = events(&server, "policy.entity_risk.action").await?;
    assert_eq!(acted.len(), 1);
    let action = acted[0]["target"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|target| target["type"] == "PolicyAction");
    let action = action.cloned().unwrap_or_default();
    assert_eq!(action["detailEntry"]["policyAction"], "TERMINATE_ALL_SESSIONS");
    assert_eq!(acted[0]["target"][0]["id"], json!(id));
    let detected = events(&server, "user.risk.detect").await?;
    assert_eq!(
        detected[0]["debugContext"]["debugData"]["traceId"],
        acted[0]["debugContext"]["debugData"]["traceId"]
    );
    assert_eq!(detected[0]["securityContext"]["risk"]["level"], "HIGH");
    Ok(())
}
