//! Accepting a Security Event Token: once, with all that follows from it (okta.md 6, ssf.md 1.5, annex B).
//!
//! | module | holds |
//! |---|---|
//! | [`mention`] | the identifiers that an event names, and what must be loaded for them |
//! | [`graph`] | which entity an identifier leads to, who said so, and how that changes |
//! | [`permission`] | what a provider may speak about |
//! | [`effect`] | the 27 effects, as a table |
//! | [`sharing`] | what a subject has agreed to |
//! | [`handle`] | one event of a token from its subject to its rows |
//! | [`report`] | the System Log's event about it |

mod effect;
mod graph;
mod handle;
mod mention;
mod permission;
mod report;
mod sharing;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use watchfire_model::{
    id::{ReceiptId, SecurityEventsProviderId, StreamInId},
    log::{EventType, LogEvent, RequestOrigin},
    object::{Org, SecurityEventsProvider, Status, StreamIn},
    row::{Decision, DedupeKey, EventNote, Handling, Receipt, Received, Row, SetNote},
    slice::{Need, Slice},
};
use watchfire_ssf::{SetError, VerifiedSet};

use self::handle::Handler;
use crate::{
    Rejection,
    command::{Command, Context, Decided},
    entity_risk::GuardLimits,
};

/// How long a `jti` is remembered: SET-22 asks for 30 days at the least.
pub const JTI_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Under what a token is remembered. All three are made of its issuer and its `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetKeys {
    /// Of these two alone: a second token under them is a repeat.
    pub jti: DedupeKey,
    /// And of its content: the repeat is the same token.
    pub content: DedupeKey,
    /// That another content under them has been written about.
    pub conflict: DedupeKey,
}

/// Accepts a token whose signature and claims have been checked.
#[derive(Clone, Debug)]
pub struct AcceptSet {
    /// Whose it is.
    pub provider: SecurityEventsProviderId,
    /// What it says.
    pub set: Arc<VerifiedSet>,
    /// The compact token.
    pub body: Arc<str>,
    /// The stream that it came by; `None` for the endpoint that all share.
    pub stream: Option<StreamInId>,
    /// The streams of its provider that a framework event can be about.
    pub streams: Vec<StreamInId>,
    /// How the organisation is addressed: `iss` of our own users.
    pub org_urls: Arc<[String]>,
    /// Under what it is remembered.
    pub keys: SetKeys,
    /// What rules may do by themselves.
    pub guard: GuardLimits,
    /// From where it came.
    pub origin: RequestOrigin,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOutcome {
    /// It was new.
    Accepted,
    /// It had come before: nothing has happened (SET-22).
    Duplicate,
}

impl Command for AcceptSet {
    type Outcome = SetOutcome;

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::object::<SecurityEventsProvider>(self.provider.as_str()),
            Need::Dedupe(self.keys.jti),
        ]
    }

    fn follow_up(&self, slice: &Slice) -> Vec<Need> {
        let Some(provider) = self.active_provider(slice) else {
            return Vec::new();
        };
        if slice.seen(self.keys.jti) {
            return vec![Need::Dedupe(self.keys.content), Need::Dedupe(self.keys.conflict)];
        }
        let mut needs = vec![Need::all::<Org>()];
        let about = self.stream.iter().chain(&self.streams);
        if self.set.events.iter().any(handle::is_of_stream) {
            needs.extend(about.map(|id| Need::object::<StreamIn>(id.as_str())));
        }
        handle::needs(&self.set, provider, &self.org_urls, slice, &mut needs);
        needs
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<SetOutcome> {
        // It may have been deactivated since its keys were asked for.
        let Some(provider) = self.active_provider(slice) else {
            return Decided::rejected(Rejection::Set(SetError::unknown_issuer()));
        };
        if slice.seen(self.keys.jti) {
            return self.repeat(provider, slice, context);
        }
        match self.accept(provider, slice, context) {
            Ok(decision) => Decided::done(decision, SetOutcome::Accepted),
            Err(refused) => Decided::rejected(Rejection::Set(refused)),
        }
    }
}

impl AcceptSet {
    fn active_provider<'s>(&self, slice: &'s Slice) -> Option<&'s SecurityEventsProvider> {
        slice
            .get::<SecurityEventsProvider>(self.provider.as_str())
            .filter(|provider| provider.status == Status::Active)
    }

    /// SET-22, SET-23: a repeat does nothing; one with other content is written about, once.
    fn repeat(&self, provider: &SecurityEventsProvider, slice: &Slice, context: &mut Context<'_>) -> Decided<SetOutcome> {
        let mut decision = Decision::new();
        if !slice.seen(self.keys.content) && !slice.seen(self.keys.conflict) {
            decision.remember(self.keys.conflict, context.now.plus(JTI_LIFE));
            let event = LogEvent::new(EventType::SecurityEventsProviderConflict, report::actor(provider))
                .from_request(&self.origin)
                .target(report::target(provider))
                .debug("jti", &self.set.jti);
            context.log(&mut decision, event);
        }
        Decided::done(decision, SetOutcome::Duplicate)
    }

    fn accept(&self, provider: &SecurityEventsProvider, slice: &Slice, context: &mut Context<'_>) -> Result<Decision, SetError> {
        let receipt = ReceiptId::generate(context.ids);
        let mut decision = Decision::new();
        for key in [self.keys.jti, self.keys.content] {
            decision.remember(key, context.now.plus(JTI_LIFE));
        }
        let mut handler = Handler::new(self, provider, slice, receipt.clone(), context.now);
        let mut events = Vec::with_capacity(self.set.events.len());
        let mut effects = Decision::new();
        for event in &self.set.events {
            events.push(handler.handle(event, &mut effects, context)?);
        }
        decision.rows.push(Row::Receipt(Receipt {
            id: receipt,
            content: Received::SecurityEvents {
                provider: provider.id.clone(),
                note: Box::new(self.note(events)),
            },
            body: Arc::clone(&self.body),
            received_at: context.now,
            expires_at: context.now,
        }));
        decision.rows.append(&mut effects.rows);
        handler.finish(&mut decision);
        Ok(decision)
    }

    fn note(&self, events: Vec<EventNote>) -> SetNote {
        SetNote {
            issuer: self.set.issuer.clone(),
            jti: self.set.jti.clone(),
            txn: self.set.txn.clone(),
            stream: self.stream.clone(),
            digest: self.set.digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            normalisations: self.set.normalisations.iter().map(|it| it.as_str().to_owned()).collect(),
            events,
        }
    }
}

/// Whether an event of this handling is for the System Log.
const fn is_reported(handling: Handling) -> bool {
    matches!(handling, Handling::Handled | Handling::Superseded)
}
