//! Ids that nobody can guess and a replay can repeat (architecture section 6).

use watchfire_crypto::mac::HmacSha256;
use watchfire_model::id::IdSource;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of an id, its prefix included (okta.md 11.7).
const ID_CHARS: usize = 20;

/// A keyed function of (epoch, decision, ordinal).
pub struct KeyedIds {
    key: HmacSha256,
    epoch: u64,
    decision: u64,
    ordinal: u32,
}

impl std::fmt::Debug for KeyedIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedIds")
            .field("epoch", &self.epoch)
            .field("decision", &self.decision)
            .finish_non_exhaustive()
    }
}

impl KeyedIds {
    /// Ids of the process start `epoch` under `key`.
    pub fn new(key: &[u8], epoch: u64) -> Self {
        Self {
            key: HmacSha256::new(key),
            epoch,
            decision: 0,
            ordinal: 0,
        }
    }

    /// Goes on to the next decision; its first id has the ordinal 1.
    pub(crate) fn begin_decision(&mut self) {
        self.decision = self.decision.wrapping_add(1);
        self.ordinal = 0;
    }

    fn next_block(&mut self) -> [u8; 32] {
        self.ordinal = self.ordinal.wrapping_add(1);
        let mut input = [0_u8; 20];
        let parts = self
            .epoch
            .to_be_bytes()
            .into_iter()
            .chain(self.decision.to_be_bytes())
            .chain(self.ordinal.to_be_bytes());
        input.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        self.key.sign(input)
    }
}

impl IdSource for KeyedIds {
    fn next_id(&mut self, prefix: &str) -> String {
        let block = self.next_block();
        let tail = block.iter().take(ID_CHARS.saturating_sub(prefix.len()));
        // 256 is no multiple of 62: the bias costs less than a tenth of a bit a character.
        let chars = tail
            .filter_map(|byte| BASE62.get(usize::from(byte % 62)))
            .map(|&c| char::from(c));
        prefix.chars().chain(chars).collect()
    }

    fn next_uuid(&mut self) -> String {
        let mut b = self.next_block();
        // RFC 9562 section 5.8: version 8, custom; the variant bits are standard.
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut b;
        *version = (*version & 0x0f) | 0x80;
        *variant = (*variant & 0x3f) | 0x80;
        let hex: String = b.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let cuts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        cuts.iter()
            .filter_map(|&(from, to)| hex.get(from..to))
            .collect::<Vec<_>>()
            .join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_gives_the_same_ids() {
        let (mut a, mut b) = (KeyedIds::new(b"key", 1), KeyedIds::new(b"key", 1));
        a.begin_decision();
        b.begin_decision();
        assert_eq!(a.next_id("rkp"), b.next_id("rkp"));
        assert_eq!(a.next_uuid(), b.next_uuid());
    }

    #[test]
    fn ids_differ_by_epoch_decision_ordinal_and_key() {
        let mut ids = Vec::new();
        for (key, epoch) in [(b"a", 1), (b"a", 2), (b"b", 1)] {
            let mut source = KeyedIds::new(key, epoch);
            for _ in 0..3 {
                source.begin_decision();
                ids.extend([source.next_id("rkp"), source.next_id("rkp")]);
            }
        }
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(
            ids.iter()
                .all(|id| id.len() == 20 && id.starts_with("rkp") && id.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
    }
}
