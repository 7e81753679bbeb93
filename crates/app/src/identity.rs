//! Clients, tokens, users, sign-in.

pub mod clients;
pub mod grants;
mod issuer;
pub mod org;
pub mod signing_keys;
