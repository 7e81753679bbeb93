//! Dynamic zones in JSON: what their addresses have in common.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use watchfire_model::object::{DynamicZone, ProxyType, ZoneLists, ZoneLocation};

use super::super::super::members::{Faults, Members};

/// So many entries a list may have.
const MAX_ENTRIES: usize = 150;
const BLANK: &str = "The field cannot be left blank";
const TOO_MANY: &str = "Number of entries exceeds the maximum of 150";

/// What the addresses of a dynamic zone have in common.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NetworkZoneDynamic)]
pub(super) struct DynamicBody {
    /// Of `DYNAMIC` a list of `{"country":"US","region":"US-CA"}` or null, of `DYNAMIC_V2` two in `include` and `exclude`.
    #[schema(value_type = Option<Object>)]
    locations: Value,
    /// Of `DYNAMIC` a list of numbers as texts, of `DYNAMIC_V2` two in `include` and `exclude`.
    #[schema(value_type = Object)]
    asns: Value,
    /// Of `DYNAMIC`: empty, `Any`, `Tor` or `NotTorAnonymizer`.
    #[serde(rename = "proxyType", skip_serializing_if = "Option::is_none")]
    proxy_type: Option<&'static str>,
    /// Of `DYNAMIC_V2`: categories such as `ALL_ANONYMIZERS`, in `include` and `exclude`.
    #[serde(rename = "ipServiceCategories", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    ip_service_categories: Option<Value>,
}

impl DynamicBody {
    /// Writes what they have in common.
    pub(super) fn new(zone: &DynamicZone) -> Self {
        match zone {
            DynamicZone::Dynamic {
                locations,
                asns,
                proxy_type,
            } => Self {
                locations: locations
                    .as_deref()
                    .map_or(Value::Null, |list| list.iter().map(location_body).collect()),
                asns: asns.iter().map(ToString::to_string).collect(),
                proxy_type: Some(proxy_type.as_str()),
                ip_service_categories: None,
            },
            DynamicZone::DynamicV2 {
                locations,
                asns,
                ip_service_categories,
            } => Self {
                locations: lists_body(locations, location_body),
                asns: lists_body(asns, |asn| asn.to_string().into()),
                proxy_type: None,
                ip_service_categories: Some(lists_body(ip_service_categories, |it| it.as_str().into())),
            },
        }
    }
}

/// The type over the wire.
pub(super) const fn type_name(zone: Option<&DynamicZone>) -> &'static str {
    match zone {
        None => "IP",
        Some(DynamicZone::Dynamic { .. }) => "DYNAMIC",
        Some(DynamicZone::DynamicV2 { .. }) => "DYNAMIC_V2",
    }
}

/// What the body of a dynamic zone says; nothing of one of addresses.
pub(super) fn read(kind: &str, body: &Members<'_>, faults: &mut Faults) -> Option<DynamicZone> {
    let zone = match kind {
        "DYNAMIC" => DynamicZone::Dynamic {
            locations: body.value("locations").map(|_| list(body, "locations", location, faults)),
            asns: list(body, "asns", asn, faults),
            proxy_type: body
                .choice("proxyType", &ProxyType::ALL.map(|it| (it.as_str(), it)), faults)
                .unwrap_or_default(),
        },
        "DYNAMIC_V2" => DynamicZone::DynamicV2 {
            locations: lists(body, "locations", location, faults),
            asns: lists(body, "asns", asn, faults),
            ip_service_categories: lists(body, "ipServiceCategories", category, faults),
        },
        _ => return None,
    };
    if faults.is_empty() && is_everywhere(&zone) {
        faults.add("locations", BLANK);
    }
    Some(zone)
}

/// A zone that asks nothing would hold every address there is.
fn is_everywhere(zone: &DynamicZone) -> bool {
    match zone {
        DynamicZone::Dynamic {
            locations,
            asns,
            proxy_type,
        } => locations.as_ref().is_none_or(Vec::is_empty) && asns.is_empty() && *proxy_type == ProxyType::Unasked,
        DynamicZone::DynamicV2 {
            locations,
            asns,
            ip_service_categories,
        } => {
            *locations == ZoneLists::default() && *asns == ZoneLists::default() && *ip_service_categories == ZoneLists::default()
        }
    }
}

fn lists<T>(body: &Members<'_>, name: &str, read: impl Fn(&Value) -> Option<T>, faults: &mut Faults) -> ZoneLists<T> {
    let lists = body.child(name, faults);
    ZoneLists {
        include: list(&lists, "include", &read, faults),
        exclude: list(&lists, "exclude", &read, faults),
    }
}

fn list<T>(body: &Members<'_>, name: &str, read: impl Fn(&Value) -> Option<T>, faults: &mut Faults) -> Vec<T> {
    let Some(value) = body.value(name) else { return Vec::new() };
    let items = value.as_array();
    if items.is_some_and(|items| items.len() > MAX_ENTRIES) {
        faults.add(body.path_of(name), TOO_MANY);
        return Vec::new();
    }
    let read: Option<Vec<T>> = items.and_then(|items| items.iter().map(read).collect());
    if read.is_none() {
        faults.add(body.path_of(name), "Invalid value");
    }
    read.unwrap_or_default()
}

/// `{"country":"US"}`, perhaps with a region of that country.
fn location(item: &Value) -> Option<ZoneLocation> {
    let country = item.get("country")?.as_str()?;
    let is_code = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    let region = match item.get("region").filter(|it| !it.is_null()) {
        None => None,
        Some(region) => Some(region.as_str()?),
    };
    let is_within = |region: &str| {
        let part = region.strip_prefix(country).and_then(|rest| rest.strip_prefix('-'));
        part.is_some_and(|part| matches!(part.len(), 1..=3) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    (is_code && region.is_none_or(is_within)).then(|| ZoneLocation {
        country: country.to_owned(),
        region: region.map(str::to_owned),
    })
}

/// A number, which Okta writes as a text.
fn asn(item: &Value) -> Option<u32> {
    let number = item
        .as_str()
        .map_or_else(|| u32::try_from(item.as_u64()?).ok(), |text| text.parse().ok());
    number.filter(|number| *number > 0)
}

/// One of Okta's names, of which there may be new ones.
fn category(item: &Value) -> Option<String> {
    let name = item.as_str()?;
    let fits = matches!(name.len(), 1..=64)
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    fits.then(|| name.to_owned())
}

fn lists_body<T>(lists: &ZoneLists<T>, write: impl Fn(&T) -> Value) -> Value {
    let written = |list: &[T]| list.iter().map(&write).collect::<Value>();
    json!({"include": written(&lists.include), "exclude": written(&lists.exclude)})
}

fn location_body(location: &ZoneLocation) -> Value {
    json!({"country": location.country, "region": location.region})
}
