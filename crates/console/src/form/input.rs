//! One thing that a form asks.

use serde_json::{Number, Value};

use crate::fields::Fields;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) values: Vec<String>,
    pub(crate) faults: Vec<String>,
    /// Where the API has it, as a JSON pointer; empty for what is no member of its own.
    pub(crate) at: &'static str,
}

/// How it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A line.
    Text,
    /// A line that is code: an address, an expression.
    Code,
    /// A line that is not shown again.
    Secret,
    /// A whole number.
    Number,
    /// A public key as a JWK, which the browser can make.
    Key,
    /// A list, an entry a line.
    Lines,
    /// One of these.
    Choice(Vec<Choice>),
    /// Any of these.
    Several(Vec<Choice>),
    /// Yes or no.
    Switch,
    /// Nothing: what follows belongs together.
    Part,
}

/// A possible answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
        }
    }

    /// These, as they are.
    pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<Self> {
        pairs.iter().map(|(value, label)| Self::new(*value, *label)).collect()
    }

    /// The objects of a list by a member of theirs.
    pub(crate) fn of(items: &[Value], label: &str) -> Vec<Self> {
        let text = |item: &Value, at: &str| {
            let text = item.pointer(at).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        items
            .iter()
            .map(|item| Self::new(text(item, "/id"), text(item, label)))
            .collect()
    }
}

impl Input {
    const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            hint: "",
            kind,
            required: false,
            values: Vec::new(),
            faults: Vec::new(),
            at: "",
        }
    }

    pub(crate) const fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Text)
    }

    pub(crate) const fn code(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Code)
    }

    pub(crate) const fn secret(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Secret)
    }

    pub(crate) const fn number(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Number)
    }

    pub(crate) const fn key(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Key)
    }

    pub(crate) const fn lines(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Lines)
    }

    pub(crate) const fn choice(name: &'static str, label: &'static str, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Kind::Choice(choices))
    }

    pub(crate) const fn several(name: &'static str, label: &'static str, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Kind::Several(choices))
    }

    pub(crate) const fn switch(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Switch)
    }

    /// What follows belongs together under this heading.
    pub(crate) const fn part(label: &'static str, hint: &'static str) -> Self {
        let mut part = Self::new("", label, Kind::Part);
        part.hint = hint;
        part
    }

    pub(crate) const fn at(mut self, pointer: &'static str) -> Self {
        self.at = pointer;
        self
    }

    pub(crate) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What it says before anybody has typed.
    pub(crate) fn with(mut self, value: impl Into<String>) -> Self {
        self.values = vec![value.into()];
        self
    }

    pub(crate) fn value(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.value() == ON
    }

    pub(crate) fn has(&self, value: &str) -> bool {
        self.values.iter().any(|known| known == value)
    }

    /// What screen readers are told belongs to it.
    pub(crate) fn described_by(&self, id: &str) -> String {
        let parts = [(!self.faults.is_empty(), "fault"), (!self.hint.is_empty(), "hint")];
        let ids: Vec<String> = parts
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, part)| format!("{id}-{part}"))
            .collect();
        ids.join(" ")
    }

    /// Takes what was typed.
    pub(super) fn take(&mut self, fields: &Fields) {
        self.values = match self.kind {
            Kind::Several(_) => fields.all(self.name),
            Kind::Switch if fields.has(self.name) => vec![ON.to_owned()],
            Kind::Switch | Kind::Part => Vec::new(),
            _ => vec![fields.get(self.name).replace("\r\n", "\n")],
        };
    }

    /// Takes what the API has.
    pub(super) fn fill(&mut self, object: &Value) {
        let Some(value) = object
            .pointer(self.at)
            .filter(|value| !self.at.is_empty() && !value.is_null())
        else {
            return;
        };
        self.values = match (&self.kind, value) {
            (Kind::Secret, _) => Vec::new(),
            (Kind::Switch, value) => value.as_bool().filter(|on| *on).map(|_| ON.to_owned()).into_iter().collect(),
            (Kind::Lines, Value::Array(items)) => vec![items.iter().map(plain).collect::<Vec<_>>().join("\n")],
            (Kind::Several(_), Value::Array(items)) => items.iter().map(plain).collect(),
            (_, value) => vec![plain(value)],
        };
    }

    /// What it says to the API; nothing when it is left empty.
    pub(super) fn said(&self) -> Option<Value> {
        let text = || Some(self.value().trim()).filter(|text| !text.is_empty());
        match self.kind {
            Kind::Part => None,
            Kind::Switch => Some(self.is_on().into()),
            Kind::Several(_) => Some(self.values.clone()).filter(|values| !values.is_empty()).map(Value::from),
            Kind::Lines => Some(lines(self.value())).filter(|lines| !lines.is_empty()).map(Value::from),
            // What is no number is said as it is: the API's words are better than ours.
            Kind::Number => text().map(|text| serde_json::from_str::<Number>(text).map_or_else(|_| text.into(), Value::Number)),
            Kind::Key => text().map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
            _ => text().map(Value::from),
        }
    }

    /// Whether a fault at `path` is this input's; `exactly`, or by the last name of the path.
    pub(super) fn is_named(&self, path: &str, exactly: bool) -> bool {
        if path.is_empty() || self.at.is_empty() {
            return !path.is_empty() && self.name == path;
        }
        let own = self.at.trim_start_matches('/').replace('/', ".");
        if exactly {
            let rest = path.strip_prefix(&own);
            return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        }
        own.rsplit('.').next() == path.rsplit('.').next()
    }
}

/// What a box that is ticked sends.
const ON: &str = "yes";

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The entries of a list, without blanks and empty lines.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}
