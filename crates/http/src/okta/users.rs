//! `/api/v1/users` (okta.md 10.1).

mod lifecycle;
mod risk;
pub(super) mod shape;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App, Error,
    identity::users::{ProfileChange, UserQuery, UserUpdate, entity_tag},
};
use watchfire_model::object::User;

use self::shape::{Changes, CreateUserRequest, UpdateUserRequest, UserObject};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/users";

const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 200,
    max: 200,
};
/// A list with `q` is for a person who types.
const TYPED_BOUNDS: PageBounds = PageBounds { default: 10, ..BOUNDS };

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, replace, delete))
        .merge(lifecycle::router())
        .merge(risk::router())
}

/// List all users
#[utoipa::path(get, path = "/api/v1/users", tag = "User", security(("apiToken" = []), ("oauth2" = ["okta.users.read"])),
    params(("q" = Option<String>, Query), ("filter" = Option<String>, Query), ("search" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Vec<UserObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let q = query.filled("q").map(str::to_owned);
    let page = PageRequest::parse(&query, if q.is_some() { TYPED_BOUNDS } else { BOUNDS })?;
    let asked = UserQuery {
        q,
        filter: query.filled("filter").map(str::to_owned),
        search: query.filled("search").map(str::to_owned),
        after: page.after,
        limit: page.limit,
    };
    let listed = app.users(&caller.principal, &asked).await?;
    let users: Vec<UserObject> = listed.items.iter().map(|user| UserObject::new(user, &links)).collect();
    Ok((PageLinks::new(&links, PATH, &query, listed.next.as_deref()), Json(users)))
}

/// Create a user
#[utoipa::path(post, path = "/api/v1/users", tag = "User", request_body = CreateUserRequest,
    params(("activate" = Option<bool>, Query), ("nextLogin" = Option<String>, Query)),
    security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = UserObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<UserObject>, OktaError> {
    let new = shape::new_user(&body, &query)?;
    let user = app.create_user(&caller.principal, caller.origin, new).await?;
    Ok(Json(UserObject::new(&user, &links)))
}

/// Retrieve a user
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "User", params(("id" = String, Path, description = "Id, login or `me`")),
    security(("apiToken" = []), ("oauth2" = ["okta.users.read"])),
    responses((status = 200, body = UserObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let user = app.user(&caller.principal, &id).await?;
    Ok(tagged(&user, &links))
}

/// Update a user partially
#[utoipa::path(post, path = "/api/v1/users/{id}", tag = "User", params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = UpdateUserRequest, security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = UserObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject), (status = 412, body = ErrorObject)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Value>,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let Changes { profile, password } = shape::changes(&body)?;
    let update = UserUpdate {
        profile: ProfileChange::Merge(profile.unwrap_or_default()),
        password,
        if_match: if_match(&headers)?,
    };
    let user = app.update_user(&caller.principal, caller.origin, &id, update).await?;
    Ok(tagged(&user, &links))
}

/// Replace a user
#[utoipa::path(put, path = "/api/v1/users/{id}", tag = "User", params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = UpdateUserRequest, security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 200, body = UserObject), (status = 400, body = ErrorObject), (status = 404, body = ErrorObject), (status = 412, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Value>,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let Changes { profile, password } = shape::changes(&body)?;
    // A body with a password only changes the password, as Okta's old SDKs use it.
    let profile = match (profile, &password) {
        (Some(profile), _) => ProfileChange::Replace(profile),
        (None, Some(_)) => ProfileChange::Merge(serde_json::Map::new()),
        (None, None) => return Err(Error::invalid("profile", "The field cannot be left blank").into()),
    };
    let update = UserUpdate {
        profile,
        password,
        if_match: if_match(&headers)?,
    };
    let user = app.update_user(&caller.principal, caller.origin, &id, update).await?;
    Ok(tagged(&user, &links))
}

/// Delete a user: the first call deactivates it, the second one removes it
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "User", params(("id" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.users.manage"])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_user(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user with its `ETag` (okta.md 11.3).
fn tagged(user: &User, links: &Links) -> impl IntoResponse + use<> {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::try_from(format!("W/\"{}\"", entity_tag(user))) {
        headers.insert(header::ETAG, tag);
    }
    (headers, Json(UserObject::new(user, links)))
}

/// The tags of `If-Match`; `None` when any will do.
fn if_match(headers: &HeaderMap) -> Result<Option<Vec<String>>, Error> {
    let malformed = || Error::catalogued("E0000242", Vec::new());
    let mut tags = Vec::new();
    for line in headers.get_all(header::IF_MATCH) {
        for text in line.to_str().map_err(|_| malformed())?.split(',').map(str::trim) {
            if text == "*" {
                return Ok(None);
            }
            let quoted = text.strip_prefix("W/").unwrap_or(text);
            let tag = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let tag = tag.filter(|tag| !tag.contains('"')).ok_or_else(malformed)?;
            tags.push(tag.to_owned());
        }
    }
    Ok((!tags.is_empty()).then_some(tags))
}
