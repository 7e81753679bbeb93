//! `/api/v1/api-tokens` (okta.md 10.6).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error};
use watchfire_model::{
    id::ZoneId,
    object::{ApiToken, TokenNetwork},
    time::Timestamp,
};

use super::members::{Faults, Members};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/api-tokens";
const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 200,
    max: 200,
};
/// The domain says the same of what is stored.
const MAX_NAME_CHARS: usize = 255;
const SECONDS_OF_A_DAY: u64 = 24 * 3_600;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, update, revoke))
        .routes(routes!(revoke_current))
}

/// An API token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiTokenObject {
    /// `00T…`
    id: String,
    /// For people.
    name: String,
    /// Whose privileges it carries.
    user_id: String,
    /// `Okta API`
    client_name: &'static str,
    /// `P30D`: how long it works after its last use; absent with a fixed expiry or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_window: Option<String>,
    /// `{"connection": "ANYWHERE"}`, or `ZONE` with `include` and `exclude`.
    #[schema(value_type = Object)]
    network: TokenNetwork,
    /// When it stops working, unless it is used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// Itself and its user.
    #[serde(rename = "_links")]
    links: ApiTokenLinks,
}

/// The links of a token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiTokenLinks {
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
    /// Whose privileges it carries.
    user: Link,
}

/// What may be changed; the rest of the object is ignored.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct ApiTokenUpdate {
    /// For people.
    #[schema(max_length = 255)]
    name: String,
    /// From where it may be used; everywhere when absent.
    network: Option<Value>,
}

impl ApiTokenObject {
    fn new(token: ApiToken, links: &Links) -> Self {
        let user = links.to(&format!("/api/v1/users/{}", token.user_id));
        Self {
            links: ApiTokenLinks {
                this: Link::new(links.to(&format!("{PATH}/{}", token.id)), &["GET", "DELETE"]),
                user: Link::new(user, &["GET"]),
            },
            id: token.id.into(),
            name: token.name,
            user_id: token.user_id.into(),
            client_name: "Okta API",
            token_window: token
                .window_seconds
                .map(|seconds| format!("P{}D", seconds / SECONDS_OF_A_DAY)),
            network: token.network,
            expires_at: token.expires_at,
            created: token.created,
            last_updated: token.last_updated,
        }
    }
}

/// List all API token metadata
#[utoipa::path(get, path = "/api/v1/api-tokens", tag = "ApiToken",
    params(("after" = Option<String>, Query), ("limit" = Option<u32>, Query, maximum = 200), ("q" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.apiTokens.read"])),
    responses((status = 200, body = Vec<ApiTokenObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<(PageLinks, Json<Vec<ApiTokenObject>>), OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let prefix = query.get("q").unwrap_or_default();
    let listed = app.api_tokens(&caller.principal, prefix, page.after.as_deref(), page.limit)?;
    let page = PageLinks::new(&links, PATH, &query, listed.next.as_deref());
    let tokens = listed.items.into_iter().map(|token| ApiTokenObject::new(token, &links));
    Ok((page, Json(tokens.collect())))
}

/// Retrieve an API token's metadata
#[utoipa::path(get, path = "/api/v1/api-tokens/{apiTokenId}", tag = "ApiToken", params(("apiTokenId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apiTokens.read"])),
    responses((status = 200, body = ApiTokenObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ApiTokenObject>, OktaError> {
    Ok(Json(ApiTokenObject::new(app.api_token(&caller.principal, &id)?, &links)))
}

/// Upsert an API token's network condition
#[utoipa::path(put, path = "/api/v1/api-tokens/{apiTokenId}", tag = "ApiToken", params(("apiTokenId" = String, Path)),
    request_body = ApiTokenUpdate, security(("apiToken" = []), ("oauth2" = ["okta.apiTokens.manage"])),
    responses((status = 200, body = ApiTokenObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<ApiTokenObject>, OktaError> {
    let (name, network) = read(&body)?;
    let token = app
        .update_api_token(&caller.principal, caller.origin, &id, name, network)
        .await?;
    Ok(Json(ApiTokenObject::new(token, &links)))
}

/// Revoke an API token
#[utoipa::path(delete, path = "/api/v1/api-tokens/{apiTokenId}", tag = "ApiToken", params(("apiTokenId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.apiTokens.manage"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.revoke_api_token(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke the current API token
#[utoipa::path(delete, path = "/api/v1/api-tokens/current", tag = "ApiToken", security(("apiToken" = [])),
    responses((status = 204), (status = 403, body = ErrorObject)))]
pub(super) async fn revoke_current(State(app): State<App>, caller: Caller) -> Result<StatusCode, OktaError> {
    app.revoke_current_api_token(&caller.principal, caller.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(body: &Value) -> Result<(String, TokenNetwork), Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    let name = members.required_text("name", MAX_NAME_CHARS, &mut faults);
    let network = members.child("network", &mut faults);
    let words = [("ANYWHERE", false), ("ZONE", true)];
    let by_zone = network.choice("connection", &words, &mut faults).unwrap_or(false);
    let mut zones = |member| {
        network
            .texts(member, &mut faults)
            .into_iter()
            .map(ZoneId::new)
            .collect::<Vec<_>>()
    };
    let (include, exclude) = (zones("include"), zones("exclude"));
    let names_any = !include.is_empty() || !exclude.is_empty();
    if names_any && !by_zone {
        // To forget them would let the token work from everywhere.
        faults.add("network.connection", "Zones can be named only with ZONE");
    }
    let network = if by_zone {
        TokenNetwork::Zone { include, exclude }
    } else {
        TokenNetwork::Anywhere
    };
    faults.or((name, network))
}
