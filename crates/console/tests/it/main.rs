//! The console's pages through the router, on a store of their own.

#![expect(
    clippy::indexing_slicing,
    reason = "a panic here is a failed test; clippy knows it of test functions only"
)]

mod administrators;
mod assets;
mod browser;
mod live_tail;
mod oidc;
mod passkeys;
mod risk;
mod roles;
mod sessions;
mod set_up;
mod sign_in;
mod system_log;
