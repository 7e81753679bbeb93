//! A rule of a sign-on policy: its line, its page, its place.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::Value;
use watchfire_app::App;

use super::{
    API, MANAGE, PATH, TITLE, groups, in_order, named, put_place, rule_form,
    trial::{self, Trial},
};
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Choice, Sheet},
    set_up::{Button, Cell, LIFECYCLE, Part, Row, SetUp, Table, list_at, or_form, see_other, take_step, text_at, texts_at},
    visitor::Visitor,
};

/// What rules name by id.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) groups: Vec<Choice>,
    pub(super) zones: Vec<Choice>,
    pub(super) behaviors: Vec<Choice>,
}

impl Names {
    pub(super) async fn read(visitor: &Visitor) -> Result<Self, Failure> {
        Ok(Self {
            groups: groups(visitor).await?,
            zones: Choice::of(&visitor.api.list("/api/v1/zones").await?.items, "/name"),
            behaviors: Choice::of(&visitor.api.list("/api/v1/behaviors").await?.items, "/name"),
        })
    }
}

/// The rules of the policy at `path`.
pub(super) fn table(path: &str, rules: &[Value], names: &Names, may: bool) -> Table {
    let rows = rules.iter().enumerate().map(|(at, rule)| {
        let (id, name, status) = (text_at(rule, "/id"), text_at(rule, "/name"), text_at(rule, "/status"));
        let own = format!("{path}/rules/{id}");
        let mut badges = vec![Cell::status(status)];
        if text_at(rule, "/mode") == "MONITOR" {
            badges = vec![Cell::Badge("warn", "Only watches".to_owned())];
        }
        let mut cells = vec![
            Cell::text(&at.saturating_add(1).to_string()),
            Cell::link(&own, name),
            Cell::Lines(conditions(rule, names)),
            decision(rule),
        ];
        cells.append(&mut badges);
        let mut row = in_order(Row::new(cells), rules, at, &own, may);
        if may && rule.pointer("/system") != Some(&Value::Bool(true)) {
            row.buttons.extend(Button::lifecycle(
                &own,
                status,
                name,
                "Sign-ins that it matched meet the rules behind it.",
            ));
        }
        row
    });
    let mut table = Table::new(
        "Rules",
        &["Order", "Rule", "When", "Then", "Status"],
        "No rule: nobody gets in by this policy.",
    )
    .rows(rows);
    table.ordered = may;
    table
}

/// The conditions as a person would say them.
fn conditions(rule: &Value, names: &Names) -> Vec<String> {
    let at = |pointer: &str| rule.pointer(&format!("/conditions{pointer}"));
    let texts = |pointer: &str| texts_at(rule, pointer);
    let mut lines = Vec::new();
    let level = text_at(rule, "/conditions/riskScore/level");
    if !matches!(level, "" | "ANY") {
        lines.push(format!("Risk is {level}"));
    }
    for (pointer, words) in [("/riskScore/minScore", "at least"), ("/riskScore/maxScore", "at most")] {
        lines.extend(at(pointer).map(|score| format!("Score is {words} {score}")));
    }
    let mut list = |words: &str, pointer: &str, known: &[Choice]| {
        let ids = texts(pointer);
        if !ids.is_empty() {
            lines.push(format!("{words} {}", named(&ids, known, "").join(", ")));
        }
    };
    list("Behavior:", "/conditions/risk/behaviors", &names.behaviors);
    list("From", "/conditions/network/include", &names.zones);
    list("Not from", "/conditions/network/exclude", &names.zones);
    list("In group", "/conditions/people/groups/include", &names.groups);
    list("Not in group", "/conditions/people/groups/exclude", &names.groups);
    list("User", "/conditions/people/users/include", &[]);
    list("Not user", "/conditions/people/users/exclude", &[]);
    for (words, pointer) in [("App:", "/conditions/app/include"), ("Not app:", "/conditions/app/exclude")] {
        let apps: Vec<&str> = list_at(rule, pointer).iter().map(|app| text_at(app, "/id")).collect();
        if !apps.is_empty() {
            lines.push(format!("{words} {}", apps.join(", ")));
        }
    }
    match at("/device/known") {
        Some(Value::Bool(true)) => lines.push("The device is known".to_owned()),
        Some(Value::Bool(false)) => lines.push("The device is not known".to_owned()),
        _ => {}
    }
    lines.extend(
        at("/elCondition/condition")
            .and_then(Value::as_str)
            .map(|source| format!("Expression: {source}")),
    );
    if lines.is_empty() {
        lines.push("Always".to_owned());
    }
    lines.iter().map(|line| crate::system_log::shown(line)).collect()
}

fn decision(rule: &Value) -> Cell {
    let signon = "/actions/signon";
    let needs_factor = rule.pointer(&format!("{signon}/requireFactor")) == Some(&Value::Bool(true));
    match text_at(rule, &format!("{signon}/access")) {
        "ALLOW" if needs_factor => Cell::status("CHALLENGE"),
        word => Cell::status(word),
    }
}

/// The form of a rule that there is, or of a `new` one.
pub(super) async fn show(
    visitor: Visitor,
    Path((policy, rule)): Path<(String, String)>,
    query: Fields,
) -> Result<Response, Failure> {
    let names = Names::read(&visitor).await?;
    let known = known(&visitor, &policy, &rule).await?;
    let sheet = rule_form::sheet(&address(&policy, &rule), &names, known.as_ref());
    let page = page(&visitor, (&policy, known.as_ref()), sheet, Vec::new()).await?;
    Ok(page.done(&query).into_page())
}

/// Keeps the rule, or tries it on what was recorded.
pub(super) async fn take(
    State(app): State<App>,
    visitor: Visitor,
    Path((policy, rule)): Path<(String, String)>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let names = Names::read(&visitor).await?;
    let known = known(&visitor, &policy, &rule).await?;
    let sheet = rule_form::sheet(&address(&policy, &rule), &names, known.as_ref()).typed(&form);
    let body = rule_form::body(&visitor, &sheet, known.as_ref()).await?;
    if form.get("do") == "try" {
        let trial = Trial {
            rule: body,
            policy: &policy,
            range: sheet.value("range"),
            now: app.clock().now(),
        };
        let tried = trial.run(&visitor).await;
        return Ok(match or_form(tried, sheet.clone())? {
            Ok(simulation) => page(&visitor, (&policy, known.as_ref()), sheet, trial::parts(&simulation))
                .await?
                .into_page(),
            Err(sheet) => page(&visitor, (&policy, known.as_ref()), sheet, Vec::new())
                .await?
                .into_page(),
        });
    }
    let rules = format!("{API}/{}/rules", segment(&policy));
    let (kept, word) = match &known {
        Some(_) => (visitor.api.put(&format!("{rules}/{}", segment(&rule)), &body).await, "saved"),
        None => (visitor.api.post(&rules, &body).await, "made"),
    };
    match or_form(kept, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{policy}"), word)),
        Err(sheet) => Ok(page(&visitor, (&policy, known.as_ref()), sheet, Vec::new())
            .await?
            .into_page()),
    }
}

fn address(policy: &str, rule: &str) -> String {
    format!("{PATH}/{policy}/rules/{rule}")
}

async fn known(visitor: &Visitor, policy: &str, rule: &str) -> Result<Option<Value>, Failure> {
    if rule == "new" {
        return Ok(None);
    }
    let path = format!("{API}/{}/rules/{}", segment(policy), segment(rule));
    Ok(Some(visitor.api.get(&path).await?))
}

async fn page(
    visitor: &Visitor,
    (policy, rule): (&str, Option<&Value>),
    sheet: Sheet,
    tried: Vec<Part>,
) -> Result<SetUp, Failure> {
    let policy = visitor.api.get(&format!("{API}/{}", segment(policy))).await?;
    let name = rule.map_or("New rule", |rule| text_at(rule, "/name"));
    let page = SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .below(&format!("{PATH}/{}", text_at(&policy, "/id")), text_at(&policy, "/name"));
    let page = tried.into_iter().fold(page, SetUp::part);
    let may = visitor.may(MANAGE);
    Ok(page.part_if(may, || Part::Sheet(sheet)).part_if(!may, || {
        Part::Text("Your role shows the rules of the policy. A super administrator changes them.".to_owned())
    }))
}

pub(super) async fn move_rule(
    visitor: Visitor,
    Path((policy, rule)): Path<(String, String)>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let path = format!("{API}/{}/rules/{}", segment(&policy), segment(&rule));
    put_place(&visitor, &path, form.get("to")).await?;
    Ok(see_other(&format!("{PATH}/{policy}"), "moved"))
}

pub(super) async fn change(
    visitor: Visitor,
    Path((policy, rule, step)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let api = format!("{API}/{}/rules", segment(&policy));
    take_step(
        &visitor,
        &form,
        (&api, &rule),
        (&step, LIFECYCLE),
        &format!("{PATH}/{policy}"),
    )
    .await
}
