//! What Okta has no shape for, `/watchfire/v1` (architecture section 5).

mod api_tokens;
mod provider_profiles;
mod signing_keys;

use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

/// Its routes: one line a path.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(api_tokens::create))
        .routes(routes!(provider_profiles::get, provider_profiles::replace))
        .routes(routes!(provider_profiles::refresh_keys))
}
