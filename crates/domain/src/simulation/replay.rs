//! One recorded sign-in, judged and decided again.

use watchfire_engine::{
    Assessment, explain,
    policy::{
        Decision as PolicyDecision, Evaluation, PolicySet, RuleExplanation, SignIn as PolicySubject, blocking_zone, evaluate,
    },
};
use watchfire_model::object::{AskedBy, SignInRecord, SignInVerdict};

use super::changes::Changes;
use crate::sign_in::{outcomes, recorded_assessment, recorded_attempt, recorded_basis};

/// What a sign-in would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// How risky it would have been found.
    pub assessment: Assessment,
    /// What the policies would have made of it.
    pub evaluation: Evaluation,
    /// The blocklist zone whose addresses would have been refused before anything else.
    pub blocked_by: Option<String>,
}

impl Replayed {
    /// The decision.
    pub const fn decision(&self) -> SignInVerdict {
        match self.evaluation.decision {
            _ if self.blocked_by.is_some() => SignInVerdict::Deny,
            PolicyDecision::Allow => SignInVerdict::Allow,
            PolicyDecision::Challenge => SignInVerdict::Challenge,
            PolicyDecision::Deny => SignInVerdict::Deny,
        }
    }
}

/// Judges a sign-in with other settings and decides it by these policies; `None` where its record was written
/// by another version of the formulas. `is_draft` says that the policies are not those of its time: then
/// their blocklists would have been asked first. Of our own sign-ins, those from a blocked address have no
/// record; of those at other identity providers they have.
pub fn replay(record: &SignInRecord, policies: &PolicySet<'_>, is_draft: bool, changes: &Changes) -> Option<Replayed> {
    let was = recorded_assessment(record)?;
    let attempt = recorded_attempt(record);
    let assessment = if changes.is_empty() {
        was
    } else {
        let mut basis = recorded_basis(record)?;
        changes.apply(&mut basis);
        // They compare with the profile of the time, which is gone.
        explain(&basis, (was.behaviors, was.familiar), &attempt)
    };
    let evaluation = if was_switched_off(record) {
        refused()
    } else {
        let subject = PolicySubject {
            user: &record.user_id,
            groups: &record.groups,
            ip: attempt.address,
            place: &attempt.place,
            application: record.application.as_deref(),
            assessment: &assessment,
        };
        evaluate(policies, &subject)
    };
    let is_ours = record.asked_by == AskedBy::Authn;
    let blocked_by = if is_draft || !is_ours {
        blocking_zone(policies.zones.iter().copied(), attempt.address, &attempt.place).map(|zone| zone.name.clone())
    } else {
        None
    };
    Some(Replayed {
        assessment,
        evaluation,
        blocked_by,
    })
}

/// What every rule that was asked of a sign-in asked and got, by the policies of its time. `None` where that
/// does not come to what the record says of them, or nobody can tell.
pub fn rules_again(record: &SignInRecord, policies: &PolicySet<'_>) -> Option<Vec<RuleExplanation>> {
    let again = replay(record, policies, false, &Changes::default())?;
    let rules = again.evaluation.explanation;
    let (asked, last) = outcomes(&rules, record.asked.outcomes.len());
    let is_the_same = record.asked.rules == Some(asked) && record.asked.outcomes == last;
    is_the_same.then_some(rules)
}

/// Of users who are switched off no policy is asked: the last policy matches everybody, so only they are
/// refused without a rule that was looked at.
fn was_switched_off(record: &SignInRecord) -> bool {
    let asked = &record.asked;
    asked.decision == SignInVerdict::Deny && asked.rule.is_none() && asked.rules() == 0
}

const fn refused() -> Evaluation {
    Evaluation {
        decision: PolicyDecision::Deny,
        policy: None,
        rule: None,
        action: None,
        monitored: Vec::new(),
        explanation: Vec::new(),
    }
}
