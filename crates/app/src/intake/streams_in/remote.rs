//! A stream at its transmitter: made, adopted, changed, read, deleted (ssf.md 5.3).

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use watchfire_domain::stream_in::{RemoteStream, StreamChange};
use watchfire_model::object::{StreamDelivery, StreamIn};
use watchfire_ssf::stream::{
    DeliveryMethod, DeliveryNames, DeliveryRequest, Operation, Reaction, StreamConfiguration, StreamRequest,
};

use super::transmitter::{Call, CallError, endpoint, endpoint_of};
use crate::App;

const CONFIGURATION: &str = "configuration_endpoint";

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// The transmitter cannot have heard of it.
    First,
    /// One before may have gone through (STRM-20).
    Again,
}

impl App {
    /// Makes a stream at its transmitter, or adopts the one that is there (STRM-19, STRM-20).
    pub(super) async fn make_remote(&self, stream: &StreamIn, making: Making) -> Result<StreamIn, CallError> {
        if making == Making::Again
            && let Ok(known) = self.list_remote(stream).await
            && let Some(ours) = self.recognise(stream, &known)
        {
            return self.take_over(stream, ours).await;
        }
        match self.create_remote(stream, DeliveryNames::Rfc).await {
            // AMB-06
            Err(CallError::Answered { status: 400, .. }) => match self.create_remote(stream, DeliveryNames::Risc).await {
                Err(failure) if failure.reaction() == Some(Reaction::Conflict) => self.adopt_listed(stream).await,
                made => made,
            },
            Err(failure) if failure.reaction() == Some(Reaction::Conflict) => self.adopt_listed(stream).await,
            made => made,
        }
    }

    async fn create_remote(&self, stream: &StreamIn, names: DeliveryNames) -> Result<StreamIn, CallError> {
        let credential = self.push_credential(stream)?;
        let push_url = self.push_url(stream);
        let body = request(stream, push_url.as_deref(), credential.as_ref()).create(names);
        let call = Call::new(Operation::Create, Method::POST, endpoint(stream, CONFIGURATION)?).json(body);
        let reply = self.call_transmitter(stream, call).await?;
        if let Ok(made) = StreamConfiguration::parse(&reply.json()) {
            return self.settle(stream, made, names).await;
        }
        // It was taken, and nothing useful was said of it (AMB-48).
        for _ in 0..self.settings.streams.read_again_times {
            let known = self.list_remote(stream).await?;
            if let Some(ours) = self.recognise(stream, &known) {
                return self.settle(stream, ours, names).await;
            }
            tokio::time::sleep(self.settings.streams.read_again).await;
        }
        Err(CallError::Unusable {
            operation: Operation::Create,
            fault: "the transmitter took it and does not list it".to_owned(),
        })
    }

    /// Every stream that the transmitter lets us see.
    async fn list_remote(&self, stream: &StreamIn) -> Result<Vec<StreamConfiguration>, CallError> {
        let call = Call::new(Operation::List, Method::GET, endpoint(stream, CONFIGURATION)?);
        let reply = self.call_transmitter(stream, call).await?;
        Ok(StreamConfiguration::parse_list(&reply.json()))
    }

    /// The one of them that is certainly this one: the one that is pushed to our address; of those that are
    /// polled, the only one that is nobody else's here.
    fn recognise(&self, stream: &StreamIn, known: &[StreamConfiguration]) -> Option<StreamConfiguration> {
        if let Some(url) = self.push_url(stream) {
            return known.iter().find(|it| it.is_pushed_to(&url)).cloned();
        }
        let is_polled = |it: &&StreamConfiguration| {
            let method = it.delivery.as_ref().and_then(|delivery| delivery.method);
            method.is_some_and(|(method, _)| method == DeliveryMethod::Poll)
        };
        self.only_free(stream, known.iter().filter(is_polled))
    }

    /// The only one that no stream of ours is already.
    fn only_free<'k>(
        &self,
        stream: &StreamIn,
        known: impl Iterator<Item = &'k StreamConfiguration>,
    ) -> Option<StreamConfiguration> {
        let directory = self.state.directory();
        let is_taken = |id: &str| {
            let mut others = directory.streams_in().filter(|it| it.id != stream.id);
            others.any(|it| it.issuer == stream.issuer && it.remote_id.as_deref() == Some(id))
        };
        let mut free = known.filter(|it| !is_taken(&it.stream_id));
        match (free.next(), free.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }

    /// STRM-19: there may be only one, and there is one.
    async fn adopt_listed(&self, stream: &StreamIn) -> Result<StreamIn, CallError> {
        let known = self.list_remote(stream).await?;
        let ours = self
            .recognise(stream, &known)
            .or_else(|| self.only_free(stream, known.iter()));
        let Some(ours) = ours else {
            let ids: Vec<&str> = known.iter().map(|it| it.stream_id.as_str()).collect();
            return Err(CallError::Unusable {
                operation: Operation::Create,
                fault: format!(
                    "the transmitter has streams already, and none that can be told to be ours; name one with adopt: {}",
                    ids.join(", ")
                ),
            });
        };
        self.take_over(stream, ours).await
    }

    /// Adopts the stream with this `stream_id`.
    pub(super) async fn adopt(&self, stream: &StreamIn, remote_id: &str) -> Result<StreamIn, CallError> {
        let found = self.read_remote(stream, remote_id).await?;
        self.take_over(stream, found).await
    }

    /// Takes a stream over as it is there, and has it made as it shall be.
    async fn take_over(&self, stream: &StreamIn, found: StreamConfiguration) -> Result<StreamIn, CallError> {
        let names = names_of(&found).unwrap_or(DeliveryNames::Rfc);
        let ours = self.push_url(stream).is_some_and(|url| found.is_pushed_to(&url));
        let adopted = self.settle(stream, found, names).await?;
        // One that we made ourselves has our credential; any other must be told it.
        if ours {
            Ok(adopted)
        } else {
            self.update_remote(&adopted).await
        }
    }

    /// Reads one stream.
    pub(super) async fn read_remote(&self, stream: &StreamIn, remote_id: &str) -> Result<StreamConfiguration, CallError> {
        let url = endpoint_of(stream, CONFIGURATION, remote_id)?;
        let reply = self
            .call_transmitter(stream, Call::new(Operation::Read, Method::GET, url))
            .await?;
        let body = reply.json();
        // Some answer with a list whatever is asked (AMB-36).
        let listed = StreamConfiguration::parse_list(&body);
        let found = listed.into_iter().find(|it| it.stream_id == remote_id);
        found.ok_or_else(|| CallError::Unusable {
            operation: Operation::Read,
            fault: "the answer is not of this stream".to_owned(),
        })
    }

    /// Reads a stream and writes down what is there now.
    pub(super) async fn refresh_remote(&self, stream: &StreamIn) -> Result<StreamIn, CallError> {
        let Some(remote_id) = &stream.remote_id else {
            return Ok(stream.clone());
        };
        let found = self.read_remote(stream, remote_id).await?;
        let names = names_of(&found).unwrap_or_else(|| names_of_stream(stream));
        self.settle(stream, found, names).await
    }

    /// Makes a stream at its transmitter as it is here: by PATCH, or PUT where that is all there is.
    pub(super) async fn update_remote(&self, stream: &StreamIn) -> Result<StreamIn, CallError> {
        let Some(remote_id) = &stream.remote_id else {
            return Ok(stream.clone());
        };
        let credential = self.push_credential(stream)?;
        let push_url = self.push_url(stream);
        let names = names_of_stream(stream);
        let body = request(stream, push_url.as_deref(), credential.as_ref()).update(remote_id, names);
        let url = endpoint(stream, CONFIGURATION)?;
        let patch = Call::new(Operation::Update, Method::PATCH, url.clone()).json(body.clone());
        let reply = match self.call_transmitter(stream, patch).await {
            Err(failure) if failure.reaction() == Some(Reaction::OtherMethod) => {
                let put = Call::new(Operation::Replace, Method::PUT, url).json(body);
                self.call_transmitter(stream, put).await?
            }
            reply => reply?,
        };
        if reply.reaction == Reaction::ReadAgain {
            self.read_again_later(stream);
            return Ok(stream.clone());
        }
        match StreamConfiguration::parse(&reply.json()) {
            Ok(found) => self.settle(stream, found, names).await,
            Err(_) => self.refresh_remote(stream).await,
        }
    }

    /// AMB-48: what was taken and not decided is looked at again for a while.
    pub(super) fn read_again_later(&self, stream: &StreamIn) {
        let (app, id) = (self.clone(), stream.id.clone());
        let limits = self.settings.streams;
        tokio::spawn(async move {
            for _ in 0..limits.read_again_times {
                tokio::time::sleep(limits.read_again).await;
                let Ok(stream) = app.known_stream(id.as_str()) else { return };
                let read = async {
                    app.refresh_remote(&stream).await?;
                    app.read_status(&stream).await
                };
                if let Err(failure) = read.await {
                    app.note_failure(&stream, &failure).await;
                }
            }
        });
    }

    /// Checks and writes down what a transmitter says of a stream (STRM-17).
    async fn settle(&self, stream: &StreamIn, found: StreamConfiguration, names: DeliveryNames) -> Result<StreamIn, CallError> {
        if found.contradicts_issuer(&stream.issuer) {
            return Err(CallError::Unusable {
                operation: Operation::Read,
                fault: "the stream is of another issuer".to_owned(),
            });
        }
        let warning = warning(stream, &found);
        let polled = matches!(stream.delivery, StreamDelivery::Poll { .. });
        let poll_endpoint = found.delivery.and_then(|it| it.endpoint_url).filter(|_| polled);
        // Nobody says what `aud` is: our own name is the only one that is surely ours.
        let audience = if found.audience.is_empty() {
            vec![self.settings.org_url.clone()]
        } else {
            found.audience
        };
        let remote = RemoteStream {
            remote_id: found.stream_id,
            audience,
            events_delivered: found.events_delivered.unwrap_or_default(),
            poll_endpoint,
            risc_names: names == DeliveryNames::Risc,
            min_verification_interval: found.min_verification_interval,
            inactivity_timeout: found.inactivity_timeout,
            status: found.status,
            warning,
        };
        Ok(self.note(&stream.id, StreamChange::Remote(Box::new(remote))).await?)
    }

    /// Deletes a stream at its transmitter; one that is gone is deleted (STRM-19).
    pub(super) async fn delete_remote(&self, stream: &StreamIn) -> Result<(), CallError> {
        let remote_id = match &stream.remote_id {
            Some(remote_id) => remote_id.clone(),
            // It may have been made without our having heard of it.
            None => {
                let known = self.list_remote(stream).await?;
                let url = self.push_url(stream).unwrap_or_default();
                match known.into_iter().find(|it| it.is_pushed_to(&url)) {
                    Some(ours) => ours.stream_id,
                    None => return Ok(()),
                }
            }
        };
        let url = endpoint_of(stream, CONFIGURATION, &remote_id)?;
        let call = Call::new(Operation::Delete, Method::DELETE, url);
        self.call_transmitter(stream, call).await.map(drop)
    }

    fn push_credential(&self, stream: &StreamIn) -> Result<Option<SecretString>, CallError> {
        match &stream.delivery {
            StreamDelivery::Poll { .. } => Ok(None),
            StreamDelivery::Push { sealed_credential, .. } => {
                let opened = self.open_for_stream(&stream.key, sealed_credential);
                opened.map(Some).map_err(|source| CallError::Token {
                    operation: Operation::Create,
                    source,
                })
            }
        }
    }
}

fn request<'a>(stream: &'a StreamIn, push_url: Option<&'a str>, credential: Option<&'a SecretString>) -> StreamRequest<'a> {
    let delivery = match (push_url, credential) {
        (Some(endpoint_url), Some(credential)) => DeliveryRequest::Push {
            endpoint_url,
            authorization_header: credential.expose_secret(),
        },
        _ => DeliveryRequest::Poll,
    };
    StreamRequest {
        events_requested: &stream.events_requested,
        delivery,
        description: stream.description.as_deref(),
        format: stream.subject_format.as_deref(),
    }
}

fn names_of(found: &StreamConfiguration) -> Option<DeliveryNames> {
    found.delivery.as_ref()?.method.map(|(_, names)| names)
}

const fn names_of_stream(stream: &StreamIn) -> DeliveryNames {
    if stream.risc_names {
        DeliveryNames::Risc
    } else {
        DeliveryNames::Rfc
    }
}

/// What people should know of a stream that is not quite as it was asked for (STRM-17, AMB-40).
fn warning(stream: &StreamIn, found: &StreamConfiguration) -> Option<String> {
    let overlap = |a: &[String], b: &[String]| a.iter().any(|it| b.contains(it));
    if !stream.audience.is_empty() && !found.audience.is_empty() && !overlap(&stream.audience, &found.audience) {
        return Some(format!(
            "the transmitter will send aud {}, which is not what is expected; change the audience if that is right",
            found.audience.join(", ")
        ));
    }
    let missing = found.missing_events(&stream.events_requested);
    if missing.is_empty() || found.events_delivered.is_none() {
        return None;
    }
    Some(format!("the transmitter does not deliver: {}", missing.join(", ")))
}
