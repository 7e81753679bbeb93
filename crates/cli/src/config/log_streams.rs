//! The settings of streams of the System Log.

use watchfire_app::insight::log_streams::{LogStreamLimits, limits::MAX_PAGE};

use super::{ConfigError, Values};

impl Values<'_> {
    pub(super) fn log_streams(&self) -> Result<LogStreamLimits, ConfigError> {
        let page = self.positive("log-stream-page")?;
        if page > MAX_PAGE {
            return Err(self.fault("log-stream-page", format!("must be {MAX_PAGE} or less")));
        }
        Ok(LogStreamLimits {
            folder: self.optional("log-stream-dir")?,
            page,
            report: self.time("log-stream-report")?,
            backoff_cap: self.time("log-stream-backoff-cap")?,
            call: self.time("log-stream-timeout")?,
            settle: self.time("log-stream-settle")?,
            patience: self.time("log-stream-patience")?,
            ..LogStreamLimits::default()
        })
    }
}
