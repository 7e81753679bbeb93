//! Security: who may send signals, and what they lead to.

mod apps;
mod behaviors;
mod device_integrations;
mod entity_risk;
mod policies;
mod risk_providers;
mod risk_settings;
mod streams;
mod universal_logout;
mod zones;

use axum::Router;
use watchfire_app::App;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(apps::router())
        .merge(universal_logout::router())
        .merge(risk_providers::router())
        .merge(risk_settings::router())
        .merge(device_integrations::router())
        .merge(streams::router())
        .merge(policies::router())
        .merge(entity_risk::router())
        .merge(zones::router())
        .merge(behaviors::router())
}
