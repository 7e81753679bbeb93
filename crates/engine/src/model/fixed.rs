//! Numbers that a record keeps: millionths, so that what is stored as text computes to the bit again.

use serde::{Deserialize, Serialize};

use crate::number::{real, whole};

/// A number that is not negative, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micro(u64);

const ONE: f64 = 1_000_000.0;
/// Larger counts than a billion are that: products of them stay exact.
const MOST: u64 = 1_000_000_000_000_000;

impl Micro {
    /// The nearest millionth; 0 for what is negative or no number.
    pub fn from_real(x: f64) -> Self {
        Self(whole(libm::round(x * ONE)).min(MOST))
    }

    /// A share in millionths.
    pub fn of_millionths(millionths: u32) -> Self {
        Self(millionths.into())
    }

    /// The number.
    pub fn real(self) -> f64 {
        real(self.0.min(MOST)) / ONE
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}
