//! What others say of the device and of sessions, and what the operator's zones say, at a sign-in
//! (risk-engine.md 5.6, 5.7).

use super::*;
use watchfire_harness::SetSender;

const COMPLIANCE: &str = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change";
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const DEVICE_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/device-risk-change";
const LAPTOP: &str = "D-42";

async fn server_that_hears() -> Result<(TestServer, SetSender)> {
    let server = TestServer::start_with(SetSender::settings()).await?;
    let sender = SetSender::register(&server, "https://transmitter.acme.example").await?;
    for _ in 0..6 {
        with_device(&server, LAPTOP).await?;
    }
    Ok((server, sender))
}

/// A sign-in of Jo from home with this device that ends well; gives its explanation.
async fn with_device(server: &TestServer, device: &str) -> Result<Value> {
    server.clock.advance(Duration::from_secs(1));
    let mut body = attempt(JO, HOME, FIREFOX);
    body["client"]["deviceToken"] = json!(device);
    let asked = server.call("POST", PATH).json(&body).send().await?;
    tell(server, asked.text_at("/id"), "SUCCESS").await?;
    explained(server, asked.text_at("/id")).await
}

fn factor<'a>(it: &'a Value, name: &str) -> Option<&'a Value> {
    it["risk"]["factors"]
        .as_array()?
        .iter()
        .find(|factor| factor["factor"] == name)
}

fn about_laptop(server: &TestServer, members: Value) -> Value {
    let mut event = json!({
        "subject": {
            "user": {"format": "email", "email": JO},
            "device": {"format": "opaque", "id": LAPTOP},
        },
        "event_timestamp": server.clock.now().as_seconds(),
        "initiating_entity": "policy",
        "reason_admin": {"en": "Checked"},
    });
    if let (Some(event), Some(members)) = (event.as_object_mut(), members.as_object()) {
        event.extend(members.clone());
    }
    event
}

#[tokio::test]
async fn a_device_that_does_not_comply_speaks_against_the_sign_in_that_presents_it() -> Result<()> {
    let (server, sender) = server_that_hears().await?;
    let change = |status: &str| json!({"previous_status": "compliant", "current_status": status});
    let before = with_device(&server, LAPTOP).await?;
    assert_eq!(factor(&before, "device_risk"), None);
    let event = about_laptop(&server, change("not-compliant"));
    sender.tell(&server, "one", COMPLIANCE, event).await?;

    let bad = with_device(&server, LAPTOP).await?;
    let found = factor(&bad, "device_risk").context("the factor")?;
    assert_eq!(
        (&found["nats"], &found["source"]["type"]),
        (&json!(1.5), &json!("entity_risk"))
    );
    assert_eq!(found["value"], "Security Events Provider Reported Risk");
    assert!(found["points"].as_i64().is_some_and(|points| points > 0), "{found}");
    assert_eq!(bad["explanation"]["basis"]["signals"]["causes"][0]["of"], "device");
    assert_eq!(bad["explanation"]["recomputed"]["matches"], true);
    // Of another device it says nothing, however old it is; it does not fade by itself.
    let other = with_device(&server, "D-43").await?;
    assert_eq!(factor(&other, "device_risk"), None);
    server.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    let later = with_device(&server, LAPTOP).await?;
    assert_eq!(factor(&later, "device_risk").map(|it| it["nats"].clone()), Some(json!(1.5)));

    let event = about_laptop(&server, change("compliant"));
    sender.tell(&server, "two", COMPLIANCE, event).await?;
    let good = with_device(&server, LAPTOP).await?;
    assert_eq!(factor(&good, "device_risk"), None);
    Ok(())
}

#[tokio::test]
async fn the_risk_of_a_device_fades_and_its_strongest_cause_counts_in_full() -> Result<()> {
    let (server, sender) = server_that_hears().await?;
    let event = about_laptop(&server, json!({"previous_level": "low", "current_level": "high"}));
    sender.tell(&server, "one", DEVICE_RISK, event).await?;
    let event = about_laptop(
        &server,
        json!({"previous_status": "compliant", "current_status": "not-compliant"}),
    );
    sender.tell(&server, "two", COMPLIANCE, event).await?;
    let bad = with_device(&server, LAPTOP).await?;
    let nats = factor(&bad, "device_risk")
        .and_then(|it| it["nats"].as_f64())
        .context("nats")?;
    assert!((nats - 3.25).abs() < 0.01, "{nats}");
    assert!(
        bad["risk"]["reasons"]
            .to_string()
            .contains("Security Events Provider Reported Risk"),
        "{bad}"
    );
    server.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let later = with_device(&server, LAPTOP).await?;
    let nats = factor(&later, "device_risk")
        .and_then(|it| it["nats"].as_f64())
        .context("nats")?;
    assert!((nats - 2.125).abs() < 0.01, "{nats}");
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_revoked_speaks_against_the_next_sign_in_until_a_second_factor() -> Result<()> {
    let (server, sender) = server_that_hears().await?;
    let event = json!({
        "subject": {
            "user": {"format": "email", "email": JO},
            "session": {"format": "opaque", "id": "S-1"},
        },
        "event_timestamp": server.clock.now().as_seconds(),
        "initiating_entity": "policy", "reason_admin": {"en": "Landspeed"},
    });
    sender.tell(&server, "one", SESSION_REVOKED, event).await?;
    let bad = with_device(&server, LAPTOP).await?;
    let nats = factor(&bad, "session_risk")
        .and_then(|it| it["nats"].as_f64())
        .context("nats")?;
    assert!((nats - 1.5).abs() < 0.01, "{bad}");
    assert_eq!(bad["explanation"]["recomputed"]["matches"], true);
    let id = evaluate(&server, HOME, FIREFOX).await?.text_at("/id").to_owned();
    assert_eq!(tell(&server, &id, "CHALLENGE_PASSED").await?.status, 204);
    let good = with_device(&server, LAPTOP).await?;
    assert_eq!(factor(&good, "session_risk"), None);
    Ok(())
}

#[tokio::test]
async fn the_operators_zones_are_evidence() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let zone = |name: &str, usage: &str, cidr: &str| {
        let body = json!({"type": "IP", "name": name, "usage": usage, "gateways": [{"type": "CIDR", "value": cidr}]});
        server.call("POST", "/api/v1/zones").json(&body).send()
    };
    let office = zone("office", "POLICY", "198.51.100.0/24").await?.text_at("/id").to_owned();
    // A zone that nobody trusts says nothing.
    let strange = evaluate(&server, AWAY, IPHONE).await?.json;
    assert_eq!(factor(&strange, "zone"), None);
    let trusted = json!({"trustedZones": [office]});
    let set = server
        .call("PUT", "/watchfire/v1/risk-settings")
        .json(&trusted)
        .send()
        .await?;
    assert_eq!((set.status, &set.json["trustedZones"]), (200, &json!([office])));
    let id = evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned();
    let it = explained(&server, &id).await?;
    let found = factor(&it, "zone").context("the factor")?;
    assert_eq!(
        (&found["nats"], &found["value"], &found["source"]["type"]),
        (&json!(-4.0), &json!("office"), &json!("operator"))
    );
    assert!(it["risk"]["score"].as_i64() < strange["risk"]["score"].as_i64(), "{it}");
    assert_eq!(it["explanation"]["recomputed"]["matches"], true);
    // It is needed as long as it is trusted.
    let kept = server.call("DELETE", &format!("/api/v1/zones/{office}")).send().await?;
    assert_eq!(kept.status, 400, "{}", kept.text);

    // A blocklist speaks louder. The identity provider has let the request in: it is told what we think.
    zone("bad", "BLOCKLIST", "198.51.100.64/26").await?;
    let blocked = evaluate(&server, AWAY, IPHONE).await?.json;
    let found = factor(&blocked, "zone").context("the factor")?;
    assert_eq!((&found["nats"], &found["value"]), (&json!(6.0), &json!("bad")));
    assert_eq!(blocked["risk"]["level"], "HIGH");
    assert!(
        blocked["risk"]["reasons"].to_string().contains("Suspected Threat"),
        "{blocked}"
    );
    Ok(())
}
