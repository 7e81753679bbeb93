//! The use cases, the sequencer and the hot state.

pub mod error;

pub use error::{Challenge, Error, Result};
