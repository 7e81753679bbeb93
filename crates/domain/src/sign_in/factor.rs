//! The second step: a code of a second factor, or giving up.

use watchfire_model::{
    entity::Entity,
    id::{FactorId, UserId},
    log::{EventType, Outcome, RequestOrigin},
    object::{
        AuthnTransaction, EntityRisk, Factor, FactorState, Kind, SignInProfile, SignInRecord, SignInState, User, UserStatus,
    },
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{
    Accepted, MAX_CODE_FAILURES, Progress, SignedIn, history,
    influence::settle,
    record::{Record, actor, lock},
    record_session,
};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    factor::wrong_code,
    risk_learning::{self, stepped_up},
    user,
};

/// What a code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The code of this time step, which counts once (RFC 6238 section 5.2).
    OfStep(u64),
    /// None that counts now.
    Wrong {
        /// Whether this failure is the one that locks the account.
        locks: bool,
    },
}

/// An answer to a challenge, checked.
#[derive(Clone, Debug)]
pub struct FactorAnswer {
    /// The factor that is said to have made it.
    pub factor_id: FactorId,
    /// What it turned out to be.
    pub code: Code,
}

/// Answers the challenge of a sign-in under way.
#[derive(Clone, Debug)]
pub struct VerifyFactor {
    /// Hash of the state token.
    pub state_token_hash: String,
    /// Who was found to be signing in.
    pub user_id: UserId,
    /// The answer.
    pub answer: FactorAnswer,
    /// Hash of the session token that a success gives out.
    pub session_token_hash: String,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for VerifyFactor {
    type Outcome = Progress;

    fn needs(&self) -> Vec<Need> {
        let user = self.user_id.as_str();
        let mut needs = vec![
            Need::natural::<AuthnTransaction>(self.state_token_hash.as_str()),
            Need::object::<User>(user),
            Need::object::<SignInProfile>(user),
            Need::object::<Factor>(self.answer.factor_id.as_str()),
            Need::object::<EntityRisk>(Entity::User(self.user_id.clone()).to_string()),
            Need::children::<EntityRisk>(user),
        ];
        needs.extend(risk_learning::needs());
        needs
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        record_of(slice, &self.state_token_hash)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let step = match self.step(slice, context.now) {
            Ok(step) => step,
            Err(rejection) => return self.refuse(rejection, slice, context),
        };
        // It may have been switched off since its password was taken.
        if step.user.status != UserStatus::Active {
            return step.end(step.user.status.as_str(), slice, context);
        }
        match self.answer.code {
            Code::OfStep(number) if step.is_fresh(number) => step.succeed(number, slice, context),
            // A code that has been used is as wrong as any other.
            Code::OfStep(_) => step.fail(false, slice, context),
            Code::Wrong { locks } => step.fail(locks, slice, context),
        }
    }
}

impl VerifyFactor {
    fn step<'s>(&'s self, slice: &'s Slice, now: Timestamp) -> Result<SecondStep<'s>, Rejection> {
        let transaction = live(slice, &self.state_token_hash, now).ok_or(Rejection::InvalidToken)?;
        let user = slice
            .get::<User>(transaction.user_id.as_str())
            .ok_or(Rejection::InvalidToken)?;
        let id = self.answer.factor_id.as_str();
        let factor = slice
            .get::<Factor>(id)
            .filter(|factor| factor.user_id == user.id && factor.state == FactorState::Active)
            .ok_or_else(|| Rejection::not_found(id, "UserFactor"))?;
        Ok(SecondStep {
            command: self,
            transaction,
            user,
            factor,
            record: Record {
                debug_data: transaction.debug_data.clone(),
                security: transaction.security_context.clone(),
            },
        })
    }

    /// The sign-in has ended since the code was looked at, by another code at the same time for example. It
    /// was a try all the same: else those who try in parallel would spend the one that locks the account here.
    fn refuse(&self, rejection: Rejection, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let mut decision = Decision::new();
        if self.answer.code == (Code::Wrong { locks: true })
            && let Some(user) = slice.get::<User>(self.user_id.as_str())
        {
            lock(user, &self.origin, &mut decision, context);
        }
        Decided {
            decision,
            outcome: Err(rejection),
        }
    }
}

struct SecondStep<'a> {
    command: &'a VerifyFactor,
    transaction: &'a AuthnTransaction,
    user: &'a User,
    factor: &'a Factor,
    record: Record,
}

impl SecondStep<'_> {
    fn is_fresh(&self, number: u64) -> bool {
        self.factor.last_step.is_none_or(|last| number > last)
    }

    fn succeed(&self, number: u64, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let mut decision = Decision::new();
        decision.delete(Kind::AuthnTransaction, self.transaction.id.as_str());
        decision.put(Factor {
            last_step: Some(number),
            ..self.factor.clone()
        });
        let accepted = Accepted {
            user: self.user,
            amr: &["pwd", "otp", "mfa"],
            session: self.transaction.session.clone(),
            password_verified_at: self.transaction.created,
            factor_verified_at: Some(context.now),
            token_hash: &self.command.session_token_hash,
        };
        let (token, user) = accepted.issue(&mut decision, context);
        if let Some(kept) = slice.get::<SignInRecord>(self.transaction.sign_in.as_str()).cloned() {
            let mut kept = history::accepted(kept, SignInState::ChallengePassed, (slice, &mut decision), context);
            if kept.state == SignInState::ChallengePassed {
                stepped_up(&mut kept, true, slice, &mut decision, context.now);
            }
            decision.put(kept);
        }
        settle(self.user, self.transaction, slice, &mut decision, context);
        self.log_factor(Outcome::success(), &mut decision, context);
        let mut event = self
            .record
            .session_start(actor(self.user), &self.command.origin, Outcome::success());
        record_session(&mut event, &token);
        context.log(&mut decision, event);
        let done = SignedIn {
            user,
            expires_at: token.expires_at,
            relay_state: self.transaction.relay_state.clone(),
        };
        Decided::done(decision, Progress::Success(Box::new(done)))
    }

    /// A wrong code; one too many ends the sign-in.
    fn fail(&self, locks: bool, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let mut decision = Decision::new();
        self.log_factor(Outcome::failure("INVALID_CREDENTIALS"), &mut decision, context);
        let failures = self.transaction.failures.saturating_add(1);
        if locks {
            lock(self.user, &self.command.origin, &mut decision, context);
        }
        if locks || failures >= MAX_CODE_FAILURES {
            decision.delete(Kind::AuthnTransaction, self.transaction.id.as_str());
            self.log_failure("VERIFICATION_ERROR", &mut decision, context);
            self.lose(SignInState::ChallengeFailed, slice, &mut decision, context);
        } else {
            decision.put(AuthnTransaction {
                failures,
                ..self.transaction.clone()
            });
        }
        Decided {
            decision,
            outcome: Err(wrong_code()),
        }
    }

    fn end(&self, reason: &str, slice: &Slice, context: &mut Context<'_>) -> Decided<Progress> {
        let mut decision = Decision::new();
        decision.delete(Kind::AuthnTransaction, self.transaction.id.as_str());
        self.log_failure(reason, &mut decision, context);
        self.lose(SignInState::Failure, slice, &mut decision, context);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }

    fn lose(&self, state: SignInState, slice: &Slice, decision: &mut Decision, context: &Context<'_>) {
        end_record(self.transaction, state, slice, decision, context);
    }

    fn log_factor(&self, outcome: Outcome, decision: &mut Decision, context: &mut Context<'_>) {
        let mut event = self
            .record
            .event(EventType::AuthViaMfa, actor(self.user), &self.command.origin)
            .outcome(outcome)
            .target(user::target(self.user))
            .debug("factor", self.factor.factor_type.as_str());
        event.authentication_context.authentication_provider = Some("FACTOR_PROVIDER".to_owned());
        event.authentication_context.credential_type = Some("OTP".to_owned());
        context.log(decision, event);
    }

    fn log_failure(&self, reason: &str, decision: &mut Decision, context: &mut Context<'_>) {
        let event = self
            .record
            .session_start(actor(self.user), &self.command.origin, Outcome::failure(reason));
        context.log(decision, event);
    }
}

/// Gives a sign-in up. The outcome is what the application wants back.
#[derive(Clone, Debug)]
pub struct CancelSignIn {
    /// Hash of the state token.
    pub state_token_hash: String,
}

impl Command for CancelSignIn {
    type Outcome = Option<String>;

    fn needs(&self) -> Vec<Need> {
        vec![Need::natural::<AuthnTransaction>(self.state_token_hash.as_str())]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        record_of(slice, &self.state_token_hash)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Option<String>> {
        let Some(transaction) = live(slice, &self.state_token_hash, context.now) else {
            return Decided::rejected(Rejection::InvalidToken);
        };
        let mut decision = Decision::new();
        decision.delete(Kind::AuthnTransaction, transaction.id.as_str());
        end_record(transaction, SignInState::Abandoned, slice, &mut decision, context);
        Decided::done(decision, transaction.relay_state.clone())
    }
}

/// The record of the sign-in that a state token stands for.
fn record_of(slice: &Slice, hash: &str) -> Vec<Need> {
    let transaction = slice.by_natural::<AuthnTransaction>(hash).into_iter();
    transaction
        .map(|it| Need::object::<SignInRecord>(it.sign_in.as_str()))
        .collect()
}

fn end_record(transaction: &AuthnTransaction, state: SignInState, slice: &Slice, decision: &mut Decision, context: &Context<'_>) {
    if let Some(kept) = slice.get::<SignInRecord>(transaction.sign_in.as_str()).cloned() {
        let mut kept = history::ended(kept, state, context);
        if kept.state == SignInState::ChallengeFailed {
            stepped_up(&mut kept, false, slice, decision, context.now);
        }
        decision.put(kept);
    }
}

fn live<'s>(slice: &'s Slice, hash: &str, now: Timestamp) -> Option<&'s AuthnTransaction> {
    slice
        .by_natural::<AuthnTransaction>(hash)
        .filter(|transaction| transaction.expires_at > now)
}
