//! The form of a rule, and the body that it becomes.

use serde_json::{Value, json};

use super::rule::Names;
use crate::{
    api::segment,
    failure::Failure,
    form::{Choice, Input, Sheet, lines, put},
    set_up::{list_at, text_at},
    visitor::Visitor,
};

const DECISIONS: &[(&str, &str)] = &[
    ("ALLOW", "Let in"),
    ("CHALLENGE", "Ask for a second factor"),
    ("DENY", "Refuse"),
];
const MODES: &[(&str, &str)] = &[
    ("ENFORCE", "It decides"),
    ("MONITOR", "It only watches: what it would decide is in the log"),
];
const LEVELS: &[(&str, &str)] = &[("", "Any"), ("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High")];
const DEVICES: &[(&str, &str)] = &[("", "Any"), ("true", "Known to be the user's"), ("false", "Not known")];
const PROMPTS: &[(&str, &str)] = &[
    ("ALWAYS", "At each sign-in"),
    ("DEVICE", "Once a device"),
    ("SESSION", "Once a session"),
];
/// How far back a trial looks, in days.
pub(super) const RANGES: &[(&str, &str)] = &[
    ("7", "The last 7 days"),
    ("1", "The last day"),
    ("30", "The last 30 days"),
    ("", "All that is kept"),
];

/// The form; a rule of the system has no conditions.
pub(super) fn sheet(action: &str, names: &Names, rule: Option<&Value>) -> Sheet {
    let is_system = rule.and_then(|rule| rule.pointer("/system")) == Some(&Value::Bool(true));
    let mut inputs = vec![Input::text("name", "Name").at("/name").required()];
    if !is_system {
        inputs.extend(conditions(names));
    }
    inputs.extend(outcome(is_system));
    inputs.push(
        Input::choice("range", "Try it on", Choice::pairs(RANGES))
            .hint("Recorded sign-ins are decided again with this rule in its place. Nothing changes by that."),
    );
    let button = if rule.is_some() { "Save rule" } else { "Create rule" };
    let sheet = Sheet::new(action, button, inputs).or("try", "Try on recorded sign-ins");
    match rule {
        Some(rule) => filled(sheet, rule),
        None => sheet,
    }
}

fn conditions(names: &Names) -> Vec<Input> {
    vec![
        Input::part("When", "Every condition that is filled in must hold."),
        Input::choice("level", "Risk level", Choice::pairs(LEVELS)).at("/conditions/riskScore/level"),
        Input::number("min_score", "Risk score at least")
            .at("/conditions/riskScore/minScore")
            .hint("0 to 100."),
        Input::number("max_score", "Risk score at most").at("/conditions/riskScore/maxScore"),
        Input::several("behaviors", "One of these behaviors", names.behaviors.clone()).at("/conditions/risk/behaviors"),
        Input::several("zones", "From these zones", names.zones.clone()).at("/conditions/network/include"),
        Input::several("not_zones", "Not from these zones", names.zones.clone()).at("/conditions/network/exclude"),
        Input::several("groups", "In one of these groups", names.groups.clone()).at("/conditions/people/groups/include"),
        Input::several("not_groups", "In none of these groups", names.groups.clone()).at("/conditions/people/groups/exclude"),
        Input::lines("users", "These users")
            .at("/conditions/people/users/include")
            .hint("Logins or IDs, one a line."),
        Input::lines("not_users", "Not these users").at("/conditions/people/users/exclude"),
        Input::lines("apps", "At these applications")
            .at("/conditions/app/include")
            .hint("As sign-ins name them, one a line."),
        Input::lines("not_apps", "Not at these applications").at("/conditions/app/exclude"),
        Input::choice("device", "Device", Choice::pairs(DEVICES)).at("/conditions/device/known"),
        Input::code("expression", "Expression (CEL)")
            .at("/conditions/elCondition/condition")
            .hint("Such as security.risk.score >= 40 && !(request.country in ['NO', 'SE']). The documentation of policies has every name."),
    ]
}

fn outcome(is_system: bool) -> Vec<Input> {
    let mut inputs = vec![
        Input::part("Then", ""),
        Input::choice("decision", "Decision", Choice::pairs(DECISIONS))
            .at("/actions/signon/access")
            .with("CHALLENGE"),
        Input::choice("prompt", "A second factor is asked for", Choice::pairs(PROMPTS)).at("/actions/signon/factorPromptMode"),
        Input::number("factor_lifetime", "… again after minutes").at("/actions/signon/factorLifetime"),
        Input::number("idle", "The session ends without use after minutes").at("/actions/signon/session/maxSessionIdleMinutes"),
        Input::number("lifetime", "The session ends after minutes")
            .at("/actions/signon/session/maxSessionLifetimeMinutes")
            .hint("0 is never."),
    ];
    if !is_system {
        inputs.push(Input::choice("mode", "Mode", Choice::pairs(MODES)).at("/mode"));
        inputs.push(
            Input::number("place", "Place")
                .at("/priority")
                .hint("1 is asked first. Left empty, it is asked last before the catch-all rule."),
        );
    }
    inputs
}

/// What cannot be read member by member.
fn filled(sheet: Sheet, rule: &Value) -> Sheet {
    let mut sheet = sheet.filled(rule);
    if rule.pointer("/actions/signon/requireFactor") == Some(&Value::Bool(true)) && sheet.value("decision") == "ALLOW" {
        sheet.set("decision", vec!["CHALLENGE".to_owned()]);
    }
    for (name, pointer) in [("apps", "/conditions/app/include"), ("not_apps", "/conditions/app/exclude")] {
        let apps: Vec<&str> = list_at(rule, pointer).iter().map(|app| text_at(app, "/id")).collect();
        sheet.set(name, vec![apps.join("\n")]);
    }
    sheet
}

/// The body of the rule; what the form does not show stays as it was.
pub(super) async fn body(visitor: &Visitor, sheet: &Sheet, rule: Option<&Value>) -> Result<Value, Failure> {
    let base = rule.cloned().unwrap_or_else(|| json!({"type": "SIGN_ON"}));
    let mut body = sheet.body(base);
    let decision = sheet.value("decision");
    let access = if decision == "DENY" { "DENY" } else { "ALLOW" };
    put(&mut body, "/actions/signon/access", Some(access.into()));
    put(
        &mut body,
        "/actions/signon/requireFactor",
        Some((decision == "CHALLENGE").into()),
    );
    if rule.and_then(|rule| rule.pointer("/system")) == Some(&Value::Bool(true)) {
        return Ok(body);
    }
    // A range of scores is of any level, unless one is named.
    let has_score = body.pointer("/conditions/riskScore").is_some();
    if has_score && sheet.value("level").is_empty() {
        put(&mut body, "/conditions/riskScore/level", Some("ANY".into()));
    }
    let has_zones = !(sheet.values("zones").is_empty() && sheet.values("not_zones").is_empty());
    let connection = if has_zones { "ZONE" } else { "ANYWHERE" };
    put(&mut body, "/conditions/network/connection", Some(connection.into()));
    for (name, pointer) in [("apps", "/conditions/app/include"), ("not_apps", "/conditions/app/exclude")] {
        let apps: Vec<Value> = lines(sheet.value(name))
            .into_iter()
            .map(|id| json!({"type": "APP", "id": id}))
            .collect();
        put(
            &mut body,
            pointer,
            Some(apps).filter(|apps| !apps.is_empty()).map(Value::from),
        );
    }
    let known = match sheet.value("device") {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        _ => None,
    };
    put(&mut body, "/conditions/device/known", known);
    for (name, pointer) in [
        ("users", "/conditions/people/users/include"),
        ("not_users", "/conditions/people/users/exclude"),
    ] {
        let ids = user_ids(visitor, &lines(sheet.value(name))).await?;
        put(&mut body, pointer, Some(ids).filter(|ids| !ids.is_empty()).map(Value::from));
    }
    Ok(body)
}

/// Ids for logins; what names nobody stays, so that the API says so.
pub(in crate::security) async fn user_ids(visitor: &Visitor, named: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::with_capacity(named.len());
    for name in named {
        match visitor.api.get(&format!("/api/v1/users/{}", segment(name))).await {
            Ok(user) => ids.push(text_at(&user, "/id").to_owned()),
            Err(refusal) if refusal.status == http::StatusCode::NOT_FOUND => ids.push(name.clone()),
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(ids)
}
