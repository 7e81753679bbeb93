//! Connections for what is no HTTP (syslog, NATS), under the same policy: only addresses that it permits, exactly
//! those that were checked, each with a time-out; and TLS for them.

use std::{fmt, io, net::IpAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    client::Egress,
    policy::{Purpose, Refusal},
};

/// For each address, and for the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The policy does not allow this destination; nothing was sent.
    #[error("the destination is not allowed")]
    Refused(#[source] Refusal),
    /// The name has no address, or none of them answered.
    #[error("the destination could not be reached")]
    Unreachable(#[source] io::Error),
    /// No TLS.
    #[error("TLS with the destination failed")]
    Tls(#[source] io::Error),
    /// It took too long.
    #[error("the destination did not answer in time")]
    TimedOut,
}

/// Why TLS cannot be spoken with these settings.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The CA is no certificate in PEM form.
    #[error("there is no certificate in PEM form")]
    Ca,
    /// Our own certificate is none in PEM form.
    #[error("there is no client certificate in PEM form")]
    Certificate,
    /// The key is no private key in PEM form.
    #[error("there is no private key in PEM form")]
    Key,
    /// They do not belong together, or TLS has no use for them.
    #[error("the certificates and the key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// Whom to trust, and who we are.
#[derive(Clone, Copy, Default)]
pub struct TlsSettings<'a> {
    /// Certificates in PEM form that are trusted instead of the system's.
    pub only_trust: Option<&'a str>,
    /// Our certificate chain and its key, both in PEM form.
    pub identity: Option<(&'a str, &'a str)>,
}

impl fmt::Debug for TlsSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("only_trust", &self.only_trust.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

/// A stream of bytes to somewhere else, with or without TLS.
pub trait Connection: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Connection for T {}

impl Egress {
    /// Connects to `host`, a name or an address. What the other side does not acknowledge within `unanswered` breaks
    /// the connection, so that one that is half open is not written to for ever.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub async fn connect(
        &self,
        purpose: Purpose,
        host: &str,
        port: u16,
        unanswered: Duration,
    ) -> Result<TcpStream, ConnectionError> {
        let policy = self.policy();
        policy.check_host(purpose, host).map_err(ConnectionError::Refused)?;
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let looked = tokio::time::timeout(CONNECT_TIMEOUT, self.lookup().addresses(host.to_owned())).await;
                let found = looked.map_err(|_| ConnectionError::TimedOut)?;
                found.map_err(ConnectionError::Unreachable)?
            }
        };
        let mut failed = ConnectionError::Refused(Refusal::Name);
        for address in addresses.into_iter().filter(|&address| policy.permits(purpose, address)) {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((address, port))).await {
                Ok(Ok(stream)) => return prepared(stream, unanswered).map_err(ConnectionError::Unreachable),
                Ok(Err(error)) => failed = ConnectionError::Unreachable(error),
                Err(_) => failed = ConnectionError::TimedOut,
            }
        }
        Err(failed)
    }
}

fn prepared(stream: TcpStream, unanswered: Duration) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_keepalive(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(unanswered))?;
    #[cfg(not(target_os = "linux"))]
    let _ = unanswered;
    Ok(stream)
}

/// Speaks TLS over connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsClient")
    }
}

impl TlsClient {
    /// TLS 1.2 and 1.3 with these settings.
    ///
    /// # Errors
    /// [`TlsFault`].
    pub fn new(settings: TlsSettings<'_>) -> Result<Self, TlsFault> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsFault::Unusable)?
            .with_root_certificates(roots(settings.only_trust)?);
        let config = match settings.identity {
            Some((chain, key)) => {
                let chain = certificates(chain).ok_or(TlsFault::Certificate)?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsFault::Key)?;
                builder.with_client_auth_cert(chain, key).map_err(TlsFault::Unusable)?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Shakes hands with `host`, whose certificate must be for this name.
    ///
    /// # Errors
    /// [`ConnectionError::Tls`], [`ConnectionError::TimedOut`].
    pub async fn secure(&self, host: &str, stream: TcpStream) -> Result<Box<dyn Connection>, ConnectionError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| ConnectionError::Tls(io::Error::other(error)))?;
        let shaken = tokio::time::timeout(CONNECT_TIMEOUT, self.connector.connect(name, stream)).await;
        let stream = shaken.map_err(|_| ConnectionError::TimedOut)?.map_err(ConnectionError::Tls)?;
        Ok(Box::new(stream))
    }
}

fn roots(only_trust: Option<&str>) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    match only_trust {
        Some(pem) => {
            for certificate in certificates(pem).ok_or(TlsFault::Ca)? {
                roots.add(certificate).map_err(|_| TlsFault::Ca)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

/// The certificates in a PEM text; none where there is not one, or one cannot be read.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    read.ok().filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests;
