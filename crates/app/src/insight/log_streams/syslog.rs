//! Syslog over TLS: messages of RFC 5424 in the frames of RFC 5425.
//!
//! Syslog has no answers. What was written counts when the connection has stood for a while afterwards: the other
//! side's system has acknowledged every byte by then, or the connection would have broken
//! ([`Egress::connect`](watchfire_egress::Egress::connect)), and a receiver that ends closes it. Whatever breaks
//! before that is sent again.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchfire_egress::{Connection, Egress, Purpose, TlsClient, TlsSettings};
use watchfire_model::{log::Severity, object::LogStreamTarget};

use super::{hec::host_of, limits::LogStreamLimits, record::Record, sink::SinkError};
use crate::App;

/// `APP-NAME`
const APP_NAME: &str = "watchfire";
/// The structured data. The number behind the name is the one that IANA keeps for examples: we have none of our own.
const SD_ID: &str = "watchfire@32473";
/// Characters of `HOSTNAME`.
const MAX_HOST_CHARS: usize = 255;

#[derive(Debug)]
pub(super) struct SyslogSink {
    egress: Egress,
    tls: TlsClient,
    limits: LogStreamLimits,
    host: String,
    port: u16,
    /// Of every message: `PRI` without the severity, `HOSTNAME`, bytes at the most.
    form: Form,
    open: Option<Open>,
}

#[derive(Clone, Debug)]
struct Form {
    facility: u8,
    hostname: String,
    most: usize,
}

#[derive(Debug)]
struct Open {
    writer: WriteHalf<Box<dyn Connection>>,
    /// Cancelled when the other side has closed the connection, or it broke.
    gone: CancellationToken,
    _reader: DropGuard,
}

impl SyslogSink {
    pub(super) fn new(app: &App, target: &LogStreamTarget, key: Option<&str>) -> Result<Self, SinkError> {
        let LogStreamTarget::Syslog {
            host,
            port,
            facility,
            max_message_bytes,
            ca,
            client_certificate,
        } = target
        else {
            return Err(SinkError::Unusable("the target is no syslog".to_owned()));
        };
        let settings = TlsSettings {
            only_trust: ca.as_deref(),
            identity: client_certificate.as_deref().zip(key),
        };
        Ok(Self {
            egress: app.egress.clone(),
            tls: TlsClient::new(settings).map_err(SinkError::Tls)?,
            limits: app.settings.log_streams.clone(),
            host: host.clone(),
            port: *port,
            form: Form {
                facility: *facility,
                hostname: printable(&host_of(&app.settings.org_url)),
                most: usize::try_from(*max_message_bytes).unwrap_or(usize::MAX),
            },
            open: None,
        })
    }

    /// Writes them. They are there for certain when the connection stands that long.
    pub(super) async fn deliver(&mut self, records: &[Record]) -> Result<Duration, SinkError> {
        // Nothing hangs on a connection that went while nothing was under way.
        if self.open.as_ref().is_none_or(|open| open.gone.is_cancelled()) {
            self.open = Some(self.connect().await?);
        }
        let Some(open) = &mut self.open else {
            return Err(SinkError::TimedOut);
        };
        let bytes: Vec<u8> = records.iter().flat_map(|record| frame(&self.form.message(record))).collect();
        let written = async {
            open.writer.write_all(&bytes).await?;
            open.writer.flush().await
        };
        let written = tokio::time::timeout(self.limits.call, written).await;
        written.map_err(|_| SinkError::TimedOut)?.map_err(SinkError::Broken)?;
        Ok(self.limits.settle)
    }

    /// Whether the connection still stands.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        match &self.open {
            Some(open) if !open.gone.is_cancelled() => Ok(()),
            _ => Err(SinkError::answered("the receiver has closed the connection", "")),
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.open = None;
    }

    async fn connect(&self) -> Result<Open, SinkError> {
        // Shorter than what is waited for certainty, so that a connection that is half open is found out in time.
        let unanswered = self.limits.settle.mul_f64(0.8);
        let connecting = self.egress.connect(Purpose::Logs, &self.host, self.port, unanswered);
        let stream = connecting.await.map_err(SinkError::Connect)?;
        let stream = self.tls.secure(&self.host, stream).await.map_err(SinkError::Connect)?;
        let (mut reader, writer) = tokio::io::split(stream);
        let (gone, dropped) = (CancellationToken::new(), CancellationToken::new());
        let (ended, done) = (gone.clone(), dropped.clone());
        tokio::spawn(async move {
            // A receiver has nothing to say (RFC 5425 section 4.3); it ends, or the connection does.
            let mut ignored = [0; 256];
            let silence = async { while matches!(reader.read(&mut ignored).await, Ok(1..)) {} };
            if done.run_until_cancelled(silence).await.is_some() {
                ended.cancel();
            }
        });
        Ok(Open {
            writer,
            gone,
            _reader: dropped.drop_guard(),
        })
    }
}

impl Form {
    /// RFC 5424 section 6. The content is JSON in ASCII: no byte of it can end a line, and it needs no mark of its
    /// encoding.
    fn message(&self, record: &Record) -> String {
        let priority = u16::from(self.facility) * 8 + severity(record.severity);
        let head = format!(
            "<{priority}>1 {} {} {APP_NAME} - - [{SD_ID} uuid=\"{}\" eventType=\"{}\"] ",
            record.published,
            self.hostname,
            record.uuid,
            record.event_type.as_str(),
        );
        let room = self.most.saturating_sub(head.len());
        head + &record.ascii_within(room)
    }
}

/// Octet counting (RFC 5425 section 4.3).
fn frame(message: &str) -> Vec<u8> {
    let mut frame = message.len().to_string().into_bytes();
    frame.push(b' ');
    frame.extend_from_slice(message.as_bytes());
    frame
}

/// RFC 5424 section 6.2.1.
const fn severity(severity: Severity) -> u16 {
    match severity {
        Severity::Error => 3,
        Severity::Warn => 4,
        Severity::Info => 6,
        Severity::Debug => 7,
    }
}

/// `PRINTUSASCII`
fn printable(host: &str) -> String {
    let host: String = host.chars().filter(char::is_ascii_graphic).take(MAX_HOST_CHARS).collect();
    if host.is_empty() { "-".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::{super::record::tests::record, *};

    #[test]
    fn a_message_has_the_form_of_rfc_5424_whatever_is_in_the_event() {
        let form = Form {
            facility: 13,
            hostname: printable("org.example"),
            most: 2_048,
        };
        let head = "<110>1 2027-01-15T08:00:00.000Z org.example watchfire - - [watchfire@32473 \
                    uuid=\"00000000-0000-8000-8000-000000000001\" eventType=\"user.session.start\"] ";
        for name in ["Jo", "a\n<13>1 forged", "\u{202e}\u{2028}", &"花".repeat(64 * 1024)] {
            let message = form.message(&record(name));
            assert!(message.starts_with(head), "{message}");
            assert!(message.len() <= 2_048 && message.is_ascii() && !message.contains('\n'));
            assert_eq!(frame(&message), format!("{} {message}", message.len()).into_bytes());
            let json = message.get(head.len()..).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(json).is_ok());
        }
        assert_eq!(severity(Severity::Error), 3);
        assert_eq!((printable("").as_str(), printable("a b\u{e9}")), ("-", "ab".to_owned()));
    }
}
