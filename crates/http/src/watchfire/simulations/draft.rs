//! Reads what a simulation is asked for. Policies, rules and zones are read by what reads them for good.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{
    Error,
    insight::simulations::{Changes, Draft, Drafted, Micro, NewSimulation, ProviderChange, SimulationLimits, within},
};
use watchfire_model::{object::ProviderAction, signal::RiskLevel};

use crate::okta::{
    members::{Faults, Members},
    policies::shape::{parse_policy, parse_rule},
    zones::shape,
};

/// Changed sign-ins and users that are told, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 50;
const INVALID: &str = "Invalid value";

/// A simulation that is asked for.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct SimulationRequest {
    /// Sign-ins of then or later; the first that is kept, when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Sign-ins before that; now, when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// `RECORDED`: by the policies of their time. `CURRENT`: by those of now, which is always so with drafted
    /// policies, rules or zones.
    base: Option<String>,
    /// What is to be other; nothing, when absent.
    draft: Option<SimulationDraft>,
    /// Changed sign-ins and users that are told, at most `simulation-examples`.
    #[schema(minimum = 1, default = 50)]
    limit: Option<u32>,
}

/// What is to be other.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
struct SimulationDraft {
    /// Policies as of `POST /api/v1/policies`; with the `id` of one that there is, it is replaced. Another `id`
    /// is a name for `policyId` of the draft's rules.
    #[schema(value_type = Vec<Object>)]
    policies: Option<Vec<Value>>,
    /// Rules as of `POST /api/v1/policies/{policyId}/rules`, with `policyId`; without it they belong to the
    /// default policy. With the `id` of one that there is, it is replaced.
    #[schema(value_type = Vec<Object>)]
    rules: Option<Vec<Value>>,
    /// Zones as of `POST /api/v1/zones`; with the `id` of one that there is, it is replaced. Another `id` is a
    /// name for the draft's rules.
    #[schema(value_type = Vec<Object>)]
    zones: Option<Vec<Value>>,
    /// `{"medium": 40, "high": 70}`, each from 1 to 100.
    #[schema(value_type = Option<Object>)]
    thresholds: Option<Value>,
    /// `{"level": "HIGH", "minEvents": 3}`
    #[schema(value_type = Option<Object>)]
    cold_start: Option<Value>,
    /// By the ids of risk providers: `{"trust": 0.4, "action": "log_only"}`.
    #[schema(value_type = Option<Object>)]
    providers: Option<Value>,
}

/// Reads it.
///
/// # Errors
/// [`Error::Malformed`] for no object, [`Error::Invalid`] with every fault of a kind otherwise.
pub(super) fn read(body: &Value, limits: &SimulationLimits) -> Result<NewSimulation, Error> {
    let members = Members::of(body)?;
    let faults = &mut Faults::default();
    // A draft of which something is overlooked would promise what does not come.
    members.known(&["since", "until", "base", "draft", "limit"], faults);
    let draft = members.child("draft", faults);
    let known_drafts = ["policies", "rules", "zones", "thresholds", "coldStart", "providers"];
    draft.known(&known_drafts, faults);
    let asked = NewSimulation {
        since: members.instant("since", faults),
        until: members.instant("until", faults),
        current: members
            .choice("base", &[("RECORDED", false), ("CURRENT", true)], faults)
            .unwrap_or(false),
        draft: Draft::default(),
        changes: changes(&draft, faults),
        limit: told(&members, limits, faults),
    };
    let (zones, policies, rules) = (
        list(&draft, "zones", limits.drafts, faults),
        list(&draft, "policies", limits.drafts, faults),
        list(&draft, "rules", limits.drafts, faults),
    );
    check_ids([("zones", zones), ("policies", policies), ("rules", rules)], faults);
    let has_policies = !(zones.is_empty() && policies.is_empty() && rules.is_empty());
    if has_policies && members.value("base").and_then(Value::as_str) == Some("RECORDED") {
        faults.add("base", "Policies can be drafted only over those of now: CURRENT");
    }
    let asked = std::mem::take(faults).or(asked)?;
    let policy_of = |rule: &Value| text(rule, "policyId").map(str::to_owned);
    Ok(NewSimulation {
        draft: Draft {
            zones: drafted("zones", zones, shape::parse)?,
            policies: drafted("policies", policies, parse_policy)?,
            rules: rules
                .iter()
                .map(policy_of)
                .zip(drafted("rules", rules, parse_rule)?)
                .collect(),
        },
        ..asked
    })
}

fn told(members: &Members<'_>, limits: &SimulationLimits, faults: &mut Faults) -> usize {
    let most = u32::try_from(limits.examples).unwrap_or(u32::MAX);
    let told = members.integer("limit", 1..=most, faults).unwrap_or(DEFAULT_LIMIT.min(most));
    usize::try_from(told).unwrap_or(0)
}

fn list<'v>(draft: &Members<'v>, name: &str, most: usize, faults: &mut Faults) -> &'v [Value] {
    let Some(value) = draft.value(name) else { return &[] };
    match value.as_array() {
        Some(items) if items.len() <= most => items,
        Some(_) => {
            faults.add(draft.path_of(name), format!("At most {most} can be drafted"));
            &[]
        }
        None => {
            faults.add(draft.path_of(name), INVALID);
            &[]
        }
    }
}

/// A draft is found by its id, and a rule belongs to the policy of its `policyId`: one of another type would be as
/// if it was not there, and of two drafts with one id only the last would count.
fn check_ids(lists: [(&str, &[Value]); 3], faults: &mut Faults) {
    let mut known = BTreeSet::new();
    for (list, items) in lists {
        for (at, item) in items.iter().enumerate() {
            for name in ["id", "policyId"] {
                let is_there = item.get(name).is_some_and(|value| !value.is_null());
                if is_there && text(item, name).is_none() {
                    faults.add(format!("draft.{list}[{at}].{name}"), INVALID);
                }
            }
            if text(item, "id").is_some_and(|id| !known.insert(id)) {
                faults.add(format!("draft.{list}[{at}].id"), "Another draft has this id");
            }
        }
    }
}

fn text<'v>(item: &'v Value, name: &str) -> Option<&'v str> {
    item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn drafted<T>(name: &str, items: &[Value], read: impl Fn(&Value) -> Result<T, Error>) -> Result<Vec<Drafted<T>>, Error> {
    let read = |(at, item): (usize, &Value)| {
        let draft = read(item).map_err(|error| within(&format!("draft.{name}[{at}]"), error))?;
        let id = text(item, "id").map(str::to_owned);
        Ok(Drafted { id, draft })
    };
    items.iter().enumerate().map(read).collect()
}

fn changes(draft: &Members<'_>, faults: &mut Faults) -> Changes {
    let thresholds = draft.child("thresholds", faults);
    thresholds.known(&["medium", "high"], faults);
    let cold_start = draft.child("coldStart", faults);
    cold_start.known(&["level", "minEvents"], faults);
    let small = |members: &Members<'_>, name: &str, range, faults: &mut Faults| {
        let number = members.integer(name, range, faults)?;
        u8::try_from(number).ok()
    };
    let (medium, high) = (
        small(&thresholds, "medium", 1..=100, faults),
        small(&thresholds, "high", 1..=100, faults),
    );
    if medium.zip(high).is_some_and(|(medium, high)| medium > high) {
        faults.add("draft.thresholds.high", "It must not be below medium");
    }
    let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High].map(|level| (level.as_str(), level));
    Changes {
        medium,
        high,
        cold_start_level: cold_start.choice("level", &levels, faults),
        cold_start_min_events: small(&cold_start, "minEvents", 0..=255, faults),
        providers: providers(&draft.child("providers", faults), faults),
    }
}

fn providers(providers: &Members<'_>, faults: &mut Faults) -> BTreeMap<String, ProviderChange> {
    let mut changes = BTreeMap::new();
    for id in providers.names() {
        let provider = providers.child(id, faults);
        provider.known(&["trust", "action"], faults);
        let actions = [ProviderAction::None, ProviderAction::LogOnly, ProviderAction::EnforceAndLog];
        let change = ProviderChange {
            trust: trust(&provider, faults),
            action: provider.choice("action", &actions.map(|action| (action.as_str(), action)), faults),
        };
        changes.insert(id.to_owned(), change);
    }
    changes
}

fn trust(provider: &Members<'_>, faults: &mut Faults) -> Option<Micro> {
    let value = provider.value("trust")?;
    let trust = value.as_f64().filter(|trust| (0.0..=1.0).contains(trust));
    if trust.is_none() {
        faults.add(provider.path_of("trust"), "It must be a number from 0 to 1");
    }
    trust.map(Micro::from_real)
}
