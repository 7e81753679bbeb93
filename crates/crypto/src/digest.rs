//! SHA-256 and its text forms.

use std::fmt::Write as _;

use aws_lc_rs::digest;

use crate::jwk::Algorithm;

/// The SHA-256 digest of `bytes`.
pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes.as_ref());
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// The SHA-256 digest of `parts`, one after the other.
pub fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// A SHA-256 that is fed piece by piece.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// One that was fed nothing.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Feeds it.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// The digest of all that it was fed.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256")
    }
}

/// The SHA-256 digest of `bytes` as lower-case hex: how secrets and tokens are stored.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(sha256(bytes))
}

/// The SHA-256 digest of `bytes` as base64url: thumbprints and `ath` (RFC 7638, RFC 9449).
pub fn sha256_base64url(bytes: impl AsRef<[u8]>) -> String {
    crate::base64url::encode(sha256(bytes))
}

/// The left half of the digest that goes with a signature algorithm, as base64url: `at_hash` and `c_hash`
/// (OpenID Connect Core 1.0 section 3.1.3.6).
pub fn half_hash_base64url(algorithm: Algorithm, bytes: impl AsRef<[u8]>) -> String {
    let of = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &digest::SHA384,
        // Ed25519 hashes with SHA-512.
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(of, bytes.as_ref());
    let whole = digest.as_ref();
    crate::base64url::encode(whole.get(..whole.len() / 2).unwrap_or(whole))
}

/// Lower-case hex.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, example "abc".
    #[test]
    fn digests_the_standard_example() {
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha256_base64url("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
