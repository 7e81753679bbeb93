//! The answer of a simulation of policies, as Okta has it; `decision`, `mode`, `blockedBy`, and what a condition asked
//! and got, are ours.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::response::policy_rehearsal::{AskedCondition, Match, Rehearsal, RehearsedPolicy, RehearsedRule};
use watchfire_model::object::RuleMode;

use super::read::Expand;

/// What was found of one type of policies.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SimulatePolicyEvaluations)]
pub(super) struct SimulatePolicyBody {
    /// `MATCH`; `NOT_MATCH`; `UNDEFINED` where another rule might come first.
    status: &'static str,
    /// `["OKTA_SIGN_ON"]`, without the list in the answer to one object.
    #[schema(value_type = Vec<String>)]
    policy_type: Value,
    /// The policy and the rule that would decide.
    result: PoliciesBody,
    /// Those that would come before them or instead, depending on what was left open.
    undefined: PoliciesBody,
    /// With `expand=EVALUATED`: everything that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluated: Option<PoliciesBody>,
    /// The blocklist zone that would refuse the sign-in before any policy is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_by: Option<ZoneBody>,
}

/// A zone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulateBlockingZone)]
struct ZoneBody {
    id: String,
    name: String,
}

/// Policies.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = SimulatePolicyResult)]
struct PoliciesBody {
    policies: Vec<PolicyBody>,
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulateResultPoliciesItems)]
struct PolicyBody {
    id: String,
    name: String,
    /// `MATCH`, `NOT_MATCH` or `UNDEFINED`.
    status: &'static str,
    /// With `expand=RULE`: for whom it is.
    conditions: Vec<ConditionBody>,
    rules: Vec<RuleBody>,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulateResultRules)]
struct RuleBody {
    id: String,
    name: String,
    /// `MATCH`, `NOT_MATCH` or `UNDEFINED`.
    status: &'static str,
    /// With `expand=RULE`: each of them.
    conditions: Vec<ConditionBody>,
    /// Of a rule that matches: `ALLOW`, `CHALLENGE` or `DENY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    /// `MONITOR` of a rule that only watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

/// A condition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimulateResultConditions)]
struct ConditionBody {
    /// Its name in the rule.
    #[serde(rename = "type")]
    condition: &'static str,
    /// `MATCH`, `NOT_MATCH` or `UNDEFINED`.
    status: &'static str,
    /// What it asks.
    asks: String,
    /// What the sign-in has.
    got: String,
}

/// The policies of one type, asked about one sign-in; `None` where there are none of this type.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub(super) policy_type: &'static str,
    pub(super) rehearsal: Option<Rehearsal>,
}

impl Evaluation {
    /// Writes it, for a list or for one object.
    pub(super) fn render(&self, expand: Expand, in_list: bool) -> Value {
        let policies = self.rehearsal.as_ref().map_or(&[][..], |it| &it.policies);
        let with = |wanted: Match| {
            let of = |policy: &RehearsedPolicy| {
                let rules = policy.rules.iter().filter(|rule| rule.status == wanted && decides(rule));
                let rules: Vec<RuleBody> = rules.map(|rule| rule_body(rule, expand)).collect();
                (!rules.is_empty()).then(|| policy_body(policy, wanted, rules, expand))
            };
            PoliciesBody {
                policies: policies.iter().filter_map(of).collect(),
            }
        };
        let evaluated = || {
            let rules = |policy: &RehearsedPolicy| policy.rules.iter().map(|rule| rule_body(rule, expand)).collect();
            let of = |policy| policy_body(policy, policy.status, rules(policy), expand);
            PoliciesBody {
                policies: policies.iter().map(of).collect(),
            }
        };
        let (result, undefined) = (with(Match::Match), with(Match::Undefined));
        let status = match (undefined.policies.is_empty(), result.policies.is_empty()) {
            (false, _) => Match::Undefined,
            (true, false) => Match::Match,
            (true, true) => Match::NotMatch,
        };
        let blocked_by = self.rehearsal.as_ref().and_then(|it| it.blocked_by.clone());
        let body = SimulatePolicyBody {
            status: status.as_str(),
            policy_type: if in_list {
                vec![self.policy_type].into()
            } else {
                self.policy_type.into()
            },
            result,
            undefined,
            evaluated: expand.evaluated.then(evaluated),
            blocked_by: blocked_by.map(|(id, name)| ZoneBody {
                id: id.to_string(),
                name,
            }),
        };
        serde_json::to_value(body).unwrap_or_default()
    }
}

fn decides(rule: &RehearsedRule) -> bool {
    rule.asked.mode == RuleMode::Enforce
}

fn policy_body(policy: &RehearsedPolicy, status: Match, rules: Vec<RuleBody>, expand: Expand) -> PolicyBody {
    PolicyBody {
        id: policy.policy.id.to_string(),
        name: policy.policy.name.clone(),
        status: status.as_str(),
        conditions: conditions(&policy.conditions, expand),
        rules,
    }
}

fn rule_body(rule: &RehearsedRule, expand: Expand) -> RuleBody {
    let is_met = rule.status == Match::Match;
    RuleBody {
        id: rule.asked.id.to_string(),
        name: rule.asked.name.clone(),
        status: rule.status.as_str(),
        conditions: conditions(&rule.conditions, expand),
        decision: rule.asked.decision.filter(|_| is_met).map(|decision| decision.as_str()),
        mode: (!decides(rule)).then(|| rule.asked.mode.as_str()),
    }
}

fn conditions(asked: &[AskedCondition], expand: Expand) -> Vec<ConditionBody> {
    if !expand.conditions {
        return Vec::new();
    }
    let body = |(status, it): &AskedCondition| ConditionBody {
        condition: it.condition,
        status: status.as_str(),
        asks: it.asks.clone(),
        got: it.got.clone(),
    };
    asked.iter().map(body).collect()
}
