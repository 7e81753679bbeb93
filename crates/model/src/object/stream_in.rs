//! Streams of ours at transmitters that have a stream API (ssf.md 4, 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Keyed, Keys};
use crate::{
    id::{SecurityEventsProviderId, StreamInId},
    time::Timestamp,
};

/// A stream that we receive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamIn {
    /// Its id here.
    pub id: StreamInId,
    /// The provider that it feeds; it goes with it.
    pub provider_id: SecurityEventsProviderId,
    /// A random text that nobody can guess: the last part of the address that SETs are pushed to
    /// (PUSH-06), and what its secrets are sealed to.
    pub key: String,
    /// The provider's `issuer`: it stays known when the provider goes.
    pub issuer: String,
    /// The transmitter's `stream_id`; absent until it has been made or adopted there (STRM-20).
    #[serde(default)]
    pub remote_id: Option<String>,
    /// The transmitter's metadata document as it was last fetched.
    pub metadata: Value,
    /// When that was.
    pub metadata_at: Timestamp,
    /// The `aud` that was pinned when it was made (AMB-40).
    #[serde(default)]
    pub audience: Vec<String>,
    /// How SETs come.
    pub delivery: StreamDelivery,
    /// How we authenticate at the transmitter.
    pub authorization: StreamAuthorization,
    /// Whether the transmitter knows delivery methods only by the names of the RISC drafts (AMB-06).
    #[serde(default)]
    pub risc_names: bool,
    /// Event types that we ask for.
    pub events_requested: Vec<String>,
    /// Event types that the transmitter says it sends.
    #[serde(default)]
    pub events_delivered: Vec<String>,
    /// Its state at the transmitter, as last told.
    pub status: StreamStatus,
    /// What the transmitter said of it.
    #[serde(default)]
    pub status_reason: Option<String>,
    /// Description for people.
    #[serde(default)]
    pub description: Option<String>,
    /// `format` that the transmitter wants to be asked for (AMB-07).
    #[serde(default)]
    pub subject_format: Option<String>,
    /// Seconds between two verification requests, as the transmitter asks.
    #[serde(default)]
    pub min_verification_interval: Option<u64>,
    /// Seconds without a call of ours after which the transmitter may pause it (STRM-60).
    #[serde(default)]
    pub inactivity_timeout: Option<u64>,
    /// Verification states that are out, each until it expires (EVT-05).
    #[serde(default)]
    pub verifications: Vec<PendingVerification>,
    /// When a verification event last came.
    #[serde(default)]
    pub verified_at: Option<Timestamp>,
    /// Acknowledgements that are durable here and not told yet (POLL-15).
    #[serde(default)]
    pub unsent: UnsentAcks,
    /// What went wrong last, for people.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When it was deleted here. It is kept until it is gone at the transmitter too.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub last_updated: Timestamp,
}

impl StreamIn {
    /// Where SETs are pushed to, below the org URL.
    pub fn push_path(&self) -> String {
        format!("{}{}/events", Self::PUSH_PREFIX, self.key)
    }

    /// What [`Self::push_path`] begins with.
    pub const PUSH_PREFIX: &'static str = "/ssf/v1/streams-in/";
}

impl Keyed for StreamIn {
    fn keys(&self) -> Keys {
        Keys {
            id: self.id.to_string(),
            parent: Some(self.provider_id.to_string()),
            ..Keys::default()
        }
    }
}

/// How SETs of a stream come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum StreamDelivery {
    /// The transmitter posts them to an address of ours that nobody can guess (PUSH-06).
    Push {
        /// SHA-256 of the value of `Authorization` that it must send, hexadecimal.
        credential_hash: String,
        /// That value, sealed: a stream that is replaced must be given it again (STRM-13).
        sealed_credential: String,
    },
    /// We fetch them (RFC 8936).
    Poll {
        /// The transmitter's endpoint; absent until it is known.
        #[serde(default)]
        endpoint_url: Option<String>,
        /// Whether a poll waits for an event (POLL-13).
        long: bool,
    },
}

/// How we authenticate at a transmitter (AUTH-09). Secrets are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamAuthorization {
    /// A token that the transmitter gave us.
    Bearer {
        /// Sealed.
        sealed_token: String,
    },
    /// OAuth 2.0 client credentials with a secret.
    ClientSecret {
        /// The token endpoint.
        token_url: String,
        /// Our client id there.
        client_id: String,
        /// Sealed.
        sealed_secret: String,
        /// Whether the secret goes into the body (`client_secret_post`) instead of a header.
        in_body: bool,
        /// What is asked for.
        scope: String,
    },
    /// OAuth 2.0 client credentials with a signed assertion.
    PrivateKeyJwt {
        /// The token endpoint.
        token_url: String,
        /// Our client id there.
        client_id: String,
        /// The sealed private JWK.
        sealed_key: String,
        /// What is asked for.
        scope: String,
    },
}

/// The state of a stream at its transmitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamStatus {
    /// Events flow.
    #[default]
    Enabled,
    /// Events are held.
    Paused,
    /// Events are lost.
    Disabled,
}

impl StreamStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "enabled" => Some(Self::Enabled),
            "paused" => Some(Self::Paused),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// A verification that has been asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingVerification {
    /// What the event must carry.
    pub state: String,
    /// After that it is late (EVT-05).
    pub expires_at: Timestamp,
}

/// What is to be told with the next poll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentAcks {
    /// `jti`s that were taken.
    #[serde(default)]
    pub ack: Vec<String>,
    /// `jti`s that were refused: `err` and `description`.
    #[serde(default)]
    pub errors: Vec<(String, String, String)>,
}
