//! Reports > System Log.

mod event;
mod export;
mod fault;
mod histogram;
mod live;
mod request;
mod row;
mod saved;

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use serde_json::{Value, json};
use watchfire_app::{App, Error};
use watchfire_model::log::{EventType, LogQuery, OutcomeResult, SYSTEM_LOG, Severity};

use self::{
    event::Detail,
    fault::FilterFault,
    histogram::Histogram,
    request::{LogRequest, RANGES, RangeChoice},
    row::Row,
    saved::SavedRow,
};
pub(crate) use self::{
    live::stream,
    request::test,
    row::{short, shown, tone as outcome_tone},
    saved::{delete as delete_search, save as save_search},
};
use crate::{
    failure::Failure,
    fields::{Fields, segment},
    page::{Frame, render},
    visitor::Visitor,
};

/// Where it is.
pub(crate) const PATH: &str = "/admin/reports/system-log";

/// The page of an event.
pub(crate) fn event_page(uuid: &str) -> String {
    format!("{PATH}/events/{}", segment(uuid))
}

#[derive(Debug, Template)]
#[template(path = "system_log.html")]
struct LogPage {
    frame: Frame,
    request: LogRequest,
    ranges: &'static [RangeChoice],
    fault: Option<FilterFault>,
    histogram: Option<Histogram>,
    rows: Vec<Row>,
    older: String,
    newest: String,
    saved: Vec<SavedRow>,
    exports: [(&'static str, String); 3],
    live: String,
    /// The live tail by Server-Sent Events.
    stream: String,
    still: String,
    is_live: bool,
}

#[derive(Debug, Template)]
#[template(path = "system_log_tail.html")]
struct Tail {
    rows: Vec<Row>,
    next: String,
}

#[derive(Debug, Template)]
#[template(path = "system_log_event.html")]
struct EventPage {
    frame: Frame,
    detail: Detail,
}

#[derive(Debug, Template)]
#[template(path = "system_log_detail.html")]
struct EventFragment {
    detail: Detail,
}

/// The page.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    count(&app, &visitor).await?;
    let request = LogRequest::read(&query, app.clock().now());
    let is_live = query.get("live") == "1";
    let mut page = LogPage {
        frame: Frame::new("System Log", PATH, &visitor.session),
        ranges: &RANGES,
        saved: saved::rows(&app, &visitor).await?,
        fault: None,
        histogram: None,
        rows: Vec::new(),
        older: String::new(),
        newest: if request.after.is_empty() {
            String::new()
        } else {
            request.address(&[])
        },
        exports: [("CSV", "csv"), ("JSON lines", "jsonl"), ("OCSF", "ocsf")].map(|(name, format)| (name, request.export(format))),
        live: request.address(&[("live", "1")]),
        stream: String::new(),
        still: request.address(&[]),
        is_live,
        request,
    };
    if let Err(error) = LogQuery::parse(&page.request.params(), app.clock().now()) {
        page.fault = Some(FilterFault::new(&error, &page.request.filter));
        return Ok(render(&page));
    }
    let caller = &visitor.session.principal;
    let params = page.request.params();
    let (answer, histogram) = tokio::join!(app.log(caller, &params), histogram::of(&app, caller, &page.request));
    let answer = answer?;
    page.histogram = histogram?;
    page.older = answer
        .next
        .map(|after| page.request.address(&[("after", after.as_str())]))
        .unwrap_or_default();
    if is_live {
        let newest = answer.entries.first().map(|entry| entry.cursor.to_string());
        page.live = page.request.tail("tail", newest.as_deref());
        page.stream = page.request.tail("stream", newest.as_deref());
    }
    page.rows = answer.entries.iter().map(|entry| Row::new(entry, &page.request)).collect();
    Ok(render(&page))
}

/// What has come since: where there is no stream, htmx asks every two seconds.
pub(crate) async fn tail(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    count(&app, &visitor).await?;
    let request = LogRequest::read(&query, app.clock().now());
    let answer = app.log(&visitor.session.principal, &request.following()).await?;
    let after = answer.next.unwrap_or_default();
    Ok(render(&Tail {
        // The newest on top, as on the page.
        rows: answer.entries.iter().rev().map(|entry| Row::new(entry, &request)).collect(),
        next: request.tail("tail", Some(&after)),
    }))
}

/// One event, as a page or as the part that a row opens to.
pub(crate) async fn event(State(app): State<App>, visitor: Visitor, Path(uuid): Path<String>) -> Result<Response, Failure> {
    let entry = app.log_event(&visitor.session.principal, &uuid).await?;
    let detail = Detail::new(&entry);
    if visitor.wants_fragment {
        return Ok(render(&EventFragment { detail }));
    }
    Ok(render(&EventPage {
        frame: Frame::new("Event", PATH, &visitor.session),
        detail,
    }))
}

/// The result as a file.
pub(crate) async fn export(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    count(&app, &visitor).await?;
    let request = LogRequest::read(&query, app.clock().now());
    export::file(&app, &visitor.session.principal, &request, query.get("format")).await
}

/// Pages count as calls of the log, as the API's do.
async fn count(app: &App, visitor: &Visitor) -> Result<(), Failure> {
    match app.count_log_call(&visitor.session.principal).await {
        Some(window) if !window.allowed => Err(Error::RateLimited.into()),
        _ => Ok(()),
    }
}

/// Details of events that are asked for again and again.
const DETAILS: [&str; 3] = [
    "debugContext.debugData.signInId",
    "debugContext.debugData.traceId",
    "debugContext.debugData.threatSuspected",
];

/// Fields that may be asked for.
fn fields() -> Vec<&'static str> {
    let named = SYSTEM_LOG.fields.iter().filter(|field| !field.is_open());
    named.map(|field| field.path()).chain(DETAILS).collect()
}

/// What the query box completes, for its script.
pub(crate) async fn words(_: Visitor) -> Json<Value> {
    let types: Vec<&str> = EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
    Json(json!({
        "fields": fields(),
        "values": {
            "eventType": types,
            "outcome.result": OutcomeResult::ALL.map(OutcomeResult::as_str),
            "severity": Severity::ALL.map(Severity::as_str),
            "securityContext.risk.level": ["LOW", "MEDIUM", "HIGH"],
        },
    }))
}
