//! `kill -9` between receiving a SET, committing it, and acting on it: what was answered 202 has one
//! receipt, its events in the log once, and each action under one id, however often it was called.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Json, Router,
    extract::State,
    http::HeaderMap,
    routing::{get, post},
};
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};
use watchfire_harness::{entropy::SeededEntropy, witness::Witness};

use crate::{crash::kills, server::Server};

/// The organisation's name does not change when it starts again on another port.
pub(crate) const ORG_URL: &str = "https://org.example";
const ISSUER: &str = "https://vendor.example";
/// Users for one kill: each is reported once, so that no cool-down holds an action back.
const USERS_PER_KILL: u32 = 12;
/// Every so many users one is signed in.
const SIGNED_IN: u32 = 50;
/// Tokens that are under way at one time.
const SENDERS: usize = 6;
/// A kill comes after at most so many more answers …
const ANSWERS: u64 = 16;
/// … and this long behind the last of them: in the middle of the next ones, or of the calls.
const PAUSE_MICROS: u64 = 25_000;
/// The longest that a process that is killed while it starts has lived.
const START_MICROS: u64 = 400_000;

/// Calls by user and `webhook-id`.
type Calls = Arc<Mutex<BTreeMap<String, BTreeMap<String, u32>>>>;

/// Everything outside: the vendor's keys, and the webhook that rules run.
#[derive(Debug)]
pub(crate) struct Outside {
    key: PrivateKey,
    pub(crate) url: String,
    calls: Calls,
}

impl Outside {
    pub(crate) async fn start() -> Result<Self> {
        let key = PrivateKey::generate(NewKey::Ec(Curve::P256))?;
        let keys = json!({"keys": [key.public_jwk()]});
        let calls = Calls::default();
        let take = |State(calls): State<Calls>, headers: HeaderMap, Json(body): Json<Value>| async move {
            let id = headers["webhook-id"].to_str().unwrap_or_default().to_owned();
            let user = body["data"]["user"]["login"].as_str().unwrap_or_default().to_owned();
            *calls.lock().entry(user).or_default().entry(id).or_default() += 1;
            StatusCode::NO_CONTENT
        };
        let router = Router::new()
            .route("/jwks", get(move || async move { Json(keys) }))
            .route("/hook", post(take))
            .with_state(Arc::clone(&calls));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { key, url, calls })
    }

    /// The token about user `n`.
    pub(crate) fn token(&self, n: u32) -> Result<String> {
        let event = json!({
            "subject": {"user": {"format": "email", "email": login(n)}},
            "event_timestamp": 1_787_927_290, "current_level": "high", "previous_level": "low",
        });
        let claims = json!({
            "iss": ISSUER, "aud": ORG_URL, "jti": jti(n), "iat": 1_787_927_300,
            "events": {"https://schemas.okta.com/secevent/okta/event-type/user-risk-change": event},
        });
        let typed = Map::from_iter([("typ".to_owned(), json!("secevent+jwt"))]);
        Ok(self.key.sign_compact(&typed, claims.to_string().as_bytes())?)
    }
}

pub(crate) fn login(n: u32) -> String {
    format!("user-{n}@example.com")
}

pub(crate) fn jti(n: u32) -> String {
    format!("set-{n}")
}

/// What has been sent.
struct Load {
    outside: Outside,
    users: u32,
    next: AtomicU32,
    /// Each token, and whether its 202 has come.
    sent: Mutex<BTreeMap<u32, (String, bool)>>,
    /// The answer was cut off: the same bytes again (PUSH-21).
    unanswered: Mutex<Vec<u32>>,
    accepted: watch::Sender<u64>,
}

impl Load {
    fn take(&self) -> Result<(u32, String)> {
        let again = self.unanswered.lock().pop();
        // When all users are used up, tokens come a second time: that is load, too.
        let n = again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::SeqCst) % self.users);
        if let Some((token, _)) = self.sent.lock().get(&n) {
            return Ok((n, token.clone()));
        }
        let token = self.outside.token(n)?;
        self.sent.lock().insert(n, (token.clone(), false));
        Ok((n, token))
    }

    /// Sends until the server is gone.
    async fn send(self: Arc<Self>, http: Client, url: String) -> Result<()> {
        loop {
            let (n, token) = self.take()?;
            match publish(&http, &url, token).await {
                Ok(status) => {
                    ensure!(status == StatusCode::ACCEPTED, "token {n}: {status}");
                    self.has_come(n);
                    self.accepted.send_modify(|count| *count += 1);
                }
                Err(_) => {
                    self.unanswered.lock().push(n);
                    return Ok(());
                }
            }
        }
    }

    fn has_come(&self, n: u32) {
        if let Some((_, answered)) = self.sent.lock().get_mut(&n) {
            *answered = true;
        }
    }
}

pub(crate) async fn publish(http: &Client, url: &str, token: String) -> reqwest::Result<StatusCode> {
    let request = http.post(format!("{url}/security/api/v1/security-events")).body(token);
    Ok(request.send().await?.status())
}

/// The vendor's provider, the webhook at `hook`, and the rule that runs it and ends the sessions.
pub(crate) async fn set_up(server: &Server, outside: &Outside, hook: &str) -> Result<()> {
    let settings = json!({"issuer": ISSUER, "jwks_url": format!("{}/jwks", outside.url)});
    let provider = json!({"name": "Vendor", "type": "vendor", "settings": settings});
    let made = server.post("/api/v1/security-events-providers", &provider).await?;
    ensure!(made.status == StatusCode::OK, "{made:?}");
    let workflow = json!({"name": "Tell the desk", "url": hook});
    let workflow = server.post("/watchfire/v1/workflows", &workflow).await?;
    ensure!(workflow.status.is_success(), "{workflow:?}");
    let policies = server.get("/api/v1/policies?type=ENTITY_RISK").await?.json();
    let policy = policies[0]["id"].as_str().context("no policy")?;
    let rule = json!({
        "type": "ENTITY_RISK", "name": "High", "conditions": {"entityRisk": {"level": "HIGH"}},
        "actions": {"entityRisk": {"actions": [
            {"action": "TERMINATE_ALL_SESSIONS"},
            {"action": "RUN_WORKFLOW", "workflow": {"id": workflow.json()["id"]}},
        ]}},
    });
    let rule = server.post(&format!("/api/v1/policies/{policy}/rules"), &rule).await?;
    ensure!(rule.status == StatusCode::OK, "{rule:?}");
    Ok(())
}

const PASSWORD: &str = "correct horse battery";

/// Whether user `n` has a session when the vendor reports it.
const fn is_signed_in(n: u32) -> bool {
    n.is_multiple_of(SIGNED_IN)
}

pub(crate) async fn make_user(server: &Server, n: u32) -> Result<()> {
    let mut body = json!({"profile": {"firstName": "User", "lastName": n.to_string(), "email": login(n), "login": login(n)}});
    if is_signed_in(n) {
        body["credentials"] = json!({"password": {"value": PASSWORD}});
    }
    let made = server
        .post(&format!("/api/v1/users?activate={}", is_signed_in(n)), &body)
        .await?;
    ensure!(made.status == StatusCode::OK, "{made:?}");
    if is_signed_in(n) {
        let attempt = json!({"username": login(n), "password": PASSWORD});
        let signed_in = server.post("/api/v1/authn", &attempt).await?.json();
        let session = json!({"sessionToken": signed_in["sessionToken"]});
        let session = server.post("/api/v1/sessions", &session).await?;
        ensure!(session.status == StatusCode::OK, "{signed_in} {session:?}");
    }
    Ok(())
}

async fn make_users(server: &Arc<Server>, users: u32) -> Result<()> {
    let next = Arc::new(AtomicU32::new(0));
    let mut makers = JoinSet::new();
    for _ in 0..SENDERS {
        let (server, next) = (Arc::clone(server), Arc::clone(&next));
        makers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= users {
                    return Ok::<(), anyhow::Error>(());
                }
                make_user(&server, n).await?;
            }
        });
    }
    while let Some(maker) = makers.join_next().await {
        maker??;
    }
    Ok(())
}

#[tokio::test]
async fn a_kill_at_any_moment_between_token_and_action_loses_nothing_and_repeats_nothing() -> Result<()> {
    let options = [
        "--dev",
        "--public-url",
        ORG_URL,
        "--api-calls-per-minute",
        "0",
        "--logins-per-second",
        "0",
        "--provider-reach-cap",
        "1000000",
    ];
    let server = Arc::new(Server::start(&options).await?);
    let outside = Outside::start().await?;
    set_up(&server, &outside, &format!("{}/hook", outside.url)).await?;
    let users = kills() * USERS_PER_KILL;
    make_users(&server, users).await?;
    let mut server = Arc::into_inner(server).context("the makers have ended")?;
    let load = Arc::new(Load {
        outside,
        users,
        next: AtomicU32::new(0),
        sent: Mutex::default(),
        unanswered: Mutex::default(),
        accepted: watch::Sender::new(0),
    });
    let random = SeededEntropy::new(u64::from(std::process::id()));
    for round in 0..kills() {
        let http = Client::builder().no_proxy().build()?;
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(Arc::clone(&load).send(http.clone(), server.url.clone()));
        }
        let mut accepted = load.accepted.subscribe();
        let enough = *accepted.borrow() + random.below(ANSWERS);
        let reached = accepted.wait_for(|count| *count >= enough);
        tokio::time::timeout(Duration::from_secs(60), reached).await??;
        // The moment is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_micros(random.below(PAUSE_MICROS))).await;
        server.kill().await?;
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        if round % 5 == 4 {
            server
                .kill_while_it_starts(Duration::from_micros(random.below(START_MICROS)))
                .await?;
        }
        server.restart().await?;
    }
    // Every token once more, as a sender does that got no answer: no repeat may leave a trace.
    let http = Client::builder().no_proxy().build()?;
    let again: Vec<(u32, String)> = load.sent.lock().iter().map(|(n, (token, _))| (*n, token.clone())).collect();
    for (n, token) in again {
        ensure!(publish(&http, &server.url, token).await? == StatusCode::ACCEPTED);
        load.has_come(n);
    }
    nothing_is_left_to_do(&server).await?;
    let sent: BTreeSet<u32> = load.sent.lock().keys().copied().collect();
    ensure!(load.sent.lock().values().all(|(_, answered)| *answered));
    ensure!(
        sent.len() > usize::try_from(kills())?,
        "hardly any load: {} tokens",
        sent.len()
    );
    has_each_once_in_the_log(&server, &sent).await?;
    was_called_under_one_id(&load.outside, &sent)?;
    let folder = server.folder().join("data");
    server.kill().await?;
    has_each_once_in_the_store(&folder, &sent).await
}

/// Waits until the worker has called and noted everything.
async fn nothing_is_left_to_do(server: &Server) -> Result<()> {
    let emptied = async {
        loop {
            let pending = server.get("/watchfire/v1/actions?state=PENDING&limit=1").await?;
            ensure!(pending.status == StatusCode::OK, "{pending:?}");
            if pending.json().as_array().is_some_and(Vec::is_empty) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), emptied).await?
}

/// The events of a type, all pages of them.
async fn log(server: &Server, event_type: &str) -> Result<Vec<Value>> {
    let mut path = format!("/api/v1/logs?limit=1000&filter=eventType+eq+%22{event_type}%22");
    let mut events = Vec::new();
    loop {
        let page = server.get(&path).await?;
        ensure!(page.status == StatusCode::OK, "{page:?}");
        let json = page.json();
        let list = json.as_array().context("no list")?;
        events.extend(list.iter().cloned());
        let mut links = page.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
        let next = links.rfind(|link| link.contains("rel=\"next\"")).map(str::to_owned);
        match next {
            Some(link) if !list.is_empty() => {
                let address = link.trim_start_matches('<').split('>').next().context("no address")?;
                path = address.strip_prefix(ORG_URL).context("another server")?.to_owned();
            }
            _ => return Ok(events),
        }
    }
}

/// Each event once for each user who was reported, and for nobody else.
async fn has_each_once_in_the_log(server: &Server, sent: &BTreeSet<u32>) -> Result<()> {
    let all: BTreeSet<String> = sent.iter().map(|n| login(*n)).collect();
    let signed_in: BTreeSet<String> = sent.iter().filter(|n| is_signed_in(**n)).map(|n| login(*n)).collect();
    for (event_type, expected) in [
        ("security.events.provider.receive_event", &all),
        ("user.risk.detect", &all),
        ("policy.entity_risk.evaluate", &all),
        ("user.session.end", &signed_in),
    ] {
        let mut seen = BTreeMap::<String, u32>::new();
        for event in log(server, event_type).await? {
            let targets = event["target"].as_array().cloned().unwrap_or_default();
            let user = targets.iter().find(|target| target["type"] == "User");
            let user = user.and_then(|user| user["alternateId"].as_str());
            let about = user.or(event["actor"]["alternateId"].as_str()).context("about nobody")?;
            *seen.entry(about.to_owned()).or_default() += 1;
        }
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count != 1).collect();
        ensure!(twice.is_empty(), "{event_type} more than once: {twice:?}");
        let seen: BTreeSet<String> = seen.into_keys().collect();
        let missing: Vec<_> = expected.difference(&seen).collect();
        let beside: Vec<_> = seen.difference(expected).collect();
        ensure!(
            missing.is_empty() && beside.is_empty(),
            "{event_type}: missing {missing:?}, beside {beside:?}"
        );
    }
    Ok(())
}

/// At least one call for each user, all of one user under one id, and no id for two users.
fn was_called_under_one_id(outside: &Outside, sent: &BTreeSet<u32>) -> Result<()> {
    let calls = outside.calls.lock().clone();
    let (mut ids, mut repeated) = (BTreeSet::new(), 0);
    for n in sent {
        let of_user = calls
            .get(&login(*n))
            .with_context(|| format!("no call about {}", login(*n)))?;
        ensure!(of_user.len() == 1, "{}: called under {of_user:?}", login(*n));
        repeated += of_user.values().filter(|count| **count > 1).count();
        ids.extend(of_user.keys().cloned());
    }
    ensure!(calls.len() == sent.len(), "calls about others");
    ensure!(ids.len() == sent.len(), "an id for two actions");
    // For whoever reads the output: at least once means that some were called again.
    println!("{} tokens, {repeated} webhooks called more than once", sent.len());
    Ok(())
}

/// One receipt and one finished action for each token, and none beside.
async fn has_each_once_in_the_store(folder: &std::path::Path, sent: &BTreeSet<u32>) -> Result<()> {
    let mut store = Witness::after_a_start(folder).await?;
    let expected: Vec<String> = {
        let mut all: Vec<String> = sent.iter().map(|n| jti(*n)).collect();
        all.sort();
        all
    };
    let mut receipts = store
        .texts("SELECT json_extract(note, '$.jti') FROM receipts WHERE kind = 'security_events'")
        .await?;
    receipts.sort();
    ensure!(
        receipts == expected,
        "{} receipts of {} tokens",
        receipts.len(),
        expected.len()
    );
    let mut logins = store
        .texts("SELECT json_extract(document, '$.call.payload.user.login') FROM objects WHERE kind = 'action'")
        .await?;
    logins.sort();
    let mut users: Vec<String> = sent.iter().map(|n| login(*n)).collect();
    users.sort();
    ensure!(logins == users, "{} actions of {} tokens", logins.len(), users.len());
    let unfinished = "SELECT COUNT(*) FROM objects WHERE kind = 'action' AND json_extract(document, '$.state') <> 'DONE'";
    ensure!(store.number(unfinished).await? == 0, "an action is not done");
    ensure!(store.texts("PRAGMA integrity_check").await? == ["ok"]);
    Ok(())
}
