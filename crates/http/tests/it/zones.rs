//! okta.md 10.2 through the router.

use anyhow::Result;
use serde_json::{Value, json};
use watchfire_harness::TestServer;

fn office() -> Value {
    json!({"type": "IP", "name": "office", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]})
}

fn blocked(cidr: &str) -> Value {
    json!({"type": "IP", "name": "blocked", "usage": "BLOCKLIST", "gateways": [{"type": "CIDR", "value": cidr}]})
}

async fn make(server: &TestServer, body: &Value) -> Result<String> {
    let made = server.call("POST", "/api/v1/zones").json(body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(made.text_at("/id").to_owned())
}

#[tokio::test]
async fn a_zone_lives() -> Result<()> {
    let server = TestServer::start().await?;
    let id = make(&server, &office()).await?;
    assert!(id.starts_with("nzo") && id.len() == 20);
    let path = format!("/api/v1/zones/{id}");
    let got = server.call("GET", &path).send().await?;
    assert_eq!(
        (got.status, &got.json["proxies"], &got.json["status"]),
        (200, &Value::Null, &json!("ACTIVE"))
    );
    let off = json!({"type": "IP", "name": "office", "status": "INACTIVE", "gateways": []});
    let replaced = server.call("PUT", &path).json(&off).send().await?;
    assert_eq!((replaced.status, &replaced.json["status"]), (200, &json!("INACTIVE")));
    let on = server.call("POST", &format!("{path}/lifecycle/activate")).send().await?;
    assert_eq!((on.status, &on.json["status"]), (200, &json!("ACTIVE")));
    let off = server.call("POST", &format!("{path}/lifecycle/deactivate")).send().await?;
    assert_eq!((off.status, &off.json["status"]), (200, &json!("INACTIVE")));
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    assert_eq!(
        gone.json["errorSummary"],
        format!("Not found: Resource not found: {id} (NetworkZone)")
    );
    Ok(())
}

#[tokio::test]
async fn lists_are_filtered() -> Result<()> {
    let server = TestServer::start().await?;
    let office = make(&server, &office()).await?;
    let blocked = make(&server, &blocked("192.0.2.0/24")).await?;
    for (filter, want) in [
        (String::new(), vec![&office, &blocked]),
        ("?filter=usage+eq+%22BLOCKLIST%22".to_owned(), vec![&blocked]),
        (format!("?filter=id+eq+%22{office}%22"), vec![&office]),
        (
            format!("?filter=id%20eq%20%22{office}%22%20or%20id%20eq%20%22{blocked}%22"),
            vec![&office, &blocked],
        ),
        ("?filter=usage+eq+%22POLICY%22&limit=1".to_owned(), vec![&office]),
    ] {
        let list = server.call("GET", &format!("/api/v1/zones{filter}")).send().await?;
        let ids: Vec<&str> = list
            .json
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|z| z["id"].as_str())
            .collect();
        assert_eq!(ids, want, "{filter}");
    }
    for filter in ["name+sw+%22a%22", "usage+eq+BLOCKLIST", "usage+eq+%22MOON%22", "id"] {
        let refused = server.call("GET", &format!("/api/v1/zones?filter={filter}")).send().await?;
        assert_eq!((refused.status, refused.error().0), (400, "E0000031"), "{filter}");
    }
    Ok(())
}

#[tokio::test]
async fn a_blocklist_blocks_and_never_its_maker() -> Result<()> {
    let server = TestServer::start().await?;
    let refused = server
        .call("POST", "/api/v1/zones")
        .json(&blocked("198.51.100.0/24"))
        .send()
        .await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "gateways: The blocklist would contain the address of this request")
    );
    make(&server, &blocked("192.0.2.0/24")).await?;
    assert_eq!(server.app.blocked_by("192.0.2.7".parse()?).as_deref(), Some("blocked"));
    assert_eq!(server.app.blocked_by("198.51.100.2".parse()?), None);
    Ok(())
}

#[tokio::test]
async fn a_zone_that_a_rule_names_stays() -> Result<()> {
    let server = TestServer::start().await?;
    let zone = make(&server, &office()).await?;
    let list = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    let rules = format!("/api/v1/policies/{}/rules", list.json[0]["id"].as_str().unwrap_or_default());
    let rule = json!({"name": "not from the office", "conditions": {"network": {"connection": "ZONE", "exclude": [zone]}},
        "actions": {"signon": {"access": "DENY"}}});
    let made = server.call("POST", &rules).json(&rule).send().await?;
    assert_eq!(
        (made.status, &made.json["conditions"]["network"]["exclude"]),
        (200, &json!([zone]))
    );
    let refused = server.call("DELETE", &format!("/api/v1/zones/{zone}")).send().await?;
    assert_eq!(refused.status, 400);
    assert!(
        refused
            .error()
            .1
            .starts_with("zone: The network zone is in use by the policy rule 0pr")
    );
    Ok(())
}

#[tokio::test]
async fn a_dynamic_zone_lives_and_keeps_its_type() -> Result<()> {
    let server = TestServer::start().await?;
    let v1 = json!({"type": "DYNAMIC", "name": "tor", "proxyType": "Tor", "locations": [{"country": "NO", "region": "NO-03"}]});
    let id = make(&server, &v1).await?;
    let path = format!("/api/v1/zones/{id}");
    let got = server.call("GET", &path).send().await?;
    assert_eq!(
        (&got.json["type"], &got.json["proxyType"], &got.json["asns"]),
        (&json!("DYNAMIC"), &json!("Tor"), &json!([]))
    );
    assert_eq!(got.json["locations"], json!([{"country": "NO", "region": "NO-03"}]));
    assert_eq!(got.json.get("gateways"), None);
    let v2 = json!({"type": "DYNAMIC_V2", "name": "anonymous", "ipServiceCategories": {"include": ["ALL_ANONYMIZERS"]}});
    let other = make(&server, &v2).await?;
    let got = server.call("GET", &format!("/api/v1/zones/{other}")).send().await?;
    assert_eq!(
        (&got.json["ipServiceCategories"], &got.json["asns"]),
        (
            &json!({"include": ["ALL_ANONYMIZERS"], "exclude": []}),
            &json!({"include": [], "exclude": []})
        )
    );
    let refused = server.call("PUT", &path).json(&v2).send().await?;
    assert_eq!(
        (refused.status, refused.error().1),
        (400, "type: The type of a network zone cannot be changed")
    );
    let everywhere = json!({"type": "DYNAMIC", "name": "everywhere"});
    let refused = server.call("POST", "/api/v1/zones").json(&everywhere).send().await?;
    assert_eq!(
        (refused.status, refused.error()),
        (400, ("E0000001", "locations: The field cannot be left blank"))
    );
    Ok(())
}

/// Without data sets nobody knows where an address is: it is not blocked, and a token that may not come from
/// there does not work.
#[tokio::test]
async fn an_address_that_may_be_anywhere_is_not_blocked() -> Result<()> {
    let server = TestServer::start().await?;
    let blocked = json!({"type": "DYNAMIC", "name": "far", "usage": "BLOCKLIST", "locations": [{"country": "AQ"}]});
    make(&server, &blocked).await?;
    assert_eq!(server.app.blocked_by("192.0.2.7".parse()?), None);
    Ok(())
}
