//! A stream of the log as it is shown. No secret is.

use serde::Serialize;
use utoipa::ToSchema;
use watchfire_app::insight::log_streams::LogStreamStatus;
use watchfire_model::{
    object::{LogStream, LogStreamTarget, Status},
    time::Timestamp,
};

use crate::links::{Link, Links};

/// A stream of the System Log to somewhere else.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogStreamObject {
    /// Its id.
    id: String,
    /// Unique.
    name: String,
    /// `ACTIVE` or `INACTIVE`.
    #[schema(value_type = String)]
    status: Status,
    /// `OKTA` or `OCSF`
    format: &'static str,
    /// Which events, in the language of `GET /api/v1/logs`; all where null.
    filter: Option<String>,
    /// Where they go.
    target: LogStreamTargetObject,
    /// Whether a secret is kept for the target.
    has_secret: bool,
    /// Events of this time and later are sent; every one that is kept where null.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// How far it has come.
    progress: LogStreamProgressObject,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was changed.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
    /// Where it is.
    #[serde(rename = "_links")]
    links: LogStreamLinks,
}

/// Where events go. Which members there are depends on `type`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogStreamTargetObject {
    /// `SPLUNK_HEC`, `SYSLOG`, `NATS` or `FILE`
    r#type: &'static str,
    /// The collector (https), or the NATS server (tls).
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// `SPLUNK_HEC`: the index; the token's own where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    /// `SPLUNK_HEC`
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// `SPLUNK_HEC`
    #[serde(skip_serializing_if = "Option::is_none")]
    sourcetype: Option<String>,
    /// `SPLUNK_HEC`: whether to wait until indexers have written the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledge: Option<bool>,
    /// `SYSLOG`: a name or an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// `SYSLOG`
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// `SYSLOG`: 0 to 23.
    #[serde(skip_serializing_if = "Option::is_none")]
    facility: Option<u8>,
    /// `SYSLOG`: longer events lose the ends of their texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_message_bytes: Option<u32>,
    /// `SYSLOG`: our certificate chain, PEM; the secret is its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<String>,
    /// `NATS`: what subjects begin with; the event type follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// `NATS`: with it the secret is a password, without it a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Certificates that are trusted instead of the system's, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_certificate: Option<String>,
    /// `FILE`: a file is closed with so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
    /// `FILE`: a file is closed at this age.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age_seconds: Option<u32>,
    /// `FILE`: closed files that are kept; 0 keeps all.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_files: Option<u32>,
}

/// How far a stream has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogStreamProgressObject {
    /// The place in the log up to which everything was taken: an `after` of `GET /api/v1/logs`.
    cursor: Option<String>,
    /// Events that were taken.
    delivered: u64,
    /// When the last of them was published.
    #[schema(value_type = Option<String>, format = DateTime)]
    reached: Option<Timestamp>,
    /// Events of the log from the next one that is to be sent to the end.
    lag_events: u64,
    /// Age of that one.
    lag_seconds: u64,
    /// Since when nothing goes; null when all is well.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Why.
    last_error: Option<String>,
    /// When this was written down.
    #[schema(value_type = String, format = DateTime)]
    last_updated: Timestamp,
}

/// The links of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogStreamLinks {
    /// Itself.
    #[serde(rename = "self")]
    this: Link,
}

impl LogStreamObject {
    pub(crate) fn new(stream: &LogStream, status: &LogStreamStatus, links: &Links) -> Self {
        let own = links.to(&format!("/watchfire/v1/log-streams/{}", stream.id));
        Self {
            id: stream.id.to_string(),
            name: stream.name.clone(),
            status: stream.status,
            format: stream.format.as_str(),
            filter: stream.filter.clone(),
            target: LogStreamTargetObject::new(&stream.target),
            has_secret: stream.sealed_secret.is_some(),
            since: stream.since,
            progress: LogStreamProgressObject::new(status),
            created: stream.created,
            last_updated: stream.last_updated,
            links: LogStreamLinks {
                this: Link::new(own, &["GET", "PUT", "DELETE"]),
            },
        }
    }
}

impl LogStreamTargetObject {
    fn new(target: &LogStreamTarget) -> Self {
        let this = Self {
            r#type: target.kind(),
            ..Self::default()
        };
        match target.clone() {
            LogStreamTarget::SplunkHec {
                url,
                index,
                source,
                sourcetype,
                acknowledge,
                ca,
            } => Self {
                url: Some(url),
                index,
                source: Some(source),
                sourcetype: Some(sourcetype),
                acknowledge: Some(acknowledge),
                ca_certificate: ca,
                ..this
            },
            LogStreamTarget::Syslog {
                host,
                port,
                facility,
                max_message_bytes,
                ca,
                client_certificate,
            } => Self {
                host: Some(host),
                port: Some(port),
                facility: Some(facility),
                max_message_bytes: Some(max_message_bytes),
                ca_certificate: ca,
                client_certificate,
                ..this
            },
            LogStreamTarget::Nats { url, subject, user, ca } => Self {
                url: Some(url),
                subject: Some(subject),
                user,
                ca_certificate: ca,
                ..this
            },
            LogStreamTarget::File {
                max_bytes,
                max_age_seconds,
                keep_files,
            } => Self {
                max_bytes: Some(max_bytes),
                max_age_seconds: Some(max_age_seconds),
                keep_files: Some(keep_files),
                ..this
            },
        }
    }
}

impl LogStreamProgressObject {
    fn new(status: &LogStreamStatus) -> Self {
        let progress = status.progress.clone();
        Self {
            cursor: progress.cursor,
            delivered: progress.delivered,
            reached: progress.reached,
            lag_events: status.lag.events,
            lag_seconds: status.lag.age.as_secs(),
            failing_since: progress.failing_since,
            last_error: progress.last_error,
            last_updated: progress.last_updated,
        }
    }
}
