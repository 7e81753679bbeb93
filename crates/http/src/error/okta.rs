//! Okta's error object and the headers that go with it (okta.md 1.1, 11.6).

use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{Challenge, Error};

use super::{Answer, ErrorContext, oauth, status};

/// The error object of the management API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorObject {
    /// `E…`: what programs look at.
    pub error_code: String,
    /// One sentence for people.
    pub error_summary: String,
    /// The code again.
    pub error_link: String,
    /// `oae…`: names this one failure in the log.
    pub error_id: String,
    /// One entry a fault; always a list.
    pub error_causes: Vec<ErrorCause>,
}

/// One fault of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorCause {
    /// `<field>: <message>`
    pub error_summary: String,
}

/// Renders `error` for a management path.
pub(super) fn render(error: &Error, context: &ErrorContext<'_>) -> Response {
    match error {
        Error::Invalid { field, causes } => {
            let summary = format!("Api validation failed: {field}");
            answer(400, "E0000001", &summary, causes, context).into_response()
        }
        Error::Malformed => answer(400, "E0000003", "The request body was not well-formed.", &[], context).into_response(),
        Error::NotFound { id, kind } => {
            let summary = format!("Not found: Resource not found: {id} ({kind})");
            answer(404, "E0000007", &summary, &[], context).into_response()
        }
        Error::Unauthenticated(challenge) => unauthenticated(*challenge, context),
        Error::Forbidden { needed_scope } => forbidden(*needed_scope, context),
        Error::AuthenticationFailed => answer(401, "E0000004", "Authentication failed", &[], context).into_response(),
        Error::RateLimited => rate_limited(context).into_response(),
        Error::Catalogued {
            status,
            code,
            summary,
            causes,
        } => answer(*status, code, summary, causes, context).into_response(),
        Error::Set(refused) => {
            let causes = [refused.description.to_string()];
            answer(400, "E0000001", "Api validation failed: securityEventToken", &causes, context).into_response()
        }
        // Registration's faults are OAuth's even among Okta's (okta.md 1.2.2).
        Error::OAuth { .. } => oauth::render(error, context),
        Error::Unavailable { retry_after } => answer(503, "E0000009", "Service unavailable", &[], context)
            .retry_after(*retry_after)
            .into_response(),
        Error::Internal(_) => answer(500, "E0000009", "Internal Server Error", &[], context).into_response(),
    }
}

pub(super) fn rate_limited(context: &ErrorContext<'_>) -> Answer {
    let summary = "API call exceeded rate limit due to too many requests.";
    answer(429, "E0000047", summary, &[], context)
}

pub(super) fn answer(number: u16, code: &str, summary: &str, causes: &[String], context: &ErrorContext<'_>) -> Answer {
    let object = ErrorObject {
        error_code: code.to_owned(),
        error_summary: summary.to_owned(),
        error_link: code.to_owned(),
        error_id: context.error_id.to_owned(),
        error_causes: causes
            .iter()
            .map(|cause| ErrorCause {
                error_summary: cause.clone(),
            })
            .collect(),
    };
    Answer::new(status(number), serde_json::json!(object))
}

fn unauthenticated(challenge: Challenge, context: &ErrorContext<'_>) -> Response {
    let (scheme, error, description) = match challenge {
        Challenge::Missing => ("Bearer", "invalid_request", "The access token is missing."),
        Challenge::InvalidToken(text) => ("Bearer", "invalid_token", text),
        Challenge::DpopRequired(text) => ("DPoP", "invalid_request", text),
        Challenge::InvalidProof(text) => ("DPoP", "invalid_dpop_proof", text),
    };
    let header = Authenticate {
        scheme,
        scope: None,
        error,
        description,
    };
    let refused = match challenge {
        // A resource that misses the proof, or gets a bad one, answers 400 (okta.md 1.5).
        Challenge::DpopRequired(text) | Challenge::InvalidProof(text) => answer(400, error, text, &[], context),
        Challenge::Missing | Challenge::InvalidToken(_) => answer(401, "E0000011", "Invalid token provided", &[], context),
    };
    header.put(refused, context).into_response()
}

fn forbidden(needed_scope: Option<&'static str>, context: &ErrorContext<'_>) -> Response {
    let summary = "You do not have permission to perform the requested action";
    let refused = answer(StatusCode::FORBIDDEN.as_u16(), "E0000006", summary, &[], context);
    let Some(scope) = needed_scope else {
        return refused.into_response();
    };
    let header = Authenticate {
        scheme: "Bearer",
        scope: Some(scope),
        error: "insufficient_scope",
        description: "The access token provided does not contain the required scopes.",
    };
    header.put(refused, context).into_response()
}

/// `WWW-Authenticate`, as the Go client reads it (okta.md 1.1).
struct Authenticate {
    scheme: &'static str,
    scope: Option<&'static str>,
    error: &'static str,
    description: &'static str,
}

impl Authenticate {
    const NAME: HeaderName = header::WWW_AUTHENTICATE;

    fn put(&self, answer: Answer, context: &ErrorContext<'_>) -> Answer {
        let org = context.org_url;
        let scope = self.scope.map(|scope| format!(r#"scope="{scope}", "#)).unwrap_or_default();
        let value = format!(
            r#"{} authorization_uri="{org}/oauth2/v1/authorize", realm="{org}", {scope}error="{}", error_description="{}", resource="{}""#,
            self.scheme,
            self.error,
            self.description,
            quotable(context.path),
        );
        answer.with(Self::NAME, &value)
    }
}

/// A path inside a quoted-string: what would end the string is left out.
fn quotable(path: &str) -> String {
    path.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
        .collect()
}
