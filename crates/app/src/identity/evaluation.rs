//! The risk of sign-ins at somebody else's identity provider (architecture section 5).

use std::{net::IpAddr, time::Duration};

use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::sign_in::{EvaluateSignIn, TellOutcome, recorded_attempt};
pub use watchfire_domain::sign_in::{Told, Whom};
use watchfire_model::{
    id::SignInId,
    log::{RequestOrigin, UserAgent},
    object::{SignInRecord, User, fold},
    time::Timestamp,
};

use super::sighting::Seen;
use crate::{App, Error, Result, access::Principal};

/// The scope that asks for the risk of a sign-in.
pub const EVALUATE: &str = "watchfire.signIns.evaluate";
/// The scope that tells how it ended.
pub const OUTCOME: &str = "watchfire.signIns.outcome";

/// How far behind an attempt may be told.
pub(crate) const LATE: Duration = Duration::from_secs(10 * 60);
/// How far a caller's clock may be ahead.
const EARLY: Duration = Duration::from_secs(60);

/// A sign-in at somebody else's identity provider.
#[derive(Debug)]
pub struct ForeignSignIn {
    /// Who.
    pub whom: Whom,
    /// From which address.
    pub ip: IpAddr,
    /// With which program.
    pub user_agent: Option<String>,
    /// What stands for the device.
    pub device_token: Option<String>,
    /// The application that it is for.
    pub application: Option<String>,
    /// When, if not now.
    pub at: Option<Timestamp>,
    /// `Idempotency-Key`
    pub idempotency_key: Option<String>,
}

impl App {
    /// Assesses a sign-in and asks the policies. It teaches nothing until its outcome is told. `None` when
    /// the store does not answer in time, or this node does not know what others have decided: nothing is known, so
    /// that nobody may be let in without more.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::Invalid`] for a user that nobody knows, where none is
    /// made, and for a time that is not now.
    pub async fn evaluate_sign_in(
        &self,
        caller: &Principal,
        it: ForeignSignIn,
        origin: RequestOrigin,
    ) -> Result<Option<SignInRecord>> {
        caller.require(EVALUATE)?;
        self.check_time(it.at)?;
        if self.commands.is_stale() {
            return Ok(None);
        }
        let account = self.account_of(&it.whom).await;
        let seen = self.sighting(Seen {
            ip: it.ip,
            user_agent: it.user_agent.as_deref().unwrap_or_default(),
            device_token: it.device_token.as_deref(),
            account: &account,
        });
        let mut origin = origin;
        origin.client.ip_address = Some(seen.attempt.address);
        origin.client.user_agent = it.user_agent.map(|_| UserAgent {
            raw_user_agent: seen.attempt.user_agent.clone(),
            ..UserAgent::default()
        });
        let asked_by = caller.rate_key().to_owned();
        let key = it.idempotency_key;
        let command = EvaluateSignIn {
            whom: it.whom,
            seen,
            at: it.at,
            application: it.application,
            actor: caller.actor.clone(),
            makes_users: self.settings.sign_ins.shadow_users,
            idempotency: key.map(|key| sha256_hex(format!("sign-ins\0{asked_by}\0{key}"))),
            asked_by,
            kept_for: self.settings.sign_ins.kept_for,
            expression_steps: self.settings.sign_ins.expression_steps,
            rules_kept: self.settings.sign_ins.rules_kept,
            origin,
        };
        let decided = tokio::time::timeout(self.settings.sign_ins.answer_within, self.commands.run(command));
        match decided.await {
            Ok(Ok(record)) => Ok(Some(record)),
            Ok(Err(Error::Unavailable { .. } | Error::Internal(_))) | Err(_) => Ok(None),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Tells how a sign-in ended.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope; [`Error::NotFound`] for a sign-in that another caller has
    /// asked about; [`Error::Invalid`] when it has been told, or too late.
    pub async fn tell_outcome(&self, caller: &Principal, id: &str, result: Told, origin: RequestOrigin) -> Result<()> {
        caller.require(OUTCOME)?;
        let command = TellOutcome {
            id: SignInId::new(id),
            result,
            told_by: caller.rate_key().to_owned(),
            administrator: caller.administrator().is_some(),
            within: self.settings.sign_ins.outcome_within,
            guard: self.settings.guard,
            origin,
        };
        let record = self.commands.run(command).await?;
        let attempt = recorded_attempt(&record);
        let user = record.user_id.as_str();
        let account = self
            .get::<User>(user)
            .await?
            .map_or_else(|| fold(&record.login), |user| fold(&user.login));
        match result {
            Told::Success | Told::ChallengePassed => self.saw_success(&attempt, &account),
            Told::Failure => self.saw_failure(&attempt, &account, Some(user)).await,
            Told::ChallengeFailed | Told::Abandoned | Told::NotMe => {}
        }
        Ok(())
    }

    fn check_time(&self, at: Option<Timestamp>) -> Result<()> {
        let now = self.clock.now();
        match at {
            Some(at) if at > now.plus(EARLY) || at < now.minus(LATE) => {
                let message = "The time must be at most ten minutes ago and not in the future";
                Err(Error::Invalid {
                    field: "at".to_owned(),
                    causes: vec![format!("at: {message}")],
                })
            }
            _ => Ok(()),
        }
    }

    /// Under which the last hour of an account is counted.
    async fn account_of(&self, whom: &Whom) -> String {
        match whom {
            Whom::Login(login) => fold(login),
            Whom::Id(id) => {
                // A store that does not answer is the command's to find out.
                let user = self.get::<User>(id.as_str()).await.ok().flatten();
                user.map_or_else(|| id.to_string(), |user| fold(&user.login))
            }
        }
    }
}
