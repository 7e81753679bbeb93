//! Carrying out what was decided: the right to work on an action, the results, approvals, dead letters
//! (architecture section 2).
//!
//! | module | holds |
//! |---|---|
//! | [`retry`] | when a call is made again |
//! | `delivery` | leases and results |
//! | `approval` | a person says yes or no |
//! | `redrive` | dead letters, tried again by hand |
//! | `held` | what a restore finds waiting |

mod approval;
mod delivery;
mod held;
mod redrive;
pub mod retry;

#[cfg(test)]
mod tests;

pub use self::{
    approval::{DecideApproval, Verdict},
    delivery::{CallResult, LeaseAction, RecordAttempt, Recorded},
    held::{Restored, SettleHeld, WaitingCalls},
    redrive::RedriveActions,
};

use watchfire_model::{
    id::ActionId,
    log::{LogEvent, Target},
    object::{Action, User},
    slice::Slice,
};

use crate::{Rejection, user};

/// The type's name in error texts.
pub const KIND: &str = "Action";

fn not_found(id: &ActionId) -> Rejection {
    Rejection::not_found(id.as_str(), KIND)
}

/// Names the action, and whom it is about, in an event.
fn about(event: LogEvent, action: &Action, slice: &Slice) -> LogEvent {
    let kind = action.call.kind();
    let mut target = Target::new("Action", action.id.as_str(), kind).detail("action", kind);
    if let Some(cause) = &action.cause {
        target = target
            .detail("policyId", cause.policy.as_str())
            .detail("ruleId", cause.rule.as_str());
    }
    let user = action.user().and_then(|id| slice.get::<User>(id.as_str()));
    let event = event.target(target);
    match user {
        Some(user) => event.target(user::target(user)),
        None => event,
    }
}
