//! Security > Device integrations > Incoming streams: our streams at transmitters.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::App;

use super::device_integrations::{self, PROFILES, tabs};
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet, put},
    set_up::{Button, Cell, Part, Row, SetUp, Step, Table, or_form, see_other, step, take_step, text_at, texts_at},
    visitor::Visitor,
};

pub(super) const PATH: &str = "/admin/security/streams";
const API: &str = "/watchfire/v1/streams-in";
const TITLE: &str = "Incoming streams";
const MANAGE: &str = "watchfire.manage";

const STEPS: &[Step] = &[
    step("verify", Method::POST, "/verify"),
    step("asked", Method::GET, "/status"),
    step("delete", Method::DELETE, ""),
];

const SOURCES: &[(&str, &str)] = &[
    ("wellKnownUrl", "Well-known URL"),
    ("issuer", "Issuer, whose metadata is looked for"),
    ("providerId", "A provider that is here already"),
];
const DELIVERIES: &[(&str, &str)] = &[
    ("", "Pushed where this server is https, else polled"),
    ("push", "Pushed to us"),
    ("poll", "Polled by us"),
];
const AUTHORIZATIONS: &[(&str, &str)] = &[
    ("bearer", "A token that the transmitter gave"),
    ("client_secret_basic", "Client ID and secret (basic)"),
    ("client_secret_post", "Client ID and secret (in the body)"),
    ("private_key_jwt", "Client ID and a key of ours"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/security/streams/{id}", get(show))
        .route("/admin/security/streams/{id}/status", post(set_status))
        .route("/admin/security/streams/{id}/{step}", post(change))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let sheet = sheet(&visitor).await?;
    Ok(page(&visitor, sheet).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(&visitor).await?.typed(&form);
    let mut body = sheet.body(json!({}));
    let source = match sheet.value("source") {
        "providerId" => ("providerId", sheet.value("provider")),
        name @ ("issuer" | "wellKnownUrl") => (name, sheet.value("address").trim()),
        _ => ("", ""),
    };
    put(&mut body, "/issuer", None);
    if !source.1.is_empty() {
        put(&mut body, source.0, Some(source.1.into()));
    }
    match or_form(visitor.api.post(API, &body).await, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, sheet).await?.into_page()),
    }
}

async fn sheet(visitor: &Visitor) -> Result<Sheet, Failure> {
    let providers = visitor.api.list("/api/v1/security-events-providers").await?.items;
    let mut known = vec![Choice::new("", "None")];
    known.extend(Choice::of(&providers, "/name"));
    let mut profiles = vec![Choice::new("", "SSF 1.0, unless it is known already")];
    profiles.extend(PROFILES.iter().map(|profile| Choice::new(profile.name, profile.label)));
    let inputs = vec![
        Input::part("Whose", ""),
        Input::choice("source", "The transmitter is found by", Choice::pairs(SOURCES)),
        Input::code("address", "Well-known URL or issuer")
            .at("/issuer")
            .hint("Such as https://ssf.example.com/.well-known/ssf-configuration."),
        Input::choice("provider", "Provider", known).hint("Only when the stream is of one that is here already."),
        Input::text("name", "Name of a new provider").at("/name"),
        Input::choice("profile", "Sender", profiles).at("/profile"),
        Input::part("How we sign in there", ""),
        Input::choice("type", "By", Choice::pairs(AUTHORIZATIONS)).at("/authorization/type"),
        Input::secret("token", "Token").at("/authorization/token"),
        Input::code("tokenUrl", "Token URL").at("/authorization/tokenUrl"),
        Input::code("clientId", "Client ID").at("/authorization/clientId"),
        Input::secret("clientSecret", "Client secret").at("/authorization/clientSecret"),
        Input::code("scope", "Scope")
            .at("/authorization/scope")
            .hint("ssf.read ssf.manage when it is left empty."),
        Input::part("What comes, and how", ""),
        Input::choice("delivery", "Events are", Choice::pairs(DELIVERIES)).at("/delivery/method"),
        Input::lines("events", "Event types to ask for")
            .at("/eventsRequested")
            .hint("Full URIs, one a line. Empty asks for all of CAEP and RISC."),
        Input::lines("audience", "Audience")
            .at("/audience")
            .hint("What the transmitter puts into aud, when it does not say so itself."),
        Input::text("description", "Description").at("/description"),
        Input::code("adopt", "Take over the stream")
            .at("/adopt")
            .hint("The stream_id of one that is there already."),
    ];
    Ok(Sheet::new(PATH, "Create stream", inputs).titled("New stream", "").folded())
}

async fn page(visitor: &Visitor, sheet: Sheet) -> Result<SetUp, Failure> {
    let streams = visitor.api.list(API).await?.items;
    let rows = streams.iter().map(|stream| {
        Row::new(vec![
            Cell::link(&format!("{PATH}/{}", text_at(stream, "/id")), name(stream)),
            Cell::at(stream, "/delivery/method"),
            Cell::status(text_at(stream, "/status")),
            Cell::time_at(stream, "/verifiedAt"),
            Cell::at(stream, "/lastError"),
        ])
    });
    let empty = "No stream yet. A stream is for a transmitter that wants to be asked; a provider that just sends needs none.";
    let table = Table::new(
        TITLE,
        &["Transmitter", "Events are", "Status", "Verified", "Last error"],
        empty,
    )
    .rows(rows);
    Ok(SetUp::new(visitor, TITLE, PATH)
        .within(device_integrations::PATH)
        .intro("A stream is made at a transmitter of the Shared Signals Framework: it says which events it sends, and how.")
        .part(tabs())
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet)))
}

fn name(stream: &Value) -> &str {
    let description = text_at(stream, "/description");
    if description.is_empty() {
        text_at(stream, "/issuer")
    } else {
        description
    }
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    Ok(stream_page(&visitor, &id, status_sheet(&id)).await?.done(&query).into_page())
}

async fn stream_page(visitor: &Visitor, id: &str, sheet: Sheet) -> Result<SetUp, Failure> {
    let stream = visitor.api.get(&format!("{API}/{}", segment(id))).await?;
    let own = format!("{PATH}/{id}");
    let name = name(&stream).to_owned();
    let provider = text_at(&stream, "/providerId");
    let events = |pointer: &str| Cell::Lines(texts_at(&stream, pointer).into_iter().map(str::to_owned).collect());
    let mut facts = vec![
        ("ID", Cell::code(id)),
        ("Issuer", Cell::code(text_at(&stream, "/issuer"))),
        (
            "Feeds",
            Cell::link(&format!("{}/{provider}", device_integrations::PATH), provider),
        ),
        ("Stream there", Cell::code(text_at(&stream, "/streamId"))),
        ("Events are", Cell::at(&stream, "/delivery/method")),
        ("At", Cell::code(text_at(&stream, "/delivery/endpointUrl"))),
        ("We sign in by", Cell::code(text_at(&stream, "/authorization/type"))),
        ("Asked for", events("/eventsRequested")),
        ("Sent", events("/eventsDelivered")),
        ("Verified", Cell::time_at(&stream, "/verifiedAt")),
    ];
    for (label, pointer) in [("Why", "/statusReason"), ("Last error", "/lastError")] {
        if !text_at(&stream, pointer).is_empty() {
            facts.push((label, Cell::at(&stream, pointer)));
        }
    }
    let may = visitor.may(MANAGE);
    let keys = if may && text_at(&stream, "/authorization/type") == "private_key_jwt" {
        let jwks = visitor.api.get(&format!("{API}/{}/jwks", segment(id))).await?;
        Some(serde_json::to_string_pretty(&jwks).unwrap_or_default())
    } else {
        None
    };
    let question = "It ends here, and at the transmitter as soon as that answers.";
    let page = SetUp::new(visitor, TITLE, PATH)
        .within(device_integrations::PATH)
        .of(&name)
        .badge(Cell::status(text_at(&stream, "/status")))
        .part(Part::Facts(facts))
        .part_if(may, || {
            Part::Buttons(vec![
                Button::new(format!("{own}/verify"), "Verify", &name),
                Button::new(format!("{own}/asked"), "Ask for its status", &name),
                Button::new(format!("{own}/delete"), "Delete", &name).asking(question),
            ])
        })
        .part_if(may, || Part::Sheet(sheet));
    Ok(match keys {
        Some(keys) => page
            .part(Part::Heading("Our public keys, for the transmitter"))
            .part(Part::Facts(vec![("Key set", Cell::Block(keys))])),
        None => page,
    })
}

fn status_sheet(id: &str) -> Sheet {
    let words = &[
        ("enabled", "Enabled: events flow"),
        ("paused", "Paused: events are held there"),
        ("disabled", "Disabled: events are lost"),
    ];
    let inputs = vec![
        Input::choice("status", "Status", Choice::pairs(words)).at("/status"),
        Input::text("reason", "Why").at("/reason").hint("For the transmitter."),
    ];
    Sheet::new(format!("{PATH}/{id}/status"), "Set status", inputs).titled("Status at the transmitter", "")
}

async fn set_status(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = status_sheet(&id).typed(&form);
    let body = sheet.body(Value::Null);
    let told = visitor.api.post(&format!("{API}/{}/status", segment(&id)), &body).await;
    match or_form(told, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "status")),
        Err(sheet) => Ok(stream_page(&visitor, &id, sheet).await?.into_page()),
    }
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, STEPS), &back).await
}
