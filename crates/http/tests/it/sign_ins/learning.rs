//! What labels make of risk providers and thresholds, through the router (risk-engine.md 5.6, 5.9).

use super::{feedback::give, *};

const SETTINGS: &str = "/watchfire/v1/risk-settings";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn settings(server: &TestServer) -> Result<Value> {
    let answer = server.call("GET", SETTINGS).send().await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(answer.json)
}

async fn provider_id(server: &TestServer) -> Result<String> {
    let listed = server.call("GET", "/api/v1/risk/providers").send().await?;
    Ok(listed.text_at("/0/id").to_owned())
}

fn in_effect(settings: &Value, provider: &str) -> f64 {
    settings["providers"][provider]["inEffect"]["HIGH"].as_f64().unwrap_or(-1.0)
}

/// A sign-in of somebody who had succeeded before, from an address that the provider calls HIGH.
async fn flagged(server: &TestServer, login: &str) -> Result<String> {
    server.clock.advance(Duration::from_secs(1));
    let asked = server.call("POST", PATH).json(&attempt(login, HOME, FIREFOX)).send().await?;
    Ok(asked.text_at("/id").to_owned())
}

/// The provider says HIGH of everybody's address and is only logged: one tries it out. Each day its words turn out
/// wrong, on more accounts than may count.
#[tokio::test]
async fn a_lying_provider_is_believed_less_from_day_to_day_and_no_record_changes() -> Result<()> {
    let server = TestServer::start().await?;
    let provider = provider_id(&server).await?;
    let mut trust = 0.7;
    let mut first = Value::Null;
    for day in 0..3 {
        people::partner_says(&server, "log_only", "HIGH").await?;
        for account in 0..10 {
            let id = flagged(&server, &format!("user{account}@example.com")).await?;
            if first.is_null() {
                first = explained(&server, &id).await?;
            }
            let given = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
            assert_eq!(given.json["effects"]["labelledProviders"], 1, "{}", given.text);
        }
        let now = in_effect(&settings(&server).await?, &provider);
        assert!((trust - now - 0.1).abs() < 1e-9, "day {day}: {trust} to {now}");
        trust = now;
        server.clock.advance(DAY);
    }
    people::partner_says(&server, "log_only", "HIGH").await?;
    let id = flagged(&server, "user1@example.com").await?;
    let later = explained(&server, &id).await?;
    let used = |it: &Value| it["explanation"]["basis"]["signals"]["providers"][0]["trust"].clone();
    assert_eq!((used(&first), used(&later)), (json!(700_000), json!(300_000)));
    // Each record says with which trust it was computed, and computes to its verdict.
    let first = explained(&server, first["id"].as_str().context("an id")?).await?;
    for it in [&first, &later] {
        assert_eq!(it["explanation"]["recomputed"]["matches"], true);
    }
    assert_eq!(used(&first), json!(700_000));
    let simulated = server
        .call("POST", "/watchfire/v1/simulations")
        .json(&json!({}))
        .send()
        .await?;
    let report = &simulated.json["result"];
    assert_eq!(simulated.status, 201, "{}", simulated.text);
    assert!(report.to_string().contains("\"differing\":0"), "{report}");
    Ok(())
}

/// Somebody who controls what is said of one account has one label a day, however often it signs in.
#[tokio::test]
async fn who_poisons_one_account_has_one_label_a_day() -> Result<()> {
    let server = TestServer::start().await?;
    let provider = provider_id(&server).await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let mut counted = 0;
    for _ in 0..12 {
        let id = flagged(&server, JO).await?;
        let given = give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
        counted += given.json["effects"]["labelledProviders"].as_u64().unwrap_or(0);
    }
    assert_eq!(counted, 1);
    let labels = &settings(&server).await?["providers"][&provider]["labels"];
    assert_eq!((&labels["honest"], &labels["HIGH"]["honest"]), (&json!(1.0), &json!(1.0)));
    // Failed or passed step-ups of that account: a quarter of one more, together.
    for result in ["CHALLENGE_FAILED", "CHALLENGE_PASSED", "CHALLENGE_FAILED"] {
        let id = flagged(&server, JO).await?;
        assert_eq!(tell(&server, &id, result).await?.status, 204);
    }
    let labels = &settings(&server).await?["providers"][&provider]["labels"];
    assert_eq!((&labels["honest"], &labels["attacks"]), (&json!(1.0), &json!(0.25)));
    Ok(())
}

/// The counts are what they were, to the last thousandth: changed, withdrawn, and by the user itself.
#[tokio::test]
async fn what_a_label_has_taught_is_taken_back_exactly() -> Result<()> {
    let server = TestServer::start().await?;
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    let id = flagged(&server, JO).await?;
    assert_eq!(tell(&server, &id, "CHALLENGE_PASSED").await?.status, 204);
    let learnt = |settings: &Value| settings["providers"].clone();
    let before = learnt(&settings(&server).await?);
    let given = give(&server, "SIGN_IN", &id, "TRUE_POSITIVE").await?;
    let attack = learnt(&settings(&server).await?);
    assert_ne!(attack, before);
    // The step-up that was passed counts no more.
    let provider = provider_id(&server).await?;
    let labels = &attack[&provider]["labels"];
    assert_eq!((&labels["attacks"], &labels["honest"]), (&json!(1.0), &json!(0.0)));
    assert_eq!(give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?.status, 200);
    let honest = learnt(&settings(&server).await?);
    assert_eq!(honest[&provider]["labels"]["honest"], json!(1.0));
    assert_eq!(give(&server, "SIGN_IN", &id, "TRUE_POSITIVE").await?.status, 200);
    assert_eq!(learnt(&settings(&server).await?), attack);
    let path = format!("/watchfire/v1/feedback/{}", given.text_at("/id"));
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(learnt(&settings(&server).await?), before);
    // "Not me" teaches the same, and leaves the same when it is overruled and that is withdrawn.
    assert_eq!(tell(&server, &id, "NOT_ME").await?.status, 204);
    assert_eq!(learnt(&settings(&server).await?), attack);
    let listed = server
        .call("GET", &format!("/watchfire/v1/feedback?subject={id}"))
        .send()
        .await?;
    let path = format!("/watchfire/v1/feedback/{}", listed.text_at("/0/id"));
    assert_eq!(server.call("DELETE", &path).send().await?.status, 204);
    assert_eq!(learnt(&settings(&server).await?), before);
    Ok(())
}

/// A provider's own receipt may be judged too.
#[tokio::test]
async fn a_receipt_labels_its_provider() -> Result<()> {
    let server = TestServer::start().await?;
    people::partner_says(&server, "enforce_and_log", "MEDIUM").await?;
    let receipts = server.call("GET", "/watchfire/v1/receipts").send().await?;
    let given = give(&server, "RECEIPT", receipts.text_at("/0/id"), "TRUE_POSITIVE").await?;
    assert_eq!(given.json["effects"]["labelledProviders"], 1, "{}", given.text);
    let settings = settings(&server).await?;
    let labels = &settings["providers"][provider_id(&server).await?]["labels"];
    assert_eq!((&labels["attacks"], &labels["MEDIUM"]["attacks"]), (&json!(1.0), &json!(1.0)));
    Ok(())
}

#[tokio::test]
async fn an_administrator_sets_the_trust_its_bounds_and_the_floor() -> Result<()> {
    let server = TestServer::start().await?;
    let provider = provider_id(&server).await?;
    for _ in 0..4 {
        succeed(&server, HOME, FIREFOX).await?;
    }
    people::partner_says(&server, "enforce_and_log", "HIGH").await?;
    assert_eq!(evaluate(&server, HOME, FIREFOX).await?.json["risk"]["level"], "HIGH");
    let body = json!({"providers": {&provider: {"trust": 0.25, "learn": false, "levelFloor": "OFF"}}});
    let set = server.call("PUT", SETTINGS).json(&body).send().await?;
    assert_eq!(set.status, 200, "{}", set.text);
    assert!((in_effect(&set.json, &provider) - 0.25).abs() < 1e-9);
    // What came out goes in again.
    let same = server.call("PUT", SETTINGS).json(&set.json).send().await?;
    assert_eq!(same.json["providers"], set.json["providers"]);
    server.clock.advance(Duration::from_secs(1));
    let id = flagged(&server, JO).await?;
    let it = explained(&server, &id).await?;
    let word = &it["explanation"]["basis"]["signals"]["providers"][0];
    assert_eq!((&word["trust"], &word["floor"]), (&json!(250_000), &json!(false)));
    assert_eq!(it["risk"]["level"], "LOW", "{it}");
    // Without learning nothing moves it.
    give(&server, "SIGN_IN", &id, "FALSE_POSITIVE").await?;
    assert!((in_effect(&settings(&server).await?, &provider) - 0.25).abs() < 1e-9);
    assert_eq!(events(&server, "security.risk.settings.update").await?.len(), 2);
    for (body, cause) in [
        (
            json!({"providers": {"rkpNone": {}}}),
            "providers.rkpNone: No risk provider has this id",
        ),
        (
            json!({"providers": {&provider: {"trust": 2}}}),
            "It must be a number from 0 to 1",
        ),
        (
            json!({"providers": {&provider: {"least": 0.8, "most": 0.2}}}),
            "It must not be above most",
        ),
        (
            json!({"providers": {&provider: {"least": 0.8}}}),
            "It must lie between least and most",
        ),
        (json!({"providers": {&provider: {"levelFloor": "NONE"}}}), "Invalid value"),
        (
            json!({"thresholds": {"medium": 0.01, "high": 0.02}}),
            "thresholds.high: It must not be above the share for MEDIUM",
        ),
        (
            json!({"trustedZones": ["nzoNone"]}),
            "trustedZones: No zone has the id nzoNone",
        ),
    ] {
        let refused = server.call("PUT", SETTINGS).json(&body).send().await?;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.error().1.ends_with(cause), "{}", refused.text);
    }
    Ok(())
}

/// risk-engine.md 5.9: only where it is wanted, once a day, and only from what let its user in.
#[tokio::test]
async fn thresholds_are_learnt_once_a_day_where_that_is_wanted() -> Result<()> {
    let server = TestServer::start().await?;
    for account in 0..170 {
        let login = format!("user{account}@example.com");
        for _ in 0..4 {
            let id = flagged(&server, &login).await?;
            tell(&server, &id, "SUCCESS").await?;
        }
    }
    server.clock.advance(DAY);
    assert!(!server.app.learn_thresholds().await?);
    let body = json!({"thresholds": {"learn": true}});
    assert_eq!(server.call("PUT", SETTINGS).json(&body).send().await?.status, 200);
    assert!(server.app.learn_thresholds().await?);
    assert!(!server.app.learn_thresholds().await?);
    let now = settings(&server).await?;
    // Everybody is as always: half a nat less is asked for.
    assert_eq!(now["thresholds"]["set"], json!({"medium": 40, "high": 70}));
    assert_eq!(now["thresholds"]["inEffect"], json!({"medium": 33, "high": 63}));
    let id = flagged(&server, "user1@example.com").await?;
    let it = explained(&server, &id).await?;
    assert_eq!(
        it["explanation"]["recomputed"]["thresholds"],
        json!({"medium": 33, "high": 63})
    );
    assert_eq!(it["explanation"]["recomputed"]["matches"], true);
    Ok(())
}
