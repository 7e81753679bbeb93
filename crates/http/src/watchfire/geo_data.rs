//! `/watchfire/v1/geo-data`: the data sets of addresses that this server uses.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{App, geo::DataStatus};
use watchfire_model::time::Timestamp;

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
};

/// A file of geo data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GeoDataObject {
    /// `city`, `country`, `asn` or `anonymous`.
    kind: &'static str,
    /// Whether a file of this kind is in use.
    in_use: bool,
    /// What it calls itself, such as `GeoLite2-City`.
    database_type: Option<String>,
    /// When it was built.
    #[schema(value_type = Option<String>, format = DateTime)]
    built: Option<Timestamp>,
    /// Since when it is in use.
    #[schema(value_type = Option<String>, format = DateTime)]
    loaded: Option<Timestamp>,
    /// `FRESH`, `STALE` (it is used all the same) or `DOUBTFUL` (its coordinates count for no better than a country's).
    freshness: Option<&'static str>,
    /// Bytes.
    bytes: Option<usize>,
    /// SHA-256 of the file.
    sha256: Option<String>,
    /// Why the file that is there now is not used.
    problem: Option<String>,
}

impl From<DataStatus> for GeoDataObject {
    fn from(status: DataStatus) -> Self {
        let (summary, freshness) = status.in_use.unzip();
        Self {
            kind: status.kind.as_str(),
            in_use: summary.is_some(),
            built: summary.as_ref().map(|summary| summary.built),
            bytes: summary.as_ref().map(|summary| summary.bytes),
            sha256: summary.as_ref().map(|summary| summary.sha256.clone()),
            database_type: summary.map(|summary| summary.database_type),
            loaded: status.loaded,
            freshness: freshness.map(watchfire_app::geo::Freshness::as_str),
            problem: status.problem,
        }
    }
}

/// List the data sets of addresses that are in use
#[utoipa::path(get, path = "/watchfire/v1/geo-data", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = Vec<GeoDataObject>), (status = 403, body = ErrorObject)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<GeoDataObject>>, OktaError> {
    let data = app.geo_data(&caller.principal)?;
    Ok(Json(data.into_iter().map(GeoDataObject::from).collect()))
}
