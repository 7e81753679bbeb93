//! Polls (RFC 8936, ssf.md 4.2).

use std::time::Duration;

use serde_json::{Map, Value, json};
use watchfire_crypto::strict_json;

use super::StreamError;

/// Bytes of an answer to a poll.
pub const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// The shape that an answer to a poll may have.
const LIMITS: strict_json::Limits = strict_json::Limits {
    max_bytes: MAX_RESPONSE_BYTES,
    max_members: 10_000,
    max_string_bytes: 256 * 1024,
    ..strict_json::Limits::BODY
};

/// A poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollRequest {
    /// `maxEvents`; 0 only tells what has been taken.
    pub max_events: u32,
    /// `returnImmediately`
    pub return_immediately: bool,
    /// `ack`
    pub ack: Vec<String>,
    /// `setErrs`: `jti`, `err`, `description`.
    pub errors: Vec<(String, String, String)>,
}

impl PollRequest {
    /// Its body.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("maxEvents".into(), self.max_events.into());
        body.insert("returnImmediately".into(), self.return_immediately.into());
        if !self.ack.is_empty() {
            body.insert("ack".into(), self.ack.as_slice().into());
        }
        if !self.errors.is_empty() {
            let errors = self.errors.iter();
            let errors = errors.map(|(jti, err, description)| (jti.clone(), json!({"err": err, "description": description})));
            body.insert("setErrs".into(), Value::Object(errors.collect()));
        }
        Value::Object(body)
    }
}

/// What a poll brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollResponse {
    /// Tokens under the `jti` that each shall have, in the order in which they were sent. `None` where
    /// there is no text.
    pub sets: Vec<(String, Option<String>)>,
    /// Whether more are waiting.
    pub more_available: bool,
}

impl PollResponse {
    /// Reads an answer; one that is empty, or has no `sets`, brings none (POLL-17).
    ///
    /// # Errors
    /// [`StreamError::NotAPollResponse`].
    pub fn parse(body: &[u8]) -> Result<Self, StreamError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value = strict_json::parse(body, &LIMITS).map_err(|_| StreamError::NotAPollResponse)?;
        let object = value.as_object().ok_or(StreamError::NotAPollResponse)?;
        let sets = match object.get("sets") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(sets)) => sets
                .iter()
                .map(|(jti, set)| (jti.clone(), set.as_str().map(str::to_owned)))
                .collect(),
            Some(_) => return Err(StreamError::NotAPollResponse),
        };
        Ok(Self {
            sets,
            more_available: object.get("moreAvailable").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// How long to wait after `failures` in a row (POLL-15): from `base`, doubled each time, up to `cap`;
/// `jitter`, of 65 536, takes up to half of it away.
pub fn backoff(failures: u32, jitter: u16, base: Duration, cap: Duration) -> Duration {
    let doubled = base.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    shortened(doubled.min(cap), jitter)
}

/// `wait`, less up to half of it by `jitter` of 65 536.
pub fn shortened(wait: Duration, jitter: u16) -> Duration {
    wait.saturating_sub(wait.mul_f64(f64::from(jitter) / 131_072.0))
}
