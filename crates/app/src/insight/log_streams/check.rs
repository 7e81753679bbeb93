//! What is looked at when a stream is written, for a fast error; addresses are checked again whenever they are used.

use http::HeaderValue;
use secrecy::ExposeSecret as _;
use url::Url;
use watchfire_egress::{Purpose, TlsClient, TlsFault, TlsSettings};
use watchfire_model::object::{LogStream, LogStreamTarget};

use super::{LogStreamDraft, nats::bare_host};
use crate::{App, Error, Result};

/// Bytes of certificates or of a key in PEM form.
const MAX_PEM: usize = 64 * 1024;
/// Characters of a secret that is no key.
const MAX_SECRET: usize = 4 * 1024;
/// Characters of a subject.
const MAX_SUBJECT: usize = 100;
/// Facilities of RFC 5424.
const FACILITIES: u8 = 24;
/// Bytes that every receiver of syslog takes (RFC 5425 section 4.3.1), and more than any should.
const MESSAGE_BYTES: std::ops::RangeInclusive<u32> = 2_048..=1_048_576;
/// Bytes of a file.
const FILE_BYTES: std::ops::RangeInclusive<u64> = 1_024..=1_099_511_627_776;

/// What is said of a secret that must be there.
const BLANK: &str = "The field cannot be left blank";

impl App {
    /// Checks what an administrator says of a stream that is new, or that replaces `old`.
    pub(super) fn check_log_stream(&self, draft: &LogStreamDraft, old: Option<&LogStream>) -> Result<()> {
        let same = old.filter(|old| old.target.kind() == draft.target.kind());
        let keeps_secret = same.is_some_and(|old| old.sealed_secret.is_some());
        let secret = draft.secret.as_ref().map(|secret| secret.expose_secret());
        if secret.is_some_and(|secret| secret.is_empty() || secret.len() > MAX_PEM) {
            return Err(Error::invalid("secret", "The field is not a secret"));
        }
        match &draft.target {
            LogStreamTarget::SplunkHec { url, ca, .. } => {
                self.check_log_target("target.url", url)?;
                check_trust(ca.as_deref())?;
                match secret {
                    Some(token) => check_token(token),
                    None if keeps_secret => Ok(()),
                    None => Err(Error::invalid("secret", BLANK)),
                }
            }
            LogStreamTarget::Syslog { .. } => self.check_syslog(&draft.target, secret, old),
            LogStreamTarget::Nats { url, subject, user, ca } => {
                self.check_nats(url)?;
                check_trust(ca.as_deref())?;
                check_subject(subject)?;
                let has_secret = secret.is_some() || keeps_secret;
                if user.is_some() && !has_secret {
                    return Err(Error::invalid("secret", BLANK));
                }
                match secret {
                    Some(secret) => check_token(secret),
                    None => Ok(()),
                }
            }
            LogStreamTarget::File {
                max_bytes,
                max_age_seconds,
                ..
            } => {
                if self.settings.log_streams.folder.is_none() {
                    return Err(Error::invalid("target.type", "Files need the setting log-stream-dir"));
                }
                if !FILE_BYTES.contains(max_bytes) {
                    return Err(Error::invalid("target.maxBytes", "Invalid value"));
                }
                if *max_age_seconds == 0 {
                    return Err(Error::invalid("target.maxAgeSeconds", "Invalid value"));
                }
                no_secret(secret)
            }
        }
    }

    fn check_syslog(&self, target: &LogStreamTarget, key: Option<&str>, old: Option<&LogStream>) -> Result<()> {
        let LogStreamTarget::Syslog {
            host,
            facility,
            max_message_bytes,
            ca,
            client_certificate,
            ..
        } = target
        else {
            return Ok(());
        };
        if let Err(refusal) = self.egress.policy().check_host(Purpose::Logs, host) {
            return Err(Error::invalid(
                "target.host",
                &format!("The address is not allowed: {refusal}"),
            ));
        }
        if *facility >= FACILITIES {
            return Err(Error::invalid("target.facility", "Invalid value"));
        }
        if !MESSAGE_BYTES.contains(max_message_bytes) {
            return Err(Error::invalid("target.maxMessageBytes", "Invalid value"));
        }
        check_trust(ca.as_deref())?;
        let Some(chain) = client_certificate.as_deref() else {
            return no_secret(key);
        };
        let kept = match (key, old.filter(|old| old.target.kind() == target.kind())) {
            (None, Some(old)) => self.log_stream_secret(old)?,
            _ => None,
        };
        let Some(key) = key.or_else(|| kept.as_ref().map(|kept| kept.as_str())) else {
            return Err(Error::invalid("secret", "A client certificate needs its private key here"));
        };
        check_tls(TlsSettings {
            only_trust: ca.as_deref(),
            identity: Some((chain, key)),
        })
    }

    fn check_log_target(&self, field: &str, url: &str) -> Result<()> {
        let checked = self.egress.check(Purpose::Logs, url).map(drop);
        checked.map_err(|refusal| Error::invalid(field, &format!("The address is not allowed: {refusal}")))
    }

    /// `tls://host:port`; for a laptop `nats://` too.
    fn check_nats(&self, text: &str) -> Result<()> {
        let refused = |why: &str| Error::invalid("target.url", &format!("The address is not allowed: {why}"));
        let url = Url::parse(text).map_err(|_| refused("not an absolute URL"))?;
        match url.scheme() {
            "tls" => {}
            "nats" if self.settings.dev => {}
            _ => return Err(refused("the scheme must be tls")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("the URL must not contain credentials"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("there must be nothing behind the port"));
        }
        let checked = self.egress.policy().check_host(Purpose::Logs, &bare_host(&url));
        checked.map_err(|refusal| refused(&refusal.to_string()))
    }
}

fn check_token(token: &str) -> Result<()> {
    if token.len() > MAX_SECRET || HeaderValue::from_str(token).is_err() {
        return Err(Error::invalid("secret", "The field is not a token"));
    }
    Ok(())
}

fn no_secret(secret: Option<&str>) -> Result<()> {
    match secret {
        Some(_) => Err(Error::invalid("secret", "This target has no use for a secret")),
        None => Ok(()),
    }
}

fn check_trust(ca: Option<&str>) -> Result<()> {
    match ca {
        Some(_) => check_tls(TlsSettings {
            only_trust: ca,
            identity: None,
        }),
        None => Ok(()),
    }
}

fn check_tls(settings: TlsSettings<'_>) -> Result<()> {
    let (field, why) = match TlsClient::new(settings) {
        Ok(_) => return Ok(()),
        Err(fault) => match &fault {
            TlsFault::Ca => ("target.caCertificate", fault.to_string()),
            TlsFault::Certificate => ("target.clientCertificate", fault.to_string()),
            TlsFault::Key | TlsFault::Unusable(_) => ("secret", fault.to_string()),
        },
    };
    Err(Error::invalid(field, &why))
}

/// Words of letters, digits, `-` and `_` with dots between them.
fn check_subject(subject: &str) -> Result<()> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    if subject.len() > MAX_SUBJECT || !subject.split('.').all(is_word) {
        let rule = "The field must be words of letters, digits, - and _ with dots between them";
        return Err(Error::invalid("target.subject", rule));
    }
    Ok(())
}
