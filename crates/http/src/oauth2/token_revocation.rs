//! `POST /oauth2/v1/global-token-revocation` (okta.md 9.8).

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{App, Error, json, response::logout_endpoints::RevokedSubject};

use crate::{
    body,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// Whose tokens and sessions end.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used; a body of another form has an empty answer")]
pub(super) struct RevocationRequest {
    /// `opaque` with `id`, `iss_sub` with `iss` (this organisation) and `sub`, or `email` with `email`.
    #[schema(value_type = Object)]
    sub_id: Value,
}

/// Revoke everything of a user
#[utoipa::path(post, path = "/oauth2/v1/global-token-revocation", tag = "OAuth", request_body = RevocationRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.universalLogout.manage"])),
    responses((status = 204), (status = 400, description = "Malformed; the body is empty"),
        (status = 403, body = ErrorObject), (status = 404, description = "No such user; the body is empty")))]
pub(super) async fn revoke(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, OktaError> {
    let bytes = body::read(request.into_body()).await?;
    let Some(subject) = json::parse(&bytes).ok().as_ref().and_then(subject) else {
        return Ok(empty(StatusCode::BAD_REQUEST));
    };
    match app.revoke_everything(&caller.principal, caller.origin, subject).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(Error::NotFound { .. }) => Ok(empty(StatusCode::NOT_FOUND)),
        Err(error) => Err(error.into()),
    }
}

/// An answer without a body. It calls itself JSON on its way out, so that nobody dresses it.
fn empty(status: StatusCode) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)]).into_response()
}

fn subject(body: &Value) -> Option<RevokedSubject> {
    let subject = body.get("sub_id")?;
    let text = |name: &str| subject.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match text("format")?.as_str() {
        "opaque" => text("id").map(RevokedSubject::Opaque),
        "iss_sub" => Some(RevokedSubject::IssSub(text("iss")?, text("sub")?)),
        "email" => text("email").map(RevokedSubject::Email),
        _ => None,
    }
}
