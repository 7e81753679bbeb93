//! Status, verification and subjects of a stream (ssf.md 5.3).

use http::Method;
use serde_json::Value;
use watchfire_domain::stream_in::StreamChange;
use watchfire_model::object::{StreamIn, StreamStatus};
use watchfire_ssf::stream::{Operation, Reaction, StatusObject, request};

use super::{
    MANAGE, READ,
    transmitter::{Call, CallError, endpoint, endpoint_of},
};
use crate::{App, Error, Result, access::Principal, entropy::url_safe};

/// Characters of a verification's state: six random bits each.
const STATE_CHARS: usize = 32;
/// Bytes of a subject as JSON.
const MAX_SUBJECT_BYTES: usize = 4 * 1024;

const STATUS: &str = "status_endpoint";

impl App {
    /// Asks the transmitter for a stream's status.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the transmitter does not answer, or says no.
    pub async fn stream_in_status(&self, caller: &Principal, id: &str) -> Result<StreamIn> {
        caller.require(READ)?;
        let stream = self.known_stream(id)?;
        made(&stream)?;
        Ok(self.read_status(&stream).await?)
    }

    pub(super) async fn read_status(&self, stream: &StreamIn) -> Result<StreamIn, CallError> {
        let Some(remote_id) = &stream.remote_id else {
            return Ok(stream.clone());
        };
        let url = match endpoint_of(stream, STATUS, remote_id) {
            Ok(url) => url,
            // AMB-38, AMB-49: some keep it in the stream itself, or nowhere.
            Err(_) => return self.refresh_remote(stream).await,
        };
        let reply = self
            .call_transmitter(stream, Call::new(Operation::ReadStatus, Method::GET, url))
            .await?;
        let status = status_in(&reply.json())?;
        self.note_status(stream, status).await
    }

    /// Sets a stream's status at the transmitter.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the transmitter does not answer, or says no.
    pub async fn set_stream_in_status(
        &self,
        caller: &Principal,
        id: &str,
        status: StreamStatus,
        reason: Option<&str>,
    ) -> Result<StreamIn> {
        caller.require(MANAGE)?;
        let stream = self.known_stream(id)?;
        let body = request::status(made(&stream)?, status, reason);
        let call = Call::new(Operation::SetStatus, Method::POST, endpoint(&stream, STATUS)?).json(body);
        let reply = self.call_transmitter(&stream, call).await?;
        if reply.reaction == Reaction::ReadAgain {
            self.read_again_later(&stream);
            return Ok(StreamIn::clone(&stream));
        }
        // What it says counts; where it says nothing, it has done as it was told.
        let told = StatusObject::parse(&reply.json()).unwrap_or_else(|_| StatusObject {
            status,
            reason: reason.map(str::to_owned),
        });
        Ok(self.note_status(&stream, told).await?)
    }

    async fn note_status(&self, stream: &StreamIn, told: StatusObject) -> Result<StreamIn, CallError> {
        let StatusObject { status, reason } = told;
        Ok(self.note(&stream.id, StreamChange::Status { status, reason }).await?)
    }

    /// Asks for a verification event; its state is durable before the transmitter knows it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the transmitter does not answer, or says no.
    pub async fn verify_stream_in(&self, caller: &Principal, id: &str) -> Result<StreamIn> {
        caller.require(MANAGE)?;
        let stream = self.known_stream(id)?;
        made(&stream)?;
        Ok(self.verify(&stream).await?)
    }

    /// The same, where a failure is no reason to fail.
    pub(super) async fn verify_quietly(&self, stream: StreamIn) -> StreamIn {
        match self.verify(&stream).await {
            Ok(asked) => asked,
            Err(CallError::NoEndpoint(_)) => stream,
            Err(failure) => {
                self.note_failure(&stream, &failure).await;
                stream
            }
        }
    }

    async fn verify(&self, stream: &StreamIn) -> Result<StreamIn, CallError> {
        let url = endpoint(stream, "verification_endpoint")?;
        let state = url_safe(&*self.entropy, STATE_CHARS);
        let body = request::verification(stream.remote_id.as_deref().unwrap_or_default(), &state);
        let asked = self.note(&stream.id, StreamChange::Verify { state }).await?;
        let call = Call::new(Operation::Verify, Method::POST, url).json(body);
        self.call_transmitter(&asked, call).await?;
        Ok(asked)
    }

    /// Adds a subject to a stream.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; when the transmitter does not answer, or says no.
    pub async fn add_stream_in_subject(
        &self,
        caller: &Principal,
        id: &str,
        subject: &Value,
        verified: Option<bool>,
    ) -> Result<()> {
        caller.require(MANAGE)?;
        let stream = self.known_stream(id)?;
        let body = request::add_subject(made(&stream)?, checked(subject)?, verified);
        let url = endpoint(&stream, "add_subject_endpoint")?;
        let call = Call::new(Operation::AddSubject, Method::POST, url).json(body);
        Ok(self.call_transmitter(&stream, call).await.map(drop)?)
    }

    /// Takes a subject out of a stream.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; when the transmitter does not answer, or says no.
    pub async fn remove_stream_in_subject(&self, caller: &Principal, id: &str, subject: &Value) -> Result<()> {
        caller.require(MANAGE)?;
        let stream = self.known_stream(id)?;
        let body = request::remove_subject(made(&stream)?, checked(subject)?);
        let url = endpoint(&stream, "remove_subject_endpoint")?;
        let call = Call::new(Operation::RemoveSubject, Method::POST, url).json(body);
        Ok(self.call_transmitter(&stream, call).await.map(drop)?)
    }
}

fn status_in(body: &Value) -> Result<StatusObject, CallError> {
    StatusObject::parse(body).map_err(|fault| CallError::Unusable {
        operation: Operation::ReadStatus,
        fault: fault.to_string(),
    })
}

/// The `stream_id`, which a stream has as soon as it is at its transmitter.
fn made(stream: &StreamIn) -> Result<&str> {
    let not_yet = || Error::invalid("stream", "It has not been made at the transmitter yet");
    stream.remote_id.as_deref().ok_or_else(not_yet)
}

fn checked(subject: &Value) -> Result<&Value> {
    let is_subject = subject.as_object().is_some_and(|members| !members.is_empty());
    if !is_subject || subject.to_string().len() > MAX_SUBJECT_BYTES {
        return Err(Error::invalid("subject", "The field must be a subject identifier"));
    }
    Ok(subject)
}
