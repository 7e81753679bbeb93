//! Reading transmitters' metadata documents (META-03, META-06, META-11).

use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use watchfire_domain::security_events_provider::{MetadataSource, ProviderSource, RefreshProviderMetadata, Refreshed};
use watchfire_egress::{FetchError, FetchLimits, Purpose, Refusal};
use watchfire_model::{id::SecurityEventsProviderId, log::Actor, object::SecurityEventsProvider, time::Timestamp};
use watchfire_ssf::{
    TransmitterMetadata,
    metadata::MetadataError,
    stream::discovery::{check_issuer, issuer_of},
};

use crate::{App, Error, Result, sequencer::ErrorChain};

/// How often it is looked whose metadata is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a document that could not be had.
const RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Documents that are fetched at one time: a host that hangs keeps one of these places for its time-out.
const FETCHES: usize = 8;

/// How transmitters' metadata is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataLimits {
    /// Time that a fetch may take.
    pub fetch: Duration,
    /// How often it is read again; `None` never (META-11).
    pub refresh: Option<Duration>,
}

impl Default for MetadataLimits {
    fn default() -> Self {
        Self {
            fetch: FetchLimits::METADATA.total,
            refresh: Some(Duration::from_secs(24 * 3_600)),
        }
    }
}

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
pub enum MetadataFailure {
    /// The document could not be had.
    #[error("the metadata could not be fetched")]
    Fetch(#[source] FetchError),
    /// It is none.
    #[error("the metadata cannot be used")]
    Invalid(#[source] MetadataError),
    /// It does not say where the keys are.
    #[error("the document has no 'jwks_uri'")]
    NoKeys,
    /// What it says of the keys is no URL.
    #[error("the document's 'jwks_uri' is {0}")]
    KeysFault(&'static str),
    /// The keys are where nothing may be fetched.
    #[error("the document's 'jwks_uri' is not allowed")]
    KeysRefused(#[source] Refusal),
}

impl MetadataFailure {
    /// One sentence for the administrator who named the document.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Fetch(error) => sentence(error),
            Self::Invalid(error) => error.to_string(),
            Self::KeysRefused(refusal) => format!("{self}: {refusal}"),
            Self::NoKeys | Self::KeysFault(_) => self.to_string(),
        }
    }
}

impl From<MetadataFailure> for Error {
    fn from(failure: MetadataFailure) -> Self {
        not_valid("well_known_url", &failure.sentence())
    }
}

/// A URL of `settings` that cannot be used: Okta's text, and why (okta.md 5.2).
pub(super) fn not_valid(member: &str, why: &str) -> Error {
    Error::Invalid {
        field: "settings".to_owned(),
        causes: vec![format!("{member}: {member} is not valid"), format!("{member}: {why}")],
    }
}

/// What went wrong, with what the layer below says of it where that is for people.
pub(super) fn sentence(error: &FetchError) -> String {
    match (error, error.source()) {
        (FetchError::Refused(refusal), _) => refusal.to_string(),
        (FetchError::NotJson(_) | FetchError::Unreachable(_), Some(source)) => format!("{error}: {}", innermost(source)),
        _ => error.to_string(),
    }
}

fn innermost<'a>(mut error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// When each provider's metadata is to be read again.
#[derive(Debug, Default)]
pub(crate) struct MetadataSchedule {
    due: Mutex<HashMap<SecurityEventsProviderId, Timestamp>>,
}

impl MetadataSchedule {
    /// Those of `providers` that are due, each of which counts as read from now on.
    fn take_due(
        &self,
        providers: Vec<Arc<SecurityEventsProvider>>,
        period: Duration,
        now: Timestamp,
    ) -> Vec<Arc<SecurityEventsProvider>> {
        let mut due = self.due.lock();
        due.retain(|id, _| providers.iter().any(|provider| provider.id == *id));
        let is_due = |provider: &Arc<SecurityEventsProvider>| {
            let first = provider.last_updated.plus(period);
            let at = due.entry(provider.id.clone()).or_insert(first);
            let is_due = *at <= now;
            if is_due {
                *at = now.plus(period);
            }
            is_due
        };
        providers.into_iter().filter(is_due).collect()
    }

    fn failed(&self, id: &SecurityEventsProviderId, now: Timestamp, period: Duration) {
        let again = now.plus(RETRY_AFTER.min(period));
        self.due.lock().insert(id.clone(), again);
    }
}

impl App {
    /// Fetches and reads the metadata at `url`.
    pub(crate) async fn transmitter_metadata(
        &self,
        url: &str,
    ) -> Result<(TransmitterMetadata, serde_json::Value), MetadataFailure> {
        let limits = FetchLimits {
            total: self.settings.metadata.fetch,
            ..FetchLimits::METADATA
        };
        let fetched = self.egress.fetch_json(Purpose::Jwks, url, &limits).await;
        let document = fetched.map_err(MetadataFailure::Fetch)?.value;
        let metadata = TransmitterMetadata::parse(&document).map_err(MetadataFailure::Invalid)?;
        Ok((metadata, document))
    }

    /// What the metadata at `url` says of a provider of SETs.
    pub(super) async fn metadata_source(&self, url: &str) -> Result<ProviderSource, MetadataFailure> {
        let (metadata, _) = self.transmitter_metadata(url).await?;
        let fault = metadata.fault_of("jwks_uri");
        let missing = || fault.map_or(MetadataFailure::NoKeys, MetadataFailure::KeysFault);
        let jwks_url = metadata.jwks_uri.ok_or_else(missing)?;
        self.egress
            .check(Purpose::Jwks, &jwks_url)
            .map_err(MetadataFailure::KeysRefused)?;
        let issuer_differs = check_issuer(issuer_of(url).as_deref(), &metadata.issuer, None).is_err();
        Ok(ProviderSource {
            issuer: metadata.issuer,
            jwks_url,
            metadata: Some(MetadataSource {
                well_known_url: url.to_owned(),
                issuer_differs,
                critical_subject_members: metadata.critical_subject_members,
            }),
        })
    }

    /// Reads metadata again by itself, each document once in a `period` (META-11).
    pub(crate) async fn refresh_metadata_when_due(self, period: Duration, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.refresh_due_metadata(period) => {}
            }
        }
    }

    /// Reads again what is due now.
    pub async fn refresh_due_metadata(&self, period: Duration) {
        let directory = self.state.directory();
        let with_metadata = directory.security_events_providers().filter(|it| it.well_known_url.is_some());
        let providers = with_metadata.map(Arc::clone).collect();
        let due = self.metadata_schedule.take_due(providers, period, self.clock.now());
        let places = Arc::new(Semaphore::new(FETCHES));
        let mut fetches = JoinSet::new();
        for provider in due {
            let (app, places) = (self.clone(), Arc::clone(&places));
            fetches.spawn(async move {
                let _place = places.acquire_owned().await;
                if let Err(error) = app.refresh_metadata_of(&provider).await {
                    tracing::warn!(provider = %provider.id, error = %ErrorChain(&*error), "the metadata of a provider could not be read again");
                    app.metadata_schedule.failed(&provider.id, app.clock.now(), period);
                }
            });
        }
        while fetches.join_next().await.is_some() {}
    }

    /// Reads a provider's metadata again and takes over what has changed.
    pub(crate) async fn refresh_metadata_of(
        &self,
        provider: &SecurityEventsProvider,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let directory = self.state.directory();
        let (Some(url), Some(org)) = (&provider.well_known_url, directory.org()) else {
            return Ok(());
        };
        let command = RefreshProviderMetadata {
            id: provider.id.clone(),
            source: self.metadata_source(url).await?,
            actor: Actor::system(&org.id),
        };
        match self.commands.run(command).await? {
            // Keys are kept by their address: another one has none yet.
            Refreshed::Same | Refreshed::Changed(_) => {}
            Refreshed::Suspended(provider) => {
                tracing::warn!(provider = %provider.id, "the metadata of a provider names another issuer: it is not heard any more");
            }
        }
        Ok(())
    }
}
