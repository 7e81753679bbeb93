//! Event hooks get so many events a day and no more (okta.md 10.4).

use watchfire_model::{
    id::OrgId,
    log::{Actor, EventType, LogEvent, Outcome, OutcomeResult},
    object::Org,
    row::Decision,
    slice::{Need, Slice},
};

use crate::command::{Command, Context, Decided};

/// How far the quota is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaNews {
    /// Most of it.
    Warning,
    /// All of it: events are given to no hook until some are a day old.
    Limit,
}

/// Says in the log that the quota is reached.
#[derive(Clone, Debug)]
pub struct NoteHookQuota {
    /// How far.
    pub news: QuotaNews,
    /// Events of a day.
    pub limit: u64,
    /// From so many on there is a warning.
    pub warning: u64,
}

impl Command for NoteHookQuota {
    type Outcome = ();

    fn needs(&self) -> Vec<Need> {
        vec![Need::all::<Org>()]
    }

    fn decide(&self, slice: &Slice, context: &mut Context<'_>) -> Decided<()> {
        let org = slice.all::<Org>().into_iter().next().map(|org| org.id.clone());
        let actor = Actor::system(&org.unwrap_or_else(|| OrgId::new("unknown")));
        let (event_type, why, threshold) = match self.news {
            QuotaNews::Warning => (
                EventType::OrgRateLimitWarning,
                "Event hooks have used most of their events of a day",
                self.warning,
            ),
            QuotaNews::Limit => (
                EventType::OrgRateLimitViolation,
                "Event hooks have used all of their events of a day",
                self.limit,
            ),
        };
        let event = LogEvent::new(event_type, actor)
            .outcome(Outcome::of(OutcomeResult::Deny).because(why))
            .debug("rateLimitBucket", "event hooks, 24 hours")
            .debug("threshold", threshold.to_string())
            .debug("rateLimit", self.limit.to_string());
        let mut decision = Decision::new();
        context.log(&mut decision, event);
        Decided::done(decision, ())
    }
}
