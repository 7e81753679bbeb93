//! Security > Networks: the zones that policies name.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use watchfire_app::App;

use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet, lines, put},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Table, list_at, or_form, see_other, take_step, text_at, texts_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/security/zones";
const API: &str = "/api/v1/zones";
const TITLE: &str = "Networks";
const MANAGE: &str = "okta.networkZones.manage";

const USAGES: &[(&str, &str)] = &[
    ("POLICY", "Policies: rules can name it"),
    ("BLOCKLIST", "Blocklist: nobody signs in from there"),
];
const PROXIES: &[(&str, &str)] = &[
    ("", "Any address"),
    ("Any", "Behind a proxy"),
    ("Tor", "Tor"),
    ("NotTorAnonymizer", "An anonymizer that is not Tor"),
    ("TorAnonymizer", "Tor as an anonymizer"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/security/zones/{id}", get(show).post(take))
        .route("/admin/security/zones/{id}/{step}", post(change))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let zones = visitor.api.list(&format!("{API}?limit=200")).await?.items;
    let may = visitor.may(MANAGE);
    let rows = zones.iter().map(|zone| {
        let (id, name, status) = (text_at(zone, "/id"), text_at(zone, "/name"), text_at(zone, "/status"));
        let own = format!("{PATH}/{id}");
        let is_system = zone.pointer("/system") == Some(&Value::Bool(true));
        let buttons = Button::lifecycle(&own, status, name, "A zone that a rule names cannot be deleted.");
        Row::new(vec![
            Cell::link(&own, name),
            Cell::at(zone, "/type"),
            match text_at(zone, "/usage") {
                "BLOCKLIST" => Cell::Badge("bad", "Blocklist".to_owned()),
                _ => Cell::text("Policies"),
            },
            Cell::Lines(contents(zone)),
            Cell::status(status),
        ])
        .buttons(if may && !is_system { buttons } else { Vec::new() })
    });
    let table = Table::new(TITLE, &["Name", "Type", "For", "Holds", "Status"], "No zone yet.").rows(rows);
    let new = |kind: &str, text| Link::to(&format!("{PATH}/{kind}"), text);
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("A zone is a set of addresses: listed, or told by place, network and kind of proxy.")
        .done(&query)
        .part(Part::Table(table))
        .part_if(may, || {
            Part::Links(vec![new("new-ip", "Add IP zone"), new("new-dynamic", "Add dynamic zone")])
        });
    Ok(page.into_page())
}

/// The first of what a zone holds.
fn contents(zone: &Value) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut lines: Vec<String> = list_at(zone, "/gateways")
        .iter()
        .map(|it| text_at(it, "/value").to_owned())
        .collect();
    lines.extend(places(
        zone,
        if zone.pointer("/locations/include").is_some() {
            "/locations/include"
        } else {
            "/locations"
        },
    ));
    for pointer in ["/asns", "/asns/include"] {
        lines.extend(texts_at(zone, pointer).iter().map(|asn| format!("AS{asn}")));
    }
    lines.extend(texts_at(zone, "/ipServiceCategories/include").into_iter().map(str::to_owned));
    let proxy = text_at(zone, "/proxyType");
    lines.extend(Some(proxy.to_owned()).filter(|proxy| !proxy.is_empty()));
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// `US`, or `US-CA`.
fn places(zone: &Value, pointer: &str) -> Vec<String> {
    let place = |location: &Value| match text_at(location, "/region") {
        "" => text_at(location, "/country").to_owned(),
        region => region.to_owned(),
    };
    list_at(zone, pointer).iter().map(place).collect()
}

/// Locations of what [`places`] writes.
fn locations(text: &str) -> Option<Value> {
    let location = |place: String| match place.split_once('-') {
        Some((country, _)) => json!({"country": country, "region": place}),
        None => json!({"country": place}),
    };
    let all: Vec<Value> = lines(text).into_iter().map(location).collect();
    Some(all).filter(|all| !all.is_empty()).map(Value::from)
}

/// Addresses of lines: networks and ranges.
fn entries(text: &str) -> Option<Value> {
    let entry = |value: String| {
        let kind = if value.contains('-') { "RANGE" } else { "CIDR" };
        json!({"type": kind, "value": value})
    };
    let all: Vec<Value> = lines(text).into_iter().map(entry).collect();
    Some(all).filter(|all| !all.is_empty()).map(Value::from)
}

/// What is asked of a zone of a type.
fn sheet(action: &str, kind: &str, zone: Option<&Value>) -> Sheet {
    let mut inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::choice("usage", "For", Choice::pairs(USAGES)).at("/usage"),
    ];
    match kind {
        "IP" => inputs.extend([
            Input::lines("gateways", "Addresses of clients")
                .at("/gateways")
                .hint("192.0.2.0/24, or 192.0.2.1-192.0.2.9, one a line."),
            Input::lines("proxies", "Addresses of proxies").at("/proxies"),
        ]),
        "DYNAMIC" => inputs.extend([
            Input::lines("places", "Places").at("/locations").hint(PLACES),
            Input::lines("asns", "Networks")
                .at("/asns")
                .hint("Numbers of autonomous systems, one a line."),
            Input::choice("proxy", "Kind of proxy", Choice::pairs(PROXIES)).at("/proxyType"),
        ]),
        _ => inputs.extend([
            Input::lines("places", "Places").at("/locations/include").hint(PLACES),
            Input::lines("not_places", "Not these places").at("/locations/exclude"),
            Input::lines("asns", "Networks")
                .at("/asns/include")
                .hint("Numbers of autonomous systems, one a line."),
            Input::lines("not_asns", "Not these networks").at("/asns/exclude"),
            Input::lines("categories", "IP services")
                .at("/ipServiceCategories/include")
                .hint("Such as ALL_ANONYMIZERS or TOR_ANONYMIZER, one a line."),
            Input::lines("not_categories", "Not these IP services").at("/ipServiceCategories/exclude"),
        ]),
    }
    let button = if zone.is_some() { "Save zone" } else { "Create zone" };
    let sheet = Sheet::new(action, button, inputs);
    match zone {
        Some(zone) => filled(sheet, zone),
        None => sheet,
    }
}

const PLACES: &str = "Countries and regions by their ISO codes, US or US-CA, one a line.";

/// Lists of objects become lines.
fn filled(sheet: Sheet, zone: &Value) -> Sheet {
    let mut sheet = sheet.filled(zone);
    for (name, pointer) in [("gateways", "/gateways"), ("proxies", "/proxies")] {
        let entries: Vec<&str> = list_at(zone, pointer).iter().map(|it| text_at(it, "/value")).collect();
        sheet.set(name, vec![entries.join("\n")]);
    }
    let of = |pointer: &str| vec![places(zone, pointer).join("\n")];
    match text_at(zone, "/type") {
        "DYNAMIC" => sheet.set("places", of("/locations")),
        _ => sheet.set("places", of("/locations/include")),
    }
    sheet.set("not_places", of("/locations/exclude"));
    sheet
}

fn body(sheet: &Sheet, kind: &str, zone: Option<&Value>) -> Value {
    let mut body = sheet.body(zone.cloned().unwrap_or_else(|| json!({"type": kind})));
    match kind {
        "IP" => {
            put(&mut body, "/gateways", entries(sheet.value("gateways")));
            put(&mut body, "/proxies", entries(sheet.value("proxies")));
        }
        "DYNAMIC" => put(&mut body, "/locations", locations(sheet.value("places"))),
        _ => {
            put(&mut body, "/locations/include", locations(sheet.value("places")));
            put(&mut body, "/locations/exclude", locations(sheet.value("not_places")));
        }
    }
    body
}

/// The type of a new zone, or the zone that there is.
async fn known(visitor: &Visitor, id: &str) -> Result<(String, Option<Value>), Failure> {
    match id {
        "new-ip" => Ok(("IP".to_owned(), None)),
        "new-dynamic" => Ok(("DYNAMIC_V2".to_owned(), None)),
        id => {
            let zone = visitor.api.get(&format!("{API}/{}", segment(id))).await?;
            Ok((text_at(&zone, "/type").to_owned(), Some(zone)))
        }
    }
}

fn page(visitor: &Visitor, zone: Option<&Value>, sheet: Sheet) -> SetUp {
    let page = SetUp::new(visitor, TITLE, PATH).of(zone.map_or("New zone", |zone| text_at(zone, "/name")));
    let page = match zone {
        Some(zone) => page.badge(Cell::status(text_at(zone, "/status"))).part(Part::Facts(vec![
            ("ID", Cell::code(text_at(zone, "/id"))),
            ("Holds", Cell::Lines(contents(zone))),
            ("Changed", Cell::time_at(zone, "/lastUpdated")),
        ])),
        None => page,
    };
    page.part_if(visitor.may(MANAGE), || Part::Sheet(sheet))
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let (kind, zone) = known(&visitor, &id).await?;
    let sheet = sheet(&format!("{PATH}/{id}"), &kind, zone.as_ref());
    Ok(page(&visitor, zone.as_ref(), sheet).done(&query).into_page())
}

async fn take(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let (kind, zone) = known(&visitor, &id).await?;
    let sheet = sheet(&format!("{PATH}/{id}"), &kind, zone.as_ref()).typed(&form);
    let body = body(&sheet, &kind, zone.as_ref());
    let (kept, word) = match &zone {
        Some(_) => (visitor.api.put(&format!("{API}/{}", segment(&id)), &body).await, "saved"),
        None => (visitor.api.post(API, &body).await, "made"),
    };
    match or_form(kept, sheet)? {
        Ok(_) => Ok(see_other(PATH, word)),
        Err(sheet) => Ok(page(&visitor, zone.as_ref(), sheet).into_page()),
    }
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), PATH).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_into_the_form_and_back() {
        let zones = [
            json!({"type": "IP", "name": "A", "usage": "POLICY", "gateways": [{"type": "CIDR", "value": "192.0.2.0/24"}, {"type": "RANGE", "value": "192.0.2.1-192.0.2.9"}]}),
            json!({"type": "DYNAMIC", "name": "B", "usage": "POLICY", "locations": [{"country": "DE"}, {"country": "US", "region": "US-CA"}], "asns": ["64500"], "proxyType": "Tor"}),
            json!({"type": "DYNAMIC_V2", "name": "C", "usage": "BLOCKLIST", "locations": {"include": [{"country": "DE"}]}, "asns": {"exclude": ["64500"]}, "ipServiceCategories": {"include": ["ALL_ANONYMIZERS"]}}),
        ];
        for zone in zones {
            let kind = text_at(&zone, "/type").to_owned();
            let sheet = sheet("/x", &kind, Some(&zone));
            assert_eq!(body(&sheet, &kind, None), zone);
        }
    }
}
