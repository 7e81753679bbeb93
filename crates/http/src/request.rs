//! Who asks, from where, and under which request id.

mod client_address;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
};

use axum::extract::{FromRequestParts, MatchedPath};
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use watchfire_app::{Error, entropy};
use watchfire_model::time::Timestamp;

use crate::{edge::Edge, error::OktaError, rate::RateReport};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-okta-request-id");

/// Longer user agents are cut: they are kept with every log event.
const MAX_USER_AGENT: usize = 512;

/// The TCP peer of a connection; the listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// `req…`: what `X-Okta-Request-Id` and the log event's `requestId` say (okta.md 11.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// What a use case may want to know about the request itself.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's id.
    pub request_id: RequestId,
    /// When the request arrived.
    pub received_at: Timestamp,
    /// The client: the first hop from the right that is no trusted proxy (okta.md 11.3).
    pub client_ip: IpAddr,
    /// The client first, then the proxies that it came through.
    pub ip_chain: Vec<IpAddr>,
    /// `User-Agent`, cut to 512 characters.
    pub user_agent: Option<String>,
    /// The method.
    pub method: Method,
    /// The path, with doubled slashes and the one at its end removed.
    pub path: String,
}

/// What [`crate::Site`] hands to the extractors of one request.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) edge: Arc<Edge>,
    pub(crate) context: Arc<RequestContext>,
    pub(crate) rate: RateReport,
    /// The pattern that the path matched, once the router has looked.
    pub(crate) route: Arc<OnceLock<MatchedPath>>,
}

impl RequestId {
    pub(crate) fn generate(edge: &Edge) -> Self {
        Self(format!("req{}", entropy::url_safe(edge.entropy.as_ref(), 19)).into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RequestContext {
    /// Reads what `parts` say, for a path that has been normalised already.
    pub(crate) fn new(edge: &Edge, parts: &Parts) -> Self {
        // Only a router that is called without a socket has no peer.
        let peer = parts.extensions.get::<Peer>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        let ip_chain = client_address::chain(peer, &parts.headers, &edge.trusted_proxies);
        Self {
            request_id: RequestId::generate(edge),
            received_at: edge.clock.now(),
            client_ip: ip_chain.first().copied().unwrap_or(peer),
            ip_chain,
            user_agent: user_agent(&parts.headers),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OktaError> {
        shared(parts).map(|shared| shared.context.as_ref().clone())
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OktaError> {
        shared(parts).map(|shared| shared.context.request_id.clone())
    }
}

pub(crate) fn shared(parts: &Parts) -> Result<&Shared, OktaError> {
    parts
        .extensions
        .get()
        .ok_or_else(|| OktaError(Error::internal("no site around this router")))
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::USER_AGENT)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    Some(text.chars().take(MAX_USER_AGENT).collect())
}
