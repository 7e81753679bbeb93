//! `/api/v1/policies` (okta.md 9.3).

pub(super) mod rules;
pub mod shape;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error};
use watchfire_model::object::{Policy, PolicyDraft, Status};

use self::shape::{PolicyBody, parse_policy, render_policy, render_rule};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/policies";

const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 200,
    max: 200,
};

/// Types that Okta has and that have no policies here: a list of them is empty.
const OTHER_TYPES: [&str; 11] = [
    "ACCESS_POLICY",
    "PASSWORD",
    "MFA_ENROLL",
    "IDP_DISCOVERY",
    "PROFILE_ENROLLMENT",
    "ENTITY_RISK",
    "POST_AUTH_SESSION",
    "SESSION_VIOLATION_DETECTION",
    "DEVICE_SIGNAL_COLLECTION",
    "CLIENT_UPDATE",
    "IDENTITY_CLAIM_SOURCING",
];

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
        .merge(rules::router())
}

/// List all policies
#[utoipa::path(get, path = "/api/v1/policies", tag = "Policy", security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    params(("type" = String, Query, description = "`OKTA_SIGN_ON`"), ("status" = Option<String>, Query), ("q" = Option<String>, Query),
        ("expand" = Option<String>, Query, description = "`rules`"), ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Vec<PolicyBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let mut policies = app.policies(&caller.principal).await?;
    match query.filled("type") {
        Some(shape::POLICY_TYPE) => {}
        Some(other) if OTHER_TYPES.contains(&other) => policies.clear(),
        Some(_) => return Err(Error::invalid("type", "Invalid value").into()),
        None => return Err(Error::invalid("type", "The field cannot be left blank").into()),
    }
    retain(&mut policies, &query)?;
    let (policies, next) = page.cut(policies, |policy| policy.id.as_str());
    let mut bodies = Vec::with_capacity(policies.len());
    for policy in &policies {
        bodies.push(body(&app, &caller, &links, &query, policy).await?);
    }
    Ok((PageLinks::new(&links, PATH, &query, next.as_deref()), Json(bodies)))
}

/// Create a policy
#[utoipa::path(post, path = "/api/v1/policies", tag = "Policy", request_body = PolicyBody,
    params(("activate" = Option<bool>, Query, description = "`false` makes it inactive")),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = PolicyBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<PolicyBody>, OktaError> {
    let mut draft: PolicyDraft = parse_policy(&body)?;
    if let Some(status) = asked_status(&query)? {
        draft.status = Some(status);
    }
    let policy = app.create_policy(&caller.principal, caller.origin, draft).await?;
    Ok(Json(render_policy(&policy, links.org_url())))
}

/// Retrieve a policy
#[utoipa::path(get, path = "/api/v1/policies/{policyId}", tag = "Policy",
    params(("policyId" = String, Path), ("expand" = Option<String>, Query, description = "`rules`")),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    responses((status = 200, body = PolicyBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<PolicyBody>, OktaError> {
    let policy = app.policy(&caller.principal, &id).await?;
    Ok(Json(body(&app, &caller, &links, &query, &policy).await?))
}

/// Replace a policy
#[utoipa::path(put, path = "/api/v1/policies/{policyId}", tag = "Policy", params(("policyId" = String, Path)),
    request_body = PolicyBody, security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = PolicyBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<PolicyBody>, OktaError> {
    let draft = parse_policy(&body)?;
    let policy = app.replace_policy(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(render_policy(&policy, links.org_url())))
}

/// Delete a policy and its rules
#[utoipa::path(delete, path = "/api/v1/policies/{policyId}", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_policy(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a policy
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/lifecycle/activate", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    let status = Status::Active;
    app.set_policy_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deactivate a policy
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/lifecycle/deactivate", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    let status = Status::Inactive;
    app.set_policy_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What `?activate=` says of the status of a new object. `true` leaves it to the body.
fn asked_status(query: &Query) -> Result<Option<Status>, Error> {
    match query.filled("activate") {
        None | Some("true") => Ok(None),
        Some("false") => Ok(Some(Status::Inactive)),
        Some(_) => Err(Error::invalid("activate", "Invalid value")),
    }
}

async fn body(app: &App, caller: &Caller, links: &Links, query: &Query, policy: &Policy) -> Result<PolicyBody, OktaError> {
    let body = render_policy(policy, links.org_url());
    if query.filled("expand") != Some("rules") {
        return Ok(body);
    }
    let rules = app.policy_rules(&caller.principal, policy.id.as_str()).await?;
    Ok(body.with_rules(rules.iter().map(|rule| render_rule(rule, links.org_url())).collect()))
}

/// Applies `status` and `q`, which looks into names.
fn retain(policies: &mut Vec<Policy>, query: &Query) -> Result<(), Error> {
    match query.filled("status") {
        None => {}
        Some("ACTIVE") => policies.retain(|policy| policy.status == Status::Active),
        Some("INACTIVE") => policies.retain(|policy| policy.status == Status::Inactive),
        Some(_) => return Err(Error::invalid("status", "Invalid value")),
    }
    if let Some(words) = query.filled("q") {
        let words = words.to_lowercase();
        policies.retain(|policy| policy.name.to_lowercase().contains(&words));
    }
    Ok(())
}
