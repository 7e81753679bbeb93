//! An incoming stream on the wire. No secret is in it.

use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::App;
use watchfire_model::{
    object::{StreamAuthorization, StreamDelivery, StreamIn},
    time::Timestamp,
};

/// A stream that we receive.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamObject {
    /// `sin…`
    id: String,
    /// The security events provider that it feeds.
    provider_id: String,
    /// That provider's issuer.
    issuer: String,
    /// The transmitter's `stream_id`; null until the stream is there.
    stream_id: Option<String>,
    /// `enabled`, `paused` or `disabled`, as last told.
    status: &'static str,
    /// Why, in the transmitter's words.
    status_reason: Option<String>,
    /// How SETs come.
    delivery: DeliveryObject,
    /// How we authenticate at the transmitter; without the secret.
    authorization: AuthorizationObject,
    /// `aud` that its SETs must have one of.
    audience: Vec<String>,
    /// Event types that we ask for.
    events_requested: Vec<String>,
    /// Event types that the transmitter says it sends.
    events_delivered: Vec<String>,
    /// For people.
    description: Option<String>,
    /// Seconds between two verifications, as the transmitter asks.
    min_verification_interval: Option<u64>,
    /// Seconds without a call of ours after which the transmitter may pause it.
    inactivity_timeout: Option<u64>,
    /// When a verification event last came.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// SETs that the transmitter has not been told of yet.
    unsent_acknowledgements: usize,
    /// What went wrong last; null when all is well.
    last_error: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// How SETs come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryObject {
    /// `push` or `poll`
    method: &'static str,
    /// Ours for push, the transmitter's for poll.
    endpoint_url: Option<String>,
    /// Whether polls wait for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_poll: Option<bool>,
}

/// How we authenticate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorizationObject {
    /// `bearer`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`
    #[serde(rename = "type")]
    kind: &'static str,
    /// The token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<String>,
    /// Our client id there.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// What is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl StreamObject {
    pub(super) fn new(stream: &StreamIn, app: &App) -> Self {
        let unsent = stream.unsent.ack.len().saturating_add(stream.unsent.errors.len());
        Self {
            id: stream.id.to_string(),
            provider_id: stream.provider_id.to_string(),
            issuer: stream.issuer.clone(),
            stream_id: stream.remote_id.clone(),
            status: stream.status.as_str(),
            status_reason: stream.status_reason.clone(),
            delivery: delivery(stream, app),
            authorization: authorization(&stream.authorization),
            audience: stream.audience.clone(),
            events_requested: stream.events_requested.clone(),
            events_delivered: stream.events_delivered.clone(),
            description: stream.description.clone(),
            min_verification_interval: stream.min_verification_interval,
            inactivity_timeout: stream.inactivity_timeout,
            verified_at: stream.verified_at,
            unsent_acknowledgements: unsent,
            last_error: stream.last_error.clone(),
            created: stream.created,
            last_updated: stream.last_updated,
        }
    }
}

fn delivery(stream: &StreamIn, app: &App) -> DeliveryObject {
    match &stream.delivery {
        StreamDelivery::Push { .. } => DeliveryObject {
            method: "push",
            endpoint_url: app.push_url(stream),
            long_poll: None,
        },
        StreamDelivery::Poll { endpoint_url, long } => DeliveryObject {
            method: "poll",
            endpoint_url: endpoint_url.clone(),
            long_poll: Some(*long),
        },
    }
}

fn authorization(authorization: &StreamAuthorization) -> AuthorizationObject {
    let (kind, token_url, client_id, scope) = match authorization {
        StreamAuthorization::Bearer { .. } => ("bearer", None, None, None),
        StreamAuthorization::ClientSecret {
            token_url,
            client_id,
            scope,
            in_body,
            ..
        } => {
            let kind = if *in_body {
                "client_secret_post"
            } else {
                "client_secret_basic"
            };
            (kind, Some(token_url), Some(client_id), Some(scope))
        }
        StreamAuthorization::PrivateKeyJwt {
            token_url,
            client_id,
            scope,
            ..
        } => ("private_key_jwt", Some(token_url), Some(client_id), Some(scope)),
    };
    AuthorizationObject {
        kind,
        token_url: token_url.cloned(),
        client_id: client_id.cloned(),
        scope: scope.cloned(),
    }
}
