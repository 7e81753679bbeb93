//! Security events providers (okta.md 5) and their profiles.

use std::sync::Arc;

use watchfire_domain::security_events_provider::{
    CreateSecurityEventsProvider, DeleteSecurityEventsProvider, ProviderSource, ReplaceSecurityEventsProvider,
    SecurityEventsProviderDraft, SetProviderProfile, SetSecurityEventsProviderStatus,
};
use watchfire_egress::Purpose;
use watchfire_model::{
    id::SecurityEventsProviderId,
    log::RequestOrigin,
    object::{DialectName, ProviderProfile, SecurityEventsProvider, Status, StreamIn},
};

use super::{event_keys::ProviderKeys, transmitter_metadata::not_valid};
use crate::{App, Error, Result, access::Principal};

/// The scope that reads them.
pub const READ: &str = "okta.securityEventsProviders.read";
/// The scope that changes them.
pub const MANAGE: &str = "okta.securityEventsProviders.manage";

/// What an administrator says of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRequest {
    /// `name`
    pub name: String,
    /// `type`
    pub product: String,
    /// `settings`
    pub settings: ProviderSettings,
}

/// The two shapes of `settings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderSettings {
    /// Where the metadata is, which says the rest.
    WellKnown(String),
    /// Both by hand.
    Keys {
        /// `issuer`
        issuer: String,
        /// `jwks_url`
        jwks_url: String,
    },
}

impl App {
    /// Every provider, oldest first.
    ///
    /// # Errors
    /// Without the scope.
    pub fn security_events_providers(&self, caller: &Principal) -> Result<Vec<Arc<SecurityEventsProvider>>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let mut providers: Vec<_> = directory.security_events_providers().map(Arc::clone).collect();
        providers.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(providers)
    }

    /// One provider.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for the list.
    pub fn security_events_provider(&self, caller: &Principal, id: &str) -> Result<Arc<SecurityEventsProvider>> {
        caller.require(READ)?;
        self.known_provider(id)
    }

    /// Makes a provider of the dialect `okta`; its metadata is read at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] by the rules of okta.md 5.
    pub async fn create_security_events_provider(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        request: ProviderRequest,
    ) -> Result<SecurityEventsProvider> {
        caller.require(MANAGE)?;
        let command = CreateSecurityEventsProvider {
            draft: self.provider_draft(request).await?,
            dialect: DialectName::Okta,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Replaces a provider; its metadata is read again.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_security_events_provider(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        request: ProviderRequest,
    ) -> Result<SecurityEventsProvider> {
        caller.require(MANAGE)?;
        let old = self.known_provider(id)?;
        let command = ReplaceSecurityEventsProvider {
            id: old.id.clone(),
            draft: self.provider_draft(request).await?,
            actor: caller.actor.clone(),
            origin,
        };
        let new = self.commands.run(command).await?;
        if (&old.issuer, &old.jwks_url) != (&new.issuer, &new.jwks_url) {
            self.event_keys.forget(&new.id);
        }
        Ok(new)
    }

    /// Removes a provider and the streams that feed it, which are returned: their transmitter does not
    /// know yet.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_security_events_provider(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
    ) -> Result<Vec<StreamIn>> {
        caller.require(MANAGE)?;
        let id = SecurityEventsProviderId::new(id);
        let command = DeleteSecurityEventsProvider {
            id: id.clone(),
            actor: caller.actor.clone(),
            origin,
        };
        let streams = self.commands.run(command).await?;
        self.verification_turns.forget(&id);
        self.event_keys.forget(&id);
        Ok(streams)
    }

    /// Switches a provider on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_security_events_provider_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        status: Status,
    ) -> Result<SecurityEventsProvider> {
        caller.require(MANAGE)?;
        let command = SetSecurityEventsProviderStatus {
            id: SecurityEventsProviderId::new(id),
            status,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Replaces how a provider is read and what it may speak about.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn set_provider_profile(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        profile: ProviderProfile,
    ) -> Result<SecurityEventsProvider> {
        caller.require(MANAGE)?;
        let command = SetProviderProfile {
            id: SecurityEventsProviderId::new(id),
            profile,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Forgets a provider's keys and fetches them now (JWT-06): what has gone from its set is not used
    /// any more, whether or not the fetch succeeds.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when there are no keys to be had.
    pub async fn refresh_provider_keys(&self, caller: &Principal, id: &str) -> Result<ProviderKeys> {
        caller.require(MANAGE)?;
        let provider = self.known_provider(id)?;
        self.event_keys.forget(&provider.id);
        let fetched = self.event_keys(&provider).await;
        fetched.map_err(|failure| not_valid("jwks_url", &failure.sentence()))
    }

    fn known_provider(&self, id: &str) -> Result<Arc<SecurityEventsProvider>> {
        let directory = self.state.directory();
        let known = directory.security_events_provider(id).map(Arc::clone);
        known.ok_or_else(|| Error::not_found(id, "SecurityEventsProvider"))
    }

    async fn provider_draft(&self, request: ProviderRequest) -> Result<SecurityEventsProviderDraft> {
        Ok(SecurityEventsProviderDraft {
            source: self.provider_source(request.settings).await?,
            name: request.name,
            product: request.product,
        })
    }

    /// Who a provider is and where its keys are, as its settings or its metadata say.
    pub(super) async fn provider_source(&self, settings: ProviderSettings) -> Result<ProviderSource> {
        match settings {
            ProviderSettings::WellKnown(url) => Ok(self.metadata_source(&url).await?),
            ProviderSettings::Keys { issuer, jwks_url } => {
                let refused = self.egress.check(Purpose::Jwks, &jwks_url).err();
                if let Some(refusal) = refused {
                    return Err(not_valid("jwks_url", &refusal.to_string()));
                }
                Ok(ProviderSource {
                    issuer,
                    jwks_url,
                    metadata: None,
                })
            }
        }
    }
}
