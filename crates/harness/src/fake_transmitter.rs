//! A transmitter with a stream API on a real port of loopback: its keys, its metadata, its authorization
//! server, streams, push and poll, and the rough edges of those that are in the field (ssf.md 4, 8).

#![expect(
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "it takes JSON apart in tests; a panic here is a failed test, and its refusals are its answers"
)]

mod api;
mod rough;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, Result};
use axum::Router;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchfire_crypto::{
    jwk::Curve,
    signing::{NewKey, PrivateKey},
};

pub use self::rough::{Rough, Scripted};
use crate::app::ORG_URL;

/// The bearer token that it takes, beside those that it gave out.
pub const BEARER: &str = "fixed-bearer-token";
/// The client that its authorization server knows.
pub const CLIENT_ID: &str = "watchfire";
/// That client's secret.
pub const CLIENT_SECRET: &str = "s3cret/with+signs";

/// The transmitter. It ends when it is dropped.
#[derive(Clone, Debug)]
pub struct FakeTransmitter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Where it listens.
    base: String,
    key: PrivateKey,
    rough: Mutex<Rough>,
    state: Mutex<State>,
    woken: tokio::sync::Notify,
    polls: AtomicUsize,
    brought: watch::Sender<usize>,
    tokens: AtomicUsize,
    _stop: DropGuard,
}

/// What it knows.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Streams by `stream_id`.
    streams: BTreeMap<String, RemoteStream>,
    /// Every call of the stream API: method, path with query, body.
    calls: Vec<(String, String, Value)>,
    /// Access tokens that it takes.
    tokens: Vec<String>,
    /// Assertions that it was shown.
    assertions: Vec<String>,
    next: u64,
}

/// A stream as the transmitter has it.
#[derive(Clone, Debug, Default)]
pub struct RemoteStream {
    /// The configuration as it is answered.
    pub configuration: Value,
    /// `authorization_header` as the receiver gave it.
    pub authorization_header: Option<String>,
    /// `enabled`, `paused`, `disabled`.
    pub status: String,
    /// Tokens that wait: `jti` (or what it is sent under) and token.
    pub queue: VecDeque<(String, String)>,
    /// `jti`s that were acknowledged, in the order in which they were, repeats included.
    pub acked: Vec<String>,
    /// `jti`, `err` of those that were refused.
    pub refused: Vec<(String, String)>,
    /// Subjects that were added.
    pub subjects: Vec<Value>,
}

impl FakeTransmitter {
    /// Starts one, as smooth as can be.
    ///
    /// # Errors
    /// When there is no port or no key.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            base: format!("http://{}", listener.local_addr()?),
            key: PrivateKey::generate(NewKey::Ec(Curve::P256))?,
            rough: Mutex::default(),
            state: Mutex::default(),
            woken: tokio::sync::Notify::new(),
            polls: AtomicUsize::new(0),
            brought: watch::Sender::new(0),
            tokens: AtomicUsize::new(0),
            _stop: stop.clone().drop_guard(),
        });
        // The server must not keep alive what ends it.
        let router: Router = api::router(Arc::downgrade(&inner));
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            let _ = stop.run_until_cancelled(serving.into_future()).await;
        });
        Ok(Self { inner })
    }

    /// Changes how it behaves.
    pub fn rough(&self, change: impl FnOnce(&mut Rough)) {
        change(&mut self.inner.rough.lock());
        self.inner.woken.notify_waiters();
    }

    /// Where it listens.
    pub fn base(&self) -> &str {
        &self.inner.base
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        self.inner.issuer()
    }

    /// Its well-known URL.
    pub fn well_known_url(&self) -> String {
        format!("{}/.well-known/ssf-configuration", self.inner.base)
    }

    /// The only stream that there is.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn only_stream(&self) -> Result<(String, RemoteStream)> {
        let state = self.inner.state.lock();
        anyhow::ensure!(state.streams.len() == 1, "{} streams", state.streams.len());
        let (id, stream) = state.streams.first_key_value().context("no stream")?;
        Ok((id.clone(), stream.clone()))
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.inner.state.lock().streams.len()
    }

    /// Puts a stream there that nobody has asked for; it polls.
    pub fn insert_stream(&self, id: &str, configuration: Value) {
        let stream = RemoteStream {
            configuration,
            status: "enabled".to_owned(),
            ..RemoteStream::default()
        };
        self.inner.state.lock().streams.insert(id.to_owned(), stream);
    }

    /// Forgets a stream.
    pub fn remove_stream(&self, id: &str) {
        self.inner.state.lock().streams.remove(id);
    }

    /// Every call of the stream API that it got: method and path with query.
    pub fn calls(&self) -> Vec<String> {
        let state = self.inner.state.lock();
        state
            .calls
            .iter()
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect()
    }

    /// The bodies of all calls with this method and path, oldest first.
    pub fn bodies(&self, method: &str, path: &str) -> Vec<Value> {
        let state = self.inner.state.lock();
        let calls = state.calls.iter();
        let found = calls.filter(|(m, p, _)| m == method && p.split('?').next() == Some(path));
        found.map(|(.., body)| body.clone()).collect()
    }

    /// The body of the last of them.
    pub fn last_body(&self, method: &str, path: &str) -> Value {
        self.bodies(method, path).pop().unwrap_or_default()
    }

    /// Polls that were answered or are being held.
    pub fn polls(&self) -> usize {
        self.inner.polls.load(Ordering::SeqCst)
    }

    /// How many polls were answered with tokens, as it changes.
    pub fn brought(&self) -> watch::Receiver<usize> {
        self.inner.brought.subscribe()
    }

    /// Access tokens that were asked for.
    pub fn tokens(&self) -> usize {
        self.inner.tokens.load(Ordering::SeqCst)
    }

    /// The assertion that it was shown last.
    pub fn last_assertion(&self) -> Option<String> {
        self.inner.state.lock().assertions.last().cloned()
    }

    /// Takes no access token any more that it has given out.
    pub fn revoke_tokens(&self) {
        self.inner.state.lock().tokens.clear();
    }

    /// A token about `email` for the only stream.
    ///
    /// # Errors
    /// When there is no stream, or the key does not sign.
    pub fn set(&self, jti: &str, iat: i64, email: &str) -> Result<String> {
        let event = json!({"event_timestamp": iat});
        let subject = json!({"format": "email", "email": email});
        self.sign(
            jti,
            iat,
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
            event,
            subject,
        )
    }

    /// A verification event for the only stream.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn verification(&self, jti: &str, iat: i64, event: Value) -> Result<String> {
        let (id, _) = self.only_stream()?;
        let subject = json!({"format": "opaque", "id": id});
        self.sign(jti, iat, VERIFICATION, event, subject)
    }

    /// Any token for the only stream.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn sign(&self, jti: &str, iat: i64, event_type: &str, event: Value, subject: Value) -> Result<String> {
        let (_, stream) = self.only_stream()?;
        let audience = &stream.configuration["aud"];
        self.inner.sign(jti, iat, audience, event_type, event, subject)
    }

    /// Pushes a token to the only stream, with its credential: the status and the body that come back.
    ///
    /// # Errors
    /// When there is no stream, or it is not pushed.
    pub async fn push(&self, token: &str) -> Result<(u16, String)> {
        let (id, _) = self.only_stream()?;
        self.inner.push(&id, token).await
    }

    /// Lets a token wait to be polled.
    ///
    /// # Errors
    /// When there is no stream.
    pub fn enqueue(&self, jti: &str, token: String) -> Result<()> {
        let (id, _) = self.only_stream()?;
        let mut state = self.inner.state.lock();
        let stream = state.streams.get_mut(&id).context("no stream")?;
        stream.queue.push_back((jti.to_owned(), token));
        drop(state);
        self.inner.woken.notify_waiters();
        Ok(())
    }

    /// Waits until `done` is true of the only stream.
    ///
    /// # Errors
    /// When it does not become so within twenty seconds.
    pub async fn wait_until(&self, done: impl Fn(&RemoteStream) -> bool) -> Result<()> {
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            if self.only_stream().is_ok_and(|(_, stream)| done(&stream)) {
                return Ok(());
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < until,
                "it did not happen: {:?}",
                self.only_stream()
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

pub(crate) const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

impl Inner {
    async fn push(&self, id: &str, token: &str) -> Result<(u16, String)> {
        let stream = self.state.lock().streams.get(id).cloned().context("no stream")?;
        let url = stream.configuration["delivery"]["endpoint_url"].as_str().unwrap_or_default();
        let path = url.strip_prefix(ORG_URL).context("it is not pushed to us")?;
        let base = self.rough.lock().push_to.clone().context("nobody listens")?;
        let mut request = reqwest::Client::new()
            .post(format!("{base}{path}"))
            .header("content-type", "application/secevent+jwt")
            .body(token.to_owned());
        if let Some(authorization) = &stream.authorization_header {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    fn issuer(&self) -> String {
        let rough = self.rough.lock();
        rough
            .issuer
            .clone()
            .unwrap_or_else(|| format!("{}{}", self.base, rough.issuer_path))
    }

    fn sign(&self, jti: &str, iat: i64, audience: &Value, event_type: &str, event: Value, subject: Value) -> Result<String> {
        let mut events = serde_json::Map::new();
        events.insert(event_type.to_owned(), event);
        let claims = json!({
            "iss": self.issuer(), "jti": jti, "iat": iat, "aud": audience, "sub_id": subject, "events": events,
        });
        let mut header = serde_json::Map::new();
        header.insert("typ".to_owned(), "secevent+jwt".into());
        Ok(self.key.sign_compact(&header, claims.to_string().as_bytes())?)
    }
}
