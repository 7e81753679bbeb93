//! Event hooks (okta.md 10.4): the rules. The commands are in `event_hook/commands.rs`.

mod commands;
mod quota;

#[cfg(test)]
mod tests;

pub use self::{
    commands::{AuthChange, ChangeEventHook, CreateEventHook, DeleteEventHook, EventHookChange, EventHookDraft},
    quota::{NoteHookQuota, QuotaNews},
};

use std::collections::BTreeSet;

use watchfire_model::object::EventHook;

use crate::Rejection;

/// The type's name in error texts (okta.md 11.6).
pub const KIND: &str = "EventHook";
/// Hooks of one organisation at the most.
pub const MAX_HOOKS: usize = 25;
/// Event types of all hooks together at the most.
pub const MAX_EVENT_TYPES: usize = 300;
/// Characters of a name at the most.
pub const MAX_NAME_CHARS: usize = 255;
/// Custom headers of one hook at the most.
pub const MAX_HEADERS: usize = 20;

/// The event types that hooks may ask for (okta.md 8.6, last paragraph). Those that never happen here
/// are among them: a configuration that names them is not wrong.
const ELIGIBLE: &[&str] = &[
    "application.lifecycle.activate",
    "application.lifecycle.create",
    "application.lifecycle.deactivate",
    "application.lifecycle.delete",
    "application.lifecycle.update",
    "policy.auth_reevaluate.fail",
    "policy.lifecycle.activate",
    "policy.lifecycle.deactivate",
    "policy.lifecycle.update",
    "policy.rule.activate",
    "policy.rule.add",
    "policy.rule.deactivate",
    "policy.rule.delete",
    "policy.rule.update",
    "system.api_token.create",
    "system.api_token.revoke",
    "system.org.rate_limit.violation",
    "system.org.rate_limit.warning",
    "user.account.lock",
    "user.account.report_suspicious_activity_by_enduser",
    "user.account.reset_password",
    "user.account.unlock",
    "user.account.update_password",
    "user.authentication.universal_logout",
    "user.authentication.universal_logout.scheduled",
    "user.lifecycle.activate",
    "user.lifecycle.create",
    "user.lifecycle.deactivate",
    "user.lifecycle.delete.initiated",
    "user.lifecycle.reactivate",
    "user.lifecycle.suspend",
    "user.lifecycle.unsuspend",
    "user.mfa.factor.activate",
    "user.mfa.factor.deactivate",
    "user.mfa.factor.reset_all",
    "user.mfa.factor.suspend",
    "user.mfa.factor.unsuspend",
    "user.mfa.factor.update",
    "user.risk.detect",
    "user.session.clear",
    "user.session.context.change",
    "user.session.end",
    "user.session.start",
];

/// Headers that the call itself sets, or that would change how it is read (RFC 9110, RFC 9112).
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Whether hooks may ask for this event type.
pub fn is_eligible(event_type: &str) -> bool {
    ELIGIBLE.binary_search(&event_type).is_ok()
}

/// Whether a hook may send a header of this name.
pub fn is_free_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let reserved = RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with("x-okta-") || name.starts_with("proxy-");
    !name.is_empty() && name.len() <= 255 && name.bytes().all(is_token) && !reserved
}

/// Whether a header may have this value: printable, one line, as it stands (RFC 9110 section 5.5).
pub fn is_header_value(value: &str) -> bool {
    let printable = |byte: u8| byte == b' ' || byte == b'\t' || (0x21..=0x7e).contains(&byte);
    !value.is_empty() && value.len() <= 4_096 && value.bytes().all(printable) && value.trim() == value
}

/// Checks a draft by itself and beside the other hooks; every fault is a cause.
fn check(draft: &EventHookDraft, others: &[&EventHook]) -> Result<(), Rejection> {
    let mut faults: Vec<(&str, String)> = Vec::new();
    if draft.name.trim().is_empty() {
        faults.push(("name", "The field cannot be left blank".to_owned()));
    } else if draft.name.chars().count() > MAX_NAME_CHARS {
        faults.push(("name", "The field is too long".to_owned()));
    }
    if draft.events.is_empty() {
        faults.push(("events.items", "The field cannot be left blank".to_owned()));
    }
    for event in &draft.events {
        if !is_eligible(event) {
            faults.push((
                "events.items",
                format!("The event type '{event}' is not available for event hooks"),
            ));
        }
    }
    let elsewhere: usize = others.iter().map(|hook| hook.events.len()).sum();
    if elsewhere.saturating_add(draft.events.len()) > MAX_EVENT_TYPES {
        faults.push((
            "events.items",
            format!("Maximum number of event types ({MAX_EVENT_TYPES}) reached"),
        ));
    }
    check_headers(draft, &mut faults);
    match faults.first() {
        None => Ok(()),
        Some((field, _)) => Err(Rejection::Invalid {
            field: (*field).to_owned(),
            causes: faults.iter().map(|(field, message)| format!("{field}: {message}")).collect(),
        }),
    }
}

fn check_headers(draft: &EventHookDraft, faults: &mut Vec<(&str, String)>) {
    const FIELD: &str = "channel.config.headers";
    if draft.headers.len() > MAX_HEADERS {
        faults.push((FIELD, format!("Maximum number of headers ({MAX_HEADERS}) reached")));
    }
    let mut seen: BTreeSet<String> = draft.auth_header.iter().map(|name| name.to_ascii_lowercase()).collect();
    if draft.auth_header.as_ref().is_some_and(|name| !is_free_header(name)) {
        faults.push((
            "channel.config.authScheme.key",
            "The header name is not valid or reserved".to_owned(),
        ));
    }
    for (name, value) in &draft.headers {
        if !is_free_header(name) {
            faults.push((FIELD, format!("The header name '{name}' is not valid or reserved")));
        } else if !is_header_value(value) {
            faults.push((FIELD, format!("The value of the header '{name}' is not valid")));
        } else if !seen.insert(name.to_ascii_lowercase()) {
            faults.push((FIELD, format!("The header '{name}' is given twice")));
        }
    }
}
