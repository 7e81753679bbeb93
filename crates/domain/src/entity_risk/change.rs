//! Causes and facts that come and go.

use std::time::Duration;

use watchfire_engine::entity::{Remedy, remedies};
use watchfire_model::{
    entity::Entity,
    id::{SecurityEventsProviderId, UserId},
    object::{Cause, CauseKind, CauseSource, EntityRisk, Fact, LinkRef},
    time::Timestamp,
};

use super::EntityRisks;

/// Clean step-ups that end a MEDIUM that a provider stated (risk-engine.md 5.7).
const STEP_UPS_TO_CLEAR: u32 = 2;
/// What a change of a credential or identifier counts for, once (ssf.md annex B, rows 5 and 15).
const CHANGE_MILLINATS: i32 = 800;
/// So long a new device or country makes it count double.
const CHANGE_IS_FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// Facts of one entity at the most: names of devices are whatever a provider says.
const MAX_FACTS: usize = 128;
/// [`EntityRisk::facts`]: a credential of the user was changed.
const CREDENTIAL_CHANGED: &str = "credential_changed";
/// [`EntityRisk::facts`]: all sessions of the user were ended.
const SESSIONS_ENDED: &str = "sessions_ended";

/// Something that changes what is known of an entity.
#[derive(Clone, Debug)]
pub enum Change {
    /// This speaks against it. It replaces what the same source said of the same kind.
    Add(Cause),
    /// These no longer do.
    Clear {
        /// Which.
        kinds: Vec<CauseKind>,
        /// By whose word they spoke against it.
        from: From,
    },
    /// An administrator says what its level is: everything said before is settled.
    Override(Cause),
    /// It has signed in with a second factor.
    SteppedUp {
        /// At once and not at HIGH risk.
        clean: bool,
    },
    /// A credential of it was changed, then.
    CredentialChanged(Timestamp, CauseSource),
    /// All its sessions have been ended.
    SessionsEnded(CauseSource),
    /// Somebody told something that is no risk.
    SetFact {
        /// What about.
        name: String,
        /// What.
        fact: Fact,
    },
    /// What was told under this name no longer holds.
    RemoveFact(String),
    /// This is the user behind it.
    SetUser(UserId),
    /// This identifier leads to it.
    AddLink(LinkRef),
    /// This one no longer does.
    RemoveLink(LinkRef),
    /// The identifiers that this provider has named lead to it no longer.
    RemoveLinks(SecurityEventsProviderId),
}

/// By whose word something speaks against an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Anybody's.
    Any,
    /// This one's.
    Source(CauseSource),
}

impl From {
    fn is(&self, source: &CauseSource) -> bool {
        match self {
            Self::Any => true,
            Self::Source(named) => named.is_same(source),
        }
    }
}

impl EntityRisks<'_> {
    /// Changes what is known of `entity`. Returns the kinds of causes that this has ended.
    pub fn change(&mut self, entity: &Entity, change: Change) -> Vec<CauseKind> {
        let now = self.now;
        let record = self.record(entity);
        let risk = &mut record.risk;
        let before = risk.clone();
        let ended = apply(risk, change, now);
        record.changed |= *risk != before;
        ended
    }

    /// The user signs in from a new device or country: changes of credentials and identifiers of the last
    /// day count double (ssf.md annex B, row 5). Returns whether there were any.
    pub(crate) fn moved_elsewhere(&mut self, entity: &Entity) -> bool {
        let now = self.now;
        let record = self.record(entity);
        let mut doubled = false;
        for cause in &mut record.risk.causes {
            let is_change = matches!(cause.kind, CauseKind::CredentialChange | CauseKind::IdentifierChanged);
            if is_change && cause.millinats == CHANGE_MILLINATS && now.since(cause.since) <= CHANGE_IS_FRESH {
                cause.millinats = CHANGE_MILLINATS.saturating_mul(2);
                doubled = true;
            }
        }
        record.changed |= doubled;
        doubled
    }

    /// Whether a newer event of this name from this provider has come before one of `at`: it must not
    /// undo it (ssf.md annex B).
    pub fn is_superseded(&mut self, entity: &Entity, event: &str, provider: &SecurityEventsProviderId, at: Timestamp) -> bool {
        let newest = self.record(entity).risk.newest.get(&newest_key(event, provider));
        newest.is_some_and(|newest| *newest > at)
    }

    /// Remembers that an event of this name and time has come.
    pub fn arrived(&mut self, entity: &Entity, event: &str, provider: &SecurityEventsProviderId, at: Timestamp) {
        let record = self.record(entity);
        let newest = record.risk.newest.entry(newest_key(event, provider)).or_insert(at);
        *newest = at.max(*newest);
        record.changed = true;
    }
}

fn newest_key(event: &str, provider: &SecurityEventsProviderId) -> String {
    format!("{provider} {event}")
}

fn apply(risk: &mut EntityRisk, change: Change, now: Timestamp) -> Vec<CauseKind> {
    match change {
        Change::Add(cause) => {
            add(risk, cause, now);
            Vec::new()
        }
        Change::Clear { kinds, from } => end(risk, |cause| kinds.contains(&cause.kind) && from.is(&cause.source)),
        Change::Override(cause) => {
            let ended = end(risk, |_| true);
            add(risk, cause, now);
            ended
        }
        Change::SteppedUp { clean } => step_up(risk, clean),
        Change::CredentialChanged(at, source) => {
            let mut ended = end(risk, |cause| remedies(cause).contains(&Remedy::CredentialChange));
            set_latest(risk, CREDENTIAL_CHANGED, at.min(now), source);
            ended.extend(end_remedied(risk));
            ended
        }
        Change::SessionsEnded(source) => {
            set_latest(risk, SESSIONS_ENDED, now, source);
            end_remedied(risk)
        }
        Change::SetFact { name, fact } => {
            if risk.facts.len() < MAX_FACTS || risk.facts.contains_key(&name) {
                risk.facts.insert(name, fact);
            }
            Vec::new()
        }
        Change::RemoveFact(name) => {
            risk.facts.remove(&name);
            Vec::new()
        }
        Change::SetUser(user) => {
            risk.user = Some(user);
            Vec::new()
        }
        Change::AddLink(link) => {
            if !risk.links.contains(&link) {
                risk.links.push(link);
            }
            Vec::new()
        }
        Change::RemoveLink(link) => {
            risk.links.retain(|known| *known != link);
            Vec::new()
        }
        Change::RemoveLinks(provider) => {
            risk.links.retain(|link| link.provider != provider);
            Vec::new()
        }
    }
}

fn add(risk: &mut EntityRisk, cause: Cause, now: Timestamp) {
    risk.causes
        .retain(|old| !(old.kind == cause.kind && old.source.is_same(&cause.source)));
    // Nobody's clock makes a cause last longer.
    let since = cause.since.min(now);
    risk.causes.push(Cause { since, ..cause });
    risk.recorded = true;
}

/// Ends the causes that `is_over`, and says of which kinds they were.
fn end(risk: &mut EntityRisk, is_over: impl Fn(&Cause) -> bool) -> Vec<CauseKind> {
    let mut ended = Vec::new();
    risk.causes.retain(|cause| {
        let over = is_over(cause);
        if over {
            ended.push(cause.kind);
        }
        !over
    });
    ended
}

fn step_up(risk: &mut EntityRisk, clean: bool) -> Vec<CauseKind> {
    if clean {
        for cause in &mut risk.causes {
            if remedies(cause).contains(&Remedy::TwoCleanStepUps) {
                cause.step_ups = cause.step_ups.saturating_add(1);
            }
        }
    }
    end(risk, |cause| {
        remedies(cause).contains(&Remedy::SecondFactor) || cause.step_ups >= STEP_UPS_TO_CLEAR
    })
}

/// Ends what a credential change and the end of all sessions end together, when both have come after it.
fn end_remedied(risk: &mut EntityRisk) -> Vec<CauseKind> {
    let at = |name: &str| risk.facts.get(name).map(|fact| fact.at);
    let Some(both) = at(CREDENTIAL_CHANGED)
        .zip(at(SESSIONS_ENDED))
        .map(|(one, other)| one.min(other))
    else {
        return Vec::new();
    };
    end(risk, |cause| {
        cause.since <= both && remedies(cause).contains(&Remedy::CredentialChangeAndSessionsEnded)
    })
}

fn set_latest(risk: &mut EntityRisk, name: &str, at: Timestamp, source: CauseSource) {
    if risk.facts.get(name).is_some_and(|fact| fact.at > at) {
        return;
    }
    let fact = Fact {
        value: "true".to_owned(),
        source,
        at,
    };
    risk.facts.insert(name.to_owned(), fact);
}
