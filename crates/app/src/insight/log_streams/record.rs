//! What an event looks like where a stream ends: one line of JSON that nothing in it can break.

use serde_json::{Map, Value, json};
use watchfire_model::{
    log::{EventType, Severity},
    object::LogStreamFormat,
    time::Timestamp,
};
use watchfire_store::log::LogEntry;

use crate::insight::ocsf;

/// Characters that texts of an event are cut to when it is too long as it is, one after the other.
const CUTS: [usize; 4] = [4_096, 1_024, 256, 64];
/// Elements that lists are cut to beside.
const MOST_ELEMENTS: usize = 20;

/// An event on its way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// Its id, under which it may come twice.
    pub(super) uuid: String,
    pub(super) published: Timestamp,
    pub(super) event_type: EventType,
    pub(super) severity: Severity,
    pub(super) body: Value,
}

impl Record {
    pub(super) fn new(entry: &LogEntry, format: LogStreamFormat) -> Self {
        Self {
            uuid: entry.event.uuid.clone(),
            published: entry.event.published,
            event_type: entry.event.event_type,
            severity: entry.event.severity,
            body: match format {
                LogStreamFormat::Okta => entry.to_wire(),
                LogStreamFormat::Ocsf => ocsf::of(entry),
            },
        }
    }

    /// One line, without its end.
    pub(super) fn line(&self) -> String {
        escaped(&self.body, is_harmful)
    }

    /// One line in ASCII, without its end, of at most `most` bytes.
    pub(super) fn ascii_within(&self, most: usize) -> String {
        self.within(most, |body| escaped(body, |c| !c.is_ascii() || c == '\u{7f}'))
    }

    /// One line, without its end, of at most `most` bytes: what is longer loses the ends of its texts, and says so
    /// with a member `truncated`.
    pub(super) fn line_within(&self, most: usize) -> String {
        self.within(most, |body| escaped(body, is_harmful))
    }

    fn within(&self, most: usize, print: impl Fn(&Value) -> String) -> String {
        let whole = print(&self.body);
        if whole.len() <= most {
            return whole;
        }
        for cut in CUTS {
            let mut body = shortened(&self.body, cut);
            if let Some(members) = body.as_object_mut() {
                members.insert("truncated".to_owned(), true.into());
            }
            let text = print(&body);
            if text.len() <= most {
                return text;
            }
        }
        print(&json!({
            "uuid": self.uuid,
            "published": self.published,
            "eventType": self.event_type.as_str(),
            "severity": self.severity.as_str(),
            "truncated": true,
        }))
    }
}

fn shortened(value: &Value, cut: usize) -> Value {
    match value {
        Value::String(text) => text.chars().take(cut).collect::<String>().into(),
        Value::Array(elements) => elements
            .iter()
            .take(MOST_ELEMENTS)
            .map(|element| shortened(element, cut))
            .collect(),
        Value::Object(members) => {
            let short = members
                .iter()
                .map(|(name, value)| (name.chars().take(cut).collect(), shortened(value, cut)));
            Value::Object(short.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// JSON in which the characters that are `told` stand as `\u` and their number: they are only in texts.
fn escaped(value: &Value, told: impl Fn(char) -> bool) -> String {
    use std::fmt::Write as _;
    let plain = value.to_string();
    if !plain.chars().any(&told) {
        return plain;
    }
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        if told(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// What ends a line for some readers, moves a terminal's cursor, or hides or turns round what stands beside it. The
/// control characters of ASCII are escaped by JSON itself.
const fn is_harmful(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn record(name: &str) -> Record {
        Record {
            uuid: "00000000-0000-8000-8000-000000000001".to_owned(),
            published: Timestamp::from_seconds(1_800_000_000),
            event_type: EventType::UserSessionStart,
            severity: Severity::Info,
            body: json!({"actor": {"displayName": name}, "uuid": "00000000-0000-8000-8000-000000000001"}),
        }
    }

    const HOSTILE: [&str; 7] = [
        "a\nb\r\n<134>1 - - - - - - forged",
        "\u{2028}\u{2029}\u{85}\u{0}",
        "\u{202e}gnp.exe\u{2066}\u{feff}",
        "\u{1b}[2J\u{9b}31m\u{7f}",
        "12 <13>1 \"quoted\\\" ] }",
        "\u{e0041}\u{1f600} Ελένη 花子",
        "\u{0}",
    ];

    #[test]
    fn a_line_stays_one_line_and_reads_back_as_it_was() {
        for name in HOSTILE {
            let record = record(name);
            for line in [record.line(), record.ascii_within(10_000)] {
                assert!(line.chars().all(|c| !c.is_control() && !is_harmful(c)), "{line}");
                assert_eq!(line.lines().count(), 1);
                assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), record.body);
            }
            assert!(record.ascii_within(10_000).is_ascii());
        }
        assert!(
            record("Ελένη 花子").line().contains("Ελένη 花子"),
            "what harms nobody stays readable"
        );
    }

    #[test]
    fn what_is_too_long_loses_the_ends_of_its_texts() {
        let record = record(&"花".repeat(64 * 1024));
        for most in [100_000, 8_192, 2_048, 500, 300] {
            let line = record.ascii_within(most);
            assert!(line.len() <= most, "{most}");
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&read["truncated"], &read["uuid"]), (&json!(true), &json!(record.uuid)));
        }
        let many = Record {
            body: json!({"target": vec!["x"; 100_000]}),
            ..record
        };
        let line = many.line_within(2_048);
        assert!(line.len() <= 2_048 && line.contains("truncated"));
    }
}
