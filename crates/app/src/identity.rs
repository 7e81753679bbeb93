//! Clients, tokens, users, sign-in.

pub mod administrators;
pub mod api_tokens;
pub mod apps;
pub(crate) mod client_keys;
pub mod clients;
pub mod console;
pub mod entity_risk;
pub mod evaluation;
pub mod factors;
mod failures;
pub mod grants;
pub mod groups;
pub mod introspection;
mod issuer;
pub mod oidc;
pub mod org;
pub mod passkeys;
pub(crate) mod passwords;
pub(crate) mod population_keeper;
pub mod proofs;
pub mod roles;
mod second_step;
pub mod sessions;
mod sighting;
pub mod sign_in;
mod sign_in_limits;
pub mod signing_keys;
mod threshold_keeper;
pub mod tokens;
pub mod users;

pub(crate) use self::failures::Failures;
pub use self::{
    failures::LockoutLimits,
    sign_in_limits::{RiskSettings, SignInLimits},
};
