//! How figures are printed.

use std::io::Write as _;

/// A line on standard output.
pub(crate) fn say(line: &str) {
    // A reader that went away needs no figures.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Microseconds with one decimal.
pub(crate) fn micros(nanoseconds: u64) -> String {
    format!("{}.{}", nanoseconds / 1_000, nanoseconds % 1_000 / 100)
}

/// The value below which so many of a thousand are; 0 of none.
pub(crate) fn quantile(sorted: &[u64], per_mille: usize) -> u64 {
    let at = sorted.len().saturating_sub(1) * per_mille / 1_000;
    sorted.get(at).copied().unwrap_or(0)
}

/// `p50 …, p99 …, max …` of unsorted values.
pub(crate) fn spread(mut values: Vec<u64>, print: impl Fn(u64) -> String) -> String {
    values.sort_unstable();
    let of = |per_mille| print(quantile(&values, per_mille));
    format!("p50 {}, p99 {}, max {}", of(500), of(990), of(1_000))
}
