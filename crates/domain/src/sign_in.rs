//! Signing in with a password, and with a second factor where a policy asks for it (okta.md 9.1).
//!
//! | module | holds |
//! |---|---|
//! | `password` | the first step: assessment, policy, success, challenge or refusal |
//! | `factor` | the second step, and giving up |
//! | `evaluation` | a sign-in at somebody else's identity provider: assessment and policy |
//! | `outcome` | how that one ended |
//! | `disown` | it was somebody else's after all |
//! | `sighting` | what is known of an attempt, and its assessment |
//! | `history` | the record of a sign-in, and what is learnt from it |
//! | `influence` | what a sign-in means for the risk of its user |
//! | `record` | what the System Log says of a sign-in |

pub(crate) mod disown;
mod evaluation;
mod factor;
mod history;
mod influence;
mod outcome;
mod password;
mod record;
mod sighting;

#[cfg(test)]
mod tests;

pub(crate) use self::history::outcomes;
pub use self::{
    evaluation::{EvaluateSignIn, Whom},
    factor::{CancelSignIn, Code, FactorAnswer, VerifyFactor},
    history::{recorded_assessment, recorded_attempt, recorded_basis, recorded_delta},
    outcome::{NOT_ME_WITHIN, TellOutcome, Told},
    password::{Checked, Client, SignIn},
    record::RefuseBlockedAddress,
    sighting::{PresentedDevice, Sighting},
};

use std::time::Duration;

use watchfire_model::{
    id::{SessionId, SessionTokenId},
    log::LogEvent,
    object::{Factor, FactorState, SessionToken, SignOnSession, User},
    row::Decision,
    slice::Slice,
    time::Timestamp,
};

use crate::command::Context;

/// How long a session token works (okta.md 9.1).
pub const SESSION_TOKEN_LIFE: Duration = Duration::from_secs(5 * 60);
/// How long a state token works.
pub const STATE_TOKEN_LIFE: Duration = Duration::from_secs(5 * 60);
/// Wrong codes after which a sign-in under way ends.
pub const MAX_CODE_FAILURES: u32 = 5;

/// How far a sign-in has come.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The session token works.
    Success(Box<SignedIn>),
    /// A second factor is asked for.
    Challenge(Box<Challenged>),
}

/// Somebody has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// When the session token stops working.
    pub expires_at: Timestamp,
    /// What the application wants back.
    pub relay_state: Option<String>,
}

/// Somebody must show a second factor.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// Who.
    pub user: User,
    /// The factors that will do.
    pub factors: Vec<Factor>,
    /// When the state token stops working.
    pub expires_at: Timestamp,
    /// What the application wants back.
    pub relay_state: Option<String>,
}

/// A sign-in that every check has let through.
struct Accepted<'a> {
    user: &'a User,
    amr: &'a [&'a str],
    session: SignOnSession,
    password_verified_at: Timestamp,
    factor_verified_at: Option<Timestamp>,
    token_hash: &'a str,
}

impl Accepted<'_> {
    /// Gives out the session token.
    fn issue(self, decision: &mut Decision, context: &mut Context<'_>) -> (SessionToken, User) {
        let token = SessionToken {
            id: SessionTokenId::generate(context.ids),
            hash: self.token_hash.to_owned(),
            user_id: self.user.id.clone(),
            amr: self.amr.iter().map(|&method| method.to_owned()).collect(),
            session: self.session,
            session_id: SessionId::generate(context.ids),
            password_verified_at: self.password_verified_at,
            factor_verified_at: self.factor_verified_at,
            expires_at: context.now.plus(SESSION_TOKEN_LIFE),
        };
        let user = User {
            last_login: Some(context.now),
            ..self.user.clone()
        };
        decision.put(token.clone());
        decision.put(user.clone());
        (token, user)
    }
}

/// The factors with which the user can answer a challenge.
fn active_factors(slice: &Slice, user: &User) -> Vec<Factor> {
    let factors = slice.children::<Factor>(user.id.as_str()).into_iter();
    factors
        .filter(|factor| factor.state == FactorState::Active)
        .cloned()
        .collect()
}

/// Names the session that is to be in the event that begins it.
fn record_session(event: &mut LogEvent, token: &SessionToken) {
    event.authentication_context.external_session_id = Some(token.session_id.to_string());
    event.authentication_context.root_session_id = Some(token.session_id.to_string());
}
