//! What is done to a store that comes from an archive before a server is started on it.

use std::collections::BTreeMap;

use watchfire_domain::{
    action::{Restored, WaitingCalls},
    command::Context,
};
use watchfire_model::{
    object::{Action, ActionState, Kind, Org, TypedObject as _},
    time::Timestamp,
};
use watchfire_store::archive::{ArchiveError, Target};

use crate::{Vault, ids::KeyedIds};

/// A store that was filled.
#[derive(Clone, Copy, Debug)]
pub struct Restore<'a> {
    /// When the backup was made.
    pub made: Timestamp,
    /// What becomes of calls that were waiting then.
    pub calls: WaitingCalls,
    /// The keys of the installation.
    pub vault: &'a Vault,
    /// The number of this start.
    pub epoch: u64,
    /// The machine's time.
    pub now: Timestamp,
}

/// The number of the start that a restore is: above the archive's, and above whatever starts came after it and were lost
/// with them, or else ids would be given a second time. They are counted, so a number per second is ahead of them.
pub fn restore_epoch(archived: u64, now: Timestamp) -> u64 {
    archived.saturating_add(1).max(now.as_seconds().unsigned_abs())
}

impl Restore<'_> {
    /// Decides about the calls that were waiting, and writes that the store was restored. Gives how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carry_out(&self, target: &mut dyn Target) -> Result<usize, ArchiveError> {
        let orgs = target.objects(Kind::Org, None).await?;
        // Nothing was ever decided in a store without one.
        let Some(org) = orgs.into_iter().find_map(Org::from_object) else {
            return Ok(0);
        };
        let waiting = target.objects(Kind::Action, Some(ActionState::Pending.as_str())).await?;
        let waiting: Vec<Action> = waiting.into_iter().filter_map(Action::from_object).collect();
        let mut ids = KeyedIds::new(self.vault.id_key(), self.epoch);
        ids.begin_decision();
        let mut context = Context {
            now: self.now.max(target.last_published().await?),
            ids: &mut ids,
            hooks: &BTreeMap::new(),
        };
        let restored = Restored {
            org: &org.id,
            made: self.made,
            waiting: &waiting,
            calls: self.calls,
        };
        let decision = restored.decide(&mut context);
        target.write(&decision).await?;
        Ok(waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_a_start_of_its_own() {
        let now = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(restore_epoch(3, now), 1_800_000_000);
        assert_eq!(restore_epoch(1_800_000_000, now), 1_800_000_001);
    }
}
