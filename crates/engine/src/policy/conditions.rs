//! The conditions of a rule, each with what it asks and what it got.

use watchfire_model::{
    id::{GroupId, UserId, ZoneId},
    object::{BehaviorRule, NetworkCondition, NetworkConnection, Policy, RiskScoreLevel, Rule, ScoreRange, Status, Zone, fold},
    signal::RiskLevel,
};

use super::{
    ALL_ZONES, ConditionResult, Decision, PolicySet, RuleExplanation,
    expression::{self, Facts, Steps},
    scenario::{Scenario, Whereabouts},
};
use crate::{
    assessment::{Assessment, BehaviorResult},
    zone::Membership,
};

/// What a condition asked and got, and whether that depends on something that was left open.
pub(super) struct Answered {
    pub(super) result: ConditionResult,
    pub(super) is_open: bool,
}

/// Asks a rule everything that it asks. Its expression takes its steps out of those that are `left`.
pub(super) fn answers(rule: &Rule, set: &PolicySet<'_>, scenario: &Scenario<'_>, left: &mut Steps) -> Vec<Answered> {
    let lets_pass = Decision::of(&rule.action) == Decision::Allow;
    let always = [
        people(rule, scenario),
        network(&rule.conditions.network, set, scenario),
        auth_context(rule),
        identity_provider(rule),
        risk(rule, set, scenario),
        risk_score(rule, scenario),
    ];
    let if_asked = [
        application(rule, scenario),
        device(rule, scenario),
        expression(rule, scenario, left),
    ];
    let answers = always.into_iter().chain(if_asked.into_iter().flatten());
    answers.map(|answer| answer.explain(lets_pass)).collect()
}

/// What a rule makes of the answers.
pub(super) fn explain(rule: &Rule, answers: Vec<Answered>) -> RuleExplanation {
    let conditions: Vec<ConditionResult> = answers.into_iter().map(|answered| answered.result).collect();
    let matched = conditions.iter().all(|c| c.result);
    RuleExplanation {
        id: rule.id.clone(),
        name: rule.name.clone(),
        matched,
        mode: rule.mode,
        decision: matched.then(|| decision(rule, &conditions)),
        conditions,
    }
}

/// What a rule that matched decides. A denial that rests on something that nobody knows is a challenge: else
/// a data set that is missing would lock everybody out.
fn decision(rule: &Rule, conditions: &[ConditionResult]) -> Decision {
    match Decision::of(&rule.action) {
        Decision::Deny if conditions.iter().any(|condition| condition.unknown) => Decision::Challenge,
        decision => decision,
    }
}

/// What a condition asked and got, before it is known what the rule would do.
struct Answer {
    condition: &'static str,
    asks: String,
    got: String,
    holds: Holds,
}

#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Told(bool),
    /// Nobody knows.
    Unknown,
    /// Whoever imagines the sign-in has not said.
    Open,
}

impl Answer {
    /// Nobody gets in because something is not known.
    fn explain(self, lets_pass: bool) -> Answered {
        let result = match self.holds {
            Holds::Told(holds) => holds,
            Holds::Unknown | Holds::Open => !lets_pass,
        };
        Answered {
            result: ConditionResult {
                condition: self.condition,
                asks: self.asks,
                got: self.got,
                result,
                unknown: self.holds == Holds::Unknown,
            },
            is_open: self.holds == Holds::Open,
        }
    }
}

/// What somebody has, or that it was left open.
fn given(what: Option<String>) -> String {
    what.unwrap_or_else(|| "not given".to_owned())
}

/// For whom a policy is.
pub(super) fn policy_people(policy: &Policy, scenario: &Scenario<'_>) -> Answered {
    let is_in = policy.groups.is_empty() || policy.groups.iter().any(|group| scenario.groups.contains(group));
    let named = listed(policy.groups.iter().map(GroupId::as_str));
    let answer = Answer {
        condition: "people",
        asks: if policy.groups.is_empty() {
            "everyone".to_owned()
        } else {
            named
        },
        got: listed(scenario.groups.iter().map(GroupId::as_str)),
        holds: Holds::Told(is_in),
    };
    answer.explain(false)
}

fn people(rule: &Rule, scenario: &Scenario<'_>) -> Answer {
    let asked = &rule.conditions;
    let is_one = |users: &[UserId]| scenario.user.is_some_and(|user| users.contains(user));
    let is_in = |groups: &[GroupId]| groups.iter().any(|group| scenario.groups.contains(group));
    // Of somebody of whom only the groups are known, it is open whether a list of users names them.
    let may_be = |users: &[UserId]| scenario.user.is_none() && !users.is_empty();
    let asks_for_some = !(asked.included_users.is_empty() && asked.included_groups.is_empty());
    let included = !asks_for_some || is_one(&asked.included_users) || is_in(&asked.included_groups);
    let excluded = is_one(&asked.excluded_users) || is_in(&asked.excluded_groups);
    let may_be_included = included || may_be(&asked.included_users);
    let may_be_excluded = excluded || may_be(&asked.excluded_users);
    let holds = match (included && !may_be_excluded, may_be_included && !excluded) {
        (true, _) => Holds::Told(true),
        (false, true) => Holds::Open,
        (false, false) => Holds::Told(false),
    };
    let named = |users: &[UserId], groups: &[GroupId]| {
        let users = users.iter().map(UserId::as_str);
        listed(users.chain(groups.iter().map(GroupId::as_str)))
    };
    let mut asks = "everyone".to_owned();
    if asks_for_some {
        asks = named(&asked.included_users, &asked.included_groups);
    }
    if !(asked.excluded_users.is_empty() && asked.excluded_groups.is_empty()) {
        asks = format!("{asks}, not {}", named(&asked.excluded_users, &asked.excluded_groups));
    }
    Answer {
        condition: "people",
        asks,
        got: given(scenario.user.map(UserId::to_string)),
        holds,
    }
}

fn network(asked: &NetworkCondition, set: &PolicySet<'_>, scenario: &Scenario<'_>) -> Answer {
    let zones: Vec<(&Zone, Membership)> = set
        .zones
        .iter()
        .filter_map(|zone| Some((*zone, scenario.membership(zone)?)))
        .collect();
    let within = |named: &[String]| {
        let is_named = |zone: &Zone| named.iter().any(|id| id == ALL_ZONES || id == zone.id.as_str());
        let members = zones.iter().filter(|(zone, _)| is_named(zone));
        members.fold(Membership::Outside, |so_far, (_, member)| so_far.or(*member))
    };
    let (asks, holds) = match asked.connection {
        NetworkConnection::Anywhere => ("ANYWHERE".to_owned(), Membership::Inside),
        NetworkConnection::Zone => {
            let asks = format!(
                "in {}, not in {}",
                listed(asked.include.iter().map(String::as_str)),
                listed(asked.exclude.iter().map(String::as_str))
            );
            let included = match (asked.include.is_empty(), asked.exclude.is_empty()) {
                // Zones asked for but none named: no address is in none of them.
                (true, true) => Membership::Outside,
                (true, false) => Membership::Inside,
                (false, _) => within(&asked.include),
            };
            (asks, included.and(within(&asked.exclude).not()))
        }
    };
    let called = |wanted: Membership| {
        let zones = zones.iter().filter(move |(_, member)| *member == wanted);
        zones.map(|(zone, _)| ZoneId::as_str(&zone.id))
    };
    let mut got = match scenario.whereabouts {
        Whereabouts::Address { ip, .. } => format!("{ip} in {}", listed(called(Membership::Inside))),
        Whereabouts::Zones(_) => format!("in {}", listed(called(Membership::Inside))),
        Whereabouts::Open => given(None),
    };
    if called(Membership::Unknown).next().is_some() {
        got = format!("{got}, perhaps in {}", listed(called(Membership::Unknown)));
    }
    Answer {
        condition: "network",
        asks,
        got,
        holds: match (scenario.whereabouts, asked.connection, holds) {
            (Whereabouts::Open, NetworkConnection::Zone, _) => Holds::Open,
            (_, _, Membership::Inside) => Holds::Told(true),
            (_, _, Membership::Outside) => Holds::Told(false),
            (_, _, Membership::Unknown) => Holds::Unknown,
        },
    }
}

/// Sign-ins come over HTTP, never through RADIUS or LDAP.
fn auth_context(rule: &Rule) -> Answer {
    let asks = rule.conditions.auth_type.as_deref().unwrap_or("ANY");
    Answer {
        condition: "authContext",
        asks: asks.to_owned(),
        got: "HTTP".to_owned(),
        holds: Holds::Told(asks == "ANY"),
    }
}

/// Passwords are ours; there is no other identity provider.
fn identity_provider(rule: &Rule) -> Answer {
    let asks = rule.conditions.identity_provider.as_deref().unwrap_or("ANY");
    Answer {
        condition: "identityProvider",
        asks: asks.to_owned(),
        got: "OKTA".to_owned(),
        holds: Holds::Told(matches!(asks, "ANY" | "OKTA")),
    }
}

fn risk(rule: &Rule, set: &PolicySet<'_>, scenario: &Scenario<'_>) -> Answer {
    let asked = &rule.conditions.behaviors;
    let Some(assessment) = scenario.behaviors else {
        return Answer {
            condition: "risk",
            asks: listed(asked.iter().map(String::as_str)),
            got: given(None),
            holds: if asked.is_empty() { Holds::Told(true) } else { Holds::Open },
        };
    };
    let results: Vec<(&str, Option<BehaviorResult>)> = asked.iter().map(|called| compare(called, set, assessment)).collect();
    let got: Vec<String> = results
        .iter()
        .map(|(name, got)| format!("{name}={}", got.map_or("INACTIVE", BehaviorResult::as_str)))
        .collect();
    Answer {
        condition: "risk",
        asks: listed(results.iter().map(|(name, _)| *name)),
        got: listed(got.iter().map(String::as_str)),
        holds: Holds::Told(
            asked.is_empty()
                || results
                    .iter()
                    .any(|(_, got)| got.is_some_and(BehaviorResult::matches_a_condition)),
        ),
    }
}

/// The name and the result of a behaviour that a rule calls by its id; old rules call it by its name.
/// `None` where it is switched off.
fn compare<'a>(called: &'a str, set: &PolicySet<'a>, assessment: &Assessment) -> (&'a str, Option<BehaviorResult>) {
    let is_called = |rule: &&&BehaviorRule| rule.id.as_str() == called || fold(&rule.name) == fold(called);
    match set.behaviors.iter().find(is_called) {
        Some(rule) if rule.status == Status::Inactive => (&rule.name, None),
        Some(rule) => (&rule.name, Some(assessment.behavior_of(rule))),
        None => (called, Some(assessment.behavior(called))),
    }
}

fn risk_score(rule: &Rule, scenario: &Scenario<'_>) -> Answer {
    let (asked, range) = (rule.conditions.risk_score, rule.conditions.score_range);
    let mut asks = asked.map_or("ANY", |a| a.as_str()).to_owned();
    if range != ScoreRange::default() {
        asks = format!("{asks}, {} to {}", range.least.unwrap_or(0), range.most.unwrap_or(100));
    }
    let of_level = match asked {
        None | Some(RiskScoreLevel::Any) => Some(true),
        Some(asked) => scenario.level.map(|level| asked.matches(level)),
    };
    let of_score = if range == ScoreRange::default() {
        Some(true)
    } else {
        scenario.score.map(|score| range.contains(score))
    };
    Answer {
        condition: "riskScore",
        asks,
        got: format!(
            "{}, {}",
            given(scenario.level.map(|level| level.as_str().to_owned())),
            given(scenario.score.map(|score| score.to_string()))
        ),
        holds: match (of_level, of_score) {
            (Some(false), _) | (_, Some(false)) => Holds::Told(false),
            (Some(true), Some(true)) => Holds::Told(true),
            (None, _) | (_, None) => Holds::Open,
        },
    }
}

fn application(rule: &Rule, scenario: &Scenario<'_>) -> Option<Answer> {
    let asked = &rule.conditions.application;
    if asked.include.is_empty() && asked.exclude.is_empty() {
        return None;
    }
    let is_in = |names: &[String]| scenario.application.is_some_and(|it| names.iter().any(|name| name == it));
    Some(Answer {
        condition: "app",
        asks: format!(
            "{}, not {}",
            listed(asked.include.iter().map(String::as_str)),
            listed(asked.exclude.iter().map(String::as_str))
        ),
        got: scenario.application.unwrap_or("none").to_owned(),
        holds: Holds::Told((asked.include.is_empty() || is_in(&asked.include)) && !is_in(&asked.exclude)),
    })
}

fn device(rule: &Rule, scenario: &Scenario<'_>) -> Option<Answer> {
    let must_be_known = rule.conditions.device_known?;
    let word = |known: bool| if known { "known" } else { "not known" }.to_owned();
    Some(Answer {
        condition: "device",
        asks: word(must_be_known),
        got: given(scenario.device_known.map(word)),
        holds: scenario
            .device_known
            .map_or(Holds::Open, |is_known| Holds::Told(must_be_known == is_known)),
    })
}

/// An expression that fails is neither true nor false.
fn expression(rule: &Rule, scenario: &Scenario<'_>, left: &mut Steps) -> Option<Answer> {
    let source = rule.conditions.expression.as_deref()?;
    let answer = |got: String, holds| Answer {
        condition: "elCondition",
        asks: source.to_owned(),
        got,
        holds,
    };
    if scenario.leaves_open(source) {
        return Some(answer(given(None), Holds::Open));
    }
    Some(match expression::answer(source, &facts(scenario), left) {
        Ok(holds) => answer(holds.to_string(), Holds::Told(holds)),
        Err(why) => answer(why, Holds::Unknown),
    })
}

fn facts<'a>(scenario: &Scenario<'a>) -> Facts<'a> {
    let behaviors = scenario.behaviors.map_or(&[][..], |assessment| &assessment.behaviors);
    let noticed = behaviors.iter().filter(|it| it.result.matches_a_condition());
    let (ip, place) = match scenario.whereabouts {
        Whereabouts::Address { ip, place } => (ip.to_string(), Some(place)),
        Whereabouts::Zones(_) | Whereabouts::Open => (String::new(), None),
    };
    Facts {
        level: scenario.level.map_or("", RiskLevel::as_str),
        score: scenario.score.unwrap_or(0),
        behaviors: noticed.map(|it| it.name.as_str()).collect(),
        user: scenario.user.map_or("", UserId::as_str),
        groups: scenario.groups.iter().map(GroupId::as_str).collect(),
        device_known: scenario.device_known.unwrap_or(false),
        ip,
        country: place.and_then(|it| it.country.as_deref()).unwrap_or_default(),
        region: place.and_then(|it| it.region.as_deref()).unwrap_or_default(),
        asn: place.and_then(|it| it.asn).unwrap_or_default(),
        application: scenario.application.unwrap_or_default(),
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
