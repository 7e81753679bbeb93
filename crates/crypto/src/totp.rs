//! Time-based one-time passwords (RFC 6238): SHA-1, thirty seconds, six digits, which is what every
//! authenticator app does.

use zeroize::Zeroizing;

use crate::mac::{constant_time_eq, hmac_sha1};

/// Seconds a code is shown for.
pub const STEP_SECONDS: i64 = 30;
/// Bytes of a new secret (RFC 4226 section 4, R6: 160 bits).
pub const SECRET_BYTES: usize = 20;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Text that is not base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base32")]
pub struct NotBase32;

/// The number of the step that `unix_seconds` lies in.
pub const fn step_at(unix_seconds: i64) -> i64 {
    unix_seconds.div_euclid(STEP_SECONDS)
}

/// The six digits of `step`.
pub fn code_at_step(secret: &[u8], step: i64) -> String {
    format!("{:06}", truncated(secret, step) % 1_000_000)
}

/// The step whose code `code` is: the current one or one to either side of it. The caller remembers
/// it and takes only later ones from then on, so that a code works once (RFC 6238 section 5.2).
pub fn matching_step(secret: &[u8], code: &str, unix_seconds: i64) -> Option<i64> {
    let now = step_at(unix_seconds);
    let mut found = None;
    // All three are computed whatever matches, and the newest that matches wins.
    for step in [now - 1, now, now + 1] {
        if constant_time_eq(code_at_step(secret, step), code) {
            found = Some(step);
        }
    }
    found
}

/// The unpadded base32 form of a secret, as authenticator apps take it (RFC 4648 section 6).
pub fn encode_secret(secret: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(secret.len().div_ceil(5) * 8));
    for chunk in secret.chunks(5) {
        let group = chunk.iter().fold(0_u64, |group, byte| (group << 8) | u64::from(*byte)) << (8 * (5 - chunk.len()));
        for index in 0..(chunk.len() * 8).div_ceil(5) {
            let value = (group >> (35 - 5 * index)) & 31;
            let character = usize::try_from(value).ok().and_then(|value| ALPHABET.get(value));
            text.extend(character.map(|byte| char::from(*byte)));
        }
    }
    text
}

/// The secret behind base32 text; small letters, blanks and padding are taken, as people type them.
///
/// # Errors
/// [`NotBase32`] for other characters and for lengths that no byte string has.
pub fn decode_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, NotBase32> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for character in text.trim_end_matches('=').bytes().filter(|byte| *byte != b' ') {
        let value = ALPHABET
            .iter()
            .zip(0_u32..)
            .find(|(known, _)| **known == character.to_ascii_uppercase());
        let (_, value) = value.ok_or(NotBase32)?;
        buffer = ((buffer << 5) | value) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).map_err(|_| NotBase32)?);
        }
    }
    // What is left over must be less than one character, and zero.
    if bits >= 5 || buffer & ((1 << bits) - 1) != 0 {
        return Err(NotBase32);
    }
    Ok(bytes)
}

/// Dynamic truncation (RFC 4226 section 5.3).
fn truncated(secret: &[u8], step: i64) -> u32 {
    let tag = hmac_sha1(secret, step.to_be_bytes());
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 15);
    let word = tag.iter().skip(offset).take(4);
    word.fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238 appendix B, SHA-1 rows; we show the last six of its eight digits.
    #[test]
    fn makes_the_rfc_6238_codes() {
        for (at, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code_at_step(SECRET, step_at(at)), code[2..], "{at}");
        }
    }

    #[test]
    fn takes_the_steps_beside_the_current_one_and_no_others() {
        let code = code_at_step(SECRET, 100);
        for (step, found) in [(98, None), (99, Some(100)), (100, Some(100)), (101, Some(100)), (102, None)] {
            assert_eq!(matching_step(SECRET, &code, step * STEP_SECONDS), found, "{step}");
        }
        for code in ["", "00000", "0000000", "abcdef"] {
            assert_eq!(matching_step(SECRET, code, 3_000), None, "{code}");
        }
    }

    /// RFC 4648 section 10, without its padding.
    #[test]
    fn encodes_and_decodes_base32() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*encode_secret(bytes.as_bytes()), text);
            assert_eq!(decode_secret(text).unwrap().as_slice(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(decode_secret("mzxw 6ytb oi======").unwrap().as_slice(), b"foobar");
        for text in ["M", "MZ1", "MZXW6Y", "MB", "MZ-Q"] {
            assert_eq!(decode_secret(text), Err(NotBase32), "{text}");
        }
    }
}
