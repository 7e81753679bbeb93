//! What is done here for a user settles causes of risk (risk-engine.md 5.7, okta.md 9.4, 9.8).

use watchfire_model::{
    entity::Entity,
    id::UserId,
    log::{Actor, EventType, LogEvent, RequestOrigin},
    object::{CauseKind, CauseSource, EntityRisk, User},
    row::Decision,
    slice::{Need, Slice},
};

use super::{Change, EntityRisks, GuardLimits};
use crate::{command::Context, user};

/// Something that was done here for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// All sessions were ended.
    SessionsEnded,
    /// The password was changed, or taken away.
    PasswordChanged,
}

/// What a command must see that calls [`settle`].
pub(crate) fn settle_needs(user: &UserId) -> Need {
    Need::object::<EntityRisk>(Entity::User(user.clone()).to_string())
}

/// Ends the causes that `done` remedies, and says so in the log. Nothing is noted of a user of whom nothing
/// is known: what is said later is not settled by what was done before.
pub(crate) fn settle(
    user: &User,
    done: &[Done],
    slice: &Slice,
    decision: &mut Decision,
    context: &mut Context<'_>,
    (actor, origin): (&Actor, &RequestOrigin),
) {
    let entity = Entity::User(user.id.clone());
    if slice.get::<EntityRisk>(&entity.to_string()).is_none() {
        return;
    }
    let mut risks = EntityRisks::new(slice, GuardLimits::default(), context.now);
    let mut ended: Vec<CauseKind> = Vec::new();
    for done in done {
        let change = match done {
            Done::SessionsEnded => Change::SessionsEnded(CauseSource::Administrator),
            Done::PasswordChanged => Change::CredentialChanged(context.now, CauseSource::Administrator),
        };
        ended.extend(risks.change(&entity, change));
    }
    if !ended.is_empty() {
        let event = LogEvent::new(EventType::EntityRiskClear, actor.clone())
            .from_request(origin)
            .target(user::target(user))
            .debug("clearedCauses", names(&ended));
        context.log(decision, event);
    }
    risks.write(decision);
}

/// The kinds as one debug member.
pub(crate) fn names(kinds: &[CauseKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    names.join(", ")
}
