//! Where random bytes come from, so that tests can say which ones.

use std::fmt;

const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of bytes that nobody outside can guess.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

/// A random text of `length` characters from `[A-Za-z0-9_-]`, six bits each.
pub fn url_safe(entropy: &dyn Entropy, length: usize) -> String {
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes);
    bytes
        .into_iter()
        .filter_map(|byte| URL_SAFE.get(usize::from(byte & 63)))
        .map(|&c| char::from(c))
        .collect()
}

/// A random text of `length` characters from `[0-9A-Za-z]`, for ids: the first eight characters of the
/// alphabet are a little likelier, so it is not for secrets.
pub fn base62(entropy: &dyn Entropy, length: usize) -> String {
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes);
    bytes
        .into_iter()
        .filter_map(|byte| BASE62.get(usize::from(byte % 62)))
        .map(|&c| char::from(c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn every_byte_becomes_one_url_safe_character() {
        for byte in 0..=255 {
            let text = url_safe(&Fixed(byte), 19);
            assert_eq!(text.len(), 19);
            assert!(text.bytes().all(|c| URL_SAFE.contains(&c)), "{text}");
        }
    }
}
