//! Named limits of streams of the log.

use std::{path::PathBuf, time::Duration};

/// [`LogStreamLimits::page`] at the most.
pub const MAX_PAGE: u32 = 1_000;

/// How streams of the log work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStreamLimits {
    /// Where streams of the type `FILE` have their folders; without it there are none.
    pub folder: Option<PathBuf>,
    /// Events of one page: so many are in memory at one time.
    pub page: u32,
    /// After something was written, so long more is waited for, so that events go together.
    pub gather: Duration,
    /// How often the log is looked at although nothing was said to have been written.
    pub look: Duration,
    /// How often the place is written down while events go; a process that is killed sends again what went since.
    pub report: Duration,
    /// How often the place is written down while nothing goes but the filter leaves out what there is.
    pub report_idle: Duration,
    /// The first pause after a failure; it doubles up to [`Self::backoff_cap`].
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_cap: Duration,
    /// How long nothing may go before the System Log says so.
    pub patience: Duration,
    /// How long a target may take to take a page.
    pub call: Duration,
    /// Bytes of one request to an HTTP collector.
    pub body: usize,
    /// How long indexers may take to acknowledge what a collector took.
    pub acknowledge: Duration,
    /// Syslog has no answers: what was written counts when the connection has stood so long afterwards.
    pub settle: Duration,
    /// How long a lease holds that is not renewed.
    pub lease: Duration,
    /// How long the end of the process waits for what is under way.
    pub drain: Duration,
}

impl Default for LogStreamLimits {
    fn default() -> Self {
        Self {
            folder: None,
            page: 250,
            gather: Duration::from_millis(100),
            look: Duration::from_secs(1),
            report: Duration::from_secs(1),
            report_idle: Duration::from_secs(60),
            backoff: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            patience: Duration::from_secs(5 * 60),
            call: Duration::from_secs(30),
            body: 1024 * 1024,
            acknowledge: Duration::from_secs(120),
            settle: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            drain: Duration::from_secs(1),
        }
    }
}
