//! okta.md 9.3 through the router.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, TestServer};

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
