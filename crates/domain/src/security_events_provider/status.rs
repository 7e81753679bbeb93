//! Switching a provider on and off.

use watchfire_model::{
    id::SecurityEventsProviderId,
    log::{Actor, EventType, RequestOrigin},
    object::{SecurityEventsProvider, Status},
    row::Decision,
    slice::{Need, Slice},
};

use super::{event, find, target};
use crate::{
    Rejection,
    command::{Command, Context, Decided},
};

/// Switches a provider on or off. One that already is as it is to be is answered and left alone:
/// Terraform asks after every change (okta.md 5.3).
#[derive(Clone, Debug)]
pub struct SetSecurityEventsProviderStatus {
    /// Which one.
    pub id: SecurityEventsProviderId,
    /// On or off.
    pub status: Status,
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for SetSecurityEventsProviderStatus {
    type Outcome = SecurityEventsProvider;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<SecurityEventsProvider>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SecurityEventsProvider> {
        self.try_decide(slice, context).into()
    }
}

impl SetSecurityEventsProviderStatus {
    fn try_decide(&self, slice: &Slice, context: &mut Context<'_>) -> Result<(Decision, SecurityEventsProvider), Rejection> {
        let old = find(slice, &self.id)?;
        let mut decision = Decision::new();
        if old.status == self.status {
            return Ok((decision, old.clone()));
        }
        let event_type = match self.status {
            Status::Active => EventType::SecurityEventsProviderActivate,
            Status::Inactive => EventType::SecurityEventsProviderDeactivate,
        };
        let provider = SecurityEventsProvider {
            status: self.status,
            last_updated: context.now,
            ..old.clone()
        };
        decision.put(provider.clone());
        context.log(&mut decision, event(event_type, &self.actor, &self.origin, target(&provider)));
        Ok((decision, provider))
    }
}
