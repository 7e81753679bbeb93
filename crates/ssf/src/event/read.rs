//! One event of a SET, from JSON.

use serde_json::{Map, Value};
use watchfire_model::time::Timestamp;

use super::{Payload, SecurityEvent, members::Members, payload, subject};
use crate::{
    catalogue::{EventKind, Named, named},
    dialect::Dialect,
    error::{MALFORMED, NOT_ALLOWED, SetError},
    normalisation::{Normalisation, Notes},
    numeric_date,
    subject::Subject,
};

/// What the token says beside its events.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// How it is read.
    pub(crate) dialect: &'a Dialect,
    /// `iss`
    pub(crate) issuer: &'a str,
    /// `sub_id`
    pub(crate) sub_id: Option<Subject>,
    /// `sub`
    pub(crate) sub: Option<String>,
    /// `toe`
    pub(crate) toe: Option<Timestamp>,
}

/// Who may have caused an event of Okta's three types (okta.md 6.3).
const INITIATING_ENTITIES: [&str; 4] = ["admin", "user", "policy", "system"];

/// Reads the event that `events` has under `uri`.
pub(crate) fn event(
    uri: &str,
    claims: Map<String, Value>,
    envelope: &Envelope<'_>,
    notes: &mut Notes,
) -> Result<SecurityEvent, SetError> {
    match named(uri) {
        Named::Type(kind) => typed(kind, uri, claims, envelope, notes),
        Named::Alias(kind) => {
            notes.add(Normalisation::LegacyUri);
            typed(kind, uri, claims, envelope, notes)
        }
        Named::Recognised => untyped(uri, Payload::Recognised, claims, envelope, notes),
        Named::Unknown => untyped(uri, Payload::Unknown, claims, envelope, notes),
    }
}

fn typed(
    kind: EventKind,
    uri: &str,
    claims: Map<String, Value>,
    envelope: &Envelope<'_>,
    notes: &mut Notes,
) -> Result<SecurityEvent, SetError> {
    let members = Members::new(kind, &claims);
    let is_oktas = kind.is_oktas() || (envelope.dialect.okta_members && kind.is_documented_by_okta());
    let occurred_at = event_time(&members, is_oktas, notes)?.or(envelope.toe);
    let subject = subject::of_event(&members, envelope, notes)?;
    let payload = payload::read(&members, notes)?;
    let initiating_entity = initiating_entity(&members, notes)?;
    let reason_admin = reason(&members, "reason_admin", notes)?;
    let needs_reason = matches!(kind, EventKind::SessionRevoked | EventKind::CredentialChange);
    if needs_reason && envelope.dialect.reason_admin_required && reason_admin.is_none() {
        return Err(members.blank("reason_admin"));
    }
    let reason_user = reason(&members, "reason_user", notes)?;
    Ok(SecurityEvent {
        uri: uri.to_owned(),
        payload,
        subject,
        occurred_at,
        initiating_entity,
        reason_admin,
        reason_user,
        claims,
    })
}

/// An event of which only the name is known, if that: nothing in it can be wrong (SET-36).
fn untyped(
    uri: &str,
    payload: Payload,
    claims: Map<String, Value>,
    envelope: &Envelope<'_>,
    notes: &mut Notes,
) -> Result<SecurityEvent, SetError> {
    Ok(SecurityEvent {
        uri: uri.to_owned(),
        payload,
        subject: subject::of_untyped(&claims, envelope, notes)?,
        occurred_at: claims
            .get("event_timestamp")
            .and_then(|value| numeric_date::event_time(value, notes))
            .or(envelope.toe),
        initiating_entity: None,
        reason_admin: None,
        reason_user: None,
        claims,
    })
}

fn event_time(members: &Members<'_>, required: bool, notes: &mut Notes) -> Result<Option<Timestamp>, SetError> {
    match members.get("event_timestamp") {
        None if required => Err(members.blank("event_timestamp")),
        None => Ok(None),
        Some(value) => match numeric_date::event_time(value, notes) {
            Some(at) => Ok(Some(at)),
            None => Err(members.fault("event_timestamp", MALFORMED)),
        },
    }
}

fn initiating_entity(members: &Members<'_>, notes: &mut Notes) -> Result<Option<String>, SetError> {
    let Some(entity) = members.text("initiating_entity")? else {
        return Ok(None);
    };
    if !INITIATING_ENTITIES.contains(&entity) {
        if members.kind().is_oktas() {
            return Err(members.fault("initiating_entity", NOT_ALLOWED));
        }
        notes.add(Normalisation::UnknownValue);
    }
    Ok(Some(entity.to_owned()))
}

/// A reason for people: English if there is one, else the first language (EVT-13).
fn reason(members: &Members<'_>, name: &'static str, notes: &mut Notes) -> Result<Option<String>, SetError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => {
            notes.add(Normalisation::ReasonAsText);
            Ok(Some(text.clone()).filter(|text| !text.is_empty()))
        }
        Some(Value::Object(texts)) => localised(texts).ok_or_else(|| members.fault(name, MALFORMED)),
        Some(_) => Err(members.fault(name, MALFORMED)),
    }
}

/// `None` when one of the texts is none.
fn localised(texts: &Map<String, Value>) -> Option<Option<String>> {
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(language, text)| Some((language.as_str(), text.as_str()?)))
        .collect::<Option<_>>()?;
    let is_english = |language: &str| language == "en" || language.starts_with("en-") || language.starts_with("en_");
    let mut spoken = texts.iter().filter(|(_, text)| !text.is_empty());
    let first = spoken.clone().next();
    let english = spoken.find(|(language, _)| is_english(language));
    Some(english.or(first).map(|(_, text)| (*text).to_owned()))
}
