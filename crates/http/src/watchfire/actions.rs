//! `/watchfire/v1/actions` and `/watchfire/v1/dead-letters`: the outbox, its approvals, and what was tried
//! in vain.

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error, response::actions::Approval, state::TargetKey};
use watchfire_model::{
    object::{Action, ActionCall, ActionState},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    okta::members::{Faults, Members},
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const ACTIONS: &str = "/watchfire/v1/actions";
const DEAD_LETTERS: &str = "/watchfire/v1/dead-letters";
const HELD: &str = "/watchfire/v1/held-actions";

/// How targets are named.
const TARGETS: &str = "Give workflow:<id>, hook:<id> or app:<id>";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(dead_letters))
        .routes(routes!(redrive_target))
        .routes(routes!(redrive))
        .routes(routes!(held_actions))
        .routes(routes!(release_all))
        .routes(routes!(cancel_all))
        .routes(routes!(release))
        .routes(routes!(cancel))
}

/// Something that is to be done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActionObject {
    /// The `webhook-id` or `jti` of every call that is made for it.
    id: String,
    /// `WORKFLOW`, `HOOK_DELIVERY`, `UNIVERSAL_LOGOUT`, `END_SESSIONS` or `DEACTIVATE_USER`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `AWAITING_APPROVAL`, `PENDING`, `DONE`, `REJECTED`, `DEAD`, or `HELD` since a restore.
    #[schema(value_type = String)]
    state: ActionState,
    /// Who is called: `workflow:…`, `hook:…` or `app:…`; null for what is done here.
    target: Option<String>,
    /// Whom it is about.
    user_id: Option<String>,
    /// The event that is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_uuid: Option<String>,
    /// `data` of a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    /// Why it is done.
    cause: Option<ActionCauseObject>,
    /// What has been tried, oldest first: the first, and the newest 63.
    attempts: Vec<AttemptObject>,
    /// Not before then.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// How often it was asked for while it waited for an approval.
    asked: u32,
    /// Whether somebody works on it, and until when nobody else may.
    #[schema(value_type = Option<String>, format = DateTime)]
    leased_until: Option<Timestamp>,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was approved or redriven.
    #[schema(value_type = Option<String>, format = DateTime)]
    resumed_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

/// Why something is done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ActionCauseObject {
    /// `USER`, `DEVICE` or `SESSION`.
    entity_type: &'static str,
    /// About whom.
    entity_id: String,
    /// The policy whose rule asked for it.
    policy_id: String,
    /// The rule.
    rule_id: String,
    /// Who reported what it matched.
    provider_id: Option<String>,
    /// What it came with.
    receipt_id: Option<String>,
    /// The transaction in the System Log.
    transaction_id: String,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptObject {
    /// When its result was known.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What came back, for people.
    result: String,
    /// The status of the answer.
    status: Option<u16>,
}

/// What a person says.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct ApprovalRequest {
    /// Why, for the System Log.
    #[schema(max_length = 255)]
    reason: Option<String>,
}

/// How many were held, and are not any more.
#[derive(Debug, Serialize, ToSchema)]
struct SettledObject {
    /// How many.
    settled: usize,
}

/// How many were redriven.
#[derive(Debug, Serialize, ToSchema)]
struct RedrivenObject {
    /// How many.
    redriven: usize,
}

impl From<Action> for ActionObject {
    fn from(action: Action) -> Self {
        let target = TargetKey::of(&action.call).map(|target| target.to_string());
        let user_id = action.user().map(ToString::to_string);
        let kind = action.call.kind();
        let (event_uuid, payload) = match action.call {
            ActionCall::HookDelivery { event, .. } => (Some(event), None),
            ActionCall::Workflow { payload, .. } => (None, Some(payload)),
            _ => (None, None),
        };
        let attempts = action.attempts.into_iter().map(|attempt| AttemptObject {
            at: attempt.at,
            result: attempt.result,
            status: attempt.status,
        });
        Self {
            id: action.id.into(),
            kind,
            state: action.state,
            target,
            user_id,
            event_uuid,
            payload,
            cause: action.cause.map(|cause| ActionCauseObject {
                entity_type: cause.entity.kind(),
                entity_id: cause.entity.id().to_owned(),
                policy_id: cause.policy.into(),
                rule_id: cause.rule.into(),
                provider_id: cause.provider.map(Into::into),
                receipt_id: cause.receipt.map(Into::into),
                transaction_id: cause.transaction,
            }),
            attempts: attempts.collect(),
            due_at: action.due_at,
            asked: action.asked,
            leased_until: action.lease.map(|lease| lease.until),
            created: action.created,
            resumed_at: action.resumed_at,
            finished_at: action.finished_at,
        }
    }
}

/// List actions, oldest first
#[utoipa::path(get, path = "/watchfire/v1/actions", tag = "Watchfire",
    params(("state" = Option<String>, Query, description = "`AWAITING_APPROVAL`, `PENDING`, `DONE`, `REJECTED`, `DEAD` or `HELD`"),
        ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<ActionObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let invalid = || {
        Error::invalid(
            "state",
            "Allowed values: AWAITING_APPROVAL, PENDING, DONE, REJECTED, DEAD, HELD",
        )
    };
    let state = query
        .filled("state")
        .map(|text| ActionState::parse(text).ok_or_else(invalid))
        .transpose()?;
    page(&app, &caller, &links, &query, (ACTIONS, state)).await
}

/// Retrieve an action with what was tried
#[utoipa::path(get, path = "/watchfire/v1/actions/{actionId}", tag = "Watchfire", params(("actionId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = ActionObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ActionObject>, OktaError> {
    Ok(Json(app.action(&caller.principal, &id).await?.into()))
}

/// Approve an action: not by whoever changed its rule last
#[utoipa::path(post, path = "/watchfire/v1/actions/{actionId}/approve", tag = "Watchfire", params(("actionId" = String, Path)),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = ActionObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Option<JsonBody<Value>>,
) -> Result<Json<ActionObject>, OktaError> {
    decide(&app, caller, &id, approval(true, body)?).await
}

/// Reject an action
#[utoipa::path(post, path = "/watchfire/v1/actions/{actionId}/reject", tag = "Watchfire", params(("actionId" = String, Path)),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = ActionObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Option<JsonBody<Value>>,
) -> Result<Json<ActionObject>, OktaError> {
    decide(&app, caller, &id, approval(false, body)?).await
}

/// List dead letters, oldest first
#[utoipa::path(get, path = "/watchfire/v1/dead-letters", tag = "Watchfire",
    params(("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<ActionObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn dead_letters(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    page(&app, &caller, &links, &query, (DEAD_LETTERS, Some(ActionState::Dead))).await
}

/// Redrive a dead letter: under the same id
#[utoipa::path(post, path = "/watchfire/v1/dead-letters/{actionId}/redrive", tag = "Watchfire", params(("actionId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = ActionObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn redrive(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ActionObject>, OktaError> {
    Ok(Json(app.redrive(&caller.principal, caller.origin, &id).await?.into()))
}

/// Redrive every dead letter of a target
#[utoipa::path(post, path = "/watchfire/v1/dead-letters/redrive", tag = "Watchfire",
    params(("target" = String, Query, description = "`workflow:<id>`, `hook:<id>` or `app:<id>`")),
    security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = RedrivenObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn redrive_target(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<RedrivenObject>, OktaError> {
    let target = query.filled("target").and_then(TargetKey::parse);
    let target = target.ok_or_else(|| Error::invalid("target", TARGETS))?;
    let redriven = app.redrive_target(&caller.principal, caller.origin, &target).await?;
    Ok(Json(RedrivenObject { redriven }))
}

/// List actions that a restore has held, oldest first
#[utoipa::path(get, path = "/watchfire/v1/held-actions", tag = "Watchfire",
    params(("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 200)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<ActionObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn held_actions(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    page(&app, &caller, &links, &query, (HELD, Some(ActionState::Held))).await
}

/// Release an action that a restore has held: it becomes due, under the same id
#[utoipa::path(post, path = "/watchfire/v1/held-actions/{actionId}/release", tag = "Watchfire", params(("actionId" = String, Path)),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = ActionObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn release(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Option<JsonBody<Value>>,
) -> Result<Json<ActionObject>, OktaError> {
    settle(&app, caller, &id, approval(true, body)?).await
}

/// Cancel an action that a restore has held: it is never done
#[utoipa::path(post, path = "/watchfire/v1/held-actions/{actionId}/cancel", tag = "Watchfire", params(("actionId" = String, Path)),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = ActionObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Option<JsonBody<Value>>,
) -> Result<Json<ActionObject>, OktaError> {
    settle(&app, caller, &id, approval(false, body)?).await
}

/// Release every action that a restore has held, or those of a target
#[utoipa::path(post, path = "/watchfire/v1/held-actions/release", tag = "Watchfire",
    params(("target" = Option<String>, Query, description = "`workflow:<id>`, `hook:<id>` or `app:<id>`")),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = SettledObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn release_all(
    State(app): State<App>,
    caller: Caller,
    query: Query,
    body: Option<JsonBody<Value>>,
) -> Result<Json<SettledObject>, OktaError> {
    settle_all(&app, caller, &query, approval(true, body)?).await
}

/// Cancel every action that a restore has held, or those of a target
#[utoipa::path(post, path = "/watchfire/v1/held-actions/cancel", tag = "Watchfire",
    params(("target" = Option<String>, Query, description = "`workflow:<id>`, `hook:<id>` or `app:<id>`")),
    request_body(content = Option<ApprovalRequest>), security(("apiToken" = []), ("oauth2" = ["watchfire.manage"]), ("oauth2" = ["watchfire.actions.manage"])),
    responses((status = 200, body = SettledObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn cancel_all(
    State(app): State<App>,
    caller: Caller,
    query: Query,
    body: Option<JsonBody<Value>>,
) -> Result<Json<SettledObject>, OktaError> {
    settle_all(&app, caller, &query, approval(false, body)?).await
}

async fn settle(app: &App, caller: Caller, id: &str, approval: Approval) -> Result<Json<ActionObject>, OktaError> {
    let action = app.settle_one(&caller.principal, caller.origin, id, approval).await?;
    Ok(Json(action.into()))
}

async fn settle_all(app: &App, caller: Caller, query: &Query, approval: Approval) -> Result<Json<SettledObject>, OktaError> {
    let invalid = || Error::invalid("target", TARGETS);
    let target = query
        .filled("target")
        .map(|text| TargetKey::parse(text).ok_or_else(invalid))
        .transpose()?;
    let settled = app
        .settle_held(&caller.principal, caller.origin, target.as_ref(), approval)
        .await?;
    Ok(Json(SettledObject { settled }))
}

async fn page(
    app: &App,
    caller: &Caller,
    links: &Links,
    query: &Query,
    (path, state): (&str, Option<ActionState>),
) -> Result<(PageLinks, Json<Vec<ActionObject>>), OktaError> {
    let page = PageRequest::parse(query, PageBounds::OURS)?;
    let listed = app
        .actions(&caller.principal, state, page.after.as_deref(), page.limit)
        .await?;
    Ok(PageLinks::around(links, (path, query), listed, ActionObject::from))
}

async fn decide(app: &App, caller: Caller, id: &str, approval: Approval) -> Result<Json<ActionObject>, OktaError> {
    let action = app.decide_approval(&caller.principal, caller.origin, id, approval).await?;
    Ok(Json(action.into()))
}

fn approval(approved: bool, body: Option<JsonBody<Value>>) -> Result<Approval, Error> {
    let reason = match &body {
        None => None,
        Some(JsonBody(body)) => {
            let mut faults = Faults::default();
            let members = Members::of(body)?;
            members.known(&["reason"], &mut faults);
            let reason = members.text("reason", 255, &mut faults);
            faults.or(reason)?
        }
    };
    Ok(Approval { approved, reason })
}
