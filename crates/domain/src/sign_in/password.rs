//! The first step: the password, the risk, the policy.

use std::time::Duration;

use watchfire_engine::{
    Assessed,
    policy::{Decision as PolicyDecision, Evaluation, PolicySet, SignIn as PolicySubject, blocking_zone, evaluate},
};
use watchfire_model::{
    entity::Entity,
    id::{AuthnTransactionId, GroupId, UserId},
    log::{Actor, Outcome, RequestOrigin},
    object::{
        AskedBy, AuthnState, AuthnTransaction, BehaviorRule, Factor, Membership, Policy, PolicySnapshot, Rule, SignInRecord,
        SignInState, SignOnSession, User, UserStatus, Zone,
    },
    row::Decision,
    slice::{Need, Slice},
};

use super::{
    Accepted, Challenged, Progress, STATE_TOKEN_LIFE, SignedIn, active_factors,
    history::{self, Judgement, ended},
    influence::{Influence, raise},
    record::{Record, actor, lock},
    sighting::Sighting,
};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{self, EntityRisks, GuardLimits},
};

/// Somebody tries to sign in with a name and a password that has been checked.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The name as it was typed.
    pub login: String,
    /// The user that it names, if any.
    pub user_id: Option<UserId>,
    /// How the password fared.
    pub password: Checked,
    /// What was seen of the attempt.
    pub seen: Sighting,
    /// What else its request says of the device.
    pub client: Client,
    /// The application that it is for, where the request says so.
    pub application: Option<String>,
    /// How long its record is kept.
    pub kept_for: Duration,
    /// The steps that the expressions of all rules that it asks may take together.
    pub expression_steps: u32,
    /// Rules whose outcomes its record keeps, the last that it asks.
    pub rules_kept: usize,
    /// Hash of the session token that a success gives out.
    pub session_token_hash: String,
    /// Hash of the state token that a challenge gives out.
    pub state_token_hash: String,
    /// What the application wants back.
    pub relay_state: Option<String>,
    /// What rules of the entity risk policy may do by themselves.
    pub guard: GuardLimits,
    /// From where.
    pub origin: RequestOrigin,
}

/// How a password fared.
#[derive(Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is the one of this hash. It counts only while the user still has that hash.
    Right(String),
    /// It is not the user's.
    Wrong {
        /// Whether this failure is the one that locks the account.
        locks: bool,
    },
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Right(_) => f.write_str("Right"),
            Self::Wrong { locks } => f.debug_struct("Wrong").field("locks", locks).finish(),
        }
    }
}

/// What the log shows of a device.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// `X-Device-Fingerprint`: logged, not believed (okta.md 9.1).
    pub fingerprint: Option<String>,
    /// Hash of the device token, where it counts.
    pub device_token_hash: Option<String>,
}

impl Command for SignIn {
    type Outcome = Progress;

    fn needs(&self) -> Vec<Need> {
        let mut needs = Sighting::needs().to_vec();
        needs.extend(self.seen.needs_of_signals());
        if let Some(id) = &self.user_id {
            let id = id.as_str();
            needs.extend([Need::object::<User>(id), Need::children::<Factor>(id)]);
            needs.extend(Sighting::needs_of(id));
            needs.extend(Asking::needs(id));
            needs.extend(entity_risk::needs());
        }
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(user) = self.user_id.clone().map(Entity::User) else {
            return Vec::new();
        };
        let mut needs = entity_risk::follow_up(slice, &[user], None);
        needs.push(Asking::snapshot_need(slice, self.expression_steps));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let user = self.user_id.as_ref().and_then(|id| slice.get::<User>(id.as_str()));
        match user {
            None => self.refuse_unknown(slice, context),
            Some(user) => self.decide_for(user, slice, context),
        }
    }
}

impl SignIn {
    fn decide_for(&self, user: &User, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let assessed = self.seen.assess(Some(&user.id), slice, context.now);
        let step = Step {
            command: self,
            user,
            record: Record::of_client(&self.client, &self.origin).with(&assessed.assessment),
            assessed,
        };
        if let Some((reason, rejection)) = self.obstacle(user) {
            return step.refuse(reason, rejection, context);
        }
        let asking = Asking::of(user, slice, self.expression_steps);
        let evaluation = asking.evaluate(user, (&self.seen, None), &step.assessed);
        let mut decision = Decision::new();
        let revision = asking.keep(slice, self.kept_for, &mut decision, context);
        let kept = Judgement {
            user,
            login: &self.login,
            asked_by: AskedBy::Authn,
            application: self.application.as_deref(),
            seen: &self.seen,
            assessed: &step.assessed,
            evaluation: &evaluation,
            revision,
            groups: asking.groups,
            kept_for: self.kept_for,
            rules_kept: self.rules_kept,
        };
        let kept = kept.record(context);
        step.follow(&evaluation, kept, (slice, decision), context)
    }

    /// Why it goes no further, whatever the risk: the log's reason and the answer. An attacker learns
    /// nothing from the answer that a wrong password would not have told.
    fn obstacle(&self, user: &User) -> Option<(&'static str, Rejection)> {
        let is_right = match &self.password {
            Checked::Right(hash) => user.password_hash.as_ref() == Some(hash),
            Checked::Wrong { .. } => false,
        };
        match (user.status, is_right) {
            (UserStatus::LockedOut, _) => Some(("LOCKED_OUT", Rejection::AuthenticationFailed)),
            (_, false) => Some(("INVALID_CREDENTIALS", Rejection::AuthenticationFailed)),
            (UserStatus::Active, true) => None,
            (UserStatus::PasswordExpired, true) => Some(("PASSWORD_EXPIRED", Rejection::catalogued("E0000064"))),
            (status, true) => Some((status.as_str(), Rejection::AuthenticationFailed)),
        }
    }

    fn refuse_unknown(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let assessed = self.seen.assess(None, slice, context.now);
        let record = Record::of_client(&self.client, &self.origin).with_partners_only(&assessed.assessment);
        let outcome = Outcome::failure("INVALID_CREDENTIALS");
        let event = record.session_start(Actor::unknown_user(&self.login), &self.origin, outcome);
        let mut decision = Decision::new();
        context.log(&mut decision, event);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }
}

/// The policies and what they ask of a user.
pub(super) struct Asking<'a> {
    pub(super) set: PolicySet<'a>,
    pub(super) groups: Vec<GroupId>,
}

impl<'a> Asking<'a> {
    /// What its [`needs`](Self::needs) have loaded.
    pub(super) fn of(user: &User, slice: &'a Slice, expression_steps: u32) -> Self {
        let memberships = slice.children::<Membership>(user.id.as_str()).into_iter();
        Self {
            set: policy_set(slice, expression_steps),
            groups: memberships.map(|membership| membership.group_id.clone()).collect(),
        }
    }

    pub(super) fn needs(user: &str) -> [Need; 5] {
        [
            Need::children::<Membership>(user),
            Need::all::<Policy>(),
            Need::all::<Rule>(),
            Need::all::<Zone>(),
            Need::all::<BehaviorRule>(),
        ]
    }

    /// What the policies were the last time that they were kept. Their [`needs`](Self::needs) are loaded.
    pub(super) fn snapshot_need(slice: &Slice, expression_steps: u32) -> Need {
        Need::object::<PolicySnapshot>(policy_set(slice, expression_steps).revision())
    }

    /// Keeps the policies for as long as the record of this sign-in, unless they are already; gives their
    /// fingerprint. They are kept for twice as long, so that they are not written with every sign-in.
    pub(super) fn keep(&self, slice: &Slice, kept_for: Duration, decision: &mut Decision, context: &Context<'_>) -> String {
        let revision = self.set.revision();
        let needed_until = context.now.plus(kept_for);
        let is_kept = slice
            .get::<PolicySnapshot>(&revision)
            .is_some_and(|kept| kept.expires_at >= needed_until);
        if !is_kept {
            decision.put(self.set.snapshot(&revision, needed_until.plus(kept_for)));
        }
        revision
    }

    /// The blocklist zone that the address is in.
    pub(super) fn blocked_by(&self, seen: &Sighting) -> Option<&'a Zone> {
        blocking_zone(self.set.zones.iter().copied(), seen.attempt.address, &seen.attempt.place)
    }

    /// `application` is what the sign-in is for, where somebody said so.
    pub(super) fn evaluate(
        &self,
        user: &User,
        (seen, application): (&Sighting, Option<&str>),
        assessed: &Assessed,
    ) -> Evaluation {
        let subject = PolicySubject {
            user: &user.id,
            groups: &self.groups,
            ip: seen.attempt.address,
            place: &seen.attempt.place,
            application,
            assessment: &assessed.assessment,
        };
        evaluate(&self.set, &subject)
    }
}

fn policy_set(slice: &Slice, expression_steps: u32) -> PolicySet<'_> {
    PolicySet {
        policies: slice.all::<Policy>(),
        rules: slice.all::<Rule>(),
        zones: slice.all::<Zone>(),
        behaviors: slice.all::<BehaviorRule>(),
        expression_steps,
    }
}

/// The log's reason when the entity risk policy has ended what the sign-on policy allowed.
const ENDED: &str = "Entity risk policy ended all sessions";

/// The attempt of a user whom we know.
pub(super) struct Step<'a> {
    pub(super) command: &'a SignIn,
    pub(super) user: &'a User,
    pub(super) assessed: Assessed,
    pub(super) record: Record,
}

impl Step<'_> {
    fn refuse(&self, reason: &str, rejection: Rejection, context: &mut Context<'_>) -> Decided<Progress> {
        let mut decision = Decision::new();
        self.log_failure(reason, &mut decision, context);
        if self.command.password == (Checked::Wrong { locks: true }) {
            lock(self.user, &self.command.origin, &mut decision, context);
        }
        Decided {
            decision,
            outcome: Err(rejection),
        }
    }

    fn follow(
        self,
        evaluation: &Evaluation,
        kept: SignInRecord,
        (slice, mut decision): (&Slice, Decision),
        context: &mut Context<'_>,
    ) -> Decided<Progress> {
        let named = self.record.clone().of_sign_in(&kept.id);
        let evaluated = named.evaluation(actor(self.user), &self.command.origin, evaluation);
        context.log(&mut decision, evaluated);
        let influence = Influence {
            user: self.user,
            assessment: &self.assessed.assessment,
            basis: Some(&self.assessed.basis),
            details: &self.record.debug_data,
            origin: &self.command.origin,
        };
        let mut risks = EntityRisks::new(slice, self.command.guard, context.now);
        let response = raise(&influence, &mut risks, slice, (&mut decision, context));
        risks.write(&mut decision);
        let session = evaluation
            .action
            .as_ref()
            .map(|action| action.session.clone())
            .unwrap_or_default();
        let factors = active_factors(slice, self.user);
        let refusal = match evaluation.decision {
            // It is this sign-in that the rule was about, so this one ends too. One that has yet to show a
            // second factor may go on, unless there is nobody left to go on.
            PolicyDecision::Allow if response.sessions_ended => ENDED,
            PolicyDecision::Challenge if response.deactivated => ENDED,
            PolicyDecision::Allow => return self.let_in(session, kept, slice, decision, context),
            PolicyDecision::Challenge if !factors.is_empty() => return self.challenge(session, kept, factors, decision, context),
            // Never enrolled on the spot: whoever has only the password would choose the factor.
            PolicyDecision::Challenge => "NO_FACTOR",
            PolicyDecision::Deny => "Sign-on policy evaluation resulted in DENY",
        };
        decision.put(ended(kept, SignInState::Failure, context));
        self.log_failure(refusal, &mut decision, context);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }

    fn let_in(
        &self,
        session: SignOnSession,
        kept: SignInRecord,
        slice: &Slice,
        mut decision: Decision,
        context: &mut Context<'_>,
    ) -> Decided<Progress> {
        let kept = history::accepted(kept, SignInState::Success, (slice, &mut decision), context);
        decision.put(kept);
        let accepted = Accepted {
            user: self.user,
            amr: &["pwd"],
            session,
            password_verified_at: context.now,
            factor_verified_at: None,
            token_hash: &self.command.session_token_hash,
        };
        let (token, user) = accepted.issue(&mut decision, context);
        let mut event = self
            .record
            .session_start(actor(self.user), &self.command.origin, Outcome::success());
        super::record_session(&mut event, &token);
        context.log(&mut decision, event);
        let done = SignedIn {
            user,
            expires_at: token.expires_at,
            relay_state: self.command.relay_state.clone(),
        };
        Decided::done(decision, Progress::Success(Box::new(done)))
    }

    fn challenge(
        &self,
        session: SignOnSession,
        kept: SignInRecord,
        factors: Vec<Factor>,
        mut decision: Decision,
        context: &mut Context<'_>,
    ) -> Decided<Progress> {
        let transaction = self.transaction(session, &kept, context);
        decision.put(kept);
        let challenged = Challenged {
            user: self.user.clone(),
            factors,
            expires_at: transaction.expires_at,
            relay_state: self.command.relay_state.clone(),
        };
        decision.put(transaction);
        Decided::done(decision, Progress::Challenge(Box::new(challenged)))
    }

    fn log_failure(&self, reason: &str, decision: &mut Decision, context: &mut Context<'_>) {
        let event = self
            .record
            .session_start(actor(self.user), &self.command.origin, Outcome::failure(reason));
        context.log(decision, event);
    }

    fn transaction(&self, session: SignOnSession, kept: &SignInRecord, context: &mut Context<'_>) -> AuthnTransaction {
        AuthnTransaction {
            id: AuthnTransactionId::generate(context.ids),
            hash: self.command.state_token_hash.clone(),
            user_id: self.user.id.clone(),
            state: AuthnState::MfaRequired,
            failures: 0,
            level: self.assessed.assessment.level,
            sign_in: kept.id.clone(),
            debug_data: self.record.debug_data.clone(),
            security_context: self.record.security.clone(),
            relay_state: self.command.relay_state.clone(),
            session,
            created: context.now,
            expires_at: context.now.plus(STATE_TOKEN_LIFE),
        }
    }
}
