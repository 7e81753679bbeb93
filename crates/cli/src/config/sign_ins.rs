//! The settings of sign-ins.

use watchfire_app::{
    identity::{RiskSettings, SignInLimits},
    insight::simulations::SimulationLimits,
};
use watchfire_model::signal::RiskLevel;

use super::{ConfigError, Values};

impl Values<'_> {
    pub(super) fn sign_ins(&self) -> Result<SignInLimits, ConfigError> {
        Ok(SignInLimits {
            kept_for: self.time("sign-in-retention")?,
            outcome_within: self.time("sign-in-outcome-time")?,
            answer_within: self.time("sign-in-answer-time")?,
            shadow_users: self.one("sign-in-shadow-users")?,
            population_every: self.time("sign-in-statistics-interval")?,
            expression_steps: self.one("policy-expression-steps")?,
            rules_kept: self.positive("sign-in-rules-kept")?,
            model: self.model()?,
        })
    }

    pub(super) fn simulations(&self) -> Result<SimulationLimits, ConfigError> {
        Ok(SimulationLimits {
            running: self.positive("simulations-at-once")?,
            kept: self.positive("simulations-kept")?,
            kept_for: self.time("simulation-retention")?,
            users: self.one("simulation-users")?,
            examples: self.positive("simulation-examples")?,
            drafts: self.one("simulation-drafts")?,
            page: self.positive("simulation-page")?,
            policies: self.positive("simulation-policies")?,
            answer_within: self.time_or_zero("simulation-answer-time")?,
        })
    }

    fn model(&self) -> Result<RiskSettings, ConfigError> {
        let (medium, high) = (self.positive::<u8>("risk-medium-score")?, self.one::<u8>("risk-high-score")?);
        if high <= medium || high > 100 {
            return Err(self.fault("risk-high-score", "must be more than risk-medium-score and 100 at the most"));
        }
        let events = self.one::<u8>("risk-cold-start-sign-ins")?;
        if events > 10 {
            return Err(self.fault("risk-cold-start-sign-ins", "must be 10 or less"));
        }
        let level = self.one::<String>("risk-cold-start-level")?;
        let levels = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High];
        let level = levels.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(&level));
        let level = level.ok_or_else(|| self.fault("risk-cold-start-level", "must be LOW, MEDIUM or HIGH"))?;
        Ok(RiskSettings {
            medium,
            high,
            cold_start_level: level,
            cold_start_min_events: events,
        })
    }
}
