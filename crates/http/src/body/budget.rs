//! How much of the bodies of all requests together is in memory.
//!
//! A short body costs no more than its connection does. What is longer is taken out of a budget that all requests
//! share; it is given back when the request has been answered, because until then what was parsed from it lives.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a body that are nobody's concern.
const FREE_BYTES: usize = 16 * 1024;
/// The budget is counted in pieces of so many bytes.
const PIECE: usize = 1024;

/// What long bodies may take together.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    pieces: Arc<Semaphore>,
}

/// What the body of one request has taken.
#[derive(Clone, Debug)]
pub(crate) struct BodyShare {
    budget: BodyBudget,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

/// There is no room for more of the body now.
#[derive(Debug, thiserror::Error)]
#[error("the bodies of other requests take all the memory that there is for them")]
pub(crate) struct NoRoom;

impl BodyBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        let pieces = bytes.div_ceil(PIECE).min(Semaphore::MAX_PERMITS);
        Self {
            pieces: Arc::new(Semaphore::new(pieces)),
        }
    }

    /// For a request; it gives back what it has taken when its last copy is dropped.
    pub(crate) fn share(&self) -> BodyShare {
        BodyShare {
            budget: self.clone(),
            held: Arc::default(),
        }
    }
}

impl BodyShare {
    /// Takes room for `more` bytes of the body.
    pub(crate) fn take(&self, more: usize) -> Result<(), NoRoom> {
        let mut held = self.held.lock();
        let before = pieces(held.bytes);
        held.bytes = held.bytes.saturating_add(more);
        let wanted = pieces(held.bytes).saturating_sub(before);
        if wanted == 0 {
            return Ok(());
        }
        let wanted = u32::try_from(wanted).map_err(|_| NoRoom)?;
        let pieces = Arc::clone(&self.budget.pieces);
        held.permits.push(pieces.try_acquire_many_owned(wanted).map_err(|_| NoRoom)?);
        Ok(())
    }
}

const fn pieces(bytes: usize) -> usize {
    bytes.saturating_sub(FREE_BYTES).div_ceil(PIECE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bodies_are_free_and_long_ones_share() {
        let budget = BodyBudget::new(4 * PIECE);
        let long = budget.share();
        assert!(long.take(FREE_BYTES).is_ok());
        assert!(long.take(1).is_ok() && long.take(PIECE - 1).is_ok(), "one piece");
        assert!(long.take(3 * PIECE).is_ok(), "and three");
        let other = budget.share();
        assert!(other.take(FREE_BYTES).is_ok());
        assert!(other.take(1).is_err());
        drop(long);
        let next = budget.share();
        assert!(next.take(FREE_BYTES + 4 * PIECE).is_ok());
    }
}
