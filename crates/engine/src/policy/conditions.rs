//! The conditions of a rule, each with what it asks and what it got.

use watchfire_model::{
    id::{GroupId, UserId, ZoneId},
    object::{BehaviorRule, NetworkCondition, NetworkConnection, Rule, ScoreRange, Status, Zone, fold},
};

use super::{
    ALL_ZONES, ConditionResult, Decision, PolicySet, RuleExplanation, SignIn,
    expression::{self, Facts},
};
use crate::{
    assessment::{Assessment, BehaviorResult},
    zone::{Membership, membership},
};

/// Asks a rule everything that it asks.
pub(super) fn ask(rule: &Rule, set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> RuleExplanation {
    let lets_pass = Decision::of(&rule.action) == Decision::Allow;
    let always = [
        people(rule, sign_in),
        network(&rule.conditions.network, set, sign_in),
        auth_context(rule),
        identity_provider(rule),
        risk(rule, set, sign_in),
        risk_score(rule, sign_in),
    ];
    let if_asked = [application(rule, sign_in), device(rule, sign_in), expression(rule, sign_in)];
    let answers = always.into_iter().chain(if_asked.into_iter().flatten());
    let conditions: Vec<ConditionResult> = answers.map(|answer| answer.explain(lets_pass)).collect();
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
    /// `None`: nobody knows.
    holds: Option<bool>,
}

impl Answer {
    /// Nobody gets in because something is not known.
    fn explain(self, lets_pass: bool) -> ConditionResult {
        ConditionResult {
            condition: self.condition,
            asks: self.asks,
            got: self.got,
            result: self.holds.unwrap_or(!lets_pass),
            unknown: self.holds.is_none(),
        }
    }
}

fn people(rule: &Rule, sign_in: &SignIn<'_>) -> Answer {
    let asked = &rule.conditions;
    let is_in = |groups: &[GroupId]| groups.iter().any(|group| sign_in.groups.contains(group));
    let asks_for_some = !(asked.included_users.is_empty() && asked.included_groups.is_empty());
    let included = !asks_for_some || asked.included_users.contains(sign_in.user) || is_in(&asked.included_groups);
    let excluded = asked.excluded_users.contains(sign_in.user) || is_in(&asked.excluded_groups);
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
        got: sign_in.user.to_string(),
        holds: Some(included && !excluded),
    }
}

fn network(asked: &NetworkCondition, set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> Answer {
    let ip = sign_in.ip.to_canonical();
    let zones: Vec<(&Zone, Membership)> = set
        .zones
        .iter()
        .map(|zone| (*zone, membership(zone, ip, sign_in.place)))
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
    let mut got = format!("{ip} in {}", listed(called(Membership::Inside)));
    if called(Membership::Unknown).next().is_some() {
        got = format!("{got}, perhaps in {}", listed(called(Membership::Unknown)));
    }
    Answer {
        condition: "network",
        asks,
        got,
        holds: match holds {
            Membership::Inside => Some(true),
            Membership::Outside => Some(false),
            Membership::Unknown => None,
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
        holds: Some(asks == "ANY"),
    }
}

/// Passwords are ours; there is no other identity provider.
fn identity_provider(rule: &Rule) -> Answer {
    let asks = rule.conditions.identity_provider.as_deref().unwrap_or("ANY");
    Answer {
        condition: "identityProvider",
        asks: asks.to_owned(),
        got: "OKTA".to_owned(),
        holds: Some(matches!(asks, "ANY" | "OKTA")),
    }
}

fn risk(rule: &Rule, set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> Answer {
    let asked = &rule.conditions.behaviors;
    let results: Vec<(&str, Option<BehaviorResult>)> =
        asked.iter().map(|called| compare(called, set, sign_in.assessment)).collect();
    let got: Vec<String> = results
        .iter()
        .map(|(name, got)| format!("{name}={}", got.map_or("INACTIVE", BehaviorResult::as_str)))
        .collect();
    Answer {
        condition: "risk",
        asks: listed(results.iter().map(|(name, _)| *name)),
        got: listed(got.iter().map(String::as_str)),
        holds: Some(
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

fn risk_score(rule: &Rule, sign_in: &SignIn<'_>) -> Answer {
    let Assessment { level, score, .. } = *sign_in.assessment;
    let (asked, range) = (rule.conditions.risk_score, rule.conditions.score_range);
    let mut asks = asked.map_or("ANY", |a| a.as_str()).to_owned();
    if range != ScoreRange::default() {
        asks = format!("{asks}, {} to {}", range.least.unwrap_or(0), range.most.unwrap_or(100));
    }
    Answer {
        condition: "riskScore",
        asks,
        got: format!("{}, {score}", level.as_str()),
        holds: Some(asked.is_none_or(|a| a.matches(level)) && range.contains(score)),
    }
}

fn application(rule: &Rule, sign_in: &SignIn<'_>) -> Option<Answer> {
    let asked = &rule.conditions.application;
    if asked.include.is_empty() && asked.exclude.is_empty() {
        return None;
    }
    let is_in = |names: &[String]| sign_in.application.is_some_and(|it| names.iter().any(|name| name == it));
    Some(Answer {
        condition: "app",
        asks: format!(
            "{}, not {}",
            listed(asked.include.iter().map(String::as_str)),
            listed(asked.exclude.iter().map(String::as_str))
        ),
        got: sign_in.application.unwrap_or("none").to_owned(),
        holds: Some((asked.include.is_empty() || is_in(&asked.include)) && !is_in(&asked.exclude)),
    })
}

/// A device that cannot be compared with anything is none that the user is known by.
fn device(rule: &Rule, sign_in: &SignIn<'_>) -> Option<Answer> {
    let must_be_known = rule.conditions.device_known?;
    let is_known = sign_in.assessment.familiar.device == Some(true);
    let word = |known: bool| if known { "known" } else { "not known" }.to_owned();
    Some(Answer {
        condition: "device",
        asks: word(must_be_known),
        got: word(is_known),
        holds: Some(must_be_known == is_known),
    })
}

/// An expression that fails is neither true nor false.
fn expression(rule: &Rule, sign_in: &SignIn<'_>) -> Option<Answer> {
    let source = rule.conditions.expression.as_deref()?;
    let (assessment, place) = (sign_in.assessment, sign_in.place);
    let noticed = assessment.behaviors.iter().filter(|it| it.result.matches_a_condition());
    let answered = expression::answer(
        source,
        &Facts {
            level: assessment.level.as_str(),
            score: assessment.score,
            behaviors: noticed.map(|it| it.name.as_str()).collect(),
            user: sign_in.user.as_str(),
            groups: sign_in.groups.iter().map(GroupId::as_str).collect(),
            device_known: assessment.familiar.device == Some(true),
            ip: sign_in.ip.to_canonical().to_string(),
            country: place.country.as_deref().unwrap_or_default(),
            region: place.region.as_deref().unwrap_or_default(),
            asn: place.asn.unwrap_or_default(),
            application: sign_in.application.unwrap_or_default(),
        },
    );
    Some(Answer {
        condition: "elCondition",
        asks: source.to_owned(),
        got: answered.as_ref().map_or_else(String::clone, bool::to_string),
        holds: answered.ok(),
    })
}

fn listed<'t>(names: impl Iterator<Item = &'t str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
