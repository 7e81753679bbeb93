//! Named limits of incoming streams.

use std::time::Duration;

/// How streams are tended. The defaults are those of ssf.md 4.2 and 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Between two polls that do not wait (POLL-13).
    pub poll_interval: Duration,
    /// How long a poll that waits may take, from the first packet to the last byte.
    pub long_poll: Duration,
    /// How long any other call may take.
    pub call: Duration,
    /// SETs of one poll at the most.
    pub poll_events: u32,
    /// Acknowledgements that are told with one poll at the most.
    pub poll_acks: usize,
    /// The first wait after a failure; it doubles up to [`Self::backoff_cap`] (POLL-15).
    pub backoff: Duration,
    /// The longest wait after a failure, and after a `Retry-After`.
    pub backoff_cap: Duration,
    /// Between two looks at what a transmitter has made of a 202 (AMB-48).
    pub read_again: Duration,
    /// How often it is looked.
    pub read_again_times: u32,
    /// How old metadata may grow before it is read again (META-11).
    pub metadata_age: Duration,
    /// How long it is tried to delete a stream at its transmitter.
    pub delete_for: Duration,
    /// How long what has begun may still take when the process ends.
    pub last_words: Duration,
    /// Between two polls of a stream that is not enabled: there may be word of that (STRM-35).
    pub idle: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(5),
            long_poll: Duration::from_secs(75),
            call: Duration::from_secs(20),
            poll_events: 100,
            poll_acks: 1_000,
            backoff: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(300),
            read_again: Duration::from_secs(5),
            read_again_times: 5,
            metadata_age: Duration::from_secs(24 * 60 * 60),
            delete_for: Duration::from_secs(7 * 24 * 60 * 60),
            last_words: Duration::from_secs(2),
            idle: Duration::from_secs(60),
        }
    }
}
