//! Unpadded base64url (RFC 4648 section 5), canonical in both directions (JWT-11).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Text that is not canonical, unpadded base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical unpadded base64url")]
pub struct NotBase64Url;

/// Encodes without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes canonical text.
///
/// # Errors
/// [`NotBase64Url`] for padding, white space, other alphabets, and trailing bits that are not zero.
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64Url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_it_encodes() {
        assert_eq!(encode([0xfb, 0xff]), "-_8");
        assert_eq!(decode("-_8"), Ok(vec![0xfb, 0xff]));
        assert_eq!(decode(""), Ok(vec![]));
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        // padding, the other alphabet, white space, trailing bits, an impossible length
        for text in ["-_8=", "+/8", "-_8\n", " -_8", "-_9", "A"] {
            assert_eq!(decode(text), Err(NotBase64Url), "{text:?}");
        }
    }
}
