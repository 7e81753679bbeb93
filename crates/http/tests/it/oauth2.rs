//! The authorization server through the router (okta.md 1).

mod clients;
mod grants;
mod resources;
mod support;
mod token;
