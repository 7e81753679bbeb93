use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use watchfire_fixtures::tls;

use super::*;
use crate::{OutboundAllow, Policy};

const SOON: Duration = Duration::from_secs(5);

fn acceptor(asks: bool) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let chain = certificates(tls::SERVER_CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(tls::SERVER_KEY.as_bytes()).unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(certificates(tls::CA).unwrap().remove(0)).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

/// Answers every connection with what it says, and gives its port.
async fn echoing(asks: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor(asks);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut said = [0; 4];
                if stream.read_exact(&mut said).await.is_ok() {
                    let _ = stream.write_all(&said).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    port
}

fn dev() -> Egress {
    Egress::new(Policy {
        dev: true,
        ..Policy::default()
    })
}

/// Whether something was said and heard.
async fn talks(port: u16, host: &str, settings: TlsSettings<'_>) -> Result<bool, ConnectionError> {
    let stream = dev().connect(Purpose::Logs, host, port, SOON).await?;
    let mut stream = TlsClient::new(settings).unwrap().secure(host, stream).await?;
    let mut heard = Vec::new();
    let said = stream.write_all(b"ping").await.is_ok() && stream.flush().await.is_ok();
    Ok(said && stream.read_to_end(&mut heard).await.is_ok() && heard == b"ping")
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_ca_vouches_for_and_nobody_else() {
    let port = echoing(false).await;
    let trusting = |only_trust| TlsSettings {
        only_trust,
        identity: None,
    };
    assert!(talks(port, "localhost", trusting(Some(tls::CA))).await.unwrap());
    assert!(talks(port, "127.0.0.1", trusting(Some(tls::CA))).await.unwrap());
    for (host, trust) in [
        ("localhost", Some(tls::OTHER_CA)),
        ("localhost", None),
        ("127.0.0.2", Some(tls::CA)),
    ] {
        let refused = talks(port, host, trusting(trust)).await;
        assert!(
            matches!(refused, Err(ConnectionError::Tls(_) | ConnectionError::Unreachable(_))),
            "{host} {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_receiver_that_asks_who_we_are_is_told() {
    let port = echoing(true).await;
    let with = |identity| TlsSettings {
        only_trust: Some(tls::CA),
        identity,
    };
    let known = Some((tls::CLIENT_CERTIFICATE, tls::CLIENT_KEY));
    assert!(talks(port, "localhost", with(known)).await.unwrap());
    assert!(!talks(port, "localhost", with(None)).await.unwrap_or_default());
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_operator_allows_them() {
    let port = echoing(false).await;
    let connect = |policy: Policy, host: &'static str| async move {
        let egress = Egress::new(policy);
        egress.connect(Purpose::Logs, host, port, SOON).await.map(drop)
    };
    for host in ["127.0.0.1", "localhost", "::1", "169.254.169.254", "10.0.0.1", "", "a b"] {
        let refused = connect(Policy::default(), host).await;
        assert!(matches!(refused, Err(ConnectionError::Refused(_))), "{host}: {refused:?}");
    }
    let allowing = |purpose| Policy {
        allow: vec![OutboundAllow {
            purpose,
            network: "127.0.0.0/8".parse().unwrap(),
        }],
        dev: false,
    };
    assert!(connect(allowing(Purpose::Logs), "127.0.0.1").await.is_ok());
    assert!(
        connect(allowing(Purpose::Hooks), "127.0.0.1").await.is_err(),
        "for another purpose"
    );
}

#[test]
fn what_is_no_certificate_or_key_is_named() {
    let fault = |only_trust, identity| TlsClient::new(TlsSettings { only_trust, identity }).unwrap_err();
    assert!(matches!(fault(Some("nonsense"), None), TlsFault::Ca));
    assert!(matches!(
        fault(None, Some(("nonsense", tls::CLIENT_KEY))),
        TlsFault::Certificate
    ));
    assert!(matches!(
        fault(None, Some((tls::CLIENT_CERTIFICATE, "nonsense"))),
        TlsFault::Key
    ));
    let others = fault(None, Some((tls::CLIENT_CERTIFICATE, tls::SERVER_KEY)));
    assert!(matches!(others, TlsFault::Unusable(_)));
    let settings = TlsSettings {
        only_trust: None,
        identity: Some((tls::CLIENT_CERTIFICATE, tls::CLIENT_KEY)),
    };
    assert!(!format!("{settings:?}").contains("PRIVATE"));
}
