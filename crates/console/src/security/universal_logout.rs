//! Security > Service apps > an app > Universal Logout: where the app is told that a user's sessions have ended.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use watchfire_app::App;

use super::apps;
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet},
    set_up::{Button, Cell, Part, SetUp, or_form, see_other, text_at},
    visitor::Visitor,
};

const TITLE: &str = "Service apps";
const MANAGE: &str = "watchfire.manage";
const SUBJECTS: &[(&str, &str)] = &[
    ("iss_sub", "Our issuer and the user's id"),
    ("email", "The e-mail address"),
    ("opaque", "The user's id alone"),
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/admin/security/apps/{id}/universal-logout", get(show).post(save))
        .route("/admin/security/apps/{id}/universal-logout/delete", post(remove))
}

/// The page of an app's endpoint.
pub(super) fn path(id: &str) -> String {
    format!("{}/{}/universal-logout", apps::PATH, segment(id))
}

fn api(id: &str) -> String {
    format!("/watchfire/v1/apps/{}/universal-logout", segment(id))
}

fn sheet(id: &str) -> Sheet {
    let inputs = vec![
        Input::code("url", "URL")
            .at("/url")
            .required()
            .hint("https. It is called as Global Token Revocation says: POST with the user in sub_id."),
        Input::choice("subjectFormat", "The user is named by", Choice::pairs(SUBJECTS)).at("/subjectFormat"),
        Input::code("audience", "Audience of our credential")
            .at("/audience")
            .hint("The URL when it is left empty."),
    ];
    Sheet::new(path(id), "Save", inputs)
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let known = known(&visitor, &id).await?;
    let sheet = known.as_ref().map_or_else(|| sheet(&id), |it| sheet(&id).filled(it));
    Ok(page(&visitor, &id, known.as_ref(), sheet).await?.done(&query).into_page())
}

async fn save(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(&id).typed(&form);
    match or_form(visitor.api.put(&api(&id), &sheet.body(json!({}))).await, sheet)? {
        Ok(_) => Ok(see_other(&path(&id), "saved")),
        Err(sheet) => {
            let known = known(&visitor, &id).await?;
            Ok(page(&visitor, &id, known.as_ref(), sheet).await?.into_page())
        }
    }
}

async fn remove(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    visitor.api.call(Method::DELETE, &api(&id), None).await?;
    Ok(see_other(&path(&id), "deleted"))
}

/// The endpoint; an app without one has none.
async fn known(visitor: &Visitor, id: &str) -> Result<Option<Value>, Failure> {
    match visitor.api.get(&api(id)).await {
        Ok(endpoint) => Ok(Some(endpoint)),
        Err(refusal) if refusal.is(StatusCode::NOT_FOUND) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn page(visitor: &Visitor, id: &str, known: Option<&Value>, sheet: Sheet) -> Result<SetUp, Failure> {
    let app = visitor.api.get(&format!("/api/v1/apps/{}", segment(id))).await?;
    let facts = match known {
        Some(endpoint) => vec![
            ("Called at", Cell::code(text_at(endpoint, "/url"))),
            ("Since", Cell::time_at(endpoint, "/created")),
            ("Changed", Cell::time_at(endpoint, "/lastUpdated")),
        ],
        None => vec![("Called at", Cell::text("nowhere: the app is not told"))],
    };
    let may = visitor.may(MANAGE);
    let label = text_at(&app, "/label");
    let delete = Button::new(format!("{}/delete", path(id)), "Delete", label).asking("The app is not told any more.");
    Ok(SetUp::new(visitor, TITLE, apps::PATH)
        .of("Universal Logout")
        .below(&format!("{}/{}", apps::PATH, segment(id)), label)
        .intro("Where this app is told that all sessions of a user have ended, so that it ends its own.")
        .part(Part::Facts(facts))
        .part_if(may, || Part::Sheet(sheet))
        .part_if(may && known.is_some(), || Part::Buttons(vec![delete])))
}
