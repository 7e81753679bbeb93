//! Settings: tokens, and what the operator has set.

mod effective;
mod log_streams;
mod passkeys;
mod sign_in;
mod tokens;

use axum::Router;
use watchfire_app::App;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(sign_in::router())
        .merge(passkeys::router())
        .merge(tokens::router())
        .merge(log_streams::router())
        .merge(effective::router())
}
