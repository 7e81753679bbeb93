//! Subjects from JSON, with the spellings that are really sent (SUB-05, SUB-15).

use serde_json::{Map, Value};

use super::{ComplexSubject, SimpleSubject, Subject, syntax};
use crate::normalisation::{Normalisation, Notes};

/// Members of a complex subject that the specification names (SUB-11).
const MEMBERS: [&str; 7] = ["user", "device", "session", "application", "tenant", "org_unit", "group"];

/// Not a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a subject identifier")]
pub struct MalformedSubject;

/// A subject of either kind.
pub(super) fn subject(value: &Value, notes: &mut Notes) -> Result<Subject, MalformedSubject> {
    let object = value.as_object().ok_or(MalformedSubject)?;
    match format(object, notes)? {
        Some("complex") => complex(object, notes).map(Subject::Complex),
        Some(format) => simple(format, object, notes).map(Subject::Simple),
        None if is_bare_complex(object) => {
            notes.add(Normalisation::ComplexWithoutFormat);
            complex(object, notes).map(Subject::Complex)
        }
        None => Err(MalformedSubject),
    }
}

/// SUB-15: every member is one that the specification names, and an object.
fn is_bare_complex(object: &Map<String, Value>) -> bool {
    let is_member = |(name, value): (&String, &Value)| MEMBERS.contains(&name.as_str()) && value.is_object();
    !object.is_empty() && object.iter().all(is_member)
}

/// SUB-10 to SUB-12: at least one member, each a simple subject.
fn complex(object: &Map<String, Value>, notes: &mut Notes) -> Result<ComplexSubject, MalformedSubject> {
    let mut subject = ComplexSubject::default();
    for (name, value) in object {
        if is_format(name) {
            continue;
        }
        let member = value.as_object().ok_or(MalformedSubject)?;
        let format = format(member, notes)?.ok_or(MalformedSubject)?;
        subject.members.insert(name.clone(), simple(format, member, notes)?);
    }
    if subject.members.is_empty() {
        return Err(MalformedSubject);
    }
    Ok(subject)
}

fn is_format(name: &str) -> bool {
    name == "format" || name == "subject_type"
}

/// `format`, else Google's `subject_type` (SUB-05).
fn format<'a>(object: &'a Map<String, Value>, notes: &mut Notes) -> Result<Option<&'a str>, MalformedSubject> {
    let given = match (object.get("format"), object.get("subject_type")) {
        (Some(format), _) => format,
        (None, Some(subject_type)) => {
            notes.add(Normalisation::SubjectType);
            subject_type
        }
        (None, None) => return Ok(None),
    };
    let format = given.as_str().filter(|text| syntax::is_plain(text)).ok_or(MalformedSubject)?;
    Ok(Some(spelled(format, notes)))
}

/// The name under which the format is registered.
fn spelled<'a>(format: &'a str, notes: &mut Notes) -> &'a str {
    let (format, normalisation) = match format {
        "iss-sub" => ("iss_sub", Normalisation::HyphenatedFormat),
        "phone-number" => ("phone_number", Normalisation::HyphenatedFormat),
        "jwt-id" => ("jwt_id", Normalisation::HyphenatedFormat),
        "saml-assertion-id" => ("saml_assertion_id", Normalisation::HyphenatedFormat),
        "id-token-claims" => ("id_token_claims", Normalisation::HyphenatedFormat),
        "phone" => ("phone_number", Normalisation::PhoneSpelling),
        _ => return format,
    };
    notes.add(normalisation);
    format
}

fn simple(format: &str, object: &Map<String, Value>, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    let text = |name| text(object, name);
    let checked = |value: String, holds: bool| if holds { Ok(value) } else { Err(MalformedSubject) };
    match format {
        "account" => {
            let uri = text("uri")?;
            let holds = syntax::is_account(&uri);
            checked(uri, holds).map(|uri| SimpleSubject::Account { uri })
        }
        "email" => email(object),
        "iss_sub" => iss_sub(object, notes),
        "opaque" => {
            let id = either(object, "id", "sub", Normalisation::OpaqueSub, notes)?;
            Ok(SimpleSubject::Opaque { id })
        }
        "phone_number" => phone_number(object, notes),
        "did" => {
            let url = text("url")?;
            let holds = syntax::is_did(&url);
            checked(url, holds).map(|url| SimpleSubject::Did { url })
        }
        "uri" => {
            let uri = text("uri")?;
            let holds = syntax::is_absolute_uri(&uri);
            checked(uri, holds).map(|uri| SimpleSubject::Uri { uri })
        }
        "aliases" => aliases(object, notes),
        "jwt_id" => Ok(SimpleSubject::JwtId {
            iss: text("iss")?,
            jti: text("jti")?,
        }),
        "saml_assertion_id" => Ok(SimpleSubject::SamlAssertionId {
            issuer: text("issuer")?,
            assertion_id: text("assertion_id")?,
        }),
        "ip-addresses" => ip_addresses(object),
        "id_token_claims" => id_token_claims(object, notes),
        // SUB-12: not inside another one, and a list of aliases is one principal
        "complex" => Err(MalformedSubject),
        _ => {
            notes.add(Normalisation::UnknownFormat);
            Ok(SimpleSubject::Unknown {
                format: format.to_owned(),
                raw: Value::Object(object.clone()),
            })
        }
    }
}

fn email(object: &Map<String, Value>) -> Result<SimpleSubject, MalformedSubject> {
    let email = syntax::email(&text(object, "email")?).ok_or(MalformedSubject)?;
    Ok(SimpleSubject::Email { email })
}

fn iss_sub(object: &Map<String, Value>, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    let iss = either(object, "iss", "issuer", Normalisation::IssuerSpelling, notes)?;
    let sub = text(object, "sub")?;
    if !syntax::is_absolute_uri(&iss) || !syntax::is_sub(&sub) {
        return Err(MalformedSubject);
    }
    Ok(SimpleSubject::IssSub { iss, sub })
}

fn phone_number(object: &Map<String, Value>, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    let given = either(object, "phone_number", "phone", Normalisation::PhoneSpelling, notes)?;
    let phone_number = syntax::phone_number(&given).ok_or(MalformedSubject)?;
    notes.add_if(phone_number != given, Normalisation::PhonePunctuation);
    Ok(SimpleSubject::PhoneNumber { phone_number })
}

/// RFC 9493 section 3.2.8: at least one, none of them `aliases` again.
fn aliases(object: &Map<String, Value>, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    let items = object.get("identifiers").and_then(Value::as_array).ok_or(MalformedSubject)?;
    let identifiers = items.iter().map(|item| alias(item, notes)).collect::<Result<Vec<_>, _>>()?;
    if identifiers.is_empty() {
        return Err(MalformedSubject);
    }
    Ok(SimpleSubject::Aliases { identifiers })
}

fn alias(item: &Value, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    let object = item.as_object().ok_or(MalformedSubject)?;
    match format(object, notes)?.ok_or(MalformedSubject)? {
        "aliases" | "id_token_claims" => Err(MalformedSubject),
        format => simple(format, object, notes),
    }
}

fn ip_addresses(object: &Map<String, Value>) -> Result<SimpleSubject, MalformedSubject> {
    let items = object.get("ip-addresses").and_then(Value::as_array).ok_or(MalformedSubject)?;
    let texts = items
        .iter()
        .map(Value::as_str)
        .collect::<Option<Vec<_>>>()
        .ok_or(MalformedSubject)?;
    let addresses = syntax::addresses(texts)
        .filter(|list| !list.is_empty())
        .ok_or(MalformedSubject)?;
    Ok(SimpleSubject::IpAddresses { addresses })
}

/// Google: what an ID token would say of the user. At least one of the pair and the address.
fn id_token_claims(object: &Map<String, Value>, notes: &mut Notes) -> Result<SimpleSubject, MalformedSubject> {
    notes.add(Normalisation::IdTokenClaims);
    let mut identifiers = Vec::new();
    if object.contains_key("iss") || object.contains_key("sub") {
        identifiers.push(iss_sub(object, notes)?);
    }
    if object.contains_key("email") {
        identifiers.push(email(object)?);
    }
    if identifiers.is_empty() {
        return Err(MalformedSubject);
    }
    Ok(SimpleSubject::Aliases { identifiers })
}

fn text(object: &Map<String, Value>, name: &str) -> Result<String, MalformedSubject> {
    let text = object.get(name).and_then(Value::as_str).filter(|text| syntax::is_plain(text));
    text.map(str::to_owned).ok_or(MalformedSubject)
}

/// The member under its name, or under one that is also sent.
fn either(
    object: &Map<String, Value>,
    name: &str,
    also: &str,
    normalisation: Normalisation,
    notes: &mut Notes,
) -> Result<String, MalformedSubject> {
    if object.contains_key(name) || !object.contains_key(also) {
        return text(object, name);
    }
    notes.add(normalisation);
    text(object, also)
}
