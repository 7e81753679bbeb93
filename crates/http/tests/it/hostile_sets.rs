//! The hostile tokens of the `ssf` crate, sent to the endpoint that all vendors share.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use watchfire_app::{Clock as _, intake::security_events::ClockSkew};
use watchfire_harness::{Call, SetSender, TestServer, set_sender::SECURITY_EVENTS};
use watchfire_model::object::DialectName;

use crate::{
    attempt::{Attempt, ISSUER, KEYS, NOW},
    hostile::{self, Case},
    people::events,
};

async fn post(server: &TestServer, body: String) -> Result<watchfire_harness::Answer> {
    let call: Call<'_> = server.call("POST", SECURITY_EVENTS).anonymous();
    call.header("content-type", "application/secevent+jwt")
        .text(body)
        .send()
        .await
}

/// The bodies of this dialect that reach a provider with the usual keys; those whose hostility is in the
/// provider's own key set are its fetcher's to refuse.
fn bodies(dialect: DialectName) -> Vec<(Case, String)> {
    let usual = Attempt::new(dialect);
    let body = |case: Case| {
        let attempt = case.attempt();
        let is_usual = attempt.dialect == dialect && attempt.jwks == usual.jwks && attempt.algorithms == usual.algorithms;
        let body = String::from_utf8(attempt.body()).ok().filter(|_| is_usual)?;
        Some((case, body))
    };
    hostile::cases().into_iter().filter_map(body).collect()
}

/// None gets a 202, none a 5xx, and each its `err`; nothing is stored or logged.
#[tokio::test]
async fn no_hostile_token_is_taken_at_the_endpoint() -> Result<()> {
    let mut settings = SetSender::settings();
    settings.sets.calls_per_address = 0;
    settings.sets.calls_per_issuer = 0;
    let server = TestServer::start_with(settings).await?;
    let sender = SetSender::register(&server, ISSUER).await?;
    sender.publish(&[KEYS.rsa.public_jwk(), KEYS.ec.public_jwk()]).await;
    server.clock.set(NOW);
    let dialects = [
        DialectName::Okta,
        DialectName::Standard,
        DialectName::Interop,
        DialectName::Authentik,
    ];
    let mut count = 0;
    for dialect in dialects {
        sender.set_profile(&server, json!({"profile": dialect.as_str()})).await?;
        for (case, body) in bodies(dialect) {
            let answer = post(&server, body).await?;
            let name = &case.name;
            assert_eq!(
                (answer.status, answer.text_at("/err")),
                (400, case.err.as_str()),
                "{name}: {}",
                answer.text
            );
            assert!(!answer.text_at("/description").is_empty(), "{name}: {}", answer.text);
            count += 1;
        }
    }
    assert!(count >= 600, "{count} tokens");
    assert!(events(&server, "security.events.provider.receive_event").await?.is_empty());
    for dialect in dialects {
        sender.set_profile(&server, json!({"profile": dialect.as_str()})).await?;
        let mut good = Attempt::new(dialect);
        good.edit_claims(|claims| claims["jti"] = json!(dialect.as_str()));
        let answer = post(&server, good.token()).await?;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{dialect:?}");
    }
    Ok(())
}

/// JWT-18, ssf.md 1.2: how far clocks may be off are settings; without them five minutes and one.
#[tokio::test]
async fn the_skews_of_clocks_are_settings() -> Result<()> {
    for (settings, ahead, expiry) in [(None, 300, 60), (Some((10, 5)), 10, 5)] {
        let mut chosen = SetSender::settings();
        if let Some((ahead, expiry)) = settings {
            chosen.sets.skew = ClockSkew {
                ahead: Duration::from_secs(ahead),
                expiry: Duration::from_secs(expiry),
            };
        }
        let server = TestServer::start_with(chosen).await?;
        let sender = SetSender::register(&server, "https://vendor.example").await?;
        // A profile that takes `exp` at all (SET-20).
        sender.set_profile(&server, json!({"profile": "legacy-sse"})).await?;
        let now = server.clock.now().as_seconds();
        for (number, (claim, at, is_taken)) in [
            ("iat", now + ahead, true),
            ("iat", now + ahead + 1, false),
            ("exp", now - expiry, true),
            ("exp", now - expiry - 1, false),
            ("nbf", now + expiry, true),
            ("nbf", now + expiry + 1, false),
        ]
        .into_iter()
        .enumerate()
        {
            let event = json!({"subject": {"format": "email", "email": "nobody@example.com"}});
            let mut claims = sender.claims(&server, &format!("s{number}"), SESSION_REVOKED, event);
            claims["sub_id"] = json!({"format": "email", "email": "nobody@example.com"});
            claims[claim] = json!(at);
            let answer = sender.send(&server, &claims).await?;
            assert_eq!(answer.status, if is_taken { 202 } else { 400 }, "{claim}: {}", answer.text);
        }
    }
    Ok(())
}

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
