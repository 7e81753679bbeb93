//! Whom an event is about: `sub_id`, the event's own subject, or what stands for them (AMB-01, AMB-55).

use serde_json::{Map, Value};

use super::{members::Members, read::Envelope};
use crate::{
    catalogue::EventKind,
    error::{MALFORMED, SetError},
    normalisation::{Normalisation, Notes},
    subject::{SimpleSubject, Subject},
};

/// The subject of an event of a known type.
pub(super) fn of_event(members: &Members<'_>, envelope: &Envelope<'_>, notes: &mut Notes) -> Result<Option<Subject>, SetError> {
    let own = own(members, envelope, notes)?;
    let subject = match (&envelope.sub_id, own) {
        (Some(sub_id), own) => Some(agreed(sub_id, own, notes)),
        (None, _) if !envelope.dialect.subject_in_event => return Err(SetError::blank("subId")),
        (None, Some(own)) => {
            notes.add(Normalisation::SubjectInEvent);
            Some(own)
        }
        (None, None) => substitute(members, envelope, notes)?,
    };
    if let Some(subject) = &subject {
        note_oddities(members.kind(), subject, notes);
    }
    Ok(subject)
}

/// The subject of an event whose payload is not known: what cannot be read is none (SET-36).
pub(super) fn of_untyped(
    claims: &Map<String, Value>,
    envelope: &Envelope<'_>,
    notes: &mut Notes,
) -> Result<Option<Subject>, SetError> {
    if let Some(sub_id) = &envelope.sub_id {
        return Ok(Some(sub_id.clone()));
    }
    if !envelope.dialect.subject_in_event {
        return Err(SetError::blank("subId"));
    }
    let mut tolerated = Notes::default();
    let subject = claims
        .get("subject")
        .and_then(|value| Subject::read_noting(value, &mut tolerated).ok());
    if subject.is_some() {
        notes.extend(tolerated);
        notes.add(Normalisation::SubjectInEvent);
    }
    Ok(subject)
}

/// The event's `subject`; Okta's former `subjects` in its dialect (okta.md 13, 18).
fn own(members: &Members<'_>, envelope: &Envelope<'_>, notes: &mut Notes) -> Result<Option<Subject>, SetError> {
    let former = || {
        let value = members.get("subjects").filter(|_| envelope.dialect.okta_members)?;
        Some((value, true))
    };
    let given = members.get("subject").map(|value| (value, false)).or_else(former);
    let Some((value, is_former)) = given else {
        return Ok(None);
    };
    notes.add_if(is_former, Normalisation::SubjectsMember);
    match Subject::read_noting(value, notes) {
        Ok(subject) => Ok(Some(subject)),
        Err(_) => Err(members.fault("subject", MALFORMED)),
    }
}

/// `sub_id`, unless the event's own subject says the same and more: senders that have always named user
/// and device in the event add a `sub_id` of the user alone.
fn agreed(sub_id: &Subject, own: Option<Subject>, notes: &mut Notes) -> Subject {
    match own {
        Some(own) if includes(&own, sub_id) => own,
        Some(own) if includes(sub_id, &own) => sub_id.clone(),
        Some(_) => {
            notes.add(Normalisation::SubjectsDiffer);
            sub_id.clone()
        }
        None => sub_id.clone(),
    }
}

/// Whether `larger` is the same subject as `smaller`, or the same with further members.
fn includes(larger: &Subject, smaller: &Subject) -> bool {
    match (larger, smaller) {
        (Subject::Simple(larger), Subject::Simple(smaller)) => larger == smaller,
        (Subject::Complex(larger), Subject::Complex(smaller)) => {
            let mut members = smaller.members.iter();
            members.all(|(name, member)| larger.members.get(name) == Some(member))
        }
        (Subject::Complex(larger), Subject::Simple(smaller)) => {
            let named = ["user", "device", "session"]
                .iter()
                .filter_map(|name| larger.members.get(*name));
            named.into_iter().any(|member| member == smaller)
        }
        (Subject::Simple(_), Subject::Complex(_)) => false,
    }
}

/// What stands for a subject that nobody gave.
fn substitute(members: &Members<'_>, envelope: &Envelope<'_>, notes: &mut Notes) -> Result<Option<Subject>, SetError> {
    if members.kind().is_of_stream() {
        notes.add(Normalisation::SubjectMissing);
        return Ok(None);
    }
    match &envelope.sub {
        Some(sub) if !envelope.dialect.okta_members => {
            notes.add(Normalisation::SubAsSubject);
            let (iss, sub) = (envelope.issuer.to_owned(), sub.clone());
            Ok(Some(Subject::Simple(SimpleSubject::IssSub { iss, sub })))
        }
        _ => Err(members.blank("subject")),
    }
}

fn note_oddities(kind: EventKind, subject: &Subject, notes: &mut Notes) {
    let is_simple = matches!(subject, Subject::Simple(_));
    notes.add_if(kind.is_oktas() && is_simple, Normalisation::BareSubject);
    let is_about_identifier = matches!(kind, EventKind::IdentifierChanged | EventKind::IdentifierRecycled);
    let is_identifier = |it: &SimpleSubject| matches!(it, SimpleSubject::Email { .. } | SimpleSubject::PhoneNumber { .. });
    let has_identifier = subject.simple_subjects().iter().any(|(_, simple)| is_identifier(simple));
    notes.add_if(is_about_identifier && !has_identifier, Normalisation::SubjectUnexpected);
}
