//! Settings > Server: the effective settings and where each is from.

use axum::{Router, response::Response, routing::get};
use watchfire_app::App;

use crate::{
    failure::Failure,
    set_up::{Cell, Part, Row, SetUp, Table, text_at, texts_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/server";
const TITLE: &str = "Server";

pub(super) fn router() -> Router<App> {
    Router::new().route(PATH, get(show))
}

async fn show(visitor: Visitor) -> Result<Response, Failure> {
    let settings = visitor.api.list("/watchfire/v1/settings").await?.items;
    let rows = settings.iter().map(|setting| {
        let values = texts_at(setting, "/values");
        let origin = text_at(setting, "/origin");
        Row::new(vec![
            Cell::code(text_at(setting, "/name")),
            Cell::Lines(values.into_iter().map(crate::system_log::shown).collect()),
            if origin == "default" {
                Cell::text(origin)
            } else {
                Cell::Badge("", origin.to_owned())
            },
            Cell::at(setting, "/about"),
        ])
    });
    let data = visitor.api.list("/watchfire/v1/geo-data").await?.items;
    let files = data.iter().map(|file| {
        let problem = text_at(file, "/problem");
        let state = match (text_at(file, "/freshness"), problem) {
            ("", "") => Cell::Badge("", "none".to_owned()),
            (_, problem) if !problem.is_empty() => Cell::Badge("bad", problem.to_owned()),
            ("FRESH", _) => Cell::Badge("good", "fresh".to_owned()),
            (word, _) => Cell::Badge("warn", word.to_lowercase()),
        };
        Row::new(vec![
            Cell::at(file, "/kind"),
            Cell::at(file, "/databaseType"),
            Cell::time_at(file, "/built"),
            state,
        ])
    });
    let files = Table::new(
        "Data of addresses",
        &["Kind", "File", "Built", "State"],
        "No data of addresses is here.",
    )
    .rows(files);
    let empty = "This server was started without a list of its settings.";
    let table = Table::new(TITLE, &["Setting", "Value", "From", "What it is"], empty).rows(rows);
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("How this server was set up by its operator: by flags, the environment or a file. Secrets are masked.")
        .part(Part::Table(table))
        .part(Part::Heading("Data of addresses"))
        .part(Part::Table(files));
    Ok(page.into_page())
}
