use std::{future::Future, io, net::IpAddr, pin::Pin};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::*;

/// Gives every name the same addresses.
#[derive(Clone, Debug)]
struct Fixed(Vec<IpAddr>);

impl Lookup for Fixed {
    fn addresses(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

fn dev() -> Policy {
    Policy {
        dev: true,
        ..Policy::default()
    }
}

fn resolving(policy: Policy, addresses: &[&str]) -> Egress {
    let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    Egress::with_lookup(policy, Arc::new(Fixed(addresses)))
}

fn short() -> FetchLimits {
    FetchLimits {
        total: Duration::from_millis(100),
        ..FetchLimits::JWKS
    }
}

async fn serving(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(matchers::method("GET")).respond_with(answer).mount(&server).await;
    server
}

async fn fetch(server: &MockServer) -> Result<Fetched, FetchError> {
    Egress::new(dev())
        .fetch_json(Purpose::Jwks, &server.uri(), &FetchLimits::JWKS)
        .await
}

#[tokio::test]
async fn gets_json_with_its_age() {
    for (cache_control, max_age) in [
        ("public, max-age=600", Some(600)),
        ("max-age=600, no-store", Some(0)),
        ("No-Cache", Some(0)),
        ("max-age=soon", None),
        ("private", None),
    ] {
        let answer = ResponseTemplate::new(200)
            .set_body_string("{\"keys\":[]}")
            .insert_header("cache-control", cache_control);
        let fetched = fetch(&serving(answer).await).await.expect("a document");
        assert_eq!(fetched.value, json!({"keys": []}));
        assert_eq!(fetched.max_age, max_age.map(Duration::from_secs), "{cache_control}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = MockServer::start().await;
    Mock::given(matchers::any())
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&inside)
        .await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("location", inside.uri());
        let refused = fetch(&serving(answer).await).await;
        assert!(
            matches!(refused, Err(FetchError::Status(found)) if found == status),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn only_200_is_a_document() {
    for status in [201, 204, 304, 400, 404, 500, 503] {
        let refused = fetch(&serving(ResponseTemplate::new(status).set_body_string("{}")).await).await;
        assert!(
            matches!(refused, Err(FetchError::Status(found)) if found == status),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn broken_json_is_refused() {
    for body in ["", "{", "<html>", "{\"a\":1,\"a\":2}", "{} {}"] {
        let refused = fetch(&serving(ResponseTemplate::new(200).set_body_string(body)).await).await;
        assert!(matches!(refused, Err(FetchError::NotJson(_))), "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn a_huge_document_is_cut_off() {
    let body = format!("\"{}\"", "a".repeat(256 * 1024));
    let refused = fetch(&serving(ResponseTemplate::new(200).set_body_string(body)).await).await;
    assert!(matches!(refused, Err(FetchError::TooLong(262_144))), "{refused:?}");
}

/// A server that answers each connection with `bytes`, and again and again if it is `endless`.
async fn raw(bytes: &'static [u8], endless: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                while stream.write_all(bytes).await.is_ok() && endless {}
                // Held open: what is missing never comes.
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn a_host_that_hangs_is_given_up() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
    ] {
        let url = raw(bytes, false).await;
        let refused = Egress::new(dev()).fetch_json(Purpose::Jwks, &url, &short()).await;
        assert!(matches!(refused, Err(FetchError::TimedOut)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let url = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n1\r\n \r\n1\r\n \r\n1\r\n \r\n",
        true,
    )
    .await;
    let refused = Egress::new(dev()).fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await;
    assert!(
        matches!(refused, Err(FetchError::Unreachable(_) | FetchError::TooLong(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/?secret=1", listener.local_addr().expect("an address"));
    drop(listener);
    let refused = Egress::new(dev()).fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await;
    let error = refused.expect_err("nobody is there");
    assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    for addresses in [&["127.0.0.1"][..], &["10.0.0.1", "::1"], &["::ffff:169.254.169.254"], &[]] {
        let egress = resolving(Policy::default(), addresses);
        let refused = egress
            .fetch_json(Purpose::Jwks, "https://keys.example/", &FetchLimits::JWKS)
            .await;
        assert!(
            matches!(refused, Err(FetchError::Refused(Refusal::Name))),
            "{addresses:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn the_connection_uses_the_checked_addresses_only() {
    let server = serving(ResponseTemplate::new(200).set_body_string("{}")).await;
    let url = format!("http://keys.example:{}/", server.address().port());
    // The private address would be tried first, and it is not even in the list any more.
    let egress = resolving(dev(), &["10.255.255.1", "127.0.0.1"]);
    assert!(egress.fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await.is_ok());
    assert!(egress.fetch_json(Purpose::Hooks, &url, &FetchLimits::JWKS).await.is_ok());
}

#[tokio::test]
async fn the_system_resolver_obeys_too() {
    let server = serving(ResponseTemplate::new(200).set_body_string("{}")).await;
    let url = format!("http://localhost:{}/", server.address().port());
    assert!(
        Egress::new(dev())
            .fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS)
            .await
            .is_ok()
    );
    let refused = Egress::new(Policy::default())
        .fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS)
        .await;
    assert!(matches!(refused, Err(FetchError::Refused(Refusal::Scheme))), "{refused:?}");
}

#[tokio::test]
async fn an_exception_is_for_its_purpose_when_connecting_too() {
    let policy = Policy {
        allow: vec!["jwks=127.0.0.0/8".parse().expect("PURPOSE=CIDR")],
        dev: false,
    };
    let egress = resolving(policy, &["127.0.0.1"]);
    let fetch = async |purpose| {
        egress
            .fetch_json(purpose, "https://keys.example:1/", &FetchLimits::JWKS)
            .await
    };
    assert!(matches!(fetch(Purpose::Jwks).await, Err(FetchError::Unreachable(_))));
    assert!(matches!(fetch(Purpose::Push).await, Err(FetchError::Refused(Refusal::Name))));
}

fn post(url: impl Into<String>) -> Request {
    let mut request = Request::new(Method::POST, url);
    request
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.body = Bytes::from_static(b"{}");
    request
}

#[tokio::test]
async fn sends_a_body_and_returns_failures_as_answers() {
    let server = MockServer::start().await;
    Mock::given(matchers::method("POST"))
        .and(matchers::header("content-type", "application/json"))
        .and(matchers::body_string("{}"))
        .respond_with(
            ResponseTemplate::new(503)
                .insert_header("retry-after", "7")
                .set_body_string("later"),
        )
        .expect(1)
        .mount(&server)
        .await;
    let sent = Egress::new(dev())
        .send(Purpose::Hooks, post(server.uri()))
        .await
        .expect("an answer");
    assert_eq!((sent.status, &sent.body[..], sent.truncated), (503, &b"later"[..], false));
    assert_eq!(sent.retry_after(Timestamp::from_seconds(0)), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn what_is_sent_follows_the_policy_and_its_limits() {
    let refused = Egress::new(Policy::default())
        .send(Purpose::Hooks, post("https://127.0.0.1/"))
        .await;
    assert!(
        matches!(refused, Err(FetchError::Refused(Refusal::Address(_)))),
        "{refused:?}"
    );
    let inward = resolving(Policy::default(), &["10.0.0.1"]);
    let refused = inward.send(Purpose::Hooks, post("https://hooks.example/")).await;
    assert!(matches!(refused, Err(FetchError::Refused(Refusal::Name))), "{refused:?}");
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(307)
        .insert_header("location", "/there")
        .set_body_bytes(vec![b'a'; 11]);
    Mock::given(matchers::any())
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let mut request = post(server.uri());
    request.max_bytes = 10;
    let sent = Egress::new(dev()).send(Purpose::Hooks, request).await.expect("an answer");
    assert_eq!((sent.status, sent.body.len(), sent.truncated), (307, 10, true));
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut request = post(format!("http://{}/", listener.local_addr().expect("bound")));
    request.total = Duration::from_millis(50);
    let refused = Egress::new(dev()).send(Purpose::Hooks, request).await;
    assert!(matches!(refused, Err(FetchError::TimedOut)), "{refused:?}");
}

#[test]
fn retry_after_has_two_forms() {
    let now = Timestamp::parse("2026-08-28T14:31:00Z").expect("a date");
    for (text, seconds) in [
        ("120", Some(120)),
        ("Fri, 28 Aug 2026 14:31:30 GMT", Some(30)),
        ("Fri, 28 Aug 2026 14:30:00 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
        ("", None),
    ] {
        let sent = Sent {
            status: 429,
            headers: [(header::RETRY_AFTER, HeaderValue::from_static(text))].into_iter().collect(),
            body: Bytes::new(),
            truncated: false,
        };
        assert_eq!(sent.retry_after(now), seconds.map(Duration::from_secs), "{text}");
    }
}
