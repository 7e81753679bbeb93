//! The surfaces through the router, on a store of their own.

mod groups;
mod oauth2;
mod people;
mod policies;
mod second_step;
mod sessions;
mod sign_in;
mod system_log;
mod users;
mod zones;
