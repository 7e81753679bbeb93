//! The two events of the framework itself (ssf.md 3.1): they are about the stream that they come by.

use std::time::Duration;

use watchfire_model::{
    log::{EventType, LogEvent, Severity},
    object::{SecurityEventsProvider, StreamIn, StreamStatus},
    row::Decision,
    time::Timestamp,
};
use watchfire_ssf::{ErrorCode, SetError};

use super::{change::transmitter, log_event};
use crate::command::Context;

/// How long a verification that was asked for is awaited (EVT-05).
pub const VERIFICATION_LIFE: Duration = Duration::from_secs(10 * 60);
/// How long after that it is still recognised, as late.
const LATE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A verification event that is in order.
#[derive(Clone, Copy, Debug)]
pub struct Verification<'s> {
    stream: Option<&'s StreamIn>,
    state: Option<&'s str>,
    late: bool,
}

/// Checks a verification event before it is taken (EVT-04, ssf.md 1.5 step 7). `streams` are those that it
/// can be about: the one that it came by, or all of its provider's where the address is everybody's.
///
/// # Errors
/// `invalid_state` for a state that nobody has asked for. None at all is fine, at any time (AMB-23).
pub fn verification<'s>(streams: &[&'s StreamIn], state: Option<&'s str>, now: Timestamp) -> Result<Verification<'s>, SetError> {
    let Some(state) = state else {
        let stream = if let [only] = streams { Some(*only) } else { None };
        return Ok(Verification {
            stream,
            state: None,
            late: false,
        });
    };
    let asked = streams.iter().find_map(|stream| {
        let mut pending = stream.verifications.iter();
        pending.find(|it| it.state == state).map(|it| (*stream, it))
    });
    match asked {
        Some((stream, pending)) if now < pending.expires_at.plus(LATE_LIFE) => Ok(Verification {
            stream: Some(stream),
            state: Some(state),
            late: now >= pending.expires_at,
        }),
        _ => Err(SetError::new(
            ErrorCode::InvalidState,
            "The state of the verification event is not one that was asked for.",
        )),
    }
}

impl Verification<'_> {
    /// Whether it came after it was awaited no longer: it counts, and is marked (EVT-05).
    pub const fn is_late(&self) -> bool {
        self.late
    }

    /// Notes that the stream is verified.
    pub fn note(&self, provider: &SecurityEventsProvider, decision: &mut Decision, context: &mut Context<'_>) {
        let Some(stream) = self.stream else { return };
        let mut verified = stream.clone();
        verified
            .verifications
            .retain(|pending| Some(pending.state.as_str()) != self.state);
        verified.verified_at = Some(context.now);
        decision.put(verified.clone());
        let event = from_transmitter(EventType::SecurityEventsStreamVerify, &verified, provider)
            .debug("solicited", self.state.is_some().to_string())
            .debug("late", self.late.to_string());
        context.log(decision, event);
    }
}

/// Notes what a transmitter says of a stream's status (STRM-37). Nothing is done against it: whether the
/// stream is enabled again is for people to say.
pub fn note_status(
    stream: &StreamIn,
    provider: &SecurityEventsProvider,
    (status, reason): (StreamStatus, Option<&str>),
    decision: &mut Decision,
    context: &mut Context<'_>,
) {
    let changed = StreamIn {
        status,
        status_reason: reason.map(|text| text.chars().take(MAX_REASON_CHARS).collect()),
        last_updated: context.now,
        ..stream.clone()
    };
    decision.put(changed.clone());
    let severity = match status {
        StreamStatus::Enabled => Severity::Info,
        StreamStatus::Paused | StreamStatus::Disabled => Severity::Warn,
    };
    let event = from_transmitter(EventType::SecurityEventsStreamStatus, &changed, provider).severity(severity);
    let event = match &changed.status_reason {
        Some(reason) => event.debug("reason", reason),
        None => event,
    };
    context.log(decision, event);
}

/// Characters of a reason that are kept.
const MAX_REASON_CHARS: usize = 256;

fn from_transmitter(event_type: EventType, stream: &StreamIn, provider: &SecurityEventsProvider) -> LogEvent {
    log_event(event_type, &transmitter(stream, Some(provider)), stream, Some(provider))
}
