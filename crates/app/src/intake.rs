//! What providers send: risk events.

pub mod risk_events;
pub mod risk_providers;
