//! Sign-ins that are under way at the provider: each has one answer, to the browser that began it.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use secrecy::SecretString;
use watchfire_crypto::{digest::sha256_hex, mac::constant_time_eq};
use watchfire_model::time::Timestamp;

/// How long somebody may take at the provider.
pub(super) const LIFETIME: Duration = Duration::from_secs(600);
/// Sign-ins under way; past it the oldest one goes.
const MAX_ATTEMPTS: usize = 10_000;

/// A sign-in under way.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Of the cookie of the browser that began it.
    pub(super) cookie_hash: String,
    /// What the ID token must bring back.
    pub(super) nonce: String,
    /// What the code is redeemed with (RFC 7636).
    pub(super) verifier: SecretString,
    /// To whom the browser was sent.
    pub(super) issuer: String,
    /// As whom.
    pub(super) client_id: String,
    /// Where to go afterwards.
    pub(super) next: String,
    /// When it is too late.
    pub(super) expires_at: Timestamp,
}

/// By `state`.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<String, Attempt>>);

impl Attempts {
    pub(super) fn begin(&self, state: String, attempt: Attempt, now: Timestamp) {
        let mut attempts = self.0.lock();
        if attempts.len() >= MAX_ATTEMPTS {
            attempts.retain(|_, attempt| now < attempt.expires_at);
        }
        if attempts.len() >= MAX_ATTEMPTS {
            let oldest = attempts.iter().min_by_key(|(_, attempt)| attempt.expires_at);
            if let Some(state) = oldest.map(|(state, _)| state.clone()) {
                attempts.remove(&state);
            }
        }
        attempts.insert(state, attempt);
    }

    /// The sign-in of this state, which is over with it: also when it was another browser that asked.
    pub(super) fn take(&self, state: &str, cookie: Option<&str>, now: Timestamp) -> Option<Attempt> {
        let attempt = self.0.lock().remove(state)?;
        let is_same = cookie.is_some_and(|cookie| constant_time_eq(sha256_hex(cookie), &attempt.cookie_hash));
        (is_same && now < attempt.expires_at).then_some(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(expires_at: i64) -> Attempt {
        Attempt {
            cookie_hash: sha256_hex("cookie"),
            nonce: "n".to_owned(),
            verifier: "v".into(),
            issuer: "https://idp.example".to_owned(),
            client_id: "watchfire".to_owned(),
            next: "/admin".to_owned(),
            expires_at: Timestamp::from_seconds(expires_at),
        }
    }

    #[test]
    fn an_attempt_has_one_answer_in_time_from_its_own_browser() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_seconds(0));
        for (cookie, at, found) in [
            (Some("cookie"), 599, true),
            (Some("cookie"), 600, false),
            (Some("another"), 1, false),
            (None, 1, false),
        ] {
            attempts.begin("s".to_owned(), attempt(600), now);
            let taken = attempts.take("s", cookie, Timestamp::from_seconds(at));
            assert_eq!(taken.is_some(), found, "{cookie:?} {at}");
            assert!(attempts.take("s", Some("cookie"), now).is_none(), "it was used");
        }
        assert!(attempts.take("", Some("cookie"), now).is_none());
    }

    #[test]
    fn there_are_only_so_many() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_seconds(0));
        for n in 0..=MAX_ATTEMPTS {
            attempts.begin(format!("s{n}"), attempt(600 + i64::try_from(n).unwrap()), now);
        }
        assert_eq!(attempts.0.lock().len(), MAX_ATTEMPTS);
        assert!(attempts.take("s0", Some("cookie"), now).is_none());
        assert!(attempts.take("s1", Some("cookie"), now).is_some());
    }
}
