//! The entity risk policy: which rule a detection meets, and why (okta.md 9.4).
//!
//! The active rules are asked by priority; the first whose conditions all hold decides. The catch-all
//! rule comes last and does nothing.

use serde::Serialize;
use watchfire_model::{
    id::{EntityRiskRuleId, GroupId, UserId},
    object::{Detection, EntityRiskRule, Status},
    signal::RiskLevel,
};

use crate::policy::ConditionResult;

/// What the rules are asked about.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Whose risk was found.
    pub user: &'a UserId,
    /// The groups it is in.
    pub groups: &'a [GroupId],
    /// The level that the user has come to.
    pub level: RiskLevel,
    /// What found it.
    pub detection: Detection,
}

/// The rule that decides, with everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// The rule that matched; `None` when none did.
    pub rule: Option<&'a EntityRiskRule>,
    /// The rules that were asked, in order; the last one is the one that matched, if any did.
    pub explanation: Vec<RuleExplanation>,
}

/// What one rule asked and got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// The rule.
    pub id: EntityRiskRuleId,
    /// Its name.
    pub name: String,
    /// Whether all its conditions held.
    pub matched: bool,
    /// Each of them.
    pub conditions: Vec<ConditionResult>,
}

/// Finds the first rule that `subject` meets.
pub fn evaluate<'a>(rules: &[&'a EntityRiskRule], subject: &Subject<'_>) -> Evaluation<'a> {
    let mut active: Vec<&EntityRiskRule> = rules.iter().copied().filter(|rule| rule.status == Status::Active).collect();
    active.sort_by_key(|rule| (rule.system, rule.priority, &rule.id));
    let mut explanation = Vec::new();
    for rule in active {
        let asked = ask(rule, subject);
        let matched = asked.matched;
        explanation.push(asked);
        if matched {
            return Evaluation {
                rule: Some(rule),
                explanation,
            };
        }
    }
    Evaluation { rule: None, explanation }
}

fn ask(rule: &EntityRiskRule, subject: &Subject<'_>) -> RuleExplanation {
    let conditions = vec![people(rule, subject), entity_risk(rule, subject), detection(rule, subject)];
    RuleExplanation {
        id: rule.id.clone(),
        name: rule.name.clone(),
        matched: conditions.iter().all(|condition| condition.result),
        conditions,
    }
}

/// Users and groups that are included are one list of people; who is excluded is excluded whatever
/// includes it.
fn people(rule: &EntityRiskRule, subject: &Subject<'_>) -> ConditionResult {
    let asked = &rule.conditions;
    let is_in = |groups: &[GroupId]| groups.iter().any(|group| subject.groups.contains(group));
    let is_for_everyone = asked.included_users.is_empty() && asked.included_groups.is_empty();
    let is_included = is_for_everyone || asked.included_users.contains(subject.user) || is_in(&asked.included_groups);
    let is_excluded = asked.excluded_users.contains(subject.user) || is_in(&asked.excluded_groups);
    let listed = |users: &[UserId], groups: &[GroupId]| {
        let users = users.iter().map(UserId::as_str);
        users.chain(groups.iter().map(GroupId::as_str)).collect::<Vec<_>>().join(", ")
    };
    let mut asks = if is_for_everyone {
        "everyone".to_owned()
    } else {
        listed(&asked.included_users, &asked.included_groups)
    };
    if !(asked.excluded_users.is_empty() && asked.excluded_groups.is_empty()) {
        asks = format!("{asks}, not {}", listed(&asked.excluded_users, &asked.excluded_groups));
    }
    ConditionResult {
        condition: "people",
        asks,
        got: listed(std::slice::from_ref(subject.user), subject.groups),
        result: is_included && !is_excluded,
        unknown: false,
    }
}

fn entity_risk(rule: &EntityRiskRule, subject: &Subject<'_>) -> ConditionResult {
    let asked = rule.conditions.level;
    ConditionResult {
        condition: "entityRisk",
        asks: asked.map_or("ANY", RiskLevel::as_str).to_owned(),
        got: subject.level.as_str().to_owned(),
        result: asked.is_none_or(|level| level == subject.level),
        unknown: false,
    }
}

fn detection(rule: &EntityRiskRule, subject: &Subject<'_>) -> ConditionResult {
    let asked = &rule.conditions.detections;
    let listed = |detections: &[Detection]| detections.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
    let (asks, result) = if !asked.include.is_empty() {
        (listed(&asked.include), asked.include.contains(&subject.detection))
    } else if !asked.exclude.is_empty() {
        (
            format!("not {}", listed(&asked.exclude)),
            !asked.exclude.contains(&subject.detection),
        )
    } else {
        ("ANY".to_owned(), true)
    };
    ConditionResult {
        condition: "riskDetectionTypes",
        asks,
        got: subject.detection.as_str().to_owned(),
        result,
        unknown: false,
    }
}
