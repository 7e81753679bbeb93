//! System Log events (okta.md 8.4 to 8.6): what is kept of them, and the form that clients see.
//!
//! An event keeps what was true when it happened, names included: rendering never looks at today's
//! objects. The one thing that it does not keep is a provider's list of signals, which is in the
//! body that was received and stored once: [`LogEvent::render`] takes it from there.

mod context;
mod event_type;
mod fields;
mod keywords;
mod query;
mod wire;

#[cfg(test)]
mod tests;

pub use self::{
    context::{
        Actor, AuthenticationContext, BehaviorResult, ClientContext, GeographicalContext, Geolocation, IpHop, Issuer, Outcome,
        OutcomeResult, RequestOrigin, RiskContext, SecurityContext, Target, Transaction, TransactionType, UserAgent,
        UserBehavior,
    },
    event_type::{EventType, Severity},
    fields::SYSTEM_LOG,
    keywords::{Keywords, KeywordsError, MAX_KEYWORD_CHARS, MAX_KEYWORDS},
    query::{DEFAULT_LIMIT, LogQuery, LogQueryError, LogQueryParams, MAX_LIMIT, Mode, RETENTION, SortOrder},
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApiTokenId, ReceiptId},
    time::Timestamp,
};

/// One event of the System Log. The serde form is the stored form; the wire form is [`Self::to_wire`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEvent {
    /// Its identity; empty until [`Self::stamp`].
    pub uuid: String,
    /// When it was made; the epoch until [`Self::stamp`]. Stored as microseconds.
    #[serde(with = "micros")]
    pub published: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// How loud it is.
    pub severity: Severity,
    /// Who did it.
    pub actor: Actor,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientContext>,
    /// How the actor had signed in.
    #[serde(default, skip_serializing_if = "AuthenticationContext::is_empty")]
    pub authentication_context: AuthenticationContext,
    /// How it ended.
    pub outcome: Outcome,
    /// To whom or what; no target is `null` on the wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<Target>,
    /// What it was part of.
    pub transaction: Transaction,
    /// Free details under lower camelCase keys (okta.md 8.6).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub debug_data: BTreeMap<String, String>,
    /// What was known of the address, and the risk that was found.
    #[serde(default, skip_serializing_if = "SecurityContext::is_empty")]
    pub security_context: SecurityContext,
    /// The addresses of the request: client, first proxy, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_chain: Vec<IpHop>,
    /// What was received, when that made this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptId>,
}

impl LogEvent {
    /// An event of this type with its default severity and the outcome `SUCCESS`.
    pub fn new(event_type: EventType, actor: Actor) -> Self {
        Self {
            uuid: String::new(),
            published: Timestamp::default(),
            event_type,
            severity: event_type.default_severity(),
            actor,
            client: None,
            authentication_context: AuthenticationContext::default(),
            outcome: Outcome::success(),
            target: Vec::new(),
            transaction: Transaction::default(),
            debug_data: BTreeMap::new(),
            security_context: SecurityContext::default(),
            ip_chain: Vec::new(),
            receipt: None,
        }
    }

    /// Gives it its identity and its time; whoever decides does this once, at the end.
    pub fn stamp(&mut self, uuid: String, published: Timestamp) {
        self.uuid = uuid;
        self.published = published;
    }

    /// Takes over all that a request says about itself: client, chain, network, transaction, `requestId`,
    /// `requestUri` and `url`.
    #[must_use]
    pub fn from_request(mut self, origin: &RequestOrigin) -> Self {
        self.client = Some(origin.client.clone());
        self.ip_chain.clone_from(&origin.ip_chain);
        self.security_context = SecurityContext {
            risk: self.security_context.risk.take(),
            user_behaviors: std::mem::take(&mut self.security_context.user_behaviors),
            ..origin.network.clone()
        };
        self.transaction = Transaction {
            kind: TransactionType::Web,
            id: origin.request_id.clone(),
            request_api_token_id: origin.api_token_id.clone(),
        };
        let shared = [
            ("requestId", &origin.request_id),
            ("requestUri", &origin.request_uri),
            ("url", &origin.url),
        ];
        self.debug_data
            .extend(shared.map(|(key, value)| (key.to_owned(), value.clone())));
        self
    }

    /// Sets another severity than the type's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets where it came from.
    #[must_use]
    pub fn client(mut self, client: ClientContext) -> Self {
        self.client = Some(client);
        self
    }

    /// Sets how the actor had signed in.
    #[must_use]
    pub fn authentication(mut self, context: AuthenticationContext) -> Self {
        self.authentication_context = context;
        self
    }

    /// Sets how it ended.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Adds a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target.push(target);
        self
    }

    /// Sets what it was part of.
    #[must_use]
    pub fn transaction(mut self, transaction: Transaction) -> Self {
        self.transaction = transaction;
        self
    }

    /// Sets the API token that the request used.
    #[must_use]
    pub fn api_token(mut self, token: ApiTokenId) -> Self {
        self.transaction.request_api_token_id = Some(token);
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn debug(mut self, key: &str, value: impl Into<String>) -> Self {
        self.debug_data.insert(key.to_owned(), value.into());
        self
    }

    /// Sets the risk that was found.
    #[must_use]
    pub fn risk(mut self, risk: RiskContext) -> Self {
        self.security_context.risk = Some(risk);
        self
    }

    /// Sets how the sign-in compares with the user's history.
    #[must_use]
    pub fn behaviors(mut self, behaviors: Vec<UserBehavior>) -> Self {
        self.security_context.user_behaviors = behaviors;
        self
    }

    /// Points to what was received.
    #[must_use]
    pub fn receipt(mut self, receipt: ReceiptId) -> Self {
        self.receipt = Some(receipt);
        self
    }

    /// The event type's old name, where the contract knows one; it may depend on the outcome.
    pub fn legacy_event_type(&self) -> Option<&'static str> {
        self.event_type.legacy(self.outcome.result)
    }
}

mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde fixes the signature")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}
