//! The risk of a sign-in at somebody else's identity provider, and what the policies make of it
//! (architecture section 5). It teaches nothing until its outcome is told.

use std::time::Duration;

use serde_json::Map;
use watchfire_engine::policy::{Decision as PolicyDecision, Evaluation};
use watchfire_model::{
    entity::Entity,
    id::UserId,
    log::{Actor, EventType, RequestOrigin},
    object::{AskedBy, Group, Membership, SignInRecord, User, UserStatus, fold},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    history::Judgement,
    password::{Asking, Client},
    record::{Record, actor, blocked},
    sighting::Sighting,
};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk,
    user::{self, EVERYONE},
};

/// Somebody tries to sign in at an identity provider, which asks for the risk.
#[derive(Clone, Debug)]
pub struct EvaluateSignIn {
    /// Who.
    pub whom: Whom,
    /// What was seen of the attempt.
    pub seen: Sighting,
    /// When it was, where the caller says so; not later than now.
    pub at: Option<Timestamp>,
    /// The application that it is for.
    pub application: Option<String>,
    /// The client or the API token that asks, and will tell the outcome.
    pub asked_by: String,
    /// How the System Log names it.
    pub actor: Actor,
    /// Whether a login that nobody has becomes a user without a password.
    pub makes_users: bool,
    /// Hash of its `Idempotency-Key`: a repeated one is answered with the first sign-in.
    pub idempotency: Option<String>,
    /// How long the record is kept.
    pub kept_for: Duration,
    /// The steps that the expressions of all rules that it asks may take together.
    pub expression_steps: u32,
    /// Rules whose outcomes its record keeps, the last that it asks.
    pub rules_kept: usize,
    /// From where.
    pub origin: RequestOrigin,
}

/// Who tries to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The user with this login.
    Login(String),
    /// The user with this id.
    Id(UserId),
}

impl Command for EvaluateSignIn {
    type Outcome = SignInRecord;

    fn needs(&self) -> Vec<Need> {
        let mut needs = entity_risk::needs();
        needs.extend(Sighting::needs());
        needs.extend(self.seen.needs_of_signals());
        needs.push(Need::natural::<Group>(EVERYONE));
        needs.push(match &self.whom {
            Whom::Login(login) => Need::natural::<User>(fold(login)),
            Whom::Id(id) => Need::object::<User>(id.as_str()),
        });
        needs.extend(self.idempotency.as_deref().map(Need::natural::<SignInRecord>));
        // Asked for with the user, whoever it turns out to be.
        needs.extend(Asking::needs("").into_iter().filter(|need| matches!(need, Need::All(_))));
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let mut needs = vec![Asking::snapshot_need(slice, self.expression_steps)];
        if let Some(user) = self.user(slice) {
            let id = user.id.as_str();
            needs.extend(Sighting::needs_of(id));
            needs.push(Need::children::<Membership>(id));
            needs.extend(entity_risk::follow_up(slice, &[Entity::User(user.id.clone())], None));
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SignInRecord> {
        self.try_decide(slice, context).into()
    }
}

impl EvaluateSignIn {
    fn user<'s>(&self, slice: &'s Slice) -> Option<&'s User> {
        match &self.whom {
            Whom::Login(login) => slice.by_natural::<User>(&fold(login)),
            Whom::Id(id) => slice.get::<User>(id.as_str()),
        }
    }

    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SignInRecord), Rejection> {
        let first = self
            .idempotency
            .as_deref()
            .and_then(|key| slice.by_natural::<SignInRecord>(key));
        if let Some(first) = first {
            return match self.is_again(first, self.user(slice)) {
                true => Ok((Decision::new(), first.clone())),
                false => Err(Rejection::invalid(
                    "Idempotency-Key",
                    "This key was used with another sign-in",
                )),
            };
        }
        let mut decision = Decision::new();
        let user = match (self.user(slice), &self.whom) {
            (Some(user), _) => user.clone(),
            (None, Whom::Login(login)) if self.makes_users => self.shadow(login, slice, &mut decision, context),
            (None, Whom::Login(_)) => return Err(Rejection::invalid("user.login", "No user has this login")),
            (None, Whom::Id(_)) => return Err(Rejection::invalid("user.id", "No user has this id")),
        };
        let at = self.at.unwrap_or(context.now).min(context.now);
        let assessed = self.seen.assess(Some(&user.id), slice, at);
        let mut asking = Asking::of(&user, slice, self.expression_steps);
        if decision.rows.len() > 1 {
            // A user that this decision makes is in no slice yet, and is in the group of everyone.
            asking.groups = slice
                .by_natural::<Group>(EVERYONE)
                .map(|it| it.id.clone())
                .into_iter()
                .collect();
        }
        let blocked_by = asking.blocked_by(&self.seen);
        let mut evaluation = if user.status.is_off() {
            denied()
        } else {
            asking.evaluate(&user, (&self.seen, self.application.as_deref()), &assessed)
        };
        if blocked_by.is_some() {
            evaluation = Evaluation {
                // What the rules would have said stays.
                explanation: evaluation.explanation,
                ..denied()
            };
        }
        let login = match &self.whom {
            Whom::Login(login) => login.as_str(),
            Whom::Id(_) => &user.login,
        };
        let revision = asking.keep(slice, self.kept_for, &mut decision, context);
        let judgement = Judgement {
            user: &user,
            login,
            asked_by: AskedBy::Caller(self.asked_by.clone()),
            application: self.application.as_deref(),
            seen: &self.seen,
            assessed: &assessed,
            evaluation: &evaluation,
            revision,
            groups: asking.groups,
            kept_for: self.kept_for,
            rules_kept: self.rules_kept,
        };
        let mut kept = judgement.record(context);
        kept.at = at.as_printed();
        kept.idempotency = self.idempotency.clone();
        let client = Client {
            fingerprint: None,
            device_token_hash: kept.client.device_token_hash.clone(),
        };
        let record = Record::of_client(&client, &self.origin)
            .of_sign_in(&kept.id)
            .with(&assessed.assessment);
        if let Some(zone) = blocked_by {
            context.log(
                &mut decision,
                blocked(actor(&user), &self.origin, (zone.id.as_str(), &zone.name)),
            );
        }
        context.log(&mut decision, record.evaluation(actor(&user), &self.origin, &evaluation));
        decision.put(kept.clone());
        Ok((decision, kept))
    }

    /// Whether the request under a key that was used is the request that used it.
    fn is_again(&self, first: &SignInRecord, user: Option<&User>) -> bool {
        user.is_some_and(|user| user.id == first.user_id)
            && first.client.ip == self.seen.attempt.address
            && first.application == self.application
    }

    /// A user whom only the identity provider knows: without a password, so that it cannot sign in here.
    fn shadow(&self, login: &str, slice: &Slice, decision: &mut Decision, context: &mut Context<'_>) -> User {
        let user = User {
            id: UserId::generate(context.ids),
            login: login.to_owned(),
            profile: Map::from_iter([("login".to_owned(), login.into())]),
            status: UserStatus::Provisioned,
            password_hash: None,
            administrator: false,
            created: context.now,
            activated: Some(context.now),
            status_changed: Some(context.now),
            last_login: None,
            last_updated: context.now,
            password_changed: None,
        };
        decision.put(user.clone());
        if let Some(everyone) = slice.by_natural::<Group>(EVERYONE) {
            decision.put(Membership {
                group_id: everyone.id.clone(),
                user_id: user.id.clone(),
                created: context.now,
            });
        }
        let made = user::event(EventType::UserCreate, &self.actor, &self.origin, &user);
        context.log(decision, made);
        user
    }
}

/// Of somebody who is switched off, no rule is asked.
const fn denied() -> Evaluation {
    Evaluation {
        decision: PolicyDecision::Deny,
        policy: None,
        rule: None,
        action: None,
        monitored: Vec::new(),
        explanation: Vec::new(),
    }
}
