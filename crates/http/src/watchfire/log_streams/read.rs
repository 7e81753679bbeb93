//! What an administrator says of a stream of the log. The secret comes in here and never goes out.

use secrecy::SecretString;
use serde_json::Value;
use utoipa::ToSchema;
use watchfire_app::{
    Error,
    insight::log_streams::{LogStreamDraft, LogStreamStart},
};
use watchfire_model::object::{LogStreamFormat, LogStreamTarget};

use crate::okta::members::{Faults, Members};

/// Characters of a name.
const MAX_NAME: usize = 100;
/// Characters of a filter.
const MAX_FILTER: usize = 2_048;
/// Characters of a URL.
const MAX_URL: usize = 2_048;
/// Characters of certificates or of a key.
const MAX_PEM: usize = 64 * 1024;
/// Characters of everything else.
const MAX_TEXT: usize = 256;

/// A stream that is to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "only its schema is used; the body is read member by member for exact errors"
)]
pub(super) struct NewLogStream {
    /// Unique.
    #[schema(max_length = 100)]
    name: String,
    /// `OKTA` or `OCSF`; `OKTA` when absent.
    format: Option<String>,
    /// Which events, in the language of `GET /api/v1/logs`; all when absent.
    #[schema(max_length = 2048)]
    filter: Option<String>,
    /// Where they go.
    target: NewLogStreamTarget,
    /// A token, a password or a private key in PEM form, as the target has it. It is not shown again.
    secret: Option<String>,
    /// `NOW`, `OLDEST` or a time; `NOW` when absent.
    start_at: Option<String>,
}

/// A stream as it is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ChangedLogStream {
    /// Unique.
    #[schema(max_length = 100)]
    name: String,
    /// `OKTA` or `OCSF`; `OKTA` when absent.
    format: Option<String>,
    /// Which events; all when absent.
    #[schema(max_length = 2048)]
    filter: Option<String>,
    /// Where they go.
    target: NewLogStreamTarget,
    /// The secret stays when it is absent and the target is of the same type.
    secret: Option<String>,
}

/// Where events go. Which members there may be depends on `type`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct NewLogStreamTarget {
    /// `SPLUNK_HEC`, `SYSLOG`, `NATS` or `FILE`
    #[schema(rename = "type")]
    r#type: String,
    /// `SPLUNK_HEC`: `https://host:8088`; `NATS`: `tls://host:4222`
    url: Option<String>,
    /// `SPLUNK_HEC`: the index; the token's own when absent.
    index: Option<String>,
    /// `SPLUNK_HEC`: `watchfire` when absent.
    source: Option<String>,
    /// `SPLUNK_HEC`: `_json` when absent.
    sourcetype: Option<String>,
    /// `SPLUNK_HEC`: whether to wait until indexers have written the events; the token must have acknowledgment on.
    acknowledge: Option<bool>,
    /// `SYSLOG`: a name or an address.
    host: Option<String>,
    /// `SYSLOG`: 6514 when absent.
    port: Option<u16>,
    /// `SYSLOG`: 0 to 23; 13 (log audit) when absent.
    facility: Option<u8>,
    /// `SYSLOG`: 8192 when absent; longer events lose the ends of their texts.
    max_message_bytes: Option<u32>,
    /// `SYSLOG`: our certificate chain, PEM, where the receiver asks for one; the secret is its key.
    client_certificate: Option<String>,
    /// `NATS`: what subjects begin with; `watchfire.log` when absent.
    subject: Option<String>,
    /// `NATS`: with it the secret is a password, without it a token.
    user: Option<String>,
    /// `SPLUNK_HEC`, `SYSLOG`, `NATS`: certificates that are trusted instead of the system's, PEM.
    ca_certificate: Option<String>,
    /// `FILE`: a file is closed with so many bytes; 104857600 when absent.
    max_bytes: Option<u32>,
    /// `FILE`: a file is closed at this age; 3600 when absent.
    max_age_seconds: Option<u32>,
    /// `FILE`: closed files that are kept; 0, which keeps all, when absent.
    keep_files: Option<u32>,
}

const WRITABLE: [&str; 5] = ["name", "format", "filter", "target", "secret"];
/// Members that a change may send back as they were read.
const READ_ONLY: [&str; 8] = [
    "id",
    "status",
    "hasSecret",
    "since",
    "progress",
    "created",
    "lastUpdated",
    "_links",
];

/// Reads a stream that is to be made.
pub(super) fn new(body: &Value) -> Result<(LogStreamDraft, LogStreamStart), Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&[WRITABLE.as_slice(), &["startAt"]].concat(), &mut faults);
    let start = match members.value("startAt").and_then(Value::as_str) {
        Some("OLDEST") => LogStreamStart::Oldest,
        Some("NOW" | "") => LogStreamStart::Now,
        _ => members
            .instant("startAt", &mut faults)
            .map_or(LogStreamStart::Now, LogStreamStart::At),
    };
    let draft = draft(&members, &mut faults);
    finished(draft, faults).map(|draft| (draft, start))
}

/// Reads a stream as it is to be.
pub(super) fn change(body: &Value) -> Result<LogStreamDraft, Error> {
    let members = Members::of(body)?;
    let mut faults = Faults::default();
    members.known(&[WRITABLE.as_slice(), &READ_ONLY].concat(), &mut faults);
    let draft = draft(&members, &mut faults);
    finished(draft, faults)
}

/// Without a target there is a fault.
fn finished(draft: Option<LogStreamDraft>, faults: Faults) -> Result<LogStreamDraft, Error> {
    faults.or(draft)?.ok_or(Error::Malformed)
}

fn draft(members: &Members<'_>, faults: &mut Faults) -> Option<LogStreamDraft> {
    let formats = LogStreamFormat::ALL.map(|format| (format.as_str(), format));
    let name = members.required_text("name", MAX_NAME, faults);
    let format = members.choice("format", &formats, faults).unwrap_or_default();
    let filter = members
        .text("filter", MAX_FILTER, faults)
        .filter(|text| !text.trim().is_empty());
    let secret = members.text("secret", MAX_PEM, faults).filter(|text| !text.is_empty());
    members.require("target", faults);
    let target = target(&members.child("target", faults), faults)?;
    Some(LogStreamDraft {
        name,
        format,
        filter,
        target,
        secret: secret.map(SecretString::from),
    })
}

/// Reads the members of one type of target.
type ReadTarget = fn(&Members<'_>, &mut Faults) -> LogStreamTarget;

const TARGETS: [(&str, ReadTarget); 4] = [("SPLUNK_HEC", hec), ("SYSLOG", syslog), ("NATS", nats), ("FILE", file)];

fn target(members: &Members<'_>, faults: &mut Faults) -> Option<LogStreamTarget> {
    members.require("type", faults);
    let read = members.choice("type", &TARGETS, faults)?;
    Some(read(members, faults))
}

fn hec(members: &Members<'_>, faults: &mut Faults) -> LogStreamTarget {
    let known = ["type", "url", "index", "source", "sourcetype", "acknowledge", "caCertificate"];
    members.known(&known, faults);
    let url = members.required_text("url", MAX_URL, faults);
    LogStreamTarget::SplunkHec {
        url: collector(&url).to_owned(),
        index: text(members, "index", faults),
        source: text(members, "source", faults).unwrap_or_else(|| "watchfire".to_owned()),
        sourcetype: text(members, "sourcetype", faults).unwrap_or_else(|| "_json".to_owned()),
        acknowledge: members.boolean("acknowledge", faults).unwrap_or_default(),
        ca: pem(members, "caCertificate", faults),
    }
}

/// Some write the whole address of the endpoint.
fn collector(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    let url = url.strip_suffix("/event").unwrap_or(url);
    url.strip_suffix("/services/collector").unwrap_or(url)
}

fn syslog(members: &Members<'_>, faults: &mut Faults) -> LogStreamTarget {
    let known = [
        "type",
        "host",
        "port",
        "facility",
        "maxMessageBytes",
        "caCertificate",
        "clientCertificate",
    ];
    members.known(&known, faults);
    let port = members.integer("port", 1..=65_535, faults).unwrap_or(6_514);
    let facility = members.integer("facility", 0..=23, faults).unwrap_or(13);
    LogStreamTarget::Syslog {
        host: members.required_text("host", MAX_TEXT, faults),
        port: u16::try_from(port).unwrap_or(u16::MAX),
        facility: u8::try_from(facility).unwrap_or(u8::MAX),
        max_message_bytes: members.integer("maxMessageBytes", 2_048..=1_048_576, faults).unwrap_or(8_192),
        ca: pem(members, "caCertificate", faults),
        client_certificate: pem(members, "clientCertificate", faults),
    }
}

fn nats(members: &Members<'_>, faults: &mut Faults) -> LogStreamTarget {
    members.known(&["type", "url", "subject", "user", "caCertificate"], faults);
    LogStreamTarget::Nats {
        url: members.required_text("url", MAX_URL, faults),
        subject: text(members, "subject", faults).unwrap_or_else(|| "watchfire.log".to_owned()),
        user: text(members, "user", faults),
        ca: pem(members, "caCertificate", faults),
    }
}

fn file(members: &Members<'_>, faults: &mut Faults) -> LogStreamTarget {
    members.known(&["type", "maxBytes", "maxAgeSeconds", "keepFiles"], faults);
    let max_bytes = members.integer("maxBytes", 1_024..=u32::MAX, faults).unwrap_or(104_857_600);
    LogStreamTarget::File {
        max_bytes: u64::from(max_bytes),
        max_age_seconds: members.integer("maxAgeSeconds", 1..=31_536_000, faults).unwrap_or(3_600),
        keep_files: members.integer("keepFiles", 0..=1_000_000, faults).unwrap_or_default(),
    }
}

fn text(members: &Members<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    members.text(name, MAX_TEXT, faults).filter(|text| !text.trim().is_empty())
}

fn pem(members: &Members<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    members.text(name, MAX_PEM, faults).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::collector;

    #[test]
    fn the_address_of_a_collector_may_be_written_in_full() {
        for url in [
            "https://splunk.example:8088",
            "https://splunk.example:8088/",
            "https://splunk.example:8088/services/collector",
            "https://splunk.example:8088/services/collector/event",
            "https://splunk.example:8088/services/collector/event/",
        ] {
            assert_eq!(collector(url), "https://splunk.example:8088");
        }
        assert_eq!(collector("https://example.com/hec"), "https://example.com/hec");
    }
}
