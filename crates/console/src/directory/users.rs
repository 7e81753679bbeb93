//! Directory > People: who signs in, and the way to their risk.

use axum::{Router, response::Response, routing::get};
use serde_json::Value;
use watchfire_app::App;

use crate::{
    api::segment,
    failure::Failure,
    fields::Fields,
    set_up::{Cell, Part, Row, Search, SetUp, Table, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/directory/people";
const API: &str = "/api/v1/users";
const TITLE: &str = "People";

pub(super) fn router() -> Router<App> {
    Router::new().route(PATH, get(list))
}

/// The page of a user's risk.
pub(crate) fn address(id: &str) -> String {
    format!("/admin/risk/users/{}", segment(id))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let (words, after) = (query.get("q").trim(), query.get("after"));
    let path = format!("{API}?limit=50&q={}&after={}", segment(words), segment(after));
    let listed = visitor.api.list(&path).await?;
    let rows = listed.items.iter().map(|user| {
        Row::new(vec![
            Cell::link(&address(text_at(user, "/id")), &name(user)),
            Cell::at(user, "/profile/login"),
            Cell::status(text_at(user, "/status")),
            Cell::time_at(user, "/lastLogin"),
        ])
    });
    let empty = if words.is_empty() {
        "Nobody is here yet. Users are made by POST /api/v1/users, or by their first sign-in elsewhere."
    } else {
        "Nobody's name or address begins like this."
    };
    let table = Table::new(TITLE, &["Name", "Login", "Status", "Last sign-in"], empty)
        .rows(rows)
        .more(PATH, &[("q", words)], listed.next.as_deref());
    let search = Search {
        action: PATH,
        label: "Name, login or address begins with",
        value: words.to_owned(),
    };
    let page = SetUp::new(&visitor, TITLE, PATH)
        .part(Part::Search(search))
        .part(Part::Table(table));
    Ok(page.into_page())
}

/// What a person is called.
pub(super) fn name(user: &Value) -> String {
    let parts = [text_at(user, "/profile/firstName"), text_at(user, "/profile/lastName")];
    let name = parts.join(" ").trim().to_owned();
    if name.is_empty() {
        text_at(user, "/profile/login").to_owned()
    } else {
        name
    }
}
