//! `/api/v1/users/{id}/lifecycle/…` (okta.md 10.1).

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, identity::users::UserChange};

use super::shape::UserObject;
use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(activate))
        .routes(routes!(reactivate))
        .routes(routes!(deactivate))
        .routes(routes!(suspend))
        .routes(routes!(unsuspend))
        .routes(routes!(unlock))
        .routes(routes!(expire_password))
        .routes(routes!(reset_password))
        .routes(routes!(reset_factors))
}

macro_rules! transitions {
    ($($(#[doc = $doc:literal])* $name:ident, $path:literal, $change:ident;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(post, path = $path, tag = "User", params(("id" = String, Path)),
            security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
            responses((status = 200, body = Object), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
        async fn $name(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
            app.change_user(&caller.principal, caller.origin, &id, UserChange::$change).await?;
            // No mail is sent and no link given out: an administrator sets the password.
            Ok(Json(Value::Object(Map::new())))
        }
    )*};
}

transitions! {
    /// Activate a user
    activate, "/api/v1/users/{id}/lifecycle/activate", Activate;
    /// Reactivate a user
    reactivate, "/api/v1/users/{id}/lifecycle/reactivate", Reactivate;
    /// Deactivate a user
    deactivate, "/api/v1/users/{id}/lifecycle/deactivate", Deactivate;
    /// Suspend a user
    suspend, "/api/v1/users/{id}/lifecycle/suspend", Suspend;
    /// Unsuspend a user
    unsuspend, "/api/v1/users/{id}/lifecycle/unsuspend", Unsuspend;
    /// Unlock a user
    unlock, "/api/v1/users/{id}/lifecycle/unlock", Unlock;
    /// Reset the password of a user: it works no longer, and its sessions end
    reset_password, "/api/v1/users/{id}/lifecycle/reset_password", ResetPassword;
    /// Reset the factors of a user
    reset_factors, "/api/v1/users/{id}/lifecycle/reset_factors", ResetFactors;
}

/// Expire the password of a user
#[utoipa::path(post, path = "/api/v1/users/{id}/lifecycle/expire_password", tag = "User", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = UserObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn expire_password(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<Value>, OktaError> {
    let change = UserChange::ExpirePassword;
    let user = app.change_user(&caller.principal, caller.origin, &id, change).await?;
    Ok(Json(json!(UserObject::new(&user, &links))))
}
