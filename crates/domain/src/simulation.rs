//! Trying out policies, thresholds and providers on sign-ins that were recorded: what would have changed.
//!
//! A sign-in is judged again from the numbers of its record and decided again by the policies that were kept
//! of its time, or by others. Nothing is looked up that may have changed since.
//!
//! | module | holds |
//! |---|---|
//! | `changes` | other thresholds, another trust in providers |
//! | `draft` | other policies, rules and zones, checked as those that are made for good |
//! | `replay` | one sign-in, judged and decided again |
//! | `report` | what changed, in bounded memory |

mod changes;
mod draft;
mod replay;
mod report;

#[cfg(test)]
mod tests;

pub use self::{
    changes::{Changes, ProviderChange},
    draft::{Draft, DraftFault, Drafted},
    replay::{Replayed, replay, rules_again},
    report::{Change, Counts, Report, ReportLimits, Side, UserChanges},
};
