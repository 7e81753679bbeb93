//! `watchfire explain`.

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::{
    administration::{admin_json, as_admin},
    program::text,
    server::Server,
};

#[tokio::test]
async fn a_sign_in_is_explained_from_its_recorded_numbers() -> Result<()> {
    let server = Server::start(&["--dev"]).await?;
    let attempt = json!({
        "user": {"login": "jo.lin@example.com"},
        "client": {"ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0"},
    });
    let asked = server.post("/watchfire/v1/sign-ins", &attempt).await?;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let id = asked.json()["id"].as_str().context("an id")?.to_owned();
    let told = text(&as_admin(&server, &["explain", &id]).await);
    for part in [
        "score 70 HIGH",
        "cold_start",
        "rule Default Rule: matched",
        "floors: cold_start HIGH",
        "the same as recorded",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let json = admin_json(&server, &["explain", &id]).await;
    assert_eq!(json["explanation"]["recomputed"]["matches"], true);
    assert_eq!(as_admin(&server, &["explain", "sgnNone"]).await.status.code(), Some(1));
    Ok(())
}

#[tokio::test]
async fn feedback_is_given_listed_and_withdrawn() -> Result<()> {
    let server = Server::start(&["--dev"]).await?;
    let attempt = json!({"user": {"login": "jo.lin@example.com"}, "client": {"ipAddress": "203.0.113.7"}});
    let asked = server.post("/watchfire/v1/sign-ins", &attempt).await?;
    let id = asked.json()["id"].as_str().context("an id")?.to_owned();
    let given = admin_json(
        &server,
        &["feedback", "give", &id, "false_positive", "--reason", "A new phone"],
    )
    .await;
    assert_eq!(
        (&given["label"], &given["reason"]),
        (&json!("FALSE_POSITIVE"), &json!("A new phone"))
    );
    let listed = text(&as_admin(&server, &["feedback", "list"]).await);
    assert!(listed.contains("SIGN_IN") && listed.contains(&id), "{listed}");
    let learnt = text(&as_admin(&server, &["feedback", "learnt"]).await);
    assert!(learnt.contains("MEDIUM from 40, HIGH from 70"), "{learnt}");
    let feedback = given["id"].as_str().context("an id")?;
    assert!(as_admin(&server, &["feedback", "withdraw", feedback]).await.status.success());
    let left = admin_json(&server, &["feedback", "list"]).await;
    assert_eq!(left, json!([]));
    Ok(())
}
