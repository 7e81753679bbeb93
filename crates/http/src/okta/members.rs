//! Reads the members of a JSON body and collects every fault on the way, so that one answer names
//! them all (okta.md 11.6). Members that nobody asks for are ignored, as Okta does, or refused, as our own
//! interfaces do; null ones are absent (11.3).

use serde_json::{Map, Value};
use watchfire_app::Error;
use watchfire_model::time::Timestamp;

use crate::query::NO_TIME;

const BLANK: &str = "The field cannot be left blank";
const INVALID: &str = "Invalid value";
const TOO_LONG: &str = "The field is too long";
/// Characters of a time.
const MAX_TIME: usize = 64;
const UNKNOWN: &str = "There is no such member";

/// What is wrong with a body.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(String, String)>);

impl Faults {
    /// Notes a fault of `field`.
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push((field.into(), message.into()));
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing was wrong; else the summary names the first field and each fault is a cause.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Error> {
        match self.0.first() {
            None => Ok(value),
            Some((field, _)) => Err(Error::Invalid {
                field: field.clone(),
                causes: self.0.iter().map(|(field, message)| format!("{field}: {message}")).collect(),
            }),
        }
    }
}

/// The members of one object of a body.
#[derive(Clone, Debug)]
pub(crate) struct Members<'v> {
    object: Option<&'v Map<String, Value>>,
    path: String,
}

impl<'v> Members<'v> {
    /// The body itself.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no object.
    pub(crate) fn of(body: &'v Value) -> Result<Self, Error> {
        body.as_object().map(Self::of_object).ok_or(Error::Malformed)
    }

    /// The body itself, where it is known to be an object.
    pub(crate) const fn of_object(body: &'v Map<String, Value>) -> Self {
        Self {
            object: Some(body),
            path: String::new(),
        }
    }

    /// An object inside; an absent one has no members.
    pub(crate) fn child(&self, name: &str, faults: &mut Faults) -> Self {
        let value = self.value(name);
        if value.is_some_and(|v| !v.is_object()) {
            faults.add(self.path_of(name), INVALID);
        }
        Self {
            object: value.and_then(Value::as_object),
            path: self.path_of(name),
        }
    }

    /// A member as it is; null is absent.
    pub(crate) fn value(&self, name: &str) -> Option<&'v Value> {
        self.object?.get(name).filter(|v| !v.is_null())
    }

    /// The names of the members that are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        let members = self.object.into_iter().flatten();
        members.filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    /// Refuses members that are not among `known`, where to ignore one would be to act without it.
    pub(crate) fn only(&self, known: &[&str], message: &str, faults: &mut Faults) {
        for name in self.names().filter(|name| !known.contains(name)) {
            faults.add(self.path_of(name), message);
        }
    }

    /// Refuses members that are not among `known`: one that is misspelt would be as if it was not there. Those that
    /// are only read are known too, so that what was read can be sent back.
    pub(crate) fn known(&self, known: &[&str], faults: &mut Faults) {
        self.only(known, UNKNOWN, faults);
    }

    /// A member's name as faults call it.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A text of at most `max` characters.
    pub(crate) fn text(&self, name: &str, max: usize, faults: &mut Faults) -> Option<String> {
        let text = self.typed(name, Value::as_str, faults)?;
        if text.chars().count() > max {
            faults.add(self.path_of(name), TOO_LONG);
        }
        Some(text.to_owned())
    }

    /// A text that must be there and must not be blank.
    pub(crate) fn required_text(&self, name: &str, max: usize, faults: &mut Faults) -> String {
        let wrong_type = self.value(name).is_some_and(|v| !v.is_string());
        let text = self.text(name, max, faults).unwrap_or_default();
        if text.trim().is_empty() && !wrong_type {
            faults.add(self.path_of(name), BLANK);
        }
        text
    }

    /// A time.
    pub(crate) fn instant(&self, name: &str, faults: &mut Faults) -> Option<Timestamp> {
        let text = self.text(name, MAX_TIME, faults)?;
        let read = Timestamp::parse(&text).ok();
        if read.is_none() {
            faults.add(self.path_of(name), NO_TIME);
        }
        read
    }

    /// A truth value.
    pub(crate) fn boolean(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        self.typed(name, Value::as_bool, faults)
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&self, name: &str, range: std::ops::RangeInclusive<u32>, faults: &mut Faults) -> Option<u32> {
        let within = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        self.typed(name, within, faults)
    }

    /// A whole number within `range`, which some clients write with a fraction of zero: `20.0`.
    pub(crate) fn whole(&self, name: &str, range: std::ops::RangeInclusive<u32>, faults: &mut Faults) -> Option<u32> {
        let read = |v: &Value| {
            let digits = v.as_number()?.to_string();
            let digits = digits.strip_suffix(".0").unwrap_or(&digits);
            digits.parse().ok().filter(|n| range.contains(n))
        };
        self.typed(name, read, faults)
    }

    /// One of the words of an enumeration. An empty text is absent, as Terraform means it.
    pub(crate) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        if self.value(name).and_then(Value::as_str) == Some("") {
            return None;
        }
        let chosen = |v: &Value| {
            let text = v.as_str()?;
            words.iter().find(|(word, _)| *word == text).map(|(_, it)| *it)
        };
        self.typed(name, chosen, faults)
    }

    /// A list of texts; absent is empty.
    pub(crate) fn texts(&self, name: &str, faults: &mut Faults) -> Vec<String> {
        let all_texts = |v: &'v Value| -> Option<Vec<String>> {
            let items = v.as_array()?;
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        };
        self.typed(name, all_texts, faults).unwrap_or_default()
    }

    /// Notes that a member must be there, when it is not.
    pub(crate) fn require(&self, name: &str, faults: &mut Faults) {
        if self.value(name).is_none() {
            faults.add(self.path_of(name), BLANK);
        }
    }

    fn typed<T>(&self, name: &str, read: impl FnOnce(&'v Value) -> Option<T>, faults: &mut Faults) -> Option<T> {
        let value = self.value(name)?;
        let read = read(value);
        if read.is_none() {
            faults.add(self.path_of(name), INVALID);
        }
        read
    }
}
