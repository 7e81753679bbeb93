//! Sessions (okta.md 9.1, 9.8).

use watchfire_crypto::digest::sha256_hex;
pub use watchfire_domain::session::UserSession;
use watchfire_domain::session::{ClearSessions, EndSession, RefreshSession, StartSession};
use watchfire_model::{
    log::RequestOrigin,
    object::{Factor, FactorState, Session, SessionToken, User},
};

use super::users;
use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "okta.sessions.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.sessions.manage";

/// A session as it is shown.
#[derive(Clone, Debug)]
pub struct ShownSession {
    /// The session and its user.
    pub of: UserSession,
    /// Whether the user has a second factor.
    pub mfa_active: bool,
    /// The organisation, which is the identity provider.
    pub org_id: String,
}

impl App {
    /// Makes a session of a session token, once.
    ///
    /// # Errors
    /// [`Error::AuthenticationFailed`] when the token was used, has expired or is none.
    pub async fn start_session(&self, caller: &Principal, token: &str) -> Result<ShownSession> {
        caller.require(MANAGE)?;
        let token_hash = sha256_hex(token);
        let found: Option<SessionToken> = self.find(&token_hash).await?;
        let user_id = found.ok_or(Error::AuthenticationFailed)?.user_id;
        let of = self.commands.run(StartSession { token_hash, user_id }).await?;
        self.shown(of).await
    }

    /// One session.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it has ended or never was.
    pub async fn session(&self, caller: &Principal, id: &str) -> Result<ShownSession> {
        caller.require(READ)?;
        let session = self.live_session(id).await?;
        let user: Option<User> = self.get(session.user_id.as_str()).await?;
        let user = user.ok_or_else(|| Error::not_found(id, "Session"))?;
        self.shown(UserSession { session, user }).await
    }

    /// Keeps a session from ending for want of use.
    ///
    /// # Errors
    /// As for [`Self::session`].
    pub async fn refresh_session(&self, caller: &Principal, id: &str) -> Result<ShownSession> {
        caller.require(MANAGE)?;
        let session = self.live_session(id).await?;
        let command = RefreshSession {
            id: session.id,
            user_id: session.user_id,
        };
        let of = self.commands.run(command).await?;
        self.shown(of).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As for [`Self::session`]; [`Error::Forbidden`] for that of an administrator.
    pub async fn end_session(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let session = self.live_session(id).await?;
        self.managed_user(caller, session.user_id.as_str()).await?;
        let command = EndSession {
            id: session.id,
            user_id: session.user_id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Ends every session of a user. Either scope will do: the contract has changed its mind (okta.md 0.3).
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn clear_sessions(&self, caller: &Principal, origin: RequestOrigin, user: &str) -> Result<()> {
        caller.require(users::MANAGE).or_else(|_| caller.require(MANAGE))?;
        let command = ClearSessions {
            user_id: self.managed_user(caller, user).await?.id,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// The sessions of a user, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; without the scope.
    pub async fn sessions_of(&self, caller: &Principal, user: &str) -> Result<Vec<Session>> {
        caller.require(READ)?;
        let user = self.named_user(caller, user).await?;
        let now = self.clock.now();
        let mut sessions: Vec<Session> = self.children(user.id.as_str()).await?;
        sessions.retain(|session| session.expires_at > now);
        Ok(sessions)
    }

    async fn live_session(&self, id: &str) -> Result<Session> {
        let now = self.clock.now();
        let found: Option<Session> = self.get(id).await?;
        found
            .filter(|session| session.expires_at > now)
            .ok_or_else(|| Error::not_found(id, "Session"))
    }

    async fn shown(&self, of: UserSession) -> Result<ShownSession> {
        let factors: Vec<Factor> = self.children(of.user.id.as_str()).await?;
        let directory = self.state.directory();
        Ok(ShownSession {
            of,
            mfa_active: factors.iter().any(|factor| factor.state == FactorState::Active),
            org_id: directory.org().map(|org| org.id.to_string()).unwrap_or_default(),
        })
    }
}
