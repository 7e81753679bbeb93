//! What providers send: risk events and Security Event Tokens.

pub mod event_keys;
pub mod risk_events;
pub mod risk_providers;
pub mod security_events;
pub mod security_events_providers;
pub mod streams_in;
pub mod transmitter_check;
pub mod transmitter_metadata;
pub(crate) mod verification_turns;
