//! What a password must be.

use crate::Rejection;

/// Characters of a password at the least.
pub const MIN_CHARS: usize = 8;
/// Characters of a password at the most: hashing takes time by the byte.
pub const MAX_CHARS: usize = 256;

/// Checks a password that somebody wants to set.
///
/// # Errors
/// `E0000080` (okta.md 11.6).
pub fn check(password: &str) -> Result<(), Rejection> {
    if (MIN_CHARS..=MAX_CHARS).contains(&password.chars().count()) {
        return Ok(());
    }
    Err(Rejection::Catalogued {
        code: "E0000080",
        causes: vec![format!(
            "Password requirements were not met. Password requirements: at least {MIN_CHARS} and at most {MAX_CHARS} characters."
        )],
    })
}
