//! `/watchfire/v1/users/{userId}/sessions`: what Okta only lets end.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::App;
use watchfire_model::{object::Session, time::Timestamp};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// A session of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserSessionObject {
    /// `102…`
    id: String,
    /// How it was proved: `pwd`, `otp`, `mfa`.
    amr: Vec<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends if nobody refreshes it.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the password was accepted.
    #[schema(value_type = String, format = DateTime)]
    last_password_verification: Timestamp,
    /// When the factor was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_factor_verification: Option<Timestamp>,
}

impl From<Session> for UserSessionObject {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.into(),
            amr: session.amr,
            created_at: session.created,
            expires_at: session.expires_at,
            last_password_verification: session.password_verified_at,
            last_factor_verification: session.factor_verified_at,
        }
    }
}

/// List the sessions of a user, oldest first
#[utoipa::path(get, path = "/watchfire/v1/users/{userId}/sessions", tag = "Watchfire",
    params(("userId" = String, Path, description = "Id or login")),
    security(("apiToken" = []), ("oauth2" = ["okta.sessions.read"])),
    responses((status = 200, body = Vec<UserSessionObject>), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Json<Vec<UserSessionObject>>, OktaError> {
    let sessions = app.sessions_of(&caller.principal, &user).await?;
    Ok(Json(sessions.into_iter().map(UserSessionObject::from).collect()))
}
