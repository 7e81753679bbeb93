//! The surfaces through the router, on a store of their own.

mod oauth2;
mod policies;
mod system_log;
mod zones;
