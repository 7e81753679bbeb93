//! `/api/v1/apps/{appId}/grants` (okta.md 2.2).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{App, identity::grants::GrantView};
use watchfire_model::{id::UserId, time::Timestamp};

use super::members::{Faults, Members};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
};

/// Longer scope names are none of ours.
const MAX_CHARS: usize = 1024;

/// A scope granted to an app.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GrantObject {
    /// `oag…`
    id: String,
    /// `ACTIVE`: a revoked grant is gone.
    status: &'static str,
    /// When it was granted.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// By whom.
    created_by: GrantedBy,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// The org URL.
    issuer: String,
    /// The app.
    client_id: String,
    /// The scope's name.
    scope_id: String,
    /// `ADMIN`
    source: &'static str,
    /// The scope as an object.
    #[serde(rename = "_embedded")]
    embedded: Embedded,
    /// Where it and its app are.
    #[serde(rename = "_links")]
    links: GrantLinks,
}

/// Who granted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantedBy {
    /// A user or a service app.
    id: String,
    /// `User` or `PublicClientApp`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What a grant contains.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Embedded {
    /// The scope.
    scope: EmbeddedScope,
}

/// A scope by its name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EmbeddedScope {
    /// The name.
    id: String,
}

/// The links of a grant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantLinks {
    /// The app.
    app: TitledLink,
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
    /// The client.
    client: TitledLink,
}

/// A link with a name for people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TitledLink {
    /// Where it leads.
    href: String,
    /// The app's name.
    title: String,
}

/// What is to be granted.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct GrantRequest {
    /// The scope's name.
    #[schema(example = "okta.riskEvents.manage")]
    scope_id: String,
    /// The org URL, which it is when absent.
    issuer: Option<String>,
}

impl GrantObject {
    fn new(view: GrantView, links: &Links) -> Self {
        let GrantView { grant, client_name } = view;
        let app = links.to(&format!("/api/v1/apps/{}", grant.client_id));
        let titled = |href| TitledLink {
            href,
            title: client_name.clone(),
        };
        let is_user = grant.created_by.as_str().starts_with(UserId::PREFIX);
        Self {
            status: "ACTIVE",
            created: grant.created,
            created_by: GrantedBy {
                kind: if is_user { "User" } else { "PublicClientApp" },
                id: grant.created_by.into(),
            },
            last_updated: grant.last_updated,
            issuer: links.org_url().to_owned(),
            source: "ADMIN",
            embedded: Embedded {
                scope: EmbeddedScope { id: grant.scope.clone() },
            },
            links: GrantLinks {
                this: Link::new(format!("{app}/grants/{}", grant.id), &["GET", "DELETE"]),
                client: titled(links.to(&format!("/oauth2/v1/clients/{}", grant.client_id))),
                app: titled(app),
            },
            id: grant.id.into(),
            client_id: grant.client_id.into(),
            scope_id: grant.scope,
        }
    }
}

/// List all app grants
#[utoipa::path(get, path = "/api/v1/apps/{appId}/grants", tag = "ApplicationGrants",
    params(("appId" = String, Path), ("expand" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.appGrants.read"])),
    responses((status = 200, body = Vec<GrantObject>), (status = 404, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<GrantObject>>, OktaError> {
    let grants = app.grants(&caller.principal, &app_id)?;
    Ok(Json(grants.into_iter().map(|view| GrantObject::new(view, &links)).collect()))
}

/// Grant consent to a scope for an app
#[utoipa::path(post, path = "/api/v1/apps/{appId}/grants", tag = "ApplicationGrants", params(("appId" = String, Path)),
    request_body = GrantRequest, security(("apiToken" = []), ("oauth2" = ["okta.appGrants.manage"])),
    responses((status = 201, body = GrantObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
pub(super) async fn grant(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(app_id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<GrantObject>), OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    let scope = members.required_text("scopeId", MAX_CHARS, &mut faults);
    let issuer = members.text("issuer", MAX_CHARS, &mut faults);
    let (scope, issuer) = faults.or((scope, issuer))?;
    let view = app
        .grant_scope(&caller.principal, caller.origin, &app_id, scope, issuer.as_deref())
        .await?;
    Ok((StatusCode::CREATED, Json(GrantObject::new(view, &links))))
}

/// Retrieve an app grant
#[utoipa::path(get, path = "/api/v1/apps/{appId}/grants/{grantId}", tag = "ApplicationGrants",
    params(("appId" = String, Path), ("grantId" = String, Path), ("expand" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.appGrants.read"])),
    responses((status = 200, body = GrantObject), (status = 404, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path((app_id, id)): Path<(String, String)>,
) -> Result<Json<GrantObject>, OktaError> {
    let view = app.grant(&caller.principal, &app_id, &id)?;
    Ok(Json(GrantObject::new(view, &links)))
}

/// Revoke an app grant
#[utoipa::path(delete, path = "/api/v1/apps/{appId}/grants/{grantId}", tag = "ApplicationGrants",
    params(("appId" = String, Path), ("grantId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.appGrants.manage"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path((app_id, id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    app.revoke_grant(&caller.principal, caller.origin, &app_id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
