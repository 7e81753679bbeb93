//! Settings > Your passkeys: what one's own browser makes and shows.

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{Method, StatusCode};
use serde_json::Value;
use watchfire_app::{App, Error};

use crate::{
    failure::Failure,
    fields::{Fields, Form},
    page::{Frame, render},
    set_up::{list_at, see_other, text_at},
    system_log::shown,
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/passkeys";
const TITLE: &str = "Your passkeys";

#[derive(Debug, Template)]
#[template(path = "passkeys.html")]
struct PasskeysPage {
    frame: Frame,
    rows: Vec<Row>,
    usable: bool,
    done: &'static str,
    fault: String,
    name: String,
}

#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    created: String,
    last_used: String,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(show).post(add))
        .route("/admin/settings/passkeys/options", post(options))
        .route("/admin/settings/passkeys/{id}/remove", post(remove))
}

async fn show(State(app): State<App>, visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let done = match query.get("done") {
        "made" => "Your passkey works from now on, alone and instead of a code.",
        "removed" => "It does not sign you in any more. Delete it from your device too.",
        _ => "",
    };
    let page = page(&app, &visitor).await?;
    Ok(render(&PasskeysPage { done, ..page }))
}

/// What the browser is asked to make.
async fn options(State(app): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    Ok(Json(app.begin_passkey(&visitor.session).await?).into_response())
}

async fn add(State(app): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let origin = visitor.origin.request.clone();
    let made = (form.get("name"), form.get("credential"));
    match app.add_passkey(&visitor.session, made, origin).await {
        Ok(_) => Ok(see_other(PATH, "made")),
        Err(Error::Invalid { causes, .. }) => {
            let page = PasskeysPage {
                fault: shown(&causes.join(" ")),
                name: form.get("name").to_owned(),
                ..page(&app, &visitor).await?
            };
            Ok((StatusCode::BAD_REQUEST, render(&page)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn remove(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{}/{}", api(&visitor), crate::api::segment(&id));
    visitor.api.call(Method::DELETE, &path, None).await?;
    Ok(see_other(PATH, "removed"))
}

fn api(visitor: &Visitor) -> String {
    format!("/watchfire/v1/administrators/{}/passkeys", visitor.session.session.user_id)
}

async fn page(app: &App, visitor: &Visitor) -> Result<PasskeysPage, Failure> {
    let own: Value = visitor.api.get(&api(visitor)).await?;
    let rows = list_at(&own, "").iter().map(|passkey| Row {
        id: text_at(passkey, "/id").to_owned(),
        name: shown(text_at(passkey, "/name")),
        created: text_at(passkey, "/created").to_owned(),
        last_used: text_at(passkey, "/lastUsed").to_owned(),
    });
    Ok(PasskeysPage {
        rows: rows.collect(),
        frame: Frame::new(TITLE, PATH, &visitor.session),
        usable: app.takes_passkeys(),
        done: "",
        fault: String::new(),
        name: String::new(),
    })
}
