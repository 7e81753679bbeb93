//! `/watchfire/v1/workflows`: the webhooks that rules may run (okta.md 9.4).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error, response::workflows::WorkflowDraft};
use watchfire_model::{
    object::{Status, Workflow},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
    okta::members::{Faults, Members},
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
        .routes(routes!(rotate))
        .routes(routes!(test))
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WorkflowObject {
    /// Its number, as rules name it.
    id: u64,
    /// Unique.
    name: String,
    /// Where it is called.
    url: String,
    /// `ACTIVE` or `INACTIVE`.
    #[schema(value_type = String)]
    status: Status,
    /// `whsec_…`: the key of its signatures (Standard Webhooks), shown when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Until when the key before this one signs too.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// Where it is.
    #[serde(rename = "_links")]
    links: WorkflowLinks,
}

/// The links of a webhook.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowLinks {
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
    /// Where it is called for a test.
    test: Link,
}

impl WorkflowObject {
    fn new(workflow: Workflow, secret: Option<&SecretString>, links: &Links) -> Self {
        let own = links.to(&format!("/watchfire/v1/workflows/{}", workflow.id));
        Self {
            id: workflow.id,
            name: workflow.name,
            url: workflow.url,
            status: workflow.status,
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            previous_secret_expires_at: workflow.retiring_secret.map(|retiring| retiring.until),
            created: workflow.created,
            last_updated: workflow.last_updated,
            links: WorkflowLinks {
                test: Link::new(format!("{own}/test"), &["POST"]),
                this: Link::new(own, &["GET", "PUT", "DELETE"]),
            },
        }
    }
}

/// What an administrator says of a webhook.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct WorkflowRequest {
    /// Unique.
    #[schema(max_length = 255)]
    name: String,
    /// Where it is called: https.
    #[schema(max_length = 2048)]
    url: String,
    /// `whsec_` and the Base64 form of 24 to 64 bytes; made here when absent.
    secret: Option<String>,
}

/// What a test call came to.
#[derive(Debug, Serialize, ToSchema)]
struct WorkflowTestObject {
    /// The call's `webhook-id`.
    id: String,
    /// Whether the target has taken it: a status of 200 to 299.
    delivered: bool,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none.
    error: Option<String>,
}

/// List all workflows
#[utoipa::path(get, path = "/watchfire/v1/workflows", tag = "Watchfire", security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<WorkflowObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller, links: Links) -> Result<Json<Vec<WorkflowObject>>, OktaError> {
    let workflows = app.workflows(&caller.principal)?.into_iter();
    Ok(Json(workflows.map(|it| WorkflowObject::new(it, None, &links)).collect()))
}

/// Create a workflow: a signed webhook
#[utoipa::path(post, path = "/watchfire/v1/workflows", tag = "Watchfire", request_body = WorkflowRequest,
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 201, body = WorkflowObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<WorkflowObject>), OktaError> {
    let (workflow, secret) = app.create_workflow(&caller.principal, caller.origin, draft(&body)?).await?;
    let made = WorkflowObject::new(workflow, Some(&secret), &links);
    Ok((StatusCode::CREATED, Json(made)))
}

/// Retrieve a workflow
#[utoipa::path(get, path = "/watchfire/v1/workflows/{workflowId}", tag = "Watchfire", params(("workflowId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = WorkflowObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<WorkflowObject>, OktaError> {
    let workflow = app.workflow(&caller.principal, &id)?;
    Ok(Json(WorkflowObject::new(workflow, None, &links)))
}

/// Replace a workflow
///
/// Its secret stays when none is given.
#[utoipa::path(put, path = "/watchfire/v1/workflows/{workflowId}", tag = "Watchfire", params(("workflowId" = String, Path)),
    request_body = WorkflowRequest, security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = WorkflowObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<WorkflowObject>, OktaError> {
    let draft = draft(&body)?;
    let workflow = app.replace_workflow(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(WorkflowObject::new(workflow, None, &links)))
}

/// Delete a workflow that no rule runs
#[utoipa::path(delete, path = "/watchfire/v1/workflows/{workflowId}", tag = "Watchfire", params(("workflowId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_workflow(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a workflow
#[utoipa::path(post, path = "/watchfire/v1/workflows/{workflowId}/lifecycle/activate", tag = "Watchfire",
    params(("workflowId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = WorkflowObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<WorkflowObject>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Active).await
}

/// Deactivate a workflow: calls that are due become dead letters
#[utoipa::path(post, path = "/watchfire/v1/workflows/{workflowId}/lifecycle/deactivate", tag = "Watchfire",
    params(("workflowId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = WorkflowObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<WorkflowObject>, OktaError> {
    set_status(&app, caller, &links, &id, Status::Inactive).await
}

/// Rotate a workflow's secret: the old one signs beside the new one for a day
#[utoipa::path(post, path = "/watchfire/v1/workflows/{workflowId}/rotate-secret", tag = "Watchfire",
    params(("workflowId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = WorkflowObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<WorkflowObject>, OktaError> {
    let (workflow, secret) = app.rotate_workflow_secret(&caller.principal, caller.origin, &id).await?;
    Ok(Json(WorkflowObject::new(workflow, Some(&secret), &links)))
}

/// Call a workflow now, once
#[utoipa::path(post, path = "/watchfire/v1/workflows/{workflowId}/test", tag = "Watchfire", params(("workflowId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"])),
    responses((status = 200, body = WorkflowTestObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn test(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<WorkflowTestObject>, OktaError> {
    let tested = app.test_workflow(&caller.principal, &id).await?;
    Ok(Json(WorkflowTestObject {
        id: tested.id,
        delivered: tested.status.is_some_and(|status| (200..300).contains(&status)),
        status: tested.status,
        error: tested.error,
    }))
}

async fn set_status(
    app: &App,
    caller: Caller,
    links: &Links,
    id: &str,
    status: Status,
) -> Result<Json<WorkflowObject>, OktaError> {
    let workflow = app.set_workflow_status(&caller.principal, caller.origin, id, status).await?;
    Ok(Json(WorkflowObject::new(workflow, None, links)))
}

/// Members that a change may send back as they were read.
const READ_ONLY: [&str; 6] = ["id", "status", "previousSecretExpiresAt", "created", "lastUpdated", "_links"];

fn draft(body: &Value) -> Result<WorkflowDraft, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&[&["name", "url", "secret"], READ_ONLY.as_slice()].concat(), &mut faults);
    let name = members.required_text("name", 255, &mut faults);
    let url = members.required_text("url", 2_048, &mut faults);
    let secret = members.text("secret", 255, &mut faults).map(SecretString::from);
    faults.or(WorkflowDraft { name, url, secret })
}
