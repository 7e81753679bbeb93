//! `/api/v1/logs` (okta.md 8).

use axum::{Json, extract::State, response::IntoResponse};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{
    App,
    insight::log::{LogEntry, LogQueryParams},
};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::PageLinks,
    query::Query,
    rate::RateReport,
};

const PATH: &str = "/api/v1/logs";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// An event of the System Log; every member is there, `null` where there is nothing.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used; the model writes the members")]
pub(super) struct LogEventObject {
    /// Names the event.
    uuid: String,
    /// When it was made.
    #[schema(format = DateTime)]
    published: String,
    /// What happened, such as `user.session.start`.
    event_type: String,
    /// Always `0`.
    version: String,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    severity: String,
    /// The event type's old name.
    legacy_event_type: Option<String>,
    /// What happened, for people.
    display_message: Option<String>,
    /// Who did it.
    #[schema(value_type = Object)]
    actor: Value,
    /// From where.
    #[schema(value_type = Option<Object>)]
    client: Value,
    /// On which device.
    #[schema(value_type = Option<Object>)]
    device: Value,
    /// How the actor had signed in.
    #[schema(value_type = Object)]
    authentication_context: Value,
    /// How it ended: `result` and `reason`.
    #[schema(value_type = Object)]
    outcome: Value,
    /// To whom or what.
    #[schema(value_type = Option<Vec<Object>>)]
    target: Value,
    /// What it was part of.
    #[schema(value_type = Object)]
    transaction: Value,
    /// `debugData`: details whose values are strings.
    #[schema(value_type = Object)]
    debug_context: Value,
    /// What was known of the address, and the risk that was found.
    #[schema(value_type = Object)]
    security_context: Value,
    /// `ipChain`: the addresses of the request.
    #[schema(value_type = Object)]
    request: Value,
}

/// List all System Log events
///
/// Without `until`, ascending, this polls: there is always a `next` link, and following it gives every
/// event exactly once. Anything else is a bounded query, whose last page has no `next`.
#[utoipa::path(get, path = "/api/v1/logs", tag = "SystemLog", security(("apiToken" = []), ("oauth2" = ["okta.logs.read"])),
    params(
        ("since" = Option<String>, Query, description = "Lower bound, ISO 8601; seven days before `until` when absent"),
        ("until" = Option<String>, Query, description = "Upper bound, ISO 8601, itself outside"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("filter" = Option<String>, Query, description = "A SCIM expression, such as `eventType eq \"user.session.start\"`"),
        ("q" = Option<String>, Query, description = "At most ten keywords of at most forty characters; all must occur"),
        ("limit" = Option<u32>, Query, description = "0 to 1000, 100 when absent"),
        ("sortOrder" = Option<String>, Query, description = "`ASCENDING` or `DESCENDING`"),
    ),
    responses((status = 200, body = Vec<LogEventObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject),
        (status = 429, body = ErrorObject), (status = 503, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    rate: RateReport,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let window = app.count_log_call(&caller.principal).await;
    app.note_rate_limit(window.as_ref(), "logs", &caller.principal, &caller.origin);
    rate.admit(window)?;
    let answer = app.log(&caller.principal, &params(&query)).await?;
    let events: Vec<Value> = answer.entries.iter().map(LogEntry::to_wire).collect();
    let mut page_links = PageLinks::new(&links, PATH, &query, answer.next.as_deref());
    if let Some(since) = answer.since.filter(|_| query.filled("since").is_none()) {
        page_links = page_links.and_next("since", &since.to_string());
    }
    Ok((page_links, Json(events)))
}

fn params(query: &Query) -> LogQueryParams<'_> {
    LogQueryParams {
        since: query.get("since"),
        until: query.get("until"),
        after: query.get("after"),
        filter: query.get("filter"),
        q: query.get("q"),
        limit: query.get("limit"),
        sort_order: query.get("sortOrder"),
    }
}
