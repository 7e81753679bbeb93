//! JSON read so that no two parsers could disagree about it (JWT-08 to JWT-10).
//!
//! Refused beside plain syntax errors: duplicate member names at any depth, a byte order mark, data
//! after the value, invalid UTF-8 and lone surrogates, numbers that no `f64` holds, and whatever is
//! deeper, longer or wider than the [`Limits`].

#[cfg(test)]
mod tests;
mod visitor;

use std::cell::RefCell;

use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use self::visitor::Seed;

/// How large a document may be. `max_depth` beyond 127 is the parser's own limit all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document.
    pub max_bytes: usize,
    /// Arrays and objects inside each other; a scalar has depth 0, `[]` and `{}` have 1.
    pub max_depth: usize,
    /// Members of one object.
    pub max_members: usize,
    /// Items of one array.
    pub max_items: usize,
    /// Bytes of one string or member name.
    pub max_string_bytes: usize,
}

impl Limits {
    /// A JOSE header or a JWT's claims (JWT-08).
    pub const JWT: Self = Self {
        max_bytes: 64 * 1024,
        max_depth: 16,
        max_members: 256,
        max_items: 1024,
        max_string_bytes: 16 * 1024,
    };

    /// A JOSE header: 4 KiB of [`Limits::JWT`].
    pub const JOSE_HEADER: Self = Self {
        max_bytes: 4 * 1024,
        ..Self::JWT
    };

    /// A fetched JWK set: 256 KiB (JWT-08).
    pub const JWKS: Self = Self {
        max_bytes: 256 * 1024,
        ..Self::JWT
    };

    /// The body of an API request: 1 MiB, which is what the HTTP layer lets through at most.
    pub const BODY: Self = Self {
        max_bytes: 1024 * 1024,
        max_depth: 32,
        max_members: 1024,
        max_items: 10_000,
        max_string_bytes: 256 * 1024,
    };
}

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// More bytes than allowed.
    #[error("the document is longer than {0} bytes")]
    TooLong(usize),
    /// It begins with a byte order mark.
    #[error("the document begins with a byte order mark")]
    ByteOrderMark,
    /// Not JSON, or not UTF-8.
    #[error("not well-formed JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Something other than white space after the value.
    #[error("data after the end of the JSON value")]
    TrailingData,
    /// One object has a member twice.
    #[error("the member '{0}' appears twice")]
    DuplicateMember(String),
    /// Nested deeper than allowed.
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    /// An object with more members than allowed.
    #[error("an object with more than {0} members")]
    TooManyMembers(usize),
    /// An array with more items than allowed.
    #[error("an array with more than {0} items")]
    TooManyItems(usize),
    /// A string or a member name longer than allowed.
    #[error("a string longer than {0} bytes")]
    StringTooLong(usize),
    /// The document is well-formed, but no object.
    #[error("not a JSON object")]
    NotAnObject,
}

/// Reads one document.
///
/// # Errors
/// Every [`StrictJsonError`] but `NotAnObject`.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, StrictJsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(StrictJsonError::TooLong(limits.max_bytes));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(StrictJsonError::ByteOrderMark);
    }
    let refused = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed::new(limits, &refused);
    let value = seed.deserialize(&mut deserializer).map_err(|error| {
        let syntax = StrictJsonError::Syntax {
            line: error.line(),
            column: error.column(),
        };
        refused.take().unwrap_or(syntax)
    })?;
    deserializer.end().map_err(|_| StrictJsonError::TrailingData)?;
    Ok(value)
}

/// Reads one document that must be an object.
///
/// # Errors
/// Every [`StrictJsonError`].
pub fn parse_object(bytes: &[u8], limits: &Limits) -> Result<Map<String, Value>, StrictJsonError> {
    match parse(bytes, limits)? {
        Value::Object(members) => Ok(members),
        _ => Err(StrictJsonError::NotAnObject),
    }
}
