//! The second step of a sign-in, and where one stands (okta.md 9.1).

use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::sign_in::{CancelSignIn, Challenged, Code, FactorAnswer, Progress, VerifyFactor, recorded_attempt};
use watchfire_model::object::{AuthnTransaction, Factor, FactorState, SignInRecord, User, fold};

use super::sign_in::{Authn, SignInSource};
use crate::{App, Challenge, Error, Result};

/// What a state token of a sign-in that has ended, or was never begun, is answered with.
const INVALID: Error = Error::Unauthenticated(Challenge::InvalidToken("The state token is invalid or has expired."));

impl App {
    /// Answers the challenge of a sign-in with a code.
    ///
    /// # Errors
    /// `E0000011` for a state token that stands for nothing, `E0000068` for a code that does not count;
    /// [`Error::NotFound`] for a factor that is not the user's.
    pub async fn verify_factor(&self, state_token: &str, factor_id: &str, code: &str, source: SignInSource) -> Result<Authn> {
        self.refuse_blocked("unknown", &source).await?;
        let transaction = self.transaction(state_token).await?;
        let factor = self.get::<Factor>(factor_id).await?;
        let factor = factor.filter(|factor| factor.user_id == transaction.user_id && factor.state == FactorState::Active);
        let factor = factor.ok_or_else(|| Error::not_found(factor_id, "UserFactor"))?;
        let matching = self.matching_step(&factor, code)?;
        let fresh = matching.filter(|step| factor.last_step.is_none_or(|last| *step > last));
        let code = match fresh {
            Some(step) => Code::OfStep(step),
            None => Code::Wrong {
                locks: self.failures.count(&transaction.user_id, self.clock.now()).await,
            },
        };
        let session_token = self.session_token();
        let command = VerifyFactor {
            state_token_hash: sha256_hex(state_token),
            user_id: transaction.user_id,
            answer: FactorAnswer {
                factor_id: factor.id,
                code,
            },
            session_token_hash: sha256_hex(&session_token),
            origin: source.origin,
        };
        match self.commands.run(command).await.map_err(as_state_token)? {
            Progress::Success(done) => {
                self.failures.forget(&done.user.id).await;
                if let Some(record) = self.get::<SignInRecord>(transaction.sign_in.as_str()).await? {
                    self.saw_success(&recorded_attempt(&record), &fold(&done.user.login));
                }
                Ok(Authn::Success { done, session_token })
            }
            Progress::Challenge(challenged) => Ok(Authn::MfaRequired {
                challenged,
                state_token: state_token.to_owned(),
            }),
        }
    }

    /// Where a sign-in stands.
    ///
    /// # Errors
    /// `E0000011` for a state token that stands for nothing.
    pub async fn sign_in_state(&self, state_token: &str) -> Result<Authn> {
        let transaction = self.transaction(state_token).await?;
        let user: User = self.get(transaction.user_id.as_str()).await?.ok_or(INVALID)?;
        let mut factors: Vec<Factor> = self.children(user.id.as_str()).await?;
        factors.retain(|factor| factor.state == FactorState::Active);
        let challenged = Box::new(Challenged {
            user,
            factors,
            expires_at: transaction.expires_at,
            relay_state: transaction.relay_state,
        });
        Ok(Authn::MfaRequired {
            challenged,
            state_token: state_token.to_owned(),
        })
    }

    /// Goes back or skips: a sign-in that waits for a factor can do neither.
    ///
    /// # Errors
    /// `E0000079`, and as for [`Self::sign_in_state`].
    pub async fn leave_factor(&self, state_token: &str) -> Result<Authn> {
        self.transaction(state_token).await?;
        Err(Error::catalogued("E0000079", Vec::new()))
    }

    /// Gives a sign-in up; answers with what the application wants back.
    ///
    /// # Errors
    /// As for [`Self::sign_in_state`].
    pub async fn cancel_sign_in(&self, state_token: &str) -> Result<Option<String>> {
        let state_token_hash = sha256_hex(state_token);
        let cancelled = self.commands.run(CancelSignIn { state_token_hash }).await;
        cancelled.map_err(as_state_token)
    }

    async fn transaction(&self, state_token: &str) -> Result<AuthnTransaction> {
        let found: Option<AuthnTransaction> = self.find(&sha256_hex(state_token)).await?;
        let now = self.clock.now();
        found.filter(|transaction| transaction.expires_at > now).ok_or(INVALID)
    }
}

/// Says of a refused token that it is the state token.
fn as_state_token(error: Error) -> Error {
    match error {
        Error::Unauthenticated(_) => INVALID,
        other => other,
    }
}
