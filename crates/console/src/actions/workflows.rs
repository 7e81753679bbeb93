//! Actions > Workflows: the webhooks that rules of the entity risk policy run.

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
    form::{Input, Sheet},
    set_up::{Button, Cell, LIFECYCLE, Part, Row, Secret, SetUp, Table, or_form, see_other, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/actions/workflows";
const API: &str = "/watchfire/v1/workflows";
const TITLE: &str = "Workflows";
const MANAGE: &str = "watchfire.manage";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/actions/workflows/{id}", get(show).post(replace))
        .route("/admin/actions/workflows/{id}/test", post(test))
        .route("/admin/actions/workflows/{id}/secret", post(rotate))
        .route("/admin/actions/workflows/{id}/{step}", post(change))
}

fn sheet(action: String, button: &'static str) -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::code("url", "URL")
            .at("/url")
            .required()
            .hint("https. It is called as Standard Webhooks say."),
    ];
    Sheet::new(action, button, inputs)
}

fn new_workflow() -> Sheet {
    sheet(PATH.to_owned(), "Create workflow").titled("New workflow", "").folded()
}

fn id_of(workflow: &Value) -> String {
    workflow.get("id").map(ToString::to_string).unwrap_or_default()
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, new_workflow()).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = new_workflow().typed(&form);
    match or_form(visitor.api.post(API, &sheet.body(json!({}))).await, sheet)? {
        Ok(made) => Ok(workflow_page(&visitor, &made, None).into_page()),
        Err(sheet) => Ok(page(&visitor, sheet).await?.into_page()),
    }
}

async fn page(visitor: &Visitor, sheet: Sheet) -> Result<SetUp, Failure> {
    let workflows = visitor.api.list(API).await?.items;
    let rows = workflows.iter().map(|workflow| {
        let id = id_of(workflow);
        Row::new(vec![
            Cell::text(&id),
            Cell::link(&format!("{PATH}/{id}"), text_at(workflow, "/name")),
            Cell::code(text_at(workflow, "/url")),
            Cell::status(text_at(workflow, "/status")),
        ])
    });
    let empty = "No workflow yet. Make one, and a rule of the entity risk policy can run it.";
    let table = Table::new(TITLE, &["Number", "Name", "URL", "Status"], empty).rows(rows);
    Ok(SetUp::new(visitor, TITLE, PATH)
        .intro("A workflow is a webhook that a rule of the entity risk policy runs, signed with a secret of its own.")
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet)))
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let workflow = visitor.api.get(&format!("{API}/{}", segment(&id))).await?;
    Ok(workflow_page(&visitor, &workflow, None).done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let workflow = visitor.api.get(&own).await?;
    let sheet = sheet(format!("{PATH}/{id}"), "Save").typed(&form);
    match or_form(visitor.api.put(&own, &sheet.body(json!({}))).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => Ok(workflow_page(&visitor, &workflow, Some(sheet)).into_page()),
    }
}

/// Its page, with a secret that was just made.
fn workflow_page(visitor: &Visitor, workflow: &Value, refused: Option<Sheet>) -> SetUp {
    let (id, name, status) = (id_of(workflow), text_at(workflow, "/name"), text_at(workflow, "/status"));
    let own = format!("{PATH}/{id}");
    let secret = text_at(workflow, "/secret").to_owned();
    let mut facts = vec![
        ("Number", Cell::text(&id)),
        ("URL", Cell::code(text_at(workflow, "/url"))),
        ("Changed", Cell::time_at(workflow, "/lastUpdated")),
    ];
    if !text_at(workflow, "/previousSecretExpiresAt").is_empty() {
        facts.push((
            "The old secret signs too until",
            Cell::time_at(workflow, "/previousSecretExpiresAt"),
        ));
    }
    let question = "Rules that run it do nothing more.";
    let mut buttons = vec![
        Button::new(format!("{own}/test"), "Call it now", name),
        Button::new(format!("{own}/secret"), "Rotate secret", name).asking("The old secret signs beside the new one for a day."),
    ];
    buttons.extend(Button::lifecycle(&own, status, name, question));
    let may = visitor.may(MANAGE);
    let sheet = refused.unwrap_or_else(|| sheet(own.clone(), "Save").filled(workflow));
    SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .badge(Cell::status(status))
        .part_if(!secret.is_empty(), || {
            Part::Secret(Secret {
                label: "The secret of its signatures.",
                value: secret,
            })
        })
        .part(Part::Facts(facts))
        .part_if(may, || Part::Buttons(buttons))
        .part_if(may, || Part::Sheet(sheet.titled("Change it", "").folded()))
}

async fn rotate(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{API}/{}/rotate-secret", segment(&id));
    let workflow = visitor.api.post(&path, &json!({})).await?;
    Ok(workflow_page(&visitor, &workflow, None).into_page())
}

/// Calls it once and says what came back.
async fn test(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let tested = visitor.api.post(&format!("{own}/test"), &json!({})).await?;
    let workflow = visitor.api.get(&own).await?;
    let delivered = tested.pointer("/delivered") == Some(&Value::Bool(true));
    let status = tested
        .get("status")
        .filter(|status| !status.is_null())
        .map(ToString::to_string);
    let facts = vec![
        (
            "Answer",
            if delivered {
                Cell::Badge("good", "Delivered".to_owned())
            } else {
                Cell::Badge("bad", "Not delivered".to_owned())
            },
        ),
        ("Status", Cell::text(&status.unwrap_or_default())),
        ("Why not", Cell::at(&tested, "/error")),
    ];
    let page = workflow_page(&visitor, &workflow, None)
        .part(Part::Heading("The test call"))
        .part(Part::Facts(facts));
    Ok(page.into_page())
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), &back).await
}
