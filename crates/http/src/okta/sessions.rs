//! `/api/v1/sessions` and a user's sessions (okta.md 9.1, 9.8).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, identity::sessions::ShownSession};
use watchfire_model::time::Timestamp;

use super::members::{Faults, Members};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
};

/// Characters of a session token at the most.
const MAX_TOKEN: usize = 256;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, end))
        .routes(routes!(refresh))
        .routes(routes!(clear))
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionObject {
    /// `102…`
    id: String,
    /// Whose.
    user_id: String,
    /// Whose, by name.
    login: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends if nobody refreshes it.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `ACTIVE`
    status: &'static str,
    /// When the password was accepted.
    #[schema(value_type = String, format = DateTime)]
    last_password_verification: Timestamp,
    /// When the factor was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_factor_verification: Option<Timestamp>,
    /// How it was proved: `pwd`, `otp`, `mfa`.
    amr: Vec<String>,
    /// The organisation itself.
    #[schema(value_type = Object)]
    idp: Value,
    /// Whether the user has a second factor.
    mfa_active: bool,
    /// What can be done with it.
    #[serde(rename = "_links")]
    #[schema(value_type = Object)]
    links: Value,
}

impl SessionObject {
    fn new(shown: ShownSession, links: &Links) -> Self {
        let (session, user) = (shown.of.session, shown.of.user);
        let own = links.to(&format!("/api/v1/sessions/{}", session.id));
        let owner = links.to(&format!("/api/v1/users/{}", user.id));
        Self {
            links: json!({
                "self": Link::new(own.clone(), &["GET", "DELETE"]),
                "refresh": Link::new(format!("{own}/lifecycle/refresh"), &["POST"]),
                "user": Link::new(owner, &["GET"]),
            }),
            id: session.id.into(),
            user_id: user.id.into(),
            login: user.login,
            created_at: session.created,
            expires_at: session.expires_at,
            status: "ACTIVE",
            last_password_verification: session.password_verified_at,
            last_factor_verification: session.factor_verified_at,
            amr: session.amr,
            idp: json!({"id": shown.org_id, "type": "OKTA"}),
            mfa_active: shown.mfa_active,
        }
    }
}

/// A session token.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct CreateSessionRequest {
    /// What a sign-in ended with; it works once.
    session_token: String,
}

/// Create a session with a session token
#[utoipa::path(post, path = "/api/v1/sessions", tag = "Session", request_body = CreateSessionRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.manage"])),
    responses((status = 200, body = SessionObject), (status = 400, body = ErrorObject), (status = 401, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<SessionObject>, OktaError> {
    let mut faults = Faults::default();
    let token = Members::of(&body)?.required_text("sessionToken", MAX_TOKEN, &mut faults);
    let token = faults.or(token)?;
    let session = app.start_session(&caller.principal, &token).await?;
    Ok(Json(SessionObject::new(session, &links)))
}

/// Retrieve a session
#[utoipa::path(get, path = "/api/v1/sessions/{sessionId}", tag = "Session", params(("sessionId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.read"])),
    responses((status = 200, body = SessionObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<SessionObject>, OktaError> {
    let session = app.session(&caller.principal, &id).await?;
    Ok(Json(SessionObject::new(session, &links)))
}

/// Close a session
#[utoipa::path(delete, path = "/api/v1/sessions/{sessionId}", tag = "Session", params(("sessionId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn end(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.end_session(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refresh a session
#[utoipa::path(post, path = "/api/v1/sessions/{sessionId}/lifecycle/refresh", tag = "Session", params(("sessionId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.manage"])),
    responses((status = 200, body = SessionObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn refresh(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<SessionObject>, OktaError> {
    let session = app.refresh_session(&caller.principal, &id).await?;
    Ok(Json(SessionObject::new(session, &links)))
}

/// Revoke all user sessions
#[utoipa::path(delete, path = "/api/v1/users/{userId}/sessions", tag = "UserSessions",
    params(("userId" = String, Path), ("oauthTokens" = Option<bool>, Query), ("forgetDevices" = Option<bool>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.manage"]), ("oauth2" = ["okta.users.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn clear(State(app): State<App>, caller: Caller, Path(user): Path<String>) -> Result<StatusCode, OktaError> {
    // Users have no OAuth tokens here and no device is remembered: both parameters have nothing to do.
    app.clear_sessions(&caller.principal, caller.origin, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
