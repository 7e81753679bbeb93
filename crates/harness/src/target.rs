//! A target of webhooks, event hooks and logout calls on loopback: it answers as it was told and hands
//! every request to the test.

use std::{collections::VecDeque, future, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Router, body::Body, extract::State, response::Response};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
};

/// How long a test waits for a request that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the target does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status, these headers, this body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// It never answers.
    Hang,
}

impl Reply {
    /// A status, and nothing more.
    pub const fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: UnboundedSender<Received>,
}

/// The target. It ends when it is dropped.
#[derive(Debug)]
pub struct Target {
    /// Where it listens, without a slash at its end.
    pub url: String,
    script: Script,
    requests: UnboundedReceiver<Received>,
    serving: JoinHandle<()>,
}

impl Target {
    /// Listens on a free port. Until it is told otherwise it repeats challenges and answers 204.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (seen, requests) = mpsc::unbounded_channel();
        let script = Script {
            replies: Arc::default(),
            seen,
        };
        let router = Router::new().fallback(answer).with_state(script.clone());
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            script,
            requests,
            serving,
        })
    }

    /// Says what the next requests get, in their order.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.replies.lock().extend(replies);
    }

    /// The next request.
    ///
    /// # Errors
    /// When none comes.
    pub async fn next(&mut self) -> Result<Received> {
        let next = tokio::time::timeout(PATIENCE, self.requests.recv());
        next.await.context("no request came")?.context("the target has ended")
    }

    /// A request that has come already.
    pub fn take(&mut self) -> Option<Received> {
        self.requests.try_recv().ok()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(script): State<Script>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let received = Received {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body,
    };
    let challenge = received.header("x-okta-verification-challenge").to_owned();
    // A test that has ended looks at nothing more.
    let _ = script.seen.send(received);
    let scripted = script.replies.lock().pop_front();
    let reply = scripted.unwrap_or_else(|| {
        if challenge.is_empty() {
            Reply::status(204)
        } else {
            Reply::Answer(200, Vec::new(), json!({"verification": challenge}).to_string())
        }
    });
    match reply {
        Reply::Hang => future::pending().await,
        Reply::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap_or_default()
        }
    }
}
