//! The precision in which a profile is kept, so that nobody's takes a kilobyte. Everything that changes a profile
//! leaves it in this precision: what is stored and read again is what was there.

use super::{Fix, Profile};

/// A number further back than this is that far back. Nothing looks back further than a hundred sign-ins.
const FURTHEST: u32 = 255;
/// Bits of a single-precision number that are dropped: ten of its fraction are kept.
const DROPPED: u32 = 13;
const MASK: u32 = (1 << DROPPED) - 1;
/// The exponent of 2^-8 in single precision. Anything lighter is nothing; counts below a twentieth are forgotten.
const LEAST_EXPONENT: u32 = 127 - 8;
/// So many exponents are kept, up to 2^55: a thousand sign-ins a second for years.
const EXPONENTS: u32 = 64;
/// The furthest that a place may be off, in kilometres; beyond it no journey says anything.
const MOST_RADIUS: u16 = (1 << 13) - 1;
const NORTH: i32 = 900_000;
const EAST: i32 = 1_800_000;

/// The weight in ten bits, rounded up or down so that over many sign-ins nothing is lost: a small weight that is
/// added to a large one again and again would else be added never.
pub(super) fn dithered(weight: f32, nth: u32) -> f32 {
    // The multiples of the golden ratio fall evenly.
    let dither = nth.wrapping_mul(0x9E37_79B9) >> (32 - DROPPED);
    dropped(weight, dither)
}

/// The nearest weight in ten bits.
fn rounded(weight: f32) -> f32 {
    dropped(weight, 1 << (DROPPED - 1))
}

fn dropped(weight: f32, dither: u32) -> f32 {
    f32::from_bits(weight.to_bits().saturating_add(dither) & !MASK)
}

/// A weight in sixteen bits.
pub(super) fn packed(weight: f32) -> u16 {
    let bits = rounded(weight).to_bits() >> DROPPED;
    let code = bits.saturating_sub(LEAST_EXPONENT << 10);
    u16::try_from(code.min((EXPONENTS << 10) - 1)).unwrap_or(u16::MAX)
}

/// Reads [`packed`].
pub(super) fn unpacked(code: u16) -> f32 {
    if code == 0 {
        return 0.0;
    }
    f32::from_bits((u32::from(code) + (LEAST_EXPONENT << 10)) << DROPPED)
}

/// How far back a number is.
pub(super) fn age(nth: u32, successes: u32) -> u8 {
    u8::try_from(successes.saturating_sub(nth)).unwrap_or(u8::MAX)
}

/// A place on the globe in 56 bits.
pub(super) fn packed_fix(at: Fix) -> [u8; 7] {
    let at = fix(at);
    let number = |from_least: i32| u64::try_from(from_least).unwrap_or(0);
    let bits = number(at.latitude + NORTH) | number(at.longitude + EAST) << 21 | u64::from(at.radius) << 43;
    let [first, second, third, fourth, fifth, sixth, seventh, _] = bits.to_le_bytes();
    [first, second, third, fourth, fifth, sixth, seventh]
}

/// Reads [`packed_fix`]; `None` where no place is.
pub(super) fn unpacked_fix([first, second, third, fourth, fifth, sixth, seventh]: [u8; 7]) -> Option<Fix> {
    let bits = u64::from_le_bytes([first, second, third, fourth, fifth, sixth, seventh, 0]);
    let number = |shift: u32, length: u32| i32::try_from(bits >> shift & ((1 << length) - 1)).ok();
    let at = Fix {
        latitude: number(0, 21)? - NORTH,
        longitude: number(21, 22)? - EAST,
        radius: u16::try_from(bits >> 43).ok()?,
    };
    (fix(at) == at).then_some(at)
}

/// The place as it is kept.
pub(super) fn fix(at: Fix) -> Fix {
    Fix {
        latitude: at.latitude.clamp(-NORTH, NORTH),
        longitude: at.longitude.clamp(-EAST, EAST),
        radius: at.radius.min(MOST_RADIUS),
    }
}

impl Profile {
    /// Brings everything to the precision in which it is stored.
    pub(super) fn compact(&mut self) {
        let successes = self.successes;
        let within = |nth: u32| nth.clamp(successes.saturating_sub(FURTHEST), successes);
        for entry in &mut self.entries {
            entry.weight = unpacked(packed(entry.weight));
            entry.nth = within(entry.nth);
        }
        self.entries.sort_by_key(|entry| entry.level);
        self.places.iter_mut().for_each(|visit| visit.nth = within(visit.nth));
        self.named.iter_mut().for_each(|(_, nth)| *nth = within(*nth));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_kept_is_kept_again(bits in any::<u32>(), nth in any::<u32>()) {
            let weight = f32::from_bits(bits).abs();
            let kept = unpacked(packed(weight));
            prop_assert_eq!(unpacked(packed(kept)).to_bits(), kept.to_bits());
            prop_assert!(kept.is_finite() && kept >= 0.0);
            if (0.01..1e15).contains(&weight) {
                prop_assert!((kept / weight - 1.0).abs() <= 0.0005, "{} {}", weight, kept);
                let dithered = dithered(weight, nth);
                prop_assert!((dithered / weight - 1.0).abs() < 0.001);
                prop_assert_eq!(unpacked(packed(dithered)).to_bits(), dithered.to_bits());
            }
        }

        #[test]
        fn places_on_the_globe_are_kept(latitude in -900_000..=900_000, longitude in -1_800_000..=1_800_000, radius in 0_u16..=8_191) {
            let at = Fix { latitude, longitude, radius };
            prop_assert_eq!(unpacked_fix(packed_fix(at)), Some(at));
        }

        #[test]
        fn any_place_is_brought_to_the_globe(latitude in any::<i32>(), longitude in any::<i32>(), radius in any::<u16>()) {
            let at = Fix { latitude, longitude, radius };
            prop_assert_eq!(unpacked_fix(packed_fix(at)), Some(fix(at)));
        }
    }

    /// Ten bits hold a thousand: without the dither, nothing would be added beyond.
    #[test]
    fn small_weights_add_up_to_large_ones() {
        let mut weight = 0.0_f32;
        for nth in 1..=100_000_u32 {
            weight = dithered(weight + 1.0, nth);
        }
        assert!((weight / 100_000.0 - 1.0).abs() < 0.02, "{weight}");
    }
}
