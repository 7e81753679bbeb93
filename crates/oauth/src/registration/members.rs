//! Reading members of client metadata: null counts as absent, types are checked.

use serde_json::{Map, Value};
use url::Url;

use super::RegistrationError;

/// Items of a list in client metadata.
const MAX_ITEMS: usize = 100;
/// Bytes of an address.
const MAX_ADDRESS_BYTES: usize = 2048;

pub(super) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn of(body: &'a Value) -> Result<Self, RegistrationError> {
        let members = body.as_object();
        members
            .map(Self)
            .ok_or_else(|| RegistrationError::metadata("client_name", "The field cannot be left blank"))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn string(&self, name: &'static str) -> Result<Option<&'a str>, RegistrationError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str();
        text.map(Some)
            .ok_or_else(|| RegistrationError::metadata(name, "The field must be a string"))
    }

    pub(super) fn boolean(&self, name: &'static str) -> Result<Option<bool>, RegistrationError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let truth = value.as_bool();
        truth
            .map(Some)
            .ok_or_else(|| RegistrationError::metadata(name, "The field must be a boolean"))
    }

    /// A string that is one of `values`.
    pub(super) fn one_of(&self, name: &'static str, values: &[&'static str]) -> Result<Option<&'static str>, RegistrationError> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        let known = values.iter().copied().find(|it| *it == text);
        known.map(Some).ok_or_else(|| invalid_value(name, text, values))
    }

    /// A list of strings, each one of `values` and kept once; an empty one counts as absent.
    pub(super) fn some_of(&self, name: &'static str, values: &[&str]) -> Result<Option<Vec<String>>, RegistrationError> {
        let mut known: Vec<String> = Vec::new();
        for text in self.strings(name)? {
            if !values.contains(&text) {
                return Err(invalid_value(name, text, values));
            }
            if !known.iter().any(|it| it == text) {
                known.push(text.to_owned());
            }
        }
        Ok(Some(known).filter(|list| !list.is_empty()))
    }

    /// A list of absolute URIs without fragments (RFC 6749 section 3.1.2).
    pub(super) fn redirect_uris(&self, name: &'static str) -> Result<Vec<String>, RegistrationError> {
        let mut uris = Vec::new();
        for text in self.strings(name)? {
            if !is_redirect_uri(text) {
                return Err(RegistrationError::RedirectUri {
                    member: name,
                    message: format!("'{text}' is not an absolute URI without a fragment."),
                });
            }
            uris.push(text.to_owned());
        }
        Ok(uris)
    }

    /// An http or https URL.
    pub(super) fn address(&self, name: &'static str, allow_http: bool) -> Result<Option<&'a str>, RegistrationError> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        let is_allowed = |url: Url| url.has_host() && (url.scheme() == "https" || (allow_http && url.scheme() == "http"));
        if text.len() <= MAX_ADDRESS_BYTES && Url::parse(text).is_ok_and(is_allowed) {
            return Ok(Some(text));
        }
        let wanted = if allow_http { "http or https" } else { "https" };
        Err(RegistrationError::metadata(
            name,
            format!("The field must be a valid {wanted} URL"),
        ))
    }

    fn strings(&self, name: &'static str) -> Result<Vec<&'a str>, RegistrationError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let list = value
            .as_array()
            .and_then(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let list = list.ok_or_else(|| RegistrationError::metadata(name, "The field must be an array of strings"))?;
        if list.len() > MAX_ITEMS {
            return Err(RegistrationError::metadata(name, "The field must have at most 100 items"));
        }
        Ok(list)
    }
}

fn invalid_value(name: &'static str, text: &str, values: &[&str]) -> RegistrationError {
    RegistrationError::metadata(
        name,
        format!("'{text}' is not a valid value. Valid values: [{}]", values.join(", ")),
    )
}

/// Schemes that run code or show content in a browser are no place to send a user to.
fn is_redirect_uri(text: &str) -> bool {
    let is_harmless = |url: &Url| !matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about");
    let is_complete = |url: &Url| !matches!(url.scheme(), "http" | "https") || url.has_host();
    text.len() <= MAX_ADDRESS_BYTES
        && Url::parse(text).is_ok_and(|url| url.fragment().is_none() && is_harmless(&url) && is_complete(&url))
}
