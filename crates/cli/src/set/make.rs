//! `watchfire set make`.

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Map, Value, json};
use watchfire_app::Clock as _;
use watchfire_crypto::random;
use watchfire_model::{object::DialectName, time::Timestamp};
use watchfire_ssf::{
    ComplexSubject, EventKind, SimpleSubject, Subject,
    builder::{self, NewSet, SubjectPlacement},
    catalogue::{Named, named},
};

use super::{event::Members, read_input};
use crate::{command::Misuse, system::SystemClock, terminal::Terminal};

#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Type: its name (user-risk-change, session-revoked, …) or its whole URI; `--event list` shows them
    #[arg(long, value_name = "TYPE", required_unless_present = "claims", conflicts_with = "claims")]
    event: Option<String>,
    /// JSON of the whole payload instead of an event's flags; - is standard input. What it lacks is added
    #[arg(long, value_name = "FILE")]
    claims: Option<String>,
    #[command(flatten)]
    envelope: Envelope,
    #[command(flatten)]
    subject: Who,
    /// Where the subject is written
    #[arg(long, value_enum, value_name = "PLACE", default_value_t = Place::Both)]
    subject_in: Place,
    /// Fill what the type demands and no flag says with plausible values
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    members: Members,
}

/// The claims around the event.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The token")]
pub(super) struct Envelope {
    /// Issuer: `iss`; `set sign --transmitter` knows its own
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
    /// Audience: `aud`, for Okta-shaped receivers the org URL (repeatable)
    #[arg(long, value_name = "AUD")]
    audience: Vec<String>,
    /// Id of the token; without it, a random one
    #[arg(long)]
    jti: Option<String>,
    /// Id of what happened, the same in all tokens about it
    #[arg(long)]
    txn: Option<String>,
    /// When the token is issued, in seconds since 1970; without it, now
    #[arg(long, value_name = "SECONDS")]
    issued_at: Option<i64>,
}

/// Whom the event is about: one way to name the user, and a device and a session beside it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The subject")]
struct Who {
    /// E-mail address of the user: its login at the receiver
    #[arg(long, value_name = "EMAIL")]
    user_email: Option<String>,
    /// Id of the user, as sender and receiver agreed on it
    #[arg(long, value_name = "ID", conflicts_with = "user_email")]
    user_id: Option<String>,
    /// Issuer that knows the user …
    #[arg(long, value_name = "ISS", requires = "user_sub", conflicts_with_all = ["user_email", "user_id"])]
    user_iss: Option<String>,
    /// … and the user's `sub` there
    #[arg(long, value_name = "SUB", requires = "user_iss")]
    user_sub: Option<String>,
    /// Telephone number of the user, with + before it
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["user_email", "user_id", "user_iss"])]
    user_phone: Option<String>,
    /// Id of the device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Id of the session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Id of the tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Id of the stream, for verification and stream-updated
    #[arg(long, value_name = "ID", conflicts_with_all = ["user_email", "user_id", "user_iss", "user_phone", "device", "session", "tenant"])]
    stream: Option<String>,
    /// The whole subject identifier as JSON
    #[arg(long, value_name = "JSON", conflicts_with_all = ["user_email", "user_id", "user_iss", "user_phone", "device", "session", "tenant", "stream"])]
    subject: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Place {
    /// `sub_id` and in the event: receivers of either kind read it
    Both,
    /// In the event, as Okta documents it
    Event,
    /// `sub_id`, as the standard has it
    SubId,
}

impl Place {
    const fn placement(self) -> SubjectPlacement {
        match self {
            Self::Both | Self::Event => SubjectPlacement::Okta,
            Self::SubId => SubjectPlacement::SubId,
        }
    }
}

/// Prints the claims, or the list of types.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<()> {
    let now = SystemClock.now();
    let claims = match (&arguments.claims, arguments.event.as_deref()) {
        (Some(name), _) => arguments.envelope.complete(read_claims(name)?, now)?,
        (None, Some("list")) => return list(terminal),
        (None, event) => arguments.make(event.unwrap_or_default(), now)?,
    };
    Ok(terminal.print_json(&Value::Object(claims))?)
}

fn list(terminal: &Terminal) -> Result<()> {
    let types: Vec<Value> = EventKind::ALL
        .iter()
        .map(|kind| {
            let needs = builder::required_members(*kind);
            json!({"name": kind.name(), "uri": kind.uri(), "needs": needs})
        })
        .collect();
    Ok(terminal.print_list(&types, &[("NAME", "/name"), ("URI", "/uri"), ("NEEDS", "/needs")])?)
}

/// The claims in a file, or on standard input.
///
/// # Errors
/// When there is no JSON object.
pub(super) fn read_claims(name: &str) -> Result<Map<String, Value>> {
    let text = read_input(name)?;
    let shown = if name == "-" { "standard input" } else { name };
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
    match value {
        Value::Object(claims) => Ok(claims),
        _ => Err(Misuse(format!("{shown} holds no claims: they are a JSON object")).into()),
    }
}

impl Envelope {
    /// Adds what `claims` lack, and replaces what a flag says.
    ///
    /// # Errors
    /// Without randomness.
    fn complete(&self, mut claims: Map<String, Value>, now: Timestamp) -> Result<Map<String, Value>> {
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        put("iss", self.issuer.clone().map(Value::from));
        put("aud", audience(&self.audience));
        put("jti", self.jti.clone().map(Value::from));
        put("txn", self.txn.clone().map(Value::from));
        put("iat", self.issued_at.map(Value::from));
        add_missing(&mut claims, now)?;
        Ok(claims)
    }
}

/// `jti` and `iat`, which every token has (SET-15, SET-16).
///
/// # Errors
/// Without randomness.
pub(super) fn add_missing(claims: &mut Map<String, Value>, now: Timestamp) -> Result<()> {
    if !claims.contains_key("jti") {
        claims.insert("jti".to_owned(), new_jti()?.into());
    }
    claims.entry("iat").or_insert_with(|| now.as_seconds().into());
    Ok(())
}

/// More than 128 bits (SET-16).
fn new_jti() -> Result<String> {
    Ok(random::base62(24)?)
}

impl Arguments {
    fn make(&self, event: &str, now: Timestamp) -> Result<Map<String, Value>> {
        let (uri, kind) = event_type(event)?;
        let of_stream = kind.is_some_and(EventKind::is_of_stream);
        let mut members = match kind {
            Some(kind) if self.example => builder::example(kind, now),
            _ => Map::new(),
        };
        members.extend(self.members.read(kind, now)?);
        let envelope = &self.envelope;
        let set = NewSet {
            issuer: envelope.issuer.clone().unwrap_or_default(),
            audience: envelope.audience.clone(),
            jti: envelope.jti.clone().map_or_else(new_jti, Ok)?,
            issued_at: envelope.issued_at.map_or(now, Timestamp::from_seconds),
            txn: envelope.txn.clone(),
            subject: self.subject.read(of_stream)?,
            event_type: uri,
            members,
            // The standard's own two are never about anybody but the stream (EVT-02).
            placement: if of_stream {
                SubjectPlacement::SubId
            } else {
                self.subject_in.placement()
            },
        };
        if let Some(kind) = kind {
            check(&set, kind)?;
        }
        let mut claims = set.claims();
        if self.subject_in == Place::Event && !of_stream {
            claims.shift_remove("sub_id");
        }
        // `set sign` knows them.
        if set.issuer.is_empty() {
            claims.shift_remove("iss");
        }
        if set.audience.is_empty() {
            claims.shift_remove("aud");
        }
        Ok(claims)
    }
}

/// What would be refused is not made; who wants that writes the claims by hand.
fn check(set: &NewSet, kind: EventKind) -> Result<(), Misuse> {
    let required = builder::required_members(kind).iter().copied();
    let missing: Vec<&str> = required.filter(|name| !set.members.contains_key(*name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        return Err(Misuse(format!(
            "an event of the type {} needs {missing} (or --example)",
            kind.name()
        )));
    }
    // Who gives no audience here gives it to `set sign`.
    let whole = NewSet {
        audience: vec!["https://receiver.invalid".to_owned()],
        issuer: "https://sender.invalid".to_owned(),
        ..set.clone()
    };
    let checked = whole.check(DialectName::Okta);
    checked
        .map(drop)
        .map_err(|error| Misuse(format!("receivers would refuse this: {error}")))
}

/// `aud` of these values (SET-13).
pub(super) fn audience(values: &[String]) -> Option<Value> {
    match values {
        [] => None,
        [one] => Some(one.as_str().into()),
        several => Some(several.to_vec().into()),
    }
}

fn event_type(text: &str) -> Result<(String, Option<EventKind>), Misuse> {
    let uri = builder::event_type(text).or_else(|| text.contains(':').then(|| text.to_owned()));
    let uri = uri.ok_or_else(|| {
        Misuse(format!(
            "there is no event type '{text}': `watchfire set make --event list` shows all, and a URI stands for itself"
        ))
    })?;
    let kind = match named(&uri) {
        Named::Type(kind) | Named::Alias(kind) => Some(kind),
        Named::Recognised | Named::Unknown => None,
    };
    Ok((uri, kind))
}

impl Who {
    fn read(&self, of_stream: bool) -> Result<Subject> {
        if let Some(text) = &self.subject {
            let value: Value = serde_json::from_str(text).context("--subject is not JSON")?;
            let read = Subject::read(&value);
            let (subject, _) = read.map_err(|_| Misuse(format!("--subject {text} is no subject identifier")))?;
            return Ok(subject);
        }
        let opaque = |id: &Option<String>| id.clone().map(|id| SimpleSubject::Opaque { id });
        let user = self.user();
        let others = [
            ("device", opaque(&self.device)),
            ("session", opaque(&self.session)),
            ("tenant", opaque(&self.tenant)),
        ];
        let subject = match (opaque(&self.stream), user) {
            (Some(stream), _) => Subject::Simple(stream),
            (None, Some(user)) if others.iter().all(|(_, it)| it.is_none()) => Subject::Simple(user),
            (None, user) => {
                let members = std::iter::once(("user", user)).chain(others);
                let members = members.filter_map(|(name, it)| Some((name.to_owned(), it?))).collect();
                Subject::Complex(ComplexSubject { members })
            }
        };
        let nobody = matches!(&subject, Subject::Complex(complex) if complex.members.is_empty());
        match (nobody, of_stream) {
            (false, _) => Ok(subject),
            (true, true) => Err(Misuse("whom is it about? The stream: --stream ID".to_owned()).into()),
            (true, false) => Err(Misuse("whom is it about? --user-email, --user-id, --device, --session, …".to_owned()).into()),
        }
    }

    fn user(&self) -> Option<SimpleSubject> {
        if let Some(email) = self.user_email.clone() {
            return Some(SimpleSubject::Email { email });
        }
        if let Some(id) = self.user_id.clone() {
            return Some(SimpleSubject::Opaque { id });
        }
        if let Some(phone_number) = self.user_phone.clone() {
            return Some(SimpleSubject::PhoneNumber { phone_number });
        }
        let (iss, sub) = (self.user_iss.clone()?, self.user_sub.clone()?);
        Some(SimpleSubject::IssSub { iss, sub })
    }
}
