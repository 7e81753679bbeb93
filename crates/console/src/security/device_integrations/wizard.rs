//! The way to a new provider: whose tokens it sends, where its keys are, a test, and there it is.

use axum::response::Response;
use serde_json::{Value, json};

use super::{API, NEW, OURS, PATH, PROFILES, TITLE, findings, profiles};
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form, address},
    form::{Choice, Input, Sheet},
    set_up::{Cell, Part, Row, SetUp, Table, or_form, see_other, text_at},
    visitor::Visitor,
};

const WAYS: &[(&str, &str)] = &[
    ("well-known", "Well-known URL (an SSF transmitter)"),
    ("keys", "Issuer and JWKS URL"),
];

/// The first step asks which kind of sender it is, the second where it is.
pub(super) async fn show(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let profile = query.get("profile");
    if PROFILES.iter().any(|known| known.name == profile) {
        let sheet = sheet().typed(&query);
        return Ok(second_step(&visitor, sheet, Vec::new()).into_page());
    }
    let rows = PROFILES.iter().map(|profile| {
        let way = address(NEW, &[("profile", profile.name), ("way", "well-known")]);
        Row::new(vec![Cell::link(&way, profile.label), Cell::text(profile.about)])
    });
    let table = Table::new("Kinds of senders", &["Sender", "What that means"], "").rows(rows);
    let page = SetUp::new(&visitor, TITLE, PATH)
        .of("New provider")
        .intro("Step 1 of 2: which kind of sender is it? It can be changed later.")
        .part(Part::Table(table));
    Ok(page.into_page())
}

/// Tries the connection, or makes the provider.
pub(super) async fn take(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet().typed(&form);
    if form.get("do") == "test" {
        let tried = json!({"settings": settings(&sheet)});
        let found = visitor.api.post(&format!("{OURS}/test"), &tried).await;
        return Ok(match or_form(found, sheet.clone())? {
            Ok(found) => second_step(&visitor, sheet, findings(&found)).into_page(),
            Err(sheet) => second_step(&visitor, sheet, failed()).into_page(),
        });
    }
    let body = json!({"name": sheet.value("name"), "type": sheet.value("type"), "settings": settings(&sheet)});
    let made = match or_form(visitor.api.post(API, &body).await, sheet.clone())? {
        Ok(made) => made,
        Err(sheet) => return Ok(second_step(&visitor, sheet, Vec::new()).into_page()),
    };
    let id = text_at(&made, "/id");
    let profile = sheet.value("profile");
    if profile != "okta" {
        let path = format!("{OURS}/{}/profile", segment(id));
        visitor.api.put(&path, &json!({"profile": profile})).await?;
    }
    Ok(see_other(&format!("{PATH}/{id}"), "made"))
}

fn second_step(visitor: &Visitor, sheet: Sheet, found: Vec<Part>) -> SetUp {
    let page = SetUp::new(visitor, TITLE, PATH)
        .of("New provider")
        .intro("Step 2 of 2: who it is, and where its keys are. Nothing is kept by a test.");
    let page = found.into_iter().fold(page, SetUp::part);
    page.part(Part::Sheet(sheet))
}

fn failed() -> Vec<Part> {
    vec![
        Part::Heading("Connection test"),
        Part::Text("The connection does not work. What went wrong is said below, at its field.".to_owned()),
    ]
}

fn sheet() -> Sheet {
    let inputs = vec![
        Input::choice("profile", "Sender", profiles()).at("/profile"),
        Input::text("name", "Name").at("/name").required(),
        Input::text("type", "Type")
            .at("/type")
            .required()
            .hint("For people: what kind of product it is, such as acme-edr."),
        Input::choice("way", "Set up by", Choice::pairs(WAYS)),
        Input::code("well_known_url", "Well-known URL")
            .at("/settings/well_known_url")
            .hint("Such as https://example.provider.com/.well-known/ssf-configuration. It says the rest."),
        Input::code("issuer", "Issuer")
            .at("/settings/issuer")
            .hint("To the letter, as the tokens have it in iss."),
        Input::code("jwks_url", "JWKS URL").at("/settings/jwks_url"),
    ];
    Sheet::new(NEW, "Create provider", inputs).or("test", "Test connection")
}

/// The one way that was chosen: what was typed for the other does not count.
pub(super) fn settings(sheet: &Sheet) -> Value {
    let at = |name: &str| sheet.value(name).trim();
    if sheet.value("way") == "keys" {
        json!({"issuer": at("issuer"), "jwks_url": at("jwks_url")})
    } else {
        json!({"well_known_url": at("well_known_url")})
    }
}
