//! Sign-on policies and their rules as Okta has them in JSON (okta.md 9.3).

mod read;

pub use read::{parse_policy, parse_rule};

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchfire_model::object::{
    Access, ApplicationCondition, FactorPrompt, NetworkCondition, NetworkConnection, Policy, RiskScoreLevel, Rule,
    RuleConditions, RuleMode, ScoreRange, SignOnAction, Status,
};

/// The only policy type that is kept.
pub const POLICY_TYPE: &str = "OKTA_SIGN_ON";
/// What rules of [`POLICY_TYPE`] call themselves.
pub const RULE_TYPE: &str = "SIGN_ON";

/// A sign-on policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Policy)]
pub struct PolicyBody {
    /// `00p…`
    #[schema(read_only)]
    id: String,
    /// `ACTIVE` or `INACTIVE`
    status: &'static str,
    /// Unique, at most 255 characters.
    name: String,
    description: Option<String>,
    /// 1 is asked first; those behind it move down.
    priority: u32,
    /// Whether the organisation came with it.
    #[schema(read_only)]
    system: bool,
    /// `{"people":{"groups":{"include":["00g…"]}}}`; no groups is everyone.
    #[schema(value_type = Object)]
    conditions: Value,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
    /// `OKTA_SIGN_ON`
    #[serde(rename = "type")]
    policy_type: &'static str,
    /// Its rules, where asked for.
    #[serde(rename = "_embedded", skip_serializing_if = "Option::is_none")]
    #[schema(read_only, value_type = Option<Object>)]
    embedded: Option<EmbeddedRules>,
}

/// The rules inside a policy (`expand=rules`).
#[derive(Debug, Serialize)]
struct EmbeddedRules {
    rules: Vec<RuleBody>,
}

impl PolicyBody {
    /// The policy with its rules inside.
    pub fn with_rules(self, rules: Vec<RuleBody>) -> Self {
        Self {
            embedded: Some(EmbeddedRules { rules }),
            ..self
        }
    }
}

/// A rule of a sign-on policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyRule)]
pub struct RuleBody {
    /// `0pr…`
    #[schema(read_only)]
    id: String,
    /// `ACTIVE` or `INACTIVE`
    status: &'static str,
    /// Unique within the policy, at most 255 characters.
    name: String,
    /// 1 is asked first; those behind it move down.
    priority: u32,
    #[schema(read_only)]
    created: String,
    #[serde(rename = "lastUpdated")]
    #[schema(read_only)]
    last_updated: String,
    /// Whether the policy came with it; it is asked last and matches always.
    #[schema(read_only)]
    system: bool,
    /// `people`, `network`, `authContext`, `risk`, `riskScore`, `identityProvider`, `app`, `device`, `elCondition`: all
    /// must hold. Ours are `riskScore.minScore` and `maxScore`, and `device.known`.
    #[schema(value_type = Object)]
    conditions: Value,
    /// `signon`: whether the sign-in is allowed, needs a factor, and how long its session lives.
    #[schema(value_type = Object)]
    actions: Value,
    #[serde(rename = "_links")]
    #[schema(read_only, value_type = Object)]
    links: Value,
    /// `SIGN_ON`
    #[serde(rename = "type")]
    rule_type: &'static str,
    /// Ours: `MONITOR` writes down what the rule would decide and asks the next one; left out, it decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

/// Writes a policy. `org_url` has no trailing slash.
pub fn render_policy(policy: &Policy, org_url: &str) -> PolicyBody {
    let href = format!("{org_url}/api/v1/policies/{}", policy.id);
    let mut links = links(&href, policy.status, policy.system);
    links.insert("rules".to_owned(), link(&format!("{href}/rules"), &["GET", "POST"]));
    PolicyBody {
        id: policy.id.to_string(),
        status: policy.status.as_str(),
        name: policy.name.clone(),
        description: policy.description.clone(),
        priority: policy.priority,
        system: policy.system,
        conditions: json!({"people": {"groups": {"include": policy.groups}}}),
        created: policy.created.to_string(),
        last_updated: policy.last_updated.to_string(),
        links: Value::Object(links),
        policy_type: POLICY_TYPE,
        embedded: None,
    }
}

/// Writes a rule. `org_url` has no trailing slash.
pub fn render_rule(rule: &Rule, org_url: &str) -> RuleBody {
    let href = format!("{org_url}/api/v1/policies/{}/rules/{}", rule.policy_id, rule.id);
    RuleBody {
        id: rule.id.to_string(),
        status: rule.status.as_str(),
        name: rule.name.clone(),
        priority: rule.priority,
        created: rule.created.to_string(),
        last_updated: rule.last_updated.to_string(),
        system: rule.system,
        conditions: conditions(&rule.conditions),
        actions: json!({"signon": action(&rule.action)}),
        links: Value::Object(links(&href, rule.status, rule.system)),
        rule_type: RULE_TYPE,
        mode: (rule.mode == RuleMode::Monitor).then(|| rule.mode.as_str()),
    }
}

fn conditions(conditions: &RuleConditions) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("people", people(conditions));
    put("network", network(&conditions.network));
    put(
        "authContext",
        json!({"authType": conditions.auth_type.as_deref().unwrap_or("ANY")}),
    );
    // The server adds the empty list of behaviours where a score is asked for.
    if conditions.risk_score.is_some() || !conditions.behaviors.is_empty() {
        put("risk", json!({"behaviors": conditions.behaviors}));
    }
    if let Some(level) = conditions.risk_score {
        put("riskScore", score(level, conditions.score_range));
    }
    if conditions.application != ApplicationCondition::default() {
        put("app", application(&conditions.application));
    }
    if let Some(known) = conditions.device_known {
        put("device", json!({"known": known}));
    }
    if let Some(source) = &conditions.expression {
        put("elCondition", json!({"condition": source}));
    }
    put(
        "identityProvider",
        json!({"provider": conditions.identity_provider.as_deref().unwrap_or("ANY")}),
    );
    Value::Object(body)
}

/// The list that is always there, and those that name somebody.
fn people(conditions: &RuleConditions) -> Value {
    let mut users = Map::new();
    if !conditions.included_users.is_empty() {
        users.insert("include".to_owned(), json!(conditions.included_users));
    }
    users.insert("exclude".to_owned(), json!(conditions.excluded_users));
    let mut groups = Map::new();
    for (name, named) in [
        ("include", &conditions.included_groups),
        ("exclude", &conditions.excluded_groups),
    ] {
        if !named.is_empty() {
            groups.insert(name.to_owned(), json!(named));
        }
    }
    match groups.is_empty() {
        true => json!({"users": users}),
        false => json!({"users": users, "groups": groups}),
    }
}

fn score(level: RiskScoreLevel, range: ScoreRange) -> Value {
    let mut body = Map::new();
    body.insert("level".to_owned(), level.as_str().into());
    for (name, bound) in [("minScore", range.least), ("maxScore", range.most)] {
        if let Some(bound) = bound {
            body.insert(name.to_owned(), bound.into());
        }
    }
    Value::Object(body)
}

fn application(condition: &ApplicationCondition) -> Value {
    let apps = |names: &[String]| -> Vec<Value> { names.iter().map(|name| json!({"type": "APP", "id": name})).collect() };
    json!({"include": apps(&condition.include), "exclude": apps(&condition.exclude)})
}

fn network(network: &NetworkCondition) -> Value {
    let connection = match network.connection {
        NetworkConnection::Anywhere => "ANYWHERE",
        NetworkConnection::Zone => "ZONE",
    };
    let mut body = Map::new();
    body.insert("connection".to_owned(), connection.into());
    for (name, zones) in [("include", &network.include), ("exclude", &network.exclude)] {
        if !zones.is_empty() {
            body.insert(name.to_owned(), json!(zones));
        }
    }
    Value::Object(body)
}

fn action(action: &SignOnAction) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put(
        "access",
        match action.access {
            Access::Allow => "ALLOW".into(),
            Access::Deny => "DENY".into(),
        },
    );
    put("requireFactor", action.require_factor.into());
    put("primaryFactor", action.primary_factor.clone().into());
    put(
        "factorPromptMode",
        match action.factor_prompt_mode {
            FactorPrompt::Always => "ALWAYS".into(),
            FactorPrompt::Device => "DEVICE".into(),
            FactorPrompt::Session => "SESSION".into(),
        },
    );
    if let Some(minutes) = action.factor_lifetime {
        put("factorLifetime", minutes.into());
    }
    put("rememberDeviceByDefault", action.remember_device_by_default.into());
    put(
        "session",
        json!({
            "usePersistentCookie": action.session.use_persistent_cookie,
            "maxSessionIdleMinutes": action.session.max_session_idle_minutes,
            "maxSessionLifetimeMinutes": action.session.max_session_lifetime_minutes,
        }),
    );
    Value::Object(body)
}

/// What can be done with an object: system ones stay and stay active.
pub(super) fn links(href: &str, status: Status, system: bool) -> Map<String, Value> {
    let mut links = Map::new();
    if system {
        links.insert("self".to_owned(), link(href, &["GET", "PUT"]));
        return links;
    }
    links.insert("self".to_owned(), link(href, &["GET", "PUT", "DELETE"]));
    let lifecycle = match status {
        Status::Active => "deactivate",
        Status::Inactive => "activate",
    };
    links.insert(
        lifecycle.to_owned(),
        link(&format!("{href}/lifecycle/{lifecycle}"), &["POST"]),
    );
    links
}

fn link(href: &str, allow: &[&str]) -> Value {
    json!({"href": href, "hints": {"allow": allow}})
}

#[cfg(test)]
mod tests;
