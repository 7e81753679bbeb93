use std::{
    io::Write,
    sync::{Mutex, MutexGuard},
};

use axum::{Json, body::Body, extract::Path, routing};
use http::{Method, Request};
use serde_json::json;
use watchfire_app::rate::{RateLimit, RateLimiter};

use super::*;
use crate::{
    links::Links,
    query::Query,
    request::RequestId,
    testing::{NOW, edge, get, json, send, site, text},
};

fn router() -> Router {
    let failing = || async { Err::<(), _>(OktaError(Error::internal("the cause"))) };
    Router::new()
        .route(
            "/api/v1/logs",
            routing::get(|query: Query| async move { query.get("limit").unwrap_or("-").to_owned() }),
        )
        .route("/api/v1/risk/events/ip", routing::post(|| async { StatusCode::ACCEPTED }))
        .route(
            "/api/v1/ids",
            routing::get(|id: RequestId| async move { id.as_str().to_owned() }),
        )
        .route(
            "/api/v1/links",
            routing::get(|links: Links| async move { links.to("/api/v1/users") }),
        )
        .route("/api/v1/failing", routing::get(failing))
        .route(
            "/api/v1/numbers/{n}",
            routing::get(|Path(n): Path<u8>| async move { Json(n) }),
        )
        .route(
            "/api/v1/empty",
            routing::get(|| async { ([(header::CONTENT_TYPE, "application/json")], "") }),
        )
        .route("/api/v1/panic", routing::get(panicking))
        .route("/api/v1/never", routing::get(std::future::pending::<()>))
}

async fn panicking() {
    panic!("secret {}", 7);
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}

async fn refusal_of(request: Request<Body>) -> (u16, String) {
    let response = send(&site(router()), request).await;
    assert_eq!(header_of(&response, "content-type"), "application/json");
    let status = response.status().as_u16();
    let body = json(response).await;
    assert!(
        body["errorCauses"].is_array() && body["errorId"].as_str().expect("an id").starts_with("oae"),
        "{body}"
    );
    (status, body["errorCode"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_errors_of_the_catalogue() {
    for path in ["/", "/nowhere", "/api/v1/nowhere", "/api/v1", "/oauth2/v1/nowhere"] {
        assert_eq!(refusal_of(get(path)).await, (404, "E0000008".to_owned()), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method"));
        let request = request.uri("/api/v1/logs").body(Body::empty()).expect("a request");
        assert_eq!(refusal_of(request).await, (405, "E0000022".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let request = Request::delete("/api/v1/logs").body(Body::empty()).expect("a request");
    assert_eq!(header_of(&send(&site(router()), request).await, "allow"), "GET,HEAD");
}

#[tokio::test]
async fn slashes_too_many_do_not_matter() {
    for path in ["/api/v1/logs?limit=2", "/api/v1/logs/?limit=2", "//api//v1/logs//?limit=2"] {
        assert_eq!(text(send(&site(router()), get(path)).await).await, "2", "{path}");
    }
}

#[tokio::test]
async fn an_impossible_accept_is_406() {
    let request = |accept: &str| {
        let request = Request::get("/api/v1/logs").header("accept", accept);
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(refusal_of(request("application/xml")).await, (406, "E0000122".to_owned()));
    assert_eq!(
        send(&site(router()), request("application/json, */*;q=0.8")).await.status(),
        200
    );
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    for (path, status) in [("/api/v1/logs", 200), ("/api/v1/nowhere", 404), ("/api/v1/failing", 500)] {
        let response = send(&site(router()), get(path)).await;
        assert_eq!(response.status(), status);
        let id = header_of(&response, "x-okta-request-id");
        assert!(id.len() == 22 && id.starts_with("req"), "{id}");
        assert_eq!(header_of(&response, "date"), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert_eq!(header_of(&response, "strict-transport-security"), "");
        assert_eq!(header_of(&response, "x-rate-limit-limit"), "1200");
        assert_eq!(header_of(&response, "x-rate-limit-remaining"), "1200");
        assert_eq!(header_of(&response, "x-rate-limit-reset"), (NOW + 60).to_string());
    }
}

#[tokio::test]
async fn hsts_comes_only_with_tls() {
    let site = Site::new(Arc::new(Edge { tls: true, ..edge() }), router());
    let response = send(&site, get("/api/v1/logs")).await;
    assert_eq!(header_of(&response, "strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn handlers_see_the_id_that_the_client_sees() {
    let site = site(router());
    let (first, second) = (send(&site, get("/api/v1/ids")).await, send(&site, get("/api/v1/ids")).await);
    let (one, two) = (
        header_of(&first, "x-okta-request-id").to_owned(),
        header_of(&second, "x-okta-request-id").to_owned(),
    );
    assert_ne!(one, two);
    assert_eq!((text(first).await, text(second).await), (one, two));
}

#[tokio::test]
async fn an_empty_body_has_no_type() {
    for (method, path, status) in [("GET", "/api/v1/empty", 200), ("POST", "/api/v1/risk/events/ip", 202)] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .expect("a request");
        let response = send(&site(router()), request).await;
        assert_eq!(response.status(), status);
        assert_eq!(header_of(&response, "content-type"), "");
        assert_eq!(text(response).await, "");
    }
}

#[tokio::test]
async fn links_are_made_from_the_org_url() {
    let request = Request::get("/api/v1/links")
        .header("host", "evil.example")
        .body(Body::empty())
        .expect("a request");
    assert_eq!(
        text(send(&site(router()), request).await).await,
        "https://org.example/api/v1/users"
    );
}

#[tokio::test]
async fn an_extractor_of_axums_own_does_not_answer_in_plain_text() {
    assert_eq!(refusal_of(get("/api/v1/numbers/many")).await, (400, "E0000003".to_owned()));
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing() {
    assert_eq!(refusal_of(get("/api/v1/panic")).await, (500, "E0000009".to_owned()));
    let body = text(send(&site(router()), get("/api/v1/panic")).await).await;
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test]
async fn work_without_end_is_a_503() {
    let mut edge = edge();
    edge.limits.handler_timeout = Duration::from_millis(10);
    let response = send(&Site::new(Arc::new(edge), router()), get("/api/v1/never")).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header_of(&response, "retry-after"), "5");
}

#[tokio::test]
async fn a_used_up_window_is_a_429_with_everything_that_clients_need() {
    let limiter = Arc::new(RateLimiter::new(RateLimit::per_minute(3)));
    let handler = move |rate: RateReport, context: RequestContext| async move {
        let window = limiter.count_here("rkp1", context.received_at);
        rate.admit(window).map(|()| StatusCode::ACCEPTED).map_err(OktaError)
    };
    let site = site(Router::new().route("/api/v1/risk/events/ip", routing::post(handler)));
    for (status, remaining) in [(202, "2"), (202, "1"), (202, "0"), (429, "0"), (429, "0")] {
        let request = Request::post("/api/v1/risk/events/ip")
            .body(Body::empty())
            .expect("a request");
        let response = send(&site, request).await;
        assert_eq!(response.status(), status);
        assert_eq!(header_of(&response, "x-rate-limit-limit"), "3");
        assert_eq!(header_of(&response, "x-rate-limit-remaining"), remaining);
        assert_eq!(header_of(&response, "x-rate-limit-reset"), (NOW + 60).to_string());
        assert_eq!(header_of(&response, "date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    }
}

/// What was logged, as text.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("no panic while logging")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_broke_is_logged_once_under_the_id_that_the_client_sees() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let body = json(send(&site(router()), get("/api/v1/failing?token=topsecret")).await).await;
    drop(guard);
    let logged = String::from_utf8(log.lock().clone()).expect("UTF-8");
    assert_eq!(
        body["errorId"].as_str().map(|id| logged.matches(id).count()),
        Some(1),
        "{logged}"
    );
    assert_eq!(logged.matches("the cause").count(), 1, "{logged}");
    assert!(!logged.contains("topsecret"), "{logged}");
    assert_eq!(
        body,
        json!({"errorCode": "E0000009", "errorSummary": "Internal Server Error", "errorLink": "E0000009", "errorId": body["errorId"], "errorCauses": []})
    );
}
