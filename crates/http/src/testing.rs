//! A site with a fixed clock and counted randomness.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;
use watchfire_app::{Clock, Entropy};
use watchfire_model::time::Timestamp;

use crate::{Edge, Limits, Site, links::Links};

/// 2027-01-15T08:00:00Z, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

#[derive(Debug)]
struct FixedClock;

#[derive(Debug, Default)]
struct Counted(AtomicU8);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }
}

impl Entropy for Counted {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

pub(crate) fn edge() -> Edge {
    Edge {
        links: Links::new("https://org.example"),
        clock: Arc::new(FixedClock),
        entropy: Arc::new(Counted::default()),
        trusted_proxies: Vec::new(),
        tls: false,
        limits: Limits {
            max_body_bytes: 1024,
            body_timeout: Duration::from_millis(50),
            handler_timeout: Duration::from_secs(5),
            ..Limits::default()
        },
    }
}

pub(crate) fn site(router: Router) -> Site {
    Site::new(Arc::new(edge()), router)
}

pub(crate) async fn send(site: &Site, request: Request<Body>) -> Response {
    match site.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) async fn json(response: Response) -> serde_json::Value {
    serde_json::from_str(&text(response).await).expect("JSON")
}
