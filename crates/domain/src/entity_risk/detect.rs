//! A detection: it is written down, and the entity risk policy says what is done (okta.md 9.4).

use std::collections::BTreeMap;

use watchfire_engine::entity::{Subject, evaluate};
use watchfire_model::{
    entity::Entity,
    id::{GroupId, OrgId, ReceiptId, UserId},
    log::{Actor, RequestOrigin},
    object::{CauseSource, Detection, EntityRiskPolicy, EntityRiskRule, Membership, Org, User},
    row::Decision,
    signal::RiskLevel,
};

use super::{EntityRisks, record};
use crate::command::Context;

/// Something has found that a user is at risk, or no longer is.
#[derive(Clone, Debug)]
pub struct Detected<'a> {
    /// Whom.
    pub user: &'a UserId,
    /// What has.
    pub detection: Detection,
    /// Whose word it is.
    pub source: &'a CauseSource,
    /// Why, for people.
    pub reasons: &'a [String],
    /// Who did it: the administrator, the user who signs in; absent is the server itself.
    pub actor: Option<&'a Actor>,
    /// What it came with.
    pub origin: &'a RequestOrigin,
    /// What was received, when that was it.
    pub receipt: Option<&'a ReceiptId>,
    /// More debug members for its events: `behaviors`, `threatSuspected`.
    pub details: &'a BTreeMap<String, String>,
}

/// What a detection has led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// All sessions of the user were ended.
    pub sessions_ended: bool,
    /// The user was switched off.
    pub deactivated: bool,
}

/// A detection with all that its events and actions say of it.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) detected: &'a Detected<'a>,
    pub(super) user: User,
    pub(super) level: RiskLevel,
    pub(super) previous: RiskLevel,
    pub(super) actor: Actor,
    pub(super) trace: String,
    /// The `uuid` of `user.risk.detect`.
    pub(super) event: String,
}

/// The rule that a detection has met, with its policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met<'a> {
    pub(super) policy: &'a EntityRiskPolicy,
    pub(super) rule: &'a EntityRiskRule,
}

impl<'s> EntityRisks<'s> {
    /// Writes `user.risk.detect`, also when the level stays as it was, evaluates the policy, and does what
    /// its rule says. Nothing happens for a user that is not in the slice.
    pub fn detect(&mut self, decision: &mut Decision, context: &mut Context<'_>, detected: &Detected<'_>) -> Response {
        let Some(user) = self.user(detected.user).cloned() else {
            return Response::default();
        };
        let entity = Entity::User(user.id.clone());
        let level = self.level(&entity);
        let record = self.record(&entity);
        let previous = std::mem::replace(&mut record.previous, level);
        let mut case = Case {
            detected,
            user,
            // There is no NONE in the log and in rules (okta.md 8.6).
            level: level.unwrap_or(RiskLevel::Low),
            previous: previous.unwrap_or(RiskLevel::Low),
            actor: detected.actor.cloned().unwrap_or_else(|| self.system()),
            trace: context.ids.next_uuid(),
            event: String::new(),
        };
        case.event = context.log(decision, record::detected(&case));
        self.consult(decision, context, &case)
    }

    /// Asks the policy, and does what the rule says that the case has met.
    fn consult(&mut self, decision: &mut Decision, context: &mut Context<'_>, case: &Case<'_>) -> Response {
        let slice: &'s _ = self.slice;
        let Some(policy) = slice.all::<EntityRiskPolicy>().into_iter().next() else {
            return Response::default();
        };
        let memberships = slice.children::<Membership>(case.user.id.as_str());
        let groups: Vec<GroupId> = memberships.into_iter().map(|it| it.group_id.clone()).collect();
        let subject = Subject {
            user: &case.user.id,
            groups: &groups,
            level: case.level,
            detection: case.detected.detection,
        };
        let rules = slice.all::<EntityRiskRule>();
        let evaluation = evaluate(&rules, &subject);
        context.log(decision, record::evaluated(case, policy, &evaluation));
        match evaluation.rule {
            Some(rule) if !rule.actions.is_empty() => self.act(decision, context, case, Met { policy, rule }),
            _ => Response::default(),
        }
    }

    /// The server itself, for its organisation.
    fn system(&self) -> Actor {
        let org = self.slice.all::<Org>().into_iter().next().map(|org| org.id.clone());
        Actor::system(&org.unwrap_or_else(|| OrgId::new("unknown")))
    }
}
