//! Sign-on policies: which rule a sign-in meets, and why (okta.md 9.3).
//!
//! The active policies whose groups include the user are asked in order, each by its active rules in
//! order; the first rule whose conditions all hold decides. A policy without such a rule leaves it to
//! the next one, and the default rule comes last. No rule at all is a denial: nothing is allowed by
//! omission.

pub mod priority;

use std::net::IpAddr;

use serde::Serialize;
use watchfire_model::{
    id::{GroupId, PolicyId, RuleId, UserId, ZoneId},
    object::{Access, NetworkCondition, NetworkConnection, Policy, Rule, SignOnAction, Status, Zone, ZoneUsage},
};

use crate::{assessment::Assessment, model::siphash_of};

/// In `include` and `exclude` of a network condition: every zone.
pub const ALL_ZONES: &str = "ALL_ZONES";

/// What there is to decide with. In any order.
#[derive(Clone, Debug, Default)]
pub struct PolicySet<'a> {
    /// Every policy.
    pub policies: Vec<&'a Policy>,
    /// The rules of all of them.
    pub rules: Vec<&'a Rule>,
    /// Every zone.
    pub zones: Vec<&'a Zone>,
}

impl PolicySet<'_> {
    /// A fingerprint of everything that can be asked: it changes with every change of a policy, a rule or
    /// a zone, and with nothing else.
    pub fn revision(&self) -> String {
        let policies = self
            .policies
            .iter()
            .map(|it| (it.id.as_str(), it.last_updated, it.status, it.priority));
        let rules = self
            .rules
            .iter()
            .map(|it| (it.id.as_str(), it.last_updated, it.status, it.priority));
        let zones = self.zones.iter().map(|it| (it.id.as_str(), it.last_updated, it.status, 0));
        let mut parts: Vec<String> = policies
            .chain(rules)
            .chain(zones)
            .map(|(id, at, status, priority)| format!("{id} {} {} {priority};", at.as_micros(), status.as_str()))
            .collect();
        parts.sort_unstable();
        format!("{:016x}", siphash_of(&[parts.concat().as_bytes()]))
    }
}

/// What policies may ask of a sign-in.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    /// Who.
    pub user: &'a UserId,
    /// The groups it is in.
    pub groups: &'a [GroupId],
    /// From which address.
    pub ip: IpAddr,
    /// How risky it is.
    pub assessment: &'a Assessment,
}

/// Whether a sign-in goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    /// It does.
    Allow,
    /// After a second factor.
    Challenge,
    /// It ends here.
    Deny,
}

impl Decision {
    /// The outcome of `policy.evaluate_sign_on` (okta.md 8.6).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Challenge => "CHALLENGE",
            Self::Deny => "DENY",
        }
    }

    fn of(action: &SignOnAction) -> Self {
        match (action.access, action.require_factor) {
            (Access::Deny, _) => Self::Deny,
            // Devices are not remembered and every sign-in starts a session, so each prompt mode asks now.
            (Access::Allow, true) => Self::Challenge,
            (Access::Allow, false) => Self::Allow,
        }
    }
}

/// The decision on a sign-in, with everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// What happens.
    pub decision: Decision,
    /// The policy of the rule that matched; `None` when none did.
    pub policy: Option<Matched<PolicyId>>,
    /// The rule that matched; `None` when none did.
    pub rule: Option<Matched<RuleId>>,
    /// What that rule does.
    #[serde(skip)]
    pub action: Option<SignOnAction>,
    /// The rules that were asked, in order; the last one is the one that matched, if any did.
    pub explanation: Vec<RuleExplanation>,
}

/// Something that matched, as it was called then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matched<Id> {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// What one rule asked and got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// The rule.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// Whether all its conditions held.
    pub matched: bool,
    /// Each of them.
    pub conditions: Vec<ConditionResult>,
}

/// What one condition asked and got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionResult {
    /// Its name in the rule object.
    pub condition: &'static str,
    /// What it asks.
    pub asks: String,
    /// What the sign-in has.
    pub got: String,
    /// Whether it holds.
    pub result: bool,
}

/// Decides on a sign-in.
pub fn evaluate(set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> Evaluation {
    let mut explanation = Vec::new();
    for policy in policies_for(set, sign_in) {
        for rule in active_rules(set, policy) {
            let asked = ask(rule, set, sign_in);
            let matched = asked.matched;
            explanation.push(asked);
            if matched {
                return Evaluation {
                    decision: Decision::of(&rule.action),
                    policy: Some(Matched {
                        id: policy.id.clone(),
                        name: policy.name.clone(),
                    }),
                    rule: Some(Matched {
                        id: rule.id.clone(),
                        name: rule.name.clone(),
                    }),
                    action: Some(rule.action.clone()),
                    explanation,
                };
            }
        }
    }
    Evaluation {
        decision: Decision::Deny,
        policy: None,
        rule: None,
        action: None,
        explanation,
    }
}

/// The zone, if any, whose addresses are refused before authentication and that `ip` is in
/// (okta.md 10.2).
pub fn blocking_zone<'z>(zones: impl IntoIterator<Item = &'z Zone>, ip: IpAddr) -> Option<&'z Zone> {
    let ip = ip.to_canonical();
    zones.into_iter().find(|z| z.usage == ZoneUsage::Blocklist && z.contains(ip))
}

fn policies_for<'a>(set: &PolicySet<'a>, sign_in: &SignIn<'_>) -> Vec<&'a Policy> {
    let is_for_the_user = |p: &Policy| p.groups.is_empty() || p.groups.iter().any(|g| sign_in.groups.contains(g));
    let mut policies: Vec<&Policy> = set
        .policies
        .iter()
        .copied()
        .filter(|p| p.status == Status::Active && is_for_the_user(p))
        .collect();
    policies.sort_by_key(|p| (p.priority, p.system, &p.id));
    policies
}

fn active_rules<'a>(set: &PolicySet<'a>, policy: &Policy) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> = set
        .rules
        .iter()
        .copied()
        .filter(|r| r.policy_id == policy.id && r.status == Status::Active)
        .collect();
    rules.sort_by_key(|r| (r.priority, r.system, &r.id));
    rules
}

fn ask(rule: &Rule, set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> RuleExplanation {
    let conditions = vec![
        people(rule, sign_in),
        network(&rule.conditions.network, set, sign_in),
        auth_context(rule),
        identity_provider(rule),
        risk(rule, sign_in),
        risk_score(rule, sign_in),
    ];
    RuleExplanation {
        id: rule.id.clone(),
        name: rule.name.clone(),
        matched: conditions.iter().all(|c| c.result),
        conditions,
    }
}

fn people(rule: &Rule, sign_in: &SignIn<'_>) -> ConditionResult {
    let excluded = &rule.conditions.excluded_users;
    ConditionResult {
        condition: "people",
        asks: if excluded.is_empty() {
            "everyone".to_owned()
        } else {
            format!("not {}", listed(excluded.iter().map(UserId::as_str)))
        },
        got: sign_in.user.to_string(),
        result: !excluded.contains(sign_in.user),
    }
}

fn network(asked: &NetworkCondition, set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> ConditionResult {
    let ip = sign_in.ip.to_canonical();
    let inside: Vec<&Zone> = set.zones.iter().copied().filter(|z| z.contains(ip)).collect();
    let names = |zones: &[String]| {
        let is_named = |zone: &&Zone| zones.iter().any(|id| id == ALL_ZONES || id == zone.id.as_str());
        inside.iter().any(is_named)
    };
    let (asks, result) = match asked.connection {
        NetworkConnection::Anywhere => ("ANYWHERE".to_owned(), true),
        NetworkConnection::Zone => {
            let asks = format!(
                "in {}, not in {}",
                listed(asked.include.iter().map(String::as_str)),
                listed(asked.exclude.iter().map(String::as_str))
            );
            // Zones asked for but none named: no address is in none of them.
            let asks_something = !(asked.include.is_empty() && asked.exclude.is_empty());
            let included = asked.include.is_empty() || names(&asked.include);
            (asks, asks_something && included && !names(&asked.exclude))
        }
    };
    ConditionResult {
        condition: "network",
        asks,
        got: format!("{ip} in {}", listed(inside.iter().map(|z| ZoneId::as_str(&z.id)))),
        result,
    }
}

/// Sign-ins come over HTTP, never through RADIUS or LDAP.
fn auth_context(rule: &Rule) -> ConditionResult {
    let asks = rule.conditions.auth_type.as_deref().unwrap_or("ANY");
    ConditionResult {
        condition: "authContext",
        asks: asks.to_owned(),
        got: "HTTP".to_owned(),
        result: asks == "ANY",
    }
}

/// Passwords are ours; there is no other identity provider.
fn identity_provider(rule: &Rule) -> ConditionResult {
    let asks = rule.conditions.identity_provider.as_deref().unwrap_or("ANY");
    ConditionResult {
        condition: "identityProvider",
        asks: asks.to_owned(),
        got: "OKTA".to_owned(),
        result: matches!(asks, "ANY" | "OKTA"),
    }
}

fn risk(rule: &Rule, sign_in: &SignIn<'_>) -> ConditionResult {
    let asked = &rule.conditions.behaviors;
    let results = asked.iter().map(|name| (name, sign_in.assessment.behavior(name)));
    let got: Vec<String> = results
        .clone()
        .map(|(name, got)| format!("{name}={}", got.as_str()))
        .collect();
    ConditionResult {
        condition: "risk",
        asks: listed(asked.iter().map(String::as_str)),
        got: listed(got.iter().map(String::as_str)),
        result: asked.is_empty() || results.clone().any(|(_, got)| got.matches_a_condition()),
    }
}

fn risk_score(rule: &Rule, sign_in: &SignIn<'_>) -> ConditionResult {
    let level = sign_in.assessment.level;
    let asked = rule.conditions.risk_score;
    ConditionResult {
        condition: "riskScore",
        asks: asked.map_or("ANY", |a| a.as_str()).to_owned(),
        got: level.as_str().to_owned(),
        result: asked.is_none_or(|a| a.matches(level)),
    }
}

fn listed<'t>(names: impl Iterator<Item = &'t str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests;
