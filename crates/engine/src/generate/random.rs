//! Our own pseudo-random numbers: the same on every machine, for ever.

use crate::number::{real, whole};

/// xoshiro256++ (Blackman and Vigna, public domain), seeded through splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of one thing (`path`) in the world of `seed`: independent of how much any other
    /// stream is read.
    pub(super) fn new(seed: u64, path: &[u64]) -> Self {
        let mut hash = path.iter().fold(splitmix(&mut seed.clone()), |hash, part| {
            splitmix(&mut (hash ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        });
        Self {
            state: [(); 4].map(|()| splitmix(&mut hash)),
        }
    }

    /// 64 random bits.
    pub(super) const fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        real(self.bits() >> 11) / real(1 << 53)
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        whole(self.unit() * real(n))
    }

    /// Uniform in `0..n`, as a byte.
    pub(super) fn byte(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(u64::from(n))).unwrap_or(0)
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }

    /// Exponential with this mean.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Log-normal with this median and this deviation of the logarithm.
    pub(super) fn log_normal(&mut self, median: f64, deviation: f64) -> f64 {
        median * libm::exp(deviation * self.normal())
    }

    /// One of the values, by weight; the default when there is none.
    pub(super) fn pick<T: Copy + Default>(&mut self, table: &[(T, f64)]) -> T {
        let mut left = self.unit() * table.iter().map(|(_, weight)| weight).sum::<f64>();
        let chosen = table.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        chosen.or(table.last()).map_or_else(T::default, |(value, _)| *value)
    }

    /// A rank in `0..n`, rank r with weight (r+1)^-s.
    pub(super) fn zipf(&mut self, n: u8, s: f64) -> u8 {
        let weight = |rank: u8| libm::pow(f64::from(rank) + 1.0, -s);
        let mut left = self.unit() * (0..n).map(weight).sum::<f64>();
        (0..n)
            .find(|rank| {
                left -= weight(*rank);
                left < 0.0
            })
            .unwrap_or(0)
    }
}

const fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_the_same_on_every_machine_and_apart_from_each_other() {
        let mut one = Random::new(7, &[1, 2]);
        let first = one.bits();
        assert_eq!(first, Random::new(7, &[1, 2]).bits());
        for other in [Random::new(7, &[2, 1]), Random::new(8, &[1, 2]), Random::new(7, &[1])] {
            assert_ne!(first, other.clone().bits());
        }
    }

    #[test]
    fn draws_have_the_moments_that_they_promise() {
        let mut random = Random::new(1, &[]);
        let mean = |draw: &mut dyn FnMut() -> f64| (0..20_000).map(|_| draw()).sum::<f64>() / 20_000.0;
        assert!((mean(&mut || random.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut || random.normal())).abs() < 0.03);
        assert!((mean(&mut || random.exponential(3.0)) - 3.0).abs() < 0.1);
        assert!((mean(&mut || f64::from(random.zipf(2, 1.0))) - 1.0 / 3.0).abs() < 0.02);
        assert_eq!(random.below(0), 0);
    }
}
