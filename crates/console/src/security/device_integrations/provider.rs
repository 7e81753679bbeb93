//! One security events provider.

use axum::{extract::Path, response::Response};
use serde_json::{Value, json};

use super::{API, MANAGE, OURS, PATH, TITLE, findings, profiles};
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form, address},
    form::{Choice, Input, Sheet},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, SetUp, or_form, see_other, take_step, text_at},
    system_log,
    visitor::Visitor,
};

/// What tokens may be signed with.
const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

/// The parts of the page that may have been filled in.
struct Sheets {
    provider: Option<Sheet>,
    profile: Option<Sheet>,
    found: Vec<Part>,
}

const NONE: Sheets = Sheets {
    provider: None,
    profile: None,
    found: Vec::new(),
};

pub(super) async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, &id, NONE).await?.done(&query).into_page())
}

pub(super) async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = provider_sheet(&id).typed(&form);
    let body = sheet.body(Value::Null);
    match or_form(visitor.api.put(&format!("{API}/{}", segment(&id)), &body).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => {
            let sheets = Sheets {
                provider: Some(sheet),
                ..NONE
            };
            Ok(page(&visitor, &id, sheets).await?.into_page())
        }
    }
}

pub(super) async fn replace_profile(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = profile_sheet(&id).typed(&form);
    let path = format!("{OURS}/{}/profile", segment(&id));
    let old = visitor.api.get(&path).await?;
    match or_form(visitor.api.put(&path, &sheet.body(old)).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => {
            let sheets = Sheets {
                profile: Some(sheet),
                ..NONE
            };
            Ok(page(&visitor, &id, sheets).await?.into_page())
        }
    }
}

/// Fetches the keys now and shows them.
pub(super) async fn test(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{OURS}/{}/keys/refresh", segment(&id));
    let found = match visitor.api.post(&path, &json!({})).await {
        Ok(found) => findings(&found),
        Err(refusal) if refusal.is_about_input() => vec![
            Part::Heading("Connection test"),
            Part::Text(format!("The keys cannot be had: {}", refusal.sentences().join(" "))),
        ],
        Err(refusal) => return Err(refusal.into()),
    };
    let sheets = Sheets { found, ..NONE };
    Ok(page(&visitor, &id, sheets).await?.into_page())
}

pub(super) async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), &back).await
}

async fn page(visitor: &Visitor, id: &str, sheets: Sheets) -> Result<SetUp, Failure> {
    let provider = visitor.api.get(&format!("{API}/{}", segment(id))).await?;
    let profile = visitor.api.get(&format!("{OURS}/{}/profile", segment(id))).await?;
    let (name, status) = (text_at(&provider, "/name"), text_at(&provider, "/status"));
    let own = format!("{PATH}/{id}");
    let may = visitor.may(MANAGE);
    let page = SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .badge(Cell::status(status))
        .part(Part::Facts(facts(&provider, &profile)));
    let page = sheets.found.into_iter().fold(page, SetUp::part);
    let provider_sheet = sheets.provider.unwrap_or_else(|| provider_sheet(id).filled(&provider));
    let profile_sheet = sheets.profile.unwrap_or_else(|| profile_sheet(id).filled(&profile));
    let question = "Its tokens are refused from then on. Its streams end, and what it said stays in the log.";
    let mut buttons = vec![Button::new(format!("{own}/test"), "Test connection", name)];
    buttons.extend(Button::lifecycle(&own, status, name, question));
    Ok(page
        .part(Part::Links(vec![events(id)]))
        .part_if(may, || Part::Buttons(buttons))
        .part_if(may, || Part::Sheet(provider_sheet))
        .part_if(may, || Part::Sheet(profile_sheet)))
}

/// What it has sent.
fn events(id: &str) -> Link {
    let filter = system_log::test("actor.id", id);
    Link::to(
        &address(system_log::PATH, &[("filter", &filter), ("range", "7d")]),
        "Its events in the System Log",
    )
}

fn facts(provider: &Value, profile: &Value) -> Vec<(&'static str, Cell)> {
    let code = |pointer: &str| Cell::code(text_at(provider, pointer));
    let mut facts = vec![
        ("ID", code("/id")),
        ("Type", Cell::at(provider, "/type")),
        ("Issuer", code("/settings/issuer")),
        ("Keys are at", code("/settings/jwks_url")),
    ];
    if !text_at(provider, "/settings/well_known_url").is_empty() {
        facts.push(("Well-known URL", code("/settings/well_known_url")));
    }
    facts.push(("Sender", Cell::at(profile, "/profile")));
    facts
}

fn provider_sheet(id: &str) -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::text("type", "Type").at("/type").required(),
        Input::code("well_known_url", "Well-known URL")
            .at("/settings/well_known_url")
            .hint("It counts when it is there; issuer and JWKS URL are read from it again."),
        Input::code("issuer", "Issuer").at("/settings/issuer"),
        Input::code("jwks_url", "JWKS URL").at("/settings/jwks_url"),
    ];
    Sheet::new(format!("{PATH}/{id}"), "Save", inputs)
        .titled("Change it", "")
        .folded()
}

fn profile_sheet(id: &str) -> Sheet {
    let algorithms = ALGORITHMS.map(|name| Choice::new(name, name)).to_vec();
    let inputs = vec![
        Input::choice("profile", "Sender", profiles()).at("/profile"),
        Input::several("algorithms", "It may sign with", algorithms).at("/algorithms"),
        Input::lines("event_types", "Event types that it may send")
            .at("/event_types")
            .hint("Full URIs, one a line. Empty allows all."),
        Input::lines("domains", "Domains that it may speak about")
            .at("/domains")
            .hint("Of e-mail addresses, one a line. Empty allows all."),
        Input::lines("issuers", "Issuers of subjects that it may speak about")
            .at("/issuers")
            .hint("For iss_sub identifiers, one a line. Empty allows all."),
        Input::switch(
            "authoritative",
            "It decides who owns an identifier of these domains and issuers",
        )
        .at("/authoritative"),
        Input::lines("revoked_keys", "Keys that are not used")
            .at("/revoked_keys")
            .hint("Key IDs or thumbprints, one a line."),
    ];
    Sheet::new(format!("{PATH}/{id}/profile"), "Save limits", inputs)
        .titled("How it is read, and what it may speak about", "")
        .prefixed("profile")
        .folded()
}
