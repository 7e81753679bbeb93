//! What the System Log says of a sign-in (okta.md 8.5, 8.6).

use std::collections::BTreeMap;

use watchfire_engine::{
    Assessment, BehaviorResult,
    debug_data::debug_data,
    policy::{Decision as PolicyDecision, Evaluation, Monitored},
};
use watchfire_model::{
    id::SignInId,
    log::{
        Actor, AuthenticationContext, BehaviorResult as LoggedBehavior, EventType, LogEvent, Outcome, OutcomeResult,
        RequestOrigin, RiskContext, SecurityContext, Target, UserBehavior,
    },
    object::{User, UserStatus},
    row::Decision,
    slice::Need,
    slice::Slice,
};

use super::password::Client;
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    user,
};

/// What was found of an attempt, in the form that its events carry.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) debug_data: BTreeMap<String, String>,
    pub(super) security: SecurityContext,
}

impl Record {
    /// What a request tells before anybody is known.
    pub(super) fn of_client(client: &Client, origin: &RequestOrigin) -> Self {
        let members = [
            ("deviceFingerprint", client.fingerprint.clone()),
            ("dtHash", client.device_token_hash.clone()),
            ("authnRequestId", Some(origin.request_id.clone())),
        ];
        Self {
            debug_data: members
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect(),
            security: SecurityContext::default(),
        }
    }

    /// Names the sign-in that is recorded, so that its explanation is found from the log.
    pub(super) fn of_sign_in(mut self, id: &SignInId) -> Self {
        self.debug_data.insert("signInId".to_owned(), id.to_string());
        self
    }

    /// Adds an assessment of a user's attempt.
    pub(super) fn with(mut self, assessment: &Assessment) -> Self {
        self.debug_data.extend(debug_data(assessment));
        self.security = SecurityContext {
            risk: Some(RiskContext::new(assessment.level, assessment.reasons.clone())),
            user_behaviors: assessment
                .behaviors
                .iter()
                .map(|behavior| UserBehavior {
                    id: behavior.id.as_ref().map(|id| id.to_string()),
                    name: behavior.name.clone(),
                    result: logged(behavior.result),
                })
                .collect(),
            ..self.security
        };
        self
    }

    /// Adds what providers say of the address, where nobody is known whose habits it could be compared
    /// with.
    pub(super) fn with_partners_only(mut self, assessment: &Assessment) -> Self {
        let told = debug_data(assessment)
            .into_iter()
            .filter(|(key, _)| matches!(key.as_str(), "partnerRisk" | "threatSuspected"));
        self.debug_data.extend(told);
        self
    }

    /// `user.session.start`: when a session token is given out, and on every failure.
    pub(super) fn session_start(&self, actor: Actor, origin: &RequestOrigin, outcome: Outcome) -> LogEvent {
        self.event(EventType::UserSessionStart, actor, origin)
            .authentication(AuthenticationContext::password())
            .outcome(outcome)
    }

    /// `policy.evaluate_sign_on`, with the policy and the rule that decided.
    pub(super) fn evaluation(&self, actor: Actor, origin: &RequestOrigin, evaluation: &Evaluation) -> LogEvent {
        let result = match evaluation.decision {
            PolicyDecision::Allow => OutcomeResult::Allow,
            PolicyDecision::Challenge => OutcomeResult::Challenge,
            PolicyDecision::Deny => OutcomeResult::Deny,
        };
        let mut event = self
            .event(EventType::PolicyEvaluateSignOn, actor, origin)
            .outcome(Outcome::of(result));
        let policy = evaluation.policy.iter().map(|it| ("PolicyEntity", it.id.as_str(), &it.name));
        let rule = evaluation.rule.iter().map(|it| ("PolicyRule", it.id.as_str(), &it.name));
        for (kind, id, name) in policy.chain(rule) {
            event = event.target(Target::new(kind, id, name));
        }
        if let Some(monitored) = monitored(&evaluation.monitored) {
            event.debug_data.insert("monitoredRules".to_owned(), monitored);
        }
        event
    }

    pub(super) fn event(&self, event_type: EventType, actor: Actor, origin: &RequestOrigin) -> LogEvent {
        let mut event = LogEvent::new(event_type, actor);
        event.security_context.clone_from(&self.security);
        // The network is the request's, of each step its own.
        let mut event = event.from_request(origin);
        event.debug_data.extend(self.debug_data.clone());
        event
    }
}

/// Rules that only watch of which an event tells what they would have decided.
const MONITORED_TOLD: usize = 20;

/// What rules that only watch would have decided: `[{rule=0pr…, name=…, decision=DENY}]`, the first of them.
/// Ours: the contract has no such rules.
fn monitored(monitored: &[Monitored]) -> Option<String> {
    let told = monitored.iter().take(MONITORED_TOLD).map(|it| {
        let decision = it.decision.as_str();
        format!("{{rule={}, name={}, decision={decision}}}", it.rule.id, it.rule.name)
    });
    let mut told: Vec<String> = told.collect();
    if let Some(more @ 1..) = monitored.len().checked_sub(MONITORED_TOLD) {
        told.push(format!("{more} more"));
    }
    (!told.is_empty()).then(|| format!("[{}]", told.join(", ")))
}

/// A user as the one who signs in.
pub(super) fn actor(user: &User) -> Actor {
    Actor::user(user.id.as_str(), &user.login, user.display_name())
}

/// `user.account.lock`.
/// Locks the account of `user`, where there is a password to guess. Only one that is ACTIVE: who is
/// suspended, deactivated or has to change its password stays that, whatever anybody types.
pub(super) fn lock(user: &User, origin: &RequestOrigin, decision: &mut Decision, context: &mut Context<'_>) {
    if user.status != UserStatus::Active || user.password_hash.is_none() {
        return;
    }
    decision.put(user::with_status(user, UserStatus::LockedOut, context.now));
    let event = user::event(EventType::UserAccountLock, &actor(user), origin, user);
    context.log(decision, event.outcome(Outcome::failure("LOCKED_OUT")));
}

fn logged(result: BehaviorResult) -> LoggedBehavior {
    match result {
        BehaviorResult::Positive => LoggedBehavior::Positive,
        BehaviorResult::Negative => LoggedBehavior::Negative,
        BehaviorResult::Unknown => LoggedBehavior::Unknown,
        BehaviorResult::BadRequest => LoggedBehavior::BadRequest,
    }
}

/// `security.request.blocked`, by the zone of this id and name.
pub(super) fn blocked(actor: Actor, origin: &RequestOrigin, (id, name): (&str, &str)) -> LogEvent {
    LogEvent::new(EventType::SecurityRequestBlocked, actor)
        .from_request(origin)
        .outcome(Outcome::of(OutcomeResult::Deny).because("Request from a blocklisted network zone"))
        .target(Target::new("NetworkZone", id, name))
}

/// Writes down that an address of a blocklist zone was refused before anything else was looked at
/// (okta.md 10.2).
#[derive(Clone, Debug)]
pub struct RefuseBlockedAddress {
    /// What was tried to sign in with.
    pub login: String,
    /// The zone's id and name.
    pub zone: (String, String),
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RefuseBlockedAddress {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn decide(&self, _: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let (id, name) = &self.zone;
        let event = blocked(Actor::unknown_user(&self.login), &self.origin, (id, name));
        let mut decision = Decision::new();
        context.log(&mut decision, event);
        Decided {
            decision,
            outcome: Err(Rejection::Forbidden),
        }
    }
}
