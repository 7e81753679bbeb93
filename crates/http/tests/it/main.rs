//! The surfaces through the router, on a store of their own.

mod policies;
mod system_log;
mod zones;
