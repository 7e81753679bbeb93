//! Users, sign-ins and rules that several test modules make.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{Answer, TestServer};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse";
/// The address from which everybody here signs in.
pub(crate) const HOME: [u8; 4] = [203, 0, 113, 7];

/// An ACTIVE user with a password; gives its id.
pub(crate) async fn user(server: &TestServer, login: &str) -> Result<String> {
    let profile = json!({"firstName": "Jo", "lastName": "Lin", "email": login, "login": login});
    let body = json!({"profile": profile, "credentials": {"password": {"value": PASSWORD}}});
    let made = server.call("POST", "/api/v1/users?activate=true").json(&body).send().await?;
    assert_eq!((made.status, &made.json["status"]), (200, &json!("ACTIVE")), "{}", made.text);
    made.json["id"].as_str().map(str::to_owned).context("an id")
}

/// Signs in from `HOME` with this password.
pub(crate) async fn sign_in_with(server: &TestServer, login: &str, password: &str) -> Result<Answer> {
    sign_in_from(server, login, password, HOME).await
}

/// Signs in from an address.
pub(crate) async fn sign_in_from(server: &TestServer, login: &str, password: &str, from: [u8; 4]) -> Result<Answer> {
    let body = json!({"username": login, "password": password});
    let call = server.call("POST", "/api/v1/authn").anonymous().from(from);
    call.header("user-agent", "Test/1.0").json(&body).send().await
}

/// Signs in as people do.
pub(crate) async fn sign_in(server: &TestServer, login: &str) -> Result<Answer> {
    sign_in_with(server, login, PASSWORD).await
}

/// The newest events of a type, newest first.
pub(crate) async fn events(server: &TestServer, event_type: &str) -> Result<Vec<Value>> {
    let path = format!("/api/v1/logs?sortOrder=DESCENDING&filter=eventType+eq+%22{event_type}%22");
    let answer = server.call("GET", &path).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json.as_array().cloned().context("a list")
}

/// The default sign-on policy's path.
pub(crate) async fn default_policy(server: &TestServer) -> Result<String> {
    let listed = server.call("GET", "/api/v1/policies?type=OKTA_SIGN_ON").send().await?;
    let id = listed.json[0]["id"].as_str().context("a policy")?;
    Ok(format!("/api/v1/policies/{id}"))
}

/// Adds a rule in front of the default one: at this risk level, this action.
pub(crate) async fn add_rule(server: &TestServer, level: &str, signon: Value) -> Result<()> {
    let rule = json!({
        "type": "SIGN_ON", "name": format!("At {level}"), "priority": 1,
        "conditions": {"riskScore": {"level": level}},
        "actions": {"signon": signon},
    });
    let path = format!("{}/rules", default_policy(server).await?);
    let made = server.call("POST", &path).json(&rule).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(())
}

/// Makes the default provider do `action` with what it says, and has it say `level` of `HOME`.
pub(crate) async fn partner_says(server: &TestServer, action: &str, level: &str) -> Result<()> {
    let listed = server.call("GET", "/api/v1/risk/providers").send().await?;
    let id = listed.json[0]["id"].as_str().context("a provider")?;
    let body = json!({"name": "Acme Risk Feed", "clientId": "null", "action": action});
    let path = format!("/api/v1/risk/providers/{id}");
    let changed = server.call("PUT", &path).json(&body).send().await?;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let subject = json!({"ip": "203.0.113.7", "riskLevel": level, "message": "Credential stuffing node"});
    let events = json!([{"subjects": [subject]}]);
    let sent = server.call("POST", "/api/v1/risk/events/ip").json(&events).send().await?;
    assert_eq!(sent.status, 202, "{}", sent.text);
    Ok(())
}
