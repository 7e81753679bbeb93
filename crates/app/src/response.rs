//! What is done about risk: sign-on policies, their rules, network zones.

pub mod policies;
pub mod policy_rules;
pub mod zones;
