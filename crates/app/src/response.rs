//! What is done about risk: sign-on policies, the entity risk policy, their rules, network zones, behaviours; what
//! is to be done outside and whom it is done to.

pub mod actions;
pub mod behaviors;
pub mod delivery;
pub mod entity_risk_policy;
pub mod event_hooks;
pub mod logout_endpoints;
pub mod policies;
pub mod policy_rehearsal;
pub mod policy_rules;
pub mod workflows;
pub mod zones;
