//! What the operator decides about the risk of sign-ins.

use std::time::Duration;

use watchfire_engine::model::Settings;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Named limits of sign-ins and their records.
#[derive(Clone, Copy, Debug)]
pub struct SignInLimits {
    /// How long the record of a sign-in is kept.
    pub kept_for: Duration,
    /// Thresholds and cold start of the model.
    pub model: Settings,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            kept_for: DAY.saturating_mul(90),
            model: Settings::default(),
        }
    }
}
