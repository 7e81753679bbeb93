//! The surfaces through the router, on a store of their own.

mod oauth2;
mod people;
mod policies;
mod sign_in;
mod system_log;
mod users;
mod zones;
