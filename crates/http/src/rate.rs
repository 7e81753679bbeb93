//! `X-Rate-Limit-*` (okta.md 11.5).

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use watchfire_app::Error;
pub(crate) use watchfire_app::rate::RateWindow;
use watchfire_model::time::Timestamp;

use crate::{error::OktaError, request::Shared};

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// Where the counted window of a request is kept until its answer gets headers.
#[derive(Clone, Debug, Default)]
pub struct RateReport {
    window: Arc<Mutex<Option<RateWindow>>>,
}

impl RateReport {
    /// Tells the client about `window`, and refuses the call when it is used up.
    ///
    /// The last window wins, so a narrower one (a provider's) is reported instead of the credential's.
    /// `None` is a limiter that is off.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when the call is past the limit.
    pub fn admit(&self, window: Option<RateWindow>) -> Result<(), Error> {
        let Some(window) = window else {
            return Ok(());
        };
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = Some(window);
        if window.allowed { Ok(()) } else { Err(Error::RateLimited) }
    }

    pub(crate) fn window(&self) -> Option<RateWindow> {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for RateReport {
    type Rejection = OktaError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OktaError> {
        parts
            .extensions
            .get::<Shared>()
            .map(|shared| shared.rate.clone())
            .ok_or_else(|| OktaError(Error::internal("no site around this router")))
    }
}

/// Writes the three headers, one value each.
pub(crate) fn write(headers: &mut HeaderMap, window: &RateWindow) {
    headers.insert(LIMIT, HeaderValue::from(window.limit));
    headers.insert(REMAINING, HeaderValue::from(window.remaining));
    headers.insert(RESET, HeaderValue::from(ceil_seconds(window.resets_at)));
}

/// Clients sleep until this second and try again: rounding down would make them come too early.
fn ceil_seconds(at: Timestamp) -> i64 {
    at.as_seconds()
        .saturating_add(i64::from(at.as_micros().rem_euclid(1_000_000) > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_never_told_too_early() {
        assert_eq!(ceil_seconds(Timestamp::from_micros(1_800_000_000_000_000)), 1_800_000_000);
        assert_eq!(ceil_seconds(Timestamp::from_micros(1_800_000_000_000_001)), 1_800_000_001);
        assert_eq!(ceil_seconds(Timestamp::from_micros(1_800_000_000_999_999)), 1_800_000_001);
    }
}
