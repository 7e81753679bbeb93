//! Outbound HTTP, and connections for what streams the log and is no HTTP.
//!
//! Destinations that come from data (a client's `jwks_uri`, a push endpoint) are reached only through
//! [`Egress`], under a [`Policy`] per [`Purpose`]: which schemes and addresses, checked on the URL when
//! it is written and on every resolved address when it is used (architecture invariant 6). What the
//! operator configures has [`operator`].
//!
//! | module | holds |
//! |---|---|
//! | [`policy`] | purposes, what each may reach, the check of a URL |
//! | [`client`] | requests under that policy, with time-outs and body limits |
//! | [`jwks`] | the cache of fetched JWK sets |
//! | [`connection`] | what is no HTTP under the same policy, and TLS for it |
//! | [`operator`] | the client for the operator's own servers, without the policy |

#![deny(missing_docs)]

pub mod client;
pub mod connection;
pub mod jwks;
pub mod operator;
pub mod policy;
mod resolver;

pub use client::{Egress, FetchError, FetchLimits, Fetched, Request, Sent};
pub use connection::{Connection, ConnectionError, TlsClient, TlsFault, TlsSettings};
pub use jwks::{CachedKeys, JwksCache, JwksError, JwksSource};
pub use policy::{OutboundAllow, Policy, Purpose, Refusal};
