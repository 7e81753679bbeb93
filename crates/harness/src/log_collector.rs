//! What streams of the System Log end in: an HTTP event collector as Splunk documents its own, with the codes of its
//! answers and indexer acknowledgment; and what it can go through.

use std::{collections::BTreeSet, future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request},
    response::{IntoResponse as _, Response},
    routing::post,
};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// The token that it takes.
pub const TOKEN: &str = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a collector is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It takes events.
    #[default]
    Well,
    /// It takes them and ends the connection without an answer.
    TakesAndDies,
    /// It answers with 503: "Server is busy".
    Busy,
    /// It never answers.
    Hangs,
}

/// The collector. It ends when it is dropped.
#[derive(Debug)]
pub struct LogCollector {
    /// Where it listens, without a slash at its end.
    pub url: String,
    address: SocketAddr,
    shelf: Arc<Shelf>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shelf {
    taken: watch::Sender<Vec<Value>>,
    calls: watch::Sender<usize>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    mood: Mood,
    acknowledges: bool,
    most_bytes: usize,
    /// Numbers that were given out, and those of which it was said that they are written.
    given: u64,
    written: BTreeSet<u64>,
}

impl LogCollector {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let shelf = Arc::new(Shelf {
            taken: watch::Sender::default(),
            calls: watch::Sender::default(),
            inner: Mutex::new(Inner {
                mood: Mood::Well,
                acknowledges: false,
                most_bytes: 1024 * 1024,
                given: 0,
                written: BTreeSet::new(),
            }),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self {
            url: format!("http://{address}"),
            address,
            serving: serve(listener, Arc::clone(&shelf)),
            shelf,
        })
    }

    /// Its mood from now on.
    pub fn is(&self, mood: Mood) {
        self.shelf.inner.lock().mood = mood;
    }

    /// Whether its token has acknowledgment on.
    pub fn acknowledges(&self, acknowledges: bool) {
        self.shelf.inner.lock().acknowledges = acknowledges;
    }

    /// Longer bodies are refused with 413.
    pub fn takes_at_most(&self, bytes: usize) {
        self.shelf.inner.lock().most_bytes = bytes;
    }

    /// Ends it: what is open breaks, and nobody listens.
    pub async fn stop(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    /// Listens again where it was.
    ///
    /// # Errors
    /// When somebody else does.
    pub async fn start_again(&mut self) -> Result<()> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        self.serving = serve(socket.listen(64)?, Arc::clone(&self.shelf));
        Ok(())
    }

    /// The envelopes that came, in their order.
    pub fn taken(&self) -> Vec<Value> {
        self.shelf.taken.borrow().clone()
    }

    /// Waits until what came is `enough`.
    ///
    /// # Errors
    /// When it never is.
    pub async fn wait_for(&self, mut enough: impl FnMut(&[Value]) -> bool) -> Result<Vec<Value>> {
        let mut taken = self.shelf.taken.subscribe();
        let came = tokio::time::timeout(PATIENCE, taken.wait_for(|taken| enough(taken))).await;
        Ok(came.context("not enough came")?.context("the collector is gone")?.clone())
    }

    /// Waits until it was called `more` times more.
    ///
    /// # Errors
    /// When it was not.
    pub async fn wait_for_calls(&self, more: usize) -> Result<()> {
        let mut calls = self.shelf.calls.subscribe();
        let until = *calls.borrow_and_update() + more;
        let called = tokio::time::timeout(PATIENCE, calls.wait_for(|calls| *calls >= until)).await;
        called
            .context("it was not called")?
            .context("the collector is gone")
            .map(drop)
    }
}

impl Drop for LogCollector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(listener: TcpListener, shelf: Arc<Shelf>) -> JoinHandle<()> {
    let router = Router::new()
        .route("/services/collector/event", post(event))
        .route("/services/collector/ack", post(acknowledged))
        .with_state(shelf);
    // Connections are tasks of their own; they must end with it.
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let connection = hyper::server::conn::http1::Builder::new();
            connections.spawn(async move {
                let _ = connection
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

fn said(status: u16, code: u64, text: &str) -> Response {
    let mut response = json!({"text": text, "code": code}).to_string().into_response();
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Why a request with these headers is refused.
fn refused(headers: &HeaderMap, acknowledges: bool) -> Option<Response> {
    let authorization = headers.get("authorization").and_then(|it| it.to_str().ok());
    match authorization.map(|it| it.strip_prefix("Splunk ")) {
        None => return Some(said(401, 2, "Token is required")),
        Some(None) => return Some(said(401, 3, "Invalid authorization")),
        Some(Some(token)) if token != TOKEN => return Some(said(403, 4, "Invalid token")),
        Some(Some(_)) => {}
    }
    let has_channel = headers.contains_key("x-splunk-request-channel");
    (acknowledges && !has_channel).then(|| said(400, 10, "Data channel is missing"))
}

async fn event(State(shelf): State<Arc<Shelf>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    shelf.calls.send_modify(|calls| *calls += 1);
    let (mood, acknowledges, most_bytes) = {
        let inner = shelf.inner.lock();
        (inner.mood, inner.acknowledges, inner.most_bytes)
    };
    match mood {
        Mood::Hangs => return future::pending().await,
        Mood::Busy => return said(503, 9, "Server is busy"),
        Mood::Well | Mood::TakesAndDies => {}
    }
    if let Some(refused) = refused(&parts.headers, acknowledges) {
        return refused;
    }
    if body.len() > most_bytes {
        return said(413, 27, "Request entity too large");
    }
    // Events stand one behind the other.
    let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&body).into_iter().collect();
    let Ok(events) = read else {
        return said(400, 6, "Invalid data format");
    };
    if events.is_empty() {
        return said(400, 5, "No data");
    }
    if events.iter().any(|event| event.get("event").is_none_or(Value::is_null)) {
        return said(400, 12, "Event field is required");
    }
    shelf.taken.send_modify(|taken| taken.extend(events));
    if mood == Mood::TakesAndDies {
        let cut: Result<bytes::Bytes, std::io::Error> = Err(std::io::ErrorKind::ConnectionAborted.into());
        return Response::new(Body::from_stream(futures_util::stream::once(future::ready(cut))));
    }
    if !acknowledges {
        return said(200, 0, "Success");
    }
    let number = {
        let mut inner = shelf.inner.lock();
        inner.given += 1;
        inner.given
    };
    json!({"text": "Success", "code": 0, "ackId": number})
        .to_string()
        .into_response()
}

/// Every number is written when it is asked about the second time.
async fn acknowledged(State(shelf): State<Arc<Shelf>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut inner = shelf.inner.lock();
    if let Some(refused) = refused(&parts.headers, true) {
        return refused;
    }
    if !inner.acknowledges {
        return said(400, 14, "ACK is disabled");
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let numbers = asked.get("acks").and_then(Value::as_array).cloned().unwrap_or_default();
    let answers = numbers.iter().filter_map(Value::as_u64).map(|number| {
        let is_written = !inner.written.insert(number);
        (number.to_string(), Value::Bool(is_written))
    });
    let answers: serde_json::Map<_, _> = answers.collect();
    json!({ "acks": answers }).to_string().into_response()
}
