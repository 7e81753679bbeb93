//! `/watchfire/v1/saved-searches`: searches of the System Log that an administrator keeps.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::App;
use watchfire_model::{
    object::{LogSearch, SavedSearch},
    time::Timestamp,
};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    okta::members::{Faults, Members},
};

const MAX_NAME: usize = 320;
const MAX_TEXT: usize = 8_192;
const MAX_TIME: usize = 64;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, save)).routes(routes!(delete))
}

/// A search of the System Log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SavedSearchObject {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// A filter.
    filter: String,
    /// Words.
    q: String,
    /// A time range that ends now, such as `7d`.
    range: String,
    /// Or the first time.
    since: String,
    /// And the last.
    until: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// A search to keep.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct NewSavedSearch {
    /// What it is called; one of this name is replaced.
    #[schema(max_length = 80)]
    name: String,
    /// A filter.
    filter: Option<String>,
    /// Words.
    q: Option<String>,
    /// A time range that ends now, such as `7d`.
    range: Option<String>,
    /// Or the first time.
    since: Option<String>,
    /// And the last.
    until: Option<String>,
}

impl From<SavedSearch> for SavedSearchObject {
    fn from(saved: SavedSearch) -> Self {
        let search = saved.search;
        Self {
            id: saved.id.into(),
            name: saved.name,
            filter: search.filter,
            q: search.q,
            range: search.range,
            since: search.since,
            until: search.until,
            created: saved.created,
            last_updated: saved.last_updated,
        }
    }
}

/// List your own saved searches, oldest first
#[utoipa::path(get, path = "/watchfire/v1/saved-searches", tag = "Watchfire",
    security(("apiToken" = [])),
    responses((status = 200, body = Vec<SavedSearchObject>), (status = 403, body = ErrorObject)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<SavedSearchObject>>, OktaError> {
    let saved = app.saved_searches(&caller.principal).await?;
    Ok(Json(saved.into_iter().map(SavedSearchObject::from).collect()))
}

/// Save a search of the System Log for yourself; one of the same name is replaced
#[utoipa::path(post, path = "/watchfire/v1/saved-searches", tag = "Watchfire", request_body = NewSavedSearch,
    security(("apiToken" = [])),
    responses((status = 201, body = SavedSearchObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn save(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<SavedSearchObject>), OktaError> {
    let members = Members::of(&body)?;
    let mut faults = Faults::default();
    members.known(&["name", "filter", "q", "range", "since", "until"], &mut faults);
    let name = members.required_text("name", MAX_NAME, &mut faults);
    let mut text = |name: &str, most: usize| members.text(name, most, &mut faults).unwrap_or_default();
    let search = LogSearch {
        filter: text("filter", MAX_TEXT),
        q: text("q", MAX_TEXT),
        range: text("range", MAX_TIME),
        since: text("since", MAX_TIME),
        until: text("until", MAX_TIME),
    };
    let (name, search) = faults.or((name, search))?;
    let saved = app.save_search(&caller.principal, name, search).await?;
    Ok((StatusCode::CREATED, Json(SavedSearchObject::from(saved))))
}

/// Forget one of your saved searches
#[utoipa::path(delete, path = "/watchfire/v1/saved-searches/{id}", tag = "Watchfire", params(("id" = String, Path)),
    security(("apiToken" = [])),
    responses((status = 204), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_saved_search(&caller.principal, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
