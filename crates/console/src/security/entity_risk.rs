//! Security > Entity risk policy: what happens when a user becomes risky.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use watchfire_app::App;
use watchfire_model::object::Detection;

use super::policies::{API, MANAGE, groups, in_order, named, put_place, user_ids};
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Input, Sheet, lines, put},
    set_up::{Button, Cell, LIFECYCLE, Link, Part, Row, SetUp, Table, list_at, or_form, see_other, take_step, text_at, texts_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/security/entity-risk";
const TITLE: &str = "Entity risk policy";

const LEVELS: &[(&str, &str)] = &[("ANY", "Any"), ("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High")];
const LOGOUTS: &[(&str, &str)] = &[("NONE", "At no app"), ("ALL", "At every app that can be told")];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .route("/admin/security/entity-risk/rules/{rule}", get(show).post(take))
        .route("/admin/security/entity-risk/rules/{rule}/move", post(move_rule))
        .route("/admin/security/entity-risk/rules/{rule}/{step}", post(change))
}

/// There is one policy of this type.
async fn policy(visitor: &Visitor) -> Result<Value, Failure> {
    let found = visitor.api.list(&format!("{API}?type=ENTITY_RISK&expand=rules")).await?;
    let first = found.items.into_iter().next();
    first.ok_or_else(|| Failure::new(http::StatusCode::NOT_FOUND, "There is nothing here, or it is gone."))
}

async fn rules_path(visitor: &Visitor) -> Result<String, Failure> {
    Ok(format!("{API}/{}/rules", segment(text_at(&policy(visitor).await?, "/id"))))
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    let policy = policy(&visitor).await?;
    let groups = groups(&visitor).await?;
    let rules = list_at(&policy, "/_embedded/rules");
    let may = visitor.may(MANAGE);
    let rows = rules.iter().enumerate().map(|(at, rule)| {
        let (id, name, status) = (text_at(rule, "/id"), text_at(rule, "/name"), text_at(rule, "/status"));
        let own = format!("{PATH}/rules/{id}");
        let is_system = rule.pointer("/system") == Some(&Value::Bool(true));
        let title = if is_system { Cell::text(name) } else { Cell::link(&own, name) };
        let cells = vec![
            Cell::text(&at.saturating_add(1).to_string()),
            title,
            Cell::Lines(conditions(rule, &groups)),
            Cell::Lines(actions(rule)),
            Cell::status(status),
        ];
        let mut row = in_order(Row::new(cells), rules, at, &own, may);
        if may && !is_system {
            row.buttons.extend(Button::lifecycle(
                &own,
                status,
                name,
                "What it matched meets the rules behind it.",
            ));
        }
        row
    });
    let mut table = Table::new("Rules", &["Order", "Rule", "When", "Then", "Status"], "").rows(rows);
    table.ordered = may;
    let page = SetUp::new(&visitor, TITLE, PATH)
        .intro("When a user's risk changes, the first rule that matches decides what is done. What ends access waits for an approval where that is set.")
        .done(&query)
        .part(Part::Table(table))
        .part_if(may, || Part::Links(vec![Link::to(&format!("{PATH}/rules/new"), "Add rule")]));
    Ok(page.into_page())
}

fn conditions(rule: &Value, groups: &[Choice]) -> Vec<String> {
    let mut lines = Vec::new();
    let level = text_at(rule, "/conditions/entityRisk/level");
    if !matches!(level, "" | "ANY") {
        lines.push(format!("Risk is {level}"));
    }
    let mut list = |words: &str, pointer: &str, known: &[Choice]| {
        let ids = texts_at(rule, pointer);
        if !ids.is_empty() {
            lines.push(format!("{words} {}", named(&ids, known, "").join(", ")));
        }
    };
    let detections = detections();
    list("Because of", "/conditions/riskDetectionTypes/include", &detections);
    list("Not because of", "/conditions/riskDetectionTypes/exclude", &detections);
    list("In group", "/conditions/people/groups/include", groups);
    list("Not in group", "/conditions/people/groups/exclude", groups);
    list("User", "/conditions/people/users/include", &[]);
    list("Not user", "/conditions/people/users/exclude", &[]);
    if lines.is_empty() {
        lines.push("Always".to_owned());
    }
    lines.iter().map(|line| crate::system_log::shown(line)).collect()
}

fn actions(rule: &Value) -> Vec<String> {
    let said = list_at(rule, "/actions/entityRisk/actions").iter().map(|action| {
        match (text_at(action, "/action"), text_at(action, "/universalLogout/mode")) {
            ("TERMINATE_ALL_SESSIONS", "ALL") => "End all sessions, at every app".to_owned(),
            ("TERMINATE_ALL_SESSIONS", "SPECIFIED") => "End all sessions, at some apps".to_owned(),
            ("TERMINATE_ALL_SESSIONS", _) => "End all sessions".to_owned(),
            ("RUN_WORKFLOW", _) => {
                let id = action.pointer("/workflow/id").map(ToString::to_string).unwrap_or_default();
                format!("Run workflow {id}")
            }
            ("DEACTIVATE_USER", _) => "Deactivate the user".to_owned(),
            (other, _) => other.to_owned(),
        }
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        vec!["Write it into the log".to_owned()]
    } else {
        said
    }
}

fn detections() -> Vec<Choice> {
    Detection::ALL.map(|it| Choice::new(it.as_str(), it.display_name())).to_vec()
}

async fn sheet(visitor: &Visitor, rule: Option<&Value>) -> Result<Sheet, Failure> {
    let groups = groups(visitor).await?;
    let mut workflows = vec![Choice::new("", "None")];
    for workflow in visitor.api.list("/watchfire/v1/workflows").await?.items {
        let id = workflow.get("id").map(ToString::to_string).unwrap_or_default();
        workflows.push(Choice::new(id, text_at(&workflow, "/name")));
    }
    let inputs = vec![
        Input::text("name", "Name").at("/name").required(),
        Input::part("When", "Every condition that is filled in must hold."),
        Input::choice("level", "The user's risk is", Choice::pairs(LEVELS)).at("/conditions/entityRisk/level"),
        Input::several("detections", "Because of", detections())
            .at("/conditions/riskDetectionTypes/include")
            .hint("None is any."),
        Input::several("groups", "In one of these groups", groups.clone()).at("/conditions/people/groups/include"),
        Input::several("not_groups", "In none of these groups", groups).at("/conditions/people/groups/exclude"),
        Input::lines("users", "These users")
            .at("/conditions/people/users/include")
            .hint("Logins or IDs, one a line."),
        Input::lines("not_users", "Not these users").at("/conditions/people/users/exclude"),
        Input::part("Then", "With none of these the change is only written into the log."),
        Input::switch("end_sessions", "End all sessions of the user"),
        Input::choice("logout", "Universal Logout", Choice::pairs(LOGOUTS)).with("NONE"),
        Input::choice("workflow", "Run a workflow", workflows),
        Input::switch("deactivate", "Deactivate the user"),
        Input::number("place", "Place")
            .at("/priority")
            .hint("1 is asked first. Left empty, it is asked last before the catch-all rule."),
    ];
    let id = rule.map_or("new", |rule| text_at(rule, "/id"));
    let button = if rule.is_some() { "Save rule" } else { "Create rule" };
    let sheet = Sheet::new(format!("{PATH}/rules/{id}"), button, inputs);
    Ok(match rule {
        Some(rule) => filled(sheet, rule),
        None => sheet,
    })
}

fn filled(sheet: Sheet, rule: &Value) -> Sheet {
    let mut sheet = sheet.filled(rule);
    for action in list_at(rule, "/actions/entityRisk/actions") {
        match text_at(action, "/action") {
            "TERMINATE_ALL_SESSIONS" => {
                sheet.set("end_sessions", vec!["yes".to_owned()]);
                let mode = text_at(action, "/universalLogout/mode");
                if mode == "ALL" {
                    sheet.set("logout", vec![mode.to_owned()]);
                }
            }
            "RUN_WORKFLOW" => {
                let id = action.pointer("/workflow/id").map(ToString::to_string);
                sheet.set("workflow", id.into_iter().collect());
            }
            "DEACTIVATE_USER" => sheet.set("deactivate", vec!["yes".to_owned()]),
            _ => {}
        }
    }
    sheet
}

async fn body(visitor: &Visitor, sheet: &Sheet, rule: Option<&Value>) -> Result<Value, Failure> {
    let mut body = sheet.body(rule.cloned().unwrap_or_else(|| json!({"type": "ENTITY_RISK"})));
    for (name, pointer) in [
        ("users", "/conditions/people/users/include"),
        ("not_users", "/conditions/people/users/exclude"),
    ] {
        let ids = user_ids(visitor, &lines(sheet.value(name))).await?;
        put(&mut body, pointer, Some(ids).filter(|ids| !ids.is_empty()).map(Value::from));
    }
    let mut actions = Vec::new();
    if sheet.value("end_sessions") == "yes" {
        actions.push(ending(sheet, rule));
    }
    if !sheet.value("workflow").is_empty() {
        actions.push(json!({"action": "RUN_WORKFLOW", "workflow": {"id": sheet.value("workflow")}}));
    }
    if sheet.value("deactivate") == "yes" {
        actions.push(json!({"action": "DEACTIVATE_USER"}));
    }
    put(&mut body, "/actions/entityRisk/actions", Some(actions.into()));
    Ok(body)
}

/// Apps that were named one by one by the API stay named.
fn ending(sheet: &Sheet, rule: Option<&Value>) -> Value {
    let mut action = json!({"action": "TERMINATE_ALL_SESSIONS"});
    let old = rule.map_or(&[][..], |rule| list_at(rule, "/actions/entityRisk/actions"));
    let named = old
        .iter()
        .find(|action| text_at(action, "/universalLogout/mode") == "SPECIFIED");
    let logout = match (sheet.value("logout"), named) {
        ("ALL", _) => Some(json!({"mode": "ALL"})),
        (_, Some(named)) => named.get("universalLogout").cloned(),
        _ => None,
    };
    put(&mut action, "/universalLogout", logout);
    action
}

async fn known(visitor: &Visitor, rule: &str) -> Result<Option<Value>, Failure> {
    if rule == "new" {
        return Ok(None);
    }
    let path = format!("{}/{}", rules_path(visitor).await?, segment(rule));
    Ok(Some(visitor.api.get(&path).await?))
}

fn page(visitor: &Visitor, rule: Option<&Value>, sheet: Sheet) -> SetUp {
    let may = visitor.may(MANAGE);
    SetUp::new(visitor, TITLE, PATH)
        .of(rule.map_or("New rule", |rule| text_at(rule, "/name")))
        .part_if(may, || Part::Sheet(sheet))
        .part_if(!may, || {
            Part::Text("Your role shows the rules of the policy. A super administrator changes them.".to_owned())
        })
}

async fn show(visitor: Visitor, Path(rule): Path<String>, query: Fields) -> Result<Response, Failure> {
    let known = known(&visitor, &rule).await?;
    let sheet = sheet(&visitor, known.as_ref()).await?;
    Ok(page(&visitor, known.as_ref(), sheet).done(&query).into_page())
}

async fn take(visitor: Visitor, Path(rule): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let known = known(&visitor, &rule).await?;
    let sheet = sheet(&visitor, known.as_ref()).await?.typed(&form);
    let body = body(&visitor, &sheet, known.as_ref()).await?;
    let rules = rules_path(&visitor).await?;
    let (kept, word) = match &known {
        Some(_) => (visitor.api.put(&format!("{rules}/{}", segment(&rule)), &body).await, "saved"),
        None => (visitor.api.post(&rules, &body).await, "made"),
    };
    match or_form(kept, sheet)? {
        Ok(_) => Ok(see_other(PATH, word)),
        Err(sheet) => Ok(page(&visitor, known.as_ref(), sheet).into_page()),
    }
}

async fn move_rule(visitor: Visitor, Path(rule): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{}/{}", rules_path(&visitor).await?, segment(&rule));
    put_place(&visitor, &path, form.get("to")).await?;
    Ok(see_other(PATH, "moved"))
}

async fn change(visitor: Visitor, Path((rule, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    let rules = rules_path(&visitor).await?;
    take_step(&visitor, &form, (&rules, &rule), (&step, LIFECYCLE), PATH).await
}
