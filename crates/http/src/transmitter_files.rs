//! The two documents by which a receiver finds a vendor and its keys, served as ssf.md 5.1 (META-01 to
//! META-03) and JWT-07 want them. `watchfire transmitter serve` is a vendor; the server itself is not one.

use std::{io, path::PathBuf, sync::Arc};

use axum::{Json, Router, extract::State, response::IntoResponse, routing::get};
use http::header;
use serde_json::Value;
use watchfire_app::Error;

use crate::error::OktaError;

/// How long the documents may be kept: no longer than an hour (JWT-07), so that a rotated key is seen.
const CACHE_CONTROL: &str = "public, max-age=300";

/// What a vendor publishes.
#[derive(Clone, Debug)]
pub struct TransmitterFiles {
    /// The metadata.
    pub metadata: Value,
    /// Path of `issuer`, without a slash at its end: the metadata is served below it in both forms.
    pub issuer_path: String,
    /// The file with the key set. It is read for each request: a rotation needs no restart.
    pub key_set: PathBuf,
}

/// Where the metadata of an issuer without a path is.
pub const WELL_KNOWN: &str = "/.well-known/ssf-configuration";
/// Where the keys are.
pub const KEY_SET: &str = "/jwks.json";

impl TransmitterFiles {
    /// Serves them.
    pub fn router(self) -> Router {
        let mut paths = vec![WELL_KNOWN.to_owned()];
        // In a route these would stand for something else.
        if !self.issuer_path.is_empty() && !self.issuer_path.contains(['{', '}', ':', '*']) {
            let issuer = &self.issuer_path;
            paths.extend([format!("{WELL_KNOWN}{issuer}"), format!("{issuer}{WELL_KNOWN}")]);
            paths.dedup();
        }
        let router = Router::new().route(KEY_SET, get(key_set)).route("/jwks", get(key_set));
        let router = paths.iter().fold(router, |router, path| router.route(path, get(metadata)));
        router.with_state(Arc::new(self))
    }
}

async fn metadata(State(files): State<Arc<TransmitterFiles>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, CACHE_CONTROL)], Json(files.metadata.clone()))
}

async fn key_set(State(files): State<Arc<TransmitterFiles>>) -> Result<impl IntoResponse, OktaError> {
    let text = tokio::fs::read(&files.key_set).await.map_err(unreadable)?;
    let keys: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
    Ok(([(header::CACHE_CONTROL, CACHE_CONTROL)], Json(keys)))
}

fn unreadable(error: io::Error) -> OktaError {
    OktaError(Error::internal(error))
}
