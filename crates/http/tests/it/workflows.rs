//! Webhooks (okta.md 9.4; Standard Webhooks 1.0) through the router.

use anyhow::Result;
use serde_json::json;
use watchfire_crypto::webhook::WebhookSecret;
use watchfire_harness::{Reply, Target, TestServer, target::Received};

use crate::actions::{server, workflow};

const PATH: &str = "/watchfire/v1/workflows";
const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Whether one of the signatures is by this key (Standard Webhooks, "Verifying signatures").
fn is_signed_by(request: &Received, secret: &str) -> bool {
    let key = WebhookSecret::parse(secret).expect("a secret");
    let timestamp = request.header("webhook-timestamp").parse().expect("seconds");
    let expected = key.sign(request.header("webhook-id"), timestamp, &request.body);
    request.header("webhook-signature").split(' ').any(|one| one == expected)
}

#[tokio::test]
async fn a_workflow_lives() -> Result<()> {
    let server = server().await?;
    let body = json!({"name": "SOAR", "url": "https://soar.example/hook"});
    let made = server.call("POST", PATH).json(&body).send().await?;
    assert_eq!((made.status, made.text_at("/status")), (201, "ACTIVE"), "{}", made.text);
    assert!(made.text_at("/secret").starts_with("whsec_"));
    let id = made.json["id"].as_u64().unwrap_or_default();
    assert!(id >= 100_000, "an integer, as Okta's workflows have");
    let path = format!("{PATH}/{id}");
    let got = server.call("GET", &path).send().await?;
    assert_eq!((got.status, got.json.get("secret")), (200, None));
    let taken = server.call("POST", PATH).json(&body).send().await?;
    assert_eq!(
        (taken.status, taken.error().1),
        (
            400,
            "name: An object with this field already exists in the current organization"
        )
    );
    let other = json!({"name": "soar 2", "url": "https://soar.example/2"});
    let replaced = server.call("PUT", &path).json(&other).send().await?;
    assert_eq!((replaced.status, replaced.text_at("/name")), (200, "soar 2"));
    assert_eq!(
        server.call("GET", PATH).send().await?.json[0]["url"],
        "https://soar.example/2"
    );
    for (word, status) in [("deactivate", "INACTIVE"), ("activate", "ACTIVE")] {
        let changed = server.call("POST", &format!("{path}/lifecycle/{word}")).send().await?;
        assert_eq!((changed.status, changed.text_at("/status")), (200, status));
    }
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    let gone = server.call("GET", &path).send().await?;
    assert_eq!(
        gone.json["errorSummary"],
        format!("Not found: Resource not found: {id} (Workflow)")
    );
    Ok(())
}

#[tokio::test]
async fn a_test_call_is_signed_with_the_secret() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, secret) = workflow(&server, "made", &target.url).await?;
    let test = format!("{PATH}/{id}/test");
    let tested = server.call("POST", &test).send().await?;
    assert_eq!(
        (tested.status, &tested.json["delivered"], &tested.json["status"]),
        (200, &json!(true), &json!(204))
    );
    let request = target.next().await?;
    assert!(is_signed_by(&request, &secret));
    assert!(!is_signed_by(&request, GIVEN));
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("webhook-id"), tested.text_at("/id"));
    assert_eq!(request.json()["type"], "workflow.test");
    let body = json!({"name": "given", "url": target.url, "secret": GIVEN});
    let given = server.call("POST", PATH).json(&body).send().await?;
    assert_eq!(given.text_at("/secret"), GIVEN);
    server
        .call("POST", &format!("{PATH}/{}/test", given.json["id"]))
        .send()
        .await?;
    assert!(is_signed_by(&target.next().await?, GIVEN));
    target.then([Reply::status(500)]);
    let failed = server.call("POST", &test).send().await?;
    assert_eq!(
        (failed.status, &failed.json["delivered"], &failed.json["status"]),
        (200, &json!(false), &json!(500))
    );
    Ok(())
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, old) = workflow(&server, "SOAR", &target.url).await?;
    let rotated = server.call("POST", &format!("{PATH}/{id}/rotate-secret")).send().await?;
    let new = rotated.text_at("/secret");
    assert!(rotated.status == 200 && new.starts_with("whsec_") && new != old);
    let test = format!("{PATH}/{id}/test");
    server.call("POST", &test).send().await?;
    let request = target.next().await?;
    assert!(is_signed_by(&request, new) && is_signed_by(&request, &old));
    server.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    server.call("POST", &test).send().await?;
    let request = target.next().await?;
    assert!(is_signed_by(&request, new) && !is_signed_by(&request, &old));
    Ok(())
}

#[tokio::test]
async fn refuses_targets_and_secrets_that_are_none() -> Result<()> {
    let server = TestServer::start().await?;
    for (name, url, secret, field) in [
        ("", "https://soar.example/", None, "name"),
        ("a", "", None, "url"),
        ("a", "http://soar.example/", None, "url"),
        ("a", "https://127.0.0.1/", None, "url"),
        ("a", "https://10.0.0.1/", None, "url"),
        ("a", "https://[::1]/", None, "url"),
        ("a", "https://169.254.169.254/latest", None, "url"),
        ("a", "https://localhost/", None, "url"),
        ("a", "https://user:pw@soar.example/", None, "url"),
        ("a", "soar.example", None, "url"),
        ("a", "https://soar.example/", Some("whsec_c2hvcnQ="), "secret"),
        ("a", "https://soar.example/", Some("hunter2"), "secret"),
    ] {
        let body = json!({"name": name, "url": url, "secret": secret});
        let refused = server.call("POST", PATH).json(&body).send().await?;
        assert_eq!(
            (refused.status, refused.error().0),
            (400, "E0000001"),
            "{url}: {}",
            refused.text
        );
        assert!(
            refused.error().1.starts_with(&format!("{field}: ")),
            "{url}: {}",
            refused.text
        );
        assert!(secret.is_none_or(|secret| !refused.text.contains(secret)));
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_is_in_no_answer_and_no_log() -> Result<()> {
    let (server, mut target) = (server().await?, Target::start().await?);
    let (id, secret) = workflow(&server, "SOAR", &target.url).await?;
    let key = secret.trim_start_matches("whsec_");
    // The target repeats what it got, as an error page would.
    target.then([Reply::Answer(500, Vec::new(), secret.clone())]);
    let tested = server.call("POST", &format!("{PATH}/{id}/test")).send().await?;
    target.next().await?;
    let mut seen = vec![tested.text];
    for path in [
        PATH.to_owned(),
        format!("{PATH}/{id}"),
        "/api/v1/logs".to_owned(),
        "/watchfire/v1/actions".to_owned(),
    ] {
        seen.push(server.call("GET", &path).send().await?.text);
    }
    assert!(seen.iter().all(|text| !text.contains(key)), "{seen:?}");
    Ok(())
}
