//! Cryptography on aws-lc-rs, each thing once: strict JSON, JWK, JWS, signing keys, digests, MACs,
//! TOTP, sealing, randomness.
//!
//! No clock and no I/O. Randomness is used only to make keys, nonces and tokens ([`random`],
//! [`signing`], [`seal`]).
//!
//! | module | holds |
//! |---|---|
//! | [`strict_json`] | JSON that refuses what JSON parsers disagree about (JWT-08 to JWT-10) |
//! | [`base64url`] | unpadded, canonical base64url (JWT-11) |
//! | [`jwk`] | public keys bound to their algorithms, thumbprints, key sets (JWT-01 to JWT-04) |
//! | [`jws`] | compact JWS: unverified in, verified out |
//! | [`key_wrap`] | the key file, under a passphrase or another key |
//! | [`signing`] | private keys |
//! | [`webauthn`] | what passkeys make and sign |
//! | [`webhook`] | signatures of webhooks |
//! | [`digest`], [`mac`], [`totp`], [`seal`], [`random`] | what they say |

#![deny(missing_docs)]

pub mod base64url;
mod der;
pub mod digest;
pub mod jwk;
pub mod jws;
pub mod key_wrap;
pub mod mac;
pub mod random;
pub mod seal;
pub mod signing;
pub mod strict_json;
pub mod totp;
pub mod webauthn;
pub mod webhook;
