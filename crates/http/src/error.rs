//! Use-case errors as bytes: one mapper per surface.
//!
//! A handler's error travels as a response extension. [`crate::Site`] renders it, because only there are
//! the request's id and path known, and logs internal ones, once, under the id that the client sees.

pub mod oauth;
pub mod okta;
pub mod set;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use watchfire_app::Error;

/// A failure on a surface that answers with Okta's error object (okta.md 11.6).
#[derive(Debug)]
pub struct OktaError(pub Error);

/// A failure on a surface that answers as RFC 6749 section 5.2 does (okta.md 1.3.4).
#[derive(Debug)]
pub struct OAuthError(pub Error);

/// A failure on a surface that takes Security Event Tokens (RFC 8935 section 2.3).
#[derive(Debug)]
pub struct SetFailure(pub Error);

/// Which shape a failure takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `errorCode`, `errorSummary`, …
    Okta,
    /// `error`, `error_description`.
    OAuth,
    /// `err`, `description`.
    Set,
}

/// What the mappers need to know beside the error itself.
#[derive(Clone, Copy, Debug)]
pub struct ErrorContext<'a> {
    /// The org URL, without a slash at its end.
    pub org_url: &'a str,
    /// The path of the request.
    pub path: &'a str,
    /// `oae…`: what the client sees and the log has.
    pub error_id: &'a str,
}

/// A failure on its way to [`crate::Site`], which turns it into bytes.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) surface: Surface,
    pub(crate) error: Arc<Error>,
}

impl Surface {
    /// The shape of failures that happen before a handler is reached.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/security/") || path.starts_with("/ssf/v1/streams-in/") {
            return Self::Set;
        }
        let registration = path.starts_with("/oauth2/v1/clients");
        if path.starts_with("/oauth2/") && !registration {
            Self::OAuth
        } else {
            Self::Okta
        }
    }

    /// The whole answer to `error`: never empty, and `application/json` to the letter.
    pub fn render(self, error: &Error, context: &ErrorContext<'_>) -> Response {
        match self {
            Self::Okta => okta::render(error, context),
            Self::OAuth => oauth::render(error, context),
            Self::Set => set::render(error, context),
        }
    }
}

impl Failed {
    pub(crate) fn response(surface: Surface, error: Error) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Self {
            surface,
            error: Arc::new(error),
        });
        response
    }
}

impl From<Error> for OktaError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Error> for SetFailure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for SetFailure {
    fn into_response(self) -> Response {
        Failed::response(Surface::Set, self.0)
    }
}

impl IntoResponse for OktaError {
    fn into_response(self) -> Response {
        Failed::response(Surface::Okta, self.0)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        Failed::response(Surface::OAuth, self.0)
    }
}

/// The parts of an answer before they are one.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: serde_json::Value,
}

impl Answer {
    fn new(status: StatusCode, body: serde_json::Value) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
        }
    }

    fn with(mut self, name: http::HeaderName, value: &str) -> Self {
        // A value that no header can hold would only be ours to blame; the body still says it all.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    fn retry_after(self, wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        self.with(header::RETRY_AFTER, &seconds.to_string())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body.to_string()).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A status from a number that a use case gave; nonsense is our fault.
fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests;
