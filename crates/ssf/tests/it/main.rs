//! Whole tokens, really signed: what each dialect makes of what is really sent, what nobody takes, and
//! properties of both.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic here is a failed test; clippy knows it of test functions only"
)]

mod attempt;
mod dialects;
mod events;
mod hostile;
mod properties;
