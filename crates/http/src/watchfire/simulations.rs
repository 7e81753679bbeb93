//! `/watchfire/v1/simulations`: policies, thresholds and providers, tried out on sign-ins that were.

mod body;
mod draft;

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;

use self::{
    body::SimulationBody,
    draft::{SimulationRequest, read},
};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
}

/// Try out policies, thresholds and providers on recorded sign-ins
///
/// Each sign-in of the range is judged again from the numbers of its record, with the draft's thresholds, cold
/// start and providers, and decided again: without drafted policies by those of its time, else by the policies
/// of now with the draft's over them. A small range is answered with its result; a large one is `RUNNING`.
#[utoipa::path(post, path = "/watchfire/v1/simulations", tag = "Watchfire", request_body = SimulationRequest,
    security(("apiToken" = []), ("oauth2" = ["watchfire.simulations.manage"])),
    responses((status = 201, body = SimulationBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject),
        (status = 429, body = ErrorObject, description = "Too many simulations run")))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<SimulationBody>), OktaError> {
    let simulation = app
        .simulate(&caller.principal, read(&body, &app.settings().simulations)?)
        .await?;
    Ok((StatusCode::CREATED, Json(SimulationBody::new(&simulation))))
}

/// List the simulations that are kept, oldest first
#[utoipa::path(get, path = "/watchfire/v1/simulations", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.simulations.read"])),
    responses((status = 200, body = Vec<SimulationBody>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<SimulationBody>>, OktaError> {
    let simulations = app.simulations(&caller.principal)?;
    Ok(Json(simulations.iter().map(SimulationBody::without_result).collect()))
}

/// Retrieve a simulation: how far it is, or its result
#[utoipa::path(get, path = "/watchfire/v1/simulations/{simulationId}", tag = "Watchfire", params(("simulationId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.simulations.read"])),
    responses((status = 200, body = SimulationBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<SimulationBody>, OktaError> {
    let simulation = app.simulation(&caller.principal, &id)?;
    Ok(Json(SimulationBody::new(&simulation)))
}

/// End a simulation, if it still runs, and forget it
#[utoipa::path(delete, path = "/watchfire/v1/simulations/{simulationId}", tag = "Watchfire", params(("simulationId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.simulations.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.end_simulation(&caller.principal, &id)?;
    Ok(StatusCode::NO_CONTENT)
}
