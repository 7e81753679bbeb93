//! Where a stream ends: what takes events, and says when it surely has them.

use std::{io, time::Duration};

use watchfire_egress::{ConnectionError, FetchError, TlsFault};
use watchfire_model::object::{LogStream, LogStreamTarget};

use super::{file::FileSink, hec::HecSink, nats::NatsSink, record::Record, syslog::SyslogSink};
use crate::{App, sequencer::ErrorChain};

/// Characters of what a target says that are shown.
const MAX_ANSWER_CHARS: usize = 200;

/// A target that is open, or will be with the next event.
#[derive(Debug)]
pub(super) enum Sink {
    Hec(HecSink),
    Syslog(SyslogSink),
    Nats(NatsSink),
    File(FileSink),
}

/// Why events were not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    /// What is kept of the stream cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The secret cannot be opened.
    #[error("the secret cannot be opened with this key file")]
    Secret,
    #[error("TLS cannot be spoken")]
    Tls(#[source] TlsFault),
    #[error("no answer")]
    Fetch(#[source] FetchError),
    #[error("no connection")]
    Connect(#[source] ConnectionError),
    #[error("the connection broke off")]
    Broken(#[source] io::Error),
    /// It has answered that it does not take them.
    #[error("{what}")]
    Answer { what: String, retry_after: Option<Duration> },
    #[error("the target took too long")]
    TimedOut,
    #[error("the file could not be written")]
    File(#[source] io::Error),
}

impl SinkError {
    /// An answer, of which `said` is the target's own words.
    pub(super) fn answered(what: &str, said: &str) -> Self {
        let said: String = said
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_ANSWER_CHARS)
            .collect();
        let what = if said.trim().is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {}", said.trim())
        };
        Self::Answer { what, retry_after: None }
    }

    /// How long the target wants to be left alone.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// All of it, for people.
    pub(super) fn told(&self) -> String {
        ErrorChain(self).to_string()
    }
}

/// When what a sink took is surely there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certain {
    /// The target has said so, or the disk has.
    Now,
    /// When so much time has gone by without a fault.
    After(Duration),
}

impl Sink {
    /// The sink of a stream. Nothing is reached yet.
    pub(super) fn of(app: &App, stream: &LogStream) -> Result<Self, SinkError> {
        let secret = app.log_stream_secret(stream).map_err(|_| SinkError::Secret)?;
        let secret = secret.as_ref().map(|secret| secret.as_str());
        Ok(match &stream.target {
            LogStreamTarget::SplunkHec { .. } => Self::Hec(HecSink::new(app, &stream.target, secret)?),
            LogStreamTarget::Syslog { .. } => Self::Syslog(SyslogSink::new(app, &stream.target, secret)?),
            LogStreamTarget::Nats { .. } => Self::Nats(NatsSink::new(app, &stream.target, secret)?),
            LogStreamTarget::File { .. } => Self::File(FileSink::new(app, stream)?),
        })
    }

    /// Gives it events, in their order.
    pub(super) async fn deliver(&mut self, records: Vec<Record>) -> Result<Certain, SinkError> {
        match self {
            Self::Hec(sink) => sink.deliver(&records).await.map(|()| Certain::Now),
            Self::Syslog(sink) => sink.deliver(&records).await.map(Certain::After),
            Self::Nats(sink) => sink.deliver(&records).await.map(|()| Certain::Now),
            Self::File(sink) => sink.deliver(records).await.map(|()| Certain::Now),
        }
    }

    /// Whether what it took and is not certain may still become so.
    pub(super) fn check(&mut self) -> Result<(), SinkError> {
        match self {
            Self::Syslog(sink) => sink.check(),
            Self::Hec(_) | Self::Nats(_) | Self::File(_) => Ok(()),
        }
    }

    /// Nothing is to be sent now.
    pub(super) async fn rest(&mut self) -> Result<(), SinkError> {
        match self {
            Self::File(sink) => sink.rest().await,
            Self::Nats(sink) => {
                sink.rest();
                Ok(())
            }
            Self::Hec(_) | Self::Syslog(_) => Ok(()),
        }
    }

    /// Forgets connections, after a failure.
    pub(super) fn hang_up(&mut self) {
        match self {
            Self::Syslog(sink) => sink.hang_up(),
            Self::Nats(sink) => sink.hang_up(),
            Self::Hec(_) | Self::File(_) => {}
        }
    }
}
