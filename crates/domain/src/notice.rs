//! What is written down although nothing changes: calls that were turned away (okta.md 1.1, 8.6).

use watchfire_model::{
    id::ApiTokenId,
    log::{Actor, EventType, LogEvent, Outcome, OutcomeResult, RequestOrigin, Target},
    row::Decision,
    slice::{Need, Slice},
};

use crate::command::{Command, Context, Decided};

/// Why a call was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// An API token was used from where it may not be.
    OutsideAllowedRange {
        /// The token.
        id: ApiTokenId,
        /// Its name.
        name: String,
    },
    /// A credential, or a provider, has used up its calls.
    TooManyCalls {
        /// What was counted, for people.
        of: String,
        /// How many there are in a window.
        limit: u32,
    },
}

/// Writes it down.
#[derive(Clone, Debug)]
pub struct NoteTurnedAway {
    /// Why.
    pub why: TurnedAway,
    /// Whose call it was.
    pub actor: Actor,
    /// From where.
    pub origin: RequestOrigin,
}

impl Command for NoteTurnedAway {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn decide(&self, _: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let of_type = |event_type| LogEvent::new(event_type, self.actor.clone()).from_request(&self.origin);
        let denied = |reason| Outcome::of(OutcomeResult::Deny).because(reason);
        let event = match &self.why {
            TurnedAway::OutsideAllowedRange { id, name } => of_type(EventType::ApiTokenOutsideAllowedRange)
                .outcome(denied("The API token may not be used from this address"))
                .target(Target::new("Token", id.as_str(), name)),
            TurnedAway::TooManyCalls { of, limit } => of_type(EventType::OrgRateLimitViolation)
                .outcome(denied("Too many requests"))
                .debug("rateLimitBucket", of.as_str())
                .debug("threshold", limit.to_string()),
        };
        let mut decision = Decision::new();
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}
