//! What a decision writes (architecture section 6).
//!
//! A decision is an outcome, not a request: new values, the receipt, log events, dedupe keys. Writing
//! it twice gives the same rows; nothing in it needs a clock, a policy or the engine again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    entity::Entity,
    id::{ReceiptId, RiskProviderId, SecurityEventsProviderId, StreamInId},
    log::LogEvent,
    object::{Kind, Object},
    signal::IpSignal,
    time::Timestamp,
};

/// The 128-bit hash under which something that may happen only once is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DedupeKey(pub [u8; 16]);

/// Everything that one command changes, in the order in which it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The rows.
    pub rows: Vec<Row>,
}

impl Decision {
    /// A decision that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes or replaces `object`.
    pub fn put(&mut self, object: impl Into<Object>) {
        self.rows.push(Row::Put(object.into()));
    }

    /// Removes the object of `kind` with `id`.
    pub fn delete(&mut self, kind: Kind, id: impl Into<String>) {
        self.rows.push(Row::Delete { kind, id: id.into() });
    }

    /// Adds `event` to the System Log.
    pub fn log(&mut self, event: LogEvent) {
        self.rows.push(Row::Log(Box::new(event)));
    }

    /// Remembers `key` until `expires_at`.
    pub fn remember(&mut self, key: DedupeKey, expires_at: Timestamp) {
        self.rows.push(Row::Dedupe { key, expires_at });
    }
}

/// One row of a decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A new or changed object.
    Put(Object),
    /// A removed object.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// A key that may not come a second time before it expires. The slice has shown that it is new.
    Dedupe {
        /// The hash.
        key: DedupeKey,
        /// From then on it may be forgotten.
        expires_at: Timestamp,
    },
    /// What was received, once.
    Receipt(Receipt),
    /// An event of the System Log.
    Log(Box<LogEvent>),
}

/// Something that a provider sent and that was accepted: the body once, as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// Who sent what.
    pub content: Received,
    /// The body as it was received: JSON, or a compact JWS; UTF-8.
    pub body: Arc<str>,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When the last of its signals expires; for a SET, when it was accepted.
    pub expires_at: Timestamp,
}

/// Who sent what.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// Risk events about addresses.
    RiskEvents {
        /// Who.
        provider: RiskProviderId,
        /// What the body says. Derived from it and `received_at`, so it is not stored.
        signals: Arc<[IpSignal]>,
    },
    /// A Security Event Token.
    SecurityEvents {
        /// Who.
        provider: SecurityEventsProviderId,
        /// What became of it.
        note: Box<SetNote>,
    },
}

impl Received {
    /// The stored name of what it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RiskEvents { .. } => Self::RISK_EVENTS,
            Self::SecurityEvents { .. } => Self::SECURITY_EVENTS,
        }
    }

    /// [`Self::kind`] of risk events.
    pub const RISK_EVENTS: &'static str = "risk_events";
    /// [`Self::kind`] of a SET.
    pub const SECURITY_EVENTS: &'static str = "security_events";

    /// The id of who sent it.
    pub fn provider(&self) -> &str {
        match self {
            Self::RiskEvents { provider, .. } => provider.as_str(),
            Self::SecurityEvents { provider, .. } => provider.as_str(),
        }
    }
}

/// What a SET said of itself and what became of it; kept beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetNote {
    /// `iss`
    pub issuer: String,
    /// `jti`
    pub jti: String,
    /// `txn`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<String>,
    /// The stream that it came by; `None` for the common endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamInId>,
    /// SHA-256 of the claims as they were signed, hexadecimal: other content under this `jti` is told
    /// apart, and a token that was signed anew is not (SET-23).
    pub digest: String,
    /// Each way in which the token was not as SSF 1.0 has it, and was taken all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalisations: Vec<String>,
    /// Its events.
    pub events: Vec<EventNote>,
}

/// What became of one event of a SET.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventNote {
    /// The event type's URI as it was sent.
    pub uri: String,
    /// What was done with it.
    pub handling: Handling,
    /// What it was found to be about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
}

/// What was done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// It took effect.
    Handled,
    /// Its type is not known (SET-36).
    Unhandled,
    /// Its subject is nobody here (SET-37, AMB-26).
    Unbound,
    /// It needs a subject member that is not understood (SET-29).
    DiscardedCritical,
    /// The provider may not speak about this (architecture section 8).
    NotPermitted,
    /// The subject has opted out at this provider (EVT-20).
    OptedOut,
    /// A newer event of its kind had come before (ssf.md annex B).
    Superseded,
}

impl Handling {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Handled,
        Self::Unhandled,
        Self::Unbound,
        Self::DiscardedCritical,
        Self::NotPermitted,
        Self::OptedOut,
        Self::Superseded,
    ];

    /// The word, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Unhandled => "unhandled",
            Self::Unbound => "unbound",
            Self::DiscardedCritical => "discarded_critical",
            Self::NotPermitted => "not_permitted",
            Self::OptedOut => "opted_out",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|handling| handling.as_str() == text)
    }
}
