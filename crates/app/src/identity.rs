//! Clients, tokens, users, sign-in.

pub(crate) mod client_keys;
pub mod clients;
pub mod grants;
pub mod introspection;
mod issuer;
pub mod org;
pub mod proofs;
pub mod signing_keys;
pub mod tokens;
