//! Sign-on policies: which rule a sign-in meets, and why (okta.md 9.3).
//!
//! The active policies whose groups include the user are asked in order, each by its active rules in
//! order; the first rule whose conditions all hold decides. A policy without such a rule leaves it to
//! the next one, and the default rule comes last. No rule at all is a denial: nothing is allowed by
//! omission.

mod conditions;
pub mod expression;
pub mod priority;
mod rehearsal;
mod scenario;

use std::{
    cmp::Ordering,
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;
use watchfire_model::{
    id::{GroupId, PolicyId, RuleId, UserId},
    object::{Access, BehaviorRule, Policy, PolicySnapshot, Rule, RuleMode, SignOnAction, Status, Zone, ZoneUsage},
    time::Timestamp,
};

pub use self::{
    expression::Steps,
    rehearsal::{AskedCondition, Match, RehearsedPolicy, RehearsedRule, rehearse},
    scenario::{Scenario, Whereabouts},
};
use crate::{
    assessment::Assessment,
    model::{Place, siphash_of},
    zone::{Membership, membership},
};

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
    /// Every behaviour.
    pub behaviors: Vec<&'a BehaviorRule>,
    /// The steps that all expressions that are asked of one sign-in may take together.
    pub expression_steps: u32,
}

impl<'a> PolicySet<'a> {
    /// What was kept of one time.
    pub fn of(snapshot: &'a PolicySnapshot) -> Self {
        Self {
            policies: snapshot.policies.iter().collect(),
            rules: snapshot.rules.iter().collect(),
            zones: snapshot.zones.iter().collect(),
            behaviors: snapshot.behaviors.iter().collect(),
            expression_steps: snapshot.expression_steps.unwrap_or(u32::MAX),
        }
    }

    /// What is to be kept of this time until `expires_at`, under its fingerprint.
    pub fn snapshot(&self, revision: &str, expires_at: Timestamp) -> PolicySnapshot {
        PolicySnapshot {
            revision: revision.to_owned(),
            policies: self.policies.iter().copied().cloned().collect(),
            rules: self.rules.iter().copied().cloned().collect(),
            zones: self.zones.iter().copied().cloned().collect(),
            behaviors: self.behaviors.iter().copied().cloned().collect(),
            expression_steps: Some(self.expression_steps),
            expires_at,
        }
    }

    /// A fingerprint of everything that can be asked, made from all that policies, rules, zones and behaviours
    /// hold, in whatever order they come. Times alone would not do: two changes may fall into one instant, and
    /// clocks go back.
    pub fn revision(&self) -> String {
        // Policies change seldom and are asked often: that of the last set is kept, which changes nothing but the
        // time.
        static LAST: Mutex<Option<PolicySnapshot>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| self.is_as(known)) {
            return known.revision.clone();
        }
        let revision = self.fingerprint();
        *last = Some(self.snapshot(&revision, Timestamp::default()));
        revision
    }

    fn is_as(&self, kept: &PolicySnapshot) -> bool {
        self.policies.iter().copied().eq(&kept.policies)
            && self.rules.iter().copied().eq(&kept.rules)
            && self.zones.iter().copied().eq(&kept.zones)
            && self.behaviors.iter().copied().eq(&kept.behaviors)
            && kept.expression_steps == Some(self.expression_steps)
    }

    fn fingerprint(&self) -> String {
        let mut contents = Vec::new();
        contents.extend(self.policies.iter().map(content));
        contents.extend(self.rules.iter().map(content));
        contents.extend(self.zones.iter().map(content));
        contents.extend(self.behaviors.iter().map(content));
        contents.push(self.expression_steps.to_le_bytes().to_vec());
        contents.sort_unstable();
        let contents = contents.concat();
        // Twice, because 64 bits alone could be made to meet by somebody who tries.
        let [one, other] = [b"1", b"2"].map(|half| siphash_of(&[half.as_slice(), contents.as_slice()]));
        format!("{one:016x}{other:016x}")
    }
}

/// All of an object, in a form that ends by itself.
fn content<T: Serialize + fmt::Debug>(object: &T) -> Vec<u8> {
    serde_json::to_vec(object).unwrap_or_else(|_| format!("{object:?};").into_bytes())
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
    /// What is known of the address.
    pub place: &'a Place,
    /// For which application, where its name was given.
    pub application: Option<&'a str>,
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
    /// What rules that only watch would have decided, had they been asked to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monitored: Vec<Monitored>,
    /// The rules that were asked, in order; the last one is the one that matched, if any did.
    pub explanation: Vec<RuleExplanation>,
}

/// A rule that only watches and that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Monitored {
    /// Its policy.
    pub policy: Matched<PolicyId>,
    /// The rule.
    pub rule: Matched<RuleId>,
    /// What it would have decided. Where several matched, the first would have been the one.
    pub decision: Decision,
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
    /// Whether it decides, or only watches.
    pub mode: RuleMode,
    /// What it decides, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
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
    /// Whether it holds. What nobody knows holds for a rule that asks for more than a password, and does
    /// not for one that lets pass.
    pub result: bool,
    /// Whether nobody knows: there is no data about the address, or the expression fails.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// Decides on a sign-in.
pub fn evaluate(set: &PolicySet<'_>, sign_in: &SignIn<'_>) -> Evaluation {
    let mut explanation = Vec::new();
    let mut monitored = Vec::new();
    let scenario = Scenario::of(sign_in);
    let mut steps = Steps::new(set.expression_steps);
    for policy in policies_for(set, sign_in) {
        for rule in rules_of(set, policy) {
            let asked = conditions::explain(rule, conditions::answers(rule, set, &scenario, &mut steps));
            let decision = asked.decision;
            explanation.push(asked);
            let Some(decision) = decision else { continue };
            let policy = Matched::of(&policy.id, &policy.name);
            let matched = Matched::of(&rule.id, &rule.name);
            if rule.mode == RuleMode::Monitor {
                monitored.push(Monitored {
                    policy,
                    rule: matched,
                    decision,
                });
                continue;
            }
            return Evaluation {
                decision,
                policy: Some(policy),
                rule: Some(matched),
                action: Some(rule.action.clone()),
                monitored,
                explanation,
            };
        }
    }
    Evaluation {
        decision: Decision::Deny,
        policy: None,
        rule: None,
        action: None,
        monitored,
        explanation,
    }
}

impl<Id: Clone> Matched<Id> {
    fn of(id: &Id, name: &str) -> Self {
        Self {
            id: id.clone(),
            name: name.to_owned(),
        }
    }
}

/// The zone, if any, whose addresses are refused before authentication and that `ip`, of which `place` is
/// known, is in (okta.md 10.2). An address of which nobody knows is not refused: the policies are asked.
pub fn blocking_zone<'z>(zones: impl IntoIterator<Item = &'z Zone>, ip: IpAddr, place: &Place) -> Option<&'z Zone> {
    let mut blocklists = zones.into_iter().filter(|zone| zone.usage == ZoneUsage::Blocklist);
    blocklists.find(|zone| membership(zone, ip, place) == Membership::Inside)
}

fn policies_for<'a>(set: &PolicySet<'a>, sign_in: &SignIn<'_>) -> Vec<&'a Policy> {
    let is_for_the_user = |p: &Policy| p.groups.is_empty() || p.groups.iter().any(|g| sign_in.groups.contains(g));
    let mut policies: Vec<&Policy> = set
        .policies
        .iter()
        .copied()
        .filter(|p| p.status == Status::Active && is_for_the_user(p))
        .collect();
    policies.sort_by(|a, b| asked_first(a, b));
    policies
}

fn asked_first(a: &Policy, b: &Policy) -> Ordering {
    (a.priority, a.system, &a.id).cmp(&(b.priority, b.system, &b.id))
}

/// The active ones, in the order in which they are asked.
fn rules_of<'a>(set: &PolicySet<'a>, policy: &Policy) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> = set
        .rules
        .iter()
        .copied()
        .filter(|r| r.policy_id == policy.id && r.status == Status::Active)
        .collect();
    rules.sort_by_key(|r| (r.priority, r.system, &r.id));
    rules
}

#[cfg(test)]
mod tests;
