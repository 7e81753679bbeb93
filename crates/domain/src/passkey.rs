//! Passkeys of administrators: adding, taking away, and refusals.

use watchfire_model::{
    id::{PasskeyId, UserId},
    log::{Actor, EventType, LogEvent, Outcome, RequestOrigin},
    object::{Administrator, Kind, Passkey, User},
    row::Decision,
    slice::{Need, Slice},
};

use crate::{
    Rejection,
    admin_session::{console, needs_of_attempt, who_tried},
    administrator::{APPLICATION, actor, authority_needs, authority_needs_of_both, is_super},
    command::{Command, Context, Decided},
    user,
};

/// Passkeys that one administrator may have.
pub const MAX_PASSKEYS: usize = 20;
/// Characters of a name.
pub const MAX_NAME_CHARS: usize = 60;
/// What log events call it.
pub(crate) const FACTOR: &str = "WEBAUTHN";

/// The type in an unknown passkey's error text (okta.md 11.6).
const KIND: &str = "Passkey";

/// Adds a passkey whose making was verified, in a session of its owner's.
#[derive(Clone, Debug)]
pub struct AddPasskey {
    /// Whose.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What the authenticator calls it, base64url.
    pub credential_id: String,
    /// The authenticator's count.
    pub counter: u32,
    /// See [`Passkey::credential`].
    pub credential: serde_json::Value,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for AddPasskey {
    type Outcome = Passkey;

    fn needs(&self) -> Vec<Need> {
        let id = self.user_id.as_str();
        let [user, administrator] = authority_needs(id);
        vec![
            user,
            administrator,
            Need::children::<Passkey>(id),
            Need::natural::<Passkey>(self.credential_id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Passkey> {
        self.try_decide(slice, context).into()
    }
}

impl AddPasskey {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Passkey), Rejection> {
        let id = self.user_id.as_str();
        let user = slice.get::<User>(id).filter(|user| !user.status.is_off());
        let user = user
            .filter(|_| slice.get::<Administrator>(id).is_some())
            .ok_or(Rejection::Forbidden)?;
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            let message = format!("The field must have 1 to {MAX_NAME_CHARS} characters, and none that control");
            return Err(Rejection::invalid("name", &message));
        }
        let own = slice.children::<Passkey>(id);
        if own.len() >= MAX_PASSKEYS {
            let message = format!("Maximum number of passkeys ({MAX_PASSKEYS}) reached");
            return Err(Rejection::invalid("name", &message));
        }
        if slice.by_natural::<Passkey>(&self.credential_id).is_some() {
            return Err(Rejection::invalid("credential", "This passkey is registered already"));
        }
        let passkey = Passkey {
            id: PasskeyId::generate(context.ids),
            user_id: self.user_id.clone(),
            name: name.to_owned(),
            credential_id: self.credential_id.clone(),
            counter: self.counter,
            credential: self.credential.clone(),
            created: context.now,
            last_used: None,
        };
        let mut decision = Decision::new();
        decision.put(passkey.clone());
        let event = event(EventType::FactorActivate, &actor(user), &self.origin, (user, &passkey));
        context.log(&mut decision, event);
        Ok((decision, passkey))
    }
}

/// Takes a passkey away: its owner, or a super administrator.
#[derive(Clone, Debug)]
pub struct RemovePasskey {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub id: PasskeyId,
    /// Who asks.
    pub asked_by: UserId,
    /// The same for the System Log.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RemovePasskey {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        let mut needs = authority_needs_of_both(&self.user_id, &self.asked_by);
        needs.push(Need::object::<Passkey>(self.id.as_str()));
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        if self.asked_by != self.user_id && !is_super(slice, &self.asked_by) {
            return Decided::rejected(Rejection::Forbidden);
        }
        let passkey = slice.get::<Passkey>(self.id.as_str()).filter(|it| it.user_id == self.user_id);
        let found = slice.get::<User>(self.user_id.as_str()).zip(passkey);
        let Some((user, passkey)) = found else {
            return Decided::rejected(Rejection::not_found(self.id.as_str(), KIND));
        };
        let mut decision = Decision::new();
        decision.delete(Kind::Passkey, passkey.id.as_str());
        let event = event(EventType::FactorDeactivate, &self.actor, &self.origin, (user, passkey));
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}

/// Notes a passkey that was shown and not believed.
#[derive(Clone, Debug)]
pub struct RefusePasskey {
    /// Whose it is, where it is somebody's.
    pub user_id: Option<UserId>,
    /// Why, in one word.
    pub reason: &'static str,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for RefusePasskey {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        needs_of_attempt(self.user_id.as_ref())
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let who = who_tried(slice, self.user_id.as_ref(), "");
        let mut decision = Decision::new();
        let event = LogEvent::new(EventType::AuthViaMfa, who)
            .from_request(&self.origin)
            .outcome(Outcome::failure(self.reason))
            .target(console())
            .debug("application", APPLICATION)
            .debug("factor", FACTOR);
        context.log(&mut decision, event);
        Decided {
            decision,
            outcome: Err(Rejection::AuthenticationFailed),
        }
    }
}

/// Takes away all of somebody's.
pub(crate) fn remove_all(slice: &Slice, user_id: &UserId, decision: &mut Decision) {
    for passkey in slice.children::<Passkey>(user_id.as_str()) {
        decision.delete(Kind::Passkey, passkey.id.as_str());
    }
}

fn event(event_type: EventType, by: &Actor, origin: &RequestOrigin, (of, passkey): (&User, &Passkey)) -> LogEvent {
    user::event(event_type, by, origin, of)
        .debug("application", APPLICATION)
        .debug("factor", FACTOR)
        .debug("factorName", &*passkey.name)
        .debug("factorId", passkey.id.as_str())
}

#[cfg(test)]
mod tests;
