//! Bodies of our own interfaces: a member that is misspelt is refused, and what was read can be sent back.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use watchfire_harness::{ServiceApp, TestServer};

use crate::{actions, people};

/// Every operation of `/watchfire/v1` with a body, a good body of it, and where a member of it may be misspelt.
fn bodies() -> Vec<(&'static str, &'static str, Value, Vec<&'static str>)> {
    let stream = json!({"issuer": "https://t.example", "delivery": {"method": "poll"},
        "authorization": {"type": "bearer", "token": "t"}});
    let subject = json!({"subject": {"format": "email", "email": "jo@example.com"}});
    let reason = json!({"reason": "Known"});
    let workflow = json!({"name": "SOAR", "url": "https://soar.example/hook"});
    let log_stream = json!({"name": "SIEM", "target": {"type": "NATS", "url": "tls://nats.example:4222"}});
    vec![
        ("post", "/watchfire/v1/actions/{actionId}/approve", reason.clone(), vec![""]),
        ("post", "/watchfire/v1/actions/{actionId}/reject", reason.clone(), vec![""]),
        ("post", "/watchfire/v1/held-actions/cancel", reason.clone(), vec![""]),
        ("post", "/watchfire/v1/held-actions/release", reason.clone(), vec![""]),
        (
            "post",
            "/watchfire/v1/held-actions/{actionId}/cancel",
            reason.clone(),
            vec![""],
        ),
        ("post", "/watchfire/v1/held-actions/{actionId}/release", reason, vec![""]),
        (
            "post",
            "/watchfire/v1/administrators",
            json!({"login": "a@example.com", "role": "READ_ONLY"}),
            vec![""],
        ),
        (
            "put",
            "/watchfire/v1/administrators/{userId}",
            json!({"role": "READ_ONLY"}),
            vec![""],
        ),
        ("post", "/watchfire/v1/api-tokens", json!({"name": "t"}), vec![""]),
        (
            "put",
            "/watchfire/v1/apps/{appId}/universal-logout",
            json!({"url": "https://a.example/revoke"}),
            vec![""],
        ),
        (
            "put",
            "/watchfire/v1/console-sign-in",
            json!({"password": true, "oidc": {"name": "ID", "issuer": "https://id.example", "clientId": "c"}}),
            vec!["", "oidc"],
        ),
        (
            "post",
            "/watchfire/v1/feedback",
            json!({"subject": {"type": "SIGN_IN", "id": "sgn1"}, "label": "TRUE_POSITIVE"}),
            vec!["", "subject"],
        ),
        (
            "put",
            "/watchfire/v1/risk-settings",
            json!({"providers": {"rkp1": {}}, "thresholds": {}}),
            vec!["", "providers.rkp1", "thresholds"],
        ),
        ("post", "/watchfire/v1/saved-searches", json!({"name": "s"}), vec![""]),
        (
            "post",
            "/watchfire/v1/security-events-providers/test",
            json!({"settings": {"well_known_url": "https://t.example/x"}}),
            vec!["", "settings"],
        ),
        (
            "put",
            "/watchfire/v1/security-events-providers/{securityEventProviderId}/profile",
            json!({"profile": "standard"}),
            vec![""],
        ),
        (
            "post",
            "/watchfire/v1/sign-ins",
            json!({"user": {"login": "jo@example.com"}, "client": {"ipAddress": "203.0.113.7"}}),
            vec!["", "user", "client"],
        ),
        (
            "post",
            "/watchfire/v1/sign-ins/{id}/outcome",
            json!({"result": "SUCCESS"}),
            vec![""],
        ),
        (
            "post",
            "/watchfire/v1/simulations",
            json!({"draft": {"thresholds": {}, "coldStart": {}, "providers": {"rkp1": {}}}}),
            vec!["", "draft", "draft.thresholds", "draft.coldStart", "draft.providers.rkp1"],
        ),
        (
            "post",
            "/watchfire/v1/streams-in",
            stream,
            vec!["", "delivery", "authorization"],
        ),
        (
            "patch",
            "/watchfire/v1/streams-in/{streamId}",
            json!({"description": "d", "authorization": {"type": "bearer", "token": "t"}}),
            vec!["", "authorization"],
        ),
        (
            "post",
            "/watchfire/v1/streams-in/{streamId}/status",
            json!({"status": "paused"}),
            vec![""],
        ),
        (
            "post",
            "/watchfire/v1/streams-in/{streamId}/subjects/add",
            subject.clone(),
            vec![""],
        ),
        (
            "post",
            "/watchfire/v1/streams-in/{streamId}/subjects/remove",
            subject,
            vec![""],
        ),
        ("post", "/watchfire/v1/log-streams", log_stream.clone(), vec!["", "target"]),
        (
            "put",
            "/watchfire/v1/log-streams/{logStreamId}",
            log_stream,
            vec!["", "target"],
        ),
        ("post", "/watchfire/v1/workflows", workflow.clone(), vec![""]),
        ("put", "/watchfire/v1/workflows/{workflowId}", workflow, vec![""]),
    ]
}

#[tokio::test]
async fn a_misspelt_member_is_refused_wherever_it_stands() -> Result<()> {
    let server = TestServer::start().await?;
    for (method, template, body, places) in bodies() {
        let path: Vec<&str> = template
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        for place in places {
            let mut misspelt = body.clone();
            let pointer: String = place
                .split('.')
                .filter(|part| !part.is_empty())
                .map(|part| format!("/{part}"))
                .collect();
            let object = misspelt
                .pointer_mut(&pointer)
                .and_then(Value::as_object_mut)
                .context("an object")?;
            object.insert("mispelt".to_owned(), json!(1));
            let refused = server
                .call(&method.to_uppercase(), &path.join("/"))
                .json(&misspelt)
                .send()
                .await?;
            let member = if place.is_empty() {
                "mispelt".to_owned()
            } else {
                format!("{place}.mispelt")
            };
            let (code, cause) = refused.error();
            assert_eq!(
                (refused.status, code),
                (400, "E0000001"),
                "{method} {template} {place}: {}",
                refused.text
            );
            assert!(
                cause.starts_with(&format!("{member}: ")),
                "{method} {template} {place}: {cause}"
            );
        }
    }
    Ok(())
}

/// A new operation that takes a body is among those above.
#[tokio::test]
async fn every_body_of_our_own_is_tried_with_a_misspelt_member() -> Result<()> {
    let server = TestServer::start().await?;
    let document = server.call("GET", "/openapi.json").anonymous().send().await?.json;
    let mut with_body = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let operations = item.as_object().into_iter().flatten();
        let bodies = operations.filter(|(_, operation)| operation.get("requestBody").is_some());
        with_body.extend(
            bodies
                .filter(|_| path.starts_with("/watchfire/v1/"))
                .map(|(method, _)| (method.clone(), path.clone())),
        );
    }
    let tried: BTreeSet<(String, String)> = bodies()
        .into_iter()
        .map(|(method, path, ..)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(with_body, tried);
    Ok(())
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_as_it_is() -> Result<()> {
    let server = actions::server().await?;
    people::partner_says(&server, "log_only", "HIGH").await?;
    let (workflow, _) = actions::workflow(&server, "SOAR", "https://soar.example/hook").await?;
    let invited = json!({"login": "analyst@example.com", "role": "READ_ONLY"});
    let invited = server
        .call("POST", "/watchfire/v1/administrators")
        .json(&invited)
        .send()
        .await?;
    assert_eq!(invited.status, 201, "{}", invited.text);
    let user = invited.text_at("/userId").to_owned();
    let listed = server.call("GET", "/watchfire/v1/administrators").send().await?;
    let all = listed.json.as_array().into_iter().flatten();
    let analyst = all
        .into_iter()
        .find(|it| it["userId"] == user.as_str())
        .context("the analyst")?;

    let app = ServiceApp::register(&server, &["okta.logs.read"]).await?;
    let logout = format!("/watchfire/v1/apps/{}/universal-logout", app.id);
    let endpoint = json!({"url": "https://app.example/revoke", "subjectFormat": "email"});
    assert_eq!(server.call("PUT", &logout).json(&endpoint).send().await?.status, 200);
    let settings = "/watchfire/v1/risk-settings".to_owned();
    let console = "/watchfire/v1/console-sign-in".to_owned();
    let workflow = format!("/watchfire/v1/workflows/{workflow}");
    let mut read = vec![(format!("/watchfire/v1/administrators/{user}"), analyst.clone())];
    let log_stream = json!({"name": "SIEM", "format": "OCSF", "secret": "t",
        "target": {"type": "SPLUNK_HEC", "url": "https://splunk.example:8088"}});
    let log_stream = server
        .call("POST", "/watchfire/v1/log-streams")
        .json(&log_stream)
        .send()
        .await?;
    let log_stream = format!("/watchfire/v1/log-streams/{}", log_stream.text_at("/id"));
    for path in [settings, workflow, logout, console, log_stream] {
        let it = server.call("GET", &path).send().await?;
        assert_eq!(it.status, 200, "{}", it.text);
        read.push((path, it.json));
    }
    for (path, it) in read {
        let sent = server.call("PUT", &path).json(&it).send().await?;
        assert_eq!(sent.status, 200, "{path}: {}", sent.text);
        for (name, value) in it
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !["lastUpdated", "progress"].contains(&name.as_str()))
        {
            assert_eq!(&sent.json[name], value, "{path}: {name}");
        }
    }
    Ok(())
}
