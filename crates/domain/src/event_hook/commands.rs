//! Making, changing and removing event hooks.

use watchfire_model::{
    id::EventHookId,
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{EventHook, Kind, Status},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{KIND, MAX_HOOKS, check};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// What an administrator says of a hook, each member on its own right.
#[derive(Clone, Debug)]
pub struct EventHookDraft {
    /// Name for people.
    pub name: String,
    /// Event types by their names.
    pub events: Vec<String>,
    /// Where it is called; checked already.
    pub uri: String,
    /// Custom headers.
    pub headers: Vec<(String, String)>,
    /// The header that the credential goes into.
    pub auth_header: Option<String>,
    /// What becomes of the credential.
    pub auth: AuthChange,
    /// Whether it is switched on; `None` leaves it as it is.
    pub status: Option<Status>,
}

/// What becomes of a hook's credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthChange {
    /// It stays.
    Keep,
    /// It is this one, sealed; `None` is none.
    Set(Option<String>),
}

/// Makes a hook. Its id comes from whoever asks: the credential is sealed for it.
#[derive(Clone, Debug)]
pub struct CreateEventHook {
    /// Its id.
    pub id: EventHookId,
    /// What it is to be.
    pub draft: EventHookDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for CreateEventHook {
    type Outcome = EventHook;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<EventHook>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EventHook> {
        self.try_decide(slice, context).into()
    }
}

impl CreateEventHook {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EventHook), Rejection> {
        let existing = slice.all::<EventHook>();
        if existing.len() >= MAX_HOOKS {
            return Err(Rejection::invalid(
                "eventHook",
                &format!("Maximum number of event hooks ({MAX_HOOKS}) reached"),
            ));
        }
        check(&self.draft, &existing)?;
        let hook = EventHook {
            id: self.id.clone(),
            name: self.draft.name.clone(),
            status: self.draft.status.unwrap_or_default(),
            verified: false,
            events: distinct(&self.draft.events),
            filter: None,
            uri: self.draft.uri.clone(),
            headers: self.draft.headers.clone(),
            auth_header: self.draft.auth_header.clone(),
            sealed_auth_value: match &self.draft.auth {
                AuthChange::Keep => None,
                AuthChange::Set(sealed) => sealed.clone(),
            },
            created_by: self.actor.id.clone(),
            created: context.now,
            last_updated: context.now,
        };
        let mut decision = Decision::new();
        decision.put(hook.clone());
        let event = event(EventType::EventHookCreate, &self.actor, &self.origin, &hook);
        context.log(&mut decision, event);
        Ok((decision, hook))
    }
}

/// What is changed of a hook.
#[derive(Clone, Debug)]
pub enum EventHookChange {
    /// Everything; another channel has to be verified again.
    Replace(EventHookDraft),
    /// Switches it on or off.
    Status(Status),
    /// The endpoint has answered the challenge, as the hook was at this time.
    Verified(Timestamp),
}

/// Changes a hook.
#[derive(Clone, Debug)]
pub struct ChangeEventHook {
    /// Which.
    pub id: EventHookId,
    /// What is changed.
    pub change: EventHookChange,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for ChangeEventHook {
    type Outcome = EventHook;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<EventHook>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<EventHook> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeEventHook {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, EventHook), Rejection> {
        let old = find(slice, &self.id)?;
        let mut hook = old.clone();
        let event_type = match &self.change {
            EventHookChange::Replace(draft) => {
                let others: Vec<&EventHook> = slice.all::<EventHook>().into_iter().filter(|it| it.id != self.id).collect();
                check(draft, &others)?;
                replace(&mut hook, draft);
                EventType::EventHookUpdate
            }
            EventHookChange::Status(status) => {
                hook.status = *status;
                match status {
                    Status::Active => EventType::EventHookActivate,
                    Status::Inactive => EventType::EventHookDeactivate,
                }
            }
            EventHookChange::Verified(seen) => {
                if millis(old.last_updated) != millis(*seen) {
                    return Err(Rejection::invalid(
                        "eventHook",
                        "The event hook was changed while it was verified",
                    ));
                }
                hook.verified = true;
                EventType::EventHookVerify
            }
        };
        hook.last_updated = context.now;
        let mut decision = Decision::new();
        decision.put(hook.clone());
        let event = event(event_type, &self.actor, &self.origin, &hook);
        context.log(&mut decision, event);
        Ok((decision, hook))
    }
}

/// Removes a hook that is switched off.
#[derive(Clone, Debug)]
pub struct DeleteEventHook {
    /// Which.
    pub id: EventHookId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteEventHook {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<EventHook>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteEventHook {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, ()), Rejection> {
        let hook = find(slice, &self.id)?;
        if hook.status == Status::Active {
            return Err(Rejection::invalid(
                "eventHook",
                "An active event hook cannot be deleted; deactivate it first",
            ));
        }
        let mut decision = Decision::new();
        decision.delete(Kind::EventHook, self.id.as_str());
        let event = event(EventType::EventHookDelete, &self.actor, &self.origin, hook);
        context.log(&mut decision, event);
        Ok((decision, ()))
    }
}

fn replace(hook: &mut EventHook, draft: &EventHookDraft) {
    let same_channel = hook.uri == draft.uri && hook.headers == draft.headers && hook.auth_header == draft.auth_header;
    hook.verified = hook.verified && same_channel && draft.auth == AuthChange::Keep;
    hook.name.clone_from(&draft.name);
    hook.events = distinct(&draft.events);
    hook.uri.clone_from(&draft.uri);
    hook.headers.clone_from(&draft.headers);
    hook.auth_header.clone_from(&draft.auth_header);
    if let AuthChange::Set(sealed) = &draft.auth {
        hook.sealed_auth_value.clone_from(sealed);
    }
    hook.status = draft.status.unwrap_or(hook.status);
}

/// As the store keeps times; what was just published is finer.
const fn millis(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000)
}

fn distinct(events: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(events.len());
    for event in events {
        if !kept.contains(event) {
            kept.push(event.clone());
        }
    }
    kept
}

fn find<'s>(slice: &'s Slice, id: &EventHookId) -> Result<&'s EventHook, Rejection> {
    slice
        .get::<EventHook>(id.as_str())
        .ok_or_else(|| Rejection::not_found(id.as_str(), KIND))
}

fn event(event_type: EventType, actor: &Actor, origin: &RequestOrigin, hook: &EventHook) -> LogEvent {
    let target = Target::new(KIND, hook.id.as_str(), &hook.name)
        .detail("uri", hook.uri.as_str())
        .detail("status", hook.status.as_str());
    LogEvent::new(event_type, actor.clone()).from_request(origin).target(target)
}
