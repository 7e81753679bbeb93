//! Conversions between counts and reals, in one place.

/// A count as a real; exact up to 2^53, which no count here reaches.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no lossless conversion exists; the rounding beyond 2^53 is harmless"
)]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// The length of something as a real.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no lossless conversion exists; the rounding beyond 2^53 is harmless"
)]
pub(crate) const fn length(count: usize) -> f64 {
    count as f64
}

/// The whole part of a real: 0 for what is negative or no number, the largest count for what is
/// larger than every count.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the saturation of `as` is what is wanted"
)]
pub(crate) const fn whole(x: f64) -> u64 {
    x as u64
}

/// As [`whole`], for positions.
pub(crate) fn position(x: f64) -> usize {
    usize::try_from(whole(x)).unwrap_or(usize::MAX)
}

/// The nearest single-precision number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "no other conversion exists; weights are kept in single precision"
)]
pub(crate) const fn single(x: f64) -> f32 {
    x as f32
}
