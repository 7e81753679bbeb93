//! Several nodes at a time on one database.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use watchfire_app::Settings;
use watchfire_harness::{ServiceApp, SetSender, Target, TestServer, app::TestApp, service_app::JWT_BEARER};

use super::{LONG, outsider, postgres};

const ISSUER: &str = "https://transmitter.acme.example";
const USER_RISK: &str = "https://schemas.okta.com/secevent/okta/event-type/user-risk-change";

/// Two nodes with these settings.
async fn two(folder: &Arc<TempDir>, change: impl Fn(&mut Settings)) -> Result<[TestServer; 2]> {
    let start = async |seed| {
        let app = TestApp::builder()
            .backend(postgres())
            .shared_folder(Arc::clone(folder))
            .seed(seed)
            .settings(|settings| {
                *settings = SetSender::settings();
                change(settings);
            });
        anyhow::Ok(TestServer::over(app.start().await?))
    };
    Ok([start(1).await?, start(2).await?])
}

/// Waits until it is so on a node.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let waited = async {
        while !is_so().await? {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LONG, waited).await.with_context(|| what.to_owned())?
}

async fn count(folder: &TempDir, table: &str) -> Result<i64> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    Ok(sqlx::query_scalar(sql).fetch_one(&mut outsider(folder).await?).await?)
}

fn tally(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    statuses.into_iter().for_each(|status| *tally.entry(status).or_default() += 1);
    tally
}

/// SET-07 over nodes: the same tokens, several times at each of two nodes at once, are taken once each.
#[tokio::test]
async fn parallel_duplicates_at_two_nodes_are_taken_once() -> Result<()> {
    const TOKENS: usize = 30;
    let folder = Arc::new(tempfile::tempdir()?);
    let [first, second] = two(&folder, |_| {}).await?;
    let sender = SetSender::register(&first, ISSUER).await?;
    until("the provider on the other node", async || {
        let path = format!("/api/v1/security-events-providers/{}", sender.provider_id);
        Ok(second.call("GET", &path).send().await?.status == 200)
    })
    .await?;
    let event = json!({"subject": {"user": {"format": "email", "email": "nobody@example.com"}}, "current_level": "high",
        "previous_level": "low", "event_timestamp": 1_799_999_999});
    let tokens: Vec<String> = (0..TOKENS)
        .map(|n| sender.sign(&sender.claims(&first, &format!("jti-{n}"), USER_RISK, event.clone())))
        .collect::<Result<_>>()?;
    let calls = tokens
        .iter()
        .flat_map(|token| [&first, &second, &first, &second].map(|node| SetSender::post(node, token)));
    let answers = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(tally(answers.iter().map(|it| it.status)), BTreeMap::from([(202, 4 * TOKENS)]));
    assert_eq!(count(&folder, "receipts").await?, i64::try_from(TOKENS)?);
    let received = "/api/v1/logs?limit=1000&filter=eventType+eq+%22security.events.provider.receive_event%22";
    for node in [&first, &second] {
        let events = node.call("GET", received).send().await?;
        let ids: std::collections::BTreeSet<&str> = events
            .json
            .as_array()
            .context("a list")?
            .iter()
            .filter_map(|it| it["uuid"].as_str())
            .collect();
        assert!(ids.len() <= TOKENS, "{}", events.text);
    }
    Ok(())
}

/// JWT-09 over nodes: one assertion, one token.
#[tokio::test]
async fn an_assertion_counts_once_over_all_nodes() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let [first, second] = two(&folder, |_| {}).await?;
    let app = ServiceApp::register(&first, &["okta.logs.read"]).await?;
    until("the app on the other node", async || {
        Ok(app.request_token(&second, "okta.logs.read").await?.status == 200)
    })
    .await?;
    for round in 0..5 {
        let mut claims = app.claims(&first);
        claims["jti"] = json!(format!("once-{round}"));
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("scope", "okta.logs.read".to_owned()),
            ("client_assertion_type", JWT_BEARER.to_owned()),
            ("client_assertion", app.sign(&claims)?),
        ];
        let calls = (0..12).map(|n| {
            let node = if n % 2 == 0 { &first } else { &second };
            node.call("POST", "/oauth2/v1/token").anonymous().form(&form).send()
        });
        let answers = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
        let good = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!(good, 1, "{:?}", tally(answers.iter().map(|it| it.status)));
        let token = answers
            .iter()
            .find(|it| it.status == 200)
            .context("one")?
            .text_at("/access_token")
            .to_owned();
        // Every node takes it, whichever has made it.
        for node in [&first, &second] {
            let read = node.call("GET", "/api/v1/logs").bearer(&token).send().await?;
            assert_eq!(read.status, 200, "{}", read.text);
        }
    }
    Ok(())
}

/// okta.md 11.5 over nodes: what is counted is counted once, whichever node is called.
#[tokio::test]
async fn a_rate_limit_holds_over_all_nodes() -> Result<()> {
    const LIMIT: usize = 50;
    let folder = Arc::new(tempfile::tempdir()?);
    let nodes = two(&folder, |settings| settings.risk_calls_per_minute = 50).await?;
    let body = json!([{"subjects": [{"ip": "192.0.2.7", "riskLevel": "HIGH"}]}]);
    let send = |n: usize| nodes[n % 2].call("POST", "/api/v1/risk/events/ip").json(&body).send();
    let answers = join_all((0..120).map(send)).await.into_iter().collect::<Result<Vec<_>>>()?;
    let wanted = BTreeMap::from([(202, LIMIT), (429, 120 - LIMIT)]);
    assert_eq!(tally(answers.iter().map(|it| it.status)), wanted);
    let mut remaining: Vec<&str> = answers
        .iter()
        .filter(|it| it.status == 202)
        .filter_map(|it| it.headers.get("x-rate-limit-remaining")?.to_str().ok())
        .collect();
    remaining.sort_by_key(|text| text.parse::<u32>().unwrap_or_default());
    let each_once: Vec<String> = (0..LIMIT).map(|left| left.to_string()).collect();
    assert_eq!(remaining, each_once, "no two calls were told the same");
    assert_eq!(count(&folder, "receipts").await?, i64::try_from(LIMIT)?);
    Ok(())
}

#[tokio::test]
async fn what_is_changed_on_one_node_is_seen_on_the_other() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let [first, second] = two(&folder, |_| {}).await?;
    let body =
        json!({"name": "Blocked", "type": "IP", "usage": "BLOCKLIST", "gateways": [{"type": "CIDR", "value": "203.0.113.0/24"}]});
    let made = first.call("POST", "/api/v1/zones").json(&body).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let path = format!("/api/v1/zones/{}", made.text_at("/id"));
    until("a new zone", async || {
        Ok(second.call("GET", &path).send().await?.status == 200)
    })
    .await?;
    // What is decided on one node is decided on what the other one has just done: no need to wait.
    let clash = second.call("POST", "/api/v1/zones").json(&body).send().await?;
    assert_eq!(clash.status, 400, "{}", clash.text);
    let mut other = body.clone();
    other["name"] = json!("Renamed");
    assert_eq!(second.call("PUT", &path).json(&other).send().await?.status, 200);
    until("its new name", async || {
        Ok(first.call("GET", &path).send().await?.text_at("/name") == "Renamed")
    })
    .await?;
    // An address that a provider speaks against on one node counts on the other.
    let told = json!([{"subjects": [{"ip": "192.0.2.9", "riskLevel": "HIGH"}]}]);
    assert_eq!(
        first.call("POST", "/api/v1/risk/events/ip").json(&told).send().await?.status,
        202
    );
    until("the address", async || Ok(second.app.state().signals().len() == 1)).await?;
    // A key that one node has made active verifies and signs on the other.
    let before: Value = second.call("GET", "/oauth2/v1/keys").send().await?.json;
    let rotated = first.call("POST", "/watchfire/v1/signing-keys/rotate").send().await?;
    assert!(rotated.status < 300, "{}", rotated.text);
    until("the rotation", async || {
        Ok(second.call("GET", "/oauth2/v1/keys").send().await?.json != before)
    })
    .await?;
    let app = ServiceApp::register(&second, &["okta.logs.read"]).await?;
    let token = app.token(&second, "okta.logs.read").await?;
    until("the token on the other node", async || {
        Ok(first.call("GET", "/api/v1/logs").bearer(&token).send().await?.status == 200)
    })
    .await
}

/// What one node does for all is done once, whichever node has caused it.
#[tokio::test]
async fn work_for_all_is_done_by_one_node() -> Result<()> {
    const USERS: usize = 20;
    let folder = Arc::new(tempfile::tempdir()?);
    let [first, second] = two(&folder, |_| {}).await?;
    let mut target = Target::start().await?;
    let hook = json!({"name": "SIEM", "events": {"type": "EVENT_TYPE", "items": ["user.lifecycle.create"]},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {"uri": format!("{}/hook", target.url)}}});
    let made = first.call("POST", "/api/v1/eventHooks").json(&hook).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let path = format!("/api/v1/eventHooks/{}", made.text_at("/id"));
    let verified = first.call("POST", &format!("{path}/lifecycle/verify")).send().await?;
    assert_eq!(verified.status, 200, "{}", verified.text);
    target.next().await?;
    until("the hook on the other node", async || {
        Ok(second.call("GET", &path).send().await?.text_at("/verificationStatus") == "VERIFIED")
    })
    .await?;
    for n in 0..USERS {
        let node = if n % 2 == 0 { &first } else { &second };
        let login = format!("user{n}@example.com");
        let user = json!({"profile": {"login": login, "email": login, "firstName": "A", "lastName": "B"}});
        let made = node.call("POST", "/api/v1/users?activate=false").json(&user).send().await?;
        assert_eq!(made.status, 200, "{}", made.text);
    }
    let mut delivered: BTreeMap<String, usize> = BTreeMap::new();
    while delivered.len() < USERS {
        let event = target.next().await?.json();
        let id = event["eventId"].as_str().context("an id")?.to_owned();
        *delivered.entry(id).or_default() += 1;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(target.take().is_none(), "something was done twice");
    assert!(delivered.values().all(|times| *times == 1), "{delivered:?}");
    Ok(())
}

/// A node that does not know what others decide says so, and lets nobody in on what it knows.
#[tokio::test]
async fn a_stale_node_is_not_ready_and_steps_up() -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let [first, second] = two(&folder, |settings| {
        settings.sequencer.stale_after = Duration::from_millis(500);
        settings.sequencer.look_every = Duration::from_millis(20);
    })
    .await?;
    let login = "jo.lin@example.com";
    let user = json!({"profile": {"login": login, "email": login, "firstName": "Jo", "lastName": "Lin"},
        "credentials": {"password": {"value": "correct horse battery"}}});
    let made = first.call("POST", "/api/v1/users?activate=true").json(&user).send().await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let evaluate = async |node: &TestServer| {
        let body = json!({"user": {"login": login}, "client": {"ipAddress": "198.51.100.20", "userAgent": "curl/8"}});
        node.call("POST", "/watchfire/v1/sign-ins").json(&body).send().await
    };
    let ready = async |node: &TestServer| Ok::<_, anyhow::Error>(node.call("GET", "/readyz").anonymous().send().await?.status);
    until("both ready", async || {
        Ok(ready(&first).await? == 200 && ready(&second).await? == 200)
    })
    .await?;
    let fresh = evaluate(&second).await?;
    assert_eq!(fresh.status, 200, "{}", fresh.text);
    // What others have committed cannot be read any more.
    let mut holder = outsider(&folder).await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE groups IN ACCESS EXCLUSIVE MODE")
        .execute(&mut holder)
        .await?;
    until("not ready", async || Ok(ready(&second).await? == 503)).await?;
    let stale = evaluate(&second).await?;
    assert_eq!(
        (stale.status, stale.text_at("/decision")),
        (200, "CHALLENGE"),
        "{}",
        stale.text
    );
    let sign_in = json!({"username": login, "password": "correct horse battery"});
    let refused = second.call("POST", "/api/v1/authn").anonymous().json(&sign_in).send().await?;
    assert_eq!(refused.status, 503, "{}", refused.text);
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await?;
    until("ready again", async || Ok(ready(&second).await? == 200)).await?;
    assert_eq!(evaluate(&second).await?.status, 200);
    let metrics = second.app.metrics_text();
    assert!(metrics.contains("watchfire_node_lag_seconds"), "{metrics}");
    Ok(())
}
