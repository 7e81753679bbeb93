//! Security > Service apps: who asks for tokens, with which keys and for which scopes.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::{App, access::scopes};

use super::universal_logout;
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet},
    set_up::{
        Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Step, Table, list_at, or_form, see_other, step, take_step, text_at,
    },
    visitor::Visitor,
};

pub(super) const PATH: &str = "/admin/security/apps";
const API: &str = "/api/v1/apps";
const TITLE: &str = "Service apps";
const MANAGE: &str = "okta.apps.manage";
const GRANT: &str = "okta.appGrants.manage";
/// The scope of the guide: what a provider of risk events needs.
const RISK_EVENTS: &str = "okta.riskEvents.manage";

const KEY_STEPS: &[Step] = &[
    step("activate", Method::POST, "/lifecycle/activate"),
    step("deactivate", Method::POST, "/lifecycle/deactivate"),
    step("delete", Method::DELETE, ""),
];
const GRANT_STEPS: &[Step] = &[step("revoke", Method::DELETE, "")];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/security/apps/{id}", get(show))
        .route("/admin/security/apps/{id}/{step}", post(change))
        .route("/admin/security/apps/{id}/keys", post(add_key))
        .route("/admin/security/apps/{id}/keys/{key}/{step}", post(change_key))
        .route("/admin/security/apps/{id}/grants", post(grant))
        .route("/admin/security/apps/{id}/grants/{grant}/{step}", post(change_grant))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let page = page(&visitor, &query, new_app()).await?;
    Ok(page.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = new_app().typed(&form);
    let mut body = sheet.body(json!({
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "token_endpoint_auth_method": "private_key_jwt",
    }));
    put_key(&mut body);
    let made = match or_form(visitor.api.post("/oauth2/v1/clients", &body).await, sheet)? {
        Ok(made) => made,
        Err(sheet) => return Ok(page(&visitor, &Fields::default(), sheet).await?.into_page()),
    };
    let id = text_at(&made, "/client_id");
    let scope = form.get("scope");
    if !scope.is_empty() {
        // A call of its own, as in the guide: the app is there, whatever becomes of it.
        let granted = visitor
            .api
            .post(&format!("{API}/{}/grants", segment(id)), &json!({"scopeId": scope}))
            .await;
        granted?;
    }
    Ok(see_other(&format!("{PATH}/{id}"), "made"))
}

fn new_app() -> Sheet {
    let scopes = scope_choices(&[], "None for now");
    let inputs = vec![
        Input::text("client_name", "Name").at("/client_name").required(),
        Input::key("jwks", "Public key")
            .at("/jwks")
            .required()
            .hint("A JWK, or a key set. The private key stays with the provider."),
        Input::choice("scope", "First scope", scopes)
            .with(RISK_EVENTS)
            .hint("A provider of risk events needs okta.riskEvents.manage."),
        Input::switch("dpop", "Tokens are bound to a DPoP key").at("/dpop_bound_access_tokens"),
    ];
    Sheet::new(PATH, "Create app", inputs).titled(
        "New service app",
        "The app asks for tokens with an assertion that its private key signs.",
    )
}

/// One key becomes a set.
fn put_key(body: &mut Value) {
    let Some(members) = body.as_object_mut() else { return };
    let is_key = members.get("jwks").is_some_and(|jwks| jwks.get("kty").is_some());
    if let Some(key) = members.get("jwks").cloned().filter(|_| is_key) {
        members.insert("jwks".to_owned(), json!({"keys": [key]}));
    }
}

fn scope_choices(granted: &[&str], none: &'static str) -> Vec<Choice> {
    let mut choices = vec![Choice::new("", none)];
    let open = scopes().iter().filter(|scope| !granted.contains(scope));
    choices.extend(open.map(|scope| Choice::new(*scope, *scope)));
    choices
}

async fn page(visitor: &Visitor, query: &Fields, new: Sheet) -> Result<SetUp, Failure> {
    let after = segment(query.get("after"));
    let listed = visitor.api.list(&format!("{API}?limit=50&after={after}")).await?;
    let rows = listed.items.iter().map(|app| {
        let id = text_at(app, "/id");
        Row::new(vec![
            Cell::link(&format!("{PATH}/{id}"), text_at(app, "/label")),
            Cell::code(id),
            Cell::status(text_at(app, "/status")),
            Cell::time_at(app, "/created"),
        ])
    });
    let table = Table::new(
        TITLE,
        &["Name", "Client ID", "Status", "Created"],
        "No service app yet. Each provider of risk events has one: make it below.",
    )
    .rows(rows)
    .more(PATH, &[], listed.next.as_deref());
    let page = SetUp::new(visitor, TITLE, PATH)
        .intro("A service app is how a provider signs in: a key, and the scopes that it may ask for.")
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(new));
    Ok(page)
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let page = app_page(&visitor, &id, key_sheet(&id), grant_sheet(&id, &[])).await?;
    Ok(page.done(&query).into_page())
}

async fn app_page(visitor: &Visitor, id: &str, keys: Sheet, grants: Sheet) -> Result<SetUp, Failure> {
    let own = format!("{API}/{}", segment(id));
    let app = visitor.api.get(&own).await?;
    let granted = visitor.api.list(&format!("{own}/grants")).await?.items;
    let (label, status) = (text_at(&app, "/label"), text_at(&app, "/status"));
    let oauth = "/settings/oauthClient";
    let is_bound = app.pointer(&format!("{oauth}/dpop_bound_access_tokens")) == Some(&Value::Bool(true));
    let facts = vec![
        ("Client ID", Cell::code(id)),
        ("Kind", Cell::text(text_at(&app, &format!("{oauth}/application_type")))),
        (
            "Signs in by",
            Cell::code(text_at(&app, "/credentials/oauthClient/token_endpoint_auth_method")),
        ),
        ("DPoP", Cell::text(if is_bound { "required" } else { "not required" })),
        ("Created", Cell::time_at(&app, "/created")),
        ("Changed", Cell::time_at(&app, "/lastUpdated")),
    ];
    let may = visitor.may(MANAGE);
    let scopes: Vec<&str> = granted.iter().map(|grant| text_at(grant, "/scopeId")).collect();
    let grants = if grants.is_faulty() {
        grants
    } else {
        grant_sheet(id, &scopes)
    };
    let page = SetUp::new(visitor, TITLE, PATH)
        .of(label)
        .badge(Cell::status(status))
        .part(Part::Facts(facts))
        .part(Part::Heading("Scopes"))
        .part(Part::Table(grant_table(id, &granted, visitor.may(GRANT))))
        .part_if(visitor.may(GRANT), || Part::Sheet(grants))
        .part(Part::Heading("Keys"))
        .part(Part::Table(key_table(id, &app, may)))
        .part_if(may, || Part::Sheet(keys))
        .part_if(visitor.may("watchfire.read"), || {
            Part::Links(vec![Link::to(&universal_logout::path(id), "Universal Logout")])
        })
        .part_if(may, || Part::Heading("This app"))
        .part_if(may, || {
            let question = "Its tokens stop working at once, and its risk provider has no client any more.";
            Part::Buttons(Button::lifecycle(&format!("{PATH}/{id}"), status, label, question))
        });
    Ok(page)
}

fn grant_table(id: &str, grants: &[Value], may: bool) -> Table {
    let rows = grants.iter().map(|grant| {
        let scope = text_at(grant, "/scopeId");
        let action = format!("{PATH}/{id}/grants/{}/revoke", text_at(grant, "/id"));
        let row = Row::new(vec![Cell::code(scope), Cell::time_at(grant, "/created")]);
        row.buttons(may.then(|| Button::new(action, "Revoke", scope)).into_iter().collect())
    });
    let empty = "No scope is granted: the app gets no token. Risk events need okta.riskEvents.manage.";
    Table::new("Scopes", &["Scope", "Granted"], empty).rows(rows)
}

fn grant_sheet(id: &str, granted: &[&str]) -> Sheet {
    let choices = scope_choices(granted, "Choose a scope");
    let input = Input::choice("scope", "Scope", choices).at("/scopeId").required();
    Sheet::new(format!("{PATH}/{id}/grants"), "Grant", vec![input])
}

fn key_table(id: &str, app: &Value, may: bool) -> Table {
    let rows = list_at(app, "/settings/oauthClient/jwks/keys").iter().map(|key| {
        let (key_id, kid, status) = (text_at(key, "/id"), text_at(key, "/kid"), text_at(key, "/status"));
        let path = format!("{PATH}/{id}/keys/{key_id}");
        let question = "Assertions that it has signed are refused from then on.";
        let buttons = Button::lifecycle(&path, status, kid, question);
        Row::new(vec![
            Cell::code(kid),
            Cell::text(&[text_at(key, "/kty"), text_at(key, "/alg")].join(" ")),
            Cell::status(status),
        ])
        .buttons(if may { buttons } else { Vec::new() })
    });
    let uri = text_at(app, "/settings/oauthClient/jwks_uri");
    let empty = if uri.is_empty() {
        "The app has no key of its own."
    } else {
        "The app's keys are fetched from its own address."
    };
    Table::new("Keys", &["Key ID", "Kind", "Status"], empty).rows(rows)
}

fn key_sheet(id: &str) -> Sheet {
    let input = Input::key("key", "Public key")
        .required()
        .hint("A JWK. The old key works until it is deactivated.");
    Sheet::new(format!("{PATH}/{id}/keys"), "Add key", vec![input])
        .titled("Add a key", "")
        .folded()
}

async fn add_key(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = key_sheet(&id).typed(&form);
    let key: Value = serde_json::from_str(sheet.value("key")).unwrap_or_else(|_| sheet.value("key").into());
    let added = visitor
        .api
        .post(&format!("{API}/{}/credentials/jwks", segment(&id)), &key)
        .await;
    match or_form(added, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "added")),
        Err(sheet) => Ok(app_page(&visitor, &id, sheet, grant_sheet(&id, &[])).await?.into_page()),
    }
}

async fn grant(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = grant_sheet(&id, &[]).typed(&form);
    let body = sheet.body(Value::Null);
    let granted = visitor.api.post(&format!("{API}/{}/grants", segment(&id)), &body).await;
    match or_form(granted, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "grant")),
        Err(sheet) => Ok(app_page(&visitor, &id, key_sheet(&id), sheet).await?.into_page()),
    }
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), &back).await
}

async fn change_key(
    visitor: Visitor,
    Path((id, key, step)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let api = format!("{API}/{}/credentials/jwks", segment(&id));
    take_step(&visitor, &form, (&api, &key), (&step, KEY_STEPS), &format!("{PATH}/{id}")).await
}

async fn change_grant(
    visitor: Visitor,
    Path((id, grant, step)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let api = format!("{API}/{}/grants", segment(&id));
    take_step(&visitor, &form, (&api, &grant), (&step, GRANT_STEPS), &format!("{PATH}/{id}")).await
}
