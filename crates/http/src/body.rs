//! Request bodies: read under limits, parsed strictly.

mod budget;
mod form;
mod json;
mod limited;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use watchfire_app::Error;

pub(crate) use budget::BodyBudget;
pub use form::FormOrQuery;
pub use json::{JsonBody, RawJson};
pub(crate) use limited::LimitedBody;

/// Reads a whole body, whatever its type, within the limits that [`crate::Site`] put around it.
///
/// # Errors
/// 413 when it is too long, 408 when it takes too long, [`Error::Malformed`] when it breaks off.
pub async fn read(body: axum::body::Body) -> Result<Bytes, Error> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(limited::refusal(&error)),
    }
}

pub(crate) use limited::too_long;

/// The media type of a request, lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase()).filter(|essence| !essence.is_empty())
}

#[cfg(test)]
mod tests;
