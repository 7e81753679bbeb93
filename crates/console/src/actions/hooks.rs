//! Actions > Event hooks: whom events of the System Log are delivered to.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::App;

use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Input, Sheet, put},
    set_up::{Button, Cell, Part, Row, SetUp, Step, Table, or_form, see_other, step, take_step, text_at, texts_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/actions/hooks";
const API: &str = "/api/v1/eventHooks";
const TITLE: &str = "Event hooks";
const MANAGE: &str = "okta.eventHooks.manage";

const STEPS: &[Step] = &[
    step("activate", Method::POST, "/lifecycle/activate"),
    step("deactivate", Method::POST, "/lifecycle/deactivate"),
    step("verified", Method::POST, "/lifecycle/verify"),
    step("delete", Method::DELETE, ""),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/actions/hooks/{id}", get(show).post(replace))
        .route("/admin/actions/hooks/{id}/{step}", post(change))
}

fn sheet(action: String, button: &'static str) -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::code("uri", "URL").at("/channel/config/uri").required(),
        Input::lines("events", "Event types")
            .at("/events/items")
            .required()
            .hint("Such as user.risk.detect or user.session.start, one a line."),
        Input::code("auth_header", "Header of its credential")
            .at("/channel/config/authScheme/key")
            .hint("Such as Authorization."),
        Input::secret("auth_value", "Credential")
            .at("/channel/config/authScheme/value")
            .hint("It is not shown again. Left empty, an old one stays."),
    ];
    Sheet::new(action, button, inputs)
}

fn new_hook() -> Sheet {
    sheet(PATH.to_owned(), "Create hook").titled("New event hook", "").folded()
}

fn body(sheet: &Sheet, base: Value) -> Value {
    let mut body = sheet.body(base);
    put(&mut body, "/events/type", Some("EVENT_TYPE".into()));
    put(&mut body, "/channel/type", Some("HTTP".into()));
    put(&mut body, "/channel/version", Some("1.0.0".into()));
    if !sheet.value("auth_header").trim().is_empty() {
        put(&mut body, "/channel/config/authScheme/type", Some("HEADER".into()));
    }
    body
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, new_hook()).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = new_hook().typed(&form);
    match or_form(visitor.api.post(API, &body(&sheet, json!({}))).await, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, sheet).await?.into_page()),
    }
}

async fn page(visitor: &Visitor, sheet: Sheet) -> Result<SetUp, Failure> {
    let hooks = visitor.api.list(API).await?.items;
    let rows = hooks.iter().map(|hook| {
        Row::new(vec![
            Cell::link(&format!("{PATH}/{}", text_at(hook, "/id")), text_at(hook, "/name")),
            Cell::code(text_at(hook, "/channel/config/uri")),
            Cell::text(&texts_at(hook, "/events/items").len().to_string()),
            Cell::status(text_at(hook, "/verificationStatus")),
            Cell::status(text_at(hook, "/status")),
        ])
    });
    let empty = "No event hook yet. A hook gets the events that you choose, as they happen.";
    let table = Table::new(TITLE, &["Name", "URL", "Event types", "Verified", "Status"], empty).rows(rows);
    Ok(SetUp::new(visitor, TITLE, PATH)
        .intro("An event hook is called with events of the System Log. It must answer a challenge first.")
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet)))
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let hook = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    let sheet = sheet(format!("{PATH}/{id}"), "Save").filled(&hook);
    Ok(hook_page(&visitor, &hook, sheet).done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let hook = visitor.api.get(&own).await?;
    let sheet = sheet(format!("{PATH}/{id}"), "Save").typed(&form);
    match or_form(visitor.api.put(&own, &body(&sheet, hook.clone())).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => Ok(hook_page(&visitor, &hook, sheet).into_page()),
    }
}

fn hook_page(visitor: &Visitor, hook: &Value, sheet: Sheet) -> SetUp {
    let (id, name, status) = (text_at(hook, "/id"), text_at(hook, "/name"), text_at(hook, "/status"));
    let own = format!("{PATH}/{id}");
    let events = texts_at(hook, "/events/items").into_iter().map(str::to_owned).collect();
    let facts = vec![
        ("ID", Cell::code(id)),
        ("URL", Cell::code(text_at(hook, "/channel/config/uri"))),
        ("Verified", Cell::status(text_at(hook, "/verificationStatus"))),
        ("Event types", Cell::Lines(events)),
        ("Changed", Cell::time_at(hook, "/lastUpdated")),
    ];
    let question = "Events that wait for it are dropped. A hook must be off before it is deleted.";
    let mut buttons = Vec::new();
    if status == "ACTIVE" {
        buttons.push(Button::new(format!("{own}/verified"), "Verify", name));
    }
    buttons.extend(Button::lifecycle(&own, status, name, question));
    let may = visitor.may(MANAGE);
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .badge(Cell::status(status))
        .part(Part::Facts(facts))
        .part_if(may, || Part::Buttons(buttons))
        .part_if(may, || Part::Sheet(sheet.titled("Change it", "").folded()))
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, STEPS), &back).await
}
