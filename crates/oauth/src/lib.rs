//! The rules of the authorization server: what a client may register, what an assertion and a DPoP
//! proof must say, what an access token says, and the exact words of every refusal.
//!
//! Pure: time, ids, random bytes and keys come in as parameters. What needs memory (a `jti` used
//! twice, a revoked token) is the caller's, who finds the matching error here.
//!
//! | module | okta.md |
//! |---|---|
//! | [`registration`] | 1.2 |
//! | [`request`], [`error`] | 1.3.1, 1.3.4, 1.7 |
//! | [`assertion`], [`client_keys`] | 1.3.2 |
//! | [`access_token`] | 1.1, 1.3.3, 1.7 |
//! | [`scope`] | 1.4 |
//! | [`dpop`] | 1.5 |
//! | [`discovery`] | 1.6 |
//! | [`openid`] | OpenID Connect, where we are the client |

#![deny(missing_docs)]

pub mod access_token;
pub mod assertion;
mod claims;
pub mod client_keys;
pub mod discovery;
pub mod dpop;
pub mod error;
pub mod openid;
pub mod registration;
pub mod request;
pub mod scope;
