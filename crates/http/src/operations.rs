//! What operators ask: is it alive, is it ready, how is it doing.

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::header;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

use crate::{caller::Caller, error::OktaError};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// Alive
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready: the store answers
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses((status = 200, body = String, content_type = "text/plain")))]
async fn readyz(State(app): State<App>) -> Result<&'static str, OktaError> {
    app.ready().await?;
    Ok("ready\n")
}

/// The scope that reads metrics.
const READ: &str = "watchfire.read";

/// Metrics, Prometheus text; without a credential only on the administrators' listener
#[utoipa::path(get, path = "/metrics", tag = "Operations", security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, OktaError> {
    caller.principal.require(READ)?;
    Ok(metrics_text(&app))
}

fn metrics_text(app: &App) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics_text())
}

/// What the administrators' listener serves: the same without a credential. Nobody else may reach it.
pub fn admin_router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(|State(app): State<App>| async move { metrics_text(&app) }))
        .with_state(app)
}
