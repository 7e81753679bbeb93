//! Groups (okta.md 10.1) through the router.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{Answer, ORG_URL, TestServer};

use crate::people::{self, events, sign_in};

const GROUPS: &str = "/api/v1/groups";
const JO: &str = "jo.lin@example.com";

async fn create(server: &TestServer, profile: Value) -> Result<Answer> {
    server.call("POST", GROUPS).json(&json!({"profile": profile})).send().await
}

async fn group(server: &TestServer, name: &str) -> Result<String> {
    let made = create(server, json!({"name": name})).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    made.json["id"].as_str().map(str::to_owned).context("an id")
}

async fn everyone(server: &TestServer) -> Result<String> {
    let found = server.call("GET", &format!("{GROUPS}?q=every")).send().await?;
    found.json[0]["id"].as_str().map(str::to_owned).context("an id")
}

fn logins(answer: &Answer) -> Vec<&str> {
    let users = answer.json.as_array().map_or(&[][..], Vec::as_slice);
    users.iter().filter_map(|user| user["profile"]["login"].as_str()).collect()
}

#[tokio::test]
async fn a_group_is_made_read_replaced_and_deleted() -> Result<()> {
    let server = TestServer::start().await?;
    let made = create(&server, json!({"name": "Finance", "description": "Those who count"})).await?;
    let id = made.json["id"].as_str().context("an id")?;
    let path = format!("{GROUPS}/{id}");
    let at = "2027-01-15T08:00:00.000Z";
    assert_eq!(
        made.json,
        json!({
            "id": id, "created": at, "lastUpdated": at, "lastMembershipUpdated": at, "objectClass": ["okta:user_group"],
            "type": "OKTA_GROUP", "profile": {"name": "Finance", "description": "Those who count"},
            "_links": {"users": {"href": format!("{ORG_URL}{path}/users"), "hints": {"allow": ["GET"]}}},
        })
    );
    let replaced = server
        .call("PUT", &path)
        .json(&json!({"profile": {"name": "Accounting"}}))
        .send()
        .await?;
    assert_eq!(replaced.json["profile"], json!({"name": "Accounting", "description": null}));
    assert_eq!(server.call("GET", &path).send().await?.json, replaced.json);
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    assert_eq!((gone.status, gone.error().0), (404, "E0000007"));
    for event in ["group.lifecycle.create", "group.profile.update", "group.lifecycle.delete"] {
        assert_eq!(events(&server, event).await?.len(), 1, "{event}");
    }
    Ok(())
}

#[tokio::test]
async fn refuses_names_in_the_contracts_words() -> Result<()> {
    let server = TestServer::start().await?;
    group(&server, "Finance").await?;
    for (profile, cause) in [
        (json!({}), "name: The field cannot be left blank"),
        (json!({"name": "x".repeat(256)}), "name: The field is too long"),
        (json!({"name": 7}), "profile.name: Invalid value"),
        (
            json!({"name": "FINANCE"}),
            "name: An object with this field already exists in the current organization",
        ),
    ] {
        let refused = create(&server, profile).await?;
        assert_eq!((refused.status, refused.error()), (400, ("E0000001", cause)));
    }
    Ok(())
}

#[tokio::test]
async fn members_come_and_go() -> Result<()> {
    let server = TestServer::start().await?;
    let (user, group) = (people::user(&server, JO).await?, group(&server, "Finance").await?);
    let members = format!("{GROUPS}/{group}/users");
    let member = format!("{members}/{user}");
    // The second time there is nothing to do.
    for _ in 0..2 {
        assert_eq!(server.call("PUT", &member).send().await?.status, 204);
    }
    assert_eq!(logins(&server.call("GET", &members).send().await?), [JO]);
    let groups = server.call("GET", &format!("/api/v1/users/{user}/groups")).send().await?;
    assert_eq!(
        (&groups.json[0]["profile"]["name"], &groups.json[1]["profile"]["name"]),
        (&json!("Everyone"), &json!("Finance"))
    );
    assert_eq!(server.call("DELETE", &member).send().await?.status, 204);
    assert!(logins(&server.call("GET", &members).send().await?).is_empty());
    for event in ["group.user_membership.add", "group.user_membership.remove"] {
        assert_eq!(events(&server, event).await?.len(), 1, "{event}");
    }
    for path in [format!("{members}/00unone"), format!("{GROUPS}/00gnone/users/{user}")] {
        assert_eq!(server.call("PUT", &path).send().await?.status, 404, "{path}");
    }
    // A deleted user is in no group any more.
    server.call("PUT", &member).send().await?;
    for _ in 0..2 {
        server.call("DELETE", &format!("/api/v1/users/{user}")).send().await?;
    }
    assert!(logins(&server.call("GET", &members).send().await?).is_empty());
    Ok(())
}

#[tokio::test]
async fn everyone_has_every_user_and_is_the_servers() -> Result<()> {
    let server = TestServer::start().await?;
    let user = people::user(&server, JO).await?;
    let path = format!("{GROUPS}/{}", everyone(&server).await?);
    let first = server.call("GET", &format!("{path}/users?limit=1")).send().await?;
    assert_eq!(logins(&first), ["admin@watchfire.local"]);
    let next = first
        .headers
        .get_all("link")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .next_back();
    let (address, _) = next
        .context("a line")?
        .trim_start_matches('<')
        .split_once('>')
        .context("a link")?;
    let second = server
        .call("GET", address.strip_prefix(ORG_URL).context("own")?)
        .send()
        .await?;
    assert_eq!(logins(&second), [JO]);
    for (method, path) in [
        ("PUT", path.clone()),
        ("DELETE", path.clone()),
        ("DELETE", format!("{path}/users/{user}")),
    ] {
        let refused = server
            .call(method, &path)
            .json(&json!({"profile": {"name": "All"}}))
            .send()
            .await?;
        assert_eq!((refused.status, refused.error().0), (403, "E0000006"), "{method} {path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_for_a_group_is_for_its_members() -> Result<()> {
    let server = TestServer::start().await?;
    let group = group(&server, "Contractors").await?;
    let profile = json!({"login": JO, "email": JO});
    let body = json!({"profile": profile, "credentials": {"password": {"value": people::PASSWORD}}, "groupIds": [group]});
    assert_eq!(server.call("POST", "/api/v1/users").json(&body).send().await?.status, 200);
    people::user(&server, "other@example.com").await?;
    let policy = json!({"type": "OKTA_SIGN_ON", "name": "Contractors", "priority": 1,
        "conditions": {"people": {"groups": {"include": [group]}}}});
    let made = server.call("POST", "/api/v1/policies").json(&policy).send().await?;
    let rules = format!("/api/v1/policies/{}/rules", made.json["id"].as_str().context("an id")?);
    let rule = json!({"type": "SIGN_ON", "name": "Never", "actions": {"signon": {"access": "DENY"}}});
    let added = server.call("POST", &rules).json(&rule).send().await?;
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(sign_in(&server, JO).await?.status, 401);
    assert_eq!(sign_in(&server, "other@example.com").await?.status, 200);
    // Without the group the policy is for nobody, not for everybody.
    assert_eq!(server.call("DELETE", &format!("{GROUPS}/{group}")).send().await?.status, 204);
    assert_eq!(sign_in(&server, JO).await?.status, 200);
    assert_eq!(sign_in(&server, "other@example.com").await?.status, 200);
    Ok(())
}
