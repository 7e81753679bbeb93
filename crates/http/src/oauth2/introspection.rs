//! `POST /oauth2/v1/introspect` and `/oauth2/v1/revoke` (okta.md 1.7).

use axum::{Json, extract::State};
use http::StatusCode;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::App;

use super::token::client_call;
use crate::{
    body::FormOrQuery,
    caller::Anonymous,
    credentials::Credentials,
    error::{OAuthError, oauth::ErrorBody},
};

/// A token, and the credentials of the client that asks.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used; parameters come from the form and the query")]
pub(super) struct TokenQuestion {
    /// The token.
    token: String,
    /// `access_token`; others are of no kind that is issued here.
    token_type_hint: Option<String>,
    /// With or without a secret, as the client registered.
    client_id: Option<String>,
    /// For `client_secret_post`.
    client_secret: Option<String>,
    /// For `private_key_jwt`.
    client_assertion_type: Option<String>,
    /// For `private_key_jwt`.
    client_assertion: Option<String>,
}

/// Introspect a token
#[utoipa::path(post, path = "/oauth2/v1/introspect", tag = "OAuth",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Object, description = "`active`, and what the token says when it is"), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(super) async fn introspect(
    State(app): State<App>,
    credentials: Credentials,
    form: FormOrQuery,
) -> Result<Json<Value>, OAuthError> {
    Ok(Json(app.introspect_token(&client_call(form, credentials)).await?))
}

/// Revoke a token
#[utoipa::path(post, path = "/oauth2/v1/revoke", tag = "OAuth",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Also for a token that is unknown or another client's"), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(super) async fn revoke(
    State(app): State<App>,
    Anonymous { origin, .. }: Anonymous,
    credentials: Credentials,
    form: FormOrQuery,
) -> Result<StatusCode, OAuthError> {
    app.revoke_token(&client_call(form, credentials), origin).await?;
    Ok(StatusCode::OK)
}
