//! What would have changed, counted over any number of sign-ins in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_engine::{Assessment, policy::PolicySet};
use watchfire_model::{
    id::{SignInId, UserId},
    object::{SignInRecord, SignInVerdict},
    signal::RiskLevel,
    time::Timestamp,
};

use super::{
    changes::Changes,
    replay::{Replayed, replay},
};
use crate::sign_in::recorded_assessment;

/// How much a report keeps.
#[derive(Clone, Copy, Debug)]
pub struct ReportLimits {
    /// Sign-ins that are told one by one.
    pub examples: usize,
    /// Users that are counted each; the sign-ins of the others are counted together.
    pub users: usize,
}

/// Sign-ins by what they were and what they would have been.
pub type Counts<T> = BTreeMap<(T, T), u64>;

/// What would have changed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Sign-ins that were judged again.
    pub compared: u64,
    /// Sign-ins that were not: their records are of another version of the formulas.
    pub other_version: u64,
    /// Sign-ins that were not: the policies of their time are not kept.
    pub without_policies: u64,
    /// By decision, as `SignInVerdict::as_str` names them.
    pub decisions: Counts<&'static str>,
    /// By level, likewise.
    pub levels: Counts<&'static str>,
    /// Sign-ins with another decision.
    pub changed: u64,
    /// Sign-ins with another score, level, policy or rule, whatever the decision.
    pub differing: u64,
    /// Those with another decision, by user; of a report that is [settled](Self::settled), the most affected.
    pub users: BTreeMap<UserId, UserChanges>,
    /// Users with another decision, as far as they are counted each.
    pub affected: usize,
    /// Changed sign-ins of users who are not counted each.
    pub of_other_users: u64,
    /// The first changed sign-ins.
    pub examples: Vec<Change>,
    limits: ReportLimits,
}

/// The changed sign-ins of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// The name that it signed in with last.
    pub login: String,
    /// All of them.
    pub changed: u64,
    /// Those that would have been harder: a second factor more, or a refusal.
    pub stricter: u64,
}

/// A sign-in that would have been decided otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub id: SignInId,
    /// Whose.
    pub user: UserId,
    /// The name that was typed.
    pub login: String,
    /// When.
    pub at: Timestamp,
    /// As it was.
    pub before: Side,
    /// As it would have been.
    pub after: Side,
    /// The factors that weigh otherwise, by name: their points then and now.
    pub factors: Vec<(String, i64, i64)>,
}

/// What became of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The decision.
    pub decision: SignInVerdict,
    /// The score.
    pub score: u8,
    /// The level.
    pub level: RiskLevel,
    /// The reasons.
    pub reasons: Vec<String>,
    /// The policy of the rule.
    pub policy: Option<String>,
    /// The rule that decided, or the blocklist zone.
    pub rule: Option<String>,
}

impl Report {
    /// An empty one.
    pub const fn new(limits: ReportLimits) -> Self {
        Self {
            compared: 0,
            other_version: 0,
            without_policies: 0,
            decisions: BTreeMap::new(),
            levels: BTreeMap::new(),
            changed: 0,
            differing: 0,
            users: BTreeMap::new(),
            affected: 0,
            of_other_users: 0,
            examples: Vec::new(),
            limits,
        }
    }

    /// Judges and decides a sign-in again, and counts what comes of it. Without policies there is nothing to
    /// decide by.
    pub fn replay(&mut self, record: &SignInRecord, policies: Option<&PolicySet<'_>>, is_draft: bool, changes: &Changes) {
        let Some(policies) = policies else {
            self.without_policies = self.without_policies.saturating_add(1);
            return;
        };
        match replay(record, policies, is_draft, changes) {
            Some(replayed) => self.add(record, &replayed),
            None => self.other_version = self.other_version.saturating_add(1),
        }
    }

    /// Counts a sign-in.
    pub fn add(&mut self, record: &SignInRecord, replayed: &Replayed) {
        let (was, would_be) = (record.asked.decision, replayed.decision());
        let level = replayed.assessment.level;
        self.compared = self.compared.saturating_add(1);
        count(&mut self.decisions, (was.as_str(), would_be.as_str()));
        count(&mut self.levels, (record.risk.level.as_str(), level.as_str()));
        if !is_same(record, replayed) {
            self.differing = self.differing.saturating_add(1);
        }
        if was == would_be {
            return;
        }
        self.changed = self.changed.saturating_add(1);
        self.count_user(record, strictness(would_be) > strictness(was));
        if self.examples.len() < self.limits.examples {
            self.examples.push(change(record, replayed));
        }
    }

    fn count_user(&mut self, record: &SignInRecord, stricter: bool) {
        if !self.users.contains_key(&record.user_id) && self.users.len() >= self.limits.users {
            self.of_other_users = self.of_other_users.saturating_add(1);
            return;
        }
        let user = self.users.entry(record.user_id.clone()).or_default();
        // No user leaves before all are counted.
        self.affected = self.affected.saturating_add(usize::from(user.changed == 0));
        user.login.clone_from(&record.login);
        user.changed = user.changed.saturating_add(1);
        user.stricter = user.stricter.saturating_add(u64::from(stricter));
    }

    /// What is kept of it when all are counted: of the users, as many as are told.
    #[must_use]
    pub fn settled(mut self, told: usize) -> Self {
        let most: BTreeSet<UserId> = self.most_affected(told).into_iter().map(|(id, _)| id.clone()).collect();
        self.users.retain(|id, _| most.contains(id));
        self
    }

    /// The users with the most changed sign-ins, at most so many.
    pub fn most_affected(&self, limit: usize) -> Vec<(&UserId, &UserChanges)> {
        let mut users: Vec<_> = self.users.iter().collect();
        users.sort_by(|(a_id, a), (b_id, b)| (b.changed, b.stricter, a_id).cmp(&(a.changed, a.stricter, b_id)));
        users.truncate(limit);
        users
    }
}

fn count<T: Ord>(counts: &mut Counts<T>, of: (T, T)) {
    let counted = counts.entry(of).or_default();
    *counted = counted.saturating_add(1);
}

const fn strictness(verdict: SignInVerdict) -> u8 {
    match verdict {
        SignInVerdict::Allow => 0,
        SignInVerdict::Challenge => 1,
        SignInVerdict::Deny => 2,
    }
}

fn is_same(record: &SignInRecord, replayed: &Replayed) -> bool {
    let (asked, evaluation) = (&record.asked, &replayed.evaluation);
    let assessment = &replayed.assessment;
    asked.decision == replayed.decision()
        && (record.risk.score, record.risk.level) == (assessment.score, assessment.level)
        && record.risk.reasons == assessment.reasons
        && asked.policy.as_ref().map(|it| &it.id) == evaluation.policy.as_ref().map(|it| &it.id)
        && asked.rule.as_ref().map(|it| &it.id) == evaluation.rule.as_ref().map(|it| &it.id)
}

fn change(record: &SignInRecord, replayed: &Replayed) -> Change {
    let (asked, evaluation) = (&record.asked, &replayed.evaluation);
    let assessment = &replayed.assessment;
    let zone = replayed.blocked_by.as_ref().map(|zone| format!("Blocklist zone '{zone}'"));
    Change {
        id: record.id.clone(),
        user: record.user_id.clone(),
        login: record.login.clone(),
        at: record.at,
        before: Side {
            decision: asked.decision,
            score: record.risk.score,
            level: record.risk.level,
            reasons: record.risk.reasons.clone(),
            policy: asked.policy.as_ref().map(|it| it.name.clone()),
            rule: asked.rule.as_ref().map(|it| it.name.clone()),
        },
        after: Side {
            decision: replayed.decision(),
            score: assessment.score,
            level: assessment.level,
            reasons: assessment.reasons.clone(),
            policy: evaluation.policy.as_ref().map(|it| it.name.clone()),
            rule: zone.or_else(|| evaluation.rule.as_ref().map(|it| it.name.clone())),
        },
        factors: recorded_assessment(record).map_or_else(Vec::new, |was| factors(&was, assessment)),
    }
}

/// The factors whose weight or points are other than they were: their points.
fn factors(was: &Assessment, would_be: &Assessment) -> Vec<(String, i64, i64)> {
    let points = |assessment: &Assessment| -> BTreeMap<String, i64> {
        let named = assessment.factors.iter().filter_map(|factor| {
            let name = serde_json::to_value(factor.factor).ok()?;
            Some((name.as_str()?.to_owned(), i64::from(factor.points)))
        });
        named.collect()
    };
    let (before, after) = (points(was), points(would_be));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let of = |points: &BTreeMap<String, i64>, name: &str| points.get(name).copied().unwrap_or(0);
    names
        .map(|name| (name.clone(), of(&before, name), of(&after, name)))
        .filter(|(_, before, after)| before != after)
        .collect()
}
