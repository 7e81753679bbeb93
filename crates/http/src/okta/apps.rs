//! `/api/v1/apps` as far as service apps need it (okta.md 2.1).

mod filter;
mod keys;
mod private;
mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::object::{Client, Status};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/apps";
const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 20,
    max: 200,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
        .merge(keys::router())
        .merge(private::router())
}

/// List all applications
#[utoipa::path(get, path = "/api/v1/apps", tag = "Application",
    params(("q" = Option<String>, Query), ("filter" = Option<String>, Query), ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, maximum = 200)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.read"])),
    responses((status = 200, body = Vec<Object>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<(PageLinks, Json<Vec<Value>>), OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let filter = query.filled("filter").map(filter::parse).transpose()?;
    let takes = |client: &_| {
        filter
            .as_ref()
            .is_none_or(|filter| filter.matches(&shown(&app, client, None, &links)))
    };
    let prefix = query.get("q").unwrap_or_default();
    let listed = app.apps(&caller.principal, prefix, takes, page.after.as_deref(), page.limit)?;
    let next = PageLinks::new(&links, PATH, &query, listed.next.as_deref());
    let apps = listed.items.iter().map(|client| shown(&app, client, None, &links));
    Ok((next, Json(apps.collect())))
}

/// Create an application
#[utoipa::path(post, path = "/api/v1/apps", tag = "Application", request_body = Object, params(("activate" = Option<bool>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let draft = shape::read(&body, None)?;
    let status = if query.get("activate") == Some("false") {
        Status::Inactive
    } else {
        Status::Active
    };
    let made = app.create_app(&caller.principal, caller.origin, draft, status).await?;
    Ok(Json(shown(&app, &made.client, made.secret.as_ref(), &links)))
}

/// Retrieve an application
#[utoipa::path(get, path = "/api/v1/apps/{appId}", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.read"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, links: Links, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    let client = app.app(&caller.principal, &id)?;
    Ok(Json(shown(&app, &client, None, &links)))
}

/// Replace an application
#[utoipa::path(put, path = "/api/v1/apps/{appId}", tag = "Application", params(("appId" = String, Path)), request_body = Object,
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let draft = shape::read(&body, Some(&id))?;
    let changed = app.replace_app(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(shown(&app, &changed.client, changed.secret.as_ref(), &links)))
}

/// Delete an application
#[utoipa::path(delete, path = "/api/v1/apps/{appId}", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_app(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate an application
#[utoipa::path(post, path = "/api/v1/apps/{appId}/lifecycle/activate", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn activate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    app.set_app_status(&caller.principal, caller.origin, &id, Status::Active)
        .await?;
    Ok(Json(json!({})))
}

/// Deactivate an application
#[utoipa::path(post, path = "/api/v1/apps/{appId}/lifecycle/deactivate", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
async fn deactivate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    app.set_app_status(&caller.principal, caller.origin, &id, Status::Inactive)
        .await?;
    Ok(Json(json!({})))
}

/// The app object as it is now.
fn shown(app: &App, client: &Client, secret: Option<&SecretString>, links: &Links) -> Value {
    let surroundings = shape::Surroundings {
        org: &app.org_id(),
        links,
        universal_logout: app.has_logout_endpoint(&client.id),
    };
    shape::render(client, secret, &surroundings)
}
