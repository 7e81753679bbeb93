//! All surfaces as one router, and the OpenAPI document that is made from the same handlers.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use watchfire_app::App;

use crate::{answers, oauth2, okta, operations, reference, scopes::ScopeTable, ssf, watchfire};

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

/// The router, and the document with every answer that an operation can give.
fn split() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (router, mut document) = surfaces().split_for_parts();
    answers::complete(&mut document);
    (router, document)
}

fn surfaces() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(operations::router())
        .merge(oauth2::router())
        .merge(okta::router())
        .merge(ssf::router())
        .merge(watchfire::router())
}

/// Every surface of `app`; [`crate::Site`] goes around it.
pub fn router(app: App) -> Router {
    let (router, document) = split();
    let document = serde_json::to_value(document).unwrap_or_default();
    let scopes = ScopeTable::of(&document);
    // One copy for everybody who reads them, however slowly.
    let page = Bytes::from(reference::page(&document));
    let document = Bytes::from(document.to_string());
    router
        .route(
            "/openapi.json",
            get(move || std::future::ready(([(CONTENT_TYPE, "application/json")], document.clone()))),
        )
        .route("/docs", get(move || std::future::ready(html(page.clone()))))
        .route(
            "/docs/style.css",
            get(|| std::future::ready(([(CONTENT_TYPE, "text/css; charset=utf-8")], reference::STYLE))),
        )
        .layer(axum::Extension(scopes))
        .layer(from_fn_with_state(app.clone(), count_answer))
        .with_state(app)
}

fn html(page: Bytes) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, reference::CONTENT_SECURITY_POLICY),
    ];
    (headers, page)
}

/// Counts every answer; a method of the client's own making is counted as `OTHER`.
async fn count_answer(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = tokio::time::Instant::now();
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    let method = known.into_iter().find(|known| request.method() == *known).unwrap_or("OTHER");
    let response = next.run(request).await;
    app.count_answer(method, response.status().as_u16(), began.elapsed().as_secs_f64());
    response
}

/// The OpenAPI document, pretty-printed.
///
/// # Errors
/// Never in practice: the document is made of what JSON can say.
pub fn document() -> Result<String, serde_json::Error> {
    let (_, document) = split();
    document.to_pretty_json().map(|text| text + "\n")
}
