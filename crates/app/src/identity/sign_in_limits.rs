//! What the operator decides about the risk of sign-ins.

use std::time::Duration;

pub use watchfire_engine::model::Settings as RiskSettings;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Named limits of sign-ins and their records.
#[derive(Clone, Copy, Debug)]
pub struct SignInLimits {
    /// How long the record of a sign-in is kept.
    pub kept_for: Duration,
    /// So long after it was asked for, the outcome of a sign-in at somebody else's identity provider may be
    /// told.
    pub outcome_within: Duration,
    /// So long somebody else's identity provider waits for an answer at most; past it the answer is to
    /// challenge.
    pub answer_within: Duration,
    /// Whether a login that nobody has becomes a user without a password when its risk is asked for.
    pub shadow_users: bool,
    /// How often the statistics of everybody's sign-ins are kept; at the end they always are.
    pub population_every: Duration,
    /// The steps that the expressions of all rules that one sign-in asks may take together.
    pub expression_steps: u32,
    /// Rules whose outcomes the record of a sign-in keeps, the last that it asked.
    pub rules_kept: usize,
    /// Thresholds and cold start of the model.
    pub model: RiskSettings,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            kept_for: DAY.saturating_mul(90),
            outcome_within: Duration::from_secs(60 * 60),
            answer_within: Duration::from_secs(2),
            shadow_users: true,
            population_every: Duration::from_secs(30 * 60),
            expression_steps: 50_000,
            rules_kept: 20,
            model: RiskSettings::default(),
        }
    }
}
