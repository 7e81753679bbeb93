//! Searches that the visitor keeps.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use watchfire_app::App;
use watchfire_model::object::{LogSearch, SavedSearch};

use super::{PATH, row::short};
use crate::{
    failure::Failure,
    fields::{Form, address},
    visitor::Visitor,
};

/// A search in the list.
#[derive(Debug)]
pub(super) struct SavedRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) link: String,
}

/// The visitor's searches.
pub(super) async fn rows(app: &App, visitor: &Visitor) -> Result<Vec<SavedRow>, Failure> {
    let saved = app.saved_searches(&visitor.session.principal).await?;
    let rows = saved.into_iter().map(|one| SavedRow {
        name: short(&one.name),
        link: link(&one),
        id: one.id.into(),
    });
    Ok(rows.collect())
}

/// Keeps what the page shows under a name.
pub(crate) async fn save(State(app): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let text = |name: &str| form.get(name).to_owned();
    let search = LogSearch {
        filter: text("filter"),
        q: text("q"),
        range: text("range"),
        since: text("since"),
        until: text("until"),
    };
    let saved = app.save_search(&visitor.session.principal, text("name"), search).await?;
    Ok(Redirect::to(&link(&saved)).into_response())
}

/// Forgets one.
pub(crate) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    app.delete_saved_search(&visitor.session.principal, &id).await?;
    Ok(Redirect::to(PATH).into_response())
}

fn link(saved: &SavedSearch) -> String {
    let search = &saved.search;
    address(
        PATH,
        &[
            ("filter", search.filter.as_str()),
            ("q", search.q.as_str()),
            ("range", search.range.as_str()),
            ("since", search.since.as_str()),
            ("until", search.until.as_str()),
        ],
    )
}
