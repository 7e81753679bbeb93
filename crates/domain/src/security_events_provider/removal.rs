//! Removing a provider, and the streams that feed it with it.

use watchfire_model::{
    id::SecurityEventsProviderId,
    log::{Actor, EventType, RequestOrigin},
    object::{Kind, SecurityEventsProvider, StreamIn},
    row::Decision,
    slice::{Need, Slice},
};

use super::{event, find, target};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    stream_in::{bury, log_event},
};

/// Removes a provider, whatever its status. What it has said stays; so does what is remembered of its
/// tokens, so that none takes effect a second time should the issuer come back.
#[derive(Clone, Debug)]
pub struct DeleteSecurityEventsProvider {
    /// Which one.
    pub id: SecurityEventsProviderId,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for DeleteSecurityEventsProvider {
    /// The streams that go with it: kept as deleted until they are gone at their transmitter too.
    type Outcome = Vec<StreamIn>;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<SecurityEventsProvider>(self.id.as_str()),
            Need::children::<StreamIn>(self.id.as_str()),
        ]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Vec<StreamIn>> {
        self.try_decide(slice, context).into()
    }
}

impl DeleteSecurityEventsProvider {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, Vec<StreamIn>), Rejection> {
        let provider = find(slice, &self.id)?;
        let mut decision = Decision::new();
        let mut streams = Vec::new();
        let living = slice.children::<StreamIn>(self.id.as_str()).into_iter();
        for stream in living.filter(|stream| stream.deleted_at.is_none()) {
            let event = log_event(EventType::SecurityEventsStreamDelete, &self.actor, stream, Some(provider));
            context.log(&mut decision, event.from_request(&self.origin));
            streams.push(bury(&mut decision, stream, context.now));
        }
        decision.delete(Kind::SecurityEventsProvider, self.id.as_str());
        let deleted = event(
            EventType::SecurityEventsProviderDelete,
            &self.actor,
            &self.origin,
            target(provider),
        );
        context.log(&mut decision, deleted);
        Ok((decision, streams))
    }
}
