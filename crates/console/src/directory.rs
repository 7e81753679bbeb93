//! Directory: people and groups.

mod groups;
pub(crate) mod users;

use axum::Router;
use watchfire_app::App;

pub(crate) fn router() -> Router<App> {
    Router::new().merge(users::router()).merge(groups::router())
}
