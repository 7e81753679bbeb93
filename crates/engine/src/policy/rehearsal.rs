//! Which policies and rules a sign-in would meet of which only some is told (`POST /api/v1/policies/simulate`,
//! okta.md 9.3). Conditions are answered by the code that answers them for good; what depends on something that
//! was left open is undefined.

use watchfire_model::{
    id::PolicyId,
    object::{Policy, RuleMode, Status},
};

use super::{
    ConditionResult, Matched, PolicySet, RuleExplanation, asked_first,
    conditions::{self, Answered},
    expression::Steps,
    rules_of,
    scenario::Scenario,
};

/// A condition, and whether it would hold.
pub type AskedCondition = (Match, ConditionResult);

/// Whether something would apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It would.
    Match,
    /// It would not.
    NotMatch,
    /// That depends on what was left open.
    Undefined,
}

impl Match {
    /// The word over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "MATCH",
            Self::NotMatch => "NOT_MATCH",
            Self::Undefined => "UNDEFINED",
        }
    }

    /// Of one condition.
    const fn of(answered: &Answered) -> Self {
        match (answered.is_open, answered.result.result) {
            (true, _) => Self::Undefined,
            (false, true) => Self::Match,
            (false, false) => Self::NotMatch,
        }
    }

    /// Of all of them together.
    fn of_all(answers: &[AskedCondition]) -> Self {
        let has = |wanted: Self| answers.iter().any(|(it, _)| *it == wanted);
        match (has(Self::NotMatch), has(Self::Undefined)) {
            (true, _) => Self::NotMatch,
            (false, true) => Self::Undefined,
            (false, false) => Self::Match,
        }
    }
}

/// A policy that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsedPolicy {
    /// Which.
    pub policy: Matched<PolicyId>,
    /// Whether it decides.
    pub status: Match,
    /// Whether it is for the user.
    pub is_for: Match,
    /// For whom it is.
    pub conditions: Vec<AskedCondition>,
    /// Its rules, in the order in which they were asked; none where it is not for the user.
    pub rules: Vec<RehearsedRule>,
}

/// A rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsedRule {
    /// What it asked and got.
    pub asked: RuleExplanation,
    /// Whether it would match.
    pub status: Match,
    /// Each condition.
    pub conditions: Vec<AskedCondition>,
}

impl RehearsedRule {
    /// Whether it matches and decides.
    fn decides(&self) -> bool {
        self.status == Match::Match && self.asked.mode == RuleMode::Enforce
    }
}

/// Asks the active policies and their rules in order, up to the rule that decides for certain.
pub fn rehearse(set: &PolicySet<'_>, scenario: &Scenario<'_>) -> Vec<RehearsedPolicy> {
    let mut policies: Vec<&Policy> = set
        .policies
        .iter()
        .copied()
        .filter(|it| it.status == Status::Active)
        .collect();
    policies.sort_by(|a, b| asked_first(a, b));
    let mut asked = Vec::new();
    let mut steps = Steps::new(set.expression_steps);
    for policy in policies {
        let rehearsed = ask(policy, set, scenario, &mut steps);
        let is_decided = rehearsed.status == Match::Match;
        asked.push(rehearsed);
        if is_decided {
            break;
        }
    }
    asked
}

fn ask(policy: &Policy, set: &PolicySet<'_>, scenario: &Scenario<'_>, steps: &mut Steps) -> RehearsedPolicy {
    let people = conditions::policy_people(policy, scenario);
    let is_for = Match::of(&people);
    let mut rules = Vec::new();
    if is_for == Match::Match {
        for rule in rules_of(set, policy) {
            let answers = conditions::answers(rule, set, scenario, steps);
            let conditions: Vec<_> = answers.iter().map(|it| (Match::of(it), it.result.clone())).collect();
            let rehearsed = RehearsedRule {
                asked: conditions::explain(rule, answers),
                status: Match::of_all(&conditions),
                conditions,
            };
            let decides = rehearsed.decides();
            rules.push(rehearsed);
            if decides {
                break;
            }
        }
    }
    let may_decide = |it: &RehearsedRule| it.status == Match::Undefined && it.asked.mode == RuleMode::Enforce;
    RehearsedPolicy {
        policy: Matched::of(&policy.id, &policy.name),
        status: if rules.iter().any(RehearsedRule::decides) {
            Match::Match
        } else if rules.iter().any(may_decide) {
            Match::Undefined
        } else {
            Match::NotMatch
        },
        is_for,
        conditions: vec![(is_for, people.result)],
        rules,
    }
}
