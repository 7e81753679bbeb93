//! The error body of a receiver of Security Event Tokens (RFC 8935 section 2.3, okta.md 6.5).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    Error,
    error::{ErrorCode, SetError},
};

use super::{Answer, ErrorContext, status};

/// How long a sender that is sent away waits.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a sender is told. Nothing of its token is in it but names of members (PUSH-11).
#[derive(Debug, Serialize, ToSchema)]
pub struct SetErrorBody {
    /// A code of RFC 8935 or of SSF.
    pub err: String,
    /// One sentence for people.
    pub description: String,
}

/// Renders `error` for a path that takes tokens.
pub(super) fn render(error: &Error, context: &ErrorContext<'_>) -> Response {
    let told = |refused: &SetError| answer(400, refused.code.as_str(), &refused.description);
    let refused = match error {
        Error::Set(refused) => told(refused),
        Error::Malformed => told(&SetError::unreadable()),
        Error::Invalid { field, causes } => answer(400, ErrorCode::InvalidRequest.as_str(), causes.first().unwrap_or(field)),
        Error::Unauthenticated(_) | Error::AuthenticationFailed => {
            // AMB-24: the credential of the request, not the signature of the token.
            let refused = answer(401, ErrorCode::AuthenticationFailed.as_str(), "The credential is wrong");
            refused.with(header::WWW_AUTHENTICATE, "Bearer")
        }
        Error::Forbidden { .. } => answer(403, ErrorCode::AccessDenied.as_str(), "Not allowed"),
        Error::NotFound { .. } => answer(404, ErrorCode::InvalidRequest.as_str(), "Nothing takes tokens here"),
        Error::Catalogued {
            status, summary, causes, ..
        } => answer(*status, ErrorCode::InvalidRequest.as_str(), causes.first().unwrap_or(summary)),
        Error::OAuth { status, description, .. } => answer(*status, ErrorCode::InvalidRequest.as_str(), description),
        Error::RateLimited => answer(429, "rate_limited", "Too many tokens in too short a time").retry_after(RETRY_AFTER),
        Error::Unavailable { retry_after } => {
            answer(503, "temporarily_unavailable", "Nothing was stored; send it again").retry_after(*retry_after)
        }
        Error::Internal(_) => answer(
            500,
            "server_error",
            &format!("Nothing is known to be stored; send it again ({})", context.error_id),
        ),
    };
    refused.with(header::CONTENT_LANGUAGE, "en").into_response()
}

fn answer(number: u16, err: &str, description: &str) -> Answer {
    let body = SetErrorBody {
        err: err.to_owned(),
        description: description.to_owned(),
    };
    Answer::new(status(number), serde_json::json!(body))
}
