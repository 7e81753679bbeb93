//! What Okta has no shape for, `/watchfire/v1` (architecture section 5).

mod actions;
mod addresses;
mod administrators;
mod api_tokens;
mod console_sign_in;
mod entities_at_risk;
mod entity_risk;
mod feedback;
mod geo_data;
mod log_streams;
mod overview;
mod passkeys;
mod provider_profiles;
mod receipts;
mod risk_settings;
mod saved_searches;
mod settings;
mod sign_ins;
mod signing_keys;
mod simulations;
mod streams_in;
mod transmitter_check;
mod universal_logout;
mod user_sessions;
mod workflows;

use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

/// Its routes: one line a path.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(api_tokens::create))
        .merge(actions::router())
        .merge(saved_searches::router())
        .merge(log_streams::router())
        .merge(sign_ins::router())
        .merge(administrators::router())
        .merge(console_sign_in::router())
        .merge(passkeys::router())
        .merge(workflows::router())
        .merge(universal_logout::router())
        .merge(simulations::router())
        .merge(feedback::router())
        .routes(routes!(streams_in::list, streams_in::create))
        .routes(routes!(streams_in::get, streams_in::change, streams_in::delete))
        .routes(routes!(streams_in::jwks))
        .routes(routes!(streams_in::status, streams_in::set_status))
        .routes(routes!(streams_in::verify))
        .routes(routes!(streams_in::add_subject))
        .routes(routes!(streams_in::remove_subject))
        .routes(routes!(overview::get))
        .routes(routes!(addresses::list))
        .routes(routes!(addresses::get))
        .routes(routes!(user_sessions::list))
        .routes(routes!(entities_at_risk::list))
        .routes(routes!(entity_risk::get))
        .routes(routes!(entity_risk::clear))
        .routes(routes!(provider_profiles::get, provider_profiles::replace))
        .routes(routes!(provider_profiles::refresh_keys))
        .routes(routes!(transmitter_check::check))
        .routes(routes!(geo_data::list))
        .routes(routes!(settings::list))
        .routes(routes!(risk_settings::get, risk_settings::replace))
        .routes(routes!(receipts::list))
        .routes(routes!(receipts::get))
}
