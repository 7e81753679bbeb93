//! The use cases, the sequencer and the hot state.

pub mod clock;
pub mod entropy;
pub mod error;
pub mod rate;

pub use clock::Clock;
pub use entropy::Entropy;
pub use error::{Challenge, Error, Result};
