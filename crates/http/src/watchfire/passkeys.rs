//! `/watchfire/v1/administrators/{userId}/passkeys`: what administrators sign in with beside a code.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::{object::Passkey, time::Timestamp};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(remove))
}

/// A passkey. It is made in the Admin Console, by the browser of its owner.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyObject {
    /// Its id.
    id: String,
    /// What its owner calls it.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Timestamp>,
}

impl From<Passkey> for PasskeyObject {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.into(),
            name: passkey.name,
            created: passkey.created,
            last_used: passkey.last_used,
        }
    }
}

/// List an administrator's passkeys
#[utoipa::path(get, path = "/watchfire/v1/administrators/{userId}/passkeys", tag = "Watchfire",
    params(("userId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.roles.read"])),
    responses((status = 200, body = Vec<PasskeyObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Vec<PasskeyObject>>, OktaError> {
    let passkeys = app.passkeys(&caller.principal, &id)?;
    Ok(Json(passkeys.into_iter().map(PasskeyObject::from).collect()))
}

/// Take a passkey away; another's, as a super administrator
#[utoipa::path(delete, path = "/watchfire/v1/administrators/{userId}/passkeys/{id}", tag = "Watchfire",
    params(("userId" = String, Path), ("id" = String, Path)), security(("apiToken" = [])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((user_id, id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    app.remove_passkey(&caller.principal, caller.origin, &user_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
