//! What operators ask: is it alive, is it ready.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

use crate::error::OktaError;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// Alive
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200)))]
async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready: the store answers
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses((status = 200), (status = 503)))]
async fn readyz(State(app): State<App>) -> Result<&'static str, OktaError> {
    app.ready().await?;
    Ok("ready\n")
}
