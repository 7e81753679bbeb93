//! How evidence is weighed: what administrators have set, and what labels have made of it.

use watchfire_domain::risk_tuning::SetRiskTuning;
use watchfire_engine::{
    learning::{self, target, trust},
    model::Settings,
};
pub use watchfire_model::object::{LevelFloor, ProviderLabels, ProviderTuning, RiskTuning, ThresholdTuning};
use watchfire_model::{
    log::RequestOrigin,
    object::{RiskLearning, RiskProvider, ThresholdLearning},
    signal::RiskLevel,
};

use crate::{App, Result, access::Principal};

/// The scope that reads it.
pub const READ: &str = "watchfire.read";
/// The scope that changes it.
pub const MANAGE: &str = "watchfire.manage";

/// How evidence is weighed now.
#[derive(Clone, Debug)]
pub struct RiskSettingsNow {
    /// Every risk provider, oldest first.
    pub providers: Vec<ProviderNow>,
    /// What administrators have set.
    pub tuning: RiskTuning,
    /// What the operator has set of thresholds and cold start.
    pub set: Settings,
    /// What is in effect of that.
    pub settings: Settings,
    /// Days of honest sign-ins that the thresholds are learnt from.
    pub days: usize,
}

/// How a provider's word is weighed now.
#[derive(Clone, Debug)]
pub struct ProviderNow {
    /// Which.
    pub provider: RiskProvider,
    /// What administrators have set.
    pub tuning: ProviderTuning,
    /// Its labels, where there are any.
    pub labels: ProviderLabels,
    /// How far its HIGH, MEDIUM and LOW are trusted now, and where labels want that to be; millionths.
    pub trust: [(RiskLevel, u32, u32); 3],
}

impl App {
    /// How evidence is weighed now.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`] without the scope.
    pub async fn risk_settings(&self, caller: &Principal) -> Result<RiskSettingsNow> {
        caller.require(READ)?;
        let tuning = self.get::<RiskTuning>(RiskTuning::ID).await?.unwrap_or_default();
        let learnt = self.get::<RiskLearning>(RiskLearning::ID).await?.unwrap_or_default();
        let thresholds = self.get::<ThresholdLearning>(ThresholdLearning::ID).await?;
        let now = self.clock.now();
        let providers = self.all::<RiskProvider>().await?.into_iter().map(|provider| {
            let of = tuning.of(&provider.id);
            let labels = learnt.providers.get(&provider.id);
            let levels = [RiskLevel::High, RiskLevel::Medium, RiskLevel::Low];
            ProviderNow {
                trust: levels.map(|level| {
                    let wanted = labels.map_or(of.trust, |labels| target(&of, labels, level));
                    (level, trust(&of, labels, level, now), wanted)
                }),
                labels: labels.copied().unwrap_or_default(),
                tuning: of,
                provider,
            }
        });
        let set = self.settings.sign_ins.model;
        Ok(RiskSettingsNow {
            providers: providers.collect(),
            set,
            settings: learning::in_effect(set, &tuning.thresholds, thresholds.as_ref()),
            days: thresholds.map_or(0, |learnt| learnt.days.len()),
            tuning,
        })
    }

    /// Replaces what administrators have set.
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`] without the scope; [`crate::Error::Invalid`] for providers and zones that
    /// there are not, and bounds that no trust is in.
    pub async fn set_risk_tuning(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        tuning: RiskTuning,
    ) -> Result<RiskSettingsNow> {
        caller.require(MANAGE)?;
        let command = SetRiskTuning {
            tuning,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await?;
        self.risk_settings(caller).await
    }
}
