//! Security > Sign-on policies: the rules that a sign-in meets, in their order.

mod rule;
mod rule_form;
mod trial;

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use watchfire_app::App;

pub(super) use self::rule_form::user_ids;
use crate::{
    api::{Refusal, segment},
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet, put},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Table, list_at, or_form, see_other, take_step, text_at, texts_at},
    visitor::Visitor,
};

pub(super) const PATH: &str = "/admin/security/policies";
pub(super) const API: &str = "/api/v1/policies";
const TITLE: &str = "Sign-on policies";
pub(super) const MANAGE: &str = "okta.policies.manage";

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/security/policies/{id}", get(show).post(replace))
        .route("/admin/security/policies/{id}/move", post(move_policy))
        .route("/admin/security/policies/{id}/{step}", post(change))
        .route("/admin/security/policies/{id}/rules/{rule}", get(rule::show).post(rule::take))
        .route("/admin/security/policies/{id}/rules/{rule}/move", post(rule::move_rule))
        .route("/admin/security/policies/{id}/rules/{rule}/{step}", post(rule::change))
        .route("/admin/security/simulations/{id}", get(trial::show))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let sheet = sheet(&visitor, PATH, "Create policy").await?;
    Ok(page(&visitor, sheet.titled("New policy", "").folded())
        .await?
        .done(&query)
        .into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(&visitor, PATH, "Create policy")
        .await?
        .titled("New policy", "")
        .folded();
    let sheet = sheet.typed(&form);
    let body = sheet.body(json!({"type": "OKTA_SIGN_ON"}));
    match or_form(visitor.api.post(API, &body).await, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, sheet).await?.into_page()),
    }
}

async fn page(visitor: &Visitor, sheet: Sheet) -> Result<SetUp, Failure> {
    let policies = visitor
        .api
        .list(&format!("{API}?type=OKTA_SIGN_ON&expand=rules"))
        .await?
        .items;
    let may = visitor.may(MANAGE);
    let groups = groups(visitor).await?;
    let rows = policies.iter().enumerate().map(|(at, policy)| {
        let (id, name) = (text_at(policy, "/id"), text_at(policy, "/name"));
        let rules = list_at(policy, "/_embedded/rules").len();
        let row = Row::new(vec![
            Cell::text(&priority(policy)),
            Cell::link(&format!("{PATH}/{id}"), name),
            Cell::Lines(named(
                &texts_at(policy, "/conditions/people/groups/include"),
                &groups,
                "Everyone",
            )),
            Cell::text(&rules.to_string()),
            Cell::status(text_at(policy, "/status")),
        ]);
        in_order(row, &policies, at, &format!("{PATH}/{id}"), may)
    });
    let mut table = Table::new(TITLE, &["Order", "Policy", "For", "Rules", "Status"], "").rows(rows);
    table.ordered = may;
    Ok(SetUp::new(visitor, TITLE, PATH)
        .intro(
            "A sign-in meets the first active policy that is for its user, and in it the first rule whose conditions all hold.",
        )
        .part(Part::Table(table))
        .part_if(may, || Part::Sheet(sheet)))
}

/// A row with its place, and the buttons that move it; system objects stay at the end.
pub(super) fn in_order(mut row: Row, all: &[Value], at: usize, path: &str, may: bool) -> Row {
    let is_system = |object: &Value| object.pointer("/system") == Some(&Value::Bool(true));
    let Some(object) = all.get(at).filter(|object| may && !is_system(object)) else {
        return row;
    };
    let name = text_at(object, "/name");
    let place = at.saturating_add(1);
    row.place = Some(place);
    let to = |label, place: usize| Button::new(format!("{path}/move"), label, name).with("to", place.to_string());
    if at > 0 {
        row.buttons.push(to("Up", at));
    }
    if all.get(place).is_some_and(|next| !is_system(next)) {
        row.buttons.push(to("Down", place.saturating_add(1)));
    }
    row
}

fn priority(object: &Value) -> String {
    object.pointer("/priority").map(ToString::to_string).unwrap_or_default()
}

/// Names for ids, or `nobody` when there is none.
pub(super) fn named(ids: &[&str], known: &[Choice], nobody: &str) -> Vec<String> {
    if ids.is_empty() {
        return vec![nobody.to_owned()];
    }
    let name = |id: &&str| {
        let known = known.iter().find(|choice| choice.value == **id);
        known.map_or_else(|| (*id).to_owned(), |choice| choice.label.clone())
    };
    ids.iter().map(name).collect()
}

pub(super) async fn groups(visitor: &Visitor) -> Result<Vec<Choice>, Refusal> {
    let groups = visitor.api.list("/api/v1/groups?limit=200").await?;
    Ok(Choice::of(&groups.items, "/profile/name"))
}

async fn sheet(visitor: &Visitor, action: &str, button: &'static str) -> Result<Sheet, Failure> {
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::text("description", "Description").at("/description"),
        Input::several("groups", "For these groups", groups(visitor).await?)
            .at("/conditions/people/groups/include")
            .hint("None is everyone."),
    ];
    Ok(Sheet::new(action, button, inputs))
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    Ok(policy_page(&visitor, &id, None).await?.done(&query).into_page())
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let own = format!("{API}/{}", segment(&id));
    let old = visitor.api.get(&own).await?;
    let sheet = policy_sheet(&visitor, &id).await?.typed(&form);
    match or_form(visitor.api.put(&own, &sheet.body(old)).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => Ok(policy_page(&visitor, &id, Some(sheet)).await?.into_page()),
    }
}

async fn policy_sheet(visitor: &Visitor, id: &str) -> Result<Sheet, Failure> {
    let sheet = sheet(visitor, &format!("{PATH}/{id}"), "Save").await?;
    Ok(sheet.titled("Change the policy", "").folded())
}

async fn policy_page(visitor: &Visitor, id: &str, sheet: Option<Sheet>) -> Result<SetUp, Failure> {
    let policy = visitor.api.get(&format!("{API}/{}", segment(id))).await?;
    let rules = visitor.api.list(&format!("{API}/{}/rules", segment(id))).await?.items;
    let names = rule::Names::read(visitor).await?;
    let (name, status) = (text_at(&policy, "/name"), text_at(&policy, "/status"));
    let may = visitor.may(MANAGE);
    let own = format!("{PATH}/{id}");
    let is_system = policy.pointer("/system") == Some(&Value::Bool(true));
    let sheet = match sheet {
        Some(sheet) => sheet,
        None => policy_sheet(visitor, id).await?.filled(&policy),
    };
    let people = texts_at(&policy, "/conditions/people/groups/include");
    let facts = vec![
        ("For", Cell::Lines(named(&people, &names.groups, "Everyone"))),
        ("Description", Cell::at(&policy, "/description")),
        ("Changed", Cell::time_at(&policy, "/lastUpdated")),
    ];
    let question = "It goes with its rules; its users meet the next policy.";
    Ok(SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .badge(Cell::status(status))
        .part(Part::Facts(facts))
        .part(Part::Heading("Rules, in their order"))
        .part(Part::Table(rule::table(&own, &rules, &names, may)))
        .part_if(may, || Part::Links(vec![Link::to(&format!("{own}/rules/new"), "Add rule")]))
        .part_if(may, || Part::Sheet(sheet))
        .part_if(may && !is_system, || {
            Part::Buttons(Button::lifecycle(&own, status, name, question))
        }))
}

async fn move_policy(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    put_place(&visitor, &format!("{API}/{}", segment(&id)), form.get("to")).await?;
    Ok(see_other(PATH, "moved"))
}

/// Puts an object to a place among its siblings.
pub(super) async fn put_place(visitor: &Visitor, path: &str, place: &str) -> Result<(), Failure> {
    let mut object = visitor.api.get(path).await?;
    let place = place.parse::<u32>().map_or_else(|_| place.into(), Value::from);
    put(&mut object, "/priority", Some(place));
    visitor.api.put(path, &object).await?;
    Ok(())
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let back = if step == "delete" {
        PATH.to_owned()
    } else {
        format!("{PATH}/{id}")
    };
    take_step(&visitor, &form, (API, &id), (&step, LIFECYCLE), &back).await
}
