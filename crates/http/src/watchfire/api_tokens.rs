//! `POST /watchfire/v1/api-tokens`: Okta has no way to make a token through its API.

use axum::{Json, extract::State};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::App;

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

/// What a token is to be.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct NewApiToken {
    /// For people.
    #[schema(max_length = 255)]
    name: String,
    /// When it stops working; without it, 30 days after its last use.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A token with its secret, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeApiToken {
    /// `00T…`
    id: String,
    /// For people.
    name: String,
    /// What stands behind `SSWS`.
    token: String,
}

/// Make an API token
#[utoipa::path(post, path = "/watchfire/v1/api-tokens", tag = "Watchfire", request_body = NewApiToken, security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 201, body = MadeApiToken), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<MadeApiToken>), OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&["name", "expiresAt"], &mut faults);
    let name = members.required_text("name", 255, &mut faults);
    let expires_at = members.instant("expiresAt", &mut faults);
    let (name, expires_at) = faults.or((name, expires_at))?;
    let (token, secret) = app
        .create_api_token(&caller.principal, caller.origin, name, expires_at)
        .await?;
    let made = MadeApiToken {
        id: token.id.into(),
        name: token.name,
        token: secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}
