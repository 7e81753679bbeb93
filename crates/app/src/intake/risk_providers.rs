//! Risk providers (okta.md 3).

pub use watchfire_domain::risk_provider::RiskProviderDraft;
use watchfire_domain::risk_provider::{CreateRiskProvider, DeleteRiskProvider, ReplaceRiskProvider};
use watchfire_model::{id::RiskProviderId, log::RequestOrigin, object::RiskProvider};

use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "okta.riskProviders.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.riskProviders.manage";

impl App {
    /// Every provider, oldest first.
    ///
    /// # Errors
    /// Without the scope, or when the store does not answer.
    pub async fn risk_providers(&self, caller: &Principal) -> Result<Vec<RiskProvider>> {
        caller.require(READ)?;
        self.all().await
    }

    /// One provider.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub async fn risk_provider(&self, caller: &Principal, id: &str) -> Result<RiskProvider> {
        caller.require(READ)?;
        self.get(id).await?.ok_or_else(|| Error::not_found(id, "RiskProvider"))
    }

    /// Makes a provider.
    ///
    /// # Errors
    /// [`Error::Invalid`] by the rules of okta.md 3.2.
    pub async fn create_risk_provider(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        draft: RiskProviderDraft,
    ) -> Result<RiskProvider> {
        caller.require(MANAGE)?;
        self.commands
            .run(CreateRiskProvider {
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Replaces a provider.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_risk_provider(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        draft: RiskProviderDraft,
    ) -> Result<RiskProvider> {
        caller.require(MANAGE)?;
        let id = RiskProviderId::new(id);
        self.commands
            .run(ReplaceRiskProvider {
                id,
                draft,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }

    /// Removes a provider; what it has said no longer counts.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_risk_provider(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let id = RiskProviderId::new(id);
        self.commands
            .run(DeleteRiskProvider {
                id,
                actor: caller.actor.clone(),
                origin,
            })
            .await
    }
}
