//! What a hostile host, name or network tries so that we reach what is not allowed, or choke on what is.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::CertificateDer, pki_types::PrivateKeyDer, pki_types::pem::PemObject},
};

use super::*;

/// Answers each look-up with the next list of addresses; the last one stays.
#[derive(Clone, Debug)]
struct Changing(Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

impl Lookup for Changing {
    fn addresses(&self, _: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let mut answers = self.0.lock();
        let next = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Box::pin(async move { Ok(next.unwrap_or_default()) })
    }
}

fn changing(policy: Policy, answers: &[&[&str]]) -> Egress {
    let parse = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
    let answers = Arc::new(Mutex::new(answers.iter().map(parse).collect()));
    Egress::with_lookup(policy, Arc::new(Changing(answers)))
}

fn dev() -> Policy {
    Policy {
        dev: true,
        ..Policy::default()
    }
}

/// Counts who connects, answers with `bytes` as often as they are taken, and closes.
struct Trap {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Trap {
    async fn set(bytes: &'static [u8], times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    for _ in 0..times {
                        if stream.write_all(bytes).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, connections }
    }

    fn sprung(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        let url = format!("http://{}/", self.address);
        Egress::new(dev()).fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await
    }
}

/// Every way to write this machine, or what is beside it, that a parser of URLs takes for an address.
#[tokio::test]
async fn no_spelling_of_a_private_address_is_connected_to() {
    let trap = Trap::set(b"", 0).await;
    let port = trap.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "0x0",
        "000000000000",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "localhost",
        "LocalHost.",
        "a.localhost",
        "ｌocalhost",
        "%6cocalhost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[::]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "0xa9fea9fe",
        "2852039166",
        "100.100.100.200",
    ] {
        for policy in [
            Policy::default(),
            Policy {
                allow: vec!["jwks=192.168.7.0/24".parse().unwrap()],
                dev: false,
            },
        ] {
            let refused = Egress::new(policy)
                .fetch_json(Purpose::Jwks, &format!("https://{host}:{port}/"), &FetchLimits::JWKS)
                .await;
            assert!(matches!(refused, Err(FetchError::Refused(_))), "{host}: {refused:?}");
        }
    }
    assert_eq!(trap.sprung(), 0);
}

/// A name that was public when it was checked and points inward when it is used, or the other way round, or both at once.
#[tokio::test]
async fn a_name_that_changes_its_mind_reaches_nothing_inside() {
    let trap = Trap::set(b"", 0).await;
    let url = format!("https://rebind.example:{}/", trap.address.port());
    let plain: &[&[&str]] = &[&["127.0.0.1"], &["10.0.0.1", "192.168.0.1"]];
    let dressed: &[&[&str]] = &[&["::ffff:127.0.0.1"], &["64:ff9b::7f00:1"], &["2002:7f00:1::"], &["::7f00:1"]];
    for answers in [plain, dressed] {
        let egress = changing(Policy::default(), answers);
        for _ in 0..answers.len() {
            egress.check(Purpose::Hooks, &url).unwrap();
            let refused = egress.fetch_json(Purpose::Hooks, &url, &FetchLimits::JWKS).await;
            assert!(
                matches!(refused, Err(FetchError::Refused(Refusal::Name))),
                "{answers:?}: {refused:?}"
            );
        }
    }
    assert_eq!(trap.sprung(), 0);
}

/// What is connected to are the addresses that were looked at: a second look-up would get the other answer.
#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    let trap = Trap::set(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", 1).await;
    let url = format!("http://rebind.example:{}/", trap.address.port());
    let egress = changing(dev(), &[&["127.0.0.1"], &["10.0.0.1"]]);
    assert!(egress.fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await.is_ok());
    let refused = egress.fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await;
    assert!(matches!(refused, Err(FetchError::Refused(Refusal::Name))), "{refused:?}");
    assert_eq!(trap.sprung(), 1);
}

/// An exception of one purpose, and a connection that it has left open, are of no use to another.
#[tokio::test]
async fn a_connection_of_one_purpose_serves_no_other() {
    let trap = Trap::set(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 1).await;
    let url = format!("http://keys.example:{}/", trap.address.port());
    let policy = Policy {
        allow: vec!["jwks=127.0.0.0/8".parse().unwrap()],
        dev: true,
    };
    let egress = changing(policy, &[&["127.0.0.1"], &["10.0.0.1"]]);
    assert!(egress.fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await.is_ok());
    for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Jwks) {
        let refused = egress.fetch_json(purpose, &url, &FetchLimits::JWKS).await;
        assert!(
            matches!(refused, Err(FetchError::Refused(Refusal::Name))),
            "{purpose}: {refused:?}"
        );
    }
    assert_eq!(trap.sprung(), 1);
}

/// Nothing is unpacked, so nothing can burst.
#[tokio::test]
async fn a_packed_answer_is_not_unpacked() {
    for coding in ["gzip", "br", "deflate", "zstd"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let body = [0x1f_u8, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let answer = [head.as_bytes(), b"content-length: 10\r\nconnection: close\r\n\r\n", &body].concat();
        let refused = Trap::set(answer.leak(), 1).await.fetch().await;
        assert!(matches!(refused, Err(FetchError::NotJson(_))), "{coding}: {refused:?}");
    }
}

#[tokio::test]
async fn endless_heads_and_interim_answers_are_given_up() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nx: y\r\n"[..],
        b"x",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
    ] {
        let trap = Trap::set(bytes, 1_000_000).await;
        let limits = FetchLimits {
            total: Duration::from_secs(2),
            ..FetchLimits::JWKS
        };
        let url = format!("http://{}/", trap.address);
        let refused = Egress::new(dev()).fetch_json(Purpose::Jwks, &url, &limits).await;
        assert!(
            matches!(refused, Err(FetchError::Unreachable(_) | FetchError::TimedOut)),
            "{refused:?}"
        );
    }
}

/// A promise of more than there may be is not believed into memory.
#[tokio::test]
async fn a_length_that_lies_reserves_nothing() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\nconnection: close\r\n\r\n{}";
    let refused = Trap::set(head, 1).await.fetch().await;
    assert!(refused.is_err(), "{refused:?}");
}

/// A certificate that nobody has signed, one for another name, and no TLS at all.
#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("../../../http/src/listener/testdata/localhost.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../http/src/listener/testdata/localhost.key")).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let served = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&served);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await
                && stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0)
            {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let plain = Trap::set(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 1).await;
    let egress = changing(dev(), &[&["127.0.0.1"]]);
    for url in [
        format!("https://localhost:{port}/"),
        format!("https://keys.example:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://keys.example:{}/", plain.address.port()),
    ] {
        let refused = egress.fetch_json(Purpose::Jwks, &url, &FetchLimits::JWKS).await;
        assert!(matches!(refused, Err(FetchError::Unreachable(_))), "{url}: {refused:?}");
    }
    assert_eq!(served.load(Ordering::SeqCst), 0, "no request was sent");
}

/// Outside of development a redirect, a port or a scheme of another protocol changes nothing of https.
#[tokio::test]
async fn nothing_but_https_is_spoken() {
    for url in [
        "http://idp.example/",
        "ws://idp.example/",
        "wss://idp.example/",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "gopher://idp.example:6379/_FLUSHALL",
        "dict://idp.example/",
        "//idp.example/",
        "https:",
        "https://",
        "https:///",
        "https://user:pw@idp.example/",
        "https://idp.example@127.0.0.1/",
    ] {
        let refused = Egress::new(Policy::default())
            .fetch_json(Purpose::Jwks, url, &FetchLimits::JWKS)
            .await;
        assert!(matches!(refused, Err(FetchError::Refused(_))), "{url}: {refused:?}");
    }
}
