//! What is sent to a transmitter's stream API: only members that a receiver supplies (STRM-18).

use serde_json::{Map, Value, json};
use watchfire_model::object::StreamStatus;

use super::{DeliveryMethod, DeliveryNames};

/// What a stream is to be.
#[derive(Clone, Copy, Debug)]
pub struct StreamRequest<'a> {
    /// `events_requested`: always sent (AMB-35).
    pub events_requested: &'a [String],
    /// `delivery`: always sent.
    pub delivery: DeliveryRequest<'a>,
    /// `description`
    pub description: Option<&'a str>,
    /// `format`: an extension that some demand (AMB-07).
    pub format: Option<&'a str>,
}

/// How SETs shall come.
#[derive(Clone, Copy)]
pub enum DeliveryRequest<'a> {
    /// To an address of ours.
    Push {
        /// The address.
        endpoint_url: &'a str,
        /// The value of `Authorization` that it wants (PUSH-02).
        authorization_header: &'a str,
    },
    /// From an address of the transmitter's.
    Poll,
}

impl std::fmt::Debug for DeliveryRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Push { .. } => "Push { .. }",
            Self::Poll => "Poll",
        })
    }
}

impl StreamRequest<'_> {
    /// The body that makes the stream.
    pub fn create(&self, names: DeliveryNames) -> Value {
        let mut body = self.members(names);
        if let Some(format) = self.format {
            body.insert("format".into(), format.into());
        }
        Value::Object(body)
    }

    /// The body that changes or replaces it.
    pub fn update(&self, stream_id: &str, names: DeliveryNames) -> Value {
        let mut body = self.members(names);
        body.insert("stream_id".into(), stream_id.into());
        Value::Object(body)
    }

    fn members(&self, names: DeliveryNames) -> Map<String, Value> {
        let delivery = match self.delivery {
            DeliveryRequest::Push {
                endpoint_url,
                authorization_header,
            } => json!({
                "method": DeliveryMethod::Push.uri(names),
                "endpoint_url": endpoint_url,
                "authorization_header": authorization_header,
            }),
            DeliveryRequest::Poll => json!({"method": DeliveryMethod::Poll.uri(names)}),
        };
        let mut body = Map::new();
        body.insert("events_requested".into(), self.events_requested.into());
        body.insert("delivery".into(), delivery);
        if let Some(description) = self.description {
            body.insert("description".into(), description.into());
        }
        body
    }
}

/// The body that asks for a verification event (ssf.md 5.3).
pub fn verification(stream_id: &str, state: &str) -> Value {
    json!({"stream_id": stream_id, "state": state})
}

/// The body that changes the status of a stream.
pub fn status(stream_id: &str, status: StreamStatus, reason: Option<&str>) -> Value {
    let mut body = json!({"stream_id": stream_id, "status": status.as_str()});
    if let (Some(members), Some(reason)) = (body.as_object_mut(), reason) {
        members.insert("reason".into(), reason.into());
    }
    body
}

/// The body that adds a subject to a stream.
pub fn add_subject(stream_id: &str, subject: &Value, verified: Option<bool>) -> Value {
    let mut body = remove_subject(stream_id, subject);
    if let (Some(members), Some(verified)) = (body.as_object_mut(), verified) {
        members.insert("verified".into(), verified.into());
    }
    body
}

/// The body that takes a subject out of a stream.
pub fn remove_subject(stream_id: &str, subject: &Value) -> Value {
    json!({"stream_id": stream_id, "subject": subject})
}
