//! `/watchfire/v1/addresses`: of which addresses providers speak, and what is known of one now.

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::{
    App, Error,
    insight::addresses::{AddressAtRisk, AddressQuery, AddressReport, AddressSignal, Membership},
};
use watchfire_model::{
    object::{Zone, ZoneUsage},
    signal::{RiskLevel, parse_ip},
    time::Timestamp,
};

use crate::{
    caller::Caller,
    error::{OktaError, okta::ErrorObject},
    links::Links,
    pagination::{PageBounds, PageLinks, PageRequest},
    query::Query,
};

const PATH: &str = "/watchfire/v1/addresses";

/// What is known of an address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressObject {
    /// In its one form.
    ip_address: String,
    /// What risk providers say of it now, the worst first; behind it what feedback has called a false alarm.
    signals: Vec<AddressSignalObject>,
    /// ISO 3166-1 code, as data sets have it.
    country: Option<String>,
    /// First subdivision.
    state: Option<String>,
    /// City.
    city: Option<String>,
    /// Number of its autonomous system.
    asn: Option<u32>,
    /// Who runs that.
    organization: Option<String>,
    /// Whether machines, VPN exits or relays are there; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    hosting: Option<bool>,
    /// The active zones that it is in.
    zones: Vec<AddressZoneObject>,
}

/// An address that risk providers speak of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressAtRiskObject {
    /// In its one form.
    ip_address: String,
    /// The worst that is said of it: `LOW`, `MEDIUM` or `HIGH`
    level: &'static str,
    /// ISO 3166-1 code, as data sets have it.
    country: Option<String>,
    /// What is said and counts now, the worst first.
    signals: Vec<AddressSignalObject>,
}

impl From<AddressAtRisk> for AddressAtRiskObject {
    fn from(it: AddressAtRisk) -> Self {
        Self {
            ip_address: it.ip.to_string(),
            level: it.level.as_str(),
            country: it.country,
            signals: it.signals.into_iter().map(AddressSignalObject::from).collect(),
        }
    }
}

/// What a risk provider says of an address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AddressSignalObject {
    /// The provider's id.
    provider_id: String,
    /// Its name.
    provider_name: Option<String>,
    /// `none`, `log_only` or `enforce_and_log`.
    action: &'static str,
    /// `LOW`, `MEDIUM` or `HIGH`
    level: &'static str,
    /// Why.
    message: Option<String>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// What it came with, `rcp…`: feedback on it is about this.
    receipt_id: String,
    /// Whether feedback has called it a false alarm: then it does not count.
    called_false: bool,
    /// Until when it counts.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A zone that an address is in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AddressZoneObject {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// `POLICY` or `BLOCKLIST`
    usage: &'static str,
    /// Whether that is certain; there may be no data that would tell.
    certain: bool,
}

impl From<AddressReport> for AddressObject {
    fn from(report: AddressReport) -> Self {
        let place = report.located.place;
        Self {
            ip_address: report.ip.to_string(),
            signals: report.signals.into_iter().map(AddressSignalObject::from).collect(),
            country: place.country,
            state: place.state,
            city: place.city,
            asn: place.asn,
            organization: report.located.organization,
            hosting: place.hosting,
            zones: report.zones.into_iter().map(AddressZoneObject::from).collect(),
        }
    }
}

impl From<AddressSignal> for AddressSignalObject {
    fn from(it: AddressSignal) -> Self {
        let signal = it.signal;
        Self {
            provider_id: signal.provider.to_string(),
            provider_name: it.name,
            action: it.action.as_str(),
            level: signal.signal.level.as_str(),
            message: signal.signal.message,
            received_at: signal.received_at,
            receipt_id: signal.receipt.to_string(),
            called_false: it.called_false,
            expires_at: signal.signal.expires_at,
        }
    }
}

impl From<(Zone, Membership)> for AddressZoneObject {
    fn from((zone, membership): (Zone, Membership)) -> Self {
        Self {
            id: zone.id.to_string(),
            name: zone.name,
            usage: match zone.usage {
                ZoneUsage::Policy => "POLICY",
                ZoneUsage::Blocklist => "BLOCKLIST",
            },
            certain: membership == Membership::Inside,
        }
    }
}

/// List the addresses that risk providers speak of now, the worst first
#[utoipa::path(get, path = "/watchfire/v1/addresses", tag = "Watchfire",
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    params(
        ("level" = Option<String>, Query, description = "At least so risky: `LOW`, `MEDIUM` or `HIGH`"),
        ("after" = Option<String>, Query, description = "From a `next` link"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 when absent"),
    ),
    responses((status = 200, body = Vec<AddressAtRiskObject>), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    links: Links,
    query: Query,
) -> Result<impl IntoResponse + use<>, OktaError> {
    let page = PageRequest::parse(&query, PageBounds::OURS)?;
    let level = |text| RiskLevel::parse(text).ok_or_else(|| Error::invalid("level", "Invalid value"));
    let wanted = AddressQuery {
        least: query.filled("level").map(level).transpose()?,
        after: page.after.clone(),
        limit: page.limit,
    };
    let listed = app.addresses_at_risk(&caller.principal, &wanted).await?;
    let bodies: Vec<AddressAtRiskObject> = listed.items.into_iter().map(AddressAtRiskObject::from).collect();
    Ok((PageLinks::new(&links, PATH, &query, listed.next.as_deref()), Json(bodies)))
}

/// Get what is known of an address now
#[utoipa::path(get, path = "/watchfire/v1/addresses/{ipAddress}", tag = "Watchfire", params(("ipAddress" = String, Path)),
    security(("apiToken" = []), ("oauth2" = ["watchfire.read"])),
    responses((status = 200, body = AddressObject), (status = 400, body = ErrorObject), (status = 403, body = ErrorObject)))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(ip): Path<String>,
) -> Result<Json<AddressObject>, OktaError> {
    let ip = parse_ip(&ip).ok_or_else(|| Error::invalid("ipAddress", "Invalid value"))?;
    Ok(Json(AddressObject::from(app.address_report(&caller.principal, ip).await?)))
}
