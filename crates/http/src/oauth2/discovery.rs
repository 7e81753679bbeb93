//! What clients find out by themselves: keys and discovery documents (okta.md 1.6).

use std::time::Duration;

use axum::{Json, extract::State, response::IntoResponse};
use http::header;
use serde_json::Value;
use watchfire_app::{App, Error};

use crate::{error::OktaError, query::Query, site::http_date};

/// How long the keys may be kept. The next key is published long before it signs.
const KEYS_MAX_AGE: Duration = Duration::from_secs(3_600);

/// Retrieve the keys that access tokens are verified with
#[utoipa::path(get, path = "/oauth2/v1/keys", tag = "OAuth", responses((status = 200, body = Object, description = "A JWK set")))]
pub(super) async fn keys(State(app): State<App>) -> impl IntoResponse {
    let expires = http_date(app.clock().now().plus(KEYS_MAX_AGE)).unwrap_or_default();
    let age = format!("max-age={}, must-revalidate", KEYS_MAX_AGE.as_secs());
    ([(header::CACHE_CONTROL, age), (header::EXPIRES, expires)], Json(app.jwks()))
}

/// Retrieve the OpenID Connect metadata
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "OAuth", params(("client_id" = Option<String>, Query)),
    responses((status = 200, body = Object, description = "OpenID Connect Discovery 1.0")))]
pub(super) async fn openid_configuration(State(app): State<App>, query: Query) -> Result<Json<Value>, OktaError> {
    check_client(&app, &query)?;
    Ok(Json(app.openid_configuration()))
}

/// Retrieve the authorization server's metadata
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "OAuth", params(("client_id" = Option<String>, Query)),
    responses((status = 200, body = Object, description = "RFC 8414")))]
pub(super) async fn authorization_server(State(app): State<App>, query: Query) -> Result<Json<Value>, OktaError> {
    check_client(&app, &query)?;
    Ok(Json(app.authorization_server_metadata()))
}

/// Whoever names a client must name one that there is; the error is an odd one (okta.md 1.6).
fn check_client(app: &App, query: &Query) -> Result<(), Error> {
    let is_known = |id: &str| app.state().directory().client(id).is_some();
    if query.filled("client_id").is_none_or(is_known) {
        return Ok(());
    }
    Err(Error::Catalogued {
        status: 400,
        code: "invalid_client",
        summary: "Invalid value for 'client_id' parameter.".to_owned(),
        causes: Vec::new(),
    })
}
