//! Who is who: clients, tokens, users, sign-in.

pub mod signing_keys;
