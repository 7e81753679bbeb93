//! A transmitter's configuration document (ssf.md 5.1). Where it is found is in
//! [`discovery`](crate::stream::discovery).
//!
//! Only `issuer` must be right for the document to be one at all. Any other element that is wrong is
//! left out and noted: what needs it cannot be done, and nothing else suffers (META-12).

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use url::Url;

use crate::stream::{DeliveryMethod, DeliveryNames};

/// What a document without `spec_version` follows (ssf.md 5.1).
pub const ASSUMED_SPEC_VERSION: &str = "1_0-ID1";
/// Characters of an issuer (META-13).
pub const MAX_ISSUER_CHARS: usize = 700;
/// Characters of a URL in a document (STRM-03).
const MAX_URL_CHARS: usize = 2048;
/// Elements of a list in a document that are looked at.
const MAX_ELEMENTS: usize = 100;

/// A document that describes no transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not a JSON object.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// `issuer` is absent, empty, too long or no string.
    #[error("the document has no valid 'issuer'")]
    Issuer,
}

/// A transmitter's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransmitterMetadata {
    /// `spec_version`, whether it was sent or assumed. Capabilities are told by endpoints, not by this
    /// (AMB-49).
    pub spec_version: String,
    /// `issuer`, to the letter.
    pub issuer: String,
    /// `jwks_uri`
    pub jwks_uri: Option<String>,
    /// `delivery_methods_supported`, as far as they are known here.
    pub delivery_methods: Vec<(DeliveryMethod, DeliveryNames)>,
    /// `configuration_endpoint`
    pub configuration_endpoint: Option<String>,
    /// `status_endpoint`
    pub status_endpoint: Option<String>,
    /// `add_subject_endpoint`
    pub add_subject_endpoint: Option<String>,
    /// `remove_subject_endpoint`
    pub remove_subject_endpoint: Option<String>,
    /// `verification_endpoint`
    pub verification_endpoint: Option<String>,
    /// `critical_subject_members` (SUB-16).
    pub critical_subject_members: Vec<String>,
    /// `spec_urn` of each of the `authorization_schemes`.
    pub authorization_schemes: Vec<String>,
    /// `default_subjects`
    pub default_subjects: Option<DefaultSubjects>,
    /// Elements that are there and are not as they should be.
    pub faults: Vec<Fault>,
}

/// An element that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub member: &'static str,
    /// What is wrong with it.
    pub fault: &'static str,
}

/// Whose events a stream carries before any subject is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultSubjects {
    /// Everybody's.
    All,
    /// Nobody's.
    None,
}

impl TransmitterMetadata {
    /// Reads a document.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(document: &Value) -> Result<Self, MetadataError> {
        let members = document.as_object().ok_or(MetadataError::NotAnObject)?;
        let issuer = members.get("issuer").and_then(Value::as_str).unwrap_or_default();
        if issuer.is_empty() || issuer.chars().count() > MAX_ISSUER_CHARS {
            return Err(MetadataError::Issuer);
        }
        let mut reader = Reader {
            members,
            faults: Vec::new(),
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            spec_version: reader.spec_version(),
            jwks_uri: reader.url("jwks_uri"),
            delivery_methods: reader.delivery_methods(),
            configuration_endpoint: reader.url("configuration_endpoint"),
            status_endpoint: reader.url("status_endpoint"),
            add_subject_endpoint: reader.url("add_subject_endpoint"),
            remove_subject_endpoint: reader.url("remove_subject_endpoint"),
            verification_endpoint: reader.url("verification_endpoint"),
            critical_subject_members: reader.texts("critical_subject_members"),
            authorization_schemes: reader.authorization_schemes(),
            default_subjects: reader.default_subjects(),
            faults: reader.faults,
        })
    }

    /// Whether streams can be made and changed here; without that it only pushes (META-09).
    pub const fn has_stream_api(&self) -> bool {
        self.configuration_endpoint.is_some()
    }

    /// What is wrong with an element, when that is why it is not here.
    pub fn fault_of(&self, member: &str) -> Option<&'static str> {
        self.faults.iter().find(|it| it.member == member).map(|it| it.fault)
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// An element that is absent is null as well (AMB-21, AMB-45).
    fn present(&self, member: &str) -> Option<&'a Value> {
        self.members.get(member).filter(|value| !value.is_null())
    }

    fn fault<T>(&mut self, member: &'static str, fault: &'static str) -> Option<T> {
        self.faults.push(Fault { member, fault });
        None
    }

    fn spec_version(&mut self) -> String {
        let sent = match self.present("spec_version") {
            Some(Value::String(version)) => Some(version.clone()),
            Some(_) => self.fault("spec_version", "not a string"),
            None => None,
        };
        sent.unwrap_or_else(|| ASSUMED_SPEC_VERSION.to_owned())
    }

    /// Its scheme is http or https; which of them may be called is the outbound policy's.
    fn url(&mut self, member: &'static str) -> Option<String> {
        let value = self.present(member)?;
        let Some(text) = value.as_str() else {
            return self.fault(member, "not a string");
        };
        if text.chars().count() > MAX_URL_CHARS {
            return self.fault(member, "too long");
        }
        let is_http = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        if is_http {
            Some(text.to_owned())
        } else {
            self.fault(member, "not an absolute https URL")
        }
    }

    fn list(&mut self, member: &'static str) -> &'a [Value] {
        match self.present(member) {
            None => &[],
            Some(Value::Array(list)) if list.len() <= MAX_ELEMENTS => list,
            Some(Value::Array(_)) => self.fault(member, "too many elements").unwrap_or_default(),
            Some(_) => self.fault(member, "not an array").unwrap_or_default(),
        }
    }

    fn texts(&mut self, member: &'static str) -> Vec<String> {
        let list = self.list(member);
        let texts: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if texts.len() == list.len() {
            texts
        } else {
            self.fault(member, "not an array of strings").unwrap_or_default()
        }
    }

    /// Methods that are not known are none of ours (META-12).
    fn delivery_methods(&mut self) -> Vec<(DeliveryMethod, DeliveryNames)> {
        let named = self.texts("delivery_methods_supported");
        named.iter().filter_map(|uri| DeliveryMethod::parse(uri)).collect()
    }

    fn authorization_schemes(&mut self) -> Vec<String> {
        let list = self.list("authorization_schemes");
        let urns = list.iter().filter_map(|scheme| scheme.get("spec_urn")?.as_str());
        urns.map(str::to_owned).collect()
    }

    fn default_subjects(&mut self) -> Option<DefaultSubjects> {
        match self.present("default_subjects")?.as_str() {
            Some("ALL") => Some(DefaultSubjects::All),
            Some("NONE") => Some(DefaultSubjects::None),
            _ => self.fault("default_subjects", "neither ALL nor NONE"),
        }
    }
}
