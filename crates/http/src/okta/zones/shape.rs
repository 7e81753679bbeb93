//! Network zones as Okta has them in JSON (okta.md 10.2).

mod dynamic;

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

use self::dynamic::DynamicBody;
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
    /// `IP`, `DYNAMIC` or `DYNAMIC_V2`; it cannot be changed.
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
    /// Of an IP zone: addresses of clients, at most 150 lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateways: Option<Vec<ZoneEntryBody>>,
    /// Of an IP zone: addresses of proxies, at most 150 lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ZoneEntryBody>>)]
    proxies: Option<Option<Vec<ZoneEntryBody>>>,
    #[serde(flatten)]
    dynamic: Option<DynamicBody>,
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
    let is_of_addresses = zone.dynamic.is_none();
    ZoneBody {
        id: zone.id.to_string(),
        zone_type: dynamic::type_name(zone.dynamic.as_ref()),
        name: zone.name.clone(),
        status: zone.status.as_str(),
        usage: match zone.usage {
            ZoneUsage::Policy => "POLICY",
            ZoneUsage::Blocklist => "BLOCKLIST",
        },
        system: zone.system,
        created: zone.created.to_string(),
        last_updated: zone.last_updated.to_string(),
        gateways: is_of_addresses.then(|| zone.gateways.iter().map(entry_body).collect()),
        proxies: is_of_addresses.then(|| zone.proxies.as_ref().map(|list| list.iter().map(entry_body).collect())),
        dynamic: zone.dynamic.as_ref().map(DynamicBody::new),
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
    let kind = body.required_text("type", usize::MAX, &mut faults);
    let is_of_addresses = !matches!(kind.as_str(), "DYNAMIC" | "DYNAMIC_V2");
    // Blank and wrongly typed ones have their fault already.
    if is_of_addresses && !matches!(kind.as_str(), "IP" | "") {
        faults.add("type", "Invalid value");
    }
    // What belongs to the other sort of zone is ignored, as Okta does.
    let list_of_entries = |name: &str, faults: &mut Faults| {
        let list = is_of_addresses.then(|| entries(&body, name, faults));
        list.flatten()
    };
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
        gateways: list_of_entries("gateways", &mut faults).unwrap_or_default(),
        proxies: list_of_entries("proxies", &mut faults),
        dynamic: dynamic::read(&kind, &body, &mut faults),
    };
    faults.or(draft)
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
