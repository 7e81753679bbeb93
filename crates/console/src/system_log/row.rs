//! An event as one line, and what the line opens to.

use watchfire_app::insight::log::LogEntry;
use watchfire_model::{
    id::UserId,
    log::{LogEvent, Severity},
};

use super::request::LogRequest;
use crate::risk;

/// Characters of a name in a line; the event has the rest.
const SHORT: usize = 60;
/// Targets that a line links to.
const TARGETS: usize = 3;
/// What the ids of users begin with; somebody unknown has none.
const USER: &str = UserId::PREFIX;

/// A line.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) uuid: String,
    /// RFC 3339, UTC.
    pub(crate) time: String,
    pub(crate) severity: &'static str,
    pub(crate) what: &'static str,
    pub(crate) actor: String,
    pub(crate) target: String,
    pub(crate) result: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) reason: String,
    /// Other questions that this event leads to.
    pub(crate) leads: Vec<Lead>,
    /// Pages about who and what is in it.
    pub(crate) pages: Vec<Lead>,
}

/// A link: what it is, its name, where it leads.
pub(crate) type Lead = (&'static str, String, String);

impl Row {
    pub(crate) fn new(entry: &LogEntry, request: &LogRequest) -> Self {
        let event = &entry.event;
        Self {
            uuid: event.uuid.clone(),
            time: event.published.to_string(),
            severity: event.severity.as_str(),
            what: named(event),
            actor: short(&name(
                event.actor.display_name.as_deref(),
                event.actor.alternate_id.as_deref(),
                &event.actor.id,
            )),
            target: targets(event),
            result: event.outcome.result.as_str(),
            tone: tone(event),
            reason: short(event.outcome.reason.as_deref().unwrap_or_default()),
            leads: leads(event, request),
            pages: pages(event),
        }
    }
}

/// What the console calls the event.
pub(crate) fn named(event: &LogEvent) -> &'static str {
    let kind = event.event_type;
    kind.console_message().unwrap_or_else(|| kind.display_message())
}

/// How the end of an event is coloured.
pub(crate) fn tone(event: &LogEvent) -> &'static str {
    match event.outcome.result.as_str() {
        "FAILURE" | "DENY" => "bad",
        "CHALLENGE" | "ABANDONED" | "UNANSWERED" | "DEFERRED" => "warn",
        _ if event.severity == Severity::Error => "bad",
        _ if event.severity == Severity::Warn => "warn",
        _ => "good",
    }
}

/// Characters that turn text around or are not seen, written out: a name cannot dress up as another.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let turns = matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        let hidden = character.is_control() && !matches!(character, '\n' | '\t');
        if turns || hidden {
            out.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// A name as a line has it.
pub(crate) fn short(text: &str) -> String {
    let text = shown(text);
    if text.chars().count() <= SHORT {
        return text;
    }
    let mut cut: String = text.chars().take(SHORT).collect();
    cut.push('\u{2026}');
    cut
}

fn name(display: Option<&str>, alternate: Option<&str>, id: &str) -> String {
    let known = |text: Option<&str>| text.filter(|text| !text.is_empty() && *text != "unknown").map(str::to_owned);
    known(display).or_else(|| known(alternate)).unwrap_or_else(|| id.to_owned())
}

fn targets(event: &LogEvent) -> String {
    let Some(first) = event.target.first() else {
        return String::new();
    };
    let first_name = name(first.display_name.as_deref(), first.alternate_id.as_deref(), &first.id);
    match event.target.len().saturating_sub(1) {
        0 => short(&first_name),
        more => format!("{} +{more}", short(&first_name)),
    }
}

fn ip(event: &LogEvent) -> String {
    let client = event.client.as_ref();
    client
        .and_then(|client| client.ip_address)
        .map(|ip| ip.to_string())
        .unwrap_or_default()
}

/// The pages about the user, the address and the sign-in of an event.
pub(crate) fn pages(event: &LogEvent) -> Vec<Lead> {
    let mut pages: Vec<Lead> = Vec::new();
    let mut add = |label, name: &str, link: String| {
        if !pages.iter().any(|(_, _, known)| *known == link) {
            pages.push((label, short(name), link));
        }
    };
    if let Some(id) = event.debug_data.get("signInId") {
        add("Explanation", "of the sign-in", risk::sign_in_page(id));
    }
    if event.actor.kind == "User" && event.actor.id.starts_with(USER) {
        let named = name(None, event.actor.alternate_id.as_deref(), &event.actor.id);
        add("User", &named, risk::user_page(&event.actor.id));
    }
    let users = event
        .target
        .iter()
        .filter(|target| target.kind == "User" && target.id.starts_with(USER));
    for target in users.take(TARGETS) {
        let named = name(None, target.alternate_id.as_deref(), &target.id);
        add("User", &named, risk::user_page(&target.id));
    }
    let ip = ip(event);
    if !ip.is_empty() {
        add("Address", &ip, risk::address_page(&ip));
    }
    pages
}

fn leads(event: &LogEvent, request: &LogRequest) -> Vec<Lead> {
    let mut leads = vec![(
        "Type",
        event.event_type.as_str().to_owned(),
        request.narrowed("eventType", event.event_type.as_str()),
    )];
    let mut lead = |label, field: &str, value: &str| {
        if !value.is_empty() {
            leads.push((label, short(value), request.narrowed(field, value)));
        }
    };
    lead("Actor", "actor.id", &event.actor.id);
    for target in event.target.iter().take(TARGETS) {
        lead("Target", "target.id", &target.id);
    }
    lead("Address", "client.ipAddress", &ip(event));
    lead("Transaction", "transaction.id", &event.transaction.id);
    leads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_turns_around_or_hides_is_written_out() {
        assert_eq!(shown("a\u{202e}b"), "a⟨U+202E⟩b");
        assert_eq!(shown("a\u{200b}\u{0}"), "a⟨U+200B⟩⟨U+0000⟩");
        assert_eq!(shown("Zoë 李"), "Zoë 李");
    }

    #[test]
    fn a_long_name_is_cut_in_a_line() {
        let cut = short(&"x".repeat(64 * 1024));
        assert_eq!(cut.chars().count(), SHORT + 1);
    }
}
