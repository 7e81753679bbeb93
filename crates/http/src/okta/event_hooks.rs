//! `/api/v1/eventHooks` (okta.md 10.4).

mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::object::Status;

use self::shape::{EventHookBody, EventHookObject, parse, render};
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
        .routes(routes!(verify))
}

/// List all event hooks
#[utoipa::path(get, path = "/api/v1/eventHooks", tag = "EventHook", security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.read"])),
    responses((status = 200, body = Vec<EventHookObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Vec<EventHookObject>>, OktaError> {
    let hooks = app.event_hooks(&caller.principal)?;
    Ok(Json(hooks.into_iter().map(|hook| render(hook, &links)).collect()))
}

/// Create an event hook
#[utoipa::path(post, path = "/api/v1/eventHooks", tag = "EventHook", request_body = EventHookBody,
    security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 200, body = EventHookObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<EventHookObject>, OktaError> {
    let mut request = parse(&body)?;
    // A new hook is active, whatever a client sends back of another one.
    request.status = None;
    let hook = app.create_event_hook(&caller.principal, caller.origin, request).await?;
    Ok(Json(render(hook, &links)))
}

/// Retrieve an event hook
#[utoipa::path(get, path = "/api/v1/eventHooks/{eventHookId}", tag = "EventHook", params(("eventHookId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.read"])),
    responses((status = 200, body = EventHookObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<EventHookObject>, OktaError> {
    Ok(Json(render(app.event_hook(&caller.principal, &id)?, &links)))
}

/// Replace an event hook
#[utoipa::path(put, path = "/api/v1/eventHooks/{eventHookId}", tag = "EventHook", params(("eventHookId" = String, Path)),
    request_body = EventHookBody, security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 200, body = EventHookObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<EventHookObject>, OktaError> {
    let hook = app
        .replace_event_hook(&caller.principal, caller.origin, &id, parse(&body)?)
        .await?;
    Ok(Json(render(hook, &links)))
}

/// Delete an event hook
#[utoipa::path(delete, path = "/api/v1/eventHooks/{eventHookId}", tag = "EventHook", params(("eventHookId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_event_hook(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate an event hook
#[utoipa::path(post, path = "/api/v1/eventHooks/{eventHookId}/lifecycle/activate", tag = "EventHook",
    params(("eventHookId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 200, body = EventHookObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<EventHookObject>, OktaError> {
    let hook = app
        .set_event_hook_status(&caller.principal, caller.origin, &id, Status::Active)
        .await?;
    Ok(Json(render(hook, &links)))
}

/// Deactivate an event hook
#[utoipa::path(post, path = "/api/v1/eventHooks/{eventHookId}/lifecycle/deactivate", tag = "EventHook",
    params(("eventHookId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 200, body = EventHookObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<EventHookObject>, OktaError> {
    let hook = app
        .set_event_hook_status(&caller.principal, caller.origin, &id, Status::Inactive)
        .await?;
    Ok(Json(render(hook, &links)))
}

/// Verify an event hook
#[utoipa::path(post, path = "/api/v1/eventHooks/{eventHookId}/lifecycle/verify", tag = "EventHook",
    params(("eventHookId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.eventHooks.manage"])),
    responses((status = 200, body = EventHookObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn verify(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<EventHookObject>, OktaError> {
    let hook = app.verify_event_hook(&caller.principal, caller.origin, &id).await?;
    Ok(Json(render(hook, &links)))
}
