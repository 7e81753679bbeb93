//! Streams of the System Log to where others keep logs, and how far each of them has come.

use serde::{Deserialize, Serialize};

use super::{Keyed, Keys, Status};
use crate::{id::LogStreamId, time::Timestamp};

/// A stream of the System Log to somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStream {
    /// Its id.
    pub id: LogStreamId,
    /// For people; unique.
    pub name: String,
    /// What its secret is sealed to: a random text that nothing else has.
    pub key: String,
    /// What events look like there.
    pub format: LogStreamFormat,
    /// Which events, as a filter of the System Log; all where absent.
    #[serde(default)]
    pub filter: Option<String>,
    /// Where they go.
    pub target: LogStreamTarget,
    /// What we show there who we are with: a token, a password, a private key.
    #[serde(default)]
    pub sealed_secret: Option<String>,
    /// Events of this time and later; every one that is kept where absent. It counts until the first was sent.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Whether anything is sent.
    pub status: Status,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl Keyed for LogStream {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}

/// What events look like where a stream ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStreamFormat {
    /// Okta's `LogEvent`, as the API has it (okta.md 8.4).
    #[default]
    #[serde(rename = "OKTA")]
    Okta,
    /// The Open Cybersecurity Schema Framework.
    #[serde(rename = "OCSF")]
    Ocsf,
}

impl LogStreamFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Okta, Self::Ocsf];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "OKTA",
            Self::Ocsf => "OCSF",
        }
    }
}

/// Where a stream ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogStreamTarget {
    /// Splunk's HTTP Event Collector, or what speaks like it.
    SplunkHec {
        /// Its address, without `/services/collector/event`.
        url: String,
        /// `index`; the token's own where absent.
        #[serde(default)]
        index: Option<String>,
        /// `source`
        source: String,
        /// `sourcetype`
        sourcetype: String,
        /// Whether to wait until indexers have written the events (indexer acknowledgment).
        acknowledge: bool,
        /// Certificates in PEM form that are trusted beside the system's.
        #[serde(default)]
        ca: Option<String>,
    },
    /// Syslog over TLS (RFC 5424, RFC 5425).
    Syslog {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// The facility of every message.
        facility: u8,
        /// Bytes of a message at the most.
        max_message_bytes: u32,
        /// Certificates in PEM form that are trusted beside the system's.
        #[serde(default)]
        ca: Option<String>,
        /// Our certificate chain in PEM form, where the receiver wants one; the secret is its key.
        #[serde(default)]
        client_certificate: Option<String>,
    },
    /// A stream of NATS JetStream.
    Nats {
        /// `tls://host:port`
        url: String,
        /// What subjects begin with; the event's type follows.
        subject: String,
        /// With a name the secret is its password, without one a token.
        #[serde(default)]
        user: Option<String>,
        /// Certificates in PEM form that are trusted beside the system's.
        #[serde(default)]
        ca: Option<String>,
    },
    /// Files of JSON lines in a folder of the server.
    File {
        /// A file is closed when it has so many bytes.
        max_bytes: u64,
        /// A file is closed when it is so old.
        max_age_seconds: u32,
        /// Closed files that are kept; 0 keeps all.
        keep_files: u32,
    },
}

impl LogStreamTarget {
    /// Its type on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SplunkHec { .. } => "SPLUNK_HEC",
            Self::Syslog { .. } => "SYSLOG",
            Self::Nats { .. } => "NATS",
            Self::File { .. } => "FILE",
        }
    }

    /// Where it is, for people; it holds no secret.
    pub fn place(&self) -> String {
        match self {
            Self::SplunkHec { url, .. } | Self::Nats { url, .. } => url.clone(),
            Self::Syslog { host, port, .. } => format!("{host}:{port}"),
            Self::File { .. } => "files on the server".to_owned(),
        }
    }
}

/// How far a stream has come. It is written by whoever works on the stream, and apart from it, because it
/// changes all the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStreamProgress {
    /// The stream's id.
    pub id: LogStreamId,
    /// Who works on it; nobody else may while this holds.
    #[serde(default)]
    pub lease: Option<LogStreamLease>,
    /// Everything up to this place of the log has been taken there.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Events that were taken.
    #[serde(default)]
    pub delivered: u64,
    /// When the last of them was published.
    #[serde(default)]
    pub reached: Option<Timestamp>,
    /// What went wrong last, for people; nothing when all is well.
    #[serde(default)]
    pub last_error: Option<String>,
    /// Since when nothing goes.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// Whether the System Log says that nothing goes.
    #[serde(default)]
    pub is_noted: bool,
    /// When this was written.
    pub last_updated: Timestamp,
}

impl LogStreamProgress {
    /// Nothing has been sent yet.
    pub const fn new(id: LogStreamId, now: Timestamp) -> Self {
        Self {
            id,
            lease: None,
            cursor: None,
            delivered: 0,
            reached: None,
            last_error: None,
            failing_since: None,
            is_noted: false,
            last_updated: now,
        }
    }
}

impl Keyed for LogStreamProgress {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            ..Keys::default()
        }
    }
}

/// The right to work on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStreamLease {
    /// The process start that has it.
    pub epoch: u64,
    /// Until when.
    pub until: Timestamp,
}
