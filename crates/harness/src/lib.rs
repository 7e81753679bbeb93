//! What tests are made with: time and randomness by hand, the application over a real store, journals
//! with faults, and the suite that every store must pass.
//!
//! | module | holds |
//! |---|---|
//! | [`clock`], [`entropy`] | time that is set by hand, bytes from a seed |
//! | [`server`] | the whole server on such an application, without a socket |
//! | [`service_app`] | a registered client with its key, and DPoP proofs |
//! | [`set_sender`] | a vendor that sends Security Event Tokens |
//! | [`target`] | whom webhooks, event hooks and logout calls reach |
//! | [`authenticator`] | a device with a passkey |
//! | [`fake_openid_provider`] | an identity provider with OpenID Connect, and how it can go wrong |
//! | [`fake_transmitter`] | a transmitter with a stream API, and its rough edges |
//! | [`log_collector`] | an HTTP event collector as Splunk's is |
//! | [`syslog_receiver`] | a receiver of syslog over TLS |
//! | [`app`] | the application over a store in a temporary folder, with restarts |
//! | [`backend`] | the journals that there are, behind one way to open them |
//! | [`delayed`] | a journal that is durable at once and applied behind, after a delay that is set |
//! | [`conformance`] | what every journal and index must do ([`store_conformance!`]) |
//! | [`sim_disk`] | a disk that forgets, reorders and tears what was not synced |
//! | [`witness`] | looks into an embedded store from outside, holds its lock, fills it up |
//! | [`counting_vfs`] | what SQLite writes and syncs, and syncs that fail |

pub mod app;
pub mod authenticator;
pub mod backend;
pub mod clock;
pub mod conformance;
pub mod counting_vfs;
pub mod delayed;
mod documented;
pub mod entropy;
pub mod fake_openid_provider;
pub mod fake_transmitter;
pub mod log_collector;
pub mod server;
pub mod service_app;
pub mod set_sender;
pub mod sim_disk;
pub mod syslog_receiver;
pub mod target;
pub mod watched_disk;
pub mod witness;

pub use self::{
    app::{ADMIN_TOKEN, ORG_URL, TestApp},
    authenticator::Authenticator,
    clock::FakeClock,
    fake_openid_provider::{FakeOpenIdProvider, Person},
    fake_transmitter::FakeTransmitter,
    log_collector::LogCollector,
    server::{Answer, Call, TestServer},
    service_app::ServiceApp,
    set_sender::SetSender,
    syslog_receiver::SyslogReceiver,
    target::{Reply, Target},
};
