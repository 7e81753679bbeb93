//! The settings of what other parties send.

use std::time::Duration;

use watchfire_app::{
    intake::{
        security_events::{ClockSkew, SetLimits},
        streams_in::StreamLimits,
    },
    state::HookQuotaLimits,
};

use super::{ConfigError, Values};

/// `stream-last-words` at the most: it is spent twice within the ten seconds that the whole end may take.
const MAX_LAST_WORDS: Duration = Duration::from_secs(2);

impl Values<'_> {
    pub(super) fn sets(&self) -> Result<SetLimits, ConfigError> {
        Ok(SetLimits {
            max_bytes: self.size("max-set-size")?,
            calls_per_address: self.one("set-calls-per-second")?,
            calls_per_issuer: self.one("set-issuer-calls-per-second")?,
            skew: ClockSkew {
                ahead: self.time_or_zero("set-future-skew")?,
                expiry: self.time_or_zero("set-expiry-skew")?,
            },
            verifications: self.positive("set-verifications")?,
        })
    }

    pub(super) fn hook_quota(&self) -> Result<HookQuotaLimits, ConfigError> {
        Ok(HookQuotaLimits {
            events: self.positive("event-hook-events-per-day")?,
            warning: self.positive("event-hook-warning")?,
        })
    }

    pub(super) fn streams(&self) -> Result<StreamLimits, ConfigError> {
        let (backoff, backoff_cap) = (self.time("stream-backoff")?, self.time("stream-backoff-cap")?);
        if backoff_cap < backoff {
            return Err(self.fault("stream-backoff-cap", "must not be less than stream-backoff"));
        }
        let last_words = self.time_or_zero("stream-last-words")?;
        if last_words > MAX_LAST_WORDS {
            return Err(self.fault(
                "stream-last-words",
                "must be 2s or less, so that the whole end takes less than ten",
            ));
        }
        Ok(StreamLimits {
            poll_interval: self.time("stream-poll-interval")?,
            long_poll: self.time("stream-long-poll")?,
            call: self.time("stream-call-timeout")?,
            poll_events: self.positive("stream-poll-events")?,
            poll_acks: self.positive("stream-poll-acks")?,
            backoff,
            backoff_cap,
            read_again: self.time("stream-read-again")?,
            read_again_times: self.one("stream-read-again-times")?,
            metadata_age: self.time("stream-metadata-age")?,
            delete_for: self.time_or_zero("stream-delete-horizon")?,
            last_words,
            idle: self.time("stream-idle-poll")?,
        })
    }
}
