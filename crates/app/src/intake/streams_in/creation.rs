//! From an administrator's words to a stream at the transmitter.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use watchfire_crypto::digest::sha256_hex;
use watchfire_domain::{
    security_events_provider::{MetadataSource, ProviderSource, SecurityEventsProviderDraft},
    stream_in::{CreateStreamIn, CreatedStreamIn, ForgetStreamIn, NewProvider, StreamInDraft, StreamProvider},
};
use watchfire_egress::{FetchError, Purpose};
use watchfire_model::{
    id::SecurityEventsProviderId,
    log::RequestOrigin,
    object::{DialectName, StreamAuthorization, StreamDelivery, StreamIn},
};
use watchfire_ssf::{
    EventKind, TransmitterMetadata,
    stream::discovery::{IssuerMatch, candidates, check_issuer, issuer_of},
};

use super::{NewAuthorization, remote::Making};
use crate::{App, Error, Result, access::Principal, entropy::url_safe, intake::transmitter_metadata::MetadataFailure};

/// Characters of a stream's key: six random bits each.
const KEY_CHARS: usize = 43;
/// Characters of the value of `Authorization` that we want to be pushed with, behind `Bearer`.
const CREDENTIAL_CHARS: usize = 43;
/// `type` of a provider that is made with its stream.
const PRODUCT: &str = "ssf-transmitter";
/// Endpoints that an administrator may name where the metadata does not (AMB-38).
const ENDPOINTS: [&str; 5] = [
    "configuration_endpoint",
    "status_endpoint",
    "add_subject_endpoint",
    "remove_subject_endpoint",
    "verification_endpoint",
];

/// A stream that is to be made.
#[derive(Clone, Debug)]
pub struct NewStreamIn {
    /// Whose stream.
    pub source: StreamSource,
    /// The issuer, where it is none that the address stands for, and that is right (AMB-05).
    pub issuer_override: Option<String>,
    /// The name of a provider that is made with it; the issuer's host when absent.
    pub name: Option<String>,
    /// How such a provider is read; `standard` when absent.
    pub dialect: Option<DialectName>,
    /// Endpoints beside those of the metadata.
    pub endpoints: Map<String, Value>,
    /// How SETs shall come.
    pub delivery: NewDelivery,
    /// How we authenticate.
    pub authorization: NewAuthorization,
    /// `aud` that is expected.
    pub audience: Vec<String>,
    /// Event types to ask for; those of CAEP and RISC when absent.
    pub events_requested: Option<Vec<String>>,
    /// For people, here and there.
    pub description: Option<String>,
    /// `format` to ask for (AMB-07).
    pub subject_format: Option<String>,
    /// The `stream_id` of a stream that is there already.
    pub adopt: Option<String>,
    /// Whether to ask for a verification event at once.
    pub verify: bool,
}

/// Whose stream it is.
#[derive(Clone, Debug)]
pub enum StreamSource {
    /// Whoever's metadata is there.
    WellKnown(String),
    /// Whoever has this issuer.
    Issuer(String),
    /// A provider that is known, and whose metadata address is.
    Provider(String),
}

/// How SETs shall come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewDelivery {
    /// To an address of ours.
    Push,
    /// By polling.
    Poll {
        /// Whether polls wait.
        long: bool,
    },
}

/// A transmitter that was found.
struct Found {
    metadata: TransmitterMetadata,
    document: Value,
    url: String,
    issuer_differs: bool,
    provider: Option<SecurityEventsProviderId>,
}

impl App {
    /// Makes a stream: finds the transmitter, notes what is to be, makes it there. A transmitter that
    /// cannot be reached is tried again later, and the stream shows why; one that says no leaves nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be used, the transmitter's no included.
    pub async fn create_stream_in(&self, caller: &Principal, origin: RequestOrigin, new: NewStreamIn) -> Result<StreamIn> {
        caller.require(super::MANAGE)?;
        let found = self.find_transmitter(&new).await?;
        let key = url_safe(&*self.entropy, KEY_CHARS);
        let makes_key = matches!(new.authorization, NewAuthorization::PrivateKeyJwt { key: None, .. });
        let draft = self.draft(&new, found, &key).await?;
        let turn = self.streams.turn(&key);
        let making = turn.lock().await;
        let command = CreateStreamIn {
            draft,
            actor: caller.actor.clone(),
            origin,
        };
        let CreatedStreamIn { stream, provider_is_new } = self.commands.run(command).await?;
        let made = match &new.adopt {
            Some(remote_id) => self.adopt(&stream, remote_id).await,
            None => self.make_remote(&stream, Making::First).await,
        };
        match made {
            Ok(made) => {
                drop(making);
                match new.verify {
                    true => Ok(self.verify_quietly(made).await),
                    false => Ok(made),
                }
            }
            // The transmitter has to be given our key first.
            Err(failure) if failure.is_final() && !makes_key => {
                let forget = ForgetStreamIn {
                    id: stream.id,
                    with_provider: provider_is_new,
                };
                self.commands.run(forget).await?;
                self.streams.forget(&key);
                Err(failure.into())
            }
            // Still our turn: the answer tells of this failure, and not of the next try.
            Err(failure) => {
                self.note_failure(&stream, &failure).await;
                self.known_stream(stream.id.as_str()).map(|it| StreamIn::clone(&it))
            }
        }
    }

    async fn draft(&self, new: &NewStreamIn, found: Found, key: &str) -> Result<StreamInDraft> {
        let events_requested = new.events_requested.clone().unwrap_or_else(standard_events);
        let provider = match found.provider {
            Some(id) => StreamProvider::Existing(id),
            None => StreamProvider::Issuer(Box::new(new_provider(new, &found)?)),
        };
        Ok(StreamInDraft {
            provider,
            key: key.to_owned(),
            metadata: found.document,
            metadata_at: self.clock.now(),
            audience: new.audience.clone(),
            delivery: self.delivery(new.delivery, key)?,
            authorization: self.authorization(new.authorization.clone(), key).await?,
            events_requested,
            description: new.description.clone(),
            subject_format: new.subject_format.clone(),
        })
    }

    async fn authorization(&self, new: NewAuthorization, key: &str) -> Result<StreamAuthorization> {
        self.seal_authorization(key, new).await
    }

    fn delivery(&self, delivery: NewDelivery, key: &str) -> Result<StreamDelivery> {
        match delivery {
            NewDelivery::Poll { long } => Ok(StreamDelivery::Poll {
                endpoint_url: None,
                long,
            }),
            NewDelivery::Push => {
                let credential = SecretString::from(format!("Bearer {}", url_safe(&*self.entropy, CREDENTIAL_CHARS)));
                Ok(StreamDelivery::Push {
                    credential_hash: sha256_hex(credential.expose_secret()),
                    sealed_credential: self.seal_for_stream(key, credential.expose_secret().as_bytes())?,
                })
            }
        }
    }

    async fn find_transmitter(&self, new: &NewStreamIn) -> Result<Found> {
        let mut provider = None;
        let (mut metadata, mut document, url, expected) = match &new.source {
            StreamSource::WellKnown(url) => {
                let (metadata, document) = self
                    .transmitter_metadata(url)
                    .await
                    .map_err(|it| unreadable("wellKnownUrl", &it))?;
                (metadata, document, url.clone(), issuer_of(url))
            }
            StreamSource::Issuer(issuer) => {
                let (metadata, document, url) = self.discover(issuer, new.dialect).await?;
                (metadata, document, url, Some(issuer.clone()))
            }
            StreamSource::Provider(id) => {
                let directory = self.state.directory();
                let known = directory.security_events_provider(id);
                let known = known.ok_or_else(|| Error::invalid("providerId", "Invalid provider id"))?;
                provider = Some(known.id.clone());
                let (metadata, document, url) = match &known.well_known_url {
                    Some(url) => {
                        let read = self.transmitter_metadata(url).await;
                        let (metadata, document) = read.map_err(|it| unreadable("providerId", &it))?;
                        (metadata, document, url.clone())
                    }
                    None => self.discover(&known.issuer, new.dialect).await?,
                };
                (metadata, document, url, Some(known.issuer.clone()))
            }
        };
        let matched = check_issuer(expected.as_deref(), &metadata.issuer, new.issuer_override.as_deref());
        let matched = matched.map_err(|error| Error::invalid("issuer", &error.to_string()))?;
        if let (Some(members), false) = (document.as_object_mut(), new.endpoints.is_empty()) {
            let named = new.endpoints.iter().filter(|(name, _)| ENDPOINTS.contains(&name.as_str()));
            members.extend(named.map(|(name, url)| (name.clone(), url.clone())));
            metadata = TransmitterMetadata::parse(&document).map_err(|error| Error::invalid("endpoints", &error.to_string()))?;
        }
        self.check_endpoints(&metadata, &document)?;
        Ok(Found {
            metadata,
            document,
            url,
            issuer_differs: matched == IssuerMatch::Tolerated,
            provider,
        })
    }

    /// META-08: each address only after a 404 of the one before it.
    async fn discover(&self, issuer: &str, dialect: Option<DialectName>) -> Result<(TransmitterMetadata, Value, String)> {
        let risc = dialect == Some(DialectName::GoogleRisc);
        let urls = candidates(issuer, risc).map_err(|error| Error::invalid("issuer", &error.to_string()))?;
        for url in urls {
            match self.transmitter_metadata(&url).await {
                Ok((metadata, document)) => return Ok((metadata, document, url)),
                Err(MetadataFailure::Fetch(FetchError::Status(404))) => {}
                Err(failure) => return Err(unreadable("issuer", &failure)),
            }
        }
        Err(Error::invalid("issuer", "No metadata was found at its well-known addresses"))
    }

    /// META-09: without a configuration endpoint there is nothing to make. What is named must be reachable
    /// under the policy, so that a refusal is told now.
    fn check_endpoints(&self, metadata: &TransmitterMetadata, document: &Value) -> Result<()> {
        if !metadata.has_stream_api() {
            return Err(Error::invalid(
                "transmitter",
                "Its metadata has no configuration_endpoint: make a security events provider, which needs no stream",
            ));
        }
        for name in ENDPOINTS {
            if let Some(url) = document.get(name).and_then(Value::as_str) {
                let checked = self.egress.check(Purpose::Streams, url);
                checked.map_err(|refusal| Error::invalid(name, &refusal.to_string()))?;
            }
        }
        Ok(())
    }
}

fn new_provider(new: &NewStreamIn, found: &Found) -> Result<NewProvider> {
    let metadata = &found.metadata;
    let no_keys = || Error::invalid("transmitter", "Its metadata has no jwks_uri");
    let host = || {
        url::Url::parse(&metadata.issuer)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
    };
    let name = new.name.clone().or_else(host).unwrap_or_else(|| metadata.issuer.clone());
    Ok(NewProvider {
        draft: SecurityEventsProviderDraft {
            name,
            product: PRODUCT.to_owned(),
            source: ProviderSource {
                issuer: metadata.issuer.clone(),
                jwks_url: metadata.jwks_uri.clone().ok_or_else(no_keys)?,
                metadata: Some(MetadataSource {
                    well_known_url: found.url.clone(),
                    issuer_differs: found.issuer_differs,
                    critical_subject_members: metadata.critical_subject_members.clone(),
                }),
            },
        },
        dialect: new.dialect.unwrap_or(DialectName::Standard),
    })
}

/// AMB-51: the framework's own events come without being asked for.
fn standard_events() -> Vec<String> {
    let kinds = EventKind::ALL.into_iter();
    let asked = kinds.filter(|kind| !kind.is_of_stream() && !kind.is_oktas());
    asked.map(|kind| kind.uri().to_owned()).collect()
}

fn unreadable(member: &str, failure: &MetadataFailure) -> Error {
    Error::Invalid {
        field: member.to_owned(),
        causes: vec![format!("{member}: {}", failure.sentence())],
    }
}
