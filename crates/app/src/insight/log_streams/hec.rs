//! Splunk's HTTP Event Collector, and what speaks like it.
//!
//! Events go to `/services/collector/event`, several in a request, one request after the other. With
//! indexer acknowledgment they count when `/services/collector/ack` says so, which is when a crash of the collector
//! does not lose them; without it, when the collector has answered.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Number, Value, json};
use tokio::time::Instant;
use watchfire_egress::{Egress, Purpose, Request, Sent};
use watchfire_model::{object::LogStreamTarget, time::Timestamp};

use super::{limits::LogStreamLimits, record::Record, sink::SinkError};
use crate::{App, Clock};

/// The header that names a channel: acknowledgments are counted in one.
const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");
/// The pause before it is asked the first time whether indexers have written; it doubles up to the last.
const FIRST_ASK: Duration = Duration::from_millis(200);
const LAST_ASK: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 16 * 1024;
/// An event that is too long by itself is sent once more with so many bytes.
const SHORT: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct HecSink {
    egress: Egress,
    clock: Arc<dyn Clock>,
    limits: LogStreamLimits,
    base: String,
    headers: HeaderMap,
    /// Absent where nothing is acknowledged.
    channel: Option<String>,
    envelope: Value,
    only_trust: Option<Arc<str>>,
}

/// What a collector said to a request.
enum Taken {
    /// With the number under which it is acknowledged.
    Yes(Option<u64>),
    TooLong,
}

impl HecSink {
    pub(super) fn new(app: &App, target: &LogStreamTarget, secret: Option<&str>) -> Result<Self, SinkError> {
        let LogStreamTarget::SplunkHec {
            url,
            index,
            source,
            sourcetype,
            acknowledge,
            ca,
        } = target
        else {
            return Err(SinkError::Unusable("the target is no collector".to_owned()));
        };
        let mut envelope = json!({
            "host": host_of(&app.settings.org_url),
            "source": source,
            "sourcetype": sourcetype,
        });
        if let (Some(members), Some(index)) = (envelope.as_object_mut(), index) {
            members.insert("index".to_owned(), index.as_str().into());
        }
        let channel = acknowledge.then(|| channel(app));
        Ok(Self {
            egress: app.egress.clone(),
            clock: Arc::clone(&app.clock),
            limits: app.settings.log_streams.clone(),
            base: url.clone(),
            headers: headers(secret.unwrap_or_default(), channel.as_deref())?,
            channel,
            envelope,
            only_trust: ca.as_deref().map(Arc::from),
        })
    }

    pub(super) async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut acknowledged = Vec::new();
        // Parts that are still to be sent, the next one last.
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            if part.len() > 1 && self.length(part) > self.limits.body {
                parts.extend(halves(part));
                continue;
            }
            let text: String = part.iter().map(|record| self.event(record, &record.line())).collect();
            match self.send(text).await? {
                Taken::Yes(number) => acknowledged.extend(number),
                Taken::TooLong if part.len() > 1 => parts.extend(halves(part)),
                Taken::TooLong => acknowledged.extend(self.send_short(part).await?),
            }
        }
        match &self.channel {
            Some(channel) if !acknowledged.is_empty() => self.wait_for(channel, acknowledged).await,
            _ => Ok(()),
        }
    }

    fn length(&self, part: &[Record]) -> usize {
        part.iter().map(|record| self.event(record, &record.line()).len()).sum()
    }

    /// An event in its envelope. `line` is the event, printed already.
    fn event(&self, record: &Record, line: &str) -> String {
        let mut envelope = self.envelope.clone();
        if let Some(members) = envelope.as_object_mut() {
            members.insert("time".to_owned(), seconds(record.published));
            // Indexed, so that a search can leave out what came twice.
            let fields = json!({"uuid": record.uuid, "eventType": record.event_type.as_str()});
            members.insert("fields".to_owned(), fields);
        }
        let mut text = envelope.to_string();
        text.pop();
        format!("{text},\"event\":{line}}}\n")
    }

    async fn send_short(&self, part: &[Record]) -> Result<Option<u64>, SinkError> {
        let text = part
            .iter()
            .map(|record| self.event(record, &record.line_within(SHORT)))
            .collect();
        match self.send(text).await? {
            Taken::Yes(number) => Ok(number),
            Taken::TooLong => Err(SinkError::answered("the collector takes no event, however short", "")),
        }
    }

    async fn send(&self, text: String) -> Result<Taken, SinkError> {
        let sent = self.post("/services/collector/event", text).await?;
        let answer: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
        match sent.status {
            200 => {
                let number = answer.get("ackId").and_then(Value::as_u64);
                if self.channel.is_some() && number.is_none() {
                    return Err(SinkError::answered(
                        "the token does not acknowledge: switch acknowledgment off",
                        "",
                    ));
                }
                Ok(Taken::Yes(number))
            }
            413 => Ok(Taken::TooLong),
            _ => Err(self.refused(&sent, &answer)),
        }
    }

    /// Waits until indexers have written what was taken under `numbers`.
    async fn wait_for(&self, channel: &str, mut numbers: Vec<u64>) -> Result<(), SinkError> {
        let until = Instant::now() + self.limits.acknowledge;
        let mut pause = FIRST_ASK;
        loop {
            let path = format!("/services/collector/ack?channel={channel}");
            let sent = self.post(&path, json!({"acks": numbers}).to_string()).await?;
            let answer: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
            if sent.status != 200 {
                return Err(self.refused(&sent, &answer));
            }
            let is_written = |number: &u64| answer.pointer(&format!("/acks/{number}")) == Some(&Value::Bool(true));
            numbers.retain(|number| !is_written(number));
            if numbers.is_empty() {
                return Ok(());
            }
            if Instant::now() + pause > until {
                return Err(SinkError::TimedOut);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LAST_ASK);
        }
    }

    async fn post(&self, path: &str, body: String) -> Result<Sent, SinkError> {
        let mut request = Request::new(Method::POST, format!("{}{path}", self.base));
        request.headers = self.headers.clone();
        request.body = body.into();
        request.total = self.limits.call;
        request.max_bytes = MAX_ANSWER;
        request.only_trust.clone_from(&self.only_trust);
        self.egress.send(Purpose::Logs, request).await.map_err(SinkError::Fetch)
    }

    fn refused(&self, sent: &Sent, answer: &Value) -> SinkError {
        let said = answer.get("text").and_then(Value::as_str).unwrap_or_default();
        match SinkError::answered(&format!("the collector answered with status {}", sent.status), said) {
            SinkError::Answer { what, .. } => SinkError::Answer {
                what,
                retry_after: sent.retry_after(self.clock.now()),
            },
            other => other,
        }
    }
}

/// The second half below the first: the last one is next.
fn halves(part: &[Record]) -> [&[Record]; 2] {
    let (first, second) = part.split_at(part.len() / 2);
    [second, first]
}

fn headers(token: &str, channel: Option<&str>) -> Result<HeaderMap, SinkError> {
    let unusable = |_| SinkError::Unusable("the token cannot be sent in a header".to_owned());
    let mut authorization = HeaderValue::from_str(&format!("Splunk {token}")).map_err(unusable)?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, authorization);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(channel) = channel {
        headers.insert(CHANNEL, HeaderValue::from_str(channel).map_err(unusable)?);
    }
    Ok(headers)
}

/// A channel of our own, in the form of a UUID.
fn channel(app: &App) -> String {
    let mut bytes = [0; 16];
    app.entropy.fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range| hex.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}

/// Seconds since 1970 with three decimals.
fn seconds(at: Timestamp) -> Value {
    let millis = at.as_micros().div_euclid(1_000);
    let text = format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
    let number: Option<Number> = serde_json::from_str(&text).ok();
    number.map_or_else(|| text.into(), Value::Number)
}

pub(super) fn host_of(org_url: &str) -> String {
    let url = url::Url::parse(org_url).ok();
    let host = url.as_ref().and_then(url::Url::host_str);
    host.unwrap_or("watchfire").to_owned()
}
