//! What transmitters call: the addresses of our streams (RFC 8935, ssf.md 4.1).

use axum::{
    body::Body,
    extract::{Path, State},
};
use http::{HeaderMap, StatusCode, header};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, intake::streams_in::push::PushedSet};

use crate::{
    body,
    caller::Anonymous,
    error::{SetFailure, set::SetErrorBody},
};

/// Its routes.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(push))
}

/// Push a Security Event Token to a stream of ours
///
/// The address and the value of `Authorization` are those that the transmitter was given when the stream
/// was made. 202 comes once the token is durable; a repeat is answered the same and does nothing.
#[utoipa::path(post, path = "/ssf/v1/streams-in/{key}/events", tag = "SSF", params(("key" = String, Path)),
    request_body(content = String, content_type = "application/secevent+jwt"), security(()),
    responses((status = 202), (status = 400, body = SetErrorBody), (status = 401, body = SetErrorBody),
        (status = 404, body = SetErrorBody), (status = 413, body = SetErrorBody), (status = 415, body = SetErrorBody),
        (status = 429, body = SetErrorBody), (status = 503, body = SetErrorBody)))]
async fn push(
    State(app): State<App>,
    Path(key): Path<String>,
    sender: Anonymous,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, SetFailure> {
    app.count_set_call(sender.client_ip).await?;
    let stream = app.pushed_stream(&key, headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes))?;
    let pushed = PushedSet {
        media_type: body::media_type(&headers),
        body: body::read(body).await?,
        origin: sender.origin,
    };
    app.accept_pushed_set(&stream, pushed).await?;
    Ok(StatusCode::ACCEPTED)
}
