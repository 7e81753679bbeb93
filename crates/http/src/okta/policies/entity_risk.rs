//! The entity risk policy and its rules in JSON (okta.md 9.4).

mod read;

#[cfg(test)]
mod tests;

pub use read::{parse_entity_risk_policy, parse_entity_risk_rule};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchfire_model::{
    id::EntityRiskPolicyId,
    object::{Detection, EntityRiskAction, EntityRiskConditions, EntityRiskPolicy, EntityRiskRule, LogoutSelection, Status},
    signal::RiskLevel,
};

/// The type of the policy and of its rules.
pub const ENTITY_RISK: &str = "ENTITY_RISK";

/// Whether an id names the entity risk policy, if it names anything.
pub fn is_entity_risk(policy: &str) -> bool {
    policy.starts_with(EntityRiskPolicyId::PREFIX)
}

/// The entity risk policy: there is one, which stays.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntityRiskPolicy)]
pub struct EntityRiskPolicyBody {
    /// `rst…`
    #[schema(read_only)]
    id: String,
    /// `ACTIVE`
    #[schema(read_only)]
    status: &'static str,
    /// At most 255 characters.
    name: String,
    description: Option<String>,
    /// 1
    #[schema(read_only)]
    priority: u32,
    /// `true`
    #[schema(read_only)]
    system: bool,
    /// null
    #[schema(read_only, value_type = Option<Object>)]
    conditions: Value,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
    /// `ENTITY_RISK`
    #[serde(rename = "type")]
    policy_type: &'static str,
    /// Its rules, where asked for.
    #[serde(rename = "_embedded", skip_serializing_if = "Option::is_none")]
    #[schema(read_only, value_type = Option<Object>)]
    embedded: Option<Value>,
}

impl EntityRiskPolicyBody {
    /// Writes the policy. `org_url` has no trailing slash.
    pub fn new(policy: &EntityRiskPolicy, org_url: &str) -> Self {
        let href = format!("{org_url}/api/v1/policies/{}", policy.id);
        Self {
            id: policy.id.to_string(),
            status: Status::Active.as_str(),
            name: policy.name.clone(),
            description: policy.description.clone(),
            priority: 1,
            system: true,
            conditions: Value::Null,
            created: policy.created.to_string(),
            last_updated: policy.last_updated.to_string(),
            links: json!({
                "self": link(&href, &["GET", "PUT"]),
                "rules": link(&format!("{href}/rules"), &["GET", "POST"]),
            }),
            policy_type: ENTITY_RISK,
            embedded: None,
        }
    }

    /// The policy with its rules inside.
    pub fn with_rules(self, rules: &[EntityRiskRuleBody]) -> Self {
        Self {
            embedded: Some(json!({"rules": rules})),
            ..self
        }
    }
}

/// A rule of the entity risk policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntityRiskPolicyRule)]
pub struct EntityRiskRuleBody {
    /// `rul…`
    #[schema(read_only)]
    id: String,
    /// `ACTIVE` or `INACTIVE`
    status: &'static str,
    /// Unique within the policy, at most 255 characters.
    name: String,
    /// 1 is asked first; those behind it move down. The catch-all rule has 99.
    priority: u32,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    /// The catch-all rule: asked last, matches always, does nothing.
    #[schema(read_only)]
    system: bool,
    /// `entityRisk` `{level}`, `people` `{users, groups}`, `riskDetectionTypes` `{include, exclude}`: all
    /// must hold. Users and groups that are included are one list.
    #[schema(value_type = Option<Object>)]
    conditions: Value,
    /// `entityRisk.actions`: `TERMINATE_ALL_SESSIONS`, `RUN_WORKFLOW` with `workflow.id`. Beyond Okta's:
    /// `DEACTIVATE_USER`, and `universalLogout` `{mode: NONE|ALL|SPECIFIED, apps}` of
    /// `TERMINATE_ALL_SESSIONS`. An empty list only logs.
    #[schema(value_type = Object)]
    actions: Value,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
    /// `ENTITY_RISK`
    #[serde(rename = "type")]
    rule_type: &'static str,
}

impl EntityRiskRuleBody {
    /// Writes a rule. `org_url` has no trailing slash.
    pub fn new(rule: &EntityRiskRule, org_url: &str) -> Self {
        let href = format!("{org_url}/api/v1/policies/{}/rules/{}", rule.policy_id, rule.id);
        Self {
            id: rule.id.to_string(),
            status: rule.status.as_str(),
            name: rule.name.clone(),
            priority: rule.priority,
            created: rule.created.to_string(),
            last_updated: rule.last_updated.to_string(),
            system: rule.system,
            conditions: if rule.system {
                Value::Null
            } else {
                conditions(&rule.conditions)
            },
            actions: json!({"entityRisk": {"actions": rule.actions.iter().map(action).collect::<Vec<_>>()}}),
            links: Value::Object(super::shape::links(&href, rule.status, rule.system)),
            rule_type: ENTITY_RISK,
        }
    }
}

fn conditions(asked: &EntityRiskConditions) -> Value {
    let mut body = Map::new();
    let people = [
        asked.included_users.is_empty() && asked.excluded_users.is_empty(),
        asked.included_groups.is_empty() && asked.excluded_groups.is_empty(),
    ];
    if people != [true, true] {
        let people = json!({
            "users": {"include": asked.included_users, "exclude": asked.excluded_users},
            "groups": {"include": asked.included_groups, "exclude": asked.excluded_groups},
        });
        body.insert("people".to_owned(), people);
    }
    let level = asked.level.map_or("ANY", RiskLevel::as_str);
    body.insert("entityRisk".to_owned(), json!({"level": level}));
    let detections = &asked.detections;
    if !(detections.include.is_empty() && detections.exclude.is_empty()) {
        // Typed clients refuse the object unless both are there (okta.md 13, row 33).
        let names = |list: &[Detection]| -> Vec<&str> { list.iter().map(|it| it.as_str()).collect() };
        let both = json!({"include": names(&detections.include), "exclude": names(&detections.exclude)});
        body.insert("riskDetectionTypes".to_owned(), both);
    }
    Value::Object(body)
}

fn action(action: &EntityRiskAction) -> Value {
    match action {
        EntityRiskAction::TerminateAllSessions {
            universal_logout: LogoutSelection::None,
        } => json!({"action": "TERMINATE_ALL_SESSIONS"}),
        EntityRiskAction::TerminateAllSessions {
            universal_logout: LogoutSelection::All,
        } => json!({"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "ALL"}}),
        EntityRiskAction::TerminateAllSessions {
            universal_logout: LogoutSelection::Specified(apps),
        } => json!({"action": "TERMINATE_ALL_SESSIONS", "universalLogout": {"mode": "SPECIFIED", "apps": apps}}),
        // An integer, whatever it came as (okta.md 13, row 32).
        EntityRiskAction::RunWorkflow { workflow } => json!({"action": "RUN_WORKFLOW", "workflow": {"id": workflow}}),
        EntityRiskAction::DeactivateUser => json!({"action": "DEACTIVATE_USER"}),
    }
}

fn link(href: &str, allow: &[&str]) -> Value {
    json!({"href": href, "hints": {"allow": allow}})
}
