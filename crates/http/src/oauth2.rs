//! The authorization server, `/oauth2/v1` (okta.md 1).

mod clients;
mod discovery;
mod introspection;
mod roles;
mod token;
mod token_revocation;

use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

/// Its routes: one line a path.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::get, clients::replace, clients::delete))
        .routes(routes!(clients::renew_secret))
        .routes(routes!(roles::list, roles::assign))
        .routes(routes!(roles::get, roles::remove))
        .routes(routes!(token::issue, token::preflight))
        .routes(routes!(introspection::introspect))
        .routes(routes!(introspection::revoke))
        .routes(routes!(token_revocation::revoke))
        .routes(routes!(discovery::keys))
        .routes(routes!(discovery::openid_configuration))
        .routes(routes!(discovery::authorization_server))
}
