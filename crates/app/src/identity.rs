//! Who is who: clients, tokens, users, sign-in.

pub mod org;
pub mod signing_keys;
