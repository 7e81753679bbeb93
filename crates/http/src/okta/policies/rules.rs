//! `/api/v1/policies/{policyId}/rules` (okta.md 9.3, 9.4).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App,
    response::{entity_risk_policy, policy_rules::RulePath},
};
use watchfire_model::{
    id::{EntityRiskPolicyId, EntityRiskRuleId, PolicyId, RuleId},
    object::Status,
};

use super::{
    asked_status,
    entity_risk::{EntityRiskRuleBody, is_entity_risk, parse_entity_risk_rule},
    shape::{RuleBody, parse_rule, render_rule},
};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    query::Query,
};

/// A rule of a policy of any type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum AnyRuleBody {
    /// `SIGN_ON`
    SignOn(RuleBody),
    /// `ENTITY_RISK`
    EntityRisk(EntityRiskRuleBody),
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// List all policy rules
#[utoipa::path(get, path = "/api/v1/policies/{policyId}/rules", tag = "Policy", params(("policyId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    responses((status = 200, body = Vec<AnyRuleBody>), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(policy): Path<String>,
) -> Result<Json<Vec<AnyRuleBody>>, OktaError> {
    if is_entity_risk(&policy) {
        let rules = app.entity_risk_rules(&caller.principal, &policy).await?;
        let body = |rule| AnyRuleBody::EntityRisk(EntityRiskRuleBody::new(rule, links.org_url()));
        return Ok(Json(rules.iter().map(body).collect()));
    }
    let rules = app.policy_rules(&caller.principal, &policy).await?;
    let body = |rule| AnyRuleBody::SignOn(render_rule(rule, links.org_url()));
    Ok(Json(rules.iter().map(body).collect()))
}

/// Create a policy rule
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/rules", tag = "Policy", request_body = RuleBody,
    params(("policyId" = String, Path), ("activate" = Option<bool>, Query, description = "`false` makes it inactive")),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = AnyRuleBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    Path(policy): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AnyRuleBody>, OktaError> {
    if is_entity_risk(&policy) {
        let mut draft = parse_entity_risk_rule(&body)?;
        if let Some(status) = asked_status(&query)? {
            draft.status = Some(status);
        }
        let rule = app
            .create_entity_risk_rule(&caller.principal, caller.origin, &policy, draft)
            .await?;
        let body = EntityRiskRuleBody::new(&rule, links.org_url());
        return Ok(Json(AnyRuleBody::EntityRisk(body)));
    }
    let mut draft = parse_rule(&body)?;
    if let Some(status) = asked_status(&query)? {
        draft.status = Some(status);
    }
    let rule = app
        .create_policy_rule(&caller.principal, caller.origin, &policy, draft)
        .await?;
    Ok(Json(AnyRuleBody::SignOn(render_rule(&rule, links.org_url()))))
}

/// Retrieve a policy rule
#[utoipa::path(get, path = "/api/v1/policies/{policyId}/rules/{ruleId}", tag = "Policy",
    params(("policyId" = String, Path), ("ruleId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    responses((status = 200, body = AnyRuleBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(ids): Path<(String, String)>,
) -> Result<Json<AnyRuleBody>, OktaError> {
    if is_entity_risk(&ids.0) {
        let rule = app.entity_risk_rule(&caller.principal, &entity_risk_path(ids)).await?;
        let body = EntityRiskRuleBody::new(&rule, links.org_url());
        return Ok(Json(AnyRuleBody::EntityRisk(body)));
    }
    let rule = app.policy_rule(&caller.principal, &path(ids)).await?;
    Ok(Json(AnyRuleBody::SignOn(render_rule(&rule, links.org_url()))))
}

/// Replace a policy rule
#[utoipa::path(put, path = "/api/v1/policies/{policyId}/rules/{ruleId}", tag = "Policy",
    params(("policyId" = String, Path), ("ruleId" = String, Path)), request_body = RuleBody,
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 200, body = AnyRuleBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(ids): Path<(String, String)>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<AnyRuleBody>, OktaError> {
    if is_entity_risk(&ids.0) {
        let draft = parse_entity_risk_rule(&body)?;
        let rule = app
            .replace_entity_risk_rule(&caller.principal, caller.origin, entity_risk_path(ids), draft)
            .await?;
        let body = EntityRiskRuleBody::new(&rule, links.org_url());
        return Ok(Json(AnyRuleBody::EntityRisk(body)));
    }
    let draft = parse_rule(&body)?;
    let rule = app
        .replace_policy_rule(&caller.principal, caller.origin, path(ids), draft)
        .await?;
    Ok(Json(AnyRuleBody::SignOn(render_rule(&rule, links.org_url()))))
}

/// Delete a policy rule
#[utoipa::path(delete, path = "/api/v1/policies/{policyId}/rules/{ruleId}", tag = "Policy",
    params(("policyId" = String, Path), ("ruleId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(ids): Path<(String, String)>) -> Result<StatusCode, OktaError> {
    if is_entity_risk(&ids.0) {
        app.delete_entity_risk_rule(&caller.principal, caller.origin, entity_risk_path(ids))
            .await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    app.delete_policy_rule(&caller.principal, caller.origin, path(ids)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a policy rule
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/rules/{ruleId}/lifecycle/activate", tag = "Policy",
    params(("policyId" = String, Path), ("ruleId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(State(app): State<App>, caller: Caller, Path(ids): Path<(String, String)>) -> Result<StatusCode, OktaError> {
    set_status(&app, caller, ids, Status::Active).await
}

/// Deactivate a policy rule
#[utoipa::path(post, path = "/api/v1/policies/{policyId}/rules/{ruleId}/lifecycle/deactivate", tag = "Policy",
    params(("policyId" = String, Path), ("ruleId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(State(app): State<App>, caller: Caller, Path(ids): Path<(String, String)>) -> Result<StatusCode, OktaError> {
    set_status(&app, caller, ids, Status::Inactive).await
}

async fn set_status(app: &App, caller: Caller, ids: (String, String), status: Status) -> Result<StatusCode, OktaError> {
    if is_entity_risk(&ids.0) {
        app.set_entity_risk_rule_status(&caller.principal, caller.origin, entity_risk_path(ids), status)
            .await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    app.set_policy_rule_status(&caller.principal, caller.origin, path(ids), status)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn path((policy, rule): (String, String)) -> RulePath {
    RulePath {
        policy: PolicyId::new(policy),
        rule: RuleId::new(rule),
    }
}

fn entity_risk_path((policy, rule): (String, String)) -> entity_risk_policy::RulePath {
    entity_risk_policy::RulePath {
        policy: EntityRiskPolicyId::new(policy),
        rule: EntityRiskRuleId::new(rule),
    }
}
