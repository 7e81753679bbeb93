//! What happens to every request, whichever surface it is for.
//!
//! 1. The path is normalised, the request gets its id and its [`RequestContext`].
//! 2. What no handler could answer is refused: an impossible `Accept`, a body announced as too long.
//! 3. The router answers, within `handler_timeout`; a panic becomes an error.
//! 4. Errors become bytes, every answer gets its headers, and one line goes to the log.

mod accept;
mod path;

pub(crate) use self::accept::negotiates;

use std::{
    any::Any,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{MatchedPath, Request},
    middleware,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::Body as HttpBody;
use tower::{Service, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use watchfire_app::{Error, entropy};
use watchfire_model::time::Timestamp;

use crate::{
    body::{self, BodyBudget, LimitedBody},
    edge::Edge,
    error::{ErrorContext, Failed, OktaError, Surface},
    rate::{self, RateReport},
    request::{REQUEST_ID, RequestContext, Shared},
};

/// When a call that ran into `handler_timeout` may be tried again.
const RETRY_AFTER_TIMEOUT: Duration = Duration::from_secs(5);
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// All surfaces as one service: `Request -> Response`, and never an error.
#[derive(Clone, Debug)]
pub struct Site {
    edge: Arc<Edge>,
    bodies: BodyBudget,
    router: Router,
}

/// A handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

impl Site {
    /// Puts the rules of [`Edge`] around `router`.
    pub fn new(edge: Arc<Edge>, router: Router) -> Self {
        let router = router
            .fallback(unknown_path)
            .method_not_allowed_fallback(wrong_method)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::map_request(note_route));
        let bodies = BodyBudget::new(edge.limits.max_body_memory);
        Self { edge, bodies, router }
    }

    async fn answer(self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        path::normalise(&mut parts.uri);
        let context = Arc::new(RequestContext::new(&self.edge, &parts));
        let shared = Shared {
            edge: self.edge,
            context,
            rate: RateReport::default(),
            route: Arc::default(),
        };
        parts.extensions.insert(shared.clone());
        // Held until the answer is there: so long lives what is read of the body.
        let share = self.bodies.share();
        let response = match refusal(&parts, &shared) {
            Some(refused) => {
                // Beside the answer, not before it: a client that waits for it has not begun to send.
                tokio::spawn(drain(body));
                refused
            }
            None => {
                let body = LimitedBody::wrap(body, &shared.edge.limits, share.clone());
                route(self.router, Request::from_parts(parts, body), &shared).await
            }
        };
        finish(response, &shared)
    }
}

impl Service<Request> for Site {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let site = self.clone();
        Box::pin(async move { Ok(site.answer(request).await) })
    }
}

/// The log names the pattern of a path: the path itself may hold a login.
async fn note_route(Extension(shared): Extension<Shared>, route: Option<MatchedPath>, request: Request) -> Request {
    if let Some(route) = route {
        let _ = shared.route.set(route);
    }
    request
}

async fn unknown_path() -> OktaError {
    catalogued(404, "E0000008", "The requested path was not found")
}

async fn wrong_method() -> OktaError {
    catalogued(405, "E0000022", "The endpoint does not support the provided HTTP method")
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    OktaError(Error::internal(Panicked(message.unwrap_or_default()))).into_response()
}

/// What is refused before a handler sees it.
fn refusal(parts: &Parts, shared: &Shared) -> Option<Response> {
    let surface = Surface::of(&shared.context.path);
    if accept::excludes_json(&shared.context.path, &parts.headers) {
        let summary = "Accept Header did not contain supported media type 'application/json'";
        return Some(catalogued(406, "E0000122", summary).into_response());
    }
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse::<u64>()
        .ok()?;
    let max = u64::try_from(shared.edge.limits.max_body_bytes).unwrap_or(u64::MAX);
    (announced > max).then(|| Failed::response(surface, body::too_long()))
}

/// Bytes of a refused body that are read all the same.
const DRAINED_BYTES: usize = 8 * 1024 * 1024;
/// How long a refused body is read for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads what a client is still sending, within bounds: a connection that is closed under its hands
/// shows it a broken pipe instead of our answer.
async fn drain(mut body: axum::body::Body) {
    let read = async {
        let mut left = DRAINED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Whether it ended in time or not, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, read).await;
}

async fn route(router: Router, request: Request, shared: &Shared) -> Response {
    let answered = tokio::time::timeout(shared.edge.limits.handler_timeout, router.oneshot(request)).await;
    match answered {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let retry_after = RETRY_AFTER_TIMEOUT;
            Failed::response(Surface::of(&shared.context.path), Error::Unavailable { retry_after })
        }
    }
}

/// Renders errors, adds the headers of every answer, logs.
fn finish(response: Response, shared: &Shared) -> Response {
    let mut response = rendered(response, shared);
    let edge = &shared.edge;
    let is_empty = response.body().size_hint().exact() == Some(0);
    let headers = response.headers_mut();
    if is_empty {
        // okta-sdk-python parses whatever calls itself JSON (okta.md 11.3).
        headers.remove(header::CONTENT_TYPE);
    }
    insert(headers, REQUEST_ID, shared.context.request_id.as_str());
    if let Some(date) = http_date(edge.clock.now()) {
        insert(headers, header::DATE, &date);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if edge.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Some(window) = shared.rate_window() {
        rate::write(headers, &window);
    }
    log_request(response.status(), shared);
    response
}

fn rendered(mut response: Response, shared: &Shared) -> Response {
    let Some(failed) = response
        .extensions_mut()
        .remove::<Failed>()
        .or_else(|| undressed(&response, shared))
    else {
        return response;
    };
    let error_id = format!("oae{}", entropy::url_safe(shared.edge.entropy.as_ref(), 22));
    log_failure(&failed.error, &error_id, shared);
    let context = ErrorContext {
        org_url: shared.edge.links.org_url(),
        path: &shared.context.path,
        error_id: &error_id,
    };
    // Where tokens are taken every failure has their shape, wherever it came from.
    let surface = match Surface::of(context.path) {
        Surface::Set => Surface::Set,
        Surface::Okta | Surface::OAuth => failed.surface,
    };
    let mut answer = surface.render(&failed.error, &context);
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// An extractor of axum's own refuses with plain text: it gets the catalogue's words for its status.
fn undressed(response: &Response, shared: &Shared) -> Option<Failed> {
    let status = response.status();
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || !plain || !accept::speaks_json(&shared.context.path) {
        return None;
    }
    let error = match status {
        StatusCode::NOT_FOUND => unknown_path_error(),
        StatusCode::PAYLOAD_TOO_LARGE => body::too_long(),
        _ if status.is_client_error() => Error::Malformed,
        _ => Error::internal(format!("a handler answered {status} without an error")),
    };
    Some(Failed {
        surface: Surface::of(&shared.context.path),
        error: Arc::new(error),
    })
}

fn unknown_path_error() -> Error {
    Error::Catalogued {
        status: 404,
        code: "E0000008",
        summary: "The requested path was not found".to_owned(),
        causes: Vec::new(),
    }
}

impl Shared {
    /// What was counted, or, on a management path that counted nothing, an untouched window.
    fn rate_window(&self) -> Option<rate::RateWindow> {
        let limit = self.edge.limits.api_calls_per_minute;
        let untouched = || rate::RateWindow {
            limit,
            remaining: limit,
            resets_at: self.context.received_at.plus(Duration::from_secs(60)),
            allowed: true,
            is_first_refused: false,
        };
        let managed = Surface::of(&self.context.path) == Surface::Okta && accept::speaks_json(&self.context.path);
        self.rate.window().or_else(|| (managed && limit > 0).then(untouched))
    }
}

fn catalogued(status: u16, code: &'static str, summary: &str) -> OktaError {
    OktaError(Error::Catalogued {
        status,
        code,
        summary: summary.to_owned(),
        causes: Vec::new(),
    })
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// RFC 9110's date: clients subtract it from `X-Rate-Limit-Reset`, so both come from one clock.
pub(crate) fn http_date(now: Timestamp) -> Option<String> {
    let now = jiff::Timestamp::from_second(now.as_seconds()).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .ok()
}

/// The chain of a failure that is ours, under the id that the client was told.
fn log_failure(error: &Error, error_id: &str, shared: &Shared) {
    let Error::Internal(source) = error else {
        return;
    };
    let mut chain = source.to_string();
    let mut cause = source.source();
    while let Some(error) = cause {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    tracing::error!(
        error.id = error_id,
        error.chain = %chain,
        request.id = shared.context.request_id.as_str(),
        "a request failed"
    );
}

/// One line a request. Paths, queries and bodies are not in it: they hold credentials and personal data.
fn log_request(status: StatusCode, shared: &Shared) {
    let context = &shared.context;
    let took = shared.edge.clock.now().since(context.received_at);
    tracing::debug!(
        request.id = context.request_id.as_str(),
        http.method = %context.method,
        http.route = shared.route.get().map(MatchedPath::as_str),
        http.status = status.as_u16(),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
}

#[cfg(test)]
mod tests;
