//! `/api/v1/zones` (okta.md 10.2).

pub mod shape;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use http::StatusCode;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use watchfire_app::{App, Error};
use watchfire_model::object::{Status, Zone, ZoneUsage};

use self::shape::{ZoneBody, parse, render};
use crate::{
    body::JsonBody,
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/api/v1/zones";

const BOUNDS: PageBounds = PageBounds {
    min: 1,
    default: 200,
    max: 200,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// List all network zones
#[utoipa::path(get, path = "/api/v1/zones", tag = "NetworkZone", security(("apiToken" = []), ("oauth2" = ["okta.networkZones.read"])),
    params(("filter" = Option<String>, Query, description = "`usage eq \"BLOCKLIST\"` or `id eq \"nzo…\"`, joined by `or`"),
        ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Vec<ZoneBody>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, BOUNDS)?;
    let filter = query.filled("filter").map(Filter::parse).transpose()?;
    let mut zones = app.zones(&caller.principal).await?;
    zones.retain(|zone| filter.as_ref().is_none_or(|filter| filter.takes(zone)));
    let (zones, next) = page.cut(zones, |zone| zone.id.as_str());
    let bodies: Vec<ZoneBody> = zones.iter().map(|zone| render(zone, links.org_url())).collect();
    Ok((PageLinks::new(&links, PATH, &query, next.as_deref()), Json(bodies)))
}

/// Create a network zone
#[utoipa::path(post, path = "/api/v1/zones", tag = "NetworkZone", request_body = ZoneBody,
    security(("apiToken" = []), ("oauth2" = ["okta.networkZones.manage"])),
    responses((status = 200, body = ZoneBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<ZoneBody>, OktaError> {
    let zone = app.create_zone(&caller.principal, caller.origin, parse(&body)?).await?;
    Ok(Json(render(&zone, links.org_url())))
}

/// Retrieve a network zone
#[utoipa::path(get, path = "/api/v1/zones/{zoneId}", tag = "NetworkZone", params(("zoneId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.networkZones.read"])),
    responses((status = 200, body = ZoneBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn get(State(app): State<App>, caller: Caller, links: Links, Path(id): Path<String>) -> Result<Json<ZoneBody>, OktaError> {
    let zone = app.zone(&caller.principal, &id).await?;
    Ok(Json(render(&zone, links.org_url())))
}

/// Replace a network zone
#[utoipa::path(put, path = "/api/v1/zones/{zoneId}", tag = "NetworkZone", params(("zoneId" = String, Path)),
    request_body = ZoneBody, security(("apiToken" = []), ("oauth2" = ["okta.networkZones.manage"])),
    responses((status = 200, body = ZoneBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Json<ZoneBody>, OktaError> {
    let zone = app.replace_zone(&caller.principal, caller.origin, &id, parse(&body)?).await?;
    Ok(Json(render(&zone, links.org_url())))
}

/// Delete a network zone
#[utoipa::path(delete, path = "/api/v1/zones/{zoneId}", tag = "NetworkZone", params(("zoneId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.networkZones.manage"])),
    responses((status = 204), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, OktaError> {
    app.delete_zone(&caller.principal, caller.origin, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Activate a network zone
#[utoipa::path(post, path = "/api/v1/zones/{zoneId}/lifecycle/activate", tag = "NetworkZone", params(("zoneId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.networkZones.manage"])),
    responses((status = 200, body = ZoneBody), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn activate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ZoneBody>, OktaError> {
    let status = Status::Active;
    let zone = app.set_zone_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(Json(render(&zone, links.org_url())))
}

/// Deactivate a network zone
#[utoipa::path(post, path = "/api/v1/zones/{zoneId}/lifecycle/deactivate", tag = "NetworkZone", params(("zoneId" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["okta.networkZones.manage"])),
    responses((status = 200, body = ZoneBody), (status = 403, body = ErrorObject), (status = 404, body = ErrorObject)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ZoneBody>, OktaError> {
    let status = Status::Inactive;
    let zone = app.set_zone_status(&caller.principal, caller.origin, &id, status).await?;
    Ok(Json(render(&zone, links.org_url())))
}

/// What `filter` asks: one of these must hold.
#[derive(Debug)]
struct Filter(Vec<Ask>);

#[derive(Debug)]
enum Ask {
    Id(String),
    Usage(ZoneUsage),
}

impl Filter {
    /// `id eq "…"` and `usage eq "…"`, joined by `or`; nothing else is documented.
    fn parse(text: &str) -> Result<Self, Error> {
        let asks: Option<Vec<Ask>> = text.split(" or ").map(Ask::parse).collect();
        asks.map(Self).ok_or_else(|| Error::catalogued("E0000031", Vec::new()))
    }

    fn takes(&self, zone: &Zone) -> bool {
        self.0.iter().any(|ask| match ask {
            Ask::Id(id) => zone.id.as_str() == id,
            Ask::Usage(usage) => zone.usage == *usage,
        })
    }
}

impl Ask {
    fn parse(text: &str) -> Option<Self> {
        let (attribute, value) = text.trim().split_once(" eq ")?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        match (attribute.trim(), value) {
            (_, value) if value.contains('"') => None,
            ("id", id) => Some(Self::Id(id.to_owned())),
            ("usage", "POLICY") => Some(Self::Usage(ZoneUsage::Policy)),
            ("usage", "BLOCKLIST") => Some(Self::Usage(ZoneUsage::Blocklist)),
            _ => None,
        }
    }
}
