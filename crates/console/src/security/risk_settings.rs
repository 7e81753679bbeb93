//! Security > Risk settings: how evidence is weighed, and what labels have taught.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Map, Value, json};
use watchfire_app::App;

use crate::{
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet},
    set_up::{Cell, Part, Row, SetUp, Table, or_form, see_other, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/security/risk-settings";
const API: &str = "/watchfire/v1/risk-settings";
const TITLE: &str = "Risk settings";
const MANAGE: &str = "watchfire.manage";
const FLOORS: &[(&str, &str)] = &[
    ("AS_REPORTED", "A sign-in is at least as risky as it says"),
    ("OFF", "Its word weighs, but is no floor"),
];

pub(super) fn router() -> Router<App> {
    Router::new().route(PATH, get(show).post(replace)).route(
        "/admin/security/risk-settings/{provider}",
        get(show_provider).post(replace_provider),
    )
}

async fn sheet(visitor: &Visitor) -> Result<Sheet, Failure> {
    let zones = visitor.api.list("/api/v1/zones?limit=200").await?.items;
    let inputs = vec![
        Input::several(
            "zones",
            "Addresses of these zones speak for a sign-in",
            Choice::of(&zones, "/name"),
        )
        .at("/trustedZones"),
        Input::switch("learn", "Thresholds follow the scores of honest sign-ins").at("/thresholds/learn"),
        Input::number("medium", "Share of honest sign-ins that may be medium or more")
            .at("/thresholds/medium")
            .hint("0 to 1; 0.05 unless you say otherwise."),
        Input::number("high", "Share of honest sign-ins that may be high")
            .at("/thresholds/high")
            .hint("0 to 1; 0.01 unless you say otherwise."),
    ];
    Ok(Sheet::new(PATH, "Save", inputs).titled("Change them", ""))
}

async fn show(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let settings = visitor.api.get(API).await?;
    let sheet = sheet(&visitor).await?.filled(&settings);
    Ok(page(&visitor, &settings, sheet).done(&query).into_page())
}

async fn replace(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let settings = visitor.api.get(API).await?;
    let sheet = sheet(&visitor).await?.typed(&form);
    match or_form(visitor.api.put(API, &sheet.body(settings.clone())).await, sheet)? {
        Ok(_) => Ok(see_other(PATH, "saved")),
        Err(sheet) => Ok(page(&visitor, &settings, sheet).into_page()),
    }
}

fn number(object: &Value, pointer: &str) -> String {
    let number = object.pointer(pointer).filter(|number| number.is_number());
    number.map(ToString::to_string).unwrap_or_default()
}

fn page(visitor: &Visitor, settings: &Value, sheet: Sheet) -> SetUp {
    let none = Map::new();
    let providers = settings.get("providers").and_then(Value::as_object).unwrap_or(&none);
    let rows = providers.iter().map(|(id, provider)| {
        let in_effect =
            ["HIGH", "MEDIUM", "LOW"].map(|level| format!("{level} {}", number(provider, &format!("/inEffect/{level}"))));
        let labels = format!(
            "{} attacks, {} honest",
            number(provider, "/labels/attacks"),
            number(provider, "/labels/honest")
        );
        Row::new(vec![
            Cell::link(&format!("{PATH}/{id}"), text_at(provider, "/name")),
            Cell::at(provider, "/action"),
            Cell::text(&number(provider, "/trust")),
            Cell::Lines(in_effect.to_vec()),
            Cell::text(&labels),
        ])
    });
    let empty = "No risk provider yet.";
    let table = Table::new(
        "Trust in providers",
        &["Provider", "Action", "Trust", "In effect", "Labels"],
        empty,
    )
    .rows(rows);
    let facts = vec![
        ("Medium from", Cell::text(&number(settings, "/thresholds/inEffect/medium"))),
        ("High from", Cell::text(&number(settings, "/thresholds/inEffect/high"))),
        ("Days of scores", Cell::text(&number(settings, "/thresholds/days"))),
        ("Changed", Cell::time_at(settings, "/lastUpdated")),
    ];
    SetUp::new(visitor, TITLE, PATH)
        .intro("How much each word weighs in the score of a sign-in. What people say of findings moves trust within its bounds.")
        .part(Part::Heading("Trust in providers"))
        .part(Part::Table(table))
        .part(Part::Heading("Thresholds of the score"))
        .part(Part::Facts(facts))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet))
}

fn provider_sheet(id: &str) -> Sheet {
    let inputs = vec![
        Input::number("trust", "Trust")
            .at("/trust")
            .hint("0 to 1. Another trust lets it begin again from there."),
        Input::switch("learn", "Labels move its trust").at("/learn"),
        Input::number("least", "Never below").at("/least"),
        Input::number("most", "Never above").at("/most"),
        Input::choice("floor", "Its level", Choice::pairs(FLOORS)).at("/levelFloor"),
    ];
    Sheet::new(format!("{PATH}/{id}"), "Save", inputs)
}

/// The settings, and those of one provider.
async fn provider(visitor: &Visitor, id: &str) -> Result<(Value, Value), Failure> {
    let settings = visitor.api.get(API).await?;
    let known = settings.get("providers").and_then(|providers| providers.get(id)).cloned();
    let known = known.ok_or_else(|| Failure::new(http::StatusCode::NOT_FOUND, "There is nothing here, or it is gone."))?;
    Ok((settings, known))
}

async fn show_provider(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let (_, provider) = provider(&visitor, &id).await?;
    let sheet = provider_sheet(&id).filled(&provider);
    Ok(provider_page(&visitor, &provider, sheet).done(&query).into_page())
}

async fn replace_provider(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let (mut settings, provider) = provider(&visitor, &id).await?;
    let sheet = provider_sheet(&id).typed(&form);
    let changed = sheet.body(json!({}));
    if let Some(providers) = settings.get_mut("providers").and_then(Value::as_object_mut) {
        providers.insert(id.clone(), changed);
    }
    match or_form(visitor.api.put(API, &settings).await, sheet)? {
        Ok(_) => Ok(see_other(PATH, "saved")),
        Err(sheet) => Ok(provider_page(&visitor, &provider, sheet).into_page()),
    }
}

fn provider_page(visitor: &Visitor, provider: &Value, sheet: Sheet) -> SetUp {
    let labels = ["HIGH", "MEDIUM", "LOW"].map(|level| {
        let of = |what: &str| Cell::text(&number(provider, &format!("/labels/{level}/{what}")));
        let at = |what: &str| Cell::text(&number(provider, &format!("/{what}/{level}")));
        Row::new(vec![
            Cell::text(level),
            at("inEffect"),
            at("wanted"),
            of("attacks"),
            of("honest"),
        ])
    });
    let head = &["It said", "Trust in effect", "Wanted by labels", "Attacks", "Honest"];
    SetUp::new(visitor, TITLE, PATH)
        .of(text_at(provider, "/name"))
        .part(Part::Table(Table::new("By level", head, "").rows(labels)))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet))
}
