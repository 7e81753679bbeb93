//! Reads the bodies of the entity risk policy and its rules.
//!
//! An unknown condition, detection or action is refused: a rule that leaves one out would match or do
//! something else than its author wanted.

use serde_json::Value;
use watchfire_app::{Error, response::entity_risk_policy::EntityRiskRuleDraft};
use watchfire_model::{
    id::{ClientId, GroupId, UserId},
    object::{Detection, DetectionCondition, EntityRiskAction, EntityRiskConditions, LogoutSelection, Status},
    signal::RiskLevel,
};

use super::{
    super::super::members::{Faults, Members},
    ENTITY_RISK,
};

const MAX_NAME: usize = 255;
const MAX_DESCRIPTION: usize = 1024;
const BLANK: &str = "The field cannot be left blank";
const STATUS: [(&str, Status); 2] = [("ACTIVE", Status::Active), ("INACTIVE", Status::Inactive)];
const CONDITIONS: [&str; 3] = ["entityRisk", "people", "riskDetectionTypes"];

/// Reads the body of PUT of the policy: its name and description are all that can change.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse_entity_risk_policy(body: &Value) -> Result<(String, Option<String>), Error> {
    let body = Members::of(body)?;
    let faults = &mut Faults::default();
    body.require("type", faults);
    body.choice("type", &[(ENTITY_RISK, ())], faults);
    if body.choice("status", &STATUS, faults) == Some(Status::Inactive) {
        faults.add("status", "The entity risk policy cannot be deactivated");
    }
    if body.child("conditions", faults).names().next().is_some() {
        faults.add(
            "conditions",
            "The entity risk policy is for everyone; its rules have conditions",
        );
    }
    let said = (
        body.required_text("name", MAX_NAME, faults),
        body.text("description", MAX_DESCRIPTION, faults),
    );
    std::mem::take(faults).or(said)
}

/// Reads the body of POST and PUT of a rule.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault otherwise.
pub fn parse_entity_risk_rule(body: &Value) -> Result<EntityRiskRuleDraft, Error> {
    let body = Members::of(body)?;
    let faults = &mut Faults::default();
    body.choice("type", &[(ENTITY_RISK, ())], faults);
    let draft = EntityRiskRuleDraft {
        name: body.required_text("name", MAX_NAME, faults),
        status: body.choice("status", &STATUS, faults),
        priority: body.integer("priority", 1..=u32::MAX, faults),
        conditions: conditions(&body.child("conditions", faults), faults),
        actions: actions(&body, faults),
    };
    std::mem::take(faults).or(draft)
}

fn conditions(body: &Members<'_>, faults: &mut Faults) -> EntityRiskConditions {
    for name in body.names().filter(|name| !CONDITIONS.contains(name)) {
        faults.add("conditions", format!("Invalid condition type specified: {name}."));
    }
    let people = body.child("people", faults);
    let (users, groups) = (people.child("users", faults), people.child("groups", faults));
    let mut users_of = |list: &str| users.texts(list, faults).into_iter().map(UserId::new).collect();
    let (included_users, excluded_users) = (users_of("include"), users_of("exclude"));
    let mut groups_of = |list: &str| groups.texts(list, faults).into_iter().map(GroupId::new).collect();
    let (included_groups, excluded_groups) = (groups_of("include"), groups_of("exclude"));
    EntityRiskConditions {
        level: level(body, faults),
        included_users,
        excluded_users,
        included_groups,
        excluded_groups,
        detections: detections(&body.child("riskDetectionTypes", faults), faults),
    }
}

fn level(body: &Members<'_>, faults: &mut Faults) -> Option<RiskLevel> {
    body.value("entityRisk")?;
    let asked = body.child("entityRisk", faults);
    asked.require("level", faults);
    let levels = [
        ("ANY", None),
        ("LOW", Some(RiskLevel::Low)),
        ("MEDIUM", Some(RiskLevel::Medium)),
        ("HIGH", Some(RiskLevel::High)),
    ];
    asked.choice("level", &levels, faults).flatten()
}

fn detections(body: &Members<'_>, faults: &mut Faults) -> DetectionCondition {
    let mut named = |list: &str| -> Vec<Detection> {
        let mut known = Vec::new();
        for name in body.texts(list, faults) {
            match Detection::parse(&name) {
                Some(detection) if known.contains(&detection) => {}
                Some(detection) => known.push(detection),
                None => faults.add(body.path_of(list), format!("Invalid risk detection type: {name}")),
            }
        }
        known
    };
    let (include, exclude) = (named("include"), named("exclude"));
    if !(include.is_empty() || exclude.is_empty()) {
        faults.add("conditions.riskDetectionTypes", "Only one of include and exclude can be used");
    }
    DetectionCondition { include, exclude }
}

fn actions(body: &Members<'_>, faults: &mut Faults) -> Vec<EntityRiskAction> {
    let asked = body.child("actions", faults).child("entityRisk", faults);
    // What is done is never guessed: to log only is an empty list.
    asked.require("actions", faults);
    let path = asked.path_of("actions");
    let items = match asked.value("actions") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(_) => {
            faults.add(path.as_str(), "Invalid value");
            &[]
        }
        None => &[],
    };
    let mut actions: Vec<EntityRiskAction> = Vec::new();
    for item in items {
        let Ok(item) = Members::of(item) else {
            faults.add(path.as_str(), "Invalid value");
            continue;
        };
        let Some(action) = action(&item, &path, faults) else {
            continue;
        };
        let is_same = |other: &EntityRiskAction| std::mem::discriminant(other) == std::mem::discriminant(&action);
        if actions.iter().any(is_same) {
            faults.add(path.as_str(), "Each action can be used only once");
        }
        actions.push(action);
    }
    actions
}

fn action(body: &Members<'_>, path: &str, faults: &mut Faults) -> Option<EntityRiskAction> {
    let name = body.value("action").and_then(Value::as_str);
    match name {
        Some("TERMINATE_ALL_SESSIONS") => Some(EntityRiskAction::TerminateAllSessions {
            universal_logout: universal_logout(body, path, faults),
        }),
        Some("RUN_WORKFLOW") => workflow(body, path, faults).map(|workflow| EntityRiskAction::RunWorkflow { workflow }),
        Some("DEACTIVATE_USER") => Some(EntityRiskAction::DeactivateUser),
        Some(other) => {
            faults.add(path, format!("Invalid action: {other}"));
            None
        }
        None => {
            faults.add(format!("{path}.action"), BLANK);
            None
        }
    }
}

/// An integer, or a text of digits (okta.md 13, row 32).
fn workflow(body: &Members<'_>, path: &str, faults: &mut Faults) -> Option<u64> {
    let id = body.child("workflow", faults).value("id").cloned();
    let number = match &id {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Some(_) => None,
        None => {
            faults.add(format!("{path}.workflow.id"), BLANK);
            return None;
        }
    };
    if number.is_none() {
        faults.add(format!("{path}.workflow.id"), "Invalid value");
    }
    number
}

fn universal_logout(body: &Members<'_>, path: &str, faults: &mut Faults) -> LogoutSelection {
    if body.value("universalLogout").is_none() {
        return LogoutSelection::None;
    }
    let asked = body.child("universalLogout", faults);
    let apps: Vec<ClientId> = asked.texts("apps", faults).into_iter().map(ClientId::new).collect();
    let mode = asked.value("mode").and_then(Value::as_str);
    match mode {
        Some("SPECIFIED") if apps.is_empty() => faults.add(format!("{path}.universalLogout.apps"), BLANK),
        Some("SPECIFIED") => return LogoutSelection::Specified(apps),
        Some("NONE" | "ALL") if !apps.is_empty() => {
            faults.add(
                format!("{path}.universalLogout.apps"),
                "Apps can be named only with SPECIFIED",
            );
        }
        Some("ALL") => return LogoutSelection::All,
        Some("NONE") => {}
        _ => faults.add(format!("{path}.universalLogout.mode"), "Invalid value"),
    }
    LogoutSelection::None
}
