//! Sessions (okta.md 9.1, 9.8).

use std::time::Duration;

use watchfire_model::{
    id::{SessionId, UserId},
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{AuthnTransaction, Kind, Session, SessionToken, SignOnSession, User, UserStatus},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::{Done, settle, settle_needs},
    user,
};

/// A session with the user that it belongs to.
#[derive(Clone, Debug)]
pub struct UserSession {
    /// The session.
    pub session: Session,
    /// Whose it is, as it is now.
    pub user: User,
}

/// Makes a session of a session token, which is then used up.
#[derive(Clone, Debug)]
pub struct StartSession {
    /// Hash of the token.
    pub token_hash: String,
    /// The user that the token was found to name.
    pub user_id: UserId,
}

impl Command for StartSession {
    type Outcome = UserSession;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::natural::<SessionToken>(self.token_hash.as_str()),
            Need::object::<User>(self.user_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<UserSession> {
        self.try_decide(slice, context).into()
    }
}

impl StartSession {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, UserSession), Rejection> {
        let token = slice
            .by_natural::<SessionToken>(&self.token_hash)
            .filter(|token| token.expires_at > context.now)
            .ok_or(Rejection::AuthenticationFailed)?;
        let user = slice
            .get::<User>(token.user_id.as_str())
            .filter(|user| user.status == UserStatus::Active)
            .ok_or(Rejection::AuthenticationFailed)?;
        let session = Session {
            id: token.session_id.clone(),
            user_id: token.user_id.clone(),
            amr: token.amr.clone(),
            limits: token.session.clone(),
            created: context.now,
            expires_at: expiry(&token.session, context.now, context.now),
            password_verified_at: token.password_verified_at,
            factor_verified_at: token.factor_verified_at,
        };
        let mut decision = Decision::new();
        decision.delete(Kind::SessionToken, token.id.as_str());
        decision.put(session.clone());
        let user = user.clone();
        Ok((decision, UserSession { session, user }))
    }
}

/// Keeps a session from ending for want of use.
#[derive(Clone, Debug)]
pub struct RefreshSession {
    /// Which one.
    pub id: SessionId,
    /// The user that it was found to belong to.
    pub user_id: UserId,
}

impl Command for RefreshSession {
    type Outcome = UserSession;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Session>(self.id.as_str()),
            Need::object::<User>(self.user_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<UserSession> {
        let found = live(slice, &self.id, context.now).zip(slice.get::<User>(self.user_id.as_str()));
        let Some((old, user)) = found else {
            return Decided::rejected(not_found(&self.id));
        };
        let session = Session {
            expires_at: expiry(&old.limits, old.created, context.now),
            ..old.clone()
        };
        let mut decision = Decision::new();
        decision.put(session.clone());
        let user = user.clone();
        Decided::done(decision, UserSession { session, user })
    }
}

/// Ends one session.
#[derive(Clone, Debug)]
pub struct EndSession {
    /// Which one.
    pub id: SessionId,
    /// The user that it was found to belong to.
    pub user_id: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for EndSession {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<Session>(self.id.as_str()),
            Need::object::<User>(self.user_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let found = live(slice, &self.id, context.now).zip(slice.get::<User>(self.user_id.as_str()));
        let Some((session, user)) = found else {
            return Decided::rejected(not_found(&self.id));
        };
        let mut decision = Decision::new();
        decision.delete(Kind::Session, session.id.as_str());
        context.log(&mut decision, ended(user, session, (&self.actor, &self.origin)));
        Decided::done(decision, ())
    }
}

/// Ends every session of a user.
#[derive(Clone, Debug)]
pub struct ClearSessions {
    /// Whose.
    pub user_id: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ClearSessions {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        clear_needs(&self.user_id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let by = (&self.actor, &self.origin);
        clear(&self.user_id, &[EventType::UserSessionClear], slice, context, by).into()
    }
}

/// Ends everything that lets a user in, because somebody who may has asked for its global revocation
/// (okta.md 9.8). The tokens of service apps are nobody's and stay.
#[derive(Clone, Debug)]
pub struct RevokeEverything {
    /// Whose.
    pub user_id: UserId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RevokeEverything {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        clear_needs(&self.user_id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let events = [EventType::UserUniversalLogout, EventType::UserSessionClear];
        clear(&self.user_id, &events, slice, context, (&self.actor, &self.origin)).into()
    }
}

fn clear_needs(user: &UserId) -> Vec<Need> {
    let id = user.as_str();
    vec![
        Need::object::<User>(id),
        Need::children::<Session>(id),
        Need::children::<SessionToken>(id),
        Need::children::<AuthnTransaction>(id),
        settle_needs(user),
    ]
}

/// Ends all that lets a user in, under these events, and settles what that settles.
fn clear(
    user: &UserId,
    events: &[EventType],
    slice: &Slice,
    context: &mut Context<'_>,
    by: (&Actor, &RequestOrigin),
) -> Result<(Decision, ()), Rejection> {
    let found = slice.get::<User>(user.as_str());
    let user = found.ok_or_else(|| Rejection::not_found(user.as_str(), "User"))?;
    let mut decision = Decision::new();
    for event_type in events {
        let event = user::event(*event_type, by.0, by.1, user);
        context.log(&mut decision, event);
    }
    end_sessions(user, slice, &mut decision, context, by);
    settle(user, &[Done::SessionsEnded], slice, &mut decision, context, by);
    Ok((decision, ()))
}

/// Ends what lets `user` in: sessions, tokens for sessions, sign-ins under way. One event a session, all
/// of the transaction that caused them (okta.md 8.6).
pub(crate) fn end_sessions(
    user: &User,
    slice: &Slice,
    decision: &mut Decision,
    context: &mut Context<'_>,
    by: (&Actor, &RequestOrigin),
) {
    let id = user.id.as_str();
    for session in slice.children::<Session>(id) {
        decision.delete(Kind::Session, session.id.as_str());
        if session.expires_at > context.now {
            context.log(decision, ended(user, session, by));
        }
    }
    for token in slice.children::<SessionToken>(id) {
        decision.delete(Kind::SessionToken, token.id.as_str());
    }
    for transaction in slice.children::<AuthnTransaction>(id) {
        decision.delete(Kind::AuthnTransaction, transaction.id.as_str());
    }
}

fn ended(user: &User, session: &Session, (actor, origin): (&Actor, &RequestOrigin)) -> LogEvent {
    let mut event = user::event(EventType::UserSessionEnd, actor, origin, user).debug("endedSessionId", session.id.as_str());
    event.authentication_context.external_session_id = Some(session.id.to_string());
    event
}

/// A session that has not run out.
fn live<'s>(slice: &'s Slice, id: &SessionId, now: Timestamp) -> Option<&'s Session> {
    slice.get::<Session>(id.as_str()).filter(|session| session.expires_at > now)
}

fn not_found(id: &SessionId) -> Rejection {
    Rejection::not_found(id.as_str(), "Session")
}

/// When a session that is used at `now` ends: unused for its idle time, or too old.
fn expiry(limits: &SignOnSession, created: Timestamp, now: Timestamp) -> Timestamp {
    let idle = now.plus(minutes(limits.max_session_idle_minutes));
    match limits.max_session_lifetime_minutes {
        0 => idle,
        lifetime => idle.min(created.plus(minutes(lifetime))),
    }
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(u64::from(count).saturating_mul(60))
}
