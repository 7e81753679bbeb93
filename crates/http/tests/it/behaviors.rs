//! okta.md 10.3 through the router.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::{Answer, TestServer};

const PATH: &str = "/api/v1/behaviors";

fn fast() -> Value {
    json!({"name": "Fast", "type": "VELOCITY", "settings": {"velocityKph": 300}})
}

fn of<'a>(list: &'a Answer, member: &str) -> Vec<&'a str> {
    let items = list.json.as_array().into_iter().flatten();
    items.filter_map(|it| it[member].as_str()).collect()
}

async fn id_of(server: &TestServer, name: &str) -> Result<String> {
    let list = server.call("GET", PATH).send().await?;
    let items = list.json.as_array().into_iter().flatten();
    let found = items.into_iter().find(|it| it["name"] == name);
    Ok(found.and_then(|it| it["id"].as_str()).unwrap_or_default().to_owned())
}

async fn rules(server: &TestServer) -> Result<String> {
    let list = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    Ok(format!("/api/v1/policies/{}/rules", list.text_at("/0/id")))
}

fn challenge(behaviors: &Value) -> Value {
    json!({"name": "unusual", "conditions": {"risk": {"behaviors": behaviors}},
        "actions": {"signon": {"access": "ALLOW", "requireFactor": true}}})
}

#[tokio::test]
async fn an_organisation_comes_with_oktas_behaviours() -> Result<()> {
    let server = TestServer::start().await?;
    let list = server.call("GET", PATH).send().await?;
    assert_eq!(
        of(&list, "name"),
        [
            "New City",
            "New Country",
            "New Device",
            "New Geo-Location",
            "New IP",
            "New State",
            "Velocity"
        ]
    );
    let geo = list
        .json
        .as_array()
        .into_iter()
        .flatten()
        .find(|it| it["name"] == "New Geo-Location");
    let geo = geo.cloned().unwrap_or_default();
    assert_eq!(geo["type"], "ANOMALOUS_LOCATION");
    assert_eq!(
        geo["settings"],
        json!({"maxEventsUsedForEvaluation": 20, "minEventsNeededForEvaluation": 0, "granularity": "LAT_LONG", "radiusKilometers": 20})
    );
    // Python's SDK takes no 20.0 (okta.md 10.3).
    assert!(list.text.contains(r#""radiusKilometers":20}"#));
    let id = geo["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("bhv") && id.len() == 20);
    let href = format!("https://org.example{PATH}/{id}");
    assert_eq!(
        geo["_links"],
        json!({"self": {"href": href, "hints": {"allow": ["GET", "PUT", "DELETE"]}},
            "deactivate": {"href": format!("{href}/lifecycle/deactivate"), "hints": {"allow": ["POST"]}}})
    );
    Ok(())
}

#[tokio::test]
async fn a_behaviour_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let made = server.call("POST", PATH).json(&fast()).send().await?;
    assert_eq!((made.status, &made.json["status"]), (200, &json!("ACTIVE")), "{}", made.text);
    let path = format!("{PATH}/{}", made.text_at("/id"));
    assert_eq!(server.call("GET", &path).send().await?.json, made.json);

    // PUT does not touch the status (okta.md 10.3).
    let mut slower = fast();
    slower["status"] = json!("INACTIVE");
    slower["settings"]["velocityKph"] = json!(250);
    let replaced = server.call("PUT", &path).json(&slower).send().await?;
    assert_eq!(
        (
            replaced.status,
            &replaced.json["status"],
            &replaced.json["settings"]["velocityKph"]
        ),
        (200, &json!("ACTIVE"), &json!(250))
    );
    let off = server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    assert_eq!((off.status, &off.json["status"]), (200, &json!("INACTIVE")));
    assert!(off.json["_links"].get("activate").is_some());
    let on = server.call("POST", &format!("{path}/lifecycle/activate")).send().await?;
    assert_eq!((on.status, &on.json["status"]), (200, &json!("ACTIVE")));

    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    let id = made.text_at("/id");
    assert_eq!(gone.status, 404);
    assert_eq!(
        gone.json["errorSummary"],
        format!("Not found: Resource not found: {id} (Behavior)")
    );
    let log = server
        .call(
            "GET",
            "/api/v1/logs?filter=eventType+sw+%22security.behavior%22&sortOrder=ASCENDING",
        )
        .send()
        .await?;
    assert_eq!(
        of(&log, "eventType"),
        [
            "security.behavior.settings.create",
            "security.behavior.settings.update",
            "security.behavior.settings.update",
            "security.behavior.settings.update",
            "security.behavior.settings.delete"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn refuses_a_behaviour_in_oktas_words() -> Result<()> {
    let server = TestServer::start().await?;
    for (body, summary, cause) in [
        (
            json!({"name": "velocity", "type": "VELOCITY"}),
            "name",
            "name: An object with this field already exists in the current organization",
        ),
        (json!({"name": "x", "type": "NEW_MOON"}), "type", "type: Invalid value"),
        (
            json!({"name": "x", "type": "ANOMALOUS_LOCATION", "settings": {"granularity": "LAT_LONG"}}),
            "settings.radiusKilometers",
            "settings.radiusKilometers: The field cannot be left blank",
        ),
    ] {
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)));
        assert_eq!(refused.json["errorSummary"], format!("Api validation failed: {summary}"));
    }
    let path = format!("{PATH}/{}", id_of(&server, "New IP").await?);
    let other = server.call("PUT", &path).json(&fast()).send().await?;
    assert_eq!(
        (other.status, other.error().1),
        (400, "type: The type of a behavior cannot be changed")
    );
    assert_eq!(of(&server.call("GET", PATH).send().await?, "name").len(), 7);
    Ok(())
}

#[tokio::test]
async fn a_rule_names_behaviours_by_their_ids_and_only_known_ones() -> Result<()> {
    let server = TestServer::start().await?;
    let rules = rules(&server).await?;
    let (ip, city) = (id_of(&server, "New IP").await?, id_of(&server, "New City").await?);
    let made = server
        .call("POST", &rules)
        .json(&challenge(&json!([ip, "new city", "New IP"])))
        .send()
        .await?;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json["conditions"]["risk"]["behaviors"], json!([ip, city]));
    let mut unknown = challenge(&json!([ip, "bhvMissing"]));
    unknown["name"] = json!("unknown");
    let refused = server.call("POST", &rules).json(&unknown).send().await?;
    assert_eq!(
        (refused.status, refused.error()),
        (
            400,
            ("E0000001", "conditions.risk.behaviors: Invalid behavior id: bhvMissing")
        )
    );

    for (method, path) in [
        ("DELETE", format!("{PATH}/{ip}")),
        ("POST", format!("{PATH}/{ip}/lifecycle/deactivate")),
    ] {
        let refused = server.call(method, &path).send().await?;
        assert_eq!(refused.status, 400);
        assert!(
            refused
                .error()
                .1
                .starts_with("behavior: The behavior is in use by the policy rule 0pr"),
            "{}",
            refused.text
        );
    }
    Ok(())
}

/// An expression knows behaviours by their names, so a name that it asks for stays.
#[tokio::test]
async fn an_expression_names_behaviours_that_there_are_and_keeps_them() -> Result<()> {
    let server = TestServer::start().await?;
    let rules = rules(&server).await?;
    let asking = |name: &str| {
        json!({"name": "asking", "conditions": {"elCondition": {"condition":
            format!("security.behaviors.exists(b, b == '{name}')")}},
            "actions": {"signon": {"access": "DENY"}}})
    };
    let refused = server.call("POST", &rules).json(&asking("New Moon")).send().await?;
    assert_eq!(
        (refused.status, refused.error()),
        (
            400,
            (
                "E0000001",
                "conditions.elCondition.condition: There is no behavior with the name New Moon"
            )
        )
    );
    let made = server.call("POST", &rules).json(&asking("New IP")).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let rule = format!("{rules}/{}", made.text_at("/id"));
    let refused = server.call("PUT", &rule).json(&asking("New Moon")).send().await?;
    assert_eq!(refused.status, 400, "{}", refused.text);

    let path = format!("{PATH}/{}", id_of(&server, "New IP").await?);
    let mut renamed = server.call("GET", &path).send().await?.json;
    let as_it_is = server.call("PUT", &path).json(&renamed).send().await?;
    assert_eq!(as_it_is.status, 200, "{}", as_it_is.text);
    renamed["name"] = json!("Newer IP");
    let tries = [
        ("name", server.call("PUT", &path).json(&renamed)),
        ("behavior", server.call("DELETE", &path)),
        ("behavior", server.call("POST", &format!("{path}/lifecycle/deactivate"))),
    ];
    for (field, call) in tries {
        let refused = call.send().await?;
        let want = format!("{field}: The behavior is in use by the policy rule {}", made.text_at("/id"));
        assert_eq!((refused.status, refused.error().1), (400, want.as_str()));
    }
    assert_eq!(server.call("DELETE", &rule).send().await?.status, 204);
    let freed = server.call("PUT", &path).json(&renamed).send().await?;
    assert_eq!((freed.status, freed.text_at("/name")), (200, "Newer IP"));
    Ok(())
}

/// What an administrator has deleted stays deleted when the server starts again.
#[tokio::test]
async fn deleted_behaviours_do_not_come_back() -> Result<()> {
    let server = TestServer::start().await?;
    for id in of(&server.call("GET", PATH).send().await?, "id") {
        assert_eq!(server.call("DELETE", &format!("{PATH}/{id}")).send().await?.status, 204);
    }
    let server = server.restart().await?;
    assert_eq!(server.call("GET", PATH).send().await?.json, json!([]));
    Ok(())
}
