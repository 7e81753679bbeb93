//! What the key file is encrypted under, as it is given in the environment or in a file.

use watchfire_crypto::{base64url, key_wrap::KeySecret};
use zeroize::Zeroizing;

/// Characters of a passphrase at the least.
const MIN_PASSPHRASE_CHARS: usize = 12;

/// Reads a passphrase.
///
/// # Errors
/// Why it is not taken.
pub(crate) fn passphrase(text: &str) -> Result<KeySecret, String> {
    if text.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(format!("must have {MIN_PASSPHRASE_CHARS} characters or more"));
    }
    Ok(KeySecret::passphrase(text))
}

/// Reads 32 bytes, as base64 of either alphabet.
///
/// # Errors
/// Why they are not taken.
pub(crate) fn key(text: &str) -> Result<KeySecret, String> {
    let url_safe: Zeroizing<String> = Zeroizing::new(
        text.trim()
            .trim_end_matches('=')
            .chars()
            .map(|character| match character {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect(),
    );
    let bytes = base64url::decode(&url_safe).map(Zeroizing::new);
    let key = bytes.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(KeySecret::key)
        .ok_or_else(|| "must be 32 bytes as base64, as `openssl rand -base64 32` prints them".to_owned())
}
