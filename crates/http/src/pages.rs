//! Pages of another crate, which has none of our extractors: each request brings along what it says
//! about itself.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use watchfire_app::App;

use crate::{caller, request::shared};

/// `pages`, whose requests have a [`watchfire_model::log::RequestOrigin`] among their extensions.
pub fn pages(app: App, pages: Router) -> Router {
    pages.layer(from_fn_with_state(app, bring_origin))
}

async fn bring_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let context = match shared(&parts) {
        Ok(shared) => shared.context.clone(),
        Err(error) => return error.into_response(),
    };
    let origin = caller::origin(&app, &context, &parts, None);
    parts.extensions.insert(origin);
    next.run(Request::from_parts(parts, body)).await
}
