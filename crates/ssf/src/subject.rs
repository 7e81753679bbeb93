//! Subject identifiers (RFC 9493, ssf.md 2).

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::Value;
use watchfire_model::entity::{EntityKind, Identifier};

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

impl SimpleSubject {
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
