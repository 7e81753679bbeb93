//! Taking risk events (okta.md 4).

use std::{sync::Arc, time::Duration};

use watchfire_crypto::digest::sha256;
use watchfire_domain::risk_event::{AcceptRiskEvents, RiskEvents};
use watchfire_model::{log::RequestOrigin, object::RiskProvider, row::DedupeKey};

use crate::{
    App, Error, Result,
    access::{Authority, Principal},
    rate::RateWindow,
};

/// The scope that sends them.
pub const MANAGE: &str = "okta.riskEvents.manage";

/// When a provider may try again after the table of addresses was full.
const RETRY_AFTER_FULL: Duration = Duration::from_secs(60);

/// A risk call as it came.
#[derive(Clone, Debug)]
pub struct RiskCall {
    /// The body, parsed.
    pub parsed: serde_json::Value,
    /// The body, as it came: UTF-8, else it would not have been parsed.
    pub body: Arc<str>,
    /// `Idempotency-Key`, where there is one.
    pub idempotency_key: Option<String>,
}

impl App {
    /// The provider that the caller speaks for: the one with its client, or, for an administrator's
    /// token, the only one or the one that no client was assigned to (okta.md 4.2).
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the scope or when there is no such provider.
    pub fn risk_provider_of(&self, caller: &Principal) -> Result<Arc<RiskProvider>> {
        caller.require(MANAGE)?;
        let directory = self.state.directory();
        let found = match &caller.grant {
            Authority::Client { client_id, .. } => directory.risk_provider_of(client_id).cloned(),
            Authority::Administrator { .. } => {
                let mut providers: Vec<_> = directory.risk_providers().cloned().collect();
                if providers.len() > 1 {
                    providers.retain(|provider| provider.client_id.is_none());
                }
                if providers.len() == 1 { providers.pop() } else { None }
            }
        };
        found.ok_or(Error::Forbidden { needed_scope: None })
    }

    /// Counts a call of `provider`; every authenticated call counts, refused ones too (okta.md 13, row 1).
    pub async fn count_risk_call(&self, provider: &RiskProvider) -> Option<RateWindow> {
        self.risk_calls.count(provider.id.as_str(), self.clock.now()).await
    }

    /// Takes a call: when this returns, it is durable, in the System Log, and counts at sign-in.
    ///
    /// # Errors
    /// [`Error::Invalid`] with nothing stored; [`Error::Unavailable`] when there is no room.
    pub async fn accept_risk_events(
        &self,
        caller: &Principal,
        provider: &RiskProvider,
        origin: RequestOrigin,
        call: RiskCall,
    ) -> Result<()> {
        let events = RiskEvents::read(&call.parsed)?;
        if !self.state.signals().has_room_for(events.len()) {
            return Err(Error::Unavailable {
                retry_after: RETRY_AFTER_FULL,
            });
        }
        let idempotency = call
            .idempotency_key
            .map(|key| dedupe_key("risk-events", provider.id.as_str(), &key));
        let command = AcceptRiskEvents {
            provider: provider.id.clone(),
            events,
            body: call.body,
            idempotency,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }
}

/// The hash under which `value` of `owner` is remembered in `space`: no two spaces or owners share one.
pub(crate) fn dedupe_key(space: &str, owner: &str, value: &str) -> DedupeKey {
    let digest = sha256(format!("{space}\0{owner}\0{value}"));
    let mut key = [0; 16];
    key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    DedupeKey(key)
}
