//! Calls of a transmitter's stream API and poll endpoint.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::Value;
use watchfire_crypto::strict_json;
use watchfire_egress::{FetchError, Purpose, client::Request};
use watchfire_model::object::StreamIn;
use watchfire_ssf::stream::{Operation, Reaction, poll::MAX_RESPONSE_BYTES, reaction};

use super::authorization::TokenError;
use crate::{App, Error};

/// Bytes of an answer to anything but a poll.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Characters of what a transmitter says of a failure.
const MAX_REASON_CHARS: usize = 200;

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    operation: Operation,
    method: Method,
    url: String,
    body: Option<Value>,
    total: Option<Duration>,
}

impl Call {
    pub(super) fn new(operation: Operation, method: Method, url: impl Into<String>) -> Self {
        Self {
            operation,
            method,
            url: url.into(),
            body: None,
            total: None,
        }
    }

    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// From the first packet to the last byte.
    pub(super) const fn within(mut self, total: Duration) -> Self {
        self.total = Some(total);
        self
    }
}

/// An answer that says yes.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// `Done` or `ReadAgain`.
    pub(super) reaction: Reaction,
    /// The body as it came.
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        let limits = strict_json::Limits {
            max_bytes: MAX_ANSWER_BYTES,
            ..strict_json::Limits::BODY
        };
        strict_json::parse(&self.body, &limits).unwrap_or_default()
    }
}

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The metadata does not say where.
    #[error("the transmitter's metadata has no {0}")]
    NoEndpoint(&'static str),
    /// There is no token.
    #[error("could not {}: {source}", operation.describe())]
    Token {
        operation: Operation,
        #[source]
        source: TokenError,
    },
    /// There is no answer.
    #[error("could not {}: {source}", operation.describe())]
    NoAnswer {
        operation: Operation,
        #[source]
        source: FetchError,
    },
    /// The transmitter said no.
    #[error("could not {}: the transmitter answered with status {status}{}", operation.describe(), reason.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Answered {
        operation: Operation,
        status: u16,
        reaction: Reaction,
        reason: Option<String>,
        retry_after: Option<Duration>,
    },
    /// It said something that cannot be used.
    #[error("could not {}: {fault}", operation.describe())]
    Unusable { operation: Operation, fault: String },
    /// Our own store did not take it.
    #[error("could not be written down")]
    Store(#[source] Box<Error>),
}

impl CallError {
    /// What the answer meant, if there was one.
    pub(super) const fn reaction(&self) -> Option<Reaction> {
        match self {
            Self::Answered { reaction, .. } => Some(*reaction),
            _ => None,
        }
    }

    /// Whether it is of no use to try again before something has changed.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::NoEndpoint(_) => true,
            Self::Token { source, .. } => source.is_final(),
            Self::NoAnswer { source, .. } => matches!(source, FetchError::Refused(_)),
            Self::Answered { reaction, .. } => !matches!(reaction, Reaction::Later | Reaction::ReadAgain),
            Self::Unusable { .. } => true,
            Self::Store(_) => false,
        }
    }

    /// How long the transmitter wants us to wait.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Store(Box::new(error))
    }
}

/// What an administrator is told.
impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Store(error) => *error,
            CallError::Answered {
                reaction: Reaction::Later,
                status: 429,
                ..
            } => Self::RateLimited,
            // Nothing is wrong with the request, and trying again may help.
            other if !other.is_final() => Self::Catalogued {
                status: 502,
                code: "E0000009",
                summary: other.to_string(),
                causes: Vec::new(),
            },
            other => Self::Invalid {
                field: "transmitter".to_owned(),
                causes: vec![format!("transmitter: {other}")],
            },
        }
    }
}

/// The address of an endpoint, as the metadata has it.
pub(super) fn endpoint(stream: &StreamIn, name: &'static str) -> Result<String, CallError> {
    let url = stream.metadata.get(name).and_then(Value::as_str);
    url.map(str::to_owned).ok_or(CallError::NoEndpoint(name))
}

/// The same, for one stream.
pub(super) fn endpoint_of(stream: &StreamIn, name: &'static str, remote_id: &str) -> Result<String, CallError> {
    let mut url = url::Url::parse(&endpoint(stream, name)?).map_err(|_| CallError::NoEndpoint(name))?;
    url.query_pairs_mut().append_pair("stream_id", remote_id);
    Ok(url.into())
}

impl App {
    /// Calls a transmitter; with a fresh token once more, when the one that we had is refused (POLL-15).
    pub(super) async fn call_transmitter(&self, stream: &StreamIn, call: Call) -> Result<Reply, CallError> {
        let operation = call.operation;
        let renewable = !matches!(
            stream.authorization,
            watchfire_model::object::StreamAuthorization::Bearer { .. }
        );
        let mut fresh = false;
        loop {
            let token = self.authorization_of(stream, fresh).await;
            let token = token.map_err(|source| CallError::Token { operation, source })?;
            let request = self.request(&call, token);
            let sent = self.egress.send(Purpose::Streams, request).await;
            let sent = sent.map_err(|source| CallError::NoAnswer { operation, source })?;
            let reaction = reaction(operation, sent.status);
            if reaction == Reaction::Authorise && renewable && !fresh {
                fresh = true;
                continue;
            }
            if !matches!(reaction, Reaction::Done | Reaction::ReadAgain) {
                return Err(CallError::Answered {
                    operation,
                    status: sent.status,
                    reaction,
                    reason: reason(&sent.body),
                    retry_after: sent.retry_after(self.clock.now()),
                });
            }
            if sent.truncated {
                let fault = "the answer is too long".to_owned();
                return Err(CallError::Unusable { operation, fault });
            }
            return Ok(Reply {
                reaction,
                body: sent.body,
            });
        }
    }

    fn request(&self, call: &Call, token: HeaderValue) -> Request {
        let mut request = Request::new(call.method.clone(), call.url.clone());
        request.total = call.total.unwrap_or(self.settings.streams.call);
        request.max_bytes = if call.operation == Operation::Poll {
            MAX_RESPONSE_BYTES
        } else {
            MAX_ANSWER_BYTES
        };
        let headers = &mut request.headers;
        headers.insert(header::AUTHORIZATION, token);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = &call.body {
            // STRM-18
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = Bytes::from(body.to_string());
        }
        request
    }
}

/// What the transmitter says was wrong: for people, and not for long.
fn reason(body: &[u8]) -> Option<String> {
    let body = strict_json::parse(body, &strict_json::Limits::JWT).ok()?;
    let names = ["description", "error_description", "err", "error", "message"];
    let text = names.iter().find_map(|name| body.get(name).and_then(Value::as_str))?;
    let printable = text.chars().filter(|c| !c.is_control());
    Some(printable.take(MAX_REASON_CHARS).collect())
}
