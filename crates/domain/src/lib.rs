//! What changes state, and how it is decided: pure functions from a slice of state, a time and fresh
//! ids to the rows that are written.
//!
//! One file a noun; each holds the commands about it. [`command`] says what a command is.

pub mod action;
pub mod admin_session;
pub mod administrator;
pub mod api_token;
pub mod behavior;
pub mod bootstrap;
pub mod client;
pub mod command;
pub mod console_sign_in;
pub mod entity_risk;
pub mod entity_risk_policy;
pub mod entity_risk_rule;
pub mod event_hook;
pub mod factor;
pub mod feedback;
pub mod grant;
pub mod group;
pub mod log_stream;
pub mod logout_endpoint;
pub mod notice;
pub mod org;
pub mod passkey;
pub mod policy;
pub mod policy_rule;
pub mod population;
pub mod rejection;
pub mod risk_event;
mod risk_learning;
pub mod risk_provider;
pub mod risk_tuning;
pub mod saved_search;
pub mod security_event;
pub mod security_events_provider;
pub mod session;
pub mod sign_in;
pub mod signing_key;
pub mod simulation;
pub mod stream_in;
pub mod token;
pub mod user;
pub mod user_risk;
pub mod workflow;
pub mod zone;

pub use command::{Command, Context, Decided, HookSubscriptions};
pub use rejection::Rejection;

#[cfg(test)]
mod testing;
