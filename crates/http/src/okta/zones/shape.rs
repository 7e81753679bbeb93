//! Network zones as Okta has them in JSON (okta.md 10.2). IP zones only.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_app::Error;
use watchfire_model::{
    object::{Status, Zone, ZoneDraft, ZoneEntry, ZoneUsage},
    signal::parse_ip,
};

use super::super::members::{Faults, Members};

/// So many lines a list of a zone may have.
const MAX_ENTRIES: usize = 150;
/// The longest name, in characters.
const MAX_NAME: usize = 128;

/// A network zone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NetworkZone)]
pub struct ZoneBody {
    /// `nzo…`
    #[schema(read_only)]
    id: String,
    /// `IP`
    #[serde(rename = "type")]
    zone_type: &'static str,
    /// Unique, at most 128 characters.
    name: String,
    /// `ACTIVE` or `INACTIVE`
    status: &'static str,
    /// `POLICY`, or `BLOCKLIST`: its addresses are refused before authentication.
    usage: &'static str,
    /// Whether the organisation came with it.
    #[schema(read_only)]
    system: bool,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    /// Addresses of clients, at most 150 lines.
    gateways: Vec<ZoneEntryBody>,
    /// Addresses of proxies, at most 150 lines.
    proxies: Option<Vec<ZoneEntryBody>>,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
}

/// A line of a zone's list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NetworkZoneAddress)]
pub struct ZoneEntryBody {
    /// `CIDR` or `RANGE`
    #[serde(rename = "type")]
    entry_type: &'static str,
    /// `192.0.2.0/24`, or `192.0.2.1-192.0.2.9`
    value: String,
}

/// Writes a zone. `org_url` has no trailing slash.
pub fn render(zone: &Zone, org_url: &str) -> ZoneBody {
    ZoneBody {
        id: zone.id.to_string(),
        zone_type: "IP",
        name: zone.name.clone(),
        status: zone.status.as_str(),
        usage: match zone.usage {
            ZoneUsage::Policy => "POLICY",
            ZoneUsage::Blocklist => "BLOCKLIST",
        },
        system: zone.system,
        created: zone.created.to_string(),
        last_updated: zone.last_updated.to_string(),
        gateways: zone.gateways.iter().map(entry_body).collect(),
        proxies: zone.proxies.as_ref().map(|list| list.iter().map(entry_body).collect()),
        links: links(zone, org_url),
    }
}

/// Reads the body of POST and PUT.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse(body: &Value) -> Result<ZoneDraft, Error> {
    let body = Members::of(body)?;
    let mut faults = Faults::default();
    zone_type(&body, &mut faults);
    let draft = ZoneDraft {
        name: body.required_text("name", MAX_NAME, &mut faults),
        usage: body
            .choice(
                "usage",
                &[("POLICY", ZoneUsage::Policy), ("BLOCKLIST", ZoneUsage::Blocklist)],
                &mut faults,
            )
            .unwrap_or_default(),
        status: body.choice(
            "status",
            &[("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)],
            &mut faults,
        ),
        gateways: entries(&body, "gateways", &mut faults).unwrap_or_default(),
        proxies: entries(&body, "proxies", &mut faults),
    };
    faults.or(draft)
}

fn zone_type(body: &Members<'_>, faults: &mut Faults) {
    match body.required_text("type", usize::MAX, faults).as_str() {
        // Blank and wrongly typed ones have their fault already.
        "IP" | "" => {}
        "DYNAMIC" | "DYNAMIC_V2" => faults.add(
            "type",
            "Dynamic zones need location data that is not installed; use an IP zone",
        ),
        _ => faults.add("type", "Invalid value"),
    }
}

fn entries(body: &Members<'_>, name: &str, faults: &mut Faults) -> Option<Vec<ZoneEntry>> {
    let value = body.value(name)?;
    let Some(items) = value.as_array() else {
        faults.add(name, "Invalid value");
        return None;
    };
    if items.len() > MAX_ENTRIES {
        faults.add(name, format!("Number of entries exceeds the maximum of {MAX_ENTRIES}"));
        return None;
    }
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        match entry(item) {
            Ok(entry) => entries.push(entry),
            Err(message) => faults.add(name, message),
        }
    }
    Some(entries)
}

fn entry(item: &Value) -> Result<ZoneEntry, String> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let value = text("value").ok_or("The value of an entry cannot be left blank")?;
    let entry = match text("type") {
        Some("CIDR") => cidr(value).map(ZoneEntry::Cidr),
        Some("RANGE") => range(value).map(|(first, last)| ZoneEntry::Range(first, last)),
        _ => return Err("The type of an entry must be CIDR or RANGE".to_owned()),
    };
    entry.ok_or_else(|| format!("Invalid network address: {value}"))
}

/// A prefix, or one address as a prefix of full length.
fn cidr(text: &str) -> Option<IpNet> {
    if !text.contains('/') {
        return parse_ip(text).map(IpNet::from);
    }
    let net: IpNet = text.parse().ok()?;
    match (net, net.addr().to_canonical()) {
        // The prefix of a mapped address counts its 96 leading bits too.
        (IpNet::V6(_), IpAddr::V4(addr)) => Ipv4Net::new(addr, net.prefix_len().checked_sub(96)?).ok().map(IpNet::V4),
        _ => Some(net),
    }
}

/// `first-last`, or one address as a range of its own.
fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (parse_ip(first.trim())?, parse_ip(last.trim())?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
}

fn entry_body(entry: &ZoneEntry) -> ZoneEntryBody {
    match entry {
        ZoneEntry::Cidr(net) => ZoneEntryBody {
            entry_type: "CIDR",
            value: net.to_string(),
        },
        ZoneEntry::Range(first, last) => ZoneEntryBody {
            entry_type: "RANGE",
            value: format!("{first}-{last}"),
        },
    }
}

fn links(zone: &Zone, org_url: &str) -> Value {
    let href = format!("{org_url}/api/v1/zones/{}", zone.id);
    let lifecycle = match zone.status {
        Status::Active => "deactivate",
        Status::Inactive => "activate",
    };
    let allow = if zone.system {
        json!(["GET", "PUT"])
    } else {
        json!(["GET", "PUT", "DELETE"])
    };
    let mut links = json!({"self": {"href": href, "hints": {"allow": allow}}});
    if let Some(links) = links.as_object_mut().filter(|_| !zone.system) {
        links.insert(
            lifecycle.to_owned(),
            json!({"href": format!("{href}/lifecycle/{lifecycle}"), "hints": {"allow": ["POST"]}}),
        );
    }
    links
}

#[cfg(test)]
mod tests;
