//! A Security Event Token on its way from bytes to facts (RFC 8417, ssf.md 1).
//!
//! [`UnverifiedSet`] knows nothing but the token's shape and whom it claims to be from;
//! [`UnverifiedSet::verify`] makes a [`VerifiedSet`] of it, in the order of ssf.md 1.5.

use watchfire_crypto::jws::UnverifiedJws;
use watchfire_model::time::Timestamp;

use crate::{dialect::Dialect, event::SecurityEvent};

/// A token of which nothing is known but its shape.
#[derive(Clone, Debug)]
pub struct UnverifiedSet {
    /// The token.
    pub(crate) jws: UnverifiedJws,
    /// `iss`, to choose whose keys it is verified with.
    pub(crate) issuer: String,
}

/// What a token must say to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// How it is read.
    pub dialect: &'a Dialect,
    /// `iss`, to the letter (SET-12).
    pub issuer: &'a str,
    /// Values of `aud` of which one must be there (SET-14).
    pub audiences: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// A token whose signature and claims have been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedSet {
    /// `iss`
    pub issuer: String,
    /// `jti`
    pub jti: String,
    /// `iat`
    pub issued_at: Timestamp,
    /// `txn`
    pub txn: Option<String>,
    /// Its events, in the token's order.
    pub events: Vec<SecurityEvent>,
    /// Each way in which it is not as SSF 1.0 has it and was taken all the same: short names, such as
    /// `subject_in_event`.
    pub normalisations: Vec<&'static str>,
    /// SHA-256 of the compact token.
    pub digest: [u8; 32],
}

impl UnverifiedSet {
    /// `iss` as the token says; nobody has vouched for it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token.
    pub const fn jws(&self) -> &UnverifiedJws {
        &self.jws
    }
}
