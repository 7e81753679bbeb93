//! Where time comes from. Only the binary's implementation reads the machine's clock.

use std::fmt;

use watchfire_model::time::Timestamp;

/// The wall clock, as every use case and every layer sees it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}
