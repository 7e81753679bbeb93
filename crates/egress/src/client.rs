//! Requests under the policy.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tricks;

use std::{collections::HashMap, error::Error as StdError, fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, header};
use parking_lot::Mutex;
use reqwest::{Certificate, Client, Response, redirect};
use serde_json::Value;
use url::Url;
use watchfire_crypto::strict_json;
use watchfire_model::time::Timestamp;

use crate::{
    policy::{Policy, Purpose, Refusal},
    resolver::{Lookup, PolicyResolver, SystemLookup},
};

/// JWT-15.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is kept longer would outlive a change of the name's addresses.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Outbound HTTP to destinations that come from data. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

/// What one answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// From the first packet to the last byte.
    pub total: Duration,
    /// Bytes of the body, and its shape.
    pub json: strict_json::Limits,
    /// Media types of which the answer must have one; any when there are none.
    pub media_types: &'static [&'static str],
}

/// A JSON document from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The document.
    pub value: Value,
    /// `max-age` of its `Cache-Control`; zero where it must not be cached.
    pub max_age: Option<Duration>,
}

/// A request to a destination that comes from data. Its headers may hold credentials: mark those
/// sensitive.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL, which is checked again.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body; its type is among the headers.
    pub body: Bytes,
    /// From the first packet to the last byte.
    pub total: Duration,
    /// Bytes of the answer's body that are read.
    pub max_bytes: usize,
    /// Certificates in PEM form that are trusted instead of the system's, for a server of one's own.
    pub only_trust: Option<Arc<str>>,
}

/// What it was answered with; a status of failure is no error.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The status. Redirects are not followed.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, up to the limit.
    pub body: Bytes,
    /// Whether there was more of it.
    pub truncated: bool,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The policy does not allow this destination; nothing was sent.
    #[error("the destination is not allowed")]
    Refused(#[source] Refusal),
    /// The certificates to be trusted are none.
    #[error("the certificates to be trusted cannot be read")]
    Trust(#[source] reqwest::Error),
    /// No connection, no TLS, or one that broke off.
    #[error("the destination could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It took too long.
    #[error("the destination did not answer in time")]
    TimedOut,
    /// Anything but 200; redirects are not followed (JWT-15).
    #[error("the destination answered with status {0}")]
    Status(u16),
    /// A type that is not taken (okta.md 5.2).
    #[error("the answer's Content-Type is not {}", .0.join(" or "))]
    MediaType(&'static [&'static str]),
    /// More bytes than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The body is not the JSON that we take.
    #[error("the answer is not acceptable JSON")]
    NotJson(#[source] strict_json::StrictJsonError),
}

struct Inner {
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
    // One a purpose, because the resolver has to know what it resolves for, and one for what it trusts; made when
    // first used.
    clients: Mutex<HashMap<ClientKey, Client>>,
}

/// What a client is for, and what it trusts where that is not the system's.
type ClientKey = (Purpose, Option<Arc<str>>);

/// Clients with a trust of their own that are kept; with more all are made again.
const MAX_CLIENTS: usize = 64;

impl FetchLimits {
    /// A JWK set or the metadata that names it (JWT-08, JWT-15).
    pub const JWKS: Self = Self {
        total: Duration::from_secs(20),
        json: strict_json::Limits::JWKS,
        media_types: &[],
    };
    /// The key set of a sender of SETs, which must say what it is (okta.md 5.2, RFC 7517 section 8.5).
    pub const EVENT_KEYS: Self = Self {
        total: Duration::from_secs(10),
        media_types: &["application/json", "application/jwk-set+json"],
        ..Self::JWKS
    };
    /// A transmitter's metadata (META-03).
    pub const METADATA: Self = Self {
        total: Duration::from_secs(10),
        media_types: &["application/json"],
        ..Self::JWKS
    };
}

impl Request {
    /// A request without headers and body, with an answer of at most 64 KiB within ten seconds.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            total: Duration::from_secs(10),
            max_bytes: 64 * 1024,
            only_trust: None,
        }
    }
}

impl Sent {
    /// How long `Retry-After` asks to wait, whichever of its two forms it has (RFC 9110 section 10.2.3).
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
        }
        Timestamp::parse_http_date(text).ok().map(|at| at.since(now))
    }
}

impl Egress {
    /// Outbound HTTP under `policy`.
    pub fn new(policy: Policy) -> Self {
        Self::with_lookup(policy, Arc::new(SystemLookup))
    }

    pub(crate) fn with_lookup(policy: Policy, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            inner: Arc::new(Inner {
                policy: Arc::new(policy),
                lookup,
                clients: Mutex::default(),
            }),
        }
    }

    pub(crate) fn lookup(&self) -> &dyn Lookup {
        &*self.inner.lookup
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Checks a URL when it is written, for a fast error; it is checked again when it is used.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, purpose: Purpose, url: &str) -> Result<Url, Refusal> {
        self.inner.policy.check(purpose, url)
    }

    /// Gets a JSON document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch_json(&self, purpose: Purpose, url: &str, limits: &FetchLimits) -> Result<Fetched, FetchError> {
        let url = self.check(purpose, url).map_err(FetchError::Refused)?;
        let fetch = self.get(purpose, url, limits);
        let (headers, body) = tokio::time::timeout(limits.total, fetch)
            .await
            .map_err(|_| FetchError::TimedOut)??;
        Ok(Fetched {
            value: strict_json::parse(&body, &limits.json).map_err(FetchError::NotJson)?,
            max_age: max_age(&headers),
        })
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`FetchError::Refused`], [`FetchError::Unreachable`], [`FetchError::TimedOut`].
    pub async fn send(&self, purpose: Purpose, request: Request) -> Result<Sent, FetchError> {
        let url = self.check(purpose, &request.url).map_err(FetchError::Refused)?;
        let client = self.client(purpose, request.only_trust.as_ref())?;
        let exchange = async {
            let call = client
                .request(request.method, url)
                .headers(request.headers)
                .body(request.body);
            let response = call.send().await.map_err(failure)?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let (body, truncated) = read_some(response, request.max_bytes).await?;
            Ok(Sent {
                status,
                headers,
                body,
                truncated,
            })
        };
        tokio::time::timeout(request.total, exchange)
            .await
            .map_err(|_| FetchError::TimedOut)?
    }

    async fn get(&self, purpose: Purpose, url: Url, limits: &FetchLimits) -> Result<(HeaderMap, Bytes), FetchError> {
        let request = self
            .client(purpose, None)?
            .get(url)
            .header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(failure)?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let headers = response.headers().clone();
        if !limits.media_types.is_empty() && !limits.media_types.contains(&media_type(&headers).as_str()) {
            return Err(FetchError::MediaType(limits.media_types));
        }
        Ok((headers, read(response, limits.json.max_bytes).await?))
    }

    fn client(&self, purpose: Purpose, only_trust: Option<&Arc<str>>) -> Result<Client, FetchError> {
        let mut clients = self.inner.clients.lock();
        let key = (purpose, only_trust.cloned());
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let trust = only_trust.map(|pem| Certificate::from_pem_bundle(pem.as_bytes()));
        let trust = trust.transpose().map_err(FetchError::Trust)?;
        let client = self.build(purpose, trust).map_err(FetchError::Unreachable)?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, purpose: Purpose, only_trust: Option<Vec<Certificate>>) -> reqwest::Result<Client> {
        let resolver = PolicyResolver {
            policy: Arc::clone(&self.inner.policy),
            purpose,
            lookup: Arc::clone(&self.inner.lookup),
        };
        let builder = match only_trust {
            Some(certificates) => Client::builder().tls_certs_only(certificates),
            None => Client::builder(),
        };
        builder
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(resolver)
            .https_only(!self.inner.policy.dev)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("policy", &self.inner.policy)
            .finish_non_exhaustive()
    }
}

pub(crate) async fn read(response: Response, max_bytes: usize) -> Result<Bytes, FetchError> {
    match read_some(response, max_bytes).await? {
        (body, false) => Ok(body),
        (_, true) => Err(FetchError::TooLong(max_bytes)),
    }
}

/// At most `max_bytes` of a body, and whether there was more.
async fn read_some(mut response: Response, max_bytes: usize) -> Result<(Bytes, bool), FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        let room = max_bytes.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok((body.freeze(), true));
        }
    }
    Ok((body.freeze(), false))
}

/// Finds what the resolver said in what the client makes of it. The URL may hold a secret and goes.
pub(crate) fn failure(error: reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(refusal) = source.downcast_ref::<Refusal>() {
            return FetchError::Refused(refusal.clone());
        }
        cause = source.source();
    }
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    FetchError::Unreachable(error.without_url())
}

/// Without parameters, in small letters; empty when there is none.
fn media_type(headers: &HeaderMap) -> String {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = named.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives: Vec<_> = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|line: &HeaderValue| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    if directives
        .iter()
        .any(|directive| directive == "no-store" || directive == "no-cache")
    {
        return Some(Duration::ZERO);
    }
    directives
        .iter()
        .find_map(|directive| directive.strip_prefix("max-age="))
        .and_then(|seconds| seconds.trim_matches('"').parse().ok())
        .map(Duration::from_secs)
}
