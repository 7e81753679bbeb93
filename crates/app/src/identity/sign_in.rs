//! Signing in (okta.md 9.1).

use std::net::IpAddr;

use secrecy::SecretString;
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::sign_in::{Challenged, Checked, Client, Progress, RefuseBlockedAddress, SignIn, SignedIn};
use watchfire_model::{
    id::UserId,
    log::RequestOrigin,
    object::{User, fold},
};

use super::sighting::Seen;
use crate::{App, Error, Result, access::Principal, entropy::url_safe, rate::RateWindow};

/// Characters of a made token behind its prefix.
const TOKEN_CHARS: usize = 40;
/// Characters of a typed name that are kept in the System Log: more than any login has.
const LOGGED_LOGIN_CHARS: usize = 100;

/// An attempt to sign in.
#[derive(Debug)]
pub struct SignInAttempt {
    /// The name as it was typed.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// `context.deviceToken`.
    pub device_token: Option<String>,
    /// `X-Device-Fingerprint`.
    pub fingerprint: Option<String>,
    /// What the application wants back.
    pub relay_state: Option<String>,
}

/// Where a sign-in came from.
#[derive(Clone, Debug)]
pub struct SignInSource {
    /// The client's address.
    pub ip: IpAddr,
    /// What the request says about itself.
    pub origin: RequestOrigin,
    /// The trusted application that passes the sign-in on, where it has shown its token.
    pub application: Option<Principal>,
}

/// How far a sign-in has come, with the token for the next step.
#[derive(Debug)]
pub enum Authn {
    /// Done.
    Success {
        /// Who.
        done: Box<SignedIn>,
        /// The one-time session token.
        session_token: String,
    },
    /// A second factor is asked for.
    MfaRequired {
        /// Who, and with what.
        challenged: Box<Challenged>,
        /// The token that stands for this sign-in.
        state_token: String,
    },
}

impl App {
    /// Counts an attempt for `username` (okta.md 9.1: so many a second and name, known or not).
    pub async fn count_sign_in(&self, username: &str) -> Option<RateWindow> {
        self.logins.count(fold(username), self.clock.now()).await
    }

    /// Tries to sign somebody in with a password.
    ///
    /// # Errors
    /// [`Error::Forbidden`] from a blocked address; [`Error::AuthenticationFailed`] for everything that
    /// an attacker must not tell apart; `E0000064` when the password is right and has expired.
    pub async fn sign_in(&self, attempt: SignInAttempt, source: SignInSource) -> Result<Authn> {
        self.demand_freshness()?;
        let login: String = attempt.username.chars().take(LOGGED_LOGIN_CHARS).collect();
        self.refuse_blocked(&login, &source).await?;
        let user = self.user_to_sign_in(&attempt.username).await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.passwords.verify(attempt.password, stored.clone()).await?;
        let now = self.clock.now();
        let password = match (stored.filter(|_| is_right), &user) {
            (Some(hash), _) => Checked::Right(hash),
            (None, Some(user)) => Checked::Wrong {
                locks: self.failures.count(&user.id, now).await,
            },
            (None, None) => Checked::Wrong { locks: false },
        };
        let trusted = source.application.is_some();
        let device_token = attempt.device_token.filter(|_| trusted);
        let device_token_hash = device_token.as_deref().map(hash_of_device);
        let account = user.as_ref().map_or_else(|| fold(&login), |user| fold(&user.login));
        let seen = self.sighting(Seen {
            ip: source.ip,
            user_agent: user_agent(&source),
            device_token: device_token.as_deref(),
            account: &account,
        });
        let tried = seen.attempt.clone();
        let user_id = user.map(|user| user.id);
        let (session_token, state_token) = (self.session_token(), self.state_token());
        let command = SignIn {
            login,
            user_id: user_id.clone(),
            password: password.clone(),
            seen,
            client: Client {
                fingerprint: attempt.fingerprint,
                device_token_hash,
            },
            application: None,
            kept_for: self.settings.sign_ins.kept_for,
            expression_steps: self.settings.sign_ins.expression_steps,
            rules_kept: self.settings.sign_ins.rules_kept,
            session_token_hash: sha256_hex(&session_token),
            state_token_hash: sha256_hex(&state_token),
            relay_state: attempt.relay_state,
            guard: self.settings.guard,
            origin: source.origin,
        };
        let decided = self.commands.run(command).await;
        if matches!(decided, Err(Error::AuthenticationFailed)) && matches!(password, Checked::Wrong { .. }) {
            self.saw_failure(&tried, &account, user_id.as_ref().map(UserId::as_str)).await;
        }
        match decided? {
            Progress::Success(done) => {
                self.failures.forget(&done.user.id).await;
                self.saw_success(&tried, &account);
                Ok(Authn::Success { done, session_token })
            }
            // The failures stay counted: who has only the password must not win tries at the factor.
            Progress::Challenge(challenged) => Ok(Authn::MfaRequired { challenged, state_token }),
        }
    }

    /// The user with this login, or the only one whose login begins with this short name. Users without a
    /// password, as other identity providers' sign-ins make them, do not make a short name ambiguous.
    async fn user_to_sign_in(&self, username: &str) -> Result<Option<User>> {
        let name = fold(username);
        let found: Option<User> = self.find(&name).await?;
        let has_password = |user: &User| user.password_hash.is_some();
        if name.contains('@') || found.as_ref().is_some_and(has_password) {
            return Ok(found);
        }
        let meant = self.only_starting_with(&format!("{name}@"), has_password).await?;
        Ok(meant.or(found))
    }

    pub(super) async fn refuse_blocked(&self, login: &str, source: &SignInSource) -> Result<()> {
        let Some(zone) = self.blocklist_of(source.ip) else {
            return Ok(());
        };
        let command = RefuseBlockedAddress {
            login: login.to_owned(),
            zone: (zone.id.to_string(), zone.name.clone()),
            origin: source.origin.clone(),
        };
        self.commands.run(command).await
    }

    pub(super) fn session_token(&self) -> String {
        format!("20111{}", url_safe(&*self.entropy, TOKEN_CHARS))
    }

    fn state_token(&self) -> String {
        format!("00{}", url_safe(&*self.entropy, TOKEN_CHARS))
    }
}

fn user_agent(source: &SignInSource) -> &str {
    let agent = source.origin.client.user_agent.as_ref();
    agent.map_or("", |agent| agent.raw_user_agent.as_str())
}

/// A device token as it is kept and logged. It counts only from a trusted application; a fingerprint counts
/// for nothing (okta.md 9.1).
pub(super) fn hash_of_device(token: &str) -> String {
    sha256_hex(format!("device token\0{token}"))
}
