//! OAuth's error body (RFC 6749 section 5.2, okta.md 1.3.4).

use axum::response::{IntoResponse, Response};
use http::{HeaderName, header};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::Error;

use super::{Answer, ErrorContext, okta, status};

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const CLIENT_REFUSED: &str = "Client authentication failed. Either the client or the client credentials are invalid.";

/// The error body of the authorization server.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// A code of RFC 6749, RFC 7591 or RFC 9449.
    pub error: String,
    /// One sentence for people.
    pub error_description: String,
}

/// Renders `error` for a path of the authorization server.
pub(super) fn render(error: &Error, context: &ErrorContext<'_>) -> Response {
    let refused = match error {
        Error::OAuth {
            status,
            error,
            description,
            dpop_nonce,
        } => {
            let refused = answer(*status, error, description);
            match dpop_nonce {
                Some(nonce) => refused.with(DPOP_NONCE, nonce),
                None => refused,
            }
        }
        Error::Invalid { field, causes } => {
            let description = causes.first().unwrap_or(field);
            answer(400, "invalid_request", description)
        }
        Error::Set(refused) => answer(400, "invalid_request", &refused.description),
        Error::Malformed => answer(400, "invalid_request", "The request body was not well-formed."),
        Error::Unauthenticated(_) | Error::AuthenticationFailed => answer(401, "invalid_client", CLIENT_REFUSED),
        Error::Forbidden { .. } => answer(
            403,
            "access_denied",
            "You do not have permission to perform the requested action",
        ),
        Error::Unavailable { retry_after } => {
            answer(503, "temporarily_unavailable", "Service unavailable").retry_after(*retry_after)
        }
        Error::Internal(_) => {
            let description = format!("Internal Server Error ({})", context.error_id);
            answer(500, "server_error", &description)
        }
        // Okta's own words for these are the same everywhere (okta.md 1.3.4).
        Error::RateLimited => okta::rate_limited(context),
        Error::NotFound { id, kind } => {
            let summary = format!("Not found: Resource not found: {id} ({kind})");
            okta::answer(404, "E0000007", &summary, &[], context)
        }
        Error::Catalogued {
            status,
            code,
            summary,
            causes,
        } => okta::answer(*status, code, summary, causes, context),
    };
    refused
        .with(header::CACHE_CONTROL, "no-cache, no-store")
        .with(header::PRAGMA, "no-cache")
        .into_response()
}

fn answer(number: u16, error: &str, description: &str) -> Answer {
    let body = ErrorBody {
        error: error.to_owned(),
        error_description: description.to_owned(),
    };
    Answer::new(status(number), serde_json::json!(body))
}
