//! What tests of several crates share: a whole server without a socket, and a clock that stands.

pub mod clock;
pub mod server;

pub use self::{
    clock::FakeClock,
    server::{ADMIN_TOKEN, Answer, Call, ORG_URL, TestServer},
};
