//! Random bytes and tokens from the operating system's generator, by way of aws-lc.

use aws_lc_rs::rand;

/// The generator gave nothing. There is no sensible way on but to refuse the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct NoRandomness;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Fills `bytes`.
///
/// # Errors
/// [`NoRandomness`].
pub fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    rand::fill(bytes).map_err(|_| NoRandomness)
}

/// `N` random bytes.
///
/// # Errors
/// [`NoRandomness`].
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut out = [0; N];
    fill(&mut out)?;
    Ok(out)
}

/// A token of `length` characters of `[0-9A-Za-z]`, each equally likely (5.95 bits a character).
///
/// # Errors
/// [`NoRandomness`].
pub fn base62(length: usize) -> Result<String, NoRandomness> {
    let mut token = String::with_capacity(length);
    while token.len() < length {
        let block: [u8; 64] = bytes()?;
        let wanted = length - token.len();
        // Six bits a byte; 62 and 63 are thrown away, so that no character is favoured.
        let characters = block.iter().filter_map(|byte| BASE62.get(usize::from(byte & 63)));
        token.extend(characters.take(wanted).map(|byte| char::from(*byte)));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_tokens_of_the_asked_length() {
        for length in [0, 1, 40, 200] {
            let token = base62(length).unwrap();
            assert_eq!(token.len(), length);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
        assert_ne!(base62(40).unwrap(), base62(40).unwrap());
    }

    #[test]
    fn uses_every_character() {
        let token = base62(20_000).unwrap();
        assert!(BASE62.iter().all(|c| token.as_bytes().contains(c)));
    }
}
