//! `/watchfire/v1/signing-keys`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::App;
use watchfire_model::{
    object::{KeyState, SigningKey},
    time::Timestamp,
};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// A key that signs access tokens, without its private part.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningKeyObject {
    /// Its RFC 7638 thumbprint.
    kid: String,
    /// `NEXT`, `ACTIVE` or `RETIRED`.
    #[schema(value_type = String)]
    status: KeyState,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When a retired key stops being published: its last token has expired then.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<SigningKey> for SigningKeyObject {
    fn from(key: SigningKey) -> Self {
        Self {
            kid: key.kid,
            status: key.state,
            created: key.created,
            expires_at: key.retire_at,
        }
    }
}

/// Rotate the keys that sign access tokens
#[utoipa::path(post, path = "/watchfire/v1/signing-keys/rotate", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = Vec<SigningKeyObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn rotate(State(app): State<App>, caller: Caller) -> Result<Json<Vec<SigningKeyObject>>, OktaError> {
    let keys = app.rotate_signing_keys(&caller.principal, caller.origin).await?;
    Ok(Json(keys.into_iter().map(SigningKeyObject::from).collect()))
}
