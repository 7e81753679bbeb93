//! NATS JetStream: each event is published on a subject of its type with its `uuid` as `Nats-Msg-Id`, and counts when
//! the server has answered that a stream has it.
//!
//! The protocol is spoken here, and not by a client library: such a client follows the addresses that servers tell
//! of each other, past the policy for outbound connections.

mod protocol;

use std::{collections::HashMap, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, time::Instant};
use url::Url;
use watchfire_egress::{Connection, Egress, Purpose, TlsClient, TlsSettings};
use watchfire_model::object::LogStreamTarget;

use self::protocol::{Message, Reader, ServerInfo};
use super::{limits::LogStreamLimits, record::Record, sink::SinkError};
use crate::{App, entropy::base62};

/// The port of servers whose URL has none.
pub(super) const DEFAULT_PORT: u16 = 4_222;
/// A connection on which nothing went for so long is closed: the server would ask whether we are still there.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes of a message that every server takes.
const SMALL: usize = 4 * 1024;
/// Bytes of an event at the most, whatever the server takes.
const LARGE: usize = 1024 * 1024;
/// The subscription of answers.
const SID: &str = "1";

#[derive(Debug)]
pub(super) struct NatsSink {
    egress: Egress,
    /// Absent where the URL says that there is none, which a laptop may.
    tls: Option<TlsClient>,
    limits: LogStreamLimits,
    host: String,
    port: u16,
    subject: String,
    user: Option<String>,
    secret: Option<SecretString>,
    inbox: String,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    reader: Reader,
    writer: tokio::io::WriteHalf<Box<dyn Connection>>,
    max_payload: usize,
    last: Instant,
}

impl NatsSink {
    pub(super) fn new(app: &App, target: &LogStreamTarget, secret: Option<&str>) -> Result<Self, SinkError> {
        let LogStreamTarget::Nats { url, subject, user, ca } = target else {
            return Err(SinkError::Unusable("the target is no NATS server".to_owned()));
        };
        let url = Url::parse(url).map_err(|_| SinkError::Unusable("the URL is none".to_owned()))?;
        let settings = TlsSettings {
            only_trust: ca.as_deref(),
            identity: None,
        };
        let is_open = url.scheme() == "nats";
        Ok(Self {
            egress: app.egress.clone(),
            tls: (!is_open)
                .then(|| TlsClient::new(settings))
                .transpose()
                .map_err(SinkError::Tls)?,
            limits: app.settings.log_streams.clone(),
            host: bare_host(&url),
            port: url.port().unwrap_or(DEFAULT_PORT),
            subject: subject.clone(),
            user: user.clone(),
            secret: secret.map(SecretString::from),
            inbox: format!("_INBOX.{}", base62(&*app.entropy, 22)),
            open: None,
        })
    }

    pub(super) async fn deliver(&mut self, records: &[Record]) -> Result<(), SinkError> {
        if self.open.is_none() {
            let connecting = tokio::time::timeout(self.limits.call, self.connect()).await;
            self.open = Some(connecting.map_err(|_| SinkError::TimedOut)??);
        }
        // What is under way at one time has subjects that differ, so that a failure between two of them cannot
        // change the order of those that have the same.
        let mut rest = records;
        while !rest.is_empty() {
            let (wave, later) = rest.split_at(distinct(rest));
            let published = tokio::time::timeout(self.limits.call, self.publish(wave)).await;
            published.map_err(|_| SinkError::TimedOut)??;
            rest = later;
        }
        Ok(())
    }

    pub(super) fn rest(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.last.elapsed() >= IDLE) {
            self.open = None;
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.open = None;
    }

    async fn connect(&self) -> Result<Open, SinkError> {
        let connecting = self.egress.connect(Purpose::Logs, &self.host, self.port, self.limits.call);
        let mut stream = connecting.await.map_err(SinkError::Connect)?;
        // The server speaks first, and before TLS.
        let info = protocol::greeting(&mut stream).await?;
        let stream: Box<dyn Connection> = match &self.tls {
            Some(tls) => tls.secure(&self.host, stream).await.map_err(SinkError::Connect)?,
            None => Box::new(stream),
        };
        let (reader, mut writer) = tokio::io::split(stream);
        let mut reader = Reader::new(reader);
        let hello = format!("CONNECT {}\r\nPING\r\n", self.hello(&info));
        send(&mut writer, hello.as_bytes()).await?;
        loop {
            match reader.next().await? {
                Message::Pong => break,
                Message::Error(said) => return Err(SinkError::answered("the server refuses", &said)),
                _ => {}
            }
        }
        send(&mut writer, format!("SUB {}.* {SID}\r\n", self.inbox).as_bytes()).await?;
        Ok(Open {
            reader,
            writer,
            max_payload: info.max_payload.clamp(SMALL, LARGE),
            last: Instant::now(),
        })
    }

    fn hello(&self, info: &ServerInfo) -> Value {
        let mut hello = json!({
            "verbose": false,
            "pedantic": false,
            "tls_required": self.tls.is_some(),
            "name": "watchfire",
            "lang": "rust",
            "version": env!("CARGO_PKG_VERSION"),
            "protocol": 1,
            "echo": false,
            "headers": true,
            "no_responders": info.headers,
        });
        let secret = self.secret.as_ref().map(|secret| secret.expose_secret());
        if let (Some(members), Some(secret)) = (hello.as_object_mut(), secret) {
            match &self.user {
                Some(user) => {
                    members.insert("user".to_owned(), user.as_str().into());
                    members.insert("pass".to_owned(), secret.into());
                }
                None => drop(members.insert("auth_token".to_owned(), secret.into())),
            }
        }
        hello
    }

    /// Publishes events with subjects that differ, and waits until a stream has all of them.
    async fn publish(&mut self, wave: &[Record]) -> Result<(), SinkError> {
        let Some(open) = &mut self.open else {
            return Err(SinkError::TimedOut);
        };
        let mut bytes = Vec::new();
        let mut waiting = HashMap::new();
        for (number, record) in wave.iter().enumerate() {
            let reply = format!("{}.{number}", self.inbox);
            let subject = format!("{}.{}", self.subject, record.event_type.as_str());
            let header = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\n\r\n", record.uuid);
            let payload = record.line_within(open.max_payload.saturating_sub(header.len()));
            let total = header.len().saturating_add(payload.len());
            let line = format!("HPUB {subject} {reply} {} {total}\r\n{header}{payload}\r\n", header.len());
            bytes.extend_from_slice(line.as_bytes());
            waiting.insert(reply, subject);
        }
        send(&mut open.writer, &bytes).await?;
        while !waiting.is_empty() {
            match open.reader.next().await? {
                Message::Ping => send(&mut open.writer, b"PONG\r\n").await?,
                Message::Error(said) => return Err(SinkError::answered("the server refuses", &said)),
                Message::Delivered {
                    subject,
                    status,
                    payload,
                } => {
                    if let Some(published) = waiting.remove(&subject) {
                        taken(&published, status, &payload)?;
                    }
                }
                Message::Pong | Message::Other => {}
            }
        }
        open.last = Instant::now();
        Ok(())
    }
}

/// Whether the answer to a message on `subject` says that a stream has it.
fn taken(subject: &str, status: Option<u16>, payload: &[u8]) -> Result<(), SinkError> {
    if status == Some(503) {
        return Err(SinkError::answered(
            &format!("no JetStream stream takes the subject {subject}"),
            "",
        ));
    }
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    if let Some(said) = answer.pointer("/error/description").and_then(Value::as_str) {
        return Err(SinkError::answered("JetStream does not take the event", said));
    }
    if answer.get("stream").and_then(Value::as_str).is_none() {
        return Err(SinkError::answered(&format!("what answers on {subject} is no JetStream"), ""));
    }
    Ok(())
}

/// How many events from the first on have subjects that differ.
fn distinct(records: &[Record]) -> usize {
    let mut seen = Vec::new();
    for record in records {
        if seen.contains(&record.event_type) {
            break;
        }
        seen.push(record.event_type);
    }
    seen.len()
}

async fn send(writer: &mut tokio::io::WriteHalf<Box<dyn Connection>>, bytes: &[u8]) -> Result<(), SinkError> {
    let written = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    written.await.map_err(SinkError::Broken)
}

/// The host as a connection has it: IPv6 without brackets.
pub(super) fn bare_host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}
