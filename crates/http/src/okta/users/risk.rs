//! `/api/v1/users/{userId}/risk` (okta.md 9.7).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error, identity::entity_risk::UserRisk};
use watchfire_model::signal::RiskLevel;

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
    okta::members::{Faults, Members},
};

/// Characters of a reason at the most.
const MAX_REASON: usize = 500;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, replace))
}

/// How risky a user is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserRiskObject {
    /// `NONE`, `LOW`, `MEDIUM` or `HIGH`
    risk_level: &'static str,
    /// Why; absent for NONE.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The user, and the risk itself.
    #[serde(rename = "_links")]
    #[schema(value_type = Object)]
    links: Value,
}

impl UserRiskObject {
    fn new(risk: UserRisk, links: &Links) -> Self {
        let user = links.to(&format!("/api/v1/users/{}", risk.user));
        Self {
            risk_level: risk.level.map_or("NONE", RiskLevel::as_str),
            reason: risk.reason,
            links: json!({
                "self": Link::new(format!("{user}/risk"), &["GET", "PUT"]),
                "user": Link::new(user, &["GET"]),
            }),
        }
    }
}

/// What an administrator says of a user's risk.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only the API reference is made from it; bodies are read member by member"
)]
struct UserRiskRequest {
    /// `LOW`, `MEDIUM` or `HIGH`
    risk_level: String,
    /// At most 500 letters, digits, blanks, `-`, `,` and `.`
    risk_reason: Option<String>,
}

/// Retrieve the user's risk
#[utoipa::path(get, path = "/api/v1/users/{userId}/risk", tag = "UserRisk", params(("userId" = String, Path, description = "Id, login or `me`")),
    security(("apiToken" = []), ("oauth2" = ["okta.userRisk.read"])),
    responses((status = 200, body = UserRiskObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<UserRiskObject>, OktaError> {
    let risk = app.user_risk(&caller.principal, &id).await?;
    Ok(Json(UserRiskObject::new(risk, &links)))
}

/// Upsert the user's risk
#[utoipa::path(put, path = "/api/v1/users/{userId}/risk", tag = "UserRisk", params(("userId" = String, Path, description = "Id, login or `me`")),
    request_body = UserRiskRequest, security(("apiToken" = []), ("oauth2" = ["okta.userRisk.manage"])),
    responses((status = 200, body = UserRiskObject), (status = 201, description = "The user had no risk record", body = UserRiskObject),
        (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<UserRiskObject>), OktaError> {
    let said = parse(&body)?;
    let (risk, created) = app.set_user_risk(&caller.principal, caller.origin, &id, said).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(UserRiskObject::new(risk, &links))))
}

fn parse(body: &Value) -> Result<(RiskLevel, Option<String>), Error> {
    let body = Members::of(body)?;
    let faults = &mut Faults::default();
    body.require("riskLevel", faults);
    // NONE is what a user without a record has; nobody can say it.
    let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High].map(|level| (level.as_str(), level));
    let level = body.choice("riskLevel", &levels, faults);
    if level.is_none() && body.value("riskLevel") == Some(&Value::from("")) {
        faults.add("riskLevel", "The field cannot be left blank");
    }
    let reason = body.text("riskReason", MAX_REASON, faults);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || c == '\u{b}' || "-,.".contains(c);
    if reason.as_ref().is_some_and(|reason| !reason.chars().all(is_plain)) {
        faults.add(
            "riskReason",
            "Only letters, digits, blanks, hyphens, commas and full stops are allowed",
        );
    }
    let said = (level.unwrap_or(RiskLevel::Low), reason.filter(|reason| !reason.is_empty()));
    std::mem::take(faults).or(said)
}
