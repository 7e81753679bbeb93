//! What a decision writes (architecture section 6).
//!
//! A decision is an outcome, not a request: new values, the receipt, log events, dedupe keys. Writing
//! it twice gives the same rows; nothing in it needs a clock, a policy or the engine again.

use std::sync::Arc;

use crate::{
    id::{ReceiptId, RiskProviderId},
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

/// A risk call that was accepted: the body once, as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// Who sent it.
    pub provider: RiskProviderId,
    /// The body as it was received: JSON, UTF-8.
    pub body: Arc<str>,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When the last of its signals expires.
    pub expires_at: Timestamp,
    /// What the body says. Derived from it and `received_at`, so it is not stored.
    pub signals: Arc<[IpSignal]>,
}
