//! `/watchfire/v1/streams-in`: our streams at transmitters (ssf.md 5).

mod read;
mod shape;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use watchfire_app::App;
use watchfire_model::object::StreamStatus;

use self::{
    read::{ChangedStream, NewStatus, NewStream, NewSubject},
    shape::StreamObject,
};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

/// List the incoming streams
#[utoipa::path(get, path = "/watchfire/v1/streams-in", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<StreamObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<StreamObject>>, OktaError> {
    let streams = app.streams_in(&caller.principal)?;
    Ok(Json(streams.iter().map(|stream| StreamObject::new(stream, &app)).collect()))
}

/// Create an incoming stream
///
/// Finds the transmitter by its well-known URL, its issuer or a known provider, and makes the stream
/// there, or adopts the one that is there. 201 when that is done; 202 when the transmitter cannot be
/// reached now, or has to be given our key first: it is tried again, and `lastError` says why.
#[utoipa::path(post, path = "/watchfire/v1/streams-in", tag = "Watchfire", request_body = NewStream,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 201, body = StreamObject), (status = 202, body = StreamObject), (status = 400, body = ErrorObject),
        (status = 403, body = ErrorObject)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<StreamObject>), OktaError> {
    let new = read::new_stream(&body, &app)?;
    let stream = app.create_stream_in(&caller.principal, caller.origin, new).await?;
    let status = if stream.remote_id.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(StreamObject::new(&stream, &app))))
}

/// Retrieve an incoming stream
#[utoipa::path(get, path = "/watchfire/v1/streams-in/{streamId}", tag = "Watchfire", params(("streamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = StreamObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<StreamObject>, OktaError> {
    let stream = app.stream_in(&caller.principal, &id)?;
    Ok(Json(StreamObject::new(&stream, &app)))
}

/// Change an incoming stream, here and at its transmitter; what is absent stays
#[utoipa::path(patch, path = "/watchfire/v1/streams-in/{streamId}", tag = "Watchfire", params(("streamId" = String, Path)),
    request_body = ChangedStream, security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = StreamObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<StreamObject>, OktaError> {
    let change = read::changed_stream(&body)?;
    let stream = app.change_stream_in(&caller.principal, caller.origin, &id, change).await?;
    Ok(Json(StreamObject::new(&stream, &app)))
}

/// Delete an incoming stream here, and at its transmitter as soon as that answers
#[utoipa::path(delete, path = "/watchfire/v1/streams-in/{streamId}", tag = "Watchfire", params(("streamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_stream_in(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retrieve the public keys of our assertions (private_key_jwt), for the transmitter to be given
#[utoipa::path(get, path = "/watchfire/v1/streams-in/{streamId}/jwks", tag = "Watchfire", params(("streamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Value), (status = 404, body = ErrorObject)))]
pub(super) async fn jwks(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    Ok(Json(app.stream_in_keys(&caller.principal, &id)?))
}

/// Ask the transmitter for a stream's status
#[utoipa::path(get, path = "/watchfire/v1/streams-in/{streamId}/status", tag = "Watchfire", params(("streamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = StreamObject), (status = 404, body = ErrorObject), (status = 502, body = ErrorObject)))]
pub(super) async fn status(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<StreamObject>, OktaError> {
    let stream = app.stream_in_status(&caller.principal, &id).await?;
    Ok(Json(StreamObject::new(&stream, &app)))
}

/// Set a stream's status at the transmitter: `enabled`, `paused` or `disabled`
#[utoipa::path(post, path = "/watchfire/v1/streams-in/{streamId}/status", tag = "Watchfire", params(("streamId" = String, Path)),
    request_body = NewStatus, security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = StreamObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject),
        (status = 502, body = ErrorObject)))]
pub(super) async fn set_status(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<StreamObject>, OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&["status", "reason"], &mut faults);
    members.require("status", &mut faults);
    let words = [StreamStatus::Enabled, StreamStatus::Paused, StreamStatus::Disabled].map(|it| (it.as_str(), it));
    let status = members.choice("status", &words, &mut faults);
    let reason = members.text("reason", 256, &mut faults);
    let (status, reason) = faults.or((status, reason))?;
    let status = status.unwrap_or_default();
    let set = app
        .set_stream_in_status(&caller.principal, &id, status, reason.as_deref())
        .await?;
    Ok(Json(StreamObject::new(&set, &app)))
}

/// Ask the transmitter for a verification event
#[utoipa::path(post, path = "/watchfire/v1/streams-in/{streamId}/verify", tag = "Watchfire", params(("streamId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 202, body = StreamObject), (status = 404, body = ErrorObject), (status = 502, body = ErrorObject)))]
pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<StreamObject>), OktaError> {
    let stream = app.verify_stream_in(&caller.principal, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(StreamObject::new(&stream, &app))))
}

/// Add a subject to a stream
#[utoipa::path(post, path = "/watchfire/v1/streams-in/{streamId}/subjects/add", tag = "Watchfire",
    params(("streamId" = String, Path)), request_body = NewSubject,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject), (status = 502, body = ErrorObject)))]
pub(super) async fn add_subject(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<StatusCode, OktaError> {
    let (subject, verified) = read::subject(&body)?;
    app.add_stream_in_subject(&caller.principal, &id, &subject, verified).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a subject out of a stream
#[utoipa::path(post, path = "/watchfire/v1/streams-in/{streamId}/subjects/remove", tag = "Watchfire",
    params(("streamId" = String, Path)), request_body = NewSubject,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject), (status = 502, body = ErrorObject)))]
pub(super) async fn remove_subject(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<StatusCode, OktaError> {
    let (subject, _) = read::subject(&body)?;
    app.remove_stream_in_subject(&caller.principal, &id, &subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
