//! The surfaces through the router, on a store of their own.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a panic here is a failed test; clippy knows it of test functions only"
)]

mod actions;
mod api_tokens;
mod apps;
#[expect(clippy::unwrap_used, reason = "a panic here is a failed test")]
#[path = "../../../ssf/tests/it/attempt.rs"]
mod attempt;
mod authorisation;
mod behaviors;
mod entity_risk_policy;
mod event_hooks;
mod floods;
mod groups;
#[expect(clippy::unwrap_used, reason = "a panic here is a failed test")]
#[path = "../../../ssf/tests/it/hostile.rs"]
mod hostile;
mod hostile_sets;
mod insight;
mod log_streams;
mod members;
mod network_context;
mod oauth2;
mod organisation;
mod people;
mod policies;
mod policy_simulation;
mod risk;
mod second_step;
mod security_events;
mod security_events_providers;
mod sessions;
mod sign_in;
mod sign_ins;
mod simulations;
mod streams_in;
mod system_log;
mod turned_away;
mod universal_logout;
mod user_risk;
mod users;
mod workflows;
mod zones;
