//! Removing a provider and the streams that feed it.

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
    /// The streams that went with it: they are still to be deleted at their transmitter.
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
        let streams: Vec<StreamIn> = slice.children::<StreamIn>(self.id.as_str()).into_iter().cloned().collect();
        let mut decision = Decision::new();
        for stream in &streams {
            decision.delete(Kind::StreamIn, stream.id.as_str());
        }
        decision.delete(Kind::SecurityEventsProvider, self.id.as_str());
        let deleted = event(
            EventType::SecurityEventsProviderDelete,
            &self.actor,
            &self.origin,
            target(provider).detail("streams", streams.len()),
        );
        context.log(&mut decision, deleted);
        Ok((decision, streams))
    }
}
