//! What Okta has no shape for, `/watchfire/v1` (architecture section 5).

mod actions;
mod api_tokens;
mod provider_profiles;
mod receipts;
mod signing_keys;
mod universal_logout;
mod workflows;

use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

/// Its routes: one line a path.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(api_tokens::create))
        .merge(actions::router())
        .merge(workflows::router())
        .merge(universal_logout::router())
        .routes(routes!(provider_profiles::get, provider_profiles::replace))
        .routes(routes!(provider_profiles::refresh_keys))
        .routes(routes!(receipts::list))
        .routes(routes!(receipts::get))
}
