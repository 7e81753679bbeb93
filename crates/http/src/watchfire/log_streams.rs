//! `/watchfire/v1/log-streams`: streams of the System Log to where others keep logs.

mod read;
mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::object::{LogStream, Status};

use self::{
    read::{ChangedLogStream, NewLogStream, change, new},
    shape::LogStreamObject,
};
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

/// List all log streams
#[utoipa::path(get, path = "/watchfire/v1/log-streams", tag = "Watchfire", security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<LogStreamObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Vec<LogStreamObject>>, OktaError> {
    let mut objects = Vec::new();
    for stream in app.log_streams(&caller.principal)? {
        let status = app.log_stream_status(&caller.principal, &stream).await?;
        objects.push(LogStreamObject::new(&stream, &status, &links));
    }
    Ok(Json(objects))
}

/// Create a log stream
///
/// It begins at once: with its own making, unless `startAt` says otherwise.
#[utoipa::path(post, path = "/watchfire/v1/log-streams", tag = "Watchfire", request_body = NewLogStream,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 201, body = LogStreamObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<LogStreamObject>), OktaError> {
    let (draft, start) = new(&body)?;
    let stream = app
        .create_log_stream(&caller.principal, caller.origin.clone(), draft, start)
        .await?;
    Ok((StatusCode::CREATED, shown(&app, &caller, &links, &stream).await?))
}

/// Retrieve a log stream with how far it has come
#[utoipa::path(get, path = "/watchfire/v1/log-streams/{logStreamId}", tag = "Watchfire", params(("logStreamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = LogStreamObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<LogStreamObject>, OktaError> {
    let stream = app.log_stream(&caller.principal, &id)?;
    shown(&app, &caller, &links, &stream).await
}

/// Replace a log stream
///
/// Its secret stays when none is given and the target is of the same type. It goes on where it is.
#[utoipa::path(put, path = "/watchfire/v1/log-streams/{logStreamId}", tag = "Watchfire", params(("logStreamId" = String, Path)),
    request_body = ChangedLogStream, security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = LogStreamObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<LogStreamObject>, OktaError> {
    let draft = change(&body)?;
    let stream = app
        .replace_log_stream(&caller.principal, caller.origin.clone(), &id, draft)
        .await?;
    shown(&app, &caller, &links, &stream).await
}

/// Delete a log stream
#[utoipa::path(delete, path = "/watchfire/v1/log-streams/{logStreamId}", tag = "Watchfire", params(("logStreamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_log_stream(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a log stream: it goes on where it stopped
#[utoipa::path(post, path = "/watchfire/v1/log-streams/{logStreamId}/lifecycle/activate", tag = "Watchfire",
    params(("logStreamId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = LogStreamObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<LogStreamObject>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Active).await
}

/// Deactivate a log stream
#[utoipa::path(post, path = "/watchfire/v1/log-streams/{logStreamId}/lifecycle/deactivate", tag = "Watchfire",
    params(("logStreamId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = LogStreamObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<LogStreamObject>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Inactive).await
}

async fn set_status(
    app: &App,
    caller: Caller,
    links: &Links,
    id: &str,
    status: Status,
) -> Result<Json<LogStreamObject>, OktaError> {
    let stream = app
        .set_log_stream_status(&caller.principal, caller.origin.clone(), id, status)
        .await?;
    shown(app, &caller, links, &stream).await
}

async fn shown(app: &App, caller: &Caller, links: &Links, stream: &LogStream) -> Result<Json<LogStreamObject>, OktaError> {
    let status = app.log_stream_status(&caller.principal, stream).await?;
    Ok(Json(LogStreamObject::new(stream, &status, links)))
}
