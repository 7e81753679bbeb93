//! Security > Risk providers: who sends risk events, and what they count for.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::Value;
use watchfire_app::App;

use super::apps;
use crate::{
    api::{Refusal, segment},
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet},
    set_up::{Button, Cell, Part, Row, SetUp, Step, Table, or_form, see_other, step, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/security/risk-providers";
const API: &str = "/api/v1/risk/providers";
const TITLE: &str = "Risk providers";
const MANAGE: &str = "okta.riskProviders.manage";
const STEPS: &[Step] = &[step("delete", Method::DELETE, "")];

const ACTIONS: &[(&str, &str)] = &[
    ("none", "None: events are taken and forgotten"),
    ("log_only", "Log only: events are in the System Log"),
    ("enforce_and_log", "Enforce and log: events count at sign-in"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/security/risk-providers/{id}", get(show).post(replace))
        .route("/admin/security/risk-providers/{id}/{step}", post(change))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let clients = clients(&visitor).await?;
    let sheet = sheet(PATH, "Create provider", &clients).titled("New risk provider", "");
    let sheet = if query.has("client") { sheet.typed(&query) } else { sheet };
    Ok(page(&visitor, sheet, &clients).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let clients = clients(&visitor).await?;
    let sheet = sheet(PATH, "Create provider", &clients)
        .titled("New risk provider", "")
        .typed(&form);
    let made = visitor.api.post(API, &sheet.body(Value::Null)).await;
    match or_form(made, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, sheet, &clients).await?.into_page()),
    }
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let provider = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    let clients = clients(&visitor).await?;
    let sheet = sheet(&format!("{PATH}/{id}"), "Save", &clients).filled(&provider);
    Ok(provider_page(&visitor, &provider, sheet, &clients).done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let provider = visitor.api.get(&own).await?;
    let clients = clients(&visitor).await?;
    let sheet = sheet(&format!("{PATH}/{id}"), "Save", &clients).typed(&form);
    let changed = visitor.api.put(&own, &sheet.body(provider.clone())).await;
    match or_form(changed, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => Ok(provider_page(&visitor, &provider, sheet, &clients).into_page()),
    }
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (API, &id), (&step, STEPS), PATH).await
}

/// The service apps that a provider can be bound to.
async fn clients(visitor: &Visitor) -> Result<Vec<Choice>, Refusal> {
    let apps = visitor.api.list("/api/v1/apps?limit=200").await?;
    let mut choices = vec![Choice::new("null", "No app yet")];
    choices.extend(Choice::of(&apps.items, "/label"));
    Ok(choices)
}

fn sheet(action: &str, button: &'static str, clients: &[Choice]) -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::choice("client", "Service app", clients.to_vec())
            .at("/clientId")
            .with("null")
            .hint("Events are taken from this app's tokens and no other's."),
        Input::choice("action", "Action", Choice::pairs(ACTIONS))
            .at("/action")
            .with("log_only"),
    ];
    Sheet::new(action, button, inputs)
}

async fn page(visitor: &Visitor, sheet: Sheet, clients: &[Choice]) -> Result<SetUp, Failure> {
    let providers = visitor.api.list(API).await?.items;
    let rows = providers.iter().map(|provider| {
        let id = text_at(provider, "/id");
        Row::new(vec![
            Cell::link(&format!("{PATH}/{id}"), text_at(provider, "/name")),
            action(provider),
            client(provider, clients),
            Cell::time_at(provider, "/lastUpdated"),
        ])
    });
    let empty = "No risk provider yet. Make a service app for it first, then the provider below.";
    let table = Table::new(TITLE, &["Name", "Action", "Service app", "Changed"], empty).rows(rows);
    let page = SetUp::new(visitor, TITLE, PATH)
        .intro("A risk provider sends how risky an address is. Enforced, that counts when somebody signs in from there.")
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet));
    Ok(page)
}

fn provider_page(visitor: &Visitor, provider: &Value, sheet: Sheet, clients: &[Choice]) -> SetUp {
    let (id, name) = (text_at(provider, "/id"), text_at(provider, "/name"));
    let facts = vec![
        ("ID", Cell::code(id)),
        ("Action", action(provider)),
        ("Service app", client(provider, clients)),
        ("Created", Cell::time_at(provider, "/created")),
    ];
    let may = visitor.may(MANAGE);
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .part(Part::Facts(facts))
        .part_if(may, || Part::Sheet(sheet))
        .part_if(may, || {
            let question = "Its events are refused from then on; what it has said no longer counts.";
            Part::Buttons(vec![
                Button::new(format!("{PATH}/{id}/delete"), "Delete", name).asking(question),
            ])
        })
}

fn action(provider: &Value) -> Cell {
    let word = text_at(provider, "/action");
    let tone = match word {
        "enforce_and_log" => "good",
        "log_only" => "",
        _ => "warn",
    };
    Cell::Badge(tone, word.to_owned())
}

fn client(provider: &Value, clients: &[Choice]) -> Cell {
    let id = text_at(provider, "/clientId");
    let known = clients.iter().find(|choice| choice.value == id && id != "null");
    match known {
        Some(client) => Cell::link(&format!("{}/{id}", apps::PATH), &client.label),
        None => Cell::text("none"),
    }
}
