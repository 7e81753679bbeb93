//! `/api/v1/risk/providers` (okta.md 3).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use watchfire_app::{App, Error, intake::risk_providers::RiskProviderDraft};
use watchfire_model::{
    id::ClientId,
    object::{ProviderAction, RiskProvider},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
};

/// What the wire says where a provider has no client (okta.md 13, row 4): the string, not null.
const NO_CLIENT: &str = "null";

/// A risk provider on the wire.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RiskProviderObject {
    /// `rkp…`
    pub id: String,
    /// Unique, at most 50 characters.
    pub name: String,
    /// The service app, or the string `null`.
    pub client_id: String,
    /// `none`, `log_only` or `enforce_and_log`.
    pub action: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    pub last_updated: Timestamp,
    /// Where it is.
    #[serde(rename = "_links")]
    pub links: RiskProviderLinks,
}

/// The links of a risk provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RiskProviderLinks {
    /// Itself.
    #[serde(rename = "self")]
    pub this: Link,
}

impl RiskProviderObject {
    fn new(provider: RiskProvider, links: &Links) -> Self {
        let href = links.to(&format!("/api/v1/risk/providers/{}", provider.id));
        Self {
            id: provider.id.into(),
            name: provider.name,
            client_id: provider.client_id.map_or_else(|| NO_CLIENT.to_owned(), String::from),
            action: provider.action.as_str(),
            created: provider.created,
            last_updated: provider.last_updated,
            links: RiskProviderLinks {
                this: Link::new(href, &["GET", "PUT", "DELETE"]),
            },
        }
    }
}

/// What an administrator may say of a provider; the SDKs send the whole object back, so the rest is
/// ignored (okta.md 3.2).
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct RiskProviderRequest {
    /// Unique, at most 50 characters.
    #[schema(max_length = 50)]
    name: String,
    /// A service app, or the string `null`.
    client_id: String,
    /// `log_only` when absent.
    #[schema(example = "enforce_and_log")]
    action: Option<String>,
}

/// List all risk providers
#[utoipa::path(get, path = "/api/v1/risk/providers", tag = "RiskProvider", security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.read"])),
    responses((status = 200, body = Vec<RiskProviderObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
) -> Result<Json<Vec<RiskProviderObject>>, OktaError> {
    let providers = app.risk_providers(&caller.principal).await?;
    Ok(Json(
        providers
            .into_iter()
            .map(|provider| RiskProviderObject::new(provider, &links))
            .collect(),
    ))
}

/// Create a risk provider
#[utoipa::path(post, path = "/api/v1/risk/providers", tag = "RiskProvider", request_body = RiskProviderRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.manage"])),
    responses((status = 201, body = RiskProviderObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<(StatusCode, Json<RiskProviderObject>), OktaError> {
    let provider = app
        .create_risk_provider(&caller.principal, caller.origin, draft(&body)?)
        .await?;
    Ok((StatusCode::CREATED, Json(RiskProviderObject::new(provider, &links))))
}

/// Retrieve a risk provider
#[utoipa::path(get, path = "/api/v1/risk/providers/{riskProviderId}", tag = "RiskProvider", params(("riskProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.read"])),
    responses((status = 200, body = RiskProviderObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<RiskProviderObject>, OktaError> {
    Ok(Json(RiskProviderObject::new(
        app.risk_provider(&caller.principal, &id).await?,
        &links,
    )))
}

/// Replace a risk provider
#[utoipa::path(put, path = "/api/v1/risk/providers/{riskProviderId}", tag = "RiskProvider", params(("riskProviderId" = String, Path)),
    request_body = RiskProviderRequest, security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.manage"])),
    responses((status = 200, body = RiskProviderObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<RiskProviderObject>, OktaError> {
    let provider = app
        .replace_risk_provider(&caller.principal, caller.origin, &id, draft(&body)?)
        .await?;
    Ok(Json(RiskProviderObject::new(provider, &links)))
}

/// Replace a risk provider (the old reference page's way)
#[utoipa::path(post, path = "/api/v1/risk/providers/{riskProviderId}", tag = "RiskProvider", params(("riskProviderId" = String, Path)),
    request_body = RiskProviderRequest, security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.manage"])),
    responses((status = 200, body = RiskProviderObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn replace_by_post(
    app: State<App>,
    caller: Caller,
    links: Links,
    id: Path<String>,
    body: JsonBody<Map<String, Value>>,
) -> Result<Json<RiskProviderObject>, OktaError> {
    replace(app, caller, links, id, body).await
}

/// Delete a risk provider
#[utoipa::path(delete, path = "/api/v1/risk/providers/{riskProviderId}", tag = "RiskProvider", params(("riskProviderId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.riskProviders.manage"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_risk_provider(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads what the caller says; the rules between members are the domain's.
fn draft(body: &Map<String, Value>) -> Result<RiskProviderDraft, Error> {
    let name = text(body, "name")?.ok_or_else(|| blank("name"))?;
    let client_id = match text(body, "clientId")? {
        None | Some("") => return Err(blank("clientId")),
        Some(NO_CLIENT) => None,
        Some(id) => Some(ClientId::new(id)),
    };
    let action = match text(body, "action")? {
        None => ProviderAction::default(),
        Some(word) => ProviderAction::parse(word).ok_or_else(|| {
            Error::invalid(
                "action",
                "The value is not valid. Allowed values: none, log_only, enforce_and_log",
            )
        })?,
    };
    Ok(RiskProviderDraft {
        name: name.to_owned(),
        client_id,
        action,
    })
}

fn text<'a>(body: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, Error> {
    match body.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(member, "The field must be a string")),
    }
}

fn blank(member: &str) -> Error {
    Error::invalid(member, "The field cannot be left blank")
}
