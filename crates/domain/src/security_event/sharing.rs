//! What a subject has agreed to at a provider: the state machine of EVT-20.

use watchfire_model::object::Sharing;
use watchfire_ssf::Payload;

/// The state after `payload`; `None` when it says nothing about it.
pub(super) const fn after(state: Sharing, payload: &Payload) -> Option<Sharing> {
    match (payload, state) {
        (Payload::OptIn, _) | (Payload::OptOutCancelled, Sharing::OptOutInitiated) => Some(Sharing::OptIn),
        (Payload::OptOutInitiated, Sharing::OptIn) => Some(Sharing::OptOutInitiated),
        // Without an announcement too: whoever wants out is out.
        (Payload::OptOutEffective, _) => Some(Sharing::OptOut),
        (Payload::OptOutInitiated | Payload::OptOutCancelled, state) => Some(state),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EVT-20
    #[test]
    fn walks_through_its_states() {
        use Sharing::{OptIn, OptOut, OptOutInitiated};
        let table = [
            (OptIn, Payload::OptIn, OptIn),
            (OptIn, Payload::OptOutInitiated, OptOutInitiated),
            (OptIn, Payload::OptOutCancelled, OptIn),
            (OptIn, Payload::OptOutEffective, OptOut),
            (OptOutInitiated, Payload::OptIn, OptIn),
            (OptOutInitiated, Payload::OptOutInitiated, OptOutInitiated),
            (OptOutInitiated, Payload::OptOutCancelled, OptIn),
            (OptOutInitiated, Payload::OptOutEffective, OptOut),
            (OptOut, Payload::OptIn, OptIn),
            (OptOut, Payload::OptOutInitiated, OptOut),
            (OptOut, Payload::OptOutCancelled, OptOut),
            (OptOut, Payload::OptOutEffective, OptOut),
        ];
        for (from, payload, to) in table {
            assert_eq!(after(from, &payload), Some(to), "{from:?} {payload:?}");
        }
        assert_eq!(after(OptOut, &Payload::SessionsRevoked), None);
    }
}
