//! `POST /api/v1/policies/simulate` (okta.md 9.3): which policies and rules a sign-in would meet.
//!
//! Okta's guide sends an object and is answered with `evaluation`; its specification, and so the SDKs, send a list
//! and are answered with one, in which `policyType` is a list too. Both work here.

mod read;
mod shape;

use axum::{Json, extract::State};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

use self::{
    read::{Expand, SimulatePolicyRequest, read},
    shape::{Evaluation, SimulatePolicyBody},
};
use super::{POLICY_TYPES_SIMULATED, shape::POLICY_TYPE};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    query::Query,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(simulate))
}

/// Simulate which policies and rules a sign-in would meet
///
/// The policies of now are asked, and nothing happens. What depends on something that the context leaves open is
/// `UNDEFINED`. A list of up to 20 is answered with a list, one object with `{"evaluation": […]}`.
#[utoipa::path(post, path = "/api/v1/policies/simulate", tag = "Policy", request_body = Vec<SimulatePolicyRequest>,
    params(("expand" = Option<String>, Query, description = "`EVALUATED` adds everything that was asked, `RULE` its conditions")),
    security(("apiToken" = []), ("oauth2" = ["okta.policies.read"])),
    responses((status = 200, body = Vec<SimulatePolicyBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn simulate(
    State(app): State<App>,
    caller: Caller,
    query: Query,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<Value>, OktaError> {
    let expand = Expand::of(&query)?;
    let is_list = body.is_array();
    let mut evaluations = Vec::new();
    for asked in read(&body)? {
        let rehearsal = app.rehearse_policies(&caller.principal, &asked.sign_in).await?;
        for policy_type in asked.types {
            // Policies of other types are none of ours: nothing of them would be met.
            let is_ours = policy_type == POLICY_TYPE;
            evaluations.push(Evaluation {
                policy_type,
                rehearsal: is_ours.then(|| rehearsal.clone()),
            });
        }
    }
    let bodies: Vec<Value> = evaluations.iter().map(|it| it.render(expand, is_list)).collect();
    Ok(Json(if is_list {
        Value::Array(bodies)
    } else {
        serde_json::json!({ "evaluation": bodies })
    }))
}
