//! `/api/v1/policies` (okta.md 9.3, 9.4). What an id names says which type of policy is meant.

pub mod entity_risk;
pub(super) mod rules;
pub mod shape;
mod simulate;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error};
use watchfire_model::object::{EntityRiskPolicy, Policy, PolicyDraft, Status};

use self::{
    entity_risk::{ENTITY_RISK, EntityRiskPolicyBody, EntityRiskRuleBody, is_entity_risk, parse_entity_risk_policy},
    shape::{PolicyBody, parse_policy, render_policy, render_rule},
};
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
const OTHER_TYPES: [&str; 10] = [
    "ACCESS_POLICY",
    "PASSWORD",
    "MFA_ENROLL",
    "IDP_DISCOVERY",
    "PROFILE_ENROLLMENT",
    "POST_AUTH_SESSION",
    "SESSION_VIOLATION_DETECTION",
    "DEVICE_SIGNAL_COLLECTION",
    "CLIENT_UPDATE",
    "IDENTITY_CLAIM_SOURCING",
];

/// Types that a simulation may name (okta.md 9.3).
const POLICY_TYPES_SIMULATED: [&str; 4] = [shape::POLICY_TYPE, "ACCESS_POLICY", "MFA_ENROLL", "PROFILE_ENROLLMENT"];

/// A policy of any type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum AnyPolicyBody {
    /// `OKTA_SIGN_ON`
    SignOn(PolicyBody),
    /// `ENTITY_RISK`
    EntityRisk(EntityRiskPolicyBody),
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
        .merge(rules::router())
        .merge(simulate::router())
}

/// List all policies
#[utoipa::path(get, path = "/api/v1/policies", tag = "Policy", security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    params(("type" = String, Query, description = "`OKTA_SIGN_ON` or `ENTITY_RISK`"), ("status" = Option<String>, Query), ("q" = Option<String>, Query),
        ("expand" = Option<String>, Query, description = "`rules`"), ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Vec<AnyPolicyBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    if query.filled("type") == Some(ENTITY_RISK) {
        let bodies = entity_risk_policies(&app, &caller, &links, &query).await?;
        return Ok((PageLinks::new(&links, PATH, &query, None), Json(bodies)));
    }
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
        bodies.push(AnyPolicyBody::SignOn(body(&app, &caller, &links, &query, policy).await?));
    }
    Ok((PageLinks::new(&links, PATH, &query, next.as_deref()), Json(bodies)))
}

/// Create a policy
#[utoipa::path(post, path = "/api/v1/policies", tag = "Policy", request_body = PolicyBody,
    params(("activate" = Option<bool>, Query, description = "`false` makes it inactive")),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = AnyPolicyBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<PolicyBody>, OktaError> {
    if body.get("type").and_then(Value::as_str) == Some(ENTITY_RISK) {
        return Err(Error::invalid("type", "There is one entity risk policy, and no second one can be created").into());
    }
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
    responses((status = 200, body = AnyPolicyBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    Path(id): Path<String>,
) -> Result<Json<AnyPolicyBody>, OktaError> {
    if is_entity_risk(&id) {
        let policy = app.entity_risk_policy(&caller.principal, &id).await?;
        let body = entity_risk_body(&app, &caller, &links, &query, &policy).await?;
        return Ok(Json(AnyPolicyBody::EntityRisk(body)));
    }
    let policy = app.policy(&caller.principal, &id).await?;
    let body = body(&app, &caller, &links, &query, &policy).await?;
    Ok(Json(AnyPolicyBody::SignOn(body)))
}

/// Replace a policy
#[utoipa::path(put, path = "/api/v1/policies/{policyId}", tag = "Policy", params(("policyId" = String, Path)),
    request_body = PolicyBody, security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = AnyPolicyBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AnyPolicyBody>, OktaError> {
    if is_entity_risk(&id) {
        let said = parse_entity_risk_policy(&body)?;
        let policy = app
            .replace_entity_risk_policy(&caller.principal, caller.origin, &id, said)
            .await?;
        let body = EntityRiskPolicyBody::new(&policy, links.org_url());
        return Ok(Json(AnyPolicyBody::EntityRisk(body)));
    }
    let draft = parse_policy(&body)?;
    let policy = app.replace_policy(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(AnyPolicyBody::SignOn(render_policy(&policy, links.org_url()))))
}

/// Delete a policy and its rules
#[utoipa::path(delete, path = "/api/v1/policies/{policyId}", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    if is_entity_risk(&id) {
        return Err(stays(&app, &caller, &id, ("policy", "The entity risk policy cannot be deleted")).await);
    }
    app.delete_policy(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a policy
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/lifecycle/activate", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    if is_entity_risk(&id) {
        app.entity_risk_policy(&caller.principal, &id).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let status = Status::Active;
    app.set_policy_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deactivate a policy
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/lifecycle/deactivate", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    if is_entity_risk(&id) {
        let refusal = ("status", "The entity risk policy cannot be deactivated");
        return Err(stays(&app, &caller, &id, refusal).await);
    }
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

/// The one policy of its type, where `status` and `q` let it through.
async fn entity_risk_policies(app: &App, caller: &Caller, links: &Links, query: &Query) -> Result<Vec<AnyPolicyBody>, OktaError> {
    let words = query.filled("q").map(str::to_lowercase);
    let is_asked = match query.filled("status") {
        None | Some("ACTIVE") => true,
        Some("INACTIVE") => false,
        Some(_) => return Err(Error::invalid("status", "Invalid value").into()),
    };
    let mut bodies = Vec::new();
    for policy in app.entity_risk_policies(&caller.principal).await? {
        let is_named = words.as_ref().is_none_or(|words| policy.name.to_lowercase().contains(words));
        if is_asked && is_named {
            let body = entity_risk_body(app, caller, links, query, &policy).await?;
            bodies.push(AnyPolicyBody::EntityRisk(body));
        }
    }
    Ok(bodies)
}

async fn entity_risk_body(
    app: &App,
    caller: &Caller,
    links: &Links,
    query: &Query,
    policy: &EntityRiskPolicy,
) -> Result<EntityRiskPolicyBody, OktaError> {
    let body = EntityRiskPolicyBody::new(policy, links.org_url());
    if query.filled("expand") != Some("rules") {
        return Ok(body);
    }
    let rules = app.entity_risk_rules(&caller.principal, policy.id.as_str()).await?;
    let rules: Vec<EntityRiskRuleBody> = rules
        .iter()
        .map(|rule| EntityRiskRuleBody::new(rule, links.org_url()))
        .collect();
    Ok(body.with_rules(&rules))
}

/// Why the entity risk policy stays as it is, or that there is none of this id.
async fn stays(app: &App, caller: &Caller, id: &str, (field, why): (&str, &str)) -> OktaError {
    match app.entity_risk_policy(&caller.principal, id).await {
        Ok(_) => Error::invalid(field, why).into(),
        Err(error) => error.into(),
    }
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
