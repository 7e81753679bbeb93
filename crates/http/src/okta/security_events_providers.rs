//! `/api/v1/security-events-providers` (okta.md 5).

pub(crate) mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::object::Status;

use self::shape::{ProviderBody, ProviderRequestBody, parse, render};
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

/// List all security events providers
#[utoipa::path(get, path = "/api/v1/security-events-providers", tag = "SSFReceiver",
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.read"])),
    responses((status = 200, body = Vec<ProviderBody>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Vec<ProviderBody>>, OktaError> {
    let providers = app.security_events_providers(&caller.principal)?;
    Ok(Json(providers.iter().map(|provider| render(provider, &links)).collect()))
}

/// Create a security events provider
#[utoipa::path(post, path = "/api/v1/security-events-providers", tag = "SSFReceiver", request_body = ProviderRequestBody,
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProviderBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<ProviderBody>, OktaError> {
    let request = parse(&body)?;
    let provider = app
        .create_security_events_provider(&caller.principal, caller.origin, request)
        .await?;
    Ok(Json(render(&provider, &links)))
}

/// Retrieve a security events provider
#[utoipa::path(get, path = "/api/v1/security-events-providers/{securityEventProviderId}", tag = "SSFReceiver",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.read"])),
    responses((status = 200, body = ProviderBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ProviderBody>, OktaError> {
    let provider = app.security_events_provider(&caller.principal, &id)?;
    Ok(Json(render(&provider, &links)))
}

/// Replace a security events provider
#[utoipa::path(put, path = "/api/v1/security-events-providers/{securityEventProviderId}", tag = "SSFReceiver",
    params(("securityEventProviderId" = String, Path)), request_body = ProviderRequestBody,
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProviderBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<ProviderBody>, OktaError> {
    let request = parse(&body)?;
    let provider = app
        .replace_security_events_provider(&caller.principal, caller.origin, &id, request)
        .await?;
    Ok(Json(render(&provider, &links)))
}

/// Delete a security events provider
#[utoipa::path(delete, path = "/api/v1/security-events-providers/{securityEventProviderId}", tag = "SSFReceiver",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_security_events_provider(&caller.principal, caller.origin, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a security events provider
#[utoipa::path(post, path = "/api/v1/security-events-providers/{securityEventProviderId}/lifecycle/activate", tag = "SSFReceiver",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProviderBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ProviderBody>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Active).await
}

/// Deactivate a security events provider
#[utoipa::path(post, path = "/api/v1/security-events-providers/{securityEventProviderId}/lifecycle/deactivate", tag = "SSFReceiver",
    params(("securityEventProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.securityEventsProviders.manage"])),
    responses((status = 200, body = ProviderBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ProviderBody>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Inactive).await
}

async fn set_status(app: &App, caller: Caller, links: &Links, id: &str, status: Status) -> Result<Json<ProviderBody>, OktaError> {
    let provider = app
        .set_security_events_provider_status(&caller.principal, caller.origin, id, status)
        .await?;
    Ok(Json(render(&provider, links)))
}
