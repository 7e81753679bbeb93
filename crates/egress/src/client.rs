//! Requests under the policy.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, error::Error as StdError, fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use url::Url;
use watchfire_crypto::strict_json;

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
}

/// A JSON document from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The document.
    pub value: Value,
    /// `max-age` of its `Cache-Control`; zero where it must not be cached.
    pub max_age: Option<Duration>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The policy does not allow this destination; nothing was sent.
    #[error("the destination is not allowed")]
    Refused(#[source] Refusal),
    /// No connection, no TLS, or one that broke off.
    #[error("the destination could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It took too long.
    #[error("the destination did not answer in time")]
    TimedOut,
    /// Anything but 200; redirects are not followed (JWT-15).
    #[error("the destination answered with status {0}")]
    Status(u16),
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
    // One a purpose, because the resolver has to know what it resolves for; made when first used.
    clients: Mutex<HashMap<Purpose, Client>>,
}

impl FetchLimits {
    /// A JWK set or the metadata that names it (JWT-08, JWT-15).
    pub const JWKS: Self = Self {
        total: Duration::from_secs(20),
        json: strict_json::Limits::JWKS,
    };
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
        let fetch = self.get(purpose, url, limits.json.max_bytes);
        let (headers, body) = tokio::time::timeout(limits.total, fetch)
            .await
            .map_err(|_| FetchError::TimedOut)??;
        Ok(Fetched {
            value: strict_json::parse(&body, &limits.json).map_err(FetchError::NotJson)?,
            max_age: max_age(&headers),
        })
    }

    async fn get(&self, purpose: Purpose, url: Url, max_bytes: usize) -> Result<(HeaderMap, Bytes), FetchError> {
        let request = self.client(purpose)?.get(url).header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(failure)?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let headers = response.headers().clone();
        Ok((headers, read(response, max_bytes).await?))
    }

    fn client(&self, purpose: Purpose) -> Result<Client, FetchError> {
        let mut clients = self.inner.clients.lock();
        if let Some(client) = clients.get(&purpose) {
            return Ok(client.clone());
        }
        let client = self.build(purpose).map_err(FetchError::Unreachable)?;
        clients.insert(purpose, client.clone());
        Ok(client)
    }

    fn build(&self, purpose: Purpose) -> reqwest::Result<Client> {
        let resolver = PolicyResolver {
            policy: Arc::clone(&self.inner.policy),
            purpose,
            lookup: Arc::clone(&self.inner.lookup),
        };
        Client::builder()
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

pub(crate) async fn read(mut response: Response, max_bytes: usize) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(FetchError::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
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
