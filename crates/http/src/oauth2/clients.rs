//! `/oauth2/v1/clients` (okta.md 1.2).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{
    App,
    identity::clients::{Registered, document},
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, oauth::ErrorBody, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 20,
    max: 200,
};

/// Why a registration is refused: in OAuth's words, or, for what cannot be read at all, in those of the management API.
#[derive(Debug, serde::Serialize, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
#[serde(untagged)]
pub(super) enum RegistrationFault {
    /// The metadata say what they may not (RFC 7591 section 3.2.2).
    Registration(ErrorBody),
    /// The request cannot be read.
    Request(ErrorObject),
}

/// A client, as it is registered and as it is answered (okta.md 1.2.1).
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used; the metadata is read member by member")]
pub(super) struct ClientObject {
    /// `0oa…`; the app's id too.
    #[schema(read_only)]
    client_id: String,
    /// Unix seconds.
    #[schema(read_only)]
    client_id_issued_at: i64,
    /// Only in the answer that made it.
    #[schema(read_only)]
    client_secret: Option<String>,
    /// 0 is never; absent without a secret.
    #[schema(read_only)]
    client_secret_expires_at: Option<i64>,
    /// For people.
    #[schema(max_length = 100)]
    client_name: String,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    /// `service`, `web` (default), `native` or `browser`.
    application_type: Option<String>,
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    /// `private_key_jwt` for service apps.
    token_endpoint_auth_method: Option<String>,
    /// `{"keys": [JWK]}`.
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    /// Ours: Okta has it in the app object only.
    dpop_bound_access_tokens: Option<bool>,
}

/// List all client applications
#[utoipa::path(get, path = "/oauth2/v1/clients", tag = "Client",
    params(("after" = Option<String>, Query), ("limit" = Option<u32>, Query, maximum = 200), ("q" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.clients.read"])),
    responses((status = 200, body = Vec<ClientObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<(PageLinks, Json<Vec<Value>>), OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let prefix = query.get("q").unwrap_or_default();
    let listed = app.clients(&caller.principal, prefix, page.after.as_deref(), page.limit)?;
    let clients = listed.items.iter().map(|client| document(client, None)).collect();
    let links = PageLinks::new(&links, "/oauth2/v1/clients", &query, listed.next.as_deref());
    Ok((links, Json(clients)))
}

/// Register a client application
#[utoipa::path(post, path = "/oauth2/v1/clients", tag = "Client", request_body = ClientObject,
    security(("apiToken" = []), ("oauth2" = ["okta.clients.register"])),
    responses((status = 201, body = ClientObject), (status = 400, body = RegistrationFault), (status = 403, body = ErrorObject)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(metadata): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), OktaError> {
    let made = app.create_client(&caller.principal, caller.origin, metadata).await?;
    Ok((StatusCode::CREATED, shown(&made)))
}

/// Retrieve a client application
#[utoipa::path(get, path = "/oauth2/v1/clients/{clientId}", tag = "Client", params(("clientId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.clients.read"])),
    responses((status = 200, body = ClientObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, OktaError> {
    Ok(Json(document(&app.client(&caller.principal, &id)?, None)))
}

/// Replace a client application
#[utoipa::path(put, path = "/oauth2/v1/clients/{clientId}", tag = "Client", params(("clientId" = String, Path)),
    request_body = ClientObject, security(("apiToken" = []), ("oauth2" = ["okta.clients.manage"])),
    responses((status = 200, body = ClientObject), (status = 400, body = RegistrationFault), (status = 404, body = ErrorObject)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(metadata): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let changed = app.replace_client(&caller.principal, caller.origin, &id, metadata).await?;
    Ok(shown(&changed))
}

/// Delete a client application
#[utoipa::path(delete, path = "/oauth2/v1/clients/{clientId}", tag = "Client", params(("clientId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.clients.manage"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_client(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Generate a client secret
#[utoipa::path(post, path = "/oauth2/v1/clients/{clientId}/lifecycle/newSecret", tag = "Client", params(("clientId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.clients.manage"])),
    responses((status = 200, body = ClientObject), (status = 404, body = ErrorObject)))]
pub(super) async fn renew_secret(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, OktaError> {
    let changed = app.renew_client_secret(&caller.principal, caller.origin, &id).await?;
    Ok(shown(&changed))
}

fn shown(registered: &Registered) -> Json<Value> {
    let secret = registered.secret.as_ref().map(ExposeSecret::expose_secret);
    Json(document(&registered.client, secret))
}
