//! Subject identifiers (RFC 9493, ssf.md 2).

mod read;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Map, Value, json};
use watchfire_model::entity::{EntityKind, Identifier};

pub use self::read::MalformedSubject;
use crate::normalisation::{Normalisation, Notes};

/// Whom an event is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// One identifier.
    Simple(SimpleSubject),
    /// Several members that together describe one principal (SUB-13).
    Complex(ComplexSubject),
}

/// A subject identifier of one format, brought into its canonical form (ssf.md 2.1).
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the members are the formats', under their own names")]
pub enum SimpleSubject {
    Account {
        uri: String,
    },
    Email {
        email: String,
    },
    IssSub {
        iss: String,
        sub: String,
    },
    Opaque {
        id: String,
    },
    PhoneNumber {
        phone_number: String,
    },
    Did {
        url: String,
    },
    Uri {
        uri: String,
    },
    Aliases {
        identifiers: Vec<SimpleSubject>,
    },
    JwtId {
        iss: String,
        jti: String,
    },
    SamlAssertionId {
        issuer: String,
        assertion_id: String,
    },
    IpAddresses {
        addresses: Vec<IpAddr>,
    },
    /// A format that is not known: kept as it was sent (SUB-04).
    Unknown {
        format: String,
        raw: Value,
    },
}

/// Members by name (SUB-11): `user`, `device`, `session`, `application`, `tenant`, `org_unit`, `group`,
/// and others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComplexSubject {
    /// The members.
    pub members: BTreeMap<String, SimpleSubject>,
}

impl Subject {
    /// Reads a subject, and says which spellings had to be tolerated.
    ///
    /// # Errors
    /// [`MalformedSubject`].
    pub fn read(value: &Value) -> Result<(Self, Vec<Normalisation>), MalformedSubject> {
        let mut notes = Notes::default();
        let subject = Self::read_noting(value, &mut notes)?;
        Ok((subject, notes.into_vec()))
    }

    pub(crate) fn read_noting(value: &Value, notes: &mut Notes) -> Result<Self, MalformedSubject> {
        read::subject(value, notes)
    }

    /// The users, devices and sessions that it names. A simple subject is of the kind `simple`, unless
    /// its format says better: nobody writes an e-mail to a device.
    pub fn members(&self, simple: EntityKind) -> Vec<(EntityKind, &SimpleSubject)> {
        match self {
            Self::Simple(subject) => vec![(subject.kind().unwrap_or(simple), subject)],
            Self::Complex(subject) => subject.entities().collect(),
        }
    }

    /// The simple subjects in it, by their names in a complex one.
    pub fn simple_subjects(&self) -> Vec<(Option<&str>, &SimpleSubject)> {
        match self {
            Self::Simple(subject) => vec![(None, subject)],
            Self::Complex(subject) => subject.members.iter().map(|(name, it)| (Some(name.as_str()), it)).collect(),
        }
    }

    /// It as it goes over the wire, in its canonical form.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Simple(subject) => subject.to_json(),
            Self::Complex(subject) => {
                let mut object = Map::from_iter([("format".to_owned(), json!("complex"))]);
                object.extend(subject.members.iter().map(|(name, member)| (name.clone(), member.to_json())));
                Value::Object(object)
            }
        }
    }
}

impl ComplexSubject {
    /// Its members that are users, devices or sessions.
    pub fn entities(&self) -> impl Iterator<Item = (EntityKind, &SimpleSubject)> {
        let kinds = [
            ("user", EntityKind::User),
            ("device", EntityKind::Device),
            ("session", EntityKind::Session),
        ];
        kinds
            .into_iter()
            .filter_map(|(name, kind)| Some((kind, self.members.get(name)?)))
    }
}

impl SimpleSubject {
    /// The only kind of entity that identifiers of this format name, if there is only one.
    const fn kind(&self) -> Option<EntityKind> {
        match self {
            Self::Account { .. } | Self::Email { .. } | Self::PhoneNumber { .. } => Some(EntityKind::User),
            Self::JwtId { .. } | Self::SamlAssertionId { .. } => Some(EntityKind::Session),
            _ => None,
        }
    }

    /// It as it goes over the wire, in its canonical form.
    pub fn to_json(&self) -> Value {
        let format = self.format();
        match self {
            Self::Account { uri } | Self::Uri { uri } => json!({"format": format, "uri": uri}),
            Self::Email { email } => json!({"format": format, "email": email}),
            Self::IssSub { iss, sub } => json!({"format": format, "iss": iss, "sub": sub}),
            Self::Opaque { id } => json!({"format": format, "id": id}),
            Self::PhoneNumber { phone_number } => json!({"format": format, "phone_number": phone_number}),
            Self::Did { url } => json!({"format": format, "url": url}),
            Self::JwtId { iss, jti } => json!({"format": format, "iss": iss, "jti": jti}),
            Self::SamlAssertionId { issuer, assertion_id } => {
                json!({"format": format, "issuer": issuer, "assertion_id": assertion_id})
            }
            Self::IpAddresses { addresses } => json!({"format": format, "ip-addresses": addresses}),
            Self::Aliases { identifiers } => {
                let identifiers: Vec<_> = identifiers.iter().map(Self::to_json).collect();
                json!({"format": format, "identifiers": identifiers})
            }
            Self::Unknown { raw, .. } => raw.clone(),
        }
    }

    /// The name of its format.
    pub fn format(&self) -> &str {
        match self {
            Self::Account { .. } => "account",
            Self::Email { .. } => "email",
            Self::IssSub { .. } => "iss_sub",
            Self::Opaque { .. } => "opaque",
            Self::PhoneNumber { .. } => "phone_number",
            Self::Did { .. } => "did",
            Self::Uri { .. } => "uri",
            Self::Aliases { .. } => "aliases",
            Self::JwtId { .. } => "jwt_id",
            Self::SamlAssertionId { .. } => "saml_assertion_id",
            Self::IpAddresses { .. } => "ip-addresses",
            Self::Unknown { format, .. } => format,
        }
    }

    /// The identifiers in it, when it names an entity of this kind: one, or several of `aliases`. Formats
    /// whose values mean something only at one sender (`opaque`) are told apart by `scope`, the sender's
    /// issuer. None for addresses and for formats that are not known.
    pub fn identifiers(&self, kind: EntityKind, scope: &str) -> Vec<Identifier> {
        let one = |members: &[&str]| vec![Identifier::new(kind, self.format(), members)];
        match self {
            Self::Account { uri } | Self::Uri { uri } => one(&[uri]),
            Self::Email { email } => one(&[&email.to_lowercase()]),
            Self::IssSub { iss, sub } => one(&[iss, sub]),
            Self::Opaque { id } => one(&[scope, id]),
            Self::PhoneNumber { phone_number } => one(&[phone_number]),
            Self::Did { url } => one(&[url]),
            Self::JwtId { iss, jti } => one(&[iss, jti]),
            Self::SamlAssertionId { issuer, assertion_id } => one(&[issuer, assertion_id]),
            Self::Aliases { identifiers } => identifiers.iter().flat_map(|it| it.identifiers(kind, scope)).collect(),
            Self::IpAddresses { .. } | Self::Unknown { .. } => Vec::new(),
        }
    }
}
