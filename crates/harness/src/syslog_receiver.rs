//! A receiver of syslog over TLS (RFC 5425) that reads exactly what the frames say, and what it can go through.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, BufReader},
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};
use watchfire_fixtures::tls;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a frame: more is taken for a fault of the sender.
const MOST: usize = 1024 * 1024;

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct SyslogMessage {
    /// Everything before the content.
    pub head: String,
    /// The content, which is JSON.
    pub event: Value,
    /// Bytes of the whole.
    pub length: usize,
}

/// The receiver. It ends when it is dropped.
#[derive(Debug)]
pub struct SyslogReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
    asks: bool,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    messages: watch::Sender<Vec<SyslogMessage>>,
    faults: Mutex<Vec<String>>,
}

impl SyslogReceiver {
    /// Listens on a free port; `asks` for a certificate of the client's.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(asks: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, state) = (listener.local_addr()?, Arc::<State>::default());
        Ok(Self {
            address,
            serving: serve(listener, acceptor(asks)?, Arc::clone(&state)),
            asks,
            state,
        })
    }

    /// Kills it: connections break, and what came and was not read is lost.
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
        self.serving = serve(socket.listen(64)?, acceptor(self.asks)?, Arc::clone(&self.state));
        Ok(())
    }

    /// What came, in its order.
    pub fn messages(&self) -> Vec<SyslogMessage> {
        self.state.messages.borrow().clone()
    }

    /// What was no message, or no frame.
    pub fn faults(&self) -> Vec<String> {
        self.state.faults.lock().clone()
    }

    /// Waits until what came is `enough`.
    ///
    /// # Errors
    /// When it never is.
    pub async fn wait_for(&self, mut enough: impl FnMut(&[SyslogMessage]) -> bool) -> Result<Vec<SyslogMessage>> {
        let mut messages = self.state.messages.subscribe();
        let came = tokio::time::timeout(PATIENCE, messages.wait_for(|messages| enough(messages))).await;
        Ok(came.context("not enough came")?.context("the receiver is gone")?.clone())
    }
}

impl Drop for SyslogReceiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server with the certificate for `localhost`; it `asks` for one of the client's where it shall.
///
/// # Errors
/// When the certificates cannot be used.
pub fn acceptor(asks: bool) -> Result<TlsAcceptor> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let certificate = CertificateDer::from_pem_slice(tls::SERVER_CERTIFICATE.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(tls::SERVER_KEY.as_bytes())?;
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(tls::CA.as_bytes())?)?;
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
    } else {
        builder.with_no_client_auth()
    };
    Ok(TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key)?)))
}

fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            connections.spawn(async move {
                // A handshake that fails is the test's affair at the other end.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let mut stream = BufReader::new(stream);
                loop {
                    match frame(&mut stream).await {
                        Ok(Some(message)) => state.messages.send_modify(|messages| messages.push(message)),
                        Ok(None) => return,
                        Err(fault) => return state.faults.lock().push(format!("{fault:#}")),
                    }
                }
            });
        }
    })
}

/// `MSG-LEN SP SYSLOG-MSG`; nothing at the end of the connection, wherever that comes.
async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SyslogMessage>> {
    let mut length = 0_usize;
    let mut digits = 0;
    loop {
        let Ok(byte) = stream.read_u8().await else { return Ok(None) };
        match byte {
            b' ' if digits > 0 => break,
            b'0'..=b'9' if digits > 0 || byte != b'0' => length = length * 10 + usize::from(byte - b'0'),
            _ => bail!("{byte:#x} is no part of a length"),
        }
        digits += 1;
        ensure!(length <= MOST, "a frame of {length} bytes");
    }
    let mut message = vec![0; length];
    if stream.read_exact(&mut message).await.is_err() {
        return Ok(None);
    }
    parse(String::from_utf8(message)?).map(Some)
}

/// RFC 5424: `PRI`, version 1, and six fields with blanks between them, of which the last is structured data.
fn parse(text: String) -> Result<SyslogMessage> {
    let end = text.find("] {").context("no structured data with content behind it")? + 1;
    let (head, content) = text.split_at(end);
    let rest = head.strip_prefix('<').context("no PRI")?;
    let (priority, rest) = rest.split_once('>').context("no PRI")?;
    ensure!(
        priority.parse::<u16>().is_ok_and(|priority| priority <= 191),
        "PRI {priority}"
    );
    let fields: Vec<&str> = rest.splitn(7, ' ').collect();
    ensure!(fields.len() == 7 && fields.first() == Some(&"1"), "the header {head}");
    ensure!(fields.iter().all(|field| !field.is_empty()), "the header {head}");
    ensure!(text.chars().all(|c| !c.is_control()), "a control character");
    Ok(SyslogMessage {
        head: head.to_owned(),
        event: serde_json::from_str(content.trim_start())?,
        length: text.len(),
    })
}
