//! Values as keyed hashes: a profile tells nobody where its user has been.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

use serde::{Deserialize, Serialize};

/// The tenant's secret for hashing values. Rotated, every profile starts anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// A value below its parents, as 48 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(u64);

/// So many bits are kept.
const BITS: u64 = (1 << 48) - 1;

impl Key {
    /// What is above everything.
    pub const ROOT: Self = Self(0);

    /// The key of a value at a level (`tag`) below `parent`.
    pub(crate) fn below(self, secret: &HashKey, tag: u8, value: &[u8]) -> Self {
        let mut message = [0_u8; 9];
        if let Some((first, rest)) = message.split_first_mut() {
            *first = tag;
            rest.copy_from_slice(&self.0.to_le_bytes());
        }
        Self(siphash(&secret.0, &[&message, value]) & BITS)
    }

    /// The 48 bits.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// A key of 48 bits; more are dropped.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & BITS)
    }
}

/// A value as a profile remembers it: 24 bits of its key. That a value which a user has never shown is taken for
/// one of the two dozen of its level happens once in 700,000 times, and nobody without the secret can tell when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Short(u32);

impl Short {
    /// The 24 bits, lowest first.
    pub(crate) const fn bytes(self) -> [u8; 3] {
        let [first, second, third, _] = self.0.to_le_bytes();
        [first, second, third]
    }

    /// Reads [`bytes`](Self::bytes).
    pub(crate) const fn from_bytes([first, second, third]: [u8; 3]) -> Self {
        Self(u32::from_le_bytes([first, second, third, 0]))
    }
}

impl Key {
    /// What a profile remembers of it.
    pub(crate) const fn short(self) -> Short {
        let [first, second, third, ..] = self.0.to_le_bytes();
        Short::from_bytes([first, second, third])
    }
}

/// A map by keys. They are hashes already.
pub(crate) type KeyMap<T> = HashMap<Key, T, BuildHasherDefault<AlreadyHashed>>;

/// Passes a key through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        // The map looks at the uppermost bits, of which a key has none.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }
}

/// SipHash-2-4 (Aumasson and Bernstein) of the concatenated parts.
pub(crate) fn siphash(key: &[u8; 16], parts: &[&[u8]]) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    let (low, high) = key.split_at(8);
    let (k0, k1) = (word(low), word(high));
    let mut state = State {
        v0: k0 ^ 0x736f_6d65_7073_6575,
        v1: k1 ^ 0x646f_7261_6e64_6f6d,
        v2: k0 ^ 0x6c79_6765_6e65_7261,
        v3: k1 ^ 0x7465_6462_7974_6573,
    };
    let (mut pending, mut filled, mut length) = (0_u64, 0_u32, 0_u8);
    for byte in parts.iter().flat_map(|part| part.iter()) {
        pending |= u64::from(*byte) << (8 * filled);
        filled += 1;
        length = length.wrapping_add(1);
        if filled == 8 {
            state.absorb(pending);
            (pending, filled) = (0, 0);
        }
    }
    state.absorb(pending | u64::from(length) << 56);
    state.finish()
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    const fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.round();
        self.v0 ^= word;
    }

    const fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    const fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the SipHash paper's reference code: key 00..0f, message 00.. of growing length.
    #[test]
    fn siphash_gives_the_published_values() {
        let key: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(&key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash(&key, &[&message[..1]]), 0x74f8_39c5_93dc_67fd);
        assert_eq!(siphash(&key, &[&message[..7], &message[7..]]), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn a_key_depends_on_the_secret_the_level_the_parent_and_the_value() {
        let (one, other) = (HashKey::new([1; 16]), HashKey::new([2; 16]));
        let key = Key::ROOT.below(&one, 1, b"NO");
        assert_eq!(key, Key::ROOT.below(&one, 1, b"NO"));
        for different in [
            Key::ROOT.below(&other, 1, b"NO"),
            Key::ROOT.below(&one, 2, b"NO"),
            key.below(&one, 1, b"NO"),
            Key::ROOT.below(&one, 1, b"SE"),
        ] {
            assert_ne!(key, different);
        }
        assert_eq!(format!("{one:?}"), "HashKey(..)");
    }
}
