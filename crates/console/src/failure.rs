//! What a page cannot do, as a page.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use watchfire_app::Error;

use crate::page::Notice;

/// A failure on its way to the browser.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    text: String,
    retry_after: Option<u64>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            retry_after: None,
        }
    }

    /// With the seconds after which it may be tried again.
    pub(crate) fn after(self, retry_after: Option<u64>) -> Self {
        Self { retry_after, ..self }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "There is nothing here, or it is gone."),
            Error::Forbidden { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "Your role does not allow this. Ask a super administrator.",
            ),
            Error::Unauthenticated(_) => Self::new(StatusCode::UNAUTHORIZED, "Your session has ended. Sign in again."),
            Error::RateLimited => Self {
                retry_after: Some(60),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many requests. Wait a minute and try again.",
                )
            },
            Error::Unavailable { retry_after } => Self {
                retry_after: Some(retry_after.as_secs().max(1)),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "This took too long, or the store is busy. Try again, or ask for less: a shorter time range helps.",
                )
            },
            Error::Invalid { causes, .. } => Self::new(StatusCode::BAD_REQUEST, causes.join(" ")),
            Error::Catalogued {
                status, summary, causes, ..
            } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                Self::new(status, if causes.is_empty() { summary } else { causes.join(" ") })
            }
            Error::Internal(source) => {
                tracing::error!(error = %source, "a page failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something went wrong here. The server's log says what.",
                )
            }
            _ => Self::new(StatusCode::BAD_REQUEST, "This was not understood."),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Notice::new(self.status, &self.text).into_page();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
