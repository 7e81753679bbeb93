//! `/api/v1/apps/{appId}/credentials/jwks` (okta.md 2.1).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, identity::apps::KeyChange};
use watchfire_model::object::Status;

use super::shape::key;
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, remove))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// List all JSON Web Keys of an app
#[utoipa::path(get, path = "/api/v1/apps/{appId}/credentials/jwks", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.read"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Vec<Value>>, OktaError> {
    let keys = app.app_keys(&caller.principal, &id)?;
    Ok(Json(keys.iter().map(key).collect()))
}

/// Add a JSON Web Key
#[utoipa::path(post, path = "/api/v1/apps/{appId}/credentials/jwks", tag = "Application", params(("appId" = String, Path)),
    request_body = Object, security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 201, body = Object), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(jwk): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), OktaError> {
    let change = KeyChange::Add(jwk);
    let added = app.change_app_keys(&caller.principal, caller.origin, &id, change).await?;
    Ok((StatusCode::CREATED, Json(key(&added))))
}

/// Retrieve a JSON Web Key
#[utoipa::path(get, path = "/api/v1/apps/{appId}/credentials/jwks/{keyId}", tag = "Application",
    params(("appId" = String, Path), ("keyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.read"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Json<Value>, OktaError> {
    Ok(Json(key(&app.app_key(&caller.principal, &id, &key_id)?)))
}

/// Delete a JSON Web Key
#[utoipa::path(delete, path = "/api/v1/apps/{appId}/credentials/jwks/{keyId}", tag = "Application",
    params(("appId" = String, Path), ("keyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    let change = KeyChange::Remove(key_id);
    app.change_app_keys(&caller.principal, caller.origin, &id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a JSON Web Key
#[utoipa::path(post, path = "/api/v1/apps/{appId}/credentials/jwks/{keyId}/lifecycle/activate", tag = "Application",
    params(("appId" = String, Path), ("keyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Json<Value>, OktaError> {
    let change = KeyChange::SetStatus(key_id, Status::Active);
    let changed = app.change_app_keys(&caller.principal, caller.origin, &id, change).await?;
    Ok(Json(key(&changed)))
}

/// Deactivate a JSON Web Key
#[utoipa::path(post, path = "/api/v1/apps/{appId}/credentials/jwks/{keyId}/lifecycle/deactivate", tag = "Application",
    params(("appId" = String, Path), ("keyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Json<Value>, OktaError> {
    let change = KeyChange::SetStatus(key_id, Status::Inactive);
    let changed = app.change_app_keys(&caller.principal, caller.origin, &id, change).await?;
    Ok(Json(key(&changed)))
}
