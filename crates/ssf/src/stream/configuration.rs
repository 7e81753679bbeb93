//! The stream configuration object (ssf.md 5.2) and the status object, as transmitters really send them.

use serde_json::{Map, Value};
use watchfire_model::object::StreamStatus;

use super::{DeliveryMethod, DeliveryNames, StreamError};

/// A stream as the transmitter tells it. What is null or of a wrong type is absent (AMB-35, AMB-45).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamConfiguration {
    /// `stream_id`
    pub stream_id: String,
    /// `iss`
    pub issuer: Option<String>,
    /// `aud`: one text or several.
    pub audience: Vec<String>,
    /// `events_supported`
    pub events_supported: Vec<String>,
    /// `events_requested`
    pub events_requested: Vec<String>,
    /// `events_delivered`; absent where the transmitter does not say.
    pub events_delivered: Option<Vec<String>>,
    /// `delivery`
    pub delivery: Option<RemoteDelivery>,
    /// `min_verification_interval` in seconds.
    pub min_verification_interval: Option<u64>,
    /// `inactivity_timeout` in seconds.
    pub inactivity_timeout: Option<u64>,
    /// `description`
    pub description: Option<String>,
    /// `status`, which some put beside the rest.
    pub status: Option<StreamStatus>,
}

/// `delivery` of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteDelivery {
    /// What `method` means, and in which words; `None` for a method that is not known.
    pub method: Option<(DeliveryMethod, DeliveryNames)>,
    /// `endpoint_url`: ours for push, the transmitter's for poll.
    pub endpoint_url: Option<String>,
}

impl StreamConfiguration {
    /// Reads one stream; a list of one is one (AMB-36).
    ///
    /// # Errors
    /// [`StreamError::NoStreamId`].
    pub fn parse(value: &Value) -> Result<Self, StreamError> {
        let object = match value {
            Value::Array(items) if items.len() == 1 => items.first().and_then(Value::as_object),
            other => other.as_object(),
        };
        object.and_then(Self::read).ok_or(StreamError::NoStreamId)
    }

    /// Reads a list; a single object is a list of one, null is empty, and what is no stream is left out
    /// (AMB-36).
    pub fn parse_list(value: &Value) -> Vec<Self> {
        match value {
            Value::Array(items) => items.iter().filter_map(Value::as_object).filter_map(Self::read).collect(),
            Value::Object(object) => Self::read(object).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn read(object: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        let seconds = |name: &str| object.get(name).and_then(seconds);
        Some(Self {
            stream_id: text("stream_id").filter(|id| !id.is_empty())?,
            issuer: text("iss"),
            audience: object.get("aud").map(texts).unwrap_or_default(),
            events_supported: object.get("events_supported").map(texts).unwrap_or_default(),
            events_requested: object.get("events_requested").map(texts).unwrap_or_default(),
            events_delivered: object.get("events_delivered").filter(|it| it.is_array()).map(texts),
            delivery: object.get("delivery").and_then(Value::as_object).map(RemoteDelivery::read),
            min_verification_interval: seconds("min_verification_interval"),
            inactivity_timeout: seconds("inactivity_timeout").filter(|seconds| *seconds > 0),
            description: text("description"),
            status: text("status").and_then(|word| StreamStatus::parse(&word)),
        })
    }

    /// Whether SETs of this stream are pushed to `endpoint_url`.
    pub fn is_pushed_to(&self, endpoint_url: &str) -> bool {
        let delivery = self.delivery.as_ref();
        delivery.and_then(|delivery| delivery.endpoint_url.as_deref()) == Some(endpoint_url)
    }

    /// Whether its `iss` contradicts the issuer that it must have (STRM-17): a slash at the end does not
    /// (AMB-04), nor does an absent one.
    pub fn contradicts_issuer(&self, issuer: &str) -> bool {
        let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
        self.issuer.as_deref().is_some_and(|it| bare(it) != bare(issuer))
    }

    /// Event types that were asked for and are not delivered (STRM-17): worth a warning.
    pub fn missing_events<'a>(&self, requested: &'a [String]) -> Vec<&'a str> {
        let Some(delivered) = &self.events_delivered else {
            return Vec::new();
        };
        let missing = requested.iter().filter(|event| !delivered.contains(event));
        missing.map(String::as_str).collect()
    }
}

impl RemoteDelivery {
    fn read(object: &Map<String, Value>) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        // Okta and the drafts before it said delivery_method.
        let method = text("method").or_else(|| text("delivery_method"));
        Self {
            method: method.and_then(DeliveryMethod::parse),
            endpoint_url: text("endpoint_url").or_else(|| text("url")).map(str::to_owned),
        }
    }
}

/// The state of a stream (ssf.md 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusObject {
    /// `status`
    pub status: StreamStatus,
    /// `reason`
    pub reason: Option<String>,
}

impl StatusObject {
    /// Reads a status object.
    ///
    /// # Errors
    /// [`StreamError::NoStatus`].
    pub fn parse(value: &Value) -> Result<Self, StreamError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let status = text("status").and_then(|word| StreamStatus::parse(&word.to_ascii_lowercase()));
        Ok(Self {
            status: status.ok_or(StreamError::NoStatus)?,
            reason: text("reason").map(str::to_owned),
        })
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whole seconds, as a number or as digits.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
