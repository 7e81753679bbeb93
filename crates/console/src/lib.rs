//! The Admin Console: pages of the same binary, rendered here, without a build step and with nothing
//! loaded from elsewhere.
//!
//! A page does what the public API does and no more: its handler turns the session into the same
//! `Principal` as the API's and calls the same use cases, which ask for the same scopes. Reading works
//! without JavaScript; what is live or shortens a way uses htmx, which is vendored.
//!
//! | module | holds |
//! |---|---|
//! | [`assets`] | style sheet, scripts, their addresses and checksums |
//! | [`guard`] | headers of every page, and who may send a form |
//! | [`visitor`] | the session behind a request |
//! | [`page`] | what every page has: navigation, title, who is signed in |
//! | [`sign_in`], [`invitation`] | the way in |
//! | [`overview`], [`system_log`], [`risk`], [`administrators`] | the pages |
//! | [`api`] | the API, called by a page as its visitor |
//! | [`set_up`], [`form`] | the one shape of the set-up pages |
//! | [`security`], [`actions`], [`directory`], [`settings`] | what is set up |

mod actions;
mod administrators;
mod api;
mod assets;
mod directory;
mod failure;
mod fields;
mod form;
mod guard;
mod invitation;
mod overview;
mod page;
mod risk;
mod security;
mod set_up;
mod settings;
mod sign_in;
mod system_log;
mod visitor;

use axum::{
    Router,
    middleware::from_fn_with_state,
    response::Redirect,
    routing::{any, get, post},
};
use watchfire_app::App;

/// The pages, at `/` and below `/admin`.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(|| std::future::ready(Redirect::to("/admin"))))
        .route("/admin", get(overview::show))
        .route("/admin/sign-in", get(sign_in::form).post(sign_in::password))
        .route("/admin/sign-in/code", get(sign_in::form).post(sign_in::code))
        .route("/admin/sign-in/passkey", post(sign_in::passkey::finish))
        .route("/admin/sign-in/passkey/options", post(sign_in::passkey::options))
        .route("/admin/sign-in/oidc", get(sign_in::oidc::begin))
        .route("/admin/sign-in/oidc/callback", get(sign_in::oidc::callback))
        .route("/admin/sign-out", post(sign_in::sign_out))
        .route("/admin/invitations/{token}", get(invitation::form).post(invitation::accept))
        .route("/admin/reports/system-log", get(system_log::show))
        .route("/admin/reports/system-log/tail", get(system_log::tail))
        .route("/admin/reports/system-log/stream", get(system_log::stream))
        .route("/admin/reports/system-log/export", get(system_log::export))
        .route("/admin/reports/system-log/events/{uuid}", get(system_log::event))
        .route("/admin/reports/system-log/words", get(system_log::words))
        .route("/admin/reports/system-log/saved", post(system_log::save_search))
        .route("/admin/reports/system-log/saved/{id}", post(system_log::delete_search))
        .route(
            "/admin/settings/administrators",
            get(administrators::show).post(administrators::invite),
        )
        .route("/admin/settings/administrators/{id}", post(administrators::change))
        .merge(risk::router())
        .merge(security::router())
        .merge(actions::router())
        .merge(directory::router())
        .merge(settings::router())
        .route("/admin/{*rest}", any(page::unknown))
        .method_not_allowed_fallback(page::wrong_method)
        .layer(from_fn_with_state(app.clone(), guard::keep))
        .route("/admin/assets/{name}", get(assets::serve))
        .with_state(app)
}
