//! Settings: tokens, and what the operator has set.

mod effective;
mod tokens;

use axum::Router;
use watchfire_app::App;

pub(crate) fn router() -> Router<App> {
    Router::new().merge(tokens::router()).merge(effective::router())
}
