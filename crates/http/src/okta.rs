//! Okta's management surface, `/api/v1` (okta.md).

mod api_tokens;
mod apps;
mod authn;
pub mod behaviors;
mod event_hooks;
mod factors;
mod grants;
mod groups;
mod logs;
pub(crate) mod members;
mod org;
pub mod policies;
mod risk_events;
mod risk_providers;
mod security_events;
pub(crate) mod security_events_providers;
mod sessions;
mod users;
pub mod zones;

use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

/// Its routes: one line a path.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(org::introduction))
        .routes(routes!(org::get, org::update, org::replace))
        .routes(routes!(risk_providers::list, risk_providers::create))
        .routes(routes!(
            risk_providers::get,
            risk_providers::replace,
            risk_providers::replace_by_post,
            risk_providers::delete
        ))
        .routes(routes!(risk_events::send))
        .routes(routes!(security_events::receive))
        .merge(api_tokens::router())
        .merge(apps::router())
        .merge(logs::router())
        .merge(authn::router())
        .merge(users::router())
        .merge(factors::router())
        .merge(sessions::router())
        .merge(groups::router())
        .merge(policies::router())
        .merge(zones::router())
        .merge(behaviors::router())
        .merge(event_hooks::router())
        .merge(security_events_providers::router())
        .routes(routes!(grants::list, grants::grant))
        .routes(routes!(grants::get, grants::revoke))
}
