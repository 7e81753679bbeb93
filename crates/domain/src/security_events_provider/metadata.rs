//! What a provider's metadata says now, long after it was registered (META-11).

use watchfire_model::{
    id::SecurityEventsProviderId,
    log::{Actor, EventType, LogEvent, Outcome, OutcomeResult},
    object::{SecurityEventsProvider, Status},
    row::Decision,
    slice::{Need, Slice},
};

use super::{ProviderSource, changed, with_source};
use crate::command::{Command, Context, Decided};

/// Takes over what the metadata says. Another issuer is not taken over: the provider is suspended until
/// an administrator has looked.
#[derive(Clone, Debug)]
pub struct RefreshProviderMetadata {
    /// Whose.
    pub id: SecurityEventsProviderId,
    /// What it says.
    pub source: ProviderSource,
    /// The server itself.
    pub actor: Actor,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It says what it said before, or nobody asks any more.
    Same,
    /// It says something else, which holds from now on.
    Changed(SecurityEventsProvider),
    /// It names another issuer; the provider is not heard any more.
    Suspended(SecurityEventsProvider),
}

impl Command for RefreshProviderMetadata {
    type Outcome = Refreshed;

    fn needs(&self) -> Vec<Need> {
        vec![Need::object::<SecurityEventsProvider>(self.id.as_str())]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<Refreshed> {
        let mut decision = Decision::new();
        let outcome = self.refresh(slice, context, &mut decision);
        Decided::done(decision, outcome)
    }
}

impl RefreshProviderMetadata {
    fn refresh(&self, slice: &Slice, context: &mut Context<'_>, decision: &mut Decision) -> Refreshed {
        // It may have been replaced or removed while the document was under way.
        let read_at = self.source.metadata.as_ref().map(|it| &it.well_known_url);
        let known = slice.get::<SecurityEventsProvider>(self.id.as_str());
        let Some(old) = known.filter(|it| read_at.is_some() && it.well_known_url.as_ref() == read_at) else {
            return Refreshed::Same;
        };
        if old.issuer != self.source.issuer {
            return self.suspend(old, context, decision);
        }
        let mut new = with_source(old.clone(), self.source.clone());
        if new == *old {
            return Refreshed::Same;
        }
        new.last_updated = context.now;
        self.log(decision, context, Outcome::of(OutcomeResult::Success), old, &new);
        decision.put(new.clone());
        Refreshed::Changed(new)
    }

    fn suspend(&self, old: &SecurityEventsProvider, context: &mut Context<'_>, decision: &mut Decision) -> Refreshed {
        if old.status == Status::Inactive {
            return Refreshed::Same;
        }
        let new = SecurityEventsProvider {
            status: Status::Inactive,
            last_updated: context.now,
            ..old.clone()
        };
        let named = format!("The metadata names another issuer: {}", self.source.issuer);
        self.log(
            decision,
            context,
            Outcome::of(OutcomeResult::Success).because(named),
            old,
            &new,
        );
        decision.put(new.clone());
        Refreshed::Suspended(new)
    }

    fn log(
        &self,
        decision: &mut Decision,
        context: &mut Context<'_>,
        outcome: Outcome,
        old: &SecurityEventsProvider,
        new: &SecurityEventsProvider,
    ) {
        let updated = LogEvent::new(EventType::SecurityEventsProviderUpdate, self.actor.clone());
        context.log(decision, updated.outcome(outcome).target(changed(old, new)));
    }
}
