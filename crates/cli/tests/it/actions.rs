//! What goes out, with real processes: dead letters by the commands, ends by signal and by force.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_harness::{Reply, Target, target::Received};

use crate::{
    administration::{admin_json, as_admin},
    program::stderr,
    server::Server,
};

/// An event hook at `target` that wants to know of new users.
async fn hook(server: &Server, target: &mut Target) -> Result<()> {
    let hook = json!({
        "name": "SIEM", "events": {"type": "EVENT_TYPE", "items": ["user.lifecycle.create"]},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {"uri": target.url}},
    });
    let made = server.post("/api/v1/eventHooks", &hook).await?;
    let id = made.json()["id"].as_str().context("an id")?.to_owned();
    let verified = server
        .post(&format!("/api/v1/eventHooks/{id}/lifecycle/verify"), &json!({}))
        .await?;
    assert_eq!(verified.json()["verificationStatus"], "VERIFIED", "{}", verified.text);
    target.next().await?;
    Ok(())
}

async fn user(server: &Server, login: &str) -> Result<()> {
    let profile = json!({"firstName": "Jo", "lastName": "Lin", "email": login, "login": login});
    let made = server.post("/api/v1/users", &json!({ "profile": profile })).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    Ok(())
}

/// The first action in `state`, once there is one.
async fn first(server: &Server, state: &str) -> Result<Value> {
    let path = format!("/watchfire/v1/actions?state={state}");
    let until_there_is_one = async {
        loop {
            let found = server.get(&path).await?.json();
            if let Some(action) = found.get(0) {
                return anyhow::Ok(action.clone());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), until_there_is_one).await?
}

fn event_id(request: &Received) -> Value {
    request.json()["eventId"].clone()
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_and_redriven() -> Result<()> {
    let (server, mut target) = (Server::start(&["--dev"]).await?, Target::start().await?);
    hook(&server, &mut target).await?;
    target.then([Reply::status(404)]);
    user(&server, "jo.lin@example.com").await?;
    let sent = target.next().await?;
    let id = first(&server, "DEAD").await?["id"].as_str().context("an id")?.to_owned();
    let listed = admin_json(&server, &["action", "list", "--state", "dead"]).await;
    assert_eq!((&listed[0]["id"], &listed[0]["type"]), (&json!(id), &json!("HOOK_DELIVERY")));
    let shown = admin_json(&server, &["action", "show", &id]).await;
    assert_eq!(shown["attempts"][0]["status"], 404);
    let redriven = admin_json(&server, &["action", "redrive", &id]).await;
    assert_eq!(redriven, json!({"done": "redriven", "id": id}));
    assert_eq!(event_id(&target.next().await?), event_id(&sent));
    assert_eq!(first(&server, "DONE").await?["id"], json!(id));
    let all = admin_json(&server, &["action", "redrive", "--target", "hook:whonone"]).await;
    assert_eq!(all, json!({"redriven": 0}));
    assert_eq!(as_admin(&server, &["action", "redrive"]).await.status.code(), Some(2));
    for verb in ["approve", "reject", "redrive"] {
        let refused = as_admin(&server, &["action", verb, "actnone"]).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("404 E0000007"), "{}", stderr(&refused));
    }
    Ok(())
}

/// Architecture invariant 2: killed between the call and its result, the same id goes out again, and
/// there is one result.
#[tokio::test]
async fn a_process_that_is_killed_calls_again_under_the_same_id() -> Result<()> {
    let (mut server, mut target) = (Server::start(&["--dev"]).await?, Target::start().await?);
    hook(&server, &mut target).await?;
    target.then([Reply::Hang]);
    user(&server, "jo.lin@example.com").await?;
    let sent = target.next().await?;
    server.kill().await?;
    server.restart().await?;
    let again = target.next().await?;
    // The port is another, and with it the org URL in `source`.
    assert_eq!(
        (event_id(&again), &again.json()["data"]),
        (event_id(&sent), &sent.json()["data"])
    );
    let done = first(&server, "DONE").await?;
    assert_eq!(done["attempts"].as_array().map(Vec::len), Some(1), "{done}");
    assert!(target.take().is_none());
    Ok(())
}

#[tokio::test]
async fn a_call_under_way_does_not_hold_up_the_end() -> Result<()> {
    let (server, mut target) = (Server::start(&["--dev"]).await?, Target::start().await?);
    hook(&server, &mut target).await?;
    target.then([Reply::Hang]);
    user(&server, "jo.lin@example.com").await?;
    target.next().await?;
    assert_eq!(server.stop().await?, Some(0));
    Ok(())
}
