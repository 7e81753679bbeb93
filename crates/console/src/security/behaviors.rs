//! Security > Behavior detection: what counts as unlike a user.

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
    form::{Choice, Input, Sheet},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Table, or_form, see_other, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/security/behaviors";
const API: &str = "/api/v1/behaviors";
const TITLE: &str = "Behavior detection";
const MANAGE: &str = "okta.behaviors.manage";

const TYPES: &[(&str, &str)] = &[
    ("ANOMALOUS_LOCATION", "Location"),
    ("ANOMALOUS_DEVICE", "Device"),
    ("ANOMALOUS_IP", "IP address"),
    ("ANOMALOUS_ASN", "Network"),
    ("VELOCITY", "Velocity"),
];
const GRANULARITIES: &[(&str, &str)] = &[
    ("CITY", "City"),
    ("SUBDIVISION", "State or region"),
    ("COUNTRY", "Country"),
    ("LAT_LONG", "Distance"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/security/behaviors/new/{type}", get(new).post(create))
        .route("/admin/security/behaviors/{id}", get(show).post(replace))
        .route("/admin/security/behaviors/{id}/{step}", post(change))
}

fn label(kind: &str) -> &'static str {
    TYPES
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("Behavior", |(_, label)| label)
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let behaviors = visitor.api.list(API).await?.items;
    let may = visitor.may(MANAGE);
    let rows = behaviors.iter().map(|behavior| {
        let (id, name, status) = (
            text_at(behavior, "/id"),
            text_at(behavior, "/name"),
            text_at(behavior, "/status"),
        );
        let own = format!("{PATH}/{id}");
        let buttons = Button::lifecycle(&own, status, name, "A behavior that a rule names cannot be deleted.");
        Row::new(vec![
            Cell::link(&own, name),
            Cell::text(label(text_at(behavior, "/type"))),
            Cell::Lines(settings(behavior)),
            Cell::status(status),
        ])
        .buttons(if may { buttons } else { Vec::new() })
    });
    let table = Table::new(TITLE, &["Name", "Compares", "How", "Status"], "No behavior yet.").rows(rows);
    let links = TYPES
        .iter()
        .map(|(kind, label)| Link::to(&format!("{PATH}/new/{kind}"), &format!("Add: {label}")));
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("A behavior compares a sign-in with the user's own past: rules can ask whether it is new.")
        .done(&query)
        .part(Part::Table(table))
        .part_if(may, || Part::Links(links.collect()));
    Ok(page.into_page())
}

fn settings(behavior: &Value) -> Vec<String> {
    let number = |name: &str| behavior.pointer(&format!("/settings/{name}")).map(ToString::to_string);
    let mut lines = Vec::new();
    lines.extend(number("maxEventsUsedForEvaluation").map(|count| format!("with the last {count} sign-ins")));
    let least = number("minEventsNeededForEvaluation").filter(|count| count != "0");
    lines.extend(least.map(|count| format!("once there are {count}")));
    let granularity = text_at(behavior, "/settings/granularity");
    let granularity = GRANULARITIES.iter().find(|(known, _)| *known == granularity);
    lines.extend(granularity.map(|(_, label)| (*label).to_owned()));
    lines.extend(number("radiusKilometers").map(|radius| format!("within {radius} km")));
    lines.extend(number("velocityKph").map(|speed| format!("faster than {speed} km/h")));
    lines
}

fn sheet(action: String, kind: &str, behavior: Option<&Value>) -> Sheet {
    let mut inputs = vec![Input::text("name", "Name").at("/name").required()];
    if kind == "VELOCITY" {
        inputs.push(
            Input::number("speed", "Faster than (km/h)")
                .at("/settings/velocityKph")
                .with("805"),
        );
    } else {
        let most = if kind == "ANOMALOUS_IP" { "50" } else { "20" };
        inputs.push(
            Input::number("most", "Compared with the last sign-ins")
                .at("/settings/maxEventsUsedForEvaluation")
                .with(most)
                .hint("1 to 100."),
        );
        inputs.push(
            Input::number("least", "Once there are so many")
                .at("/settings/minEventsNeededForEvaluation")
                .with("0")
                .hint("0 to 10: before that it says nothing."),
        );
    }
    if kind == "ANOMALOUS_LOCATION" {
        inputs.push(Input::choice("granularity", "A place is a", Choice::pairs(GRANULARITIES)).at("/settings/granularity"));
        inputs.push(
            Input::number("radius", "Radius (km)")
                .at("/settings/radiusKilometers")
                .hint("For a distance only."),
        );
    }
    let button = if behavior.is_some() {
        "Save behavior"
    } else {
        "Create behavior"
    };
    let sheet = Sheet::new(action, button, inputs);
    match behavior {
        Some(behavior) => sheet.filled(behavior),
        None => sheet,
    }
}

async fn new(visitor: Visitor, Path(kind): Path<String>) -> Result<Response, Failure> {
    let sheet = sheet(format!("{PATH}/new/{kind}"), &kind, None);
    Ok(page(&visitor, label(&kind), sheet).into_page())
}

async fn create(visitor: Visitor, Path(kind): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(format!("{PATH}/new/{kind}"), &kind, None).typed(&form);
    let body = sheet.body(json!({"type": kind}));
    match or_form(visitor.api.post(API, &body).await, sheet)? {
        Ok(_) => Ok(see_other(PATH, "made")),
        Err(sheet) => Ok(page(&visitor, label(&kind), sheet).into_page()),
    }
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let behavior = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    let sheet = sheet(format!("{PATH}/{id}"), text_at(&behavior, "/type"), Some(&behavior));
    Ok(page(&visitor, text_at(&behavior, "/name"), sheet).done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let old = visitor.api.get(&own).await?;
    let sheet = sheet(format!("{PATH}/{id}"), text_at(&old, "/type"), Some(&old)).typed(&form);
    match or_form(visitor.api.put(&own, &sheet.body(old.clone())).await, sheet)? {
        Ok(_) => Ok(see_other(PATH, "saved")),
        Err(sheet) => Ok(page(&visitor, text_at(&old, "/name"), sheet).into_page()),
    }
}

fn page(visitor: &Visitor, name: &str, sheet: Sheet) -> SetUp {
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet))
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), PATH).await
}
