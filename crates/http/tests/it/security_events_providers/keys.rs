//! The keys of providers: fetched, kept, rotated, revoked (JWT-05, JWT-06, JWT-15; clients.md 9).

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use watchfire_app::{
    Settings,
    intake::event_keys::{EventKeyLimits, NoEventKeys, ProviderKeys},
};
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};
use watchfire_egress::{FetchError, JwksError};
use watchfire_harness::{SetSender, TestServer};
use watchfire_model::object::SecurityEventsProvider;
use wiremock::ResponseTemplate;

use super::{PROVIDERS, server};

/// Longer than any test runs.
const NEVER: Duration = Duration::from_secs(3_600);

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// What is told of a user's sessions; the user is nobody here.
fn session() -> Value {
    json!({
        "subject": {"user": {"format": "email", "email": "jo@acme.example"}},
        "event_timestamp": 1_800_000_000,
        "reason_admin": {"en": "Malware"},
    })
}

async fn server_with(limits: EventKeyLimits) -> Result<TestServer> {
    let settings = Settings {
        event_keys: limits,
        ..SetSender::settings()
    };
    TestServer::start_with(settings).await
}

fn provider(server: &TestServer, sender: &SetSender) -> Result<Arc<SecurityEventsProvider>> {
    let directory = server.app.state().directory();
    let known = directory.security_events_provider(&sender.provider_id);
    known.map(Arc::clone).context("a provider")
}

async fn keys(server: &TestServer, sender: &SetSender) -> Result<Result<ProviderKeys, NoEventKeys>> {
    Ok(server.app.event_keys(&*provider(server, sender)?).await)
}

fn kids(keys: &ProviderKeys) -> Vec<&str> {
    keys.keys().keys().iter().filter_map(|key| key.kid()).collect()
}

fn jwk(kid: &str) -> Value {
    let key = PrivateKey::generate(NewKey::Ec(Curve::P256)).expect("a key");
    let mut jwk = key.public_jwk();
    jwk["kid"] = json!(kid);
    jwk
}

fn hangs() -> ResponseTemplate {
    ResponseTemplate::new(200).set_delay(NEVER)
}

/// The issue's words: a hanging document of one vendor never slows another.
#[tokio::test]
async fn a_vendor_that_hangs_does_not_hold_up_another() -> Result<()> {
    let server = server_with(EventKeyLimits {
        fetch: NEVER,
        ..EventKeyLimits::default()
    })
    .await?;
    let slow = SetSender::register(&server, "https://slow.example").await?;
    let good = SetSender::register(&server, "https://good.example").await?;
    slow.serve(hangs()).await;
    let (app, hanging) = (server.app.clone(), provider(&server, &slow)?);
    let waiting = tokio::spawn(async move { app.event_keys(&hanging).await });
    while slow.fetches().await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(keys(&server, &good).await?.is_ok());
    assert!(!waiting.is_finished());
    waiting.abort();
    Ok(())
}

/// The same seen by the vendors: one's token waits for its keys, the other's is taken meanwhile.
#[tokio::test]
async fn tokens_of_a_good_vendor_are_taken_while_another_hangs() -> Result<()> {
    let server = Arc::new(
        server_with(EventKeyLimits {
            fetch: NEVER,
            ..EventKeyLimits::default()
        })
        .await?,
    );
    let slow = SetSender::register(&server, "https://slow.example").await?;
    let good = SetSender::register(&server, "https://good.example").await?;
    slow.serve(hangs()).await;
    let claims = slow.claims(&server, "s1", SESSION_REVOKED, session());
    let (token, at) = (slow.sign(&claims)?, Arc::clone(&server));
    let waiting = tokio::spawn(async move { SetSender::post(&at, &token).await.map(|answer| answer.status) });
    while slow.fetches().await == 0 {
        tokio::task::yield_now().await;
    }
    for jti in ["g1", "g2", "g3"] {
        good.tell(&server, jti, SESSION_REVOKED, session()).await?;
    }
    assert!(!waiting.is_finished());
    waiting.abort();
    Ok(())
}

/// A rotated key works with the first token that it signed; a revoked one with none.
#[tokio::test]
async fn tokens_follow_the_keys_of_their_vendor() -> Result<()> {
    let server = server().await?;
    let mut sender = SetSender::register(&server, "https://vendor.example").await?;
    sender.tell(&server, "a1", SESSION_REVOKED, session()).await?;
    let old = std::mem::replace(&mut sender.key, PrivateKey::generate(NewKey::Ec(Curve::P256))?);
    sender.publish(&[old.public_jwk(), sender.key.public_jwk()]).await;
    sender.tell(&server, "b1", SESSION_REVOKED, session()).await?;
    let revoked = json!({"revoked_keys": [sender.key.thumbprint()]});
    sender.set_profile(&server, revoked).await?;
    let claims = sender.claims(&server, "b2", SESSION_REVOKED, session());
    let refused = sender.send(&server, &claims).await?;
    assert_eq!((refused.status, refused.text_at("/err")), (400, "invalid_key"));
    sender.key = old;
    sender.tell(&server, "a2", SESSION_REVOKED, session()).await
}

/// META-13: an inactive provider is nobody.
#[tokio::test]
async fn tokens_of_a_provider_that_is_off_or_gone_are_refused() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let path = format!("{PROVIDERS}/{}", sender.provider_id);
    sender.tell(&server, "a1", SESSION_REVOKED, session()).await?;
    for (method, path) in [("POST", format!("{path}/lifecycle/deactivate")), ("DELETE", path)] {
        server.call(method, &path).send().await?;
        let refused = sender
            .send(&server, &sender.claims(&server, "a2", SESSION_REVOKED, session()))
            .await?;
        assert_eq!((refused.status, refused.text_at("/err")), (400, "invalid_issuer"), "{method}");
    }
    Ok(())
}

/// Whoever sends for a vendor that hangs keeps no more than its places.
#[tokio::test]
async fn only_so_many_wait_for_one_vendor() -> Result<()> {
    let server = server_with(EventKeyLimits {
        fetch: NEVER,
        waiting: 2,
        ..EventKeyLimits::default()
    })
    .await?;
    let slow = SetSender::register(&server, "https://slow.example").await?;
    slow.serve(hangs()).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (app, provider) = (server.app.clone(), provider(&server, &slow)?);
        waiting.spawn(async move { app.event_keys(&provider).await });
    }
    for _ in 0..18 {
        let refused = waiting.join_next().await.context("an end")??;
        assert!(matches!(refused, Err(NoEventKeys::Busy)), "{refused:?}");
    }
    assert_eq!(waiting.len(), 2);
    Ok(())
}

/// No token gets a 5xx for whom it names: past the places the answer is 429, which senders take as "later"
/// (PUSH-12; ssf.md 4.1).
#[tokio::test]
async fn whoever_finds_no_place_is_told_to_come_again() -> Result<()> {
    let server = Arc::new(
        server_with(EventKeyLimits {
            fetch: NEVER,
            waiting: 2,
            ..EventKeyLimits::default()
        })
        .await?,
    );
    let slow = SetSender::register(&server, "https://slow.example").await?;
    slow.serve(hangs()).await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..10 {
        let claims = slow.claims(&server, &format!("s{number}"), SESSION_REVOKED, session());
        let (token, at) = (slow.sign(&claims)?, Arc::clone(&server));
        waiting.spawn(async move { SetSender::post(&at, &token).await });
    }
    for _ in 0..8 {
        let refused = waiting.join_next().await.context("an end")???;
        assert_eq!((refused.status, refused.text_at("/err")), (429, "rate_limited"));
        assert_eq!(refused.headers["retry-after"], "1");
    }
    assert_eq!(waiting.len(), 2);
    Ok(())
}

/// A vendor that has just been registered and sends all at once is served once its keys are there.
#[tokio::test]
async fn a_burst_of_first_tokens_waits_for_the_keys() -> Result<()> {
    let server = Arc::new(server().await?);
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let keys = json!({"keys": [sender.key.public_jwk()]});
    let late = ResponseTemplate::new(200)
        .set_body_json(keys)
        .set_delay(Duration::from_millis(500));
    sender.serve(late).await;
    let mut burst = tokio::task::JoinSet::new();
    for number in 0..100 {
        let claims = sender.claims(&server, &format!("s{number}"), SESSION_REVOKED, session());
        let (token, at) = (sender.sign(&claims)?, Arc::clone(&server));
        burst.spawn(async move { SetSender::post(&at, &token).await.map(|answer| answer.status) });
    }
    while let Some(status) = burst.join_next().await {
        assert_eq!(status??, 202);
    }
    assert_eq!(sender.fetches().await, 1);
    Ok(())
}

/// What was taken and what was not, and why, by provider; whoever names none that is known is one of all.
#[tokio::test]
async fn tokens_are_counted_by_provider_and_result() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let claims = sender.claims(&server, "s1", SESSION_REVOKED, session());
    let good = sender.sign(&claims)?;
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    let mut stranger = claims.clone();
    stranger["iss"] = json!("https://stranger.example");
    let stranger = sender.sign(&stranger)?;
    for token in [&*good, &*good, &*forged, &*forged, &*stranger, "no token"] {
        SetSender::post(&server, token).await?;
    }
    let metrics = server.call("GET", "/metrics").send().await?.text;
    let id = &sender.provider_id;
    for line in [
        format!("watchfire_sets_total{{provider=\"{id}\",result=\"accepted\"}} 1"),
        format!("watchfire_sets_total{{provider=\"{id}\",result=\"duplicate\"}} 1"),
        format!("watchfire_sets_refused_total{{provider=\"{id}\",err=\"authentication_failed\"}} 2"),
        "watchfire_sets_refused_total{provider=\"none\",err=\"invalid_issuer\"} 1".to_owned(),
        "watchfire_sets_refused_total{provider=\"none\",err=\"invalid_request\"} 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    Ok(())
}

/// JWT-05: for a day past their time, and not a SET waits longer than the patience.
#[tokio::test]
async fn known_keys_are_used_while_the_vendor_hangs_or_is_down() -> Result<()> {
    for answer in [hangs(), ResponseTemplate::new(503)] {
        let server = server_with(EventKeyLimits {
            fetch: Duration::from_millis(200),
            patience: Duration::from_millis(20),
            ..EventKeyLimits::default()
        })
        .await?;
        let sender = SetSender::register(&server, "https://vendor.example").await?;
        sender.publish(&[jwk("a")]).await;
        assert_eq!(kids(&keys(&server, &sender).await??), ["a"]);
        sender.serve(answer).await;
        server.clock.advance(Duration::from_secs(3_600));
        let stale = keys(&server, &sender).await??;
        assert_eq!((kids(&stale), stale.is_stale()), (vec!["a"], true));
        server.clock.advance(Duration::from_secs(24 * 3_600 - 1));
        assert!(keys(&server, &sender).await?.is_ok());
        server.clock.advance(Duration::from_secs(1));
        assert!(matches!(keys(&server, &sender).await?, Err(NoEventKeys::Unavailable(_))));
    }
    Ok(())
}

/// JWT-05: one fetch for an unknown `kid`, then none for the pause.
#[tokio::test]
async fn a_rotated_key_is_found_once_in_a_pause() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    sender.publish(&[jwk("a")]).await;
    let known = keys(&server, &sender).await??;
    sender.publish(&[jwk("a"), jwk("b")]).await;
    let provider = provider(&server, &sender)?;
    let newer = server.app.newer_event_keys(&provider, &known).await.context("newer keys")?;
    assert_eq!(kids(&newer), ["a", "b"]);
    server.clock.advance(Duration::from_secs(29));
    assert!(server.app.newer_event_keys(&provider, &newer).await.is_none());
    assert_eq!(sender.fetches().await, 1);
    server.clock.advance(Duration::from_secs(1));
    assert!(server.app.newer_event_keys(&provider, &newer).await.is_some());
    assert_eq!(sender.fetches().await, 2);
    Ok(())
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_makes_one_fetch() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let known = keys(&server, &sender).await??;
    sender.publish(&[jwk("a")]).await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (app, provider, known) = (server.app.clone(), provider(&server, &sender)?, known.clone());
        flood.spawn(async move { app.newer_event_keys(&provider, &known).await.is_some() });
    }
    flood.join_all().await;
    assert_eq!(sender.fetches().await, 1);
    Ok(())
}

/// JWT-06: a key that has gone from the set, or the last one of a set that is empty now, is not used
/// after the next fetch.
#[tokio::test]
async fn a_key_that_has_gone_is_not_used_after_the_next_fetch() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    sender.publish(&[jwk("a"), jwk("b")]).await;
    assert_eq!(kids(&keys(&server, &sender).await??), ["a", "b"]);
    sender.publish(&[jwk("b")]).await;
    server.clock.advance(Duration::from_secs(3_600));
    assert_eq!(kids(&keys(&server, &sender).await??), ["b"]);
    sender.publish(&[]).await;
    server.clock.advance(Duration::from_secs(3_600));
    // The fetch that finds nothing may end after the patience; what it found counts from then on.
    while keys(&server, &sender).await?.is_ok() {
        tokio::task::yield_now().await;
    }
    let none = keys(&server, &sender).await?;
    assert!(matches!(none, Err(NoEventKeys::Unavailable(JwksError::Empty))), "{none:?}");
    Ok(())
}

/// okta.md 5.2, JWT-08, JWT-15: what is no answer; each is that vendor's trouble alone.
#[tokio::test]
async fn a_key_set_that_cannot_be_used_is_no_key_set() -> Result<()> {
    let server = server_with(EventKeyLimits {
        fetch: Duration::from_millis(200),
        ..EventKeyLimits::default()
    })
    .await?;
    let raw = |text: &str, media_type: &str| ResponseTemplate::new(200).set_body_raw(text.as_bytes().to_vec(), media_type);
    let set = json!({"keys": [jwk("a")]}).to_string();
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300 * 1024));
    let many = json!({"keys": vec![json!({}); 101]}).to_string();
    let oct = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"}]}).to_string();
    let cases = [
        ("hanging", hangs()),
        ("huge", raw(&huge, "application/json")),
        ("cut off", raw("{\"keys\":[", "application/json")),
        ("no object", raw("[]", "application/json")),
        ("twice", raw(r#"{"keys":[],"keys":[]}"#, "application/json")),
        ("too many", raw(&many, "application/json")),
        ("symmetric", raw(&oct, "application/json")),
        ("html", raw(&set, "text/html")),
        ("plain", raw(&set, "text/plain")),
        ("untyped", ResponseTemplate::new(200).set_body_bytes(set.clone().into_bytes())),
        (
            "moved",
            ResponseTemplate::new(302).insert_header("location", "https://a.example/"),
        ),
        ("missing", ResponseTemplate::new(404)),
        ("broken", ResponseTemplate::new(500)),
    ];
    for (number, (name, answer)) in cases.into_iter().enumerate() {
        let sender = SetSender::register(&server, &format!("https://vendor{number}.example")).await?;
        sender.serve(answer).await;
        let none = keys(&server, &sender).await?;
        assert!(matches!(none, Err(NoEventKeys::Unavailable(_))), "{name}: {none:?}");
    }
    for (number, media_type) in [
        "application/json",
        "application/json; charset=utf-8",
        "application/jwk-set+json",
    ]
    .into_iter()
    .enumerate()
    {
        let sender = SetSender::register(&server, &format!("https://good{number}.example")).await?;
        sender.serve(raw(&set, media_type)).await;
        assert_eq!(kids(&keys(&server, &sender).await??), ["a"], "{media_type}");
    }
    Ok(())
}

/// A broken key beside a good one is skipped (clients.md 9).
#[tokio::test]
async fn broken_keys_beside_a_good_one_are_skipped() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let broken = json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "broken"});
    sender
        .publish(&[broken, json!("nonsense"), jwk("a"), json!({"kty": "OKP"})])
        .await;
    let found = keys(&server, &sender).await??;
    assert_eq!((kids(&found), found.keys().rejected().len()), (vec!["a"], 3));
    Ok(())
}

/// The policy is asked again when the address is used: a provider that was registered in development.
#[tokio::test]
async fn keys_on_an_address_that_is_not_public_are_never_asked_for() -> Result<()> {
    let open = server().await?;
    let sender = SetSender::register(&open, "https://vendor.example").await?;
    let provider = provider(&open, &sender)?;
    let closed = TestServer::start().await?;
    let refused = closed.app.event_keys(&provider).await;
    let Err(NoEventKeys::Unavailable(JwksError::Fetch(error))) = refused else {
        panic!("{refused:?}")
    };
    assert!(matches!(*error, FetchError::Refused(_)), "{error:?}");
    assert_eq!(sender.fetches().await, 0);
    Ok(())
}

/// JWT-06: the switch. By `kid` or by thumbprint, without a fetch.
#[tokio::test]
async fn a_revoked_key_is_not_used_from_then_on() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    let nameless = PrivateKey::generate(NewKey::Ec(Curve::P256))?;
    let mut unnamed = nameless.public_jwk();
    unnamed["kid"] = Value::Null;
    sender.publish(&[jwk("a"), jwk("b"), unnamed]).await;
    assert_eq!(keys(&server, &sender).await??.keys().keys().len(), 3);
    let revoked = json!({"revoked_keys": ["a", nameless.thumbprint()]});
    sender.set_profile(&server, revoked).await?;
    let left = keys(&server, &sender).await??;
    assert_eq!(
        (kids(&left), left.keys().keys().len(), sender.fetches().await),
        (vec!["b"], 1, 1)
    );
    Ok(())
}

/// Another address has other keys, at once; another name keeps them.
#[tokio::test]
async fn a_replaced_provider_forgets_the_keys_of_its_old_address() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    assert!(keys(&server, &sender).await?.is_ok());
    let path = format!("{PROVIDERS}/{}", sender.provider_id);
    let mut body = server.call("GET", &path).send().await?.json;
    body["name"] = json!("Another name");
    server.call("PUT", &path).json(&body).send().await?;
    assert!(keys(&server, &sender).await?.is_ok());
    assert_eq!(sender.fetches().await, 1);
    body["settings"]["issuer"] = json!("https://other.example");
    server.call("PUT", &path).json(&body).send().await?;
    assert!(keys(&server, &sender).await?.is_ok());
    assert_eq!(sender.fetches().await, 2);
    sender.serve(ResponseTemplate::new(404)).await;
    let moved = body["settings"]["jwks_url"]
        .as_str()
        .context("a URL")?
        .replace("/jwks", "/moved");
    body["settings"]["jwks_url"] = json!(moved);
    server.call("PUT", &path).json(&body).send().await?;
    assert!(keys(&server, &sender).await?.is_err());
    Ok(())
}

/// JWT-06: keys are forgotten first, so that a set that cannot be had leaves none.
#[tokio::test]
async fn keys_are_fetched_at_once_when_an_administrator_says_so() -> Result<()> {
    let server = server().await?;
    let sender = SetSender::register(&server, "https://vendor.example").await?;
    assert!(keys(&server, &sender).await?.is_ok());
    let broken = json!({"kty": "oct", "k": "AAAA", "kid": "c"});
    sender.publish(&[jwk("b"), broken]).await;
    let path = format!("/watchfire/v1/security-events-providers/{}/keys/refresh", sender.provider_id);
    let fetched = server.call("POST", &path).send().await?;
    assert_eq!(fetched.status, 200, "{}", fetched.text);
    assert_eq!(fetched.json["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (fetched.text_at("/keys/0/kid"), &fetched.json["keys"][0]["algorithms"]),
        ("b", &json!(["ES256"]))
    );
    assert_eq!(
        fetched.json["rejected"],
        json!([{"kid": "c", "reason": "symmetric keys are not accepted"}])
    );
    assert_eq!(kids(&keys(&server, &sender).await??), ["b"]);
    sender.serve(ResponseTemplate::new(503)).await;
    let failed = server.call("POST", &path).send().await?;
    assert_eq!(
        (failed.status, failed.error()),
        (400, ("E0000001", "jwks_url: jwks_url is not valid"))
    );
    assert_eq!(
        failed.text_at("/errorCauses/1/errorSummary"),
        "jwks_url: the destination answered with status 503"
    );
    assert!(keys(&server, &sender).await?.is_err());
    Ok(())
}
