//! A provider that lies, somebody who poisons, somebody who locks out: each is bounded.

use super::*;

/// Makes the default provider do `action`, and has it say `level` of Jo's address.
async fn provider_says(server: &TestServer, action: &str, level: &str) -> Result<Value> {
    people::partner_says(server, action, level).await?;
    server.clock.advance(Duration::from_secs(1));
    Ok(evaluate(server, HOME, FIREFOX).await?.json)
}

fn nats(answer: &Value, factor: &str) -> Option<f64> {
    let factors = answer["risk"]["factors"].as_array()?;
    factors.iter().find(|it| it["factor"] == factor)?["nats"].as_f64()
}

/// risk-engine.md 5.6: a provider can raise up to its floor, hardly lower, and only logged change nothing.
#[tokio::test]
async fn a_lying_provider_moves_a_verdict_only_so_far() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let honest = evaluate(&server, HOME, FIREFOX).await?.json;
    assert_eq!(honest["risk"]["level"], "LOW");

    let logged = provider_says(&server, "log_only", "HIGH").await?;
    assert_eq!(logged["risk"]["score"], honest["risk"]["score"]);
    assert_eq!(logged["decision"], honest["decision"]);
    assert_eq!(logged["risk"]["counterfactual"]["level"], "HIGH");

    let enforced = provider_says(&server, "enforce_and_log", "HIGH").await?;
    assert_eq!(
        (&enforced["risk"]["score"], &enforced["risk"]["level"]),
        (&json!(70), &json!("HIGH"))
    );
    let floor = &enforced["risk"]["factors"][0];
    assert_eq!((&floor["factor"], floor.get("nats")), (&json!("level_floor"), None));
    assert_eq!(floor["source"]["name"], "Acme Risk Feed");
    assert!(nats(&enforced, "providers").is_some_and(|nats| nats > 0.0 && nats <= 4.0));

    // LOW for everything: a stranger stays as strange.
    let low = provider_says(&server, "enforce_and_log", "LOW").await?;
    assert_eq!(low["risk"]["level"], "LOW");
    assert!(nats(&low, "providers").is_some_and(|nats| (-0.3..0.0).contains(&nats)));
    assert!(
        low["risk"]["factors"]
            .as_array()
            .is_some_and(|all| all.iter().all(|it| it["factor"] != "level_floor"))
    );
    Ok(())
}

/// risk-engine.md 5.12: failures and unconfirmed attempts change no term.
#[tokio::test]
async fn a_poisoning_attacker_changes_no_term() -> Result<()> {
    let server = TestServer::start().await?;
    people::user(&server, JO).await?;
    for _ in 0..4 {
        server.clock.advance(Duration::from_secs(1));
        assert_eq!(people::sign_in(&server, JO).await?.status, 200);
    }
    server.clock.advance(Duration::from_secs(1));
    let (population, before) = (server.app.state().statistics().bytes(), numbers(&server, AWAY, IPHONE).await?);
    for _ in 0..5 {
        people::sign_in_from(&server, JO, "wrong password", [198, 51, 100, 77]).await?;
        let id = evaluate(&server, AWAY, IPHONE).await?.text_at("/id").to_owned();
        tell(&server, &id, "FAILURE").await?;
        // Asked about and never heard of again.
        evaluate(&server, AWAY, IPHONE).await?;
    }
    let after = numbers(&server, AWAY, IPHONE).await?;
    for member in ["levels", "successes", "hour", "journey"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(server.app.state().statistics().bytes(), population);
    Ok(())
}

/// risk-engine.md 5.4: guessing from elsewhere makes other networks suspicious, never the owner's.
#[tokio::test]
async fn an_attacker_cannot_lock_the_owner_out_of_a_known_network() -> Result<()> {
    let server = server_that_knows_jo().await?;
    let honest = evaluate(&server, HOME, FIREFOX).await?.json;
    for network in 0..20 {
        let id = evaluate(&server, &format!("198.{network}.100.77"), "curl/8.0")
            .await?
            .text_at("/id")
            .to_owned();
        assert_eq!(tell(&server, &id, "FAILURE").await?.status, 204);
    }
    let at_home = evaluate(&server, HOME, FIREFOX).await?.json;
    assert_eq!(
        (&at_home["risk"]["score"], &at_home["decision"]),
        (&honest["risk"]["score"], &honest["decision"])
    );
    let elsewhere = evaluate(&server, "192.0.2.9", FIREFOX).await?.json;
    assert_eq!(elsewhere["risk"]["level"], "MEDIUM", "{elsewhere}");
    let rules = elsewhere["risk"]["factors"].as_array().context("factors")?;
    assert!(rules.iter().any(|it| it["factor"] == "under_attack"), "{elsewhere}");
    // Nor do they raise the risk of the user: none of them had the password.
    let user = server
        .call("GET", &format!("/api/v1/users/{JO}"))
        .send()
        .await?
        .text_at("/id")
        .to_owned();
    let risk = server.call("GET", &format!("/api/v1/users/{user}/risk")).send().await?;
    assert_eq!(risk.json["riskLevel"], "NONE", "{}", risk.text);
    Ok(())
}
