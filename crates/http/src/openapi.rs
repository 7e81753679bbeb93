//! All surfaces as one router, and the OpenAPI document that is made from the same handlers.

use axum::{Json, Router, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use watchfire_app::App;

use crate::{okta, operations};

#[derive(OpenApi)]
#[openapi(
    info(title = "Watchfire", description = "Risk signals in, decisions out. Paths below /api/v1 and /oauth2/v1 are wire-compatible with Okta."),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = ApiKey::Header(ApiKeyValue::with_description("Authorization", "`SSWS` and an API token"));
        components.add_security_scheme("apiToken", SecurityScheme::ApiKey(token));
        let flow = Flow::ClientCredentials(ClientCredentials::new("/oauth2/v1/token", Scopes::new()));
        components.add_security_scheme("oauth2", SecurityScheme::OAuth2(OAuth2::new([flow])));
    }
}

fn surfaces() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(operations::router())
        .merge(okta::router())
}

/// Every surface of `app`; [`crate::Site`] goes around it.
pub fn router(app: App) -> Router {
    let (router, document) = surfaces().split_for_parts();
    router
        .route("/openapi.json", get(move || std::future::ready(Json(document.clone()))))
        .with_state(app)
}

/// The OpenAPI document, pretty-printed.
///
/// # Errors
/// Never in practice: the document is made of what JSON can say.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, document) = surfaces().split_for_parts();
    document.to_pretty_json().map(|text| text + "\n")
}
