//! Settings > API tokens: what programs of administrators show.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::App;

use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Input, Sheet},
    set_up::{Button, Cell, Part, Row, Secret, SetUp, Step, Table, or_form, step, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/api-tokens";
const API: &str = "/api/v1/api-tokens";
const TITLE: &str = "API tokens";
const MANAGE: &str = "okta.apiTokens.manage";
const STEPS: &[Step] = &[step("revoke", Method::DELETE, "")];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/settings/api-tokens/{id}/{step}", post(change))
}

fn sheet() -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required().hint("What it is for."),
        Input::code("expires", "Works until")
            .at("/expiresAt")
            .hint("2026-12-31T00:00:00.000Z. Left empty, it works until 30 days after its last use."),
    ];
    Sheet::new(PATH, "Create token", inputs).titled("New token", "It carries your own privileges.")
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, &query, sheet(), None).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet().typed(&form);
    let made = visitor.api.post("/watchfire/v1/api-tokens", &sheet.body(json!({}))).await;
    let query = Fields::default();
    match or_form(made, sheet)? {
        Ok(made) => {
            let secret = Secret {
                label: "The new token: it stands behind SSWS in the Authorization header.",
                value: text_at(&made, "/token").to_owned(),
            };
            Ok(page(&visitor, &query, self::sheet(), Some(secret)).await?.into_page())
        }
        Err(sheet) => Ok(page(&visitor, &query, sheet, None).await?.into_page()),
    }
}

async fn page(visitor: &Visitor, query: &Fields, sheet: Sheet, secret: Option<Secret>) -> Result<SetUp, Failure> {
    let listed = visitor
        .api
        .list(&format!("{API}?limit=50&after={}", segment(query.get("after"))))
        .await?;
    let may = visitor.may(MANAGE);
    let rows = listed.items.iter().map(|token| {
        let (id, name) = (text_at(token, "/id"), text_at(token, "/name"));
        let revoke = Button::new(format!("{PATH}/{id}/revoke"), "Revoke", name).asking("What uses it stops working at once.");
        Row::new(vec![
            Cell::text(name),
            Cell::code(id),
            Cell::code(text_at(token, "/userId")),
            Cell::text(network(token)),
            Cell::time_at(token, "/created"),
            Cell::time_at(token, "/expiresAt"),
        ])
        .buttons(if may { vec![revoke] } else { Vec::new() })
    });
    let head = &["Name", "ID", "Whose", "From", "Created", "Works until"];
    let table = Table::new(TITLE, head, "No token yet.")
        .rows(rows)
        .more(PATH, &[], listed.next.as_deref());
    let page = SetUp::new(visitor, TITLE, PATH);
    let page = match secret {
        Some(secret) => page.part(Part::Secret(secret)),
        None => page,
    };
    Ok(page.part(Part::Table(table)).part_if(may, || Part::Sheet(sheet)))
}

fn network(token: &Value) -> &'static str {
    match text_at(token, "/network/connection") {
        "ZONE" => "some networks",
        _ => "anywhere",
    }
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (API, &id), (&step, STEPS), PATH).await
}
