//! `POST /security/api/v1/security-events` (okta.md 6).

use axum::{body::Body, extract::State};
use http::StatusCode;
use watchfire_app::{App, intake::security_events::SetVia};

use crate::{
    body,
    caller::Anonymous,
    error::{SetFailure, set::SetErrorBody},
};

/// Publish a Security Event Token
///
/// Whose it is and whether it is good, its signature says; an `Authorization` header is ignored. The body
/// is the compact token, or it as a JSON string, whatever the content type. 202 comes once the token is
/// durable; a repeat is answered the same and does nothing.
#[utoipa::path(post, path = "/security/api/v1/security-events", tag = "SSFSecurityEventToken",
    request_body(content = String, content_type = "application/secevent+jwt"), security(()),
    responses((status = 202), (status = 400, body = SetErrorBody), (status = 413, body = SetErrorBody),
        (status = 429, body = SetErrorBody), (status = 503, body = SetErrorBody)))]
pub(super) async fn receive(State(app): State<App>, sender: Anonymous, body: Body) -> Result<StatusCode, SetFailure> {
    app.count_set_call(sender.client_ip).await?;
    let bytes = body::read(body).await?;
    app.receive_set(&bytes, &SetVia::Endpoint, sender.origin).await?;
    Ok(StatusCode::ACCEPTED)
}
