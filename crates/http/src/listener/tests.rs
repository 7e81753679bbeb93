use std::sync::Arc;

use axum::{Router, routing};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{request::RequestContext, testing};

const CERTIFICATE: &[u8] = include_bytes!("testdata/localhost.crt");
const KEY: &[u8] = include_bytes!("testdata/localhost.key");
const REQUEST: &[u8] = b"GET /api/v1/hello HTTP/1.1\r\nHost: org.example\r\nConnection: close\r\n\r\n";

/// A running listener, and the two signals of its `/api/v1/slow`.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<Drained>,
    started: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Running {
    async fn start(limits: ListenerLimits, tls: Option<TlsAcceptor>) -> Self {
        let started = Arc::new(Notify::new());
        let go_on = Arc::new(Notify::new());
        let slow = {
            let (started, go_on) = (Arc::clone(&started), Arc::clone(&go_on));
            move || async move {
                started.notify_one();
                go_on.notified().await;
                "done"
            }
        };
        let router = Router::new()
            .route(
                "/api/v1/hello",
                routing::get(|context: RequestContext| async move { context.client_ip.to_string() }),
            )
            .route(
                "/api/v1/echo",
                routing::post(|body: axum::body::Body| async { crate::body::read(body).await.map_err(crate::error::OktaError) }),
            )
            .route("/api/v1/slow", routing::get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let ended = tokio::spawn(serve(listener, tls, testing::site(router), limits, stop.clone()));
        Self {
            address,
            stop,
            ended,
            started,
            go_on,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn stop(self) -> Drained {
        self.stop.cancel();
        self.ended.await.expect("no panic")
    }
}

/// Everything that the server sends until it closes.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is a close too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).expect("UTF-8")
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8]) -> String {
    stream.write_all(request).await.expect("sent");
    rest(stream).await
}

fn short() -> ListenerLimits {
    ListenerLimits {
        handshake_timeout: Duration::from_millis(50),
        header_timeout: Duration::from_millis(50),
        shutdown_deadline: Duration::from_millis(50),
        ..ListenerLimits::default()
    }
}

#[tokio::test]
async fn answers_with_the_peer_as_client_and_one_date() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let answer = exchange(&mut running.connect().await, REQUEST).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
    assert_eq!(
        answer.matches("date: Fri, 15 Jan 2027 08:00:00 GMT\r\n").count(),
        1,
        "{answer}"
    );
    assert_eq!(running.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn odd_methods_and_targets_are_404_or_405() {
    let running = Running::start(ListenerLimits::default(), None).await;
    for (line, status) in [
        ("TRACE /api/v1/hello", "405"),
        ("OPTIONS /api/v1/hello", "405"),
        ("BREW /api/v1/hello", "405"),
        ("BREW /api/v1/nowhere", "404"),
        ("OPTIONS *", "404"),
        ("CONNECT org.example:443", "404"),
        ("GET http://org.example/api/v1//hello/", "200"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: org.example\r\nConnection: close\r\n\r\n");
        let answer = exchange(&mut running.connect().await, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert!(status == "200" || answer.contains("\"errorCauses\":[]"), "{line}: {answer}");
    }
    running.stop().await;
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let running = Running::start(short(), None).await;
    for start in [&b""[..], b"G", b"GET / HTTP/1.1\r\nHost: org.exa"] {
        let mut stream = running.connect().await;
        stream.write_all(start).await.expect("sent");
        rest(&mut stream).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn headers_without_bound_are_refused() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    let request = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_with_408() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    let request = b"POST /api/v1/echo HTTP/1.1\r\nHost: org.example\r\nContent-Length: 10\r\n\r\nabc";
    let answer = exchange(&mut stream, request).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("E0000003"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_long_body_is_answered_with_413_before_it_is_sent() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    let request = b"POST /api/v1/echo HTTP/1.1\r\nHost: org.example\r\nContent-Length: 1025\r\n\r\n";
    let answer = exchange(&mut stream, request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    running.stop().await;
}

/// A client that sends before it reads still gets the answer, not a broken pipe.
#[tokio::test]
async fn a_long_body_that_is_sent_at_once_gets_its_answer() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    let body = vec![b' '; 3 * 1024 * 1024];
    let head = format!(
        "POST /api/v1/hello HTTP/1.1\r\nHost: org.example\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    stream.write_all(&body).await.expect("the body is sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_request_in_flight_is_finished_and_newcomers_are_refused() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /api/v1/slow HTTP/1.1\r\nHost: org.example\r\n\r\n")
        .await
        .expect("sent");
    running.started.notified().await;
    running.stop.cancel();
    // The listener's socket goes as soon as the loop sees the signal.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    running.go_on.notify_one();
    let answer = rest(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("done"),
        "{answer}"
    );
    assert_eq!(running.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn what_is_not_finished_at_the_deadline_is_cut() {
    let running = Running::start(short(), None).await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /api/v1/slow HTTP/1.1\r\nHost: org.example\r\n\r\n")
        .await
        .expect("sent");
    running.started.notified().await;
    assert_eq!(running.stop().await, Drained { cut: 1 });
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let running = Running::start(ListenerLimits::default(), None).await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /api/v1/hello HTTP/1.1\r\nHost: org.example\r\n\r\n")
        .await
        .expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("an answer");
    assert_eq!(running.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn connections_past_the_bound_wait_for_their_turn() {
    let limits = ListenerLimits {
        max_connections: 1,
        ..ListenerLimits::default()
    };
    let running = Running::start(limits, None).await;
    let mut first = running.connect().await;
    first
        .write_all(b"GET /api/v1/slow HTTP/1.1\r\nHost: org.example\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    running.started.notified().await;
    let mut second = running.connect().await;
    second.write_all(REQUEST).await.expect("sent");
    running.go_on.notify_one();
    assert!(rest(&mut first).await.ends_with("done"));
    assert!(rest(&mut second).await.ends_with("127.0.0.1"));
    running.stop().await;
}

fn tls_pem() -> tls::TlsPem<'static> {
    tls::TlsPem {
        certificates: CERTIFICATE,
        key: KEY,
    }
}

#[tokio::test]
async fn speaks_tls() {
    let acceptor = tls::acceptor(tls_pem()).expect("an acceptor");
    let running = Running::start(ListenerLimits::default(), Some(acceptor)).await;
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CERTIFICATE).expect("PEM"))
        .expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(client));
    let mut stream = connector.connect(name, running.connect().await).await.expect("a handshake");
    let answer = exchange(&mut stream, REQUEST).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("127.0.0.1"),
        "{answer}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_cut_off() {
    let acceptor = tls::acceptor(tls_pem()).expect("an acceptor");
    let running = Running::start(short(), Some(acceptor)).await;
    assert_eq!(rest(&mut running.connect().await).await, "");
    let answer = exchange(&mut running.connect().await, REQUEST).await;
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    running.stop().await;
}

#[test]
fn says_which_file_is_at_fault() {
    let acceptor = |certificates, key| tls::acceptor(tls::TlsPem { certificates, key }).err();
    assert!(matches!(acceptor(b"nonsense", KEY), Some(tls::TlsError::Certificate)));
    assert!(matches!(acceptor(KEY, KEY), Some(tls::TlsError::Certificate)));
    assert!(matches!(acceptor(CERTIFICATE, b""), Some(tls::TlsError::Key)));
    assert!(matches!(acceptor(CERTIFICATE, CERTIFICATE), Some(tls::TlsError::Key)));
}
