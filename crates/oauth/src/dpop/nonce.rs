//! Nonces that need no memory: the HMAC of the day they were given out on.

use watchfire_crypto::{
    base64url,
    mac::{HmacSha256, constant_time_eq},
};
use watchfire_model::time::Timestamp;

/// A nonce is given out for a day (okta.md 1.5).
const WINDOW_SECONDS: i64 = 24 * 3600;
/// An earlier one stays valid for three more.
const PREVIOUS_WINDOWS: i64 = 3;
const NONCE_BYTES: usize = 16;

/// The nonces of the token endpoint.
#[derive(Clone, Debug)]
pub struct Nonces(HmacSha256);

impl Nonces {
    /// Takes the key that they are derived from.
    pub const fn new(key: HmacSha256) -> Self {
        Self(key)
    }

    /// The nonce to give out.
    pub fn current(&self, now: Timestamp) -> String {
        self.of_window(window_at(now))
    }

    /// Whether a proof may have this nonce now.
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let current = window_at(now);
        (current - PREVIOUS_WINDOWS..=current).any(|window| constant_time_eq(self.of_window(window), nonce))
    }

    fn of_window(&self, window: i64) -> String {
        let tag = self.0.sign(format!("dpop nonce {window}"));
        base64url::encode(tag.get(..NONCE_BYTES).unwrap_or_default())
    }
}

const fn window_at(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(WINDOW_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_daily_and_stays_valid_for_three_days() {
        let nonces = Nonces::new(HmacSha256::new(b"key"));
        let day = |day: i64| Timestamp::from_seconds(day * WINDOW_SECONDS + 5);
        let nonce = nonces.current(day(100));
        assert_eq!(nonce.len(), 22);
        assert_eq!(nonce, nonces.current(Timestamp::from_seconds(101 * WINDOW_SECONDS - 1)));
        for (at, valid) in [(99, false), (100, true), (101, true), (103, true), (104, false)] {
            assert_eq!(nonces.accepts(&nonce, day(at)), valid, "{at}");
        }
        assert!(!Nonces::new(HmacSha256::new(b"other")).accepts(&nonce, day(100)));
        assert!(!nonces.accepts("", day(100)));
    }
}
