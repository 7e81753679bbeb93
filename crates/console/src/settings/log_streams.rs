//! Settings > Log streams: where else the System Log goes.

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
    form::{Choice, Input, Sheet, put},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Table, or_form, see_other, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/log-streams";
const API: &str = "/watchfire/v1/log-streams";
const TITLE: &str = "Log streams";
const MANAGE: &str = "watchfire.manage";

const TYPES: &[(&str, &str)] = &[
    ("SPLUNK_HEC", "Splunk HTTP Event Collector"),
    ("SYSLOG", "Syslog over TLS"),
    ("NATS", "NATS JetStream"),
    ("FILE", "Files"),
];
const FORMATS: &[(&str, &str)] = &[("OKTA", "Okta LogEvent"), ("OCSF", "OCSF")];
/// Members that are certificates: a box of lines, and one text for the API.
const PEM: [&str; 2] = ["/target/caCertificate", "/target/clientCertificate"];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/settings/log-streams/new/{type}", get(new).post(create))
        .route("/admin/settings/log-streams/{id}", get(show).post(replace))
        .route("/admin/settings/log-streams/{id}/{step}", post(change))
}

fn label(kind: &str) -> &'static str {
    let found = TYPES.iter().find(|(known, _)| *known == kind);
    found.map_or("Log stream", |(_, label)| label)
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let streams = visitor.api.list(API).await?.items;
    let may = visitor.may(MANAGE);
    let rows = streams.iter().map(|stream| {
        let (id, name, status) = (text_at(stream, "/id"), text_at(stream, "/name"), text_at(stream, "/status"));
        let own = format!("{PATH}/{id}");
        let buttons = Button::lifecycle(&own, status, name, "What it has not sent is not sent.");
        Row::new(vec![
            Cell::link(&own, name),
            Cell::text(label(text_at(stream, "/target/type"))),
            Cell::code(&place(stream)),
            Cell::text(&number(stream, "/progress/lagEvents")),
            health(stream),
            Cell::status(status),
        ])
        .buttons(if may { buttons } else { Vec::new() })
    });
    let empty = "No stream yet. The System Log is kept here for 90 days; a stream brings it to where you keep logs.";
    let head = &["Name", "Kind", "To", "Not sent yet", "Health", "Status"];
    let table = Table::new(TITLE, head, empty).rows(rows);
    let links = TYPES
        .iter()
        .map(|(kind, label)| Link::to(&format!("{PATH}/new/{kind}"), &format!("Add: {label}")));
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("A stream sends every event of the System Log on, at least once and in order, and goes on where it stopped.")
        .done(&query)
        .part(Part::Table(table))
        .part_if(may, || Part::Links(links.collect()));
    Ok(page.into_page())
}

fn place(stream: &Value) -> String {
    match text_at(stream, "/target/type") {
        "SYSLOG" => format!("{}:{}", text_at(stream, "/target/host"), number(stream, "/target/port")),
        "FILE" => "the server's log stream folder".to_owned(),
        _ => text_at(stream, "/target/url").to_owned(),
    }
}

fn number(stream: &Value, pointer: &str) -> String {
    let number = stream.pointer(pointer).filter(|value| !value.is_null());
    number.map(ToString::to_string).unwrap_or_default()
}

fn health(stream: &Value) -> Cell {
    let fails = !text_at(stream, "/progress/lastError").is_empty();
    match (text_at(stream, "/status"), fails) {
        ("ACTIVE", true) => Cell::Badge("bad", "Fails".to_owned()),
        ("ACTIVE", false) => Cell::Badge("good", "Well".to_owned()),
        _ => Cell::text(""),
    }
}

fn sheet(action: String, kind: &str, stream: Option<&Value>) -> Sheet {
    let mut inputs = vec![Input::text("name", "Name").at("/name").required()];
    inputs.extend(target(kind, stream.is_some()));
    inputs.push(Input::part("What is sent", ""));
    inputs.push(Input::choice("format", "Format", Choice::pairs(FORMATS)).at("/format"));
    let filter = Input::code("filter", "Only events that match").at("/filter");
    inputs.push(filter.hint("In the language of the System Log's filter: severity eq \"WARN\". Left empty, all."));
    if stream.is_none() {
        let starts = Choice::pairs(&[
            ("NOW", "With what happens from now on"),
            ("OLDEST", "With the oldest event that is kept"),
        ]);
        inputs.push(Input::choice("start", "Begins", starts).at("/startAt"));
    }
    let button = if stream.is_some() { "Save stream" } else { "Create stream" };
    let sheet = Sheet::new(action, button, inputs);
    match stream {
        Some(stream) => sheet.filled(stream),
        None => sheet,
    }
}

/// What one kind of target asks.
fn target(kind: &str, is_kept: bool) -> Vec<Input> {
    let kept = if is_kept { "Left empty, it stays as it is." } else { "" };
    let ca = Input::lines("ca", "CA certificate (PEM)").at("/target/caCertificate");
    let ca = ca.hint("Left empty, the system's CAs are trusted.");
    match kind {
        "SPLUNK_HEC" => vec![
            Input::code("url", "URL")
                .at("/target/url")
                .required()
                .hint("https://splunk.example:8088"),
            Input::secret("secret", "Token").at("/secret").hint(kept),
            Input::text("index", "Index")
                .at("/target/index")
                .hint("Left empty, the token's own."),
            Input::text("source", "Source").at("/target/source").with("watchfire"),
            Input::text("sourcetype", "Source type")
                .at("/target/sourcetype")
                .with("_json"),
            Input::switch("acknowledge", "Wait for indexer acknowledgment").at("/target/acknowledge"),
            ca,
        ],
        "SYSLOG" => vec![
            Input::code("host", "Host").at("/target/host").required(),
            Input::number("port", "Port").at("/target/port").with("6514"),
            Input::number("facility", "Facility")
                .at("/target/facility")
                .with("13")
                .hint("13 is log audit."),
            Input::number("most", "Bytes of a message at the most")
                .at("/target/maxMessageBytes")
                .with("8192")
                .hint("Longer events lose the ends of their texts."),
            ca,
            Input::lines("certificate", "Our certificate (PEM)")
                .at("/target/clientCertificate")
                .hint("For receivers that ask for one."),
            Input::lines("key", "Its private key (PEM)").hint(kept),
        ],
        "NATS" => vec![
            Input::code("url", "URL")
                .at("/target/url")
                .required()
                .hint("tls://nats.example:4222"),
            Input::code("subject", "Subjects begin with")
                .at("/target/subject")
                .with("watchfire.log")
                .hint("The type of the event follows. A stream of JetStream must take them."),
            Input::text("user", "User").at("/target/user"),
            Input::secret("secret", "Password, or token without a user")
                .at("/secret")
                .hint(kept),
            ca,
        ],
        _ => vec![
            Input::number("bytes", "A file is closed with so many bytes")
                .at("/target/maxBytes")
                .with("104857600"),
            Input::number("age", "A file is closed after so many seconds")
                .at("/target/maxAgeSeconds")
                .with("3600"),
            Input::number("keep", "Closed files that are kept")
                .at("/target/keepFiles")
                .with("0")
                .hint("0 keeps all."),
        ],
    }
}

/// The body of a call.
fn body(sheet: &Sheet, base: Value, kind: &str) -> Value {
    let mut body = sheet.body(base);
    put(&mut body, "/target/type", Some(kind.into()));
    for pointer in PEM {
        let lines = body.pointer(pointer).and_then(Value::as_array).map(|lines| joined(lines));
        if let Some(text) = lines {
            put(&mut body, pointer, Some(text.into()));
        }
    }
    let key = sheet.value("key").trim();
    if !key.is_empty() {
        put(&mut body, "/secret", Some(key.into()));
    }
    body
}

fn joined(lines: &[Value]) -> String {
    lines
        .iter()
        .filter_map(Value::as_str)
        .fold(String::new(), |text, line| text + line + "\n")
}

async fn new(visitor: Visitor, Path(kind): Path<String>) -> Result<Response, Failure> {
    let sheet = sheet(format!("{PATH}/new/{kind}"), &kind, None);
    Ok(page(&visitor, label(&kind), sheet).into_page())
}

async fn create(visitor: Visitor, Path(kind): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(format!("{PATH}/new/{kind}"), &kind, None).typed(&form);
    let body = body(&sheet, json!({}), &kind);
    match or_form(visitor.api.post(API, &body).await, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, label(&kind), sheet).into_page()),
    }
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let stream = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    Ok(stream_page(&visitor, &stream, None).done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let stream = visitor.api.get(&own).await?;
    let kind = text_at(&stream, "/target/type");
    let sheet = sheet(format!("{PATH}/{id}"), kind, Some(&stream)).typed(&form);
    let body = body(&sheet, stream.clone(), kind);
    match or_form(visitor.api.put(&own, &body).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => Ok(stream_page(&visitor, &stream, Some(sheet)).into_page()),
    }
}

fn stream_page(visitor: &Visitor, stream: &Value, refused: Option<Sheet>) -> SetUp {
    let (id, name, status) = (text_at(stream, "/id"), text_at(stream, "/name"), text_at(stream, "/status"));
    let own = format!("{PATH}/{id}");
    let kind = text_at(stream, "/target/type");
    let mut facts = vec![
        ("Kind", Cell::text(label(kind))),
        ("To", Cell::code(&place(stream))),
        ("Sent", Cell::text(&number(stream, "/progress/delivered"))),
        ("Not sent yet", Cell::text(&number(stream, "/progress/lagEvents"))),
        ("Behind by seconds", Cell::text(&number(stream, "/progress/lagSeconds"))),
        ("Last event", Cell::time_at(stream, "/progress/reached")),
        ("Place in the log", Cell::code(text_at(stream, "/progress/cursor"))),
    ];
    if !text_at(stream, "/progress/lastError").is_empty() {
        facts.push(("Fails since", Cell::time_at(stream, "/progress/failingSince")));
        facts.push(("Why", Cell::at(stream, "/progress/lastError")));
    }
    let may = visitor.may(MANAGE);
    let buttons = Button::lifecycle(&own, status, name, "What it has not sent is not sent.");
    let sheet = refused.unwrap_or_else(|| sheet(own, kind, Some(stream)));
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .badge(Cell::status(status))
        .part(Part::Facts(facts))
        .part_if(may, || Part::Buttons(buttons))
        .part_if(may, || Part::Sheet(sheet.titled("Change it", "").folded()))
}

fn page(visitor: &Visitor, name: &str, sheet: Sheet) -> SetUp {
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet))
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), &back).await
}
