//! `/watchfire/v1/apps/{appId}/universal-logout`: where an app takes Global Token Revocation calls
//! (okta.md 9.8).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, response::logout_endpoints::LogoutEndpointDraft};
use watchfire_model::{object::LogoutEndpoint, time::Timestamp};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, replace, delete))
}

/// Where an app takes the calls.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogoutEndpointObject {
    /// The app.
    app_id: String,
    /// Where it is called.
    url: String,
    /// `aud` of the call's credential; the address when null.
    audience: Option<String>,
    /// How the user is named: `iss_sub`, `email` or `opaque`.
    subject_format: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

impl From<LogoutEndpoint> for LogoutEndpointObject {
    fn from(endpoint: LogoutEndpoint) -> Self {
        Self {
            app_id: endpoint.app.into(),
            url: endpoint.url,
            audience: endpoint.audience,
            subject_format: endpoint.subject_format,
            created: endpoint.created,
            last_updated: endpoint.last_updated,
        }
    }
}

/// What an administrator says of an app's endpoint.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct LogoutEndpointRequest {
    /// Where it is called: https.
    #[schema(max_length = 2048)]
    url: String,
    /// `aud` of the call's credential; the address when absent.
    audience: Option<String>,
    /// `iss_sub` (when absent), `email` or `opaque`.
    subject_format: Option<String>,
}

/// Retrieve an app's Universal Logout endpoint
#[utoipa::path(get, path = "/watchfire/v1/apps/{appId}/universal-logout", tag = "Watchfire", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = LogoutEndpointObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<LogoutEndpointObject>, OktaError> {
    Ok(Json(app.logout_endpoint(&caller.principal, &id)?.into()))
}

/// Register or replace an app's Universal Logout endpoint
#[utoipa::path(put, path = "/watchfire/v1/apps/{appId}/universal-logout", tag = "Watchfire", params(("appId" = String, Path)),
    request_body = LogoutEndpointRequest, security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = LogoutEndpointObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<LogoutEndpointObject>, OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    // What was read may be sent back.
    let known = ["url", "audience", "subjectFormat", "appId", "created", "lastUpdated"];
    members.known(&known, &mut faults);
    let url = members.required_text("url", 2_048, &mut faults);
    let audience = members.text("audience", 2_048, &mut faults).filter(|text| !text.is_empty());
    let subject_format = members.text("subjectFormat", 32, &mut faults);
    let draft = faults.or(LogoutEndpointDraft {
        url,
        audience,
        subject_format: subject_format.unwrap_or_else(|| "iss_sub".to_owned()),
    })?;
    let endpoint = app.set_logout_endpoint(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(endpoint.into()))
}

/// Delete an app's Universal Logout endpoint
#[utoipa::path(delete, path = "/watchfire/v1/apps/{appId}/universal-logout", tag = "Watchfire", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_logout_endpoint(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
