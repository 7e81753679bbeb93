//! The claims of a token whose signature has been checked (ssf.md 1.2).

use std::time::Duration;

use serde_json::{Map, Value};
use watchfire_crypto::{
    digest,
    strict_json::{self, Limits},
};
use watchfire_model::time::Timestamp;

use super::{Expected, VerifiedSet};
use crate::{
    catalogue::{Named, named},
    error::{MALFORMED, SetError, UNEXPECTED},
    event::{
        SecurityEvent,
        read::{self, Envelope},
    },
    normalisation::{Normalisation, Notes},
    numeric_date,
    subject::{Subject, syntax},
};

/// How far a sender's clock may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    /// How far ahead `iat` may be (JWT-18).
    pub ahead: Duration,
    /// How far `exp` and `nbf` may be on the wrong side of now (ssf.md 1.2).
    pub expiry: Duration,
}

impl Default for ClockSkew {
    fn default() -> Self {
        Self {
            ahead: Duration::from_secs(300),
            expiry: Duration::from_secs(60),
        }
    }
}

/// Characters of `jti` (ssf.md 1.2).
pub const MAX_JTI_CHARS: usize = 256;

/// Reads the claims of a token as they were signed. Whoever calls this has checked the signature.
///
/// # Errors
/// `invalid_request`, `invalid_issuer`, `invalid_audience`.
pub fn read_claims(payload: &[u8], expected: &Expected<'_>) -> Result<VerifiedSet, SetError> {
    read_noting(payload, expected, Notes::default())
}

pub(super) fn read_noting(payload: &[u8], expected: &Expected<'_>, mut notes: Notes) -> Result<VerifiedSet, SetError> {
    // The length was bounded with the token's, by a limit that may be a setting.
    let limits = Limits {
        max_bytes: payload.len(),
        ..Limits::JWT
    };
    let claims = strict_json::parse_object(payload, &limits).map_err(|_| SetError::unreadable())?;
    if issuer(&claims)? != expected.issuer {
        return Err(SetError::unknown_issuer());
    }
    check_audience(&claims, expected, &mut notes)?;
    let issued_at = issued_at(&claims, expected)?;
    let jti = jti(&claims)?;
    check_lifetime(&claims, expected, &mut notes)?;
    let txn = transaction(&claims)?;
    let envelope = Envelope {
        dialect: expected.dialect,
        issuer: expected.issuer,
        sub_id: sub_id(&claims, &mut notes)?,
        sub: sub(&claims, expected, &mut notes)?,
        toe: time_of_event(&claims, &mut notes)?,
    };
    let events = events(&claims, &envelope, &mut notes)?;
    Ok(VerifiedSet {
        issuer: expected.issuer.to_owned(),
        jti,
        issued_at,
        txn,
        events,
        normalisations: notes.into_vec(),
        digest: digest::sha256(payload),
    })
}

/// `iss`: a string that is not empty.
pub(super) fn issuer(claims: &Map<String, Value>) -> Result<&str, SetError> {
    let issuer = claims.get("iss").and_then(Value::as_str).filter(|iss| !iss.is_empty());
    issuer.ok_or_else(SetError::unknown_issuer)
}

/// SET-14: one of ours among a string or a list of strings.
fn check_audience(claims: &Map<String, Value>, expected: &Expected<'_>, notes: &mut Notes) -> Result<(), SetError> {
    let given = audiences(claims).ok_or_else(SetError::wrong_audience)?;
    if given.iter().any(|aud| expected.audiences.iter().any(|ours| ours == aud)) {
        return Ok(());
    }
    let is_ours = |aud: &str| {
        expected
            .audiences
            .iter()
            .any(|ours| without_slash(ours) == without_slash(aud))
    };
    if !expected.dialect.audience_slash || !given.iter().any(|aud| is_ours(aud)) {
        return Err(SetError::wrong_audience());
    }
    notes.add(Normalisation::AudienceSlash);
    Ok(())
}

fn audiences(claims: &Map<String, Value>) -> Option<Vec<&str>> {
    match claims.get("aud")? {
        Value::String(aud) => Some(vec![aud]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn without_slash(aud: &str) -> &str {
    aud.strip_suffix('/').unwrap_or(aud)
}

/// Any age is taken, for queues and retries; only what is yet to come is not (ssf.md 1.2).
fn issued_at(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<Timestamp, SetError> {
    let value = present(claims, "iat").ok_or_else(|| SetError::blank("iat"))?;
    let issued_at = numeric_date::instant(value).ok_or_else(|| SetError::claim("iat", MALFORMED))?;
    if issued_at > expected.now.plus(expected.skew.ahead) {
        return Err(SetError::claim("iat", "The time is in the future"));
    }
    Ok(issued_at)
}

fn jti(claims: &Map<String, Value>) -> Result<String, SetError> {
    let jti = text(claims, "jti")?.filter(|jti| !jti.is_empty());
    let jti = jti.ok_or_else(|| SetError::blank("jti"))?;
    if jti.chars().count() > MAX_JTI_CHARS {
        return Err(SetError::claim("jti", "The field is too long"));
    }
    Ok(jti.to_owned())
}

/// SET-20, `nbf`.
fn check_lifetime(claims: &Map<String, Value>, expected: &Expected<'_>, notes: &mut Notes) -> Result<(), SetError> {
    let (now, skew) = (expected.now, expected.skew.expiry);
    if let Some(exp) = claims.get("exp") {
        if !expected.dialect.tolerate_exp {
            return Err(SetError::claim("exp", UNEXPECTED));
        }
        notes.add(Normalisation::ExpClaim);
        if date(exp, "exp")?.is_some_and(|at| at < now.minus(skew).as_seconds()) {
            return Err(SetError::claim("exp", "The time is past"));
        }
    }
    if let Some(nbf) = claims.get("nbf")
        && date(nbf, "nbf")?.is_some_and(|at| at > now.plus(skew).as_seconds())
    {
        return Err(SetError::claim("nbf", "The time is in the future"));
    }
    Ok(())
}

fn date(value: &Value, name: &str) -> Result<Option<i64>, SetError> {
    if value.is_null() {
        return Ok(None);
    }
    let seconds = numeric_date::seconds(value).map(Some);
    seconds.ok_or_else(|| SetError::claim(name, MALFORMED))
}

fn transaction(claims: &Map<String, Value>) -> Result<Option<String>, SetError> {
    Ok(text(claims, "txn")?.filter(|txn| !txn.is_empty()).map(str::to_owned))
}

fn sub_id(claims: &Map<String, Value>, notes: &mut Notes) -> Result<Option<Subject>, SetError> {
    let Some(value) = present(claims, "sub_id") else {
        return Ok(None);
    };
    let subject = Subject::read_noting(value, notes).map_err(|_| SetError::claim("subId", MALFORMED))?;
    Ok(Some(subject))
}

/// SET-19
fn sub(claims: &Map<String, Value>, expected: &Expected<'_>, notes: &mut Notes) -> Result<Option<String>, SetError> {
    let Some(value) = claims.get("sub") else {
        return Ok(None);
    };
    if !expected.dialect.tolerate_sub {
        return Err(SetError::claim("sub", UNEXPECTED));
    }
    notes.add(Normalisation::SubClaim);
    let sub = value.as_str().filter(|sub| syntax::is_plain(sub) && syntax::is_sub(sub));
    Ok(sub.map(str::to_owned))
}

fn time_of_event(claims: &Map<String, Value>, notes: &mut Notes) -> Result<Option<Timestamp>, SetError> {
    let Some(value) = present(claims, "toe") else {
        return Ok(None);
    };
    let at = numeric_date::event_time(value, notes);
    at.map(Some).ok_or_else(|| SetError::claim("toe", MALFORMED))
}

/// Every event, or none (ssf.md annex B).
fn events(claims: &Map<String, Value>, envelope: &Envelope<'_>, notes: &mut Notes) -> Result<Vec<SecurityEvent>, SetError> {
    let given = match claims.get("events") {
        Some(Value::Object(events)) => events.clone(),
        Some(Value::Null) | None => at_top_level(claims, envelope, notes),
        Some(_) => return Err(SetError::claim("events", MALFORMED)),
    };
    match given.len() {
        0 => return Err(SetError::blank("events")),
        1 => {}
        _ if envelope.dialect.several_events => notes.add(Normalisation::SeveralEvents),
        _ => return Err(SetError::claim("events", "Only one event is allowed")),
    }
    given
        .into_iter()
        .map(|(uri, value)| event(&uri, value, envelope, notes))
        .collect()
}

fn event(uri: &str, value: Value, envelope: &Envelope<'_>, notes: &mut Notes) -> Result<SecurityEvent, SetError> {
    match value {
        Value::Object(members) if syntax::is_absolute_uri(uri) => read::event(uri, members, envelope, notes),
        _ => Err(SetError::claim("events", MALFORMED)),
    }
}

/// EVT-32: a sample of Okta's has the event beside the claims. Only types that are known are taken
/// for events there.
fn at_top_level(claims: &Map<String, Value>, envelope: &Envelope<'_>, notes: &mut Notes) -> Map<String, Value> {
    let is_tolerated = envelope.dialect.events_at_top_level && !claims.contains_key("events");
    let is_event = |uri: &str| matches!(named(uri), Named::Type(_) | Named::Alias(_));
    let found: Map<_, _> = claims
        .iter()
        .filter(|(uri, _)| is_tolerated && is_event(uri))
        .map(|(uri, value)| (uri.clone(), value.clone()))
        .collect();
    notes.add_if(!found.is_empty(), Normalisation::EventsAtTopLevel);
    found
}

/// A claim that is a string without control characters, or absent, or null.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, SetError> {
    let Some(value) = present(claims, name) else {
        return Ok(None);
    };
    let text = value.as_str().filter(|text| !text.chars().any(char::is_control));
    text.map(Some).ok_or_else(|| SetError::claim(name, MALFORMED))
}

fn present<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).filter(|value| !value.is_null())
}
