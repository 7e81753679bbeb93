//! What is told of a stream after it has been noted.

use serde_json::Value;
use watchfire_model::{
    id::StreamInId,
    log::{Actor, EventType, RequestOrigin},
    object::{PendingVerification, SecurityEventsProvider, StreamAuthorization, StreamDelivery, StreamIn, StreamStatus},
    row::Decision,
    slice::{Need, Slice},
    time::Timestamp,
};

use super::{check_members, event::VERIFICATION_LIFE, living, log_event, not_found, provider_of};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Verification states that are kept, late ones included.
const MAX_VERIFICATIONS: usize = 16;
/// Characters of an error that is kept for people.
const MAX_ERROR_CHARS: usize = 512;

/// Changes what is known of a stream.
#[derive(Clone, Debug)]
pub struct ChangeStreamIn {
    /// Which one.
    pub id: StreamInId,
    /// What has changed.
    pub change: StreamChange,
    /// Who asked, and from where; nobody where a transmitter told it.
    pub by: Option<(Actor, RequestOrigin)>,
}

/// What has changed of a stream.
#[derive(Clone, Debug)]
pub enum StreamChange {
    /// It is at the transmitter, and this is what the transmitter says of it.
    Remote(Box<RemoteStream>),
    /// An administrator wants it otherwise.
    Edit(Box<StreamEdit>),
    /// The transmitter answered with this status, or took it.
    Status {
        /// The status.
        status: StreamStatus,
        /// Why.
        reason: Option<String>,
    },
    /// A verification event is going to be asked for with this state.
    Verify {
        /// The state.
        state: String,
    },
    /// What a poll has told and brought.
    Polled(Box<PollResult>),
    /// Something went wrong, or all is well again.
    Error(Option<String>),
    /// The transmitter's metadata was read again.
    Metadata {
        /// The document.
        document: Value,
        /// When.
        at: Timestamp,
    },
}

/// A stream as its transmitter has it.
#[derive(Clone, Debug, Default)]
pub struct RemoteStream {
    /// `stream_id`
    pub remote_id: String,
    /// `aud`; what is pinned already stays (AMB-40).
    pub audience: Vec<String>,
    /// `events_delivered`
    pub events_delivered: Vec<String>,
    /// Where it is polled.
    pub poll_endpoint: Option<String>,
    /// Whether delivery methods have the RISC drafts' names there.
    pub risc_names: bool,
    /// `min_verification_interval`
    pub min_verification_interval: Option<u64>,
    /// `inactivity_timeout`
    pub inactivity_timeout: Option<u64>,
    /// `status`, where it was told.
    pub status: Option<StreamStatus>,
    /// A warning for people.
    pub warning: Option<String>,
}

/// What an administrator changes; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StreamEdit {
    /// Event types to ask for.
    pub events_requested: Option<Vec<String>>,
    /// For people; an empty text takes it away.
    pub description: Option<String>,
    /// How we authenticate.
    pub authorization: Option<StreamAuthorization>,
    /// Whether polls wait (POLL-13).
    pub long: Option<bool>,
    /// `aud` to expect from now on.
    pub audience: Option<Vec<String>>,
}

/// What a poll has told and brought.
#[derive(Clone, Debug, Default)]
pub struct PollResult {
    /// `jti`s that the transmitter has been told.
    pub told: Vec<String>,
    /// `jti`s that are durable here and must be told.
    pub ack: Vec<String>,
    /// `jti`, `err` and `description` of those that were refused.
    pub errors: Vec<(String, String, String)>,
    /// What the poll ended with.
    pub error: Option<String>,
}

impl Command for ChangeStreamIn {
    type Outcome = StreamIn;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<StreamIn>(self.id.as_str())]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        provider_of(slice, &self.id)
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<StreamIn> {
        self.try_decide(slice, context).into()
    }
}

impl ChangeStreamIn {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, StreamIn), Rejection> {
        let old = living(slice, &self.id).ok_or_else(|| not_found(&self.id))?;
        let mut new = old.clone();
        self.change.apply(&mut new, context.now)?;
        let mut decision = Decision::new();
        if new == *old {
            return Ok((decision, new));
        }
        new.last_updated = context.now;
        decision.put(new.clone());
        let provider = slice.get::<SecurityEventsProvider>(new.provider_id.as_str());
        if let Some(event_type) = self.change.event_type(old, &new) {
            let actor = self
                .by
                .as_ref()
                .map_or_else(|| transmitter(&new, provider), |(actor, _)| actor.clone());
            let event = log_event(event_type, &actor, &new, provider);
            let event = match &self.by {
                Some((_, origin)) => event.from_request(origin),
                None => event,
            };
            context.log(&mut decision, event);
        }
        Ok((decision, new))
    }
}

impl StreamChange {
    fn apply(&self, stream: &mut StreamIn, now: Timestamp) -> Result<(), Rejection> {
        match self {
            Self::Remote(remote) => remote.apply(stream),
            Self::Edit(edit) => edit.apply(stream)?,
            Self::Status { status, reason } => {
                stream.status = *status;
                stream.status_reason.clone_from(reason);
            }
            Self::Verify { state } => {
                stream.verifications.push(PendingVerification {
                    state: state.clone(),
                    expires_at: now.plus(VERIFICATION_LIFE),
                });
                let surplus = stream.verifications.len().saturating_sub(MAX_VERIFICATIONS);
                stream.verifications.drain(..surplus);
            }
            Self::Polled(result) => result.apply(stream),
            Self::Error(error) => stream.last_error = error.as_deref().map(shorten),
            Self::Metadata { document, at } => {
                stream.metadata.clone_from(document);
                stream.metadata_at = *at;
            }
        }
        Ok(())
    }

    /// What is written about it: the daily business of polls is not.
    fn event_type(&self, old: &StreamIn, new: &StreamIn) -> Option<EventType> {
        match self {
            Self::Remote(_) | Self::Edit(_) => Some(EventType::SecurityEventsStreamUpdate),
            Self::Status { .. } => (old.status != new.status).then_some(EventType::SecurityEventsStreamStatus),
            // META-11: that the document was read again is nothing; that it has changed is.
            Self::Metadata { .. } => (old.metadata != new.metadata).then_some(EventType::SecurityEventsStreamUpdate),
            Self::Verify { .. } | Self::Polled(_) | Self::Error(_) => None,
        }
    }
}

impl RemoteStream {
    fn apply(&self, stream: &mut StreamIn) {
        stream.remote_id = Some(self.remote_id.clone());
        if stream.audience.is_empty() {
            stream.audience.clone_from(&self.audience);
        }
        stream.events_delivered.clone_from(&self.events_delivered);
        if let StreamDelivery::Poll { endpoint_url, .. } = &mut stream.delivery
            && self.poll_endpoint.is_some()
        {
            endpoint_url.clone_from(&self.poll_endpoint);
        }
        stream.risc_names = self.risc_names;
        stream.min_verification_interval = self.min_verification_interval;
        stream.inactivity_timeout = self.inactivity_timeout;
        stream.status = self.status.unwrap_or(stream.status);
        stream.last_error = self.warning.as_deref().map(shorten);
    }
}

impl StreamEdit {
    fn apply(&self, stream: &mut StreamIn) -> Result<(), Rejection> {
        let events = self.events_requested.as_deref().unwrap_or_default();
        check_members(events, self.description.as_deref())?;
        if let Some(events) = &self.events_requested {
            stream.events_requested.clone_from(events);
        }
        if let Some(description) = &self.description {
            stream.description = Some(description.clone()).filter(|text| !text.is_empty());
        }
        if let Some(authorization) = &self.authorization {
            stream.authorization = authorization.clone();
        }
        if let Some(audience) = &self.audience {
            stream.audience.clone_from(audience);
        }
        if let (Some(wanted), StreamDelivery::Poll { long, .. }) = (self.long, &mut stream.delivery) {
            *long = wanted;
        }
        Ok(())
    }
}

impl PollResult {
    fn apply(&self, stream: &mut StreamIn) {
        let unsent = &mut stream.unsent;
        unsent.ack.retain(|jti| !self.told.contains(jti));
        unsent.errors.retain(|(jti, ..)| !self.told.contains(jti));
        // POLL-11: never both for one jti; what is durable counts.
        for jti in &self.ack {
            unsent.errors.retain(|(refused, ..)| refused != jti);
            if !unsent.ack.contains(jti) {
                unsent.ack.push(jti.clone());
            }
        }
        for error in &self.errors {
            let known = unsent.ack.contains(&error.0) || unsent.errors.iter().any(|(jti, ..)| *jti == error.0);
            if !known {
                unsent.errors.push(error.clone());
            }
        }
        stream.last_error = self.error.as_deref().map(shorten);
    }
}

/// The transmitter as the one who did something.
pub(super) fn transmitter(stream: &StreamIn, provider: Option<&SecurityEventsProvider>) -> Actor {
    let name = provider.map_or(stream.issuer.as_str(), |provider| provider.name.as_str());
    Actor::new("SecurityEventProvider", stream.provider_id.as_str(), &stream.issuer, name)
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_ERROR_CHARS).collect()
}
