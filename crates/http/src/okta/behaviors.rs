//! `/api/v1/behaviors` (okta.md 10.3).

pub mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::object::Status;

use self::shape::{BehaviorBody, parse, render};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// List all behaviors
#[utoipa::path(get, path = "/api/v1/behaviors", tag = "Behavior", security(("apiToken" = []), ("oauth2" = ["okta.behaviors.read"])),
    responses((status = 200, body = Vec<BehaviorBody>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Vec<BehaviorBody>>, OktaError> {
    let behaviors = app.behaviors(&caller.principal).await?;
    let org_url = links.org_url();
    Ok(Json(behaviors.iter().map(|behavior| render(behavior, org_url)).collect()))
}

/// Create a behavior
#[utoipa::path(post, path = "/api/v1/behaviors", tag = "Behavior", request_body = BehaviorBody,
    security(("apiToken" = []), ("oauth2" = ["okta.behaviors.manage"])),
    responses((status = 200, body = BehaviorBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<BehaviorBody>, OktaError> {
    let behavior = app.create_behavior(&caller.principal, caller.origin, parse(&body)?).await?;
    Ok(Json(render(&behavior, links.org_url())))
}

/// Retrieve a behavior
#[utoipa::path(get, path = "/api/v1/behaviors/{behaviorId}", tag = "Behavior", params(("behaviorId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.behaviors.read"])),
    responses((status = 200, body = BehaviorBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<BehaviorBody>, OktaError> {
    let behavior = app.behavior(&caller.principal, &id).await?;
    Ok(Json(render(&behavior, links.org_url())))
}

/// Replace a behavior
#[utoipa::path(put, path = "/api/v1/behaviors/{behaviorId}", tag = "Behavior", params(("behaviorId" = String, Path)),
    request_body = BehaviorBody, security(("apiToken" = []), ("oauth2" = ["okta.behaviors.manage"])),
    responses((status = 200, body = BehaviorBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<BehaviorBody>, OktaError> {
    let behavior = app
        .replace_behavior(&caller.principal, caller.origin, &id, parse(&body)?)
        .await?;
    Ok(Json(render(&behavior, links.org_url())))
}

/// Delete a behavior
#[utoipa::path(delete, path = "/api/v1/behaviors/{behaviorId}", tag = "Behavior", params(("behaviorId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.behaviors.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_behavior(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a behavior
#[utoipa::path(post, path = "/api/v1/behaviors/{behaviorId}/lifecycle/activate", tag = "Behavior", params(("behaviorId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.behaviors.manage"])),
    responses((status = 200, body = BehaviorBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<BehaviorBody>, OktaError> {
    let status = Status::Active;
    let behavior = app.set_behavior_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(Json(render(&behavior, links.org_url())))
}

/// Deactivate a behavior
#[utoipa::path(post, path = "/api/v1/behaviors/{behaviorId}/lifecycle/deactivate", tag = "Behavior", params(("behaviorId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.behaviors.manage"])),
    responses((status = 200, body = BehaviorBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<BehaviorBody>, OktaError> {
    let status = Status::Inactive;
    let behavior = app.set_behavior_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(Json(render(&behavior, links.org_url())))
}
