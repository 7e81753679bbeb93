//! What a security events provider would be heard with, before it is one: its issuer and its keys.

use watchfire_crypto::jwk::{Algorithm, KeySet};
use watchfire_egress::{FetchLimits, Purpose};
use watchfire_model::object::ProviderProfile;

use super::{
    security_events_providers::{MANAGE, ProviderSettings},
    transmitter_metadata::{not_valid, sentence},
};
use crate::{App, Result, access::Principal};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransmitterCheck {
    /// `iss` that its tokens must have.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// Its metadata names another issuer than its address stands for (META-06).
    pub issuer_differs: bool,
    /// Keys that its tokens can be verified with.
    pub keys: Vec<UsableKey>,
    /// The other keys of its set.
    pub rejected: Vec<UnusableKey>,
}

/// A key that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableKey {
    /// `kid`
    pub kid: Option<String>,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: String,
    /// What it may verify.
    pub algorithms: Vec<String>,
}

/// A key that cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    /// `kid`
    pub kid: Option<String>,
    /// Why not.
    pub reason: String,
}

impl App {
    /// Fetches a transmitter's metadata, if it has any, and its keys; nothing is kept. Without `algorithms` by
    /// those that a new provider may sign with.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) with what went wrong where; without the scope.
    pub async fn check_transmitter(
        &self,
        caller: &Principal,
        settings: ProviderSettings,
        algorithms: Option<&[String]>,
    ) -> Result<TransmitterCheck> {
        caller.require(MANAGE)?;
        let source = self.provider_source(settings).await?;
        let limits = FetchLimits {
            total: self.settings.event_keys.fetch,
            ..FetchLimits::EVENT_KEYS
        };
        let fetched = self.egress.fetch_json(Purpose::Jwks, &source.jwks_url, &limits).await;
        let document = fetched.map_err(|error| not_valid("jwks_url", &sentence(&error)))?.value;
        let keys = KeySet::parse(&document, &allowed(algorithms));
        let keys = keys.map_err(|error| not_valid("jwks_url", &error.to_string()))?;
        let usable = keys.keys().iter().map(|key| UsableKey {
            kid: key.kid().map(str::to_owned),
            thumbprint: key.thumbprint().to_owned(),
            algorithms: key.algorithms().map(|it| it.to_string()).collect(),
        });
        let rejected = keys.rejected().iter().map(|key| UnusableKey {
            kid: key.kid.clone(),
            reason: key.reason.to_string(),
        });
        Ok(TransmitterCheck {
            keys: usable.collect(),
            rejected: rejected.collect(),
            issuer_differs: source.metadata.as_ref().is_some_and(|metadata| metadata.issuer_differs),
            issuer: source.issuer,
            jwks_url: source.jwks_url,
        })
    }
}

fn allowed(names: Option<&[String]>) -> Vec<Algorithm> {
    match names {
        Some(names) => names.iter().filter_map(|name| Algorithm::from_name(name)).collect(),
        None => ProviderProfile::DEFAULT_ALGORITHMS
            .iter()
            .filter_map(|name| Algorithm::from_name(name))
            .collect(),
    }
}
