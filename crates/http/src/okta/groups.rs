//! `/api/v1/groups` and a user's groups (okta.md 10.1).

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error, identity::groups::GroupDraft};
use watchfire_model::{
    id::UserId,
    object::{Group, GroupType, fold},
    time::Timestamp,
};

use super::{
    members::{Faults, Members},
    users::shape::UserObject,
};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::{Link, Links},
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/groups";

const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 10_000,
    max: 10_000,
};
const MEMBER_BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 1_000,
    max: 1_000,
};
/// Texts are checked by the domain; this only keeps nonsense short.
const MAX_TEXT: usize = 4_096;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(members))
        .routes(routes!(add_member, remove_member))
        .routes(routes!(of_user))
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GroupObject {
    /// `00g…`
    id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// When a member came or went.
    #[schema(value_type = String, format = DateTime)]
    last_membership_updated: Timestamp,
    /// `okta:user_group`
    object_class: [&'static str; 1],
    /// `OKTA_GROUP` or `BUILT_IN`.
    #[serde(rename = "type")]
    group_type: &'static str,
    /// Name and description.
    #[schema(value_type = Object)]
    profile: Value,
    /// What belongs to it.
    #[serde(rename = "_links")]
    #[schema(value_type = Object)]
    links: Value,
}

impl GroupObject {
    fn new(group: &Group, links: &Links) -> Self {
        let own = links.to(&format!("{PATH}/{}", group.id));
        Self {
            id: group.id.to_string(),
            created: group.created,
            last_updated: group.last_updated,
            last_membership_updated: group.last_membership_updated,
            object_class: ["okta:user_group"],
            group_type: match group.group_type {
                GroupType::OktaGroup => "OKTA_GROUP",
                GroupType::BuiltIn => "BUILT_IN",
            },
            profile: json!({"name": group.name, "description": group.description}),
            links: json!({"users": Link::new(format!("{own}/users"), &["GET"])}),
        }
    }
}

/// A group that is to be.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct GroupRequest {
    /// `{"name": …, "description": …}`
    #[schema(value_type = Object)]
    profile: Value,
}

/// List all groups
#[utoipa::path(get, path = "/api/v1/groups", tag = "Group", security(("apiToken" = []), ("oauth2" = ["okta.groups.read"])),
    params(("q" = Option<String>, Query), ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Vec<GroupObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let prefix = query.filled("q").map(fold);
    let mut groups = app.groups(&caller.principal).await?;
    groups.retain(|group| prefix.as_ref().is_none_or(|prefix| fold(&group.name).starts_with(prefix)));
    let (groups, next) = page.cut(groups, |group| group.id.as_str());
    let bodies: Vec<GroupObject> = groups.iter().map(|group| GroupObject::new(group, &links)).collect();
    Ok((PageLinks::new(&links, PATH, &query, next.as_deref()), Json(bodies)))
}

/// Create a group
#[utoipa::path(post, path = "/api/v1/groups", tag = "Group", request_body = GroupRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.groups.manage"])),
    responses((status = 200, body = GroupObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<GroupObject>, OktaError> {
    let group = app.create_group(&caller.principal, caller.origin, draft(&body)?).await?;
    Ok(Json(GroupObject::new(&group, &links)))
}

/// Retrieve a group
#[utoipa::path(get, path = "/api/v1/groups/{groupId}", tag = "Group", params(("groupId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.groups.read"])),
    responses((status = 200, body = GroupObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<GroupObject>, OktaError> {
    let group = app.group(&caller.principal, &id).await?;
    Ok(Json(GroupObject::new(&group, &links)))
}

/// Replace a group
#[utoipa::path(put, path = "/api/v1/groups/{groupId}", tag = "Group", params(("groupId" = String, Path)), request_body = GroupRequest,
    security(("apiToken" = []), ("oauth2" = ["okta.groups.manage"])),
    responses((status = 200, body = GroupObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<GroupObject>, OktaError> {
    let draft = draft(&body)?;
    let group = app.replace_group(&caller.principal, caller.origin, &id, draft).await?;
    Ok(Json(GroupObject::new(&group, &links)))
}

/// Delete a group
#[utoipa::path(delete, path = "/api/v1/groups/{groupId}", tag = "Group", params(("groupId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.groups.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_group(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List all member users
#[utoipa::path(get, path = "/api/v1/groups/{groupId}/users", tag = "Group",
    params(("groupId" = String, Path), ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.groups.read"])),
    responses((status = 200, body = Vec<UserObject>), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn members(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    Path(id): Path<String>,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, MEMBER_BOUNDS)?;
    let ids = app.group_members(&caller.principal, &id).await?;
    let (ids, next) = page.cut(ids, UserId::as_str);
    let users = app.members(&caller.principal, &ids).await?;
    let bodies: Vec<UserObject> = users.iter().map(|user| UserObject::new(user, &links)).collect();
    let path = format!("{PATH}/{id}/users");
    Ok((PageLinks::new(&links, &path, &query, next.as_deref()), Json(bodies)))
}

/// Assign a user to a group
#[utoipa::path(put, path = "/api/v1/groups/{groupId}/users/{userId}", tag = "Group",
    params(("groupId" = String, Path), ("userId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.groups.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn add_member(
    State(app): State<App>,
    caller: Caller,
    Path((group, user)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    let named = (group.as_str(), user.as_str());
    app.set_membership(&caller.principal, caller.origin, named, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unassign a user from a group
#[utoipa::path(delete, path = "/api/v1/groups/{groupId}/users/{userId}", tag = "Group",
    params(("groupId" = String, Path), ("userId" = String, Path)), security(("apiToken" = []), ("oauth2" = ["okta.groups.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Path((group, user)): Path<(String, String)>,
) -> Result<StatusCode, OktaError> {
    let named = (group.as_str(), user.as_str());
    app.set_membership(&caller.principal, caller.origin, named, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List all groups of a user
#[utoipa::path(get, path = "/api/v1/users/{userId}/groups", tag = "User", params(("userId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.users.read"])),
    responses((status = 200, body = Vec<GroupObject>), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn of_user(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(user): Path<String>,
) -> Result<Json<Vec<GroupObject>>, OktaError> {
    let groups = app.groups_of(&caller.principal, &user).await?;
    Ok(Json(groups.iter().map(|group| GroupObject::new(group, &links)).collect()))
}

fn draft(body: &Value) -> Result<GroupDraft, Error> {
    let mut faults = Faults::default();
    let profile = Members::of(body)?.child("profile", &mut faults);
    let draft = GroupDraft {
        name: profile.text("name", MAX_TEXT, &mut faults).unwrap_or_default(),
        description: profile.text("description", MAX_TEXT, &mut faults),
    };
    faults.or(draft)
}
