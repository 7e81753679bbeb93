//! The listener's certificate and key.

use std::{fmt, sync::Arc};

use rustls::{ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

/// Why a listener cannot speak TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file is no PEM file with a certificate in it.
    #[error("the certificate file holds no certificate in PEM form")]
    Certificate,
    /// The key file is no PEM file with a private key in it.
    #[error("the key file holds no private key in PEM form")]
    Key,
    /// They do not belong together, or the key is of a kind that TLS has no use for.
    #[error("the certificate and the key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// A certificate chain and its key, as PEM.
#[derive(Clone, Copy)]
pub struct TlsPem<'a> {
    /// The chain, the server's own certificate first.
    pub certificates: &'a [u8],
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: &'a [u8],
}

impl fmt::Debug for TlsPem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsPem([REDACTED])")
    }
}

/// Makes the acceptor: TLS 1.2 and 1.3, HTTP/1.1.
///
/// # Errors
/// [`TlsError`] says which of the two files is at fault.
pub fn acceptor(pem: TlsPem<'_>) -> Result<TlsAcceptor, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem.certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::Certificate)?;
    if certificates.is_empty() {
        return Err(TlsError::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(pem.key).map_err(|_| TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
