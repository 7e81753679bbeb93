//! Settings of the model and providers that are other than they were.

use std::collections::BTreeMap;

use watchfire_engine::model::{Basis, Micro};
use watchfire_model::{object::ProviderAction, signal::RiskLevel};

/// What is to be other than it was. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// From this score on a sign-in is MEDIUM.
    pub medium: Option<u8>,
    /// From this score on a sign-in is HIGH.
    pub high: Option<u8>,
    /// The level of a user of whom nothing is known.
    pub cold_start_level: Option<RiskLevel>,
    /// Below so many accepted sign-ins a user is at least MEDIUM.
    pub cold_start_min_events: Option<u8>,
    /// By the ids of the providers.
    pub providers: BTreeMap<String, ProviderChange>,
}

/// What is to be other about a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderChange {
    /// How far its word is trusted, 0 to 1.
    pub trust: Option<Micro>,
    /// What is done with its signals. Those of a provider whose action was `none` are on no record.
    pub action: Option<ProviderAction>,
}

impl Changes {
    /// Whether nothing is other.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts them into the numbers of a sign-in.
    pub fn apply(&self, basis: &mut Basis) {
        let settings = &mut basis.settings;
        // Where only one threshold moves, they must not cross.
        match (self.medium, self.high) {
            (Some(medium), Some(high)) => (settings.medium, settings.high) = (medium, high),
            (Some(medium), None) => (settings.medium, settings.high) = (medium, settings.high.max(medium)),
            (None, Some(high)) => (settings.medium, settings.high) = (settings.medium.min(high), high),
            (None, None) => {}
        }
        settings.cold_start_level = self.cold_start_level.unwrap_or(settings.cold_start_level);
        settings.cold_start_min_events = self.cold_start_min_events.unwrap_or(settings.cold_start_min_events);
        let providers = &mut basis.signals.providers;
        providers.retain(|word| self.action_of(&word.id) != Some(ProviderAction::None));
        for word in providers {
            let Some(change) = self.providers.get(&word.id) else {
                continue;
            };
            word.counts = change
                .action
                .map_or(word.counts, |action| action == ProviderAction::EnforceAndLog);
            word.trust = change.trust.unwrap_or(word.trust);
        }
    }

    fn action_of(&self, provider: &str) -> Option<ProviderAction> {
        self.providers.get(provider)?.action
    }
}
