//! Actions: what signals lead to, and the hooks and webhooks that are called.

mod hooks;
mod queue;
mod workflows;

use axum::Router;
use watchfire_app::App;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(queue::router())
        .merge(hooks::router())
        .merge(workflows::router())
}
