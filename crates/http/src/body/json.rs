//! JSON bodies.

use std::sync::Arc;

use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use watchfire_app::Error;

use super::{media_type, read};
use crate::error::OktaError;

/// A JSON body as a `T`. The content type is looked at only when there is a body (clients.md 2).
///
/// `Option<JsonBody<T>>` is `None` for an empty body.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = OktaError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OktaError> {
        let body = <Self as OptionalFromRequest<S>>::from_request(request, state).await?;
        body.ok_or(OktaError(Error::Malformed))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = OktaError;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, OktaError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(parse(&parts.headers, &bytes).map(|body| Some(Self(body)))?)
    }
}

/// A JSON body, parsed, with the text that it came as.
#[derive(Clone, Debug)]
pub struct RawJson {
    /// What it says.
    pub parsed: Value,
    /// How it came.
    pub text: Arc<str>,
}

impl<S: Send + Sync> FromRequest<S> for RawJson {
    type Rejection = OktaError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OktaError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        let parsed = parse(&parts.headers, &bytes)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| OktaError(Error::Malformed))?;
        Ok(Self {
            parsed,
            text: text.into(),
        })
    }
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Error> {
    if media_type(headers).is_some_and(|media_type| !is_json(&media_type)) {
        return Err(unsupported());
    }
    strict(bytes)
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn unsupported() -> Error {
    Error::Catalogued {
        status: 400,
        code: "E0000021",
        summary: "Bad request.  Accept and/or Content-Type headers likely do not match supported values.".to_owned(),
        causes: Vec::new(),
    }
}

/// The one place where request JSON is parsed.
fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let value = watchfire_app::json::parse(bytes)?;
    serde_json::from_value(value).map_err(|_| Error::Malformed)
}
