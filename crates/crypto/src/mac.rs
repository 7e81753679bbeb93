//! HMAC with SHA-256 and SHA-1, and comparison in constant time (JWT-13).

use std::fmt;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

/// An HMAC-SHA256 key, set up once.
#[derive(Clone)]
pub struct HmacSha256(hmac::Key);

impl HmacSha256 {
    /// Takes a key of any length; thirty-two random bytes are the right ones.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of `message`.
    pub fn sign(&self, message: impl AsRef<[u8]>) -> [u8; 32] {
        let tag = hmac::sign(&self.0, message.as_ref());
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }

    /// Whether `tag` is the whole tag of `message`, compared in constant time.
    pub fn verify(&self, message: impl AsRef<[u8]>, tag: &[u8]) -> bool {
        hmac::verify(&self.0, message.as_ref(), tag).is_ok()
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256(redacted)")
    }
}

/// The HMAC-SHA1 tag of `message`: only for TOTP, which all authenticator apps do with SHA-1.
pub fn hmac_sha1(key: &[u8], message: impl AsRef<[u8]>) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, message.as_ref());
    let mut out = [0; 20];
    out.copy_from_slice(tag.as_ref());
    out
}

/// Whether two byte strings are equal, in a time that depends only on their lengths.
pub fn constant_time_eq(a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> bool {
    a.as_ref().ct_eq(b.as_ref()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex;

    /// RFC 4231 test case 2.
    #[test]
    fn makes_the_rfc_4231_tag() {
        let key = HmacSha256::new(b"Jefe");
        let tag = key.sign(b"what do ya want for nothing?");
        assert_eq!(hex(tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(key.verify(b"what do ya want for nothing?", &tag));
        assert!(!key.verify(b"what do ya want for nothing!", &tag));
        assert!(!key.verify(b"what do ya want for nothing?", &tag[..16]), "a cut tag");
        assert_eq!(format!("{key:?}"), "HmacSha256(redacted)");
    }

    /// RFC 2202 test case 2.
    #[test]
    fn makes_the_rfc_2202_tag() {
        assert_eq!(
            hex(hmac_sha1(b"Jefe", b"what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    #[test]
    fn compares() {
        assert!(constant_time_eq("abc", b"abc"));
        assert!(!constant_time_eq("abc", "abd"));
        assert!(!constant_time_eq("abc", "ab"));
        assert!(constant_time_eq("", ""));
    }
}
