//! JSON from outside, parsed strictly: duplicate members, deep nesting and trailing data are refused
//! (ssf.md JWT-08 to JWT-10 ask it of tokens; nothing speaks for less elsewhere).

use serde_json::Value;
use watchfire_crypto::strict_json::{self, Limits};

use crate::{Error, Result};

/// Parses a request body.
///
/// # Errors
/// [`Error::Malformed`].
pub fn parse(bytes: &[u8]) -> Result<Value> {
    strict_json::parse(bytes, &Limits::BODY).map_err(|_| Error::Malformed)
}
