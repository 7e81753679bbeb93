//! What Terraform's `okta_app_oauth` calls beside the documented API (okta.md 1.8).

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

use crate::{body::JsonBody, caller::Caller, error::OktaError, links::Links};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, set))
}

/// Retrieve an app's id token settings
#[utoipa::path(get, path = "/api/v1/internal/apps/{appId}/settings/oauth/idToken", tag = "Application", params(("appId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apps.read"])), responses((status = 200, body = Object), (status = 404)))]
async fn get(State(app): State<App>, caller: Caller, links: Links, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    let client = app.app(&caller.principal, &id)?;
    Ok(Json(json!({
        "issuer": links.org_url(), "orgUrl": null, "customUrl": null, "audience": client.id.as_str(),
        "issuerMode": "ORG_URL",
    })))
}

/// Set an app's id token settings: no id tokens are issued, so there is nothing to set
#[utoipa::path(post, path = "/api/v1/internal/apps/{appId}/settings/oauth/idToken", tag = "Application", params(("appId" = String, Path)),
    request_body = Object, security(("apiToken" = []), ("oauth2" = ["okta.apps.manage"])), responses((status = 200, body = Object), (status = 404)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    _: JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    app.check_manages_app(&caller.principal, &id)?;
    Ok(Json(json!({
        "issuer": null, "orgUrl": null, "customUrl": null, "audience": null, "issuerMode": "ORG_URL",
    })))
}
