//! `/oauth2/v1/clients/{clientId}/roles` (okta.md 1.9).

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_app::{App, Error, identity::roles::RoleChange};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    okta::members::{Faults, Members},
};

/// The standard roles and their names for people.
const TYPES: [(&str, &str); 10] = [
    ("SUPER_ADMIN", "Super Administrator"),
    ("ORG_ADMIN", "Organization Administrator"),
    ("APP_ADMIN", "Application Administrator"),
    ("USER_ADMIN", "Group Administrator"),
    ("HELP_DESK_ADMIN", "Help Desk Administrator"),
    ("READ_ONLY_ADMIN", "Read Only Administrator"),
    ("MOBILE_ADMIN", "Mobile Administrator"),
    ("API_ACCESS_MANAGEMENT_ADMIN", "API Access Management Administrator"),
    ("REPORT_ADMIN", "Report Administrator"),
    ("GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"),
];

/// List all roles of a client
#[utoipa::path(get, path = "/oauth2/v1/clients/{clientId}/roles", tag = "Client", params(("clientId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.roles.read"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<Vec<Value>>, OktaError> {
    let roles = app.client_roles(&caller.principal, &id)?;
    Ok(Json(roles.iter().map(|role| object(role, &id, &links)).collect()))
}

/// Assign a role to a client
#[utoipa::path(post, path = "/oauth2/v1/clients/{clientId}/roles", tag = "Client", params(("clientId" = String, Path)),
    request_body = Object, security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 201, body = Object), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject), (status = 409, body = ErrorObject)))]
pub(super) async fn assign(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.require("type", &mut faults);
    let kind = members.choice("type", &TYPES.map(|(kind, _)| (kind, kind)), &mut faults);
    let kind = faults
        .or(kind)?
        .ok_or_else(|| Error::invalid("type", "The field cannot be left blank"))?;
    let change = RoleChange::Assign(kind.to_owned());
    let role = app.change_client_roles(&caller.principal, caller.origin, &id, change).await?;
    Ok((StatusCode::CREATED, Json(object(&role, &id, &links))))
}

/// Retrieve a role of a client
#[utoipa::path(get, path = "/oauth2/v1/clients/{clientId}/roles/{roleId}", tag = "Client",
    params(("clientId" = String, Path), ("roleId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.roles.read"])),
    responses((status = 200, body = Object), (status = 404, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path((id, role_id)): Path<(String, String)>,
) -> Result<Json<Value>, OktaError> {
    let roles = app.client_roles(&caller.principal, &id)?;
    let role = roles
        .iter()
        .find(|role| role.get("id").and_then(Value::as_str) == Some(&role_id));
    let role = role.ok_or_else(|| Error::not_found(&role_id, "RoleAssignment"))?;
    Ok(Json(object(role, &id, &links)))
}

/// Remove a role from a client
#[utoipa::path(delete, path = "/oauth2/v1/clients/{clientId}/roles/{roleId}", tag = "Client",
    params(("clientId" = String, Path), ("roleId" = String, Path)),
    security(("apiToken" = ["SUPER_ADMIN"])),
    responses((status = 204), (status = 404, body = ErrorObject)))]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((id, role_id)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    let change = RoleChange::Remove(role_id);
    app.change_client_roles(&caller.principal, caller.origin, &id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn object(role: &Value, client: &str, links: &Links) -> Value {
    let text = |member: &str| role.get(member).and_then(Value::as_str).unwrap_or_default();
    let label = TYPES.iter().find(|(kind, _)| *kind == text("type")).map(|(_, label)| *label);
    json!({
        "id": text("id"),
        "label": label,
        "type": text("type"),
        "status": "ACTIVE",
        "created": text("created"),
        "lastUpdated": text("created"),
        "assignmentType": "CLIENT",
        "_links": {"assignee": {"href": links.to(&format!("/oauth2/v1/clients/{client}"))}},
    })
}
