//! Sign-ins that are under way at the provider: each has one answer, to the browser that began it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_crypto::{digest::sha256_hex, mac::constant_time_eq};

use crate::{App, Result};

/// What it is kept as.
const KIND: &str = "oidc";
/// How long somebody may take at the provider.
const LIFETIME: Duration = Duration::from_secs(600);

/// A sign-in under way. It is kept sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    /// Of the cookie of the browser that began it.
    pub(super) cookie_hash: String,
    /// What the ID token must bring back.
    pub(super) nonce: String,
    /// What the code is redeemed with (RFC 7636).
    pub(super) verifier: String,
    /// To whom the browser was sent.
    pub(super) issuer: String,
    /// As whom.
    pub(super) client_id: String,
    /// Where to go afterwards.
    pub(super) next: String,
}

impl Attempt {
    fn is_of(&self, cookie: Option<&str>) -> bool {
        cookie.is_some_and(|cookie| constant_time_eq(sha256_hex(cookie), &self.cookie_hash))
    }
}

impl App {
    pub(super) async fn keep_attempt(&self, state: &str, attempt: &Attempt) -> Result<()> {
        self.keep(KIND, state, attempt, self.clock.now().plus(LIFETIME)).await
    }

    /// The sign-in of this state, which is over with it: also when it was another browser that asked.
    pub(super) async fn take_attempt(&self, state: &str, cookie: Option<&str>) -> Option<Attempt> {
        let attempt: Attempt = self.take_kept(KIND, state).await?;
        attempt.is_of(cookie).then_some(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_of_the_browser_that_began_it() {
        let attempt = Attempt {
            cookie_hash: sha256_hex("cookie"),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            issuer: "https://idp.example".to_owned(),
            client_id: "watchfire".to_owned(),
            next: "/admin".to_owned(),
        };
        for (cookie, is_of) in [(Some("cookie"), true), (Some("another"), false), (None, false)] {
            assert_eq!(attempt.is_of(cookie), is_of, "{cookie:?}");
        }
    }
}
