//! Risk: who is at risk and why, what made a sign-in look like somebody else's, what is known of an address.

mod address;
mod causes;
mod feedback;
mod sign_in;
mod sign_ins;
mod user;
mod users;
mod waterfall;
mod words;

use axum::{
    Router,
    routing::{get, post},
};
use watchfire_app::{App, insight::log::LogQueryParams};
use watchfire_model::signal::RiskLevel;

pub(crate) use self::words::length;
use crate::fields::segment;

/// Where the list of users at risk is.
pub(crate) const USERS: &str = "/admin/risk/users";
/// Where addresses are looked up.
pub(crate) const ADDRESSES: &str = "/admin/risk/addresses";

/// The pages, below `/admin/risk`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/admin/risk/users", get(users::show))
        .route("/admin/risk/users/{id}", get(user::show))
        .route("/admin/risk/users/{id}/end-sessions", post(user::end_sessions))
        .route("/admin/risk/users/{id}/clear", post(user::clear))
        .route("/admin/risk/users/{id}/level", post(user::set_level))
        .route("/admin/risk/sign-ins/{id}", get(sign_in::show))
        .route("/admin/risk/feedback", post(feedback::give))
        .route("/admin/risk/addresses", get(address::find))
        .route("/admin/risk/addresses/{ip}", get(address::show))
}

/// The page of a user.
pub(crate) fn user_page(id: &str) -> String {
    format!("{USERS}/{}", segment(id))
}

/// The page of a sign-in.
pub(crate) fn sign_in_page(id: &str) -> String {
    format!("/admin/risk/sign-ins/{}", segment(id))
}

/// The page of an address.
pub(crate) fn address_page(ip: &str) -> String {
    format!("{ADDRESSES}/{}", segment(ip))
}

/// How a level is coloured.
pub(crate) const fn tone(level: Option<RiskLevel>) -> &'static str {
    match level {
        Some(RiskLevel::High) => "bad",
        Some(RiskLevel::Medium) => "warn",
        Some(RiskLevel::Low) => "good",
        None => "",
    }
}

/// How a level is written; nobody has none of them.
fn level_name(level: Option<RiskLevel>) -> &'static str {
    level.map_or("NONE", RiskLevel::as_str)
}

/// Millinats as nats.
fn nats(millinats: i32) -> String {
    format!("{:.1}", f64::from(millinats) / 1_000.0)
}

/// The newest events that a filter asks for.
const fn newest<'a>(filter: &'a str, limit: &'a str) -> LogQueryParams<'a> {
    LogQueryParams {
        since: None,
        until: None,
        after: None,
        filter: Some(filter),
        q: None,
        limit: Some(limit),
        sort_order: Some("DESCENDING"),
    }
}
