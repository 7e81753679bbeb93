//! Streams of ours at transmitters (ssf.md 4, 5): what is kept of them, and when it changes.
//!
//! What has to happen at the transmitter is done outside, before or after these commands: the intention
//! is durable before a stream is made there (STRM-20), and a stream that is deleted here is kept until
//! it is gone there.
//!
//! | module | holds |
//! |---|---|
//! | [`change`] | what is told by transmitters, polls and administrators |
//! | [`event`] | the two framework events, verification and stream-updated |

pub mod change;
pub mod event;

use serde_json::Value;
use watchfire_model::{
    id::{SecurityEventsProviderId, StreamInId},
    log::{Actor, EventType, LogEvent, RequestOrigin, Target},
    object::{
        DialectName, Kind, SecurityEventsProvider, StreamAuthorization, StreamDelivery, StreamIn, StreamStatus, UnsentAcks,
    },
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

pub use self::{
    change::{ChangeStreamIn, PollResult, RemoteStream, StreamChange, StreamEdit},
    event::{Verification, verification},
};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    security_events_provider::{self, SecurityEventsProviderDraft},
};

/// Streams that one organisation may have.
pub const MAX_STREAMS_IN: usize = 500;
/// Characters of a description at the most.
pub const MAX_DESCRIPTION_CHARS: usize = 256;
/// Event types that may be asked for, and characters of each (STRM-03).
pub const MAX_EVENTS: usize = 50;
/// Characters of an event type at the most.
pub const MAX_EVENT_CHARS: usize = 256;

/// What an administrator says of a stream, with what was found out about its transmitter.
#[derive(Clone, Debug)]
pub struct StreamInDraft {
    /// Whose stream it is.
    pub provider: StreamProvider,
    /// See [`StreamIn::key`].
    pub key: String,
    /// The transmitter's metadata document.
    pub metadata: Value,
    /// When it was fetched.
    pub metadata_at: Timestamp,
    /// `aud` that is expected, where the administrator knows (AMB-40).
    pub audience: Vec<String>,
    /// How SETs come.
    pub delivery: StreamDelivery,
    /// How we authenticate there.
    pub authorization: StreamAuthorization,
    /// Event types to ask for.
    pub events_requested: Vec<String>,
    /// For people.
    pub description: Option<String>,
    /// `format` to ask for (AMB-07).
    pub subject_format: Option<String>,
}

/// Whose stream it is.
#[derive(Clone, Debug)]
pub enum StreamProvider {
    /// One that there is.
    Existing(SecurityEventsProviderId),
    /// The one with this issuer; it is made where there is none.
    Issuer(Box<NewProvider>),
}

/// A provider that is made with its stream.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// What it is to be.
    pub draft: SecurityEventsProviderDraft,
    /// How it is read.
    pub dialect: DialectName,
}

/// Notes that a stream is to be made at a transmitter.
#[derive(Clone, Debug)]
pub struct CreateStreamIn {
    /// What it is to be.
    pub draft: StreamInDraft,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

/// A stream that has been noted.
#[derive(Clone, Debug)]
pub struct CreatedStreamIn {
    /// The stream.
    pub stream: StreamIn,
    /// Whether its provider was made with it.
    pub provider_is_new: bool,
}

impl Command for CreateStreamIn {
    type Outcome = CreatedStreamIn;

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<SecurityEventsProvider>(), Need::all::<StreamIn>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<CreatedStreamIn> {
        self.try_decide(slice, context).into()
    }
}

impl CreateStreamIn {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, CreatedStreamIn), Rejection> {
        check_members(&self.draft.events_requested, self.draft.description.as_deref())?;
        if slice.all::<StreamIn>().len() >= MAX_STREAMS_IN {
            let cause = format!("Maximum number of incoming streams ({MAX_STREAMS_IN}) reached");
            return Err(Rejection::Invalid {
                field: "stream".to_owned(),
                causes: vec![cause],
            });
        }
        let mut decision = Decision::new();
        let (provider, provider_is_new) = self.provider(slice, context)?;
        if provider_is_new {
            decision.put(provider.clone());
            let event = LogEvent::new(EventType::SecurityEventsProviderCreate, self.actor.clone())
                .from_request(&self.origin)
                .target(security_events_provider::target(&provider));
            context.log(&mut decision, event);
        }
        let stream = self.stream(&provider, context);
        decision.put(stream.clone());
        let event = log_event(EventType::SecurityEventsStreamCreate, &self.actor, &stream, Some(&provider));
        context.log(&mut decision, event.from_request(&self.origin));
        Ok((decision, CreatedStreamIn { stream, provider_is_new }))
    }

    fn provider(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(SecurityEventsProvider, bool), Rejection> {
        let new = match &self.draft.provider {
            StreamProvider::Existing(id) => {
                let found = slice.get::<SecurityEventsProvider>(id.as_str());
                let found = found.ok_or_else(|| Rejection::invalid("providerId", "Invalid provider id"))?;
                return Ok((found.clone(), false));
            }
            StreamProvider::Issuer(new) => new,
        };
        let known = slice.all::<SecurityEventsProvider>();
        if let Some(found) = known.iter().find(|provider| provider.issuer == new.draft.source.issuer) {
            return Ok((SecurityEventsProvider::clone(found), false));
        }
        let provider = security_events_provider::fresh(&new.draft, new.dialect, slice, context)?;
        Ok((provider, true))
    }

    fn stream(&self, provider: &SecurityEventsProvider, context: &mut Context<'_>) -> StreamIn {
        let draft = self.draft.clone();
        StreamIn {
            id: StreamInId::generate(context.ids),
            provider_id: provider.id.clone(),
            key: draft.key,
            issuer: provider.issuer.clone(),
            remote_id: None,
            metadata: draft.metadata,
            metadata_at: draft.metadata_at,
            audience: draft.audience,
            delivery: draft.delivery,
            authorization: draft.authorization,
            risc_names: false,
            events_requested: draft.events_requested,
            events_delivered: Vec::new(),
            status: StreamStatus::Enabled,
            status_reason: None,
            description: draft.description,
            subject_format: draft.subject_format,
            min_verification_interval: None,
            inactivity_timeout: None,
            verifications: Vec::new(),
            verified_at: None,
            unsent: UnsentAcks::default(),
            last_error: None,
            deleted_at: None,
            created: context.now,
            last_updated: context.now,
        }
    }
}

/// Deletes a stream here. What is at the transmitter goes afterwards.
#[derive(Clone, Debug)]
pub struct DeleteStreamIn {
    /// Which one.
    pub id: StreamInId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteStreamIn {
    type Outcome = StreamIn;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<StreamIn>(self.id.as_str())]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        provider_of(slice, &self.id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<StreamIn> {
        let Some(stream) = living(slice, &self.id) else {
            return Decided::rejected(not_found(&self.id));
        };
        let mut decision = Decision::new();
        let provider = slice.get::<SecurityEventsProvider>(stream.provider_id.as_str());
        let event = log_event(EventType::SecurityEventsStreamDelete, &self.actor, stream, provider);
        context.log(&mut decision, event.from_request(&self.origin));
        let kept = bury(&mut decision, stream, context.now);
        Decided::done(decision, kept)
    }
}

/// Forgets a stream that is gone at its transmitter, or that never came to be; with the provider that was
/// made for it, if nothing else is known of that.
#[derive(Clone, Debug)]
pub struct ForgetStreamIn {
    /// Which one.
    pub id: StreamInId,
    /// Whether its provider goes too, when no other stream feeds it.
    pub with_provider: bool,
}

impl Command for ForgetStreamIn {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<StreamIn>(self.id.as_str())]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let stream = slice.get::<StreamIn>(self.id.as_str());
        let siblings = stream.map(|stream| Need::children::<StreamIn>(stream.provider_id.as_str()));
        siblings.into_iter().filter(|_| self.with_provider).collect()
    }

    fn decide(&self, slice: &Slice, _: &mut Context<'_>) -> Decided<()> {
        let mut decision = Decision::new();
        if let Some(stream) = slice.get::<StreamIn>(self.id.as_str()) {
            decision.delete(Kind::StreamIn, self.id.as_str());
            let provider = stream.provider_id.as_str();
            if self.with_provider && slice.children::<StreamIn>(provider).len() == 1 {
                decision.delete(Kind::SecurityEventsProvider, provider);
            }
        }
        Decided::done(decision, ())
    }
}

/// Marks a stream as deleted, until it is gone at the transmitter. Whoever deletes a provider does this
/// with each of its streams.
pub fn bury(decision: &mut Decision, stream: &StreamIn, now: Timestamp) -> StreamIn {
    let buried = StreamIn {
        deleted_at: Some(stream.deleted_at.unwrap_or(now)),
        last_updated: now,
        ..stream.clone()
    };
    decision.put(buried.clone());
    buried
}

/// The stream with this id, unless it has been deleted.
pub(crate) fn living<'s>(slice: &'s Slice, id: &StreamInId) -> Option<&'s StreamIn> {
    slice
        .get::<StreamIn>(id.as_str())
        .filter(|stream| stream.deleted_at.is_none())
}

pub(crate) fn provider_of(slice: &Slice, id: &StreamInId) -> Vec<Need> {
    let stream = slice.get::<StreamIn>(id.as_str()).into_iter();
    stream
        .map(|stream| Need::object::<SecurityEventsProvider>(stream.provider_id.as_str()))
        .collect()
}

pub(crate) fn not_found(id: &StreamInId) -> Rejection {
    Rejection::not_found(id.as_str(), "StreamIn")
}

/// Checks what an administrator may say of a stream.
pub(crate) fn check_members(events: &[String], description: Option<&str>) -> Result<(), Rejection> {
    if events.len() > MAX_EVENTS
        || events
            .iter()
            .any(|event| event.is_empty() || event.chars().count() > MAX_EVENT_CHARS)
    {
        return Err(Rejection::Invalid {
            field: "eventsRequested".to_owned(),
            causes: vec![format!(
                "eventsRequested: At most {MAX_EVENTS} event types of 1 to {MAX_EVENT_CHARS} characters"
            )],
        });
    }
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS) {
        return Err(Rejection::invalid("description", "The field is too long"));
    }
    Ok(())
}

/// An event about a stream and its provider.
pub(crate) fn log_event(
    event_type: EventType,
    actor: &Actor,
    stream: &StreamIn,
    provider: Option<&SecurityEventsProvider>,
) -> LogEvent {
    let name = stream.description.as_deref().unwrap_or(stream.issuer.as_str());
    let target = Target::new("StreamIn", stream.id.as_str(), name)
        .detail("status", stream.status.as_str())
        .detail("streamId", stream.remote_id.as_deref().unwrap_or("null"));
    let event = LogEvent::new(event_type, actor.clone()).target(target);
    match provider {
        Some(provider) => event.target(security_events_provider::target(provider)),
        None => event,
    }
}

#[cfg(test)]
mod tests;
