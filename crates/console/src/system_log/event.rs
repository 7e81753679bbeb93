//! The whole event: readable, and as the API has it.

use serde_json::Value;
use watchfire_app::insight::log::LogEntry;

use super::{
    PATH,
    request::test,
    row::{Lead, named, pages, shown, tone},
};
use crate::fields::address;

/// Characters of one value; the API has the rest.
const VALUE: usize = 2_000;
/// Characters of the JSON.
const JSON: usize = 40_000;
/// Lines.
const LINES: usize = 300;

/// An event.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) uuid: String,
    pub(crate) time: String,
    pub(crate) what: &'static str,
    pub(crate) event_type: &'static str,
    pub(crate) result: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) pages: Vec<Lead>,
    pub(crate) groups: Vec<Group>,
    pub(crate) json: String,
    /// Whether something was left out.
    pub(crate) is_cut: bool,
}

/// The lines below one member.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
}

/// A value, and the search for others like it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) value: String,
    pub(crate) link: String,
}

impl Detail {
    pub(crate) fn new(entry: &LogEntry) -> Self {
        let wire = entry.to_wire();
        let mut json = serde_json::to_string_pretty(&wire).unwrap_or_default();
        let is_cut = json.len() > JSON;
        if is_cut {
            json = json.chars().take(JSON).collect();
        }
        let event = &entry.event;
        Self {
            uuid: event.uuid.clone(),
            time: event.published.to_string(),
            what: named(event),
            event_type: event.event_type.as_str(),
            result: event.outcome.result.as_str(),
            tone: tone(event),
            pages: pages(event),
            groups: groups(&wire),
            json: shown(&json),
            is_cut,
        }
    }
}

/// Members with members have a group of their own; the plain ones come first.
fn groups(wire: &Value) -> Vec<Group> {
    let mut plain = Vec::new();
    let mut groups = Vec::new();
    for (name, value) in wire.as_object().into_iter().flatten() {
        let mut lines = Vec::new();
        collect(name, name, value, &mut lines);
        match value {
            Value::Object(_) | Value::Array(_) if !lines.is_empty() => groups.push(Group {
                name: name.clone(),
                lines,
            }),
            _ => plain.append(&mut lines),
        }
    }
    let event = Group {
        name: "event".to_owned(),
        lines: plain,
    };
    std::iter::once(event).chain(groups).collect()
}

/// `path` is for people, `field` for the filter: it has no numbers of elements.
fn collect(path: &str, field: &str, value: &Value, lines: &mut Vec<Line>) {
    if lines.len() >= LINES {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                collect(&format!("{path}.{name}"), &format!("{field}.{name}"), member, lines);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(&format!("{path}[{index}]"), field, element, lines);
            }
        }
        Value::String(text) => lines.push(line(path, field, text, &test(field, text))),
        other => {
            let text = other.to_string();
            lines.push(line(path, field, &text, &format!("{field} eq {text}")));
        }
    }
}

fn line(path: &str, field: &str, text: &str, filter: &str) -> Line {
    // A time is a bound, not a filter; a long text is no question that anybody asks.
    let asks = field != "published" && text.len() <= 200 && !text.is_empty();
    Line {
        path: shown(path),
        value: shown(&text.chars().take(VALUE).collect::<String>()),
        link: if asks {
            address(PATH, &[("filter", filter)])
        } else {
            String::new()
        },
    }
}
