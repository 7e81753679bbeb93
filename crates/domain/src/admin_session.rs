//! Sessions in the Admin Console: beginning by password, code or an OpenID provider; use; end.

use std::time::Duration;

use watchfire_model::{
    id::{SessionId, UserId},
    log::{Actor, AuthenticationContext, EventType, Issuer, LogEvent, Outcome, RequestOrigin, Target},
    object::{AdminSession, Administrator, Kind, Passkey, User},
    row::{Decision, Row},
    slice::{Need, Slice},
    time::Timestamp,
};

use crate::{
    Rejection,
    administrator::{APPLICATION, actor},
    command::{Command, Context, Decided},
    console_sign_in::{IdpIdentity, check_link, link_event, link_needs},
    passkey::FACTOR,
    user,
};

/// Notes an attempt that ended with the password: it was wrong, there is no such administrator, or no password is
/// taken.
#[derive(Clone, Debug)]
pub struct RefusePassword {
    /// The name as it was typed.
    pub login: String,
    /// Who that is, where it is somebody.
    pub user_id: Option<UserId>,
    /// Why, in one word.
    pub reason: &'static str,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RefusePassword {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs_of_attempt(self.user_id.as_ref())
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let who = who_tried(slice, self.user_id.as_ref(), &self.login);
        let mut decision = Decision::new();
        let event = LogEvent::new(EventType::UserSessionStart, who).from_request(&self.origin);
        let event = event.authentication(AuthenticationContext::password());
        let event = event.outcome(Outcome::failure(self.reason)).target(console());
        context.log(&mut decision, event.debug("application", APPLICATION));
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }
}

/// What [`who_tried`] looks at.
pub(crate) fn needs_of_attempt(user_id: Option<&UserId>) -> Vec<Need> {
    let user = user_id.into_iter();
    user.map(|id| Need::object::<User>(id.as_str())).collect()
}

/// Whose attempt it was, where it was somebody's; else the name as it was given.
pub(crate) fn who_tried(slice: &Slice, user_id: Option<&UserId>, login: &str) -> Actor {
    let known = user_id.and_then(|id| slice.get::<User>(id.as_str()));
    known.map_or_else(|| Actor::unknown_user(login), actor)
}

/// What was shown beside the first step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondStep {
    /// A code of the authenticator app: its time step; `None` when it was none that counts now.
    Code(Option<u64>),
    /// A passkey whose use was verified; it may be the first step, too.
    Passkey {
        /// Which.
        credential_id: String,
        /// The authenticator's count.
        counter: u32,
    },
    /// None was asked for: the OpenID provider has asked for its own.
    AtProvider,
    /// None was asked for: an invitation was accepted just now, which is password and code at one stroke.
    Invitation,
}

/// Begins a session once the first step was right: the second one decides.
#[derive(Clone, Debug)]
pub struct BeginSession {
    /// Who.
    pub user_id: UserId,
    /// The second step.
    pub second: SecondStep,
    /// Who they are at the OpenID provider, when that was the first step. It makes the link, where there is none.
    pub identity: Option<IdpIdentity>,
    /// The hash of the new session's cookie.
    pub hash: String,
    /// The hash of the cookie that the browser had: that session ends.
    pub replaces: Option<String>,
    /// How long it may last.
    pub lifetime: Duration,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for BeginSession {
    type Outcome = AdminSession;

    fn needs(&self) -> Vec<Need> {
        let id = self.user_id.as_str();
        let mut needs = vec![Need::object::<User>(id), Need::object::<Administrator>(id)];
        needs.extend(self.replaces.as_deref().map(Need::natural::<AdminSession>));
        if let SecondStep::Passkey { credential_id, .. } = &self.second {
            needs.push(Need::natural::<Passkey>(credential_id.as_str()));
        }
        if let Some(identity) = &self.identity {
            needs.extend(link_needs(&self.user_id, identity));
        }
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<AdminSession> {
        let id = self.user_id.as_str();
        let found = slice.get::<User>(id).zip(slice.get::<Administrator>(id));
        let Some((user, old)) = found.filter(|(user, _)| !user.status.is_off()) else {
            return Decided::rejected(Rejection::AuthenticationFailed);
        };
        let step = match &self.second {
            SecondStep::Passkey { .. } if self.used_passkey(slice, context.now).is_none() => return self.refuse(context, user),
            SecondStep::Code(step) => match step.filter(|step| old.last_step.is_none_or(|last| *step > last)) {
                Some(step) => Some(step),
                None => return self.refuse(context, user),
            },
            SecondStep::AtProvider | SecondStep::Invitation | SecondStep::Passkey { .. } => old.last_step,
        };
        self.begin(slice, context, (user, old), step)
    }
}

impl BeginSession {
    fn begin(
        &self,
        slice: &Slice,
        context: &mut Context<'_>,
        (user, old): (&User, &Administrator),
        step: Option<u64>,
    ) -> Decided<AdminSession> {
        let mut decision = Decision::new();
        if let Some(identity) = &self.identity {
            // Who was asked for the code may have been renamed or unlinked meanwhile.
            let Ok(link) = check_link(slice, user, identity, context) else {
                return Decided::rejected(Rejection::AuthenticationFailed);
            };
            if let Some(link) = link {
                let event = link_event(EventType::IdentityLinkCreate, (&actor(user), &self.origin), user, &link);
                decision.put(link);
                context.log(&mut decision, event);
            }
        }
        let session = AdminSession {
            id: SessionId::generate(context.ids),
            user_id: self.user_id.clone(),
            hash: self.hash.clone(),
            ip_address: self.origin.client.ip_address,
            created: context.now,
            last_used: context.now,
            expires_at: context.now.plus(self.lifetime),
        };
        let replaced = self.replaces.as_deref();
        if let Some(replaced) = replaced.and_then(|hash| slice.by_natural::<AdminSession>(hash)) {
            decision.delete(Kind::AdminSession, replaced.id.as_str());
        }
        if step != old.last_step {
            decision.put(Administrator {
                last_step: step,
                ..old.clone()
            });
        }
        decision
            .rows
            .extend(self.used_passkey(slice, context.now).map(|used| Row::Put(used.into())));
        decision.put(session.clone());
        let first = self.identity.as_ref().map(|_| EventType::AuthViaIdp);
        let is_asked = matches!(self.second, SecondStep::Code(_) | SecondStep::Passkey { .. });
        let second = is_asked.then_some(EventType::AuthViaMfa);
        let begun = [EventType::UserSessionStart, EventType::UserSessionAccessAdminApp];
        for event_type in first.into_iter().chain(second).chain(begun) {
            let event = self.event(event_type, user, &session.id);
            context.log(&mut decision, event);
        }
        Decided::done(decision, session)
    }

    /// The passkey after this use; none when it is not this user's (any more), or its count has not risen: of two
    /// uses at the same time one is a copy's.
    fn used_passkey(&self, slice: &Slice, now: Timestamp) -> Option<Passkey> {
        let SecondStep::Passkey { credential_id, counter } = &self.second else {
            return None;
        };
        let passkey = slice.by_natural::<Passkey>(credential_id)?;
        (passkey.user_id == self.user_id && passkey.is_fresh(*counter)).then(|| Passkey {
            counter: *counter,
            last_used: Some(now),
            ..passkey.clone()
        })
    }

    /// Says by what the second step was done.
    fn with_factor(&self, event: LogEvent) -> LogEvent {
        match self.second {
            SecondStep::Passkey { .. } => event.debug("factor", FACTOR),
            SecondStep::Code(_) | SecondStep::AtProvider | SecondStep::Invitation => event,
        }
    }

    fn refuse(&self, context: &mut Context<'_>, user: &User) -> Decided<AdminSession> {
        let mut decision = Decision::new();
        let event = LogEvent::new(EventType::AuthViaMfa, actor(user)).from_request(&self.origin);
        let event = event.outcome(Outcome::failure("INVALID_CREDENTIALS")).target(console());
        let event = self.with_factor(event.debug("application", APPLICATION));
        context.log(&mut decision, event);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }

    fn event(&self, event_type: EventType, user: &User, session: &SessionId) -> LogEvent {
        let event = LogEvent::new(event_type, actor(user)).from_request(&self.origin);
        let event = if event_type == EventType::AuthViaMfa {
            self.with_factor(event)
        } else {
            event
        };
        let provider = self.identity.as_ref().filter(|_| event_type != EventType::AuthViaMfa);
        let how = provider.map_or_else(AuthenticationContext::password, |identity| federated(&identity.issuer));
        event
            .authentication(AuthenticationContext {
                external_session_id: Some(session.to_string()),
                ..how
            })
            .target(console())
            .debug("application", APPLICATION)
    }
}

/// Notes that a session was used: it does not end for want of use.
#[derive(Clone, Debug)]
pub struct UseSession {
    /// Which one.
    pub id: SessionId,
}

impl Command for UseSession {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<AdminSession>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if let Some(session) = slice.get::<AdminSession>(self.id.as_str())
            && is_use_written(session, context.now)
        {
            decision.put(AdminSession {
                last_used: context.now,
                ..session.clone()
            });
        }
        Decided::done(decision, ())
    }
}

/// Whether a use at `now` is worth writing down.
pub fn is_use_written(session: &AdminSession, now: Timestamp) -> bool {
    now >= session.last_used.plus(AdminSession::USE_WRITTEN_EVERY)
}

/// Ends a session: somebody has signed out.
#[derive(Clone, Debug)]
pub struct EndSession {
    /// Which one.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for EndSession {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<AdminSession>(self.id.as_str()),
            Need::object::<User>(self.user_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        let found = slice
            .get::<AdminSession>(self.id.as_str())
            .zip(slice.get::<User>(self.user_id.as_str()));
        if let Some((session, user)) = found {
            decision.delete(Kind::AdminSession, session.id.as_str());
            let event = LogEvent::new(EventType::UserSessionEnd, actor(user)).from_request(&self.origin);
            let event = event.authentication(in_session(&session.id)).target(user::target(user));
            context.log(&mut decision, event.debug("application", APPLICATION));
        }
        Decided::done(decision, ())
    }
}

fn in_session(id: &SessionId) -> AuthenticationContext {
    AuthenticationContext {
        external_session_id: Some(id.to_string()),
        ..AuthenticationContext::password()
    }
}

/// A sign-in at an OpenID provider (okta.md 8.4).
pub(crate) fn federated(issuer: &str) -> AuthenticationContext {
    AuthenticationContext {
        authentication_provider: Some("FEDERATION".to_owned()),
        credential_type: Some("ASSERTION".to_owned()),
        issuer: Some(Issuer {
            id: issuer.to_owned(),
            kind: "OIDC".to_owned(),
        }),
        ..AuthenticationContext::default()
    }
}

/// The console as the System Log names it.
pub(crate) fn console() -> Target {
    Target::new("AppInstance", "admin-console", APPLICATION)
}
