//! The members of a typed event, with the path that a refusal names (okta.md 6.5).

use serde_json::{Map, Value};

use crate::{
    catalogue::EventKind,
    error::{MALFORMED, SetError},
};

/// The members of one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members<'a> {
    kind: EventKind,
    object: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    pub(crate) const fn new(kind: EventKind, object: &'a Map<String, Value>) -> Self {
        Self { kind, object }
    }

    pub(crate) const fn kind(&self) -> EventKind {
        self.kind
    }

    /// The member, unless it is absent or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member is there and null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// A member that may be absent, and is a string otherwise.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, SetError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value.as_str().map(Some).ok_or_else(|| self.fault(name, MALFORMED))
    }

    /// A member that must be a string, and not an empty one.
    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, SetError> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| self.blank(name))
    }

    pub(crate) fn blank(&self, name: &str) -> SetError {
        SetError::blank(&self.path(name))
    }

    pub(crate) fn fault(&self, name: &str, fault: &str) -> SetError {
        SetError::claim(&self.path(name), fault)
    }

    /// `events.` event `.` member. Okta calls its six types and two of their members by other names.
    fn path(&self, name: &str) -> String {
        let event = camel_case(self.kind.name());
        let is_risk = matches!(self.kind, EventKind::UserRiskChange | EventKind::DeviceRiskChange);
        let member = match name {
            "current_level" if is_risk => "currentRiskLevel".to_owned(),
            "previous_level" if is_risk => "previousRiskLevel".to_owned(),
            _ => camel_case(name),
        };
        if !self.kind.is_documented_by_okta() {
            return format!("events.{event}.{member}");
        }
        let mut letters = event.chars();
        let initial = letters.next().map(|it| it.to_ascii_uppercase()).into_iter();
        let event: String = initial.chain(letters).collect();
        format!("events.mediation{event}Event.{member}")
    }
}

/// `previous_status` and `new-value` as `previousStatus` and `newValue`.
fn camel_case(name: &str) -> String {
    let mut words = name.split(['_', '-']);
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|it| it.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
