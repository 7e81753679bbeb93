//! The `q` parameter: keywords that must all occur in an event (okta.md 8.1).

use super::LogEvent;
use crate::texts::each_text;

/// How many keywords a query may have.
pub const MAX_KEYWORDS: usize = 10;

/// How many characters a keyword may have.
pub const MAX_KEYWORD_CHARS: usize = 40;

/// Keywords in lower case; none of them lets every event through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

/// Why keywords were refused. `Display` is the cause that goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeywordsError {
    /// More than [`MAX_KEYWORDS`].
    #[error("'q': Freeform search cannot contain more than {MAX_KEYWORDS} items.")]
    TooMany,
    /// One is longer than [`MAX_KEYWORD_CHARS`].
    #[error("'q': Freeform search cannot contain items longer than {MAX_KEYWORD_CHARS} characters.")]
    TooLong,
}

impl Keywords {
    /// Reads keywords between blanks.
    ///
    /// # Errors
    /// [`KeywordsError`] past the bounds.
    pub fn parse(text: &str) -> Result<Self, KeywordsError> {
        let keywords: Vec<String> = text.split_whitespace().take(MAX_KEYWORDS + 1).map(str::to_owned).collect();
        if keywords.iter().any(|keyword| keyword.chars().count() > MAX_KEYWORD_CHARS) {
            return Err(KeywordsError::TooLong);
        }
        if keywords.len() > MAX_KEYWORDS {
            return Err(KeywordsError::TooMany);
        }
        Ok(Self(keywords.iter().map(|keyword| keyword.to_lowercase()).collect()))
    }

    /// The keywords in lower case.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every keyword is, without regard to case, a whole word of one of the event's values,
    /// or such a word's part between hyphens. A word is what stands between blanks.
    pub fn match_event(&self, event: &LogEvent) -> bool {
        if self.is_empty() {
            return true;
        }
        let text = event.searchable();
        let occurs = |keyword: &String| {
            let mut words = text.split_whitespace();
            words.any(|word| word == keyword || word.split('-').any(|part| part == keyword))
        };
        self.0.iter().all(occurs)
    }
}

impl LogEvent {
    /// The texts that keywords are looked for in, in lower case, with blanks between them: every text of the
    /// wire form but its time, its version and what the receipt adds; and what the console calls it. What is
    /// indexed for `q` is this.
    pub fn searchable(&self) -> String {
        let mut searchable = String::with_capacity(1_024);
        let mut see = |text: &str| {
            push_lower(text, &mut searchable);
            searchable.push('\n');
        };
        each_text(&self.stored_texts(), &mut see);
        see(self.event_type.display_message());
        self.legacy_event_type().into_iter().for_each(&mut see);
        self.event_type.console_message().into_iter().for_each(&mut see);
        self.ip_chain.iter().for_each(|hop| see(hop.version()));
        searchable
    }

    /// Everything that is stored and shown.
    fn stored_texts(&self) -> impl serde::Serialize {
        (
            (&self.uuid, self.event_type, self.severity, &self.actor, &self.client),
            (&self.authentication_context, &self.outcome, &self.target, &self.transaction),
            (&self.debug_data, &self.security_context, &self.ip_chain),
        )
    }
}

/// Most texts are ASCII, which needs no memory of its own.
fn push_lower(text: &str, into: &mut String) {
    if text.is_ascii() {
        into.extend(text.chars().map(|c| c.to_ascii_lowercase()));
    } else {
        into.push_str(&text.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::log::tests::sign_in;

    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => into.extend(text.to_lowercase().split_whitespace().map(str::to_owned)),
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, into)),
            Value::Object(members) => members.values().for_each(|member| collect(member, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    #[test]
    fn what_is_searched_is_every_text_of_the_wire_form() {
        let event = sign_in();
        let mut wire = event.to_wire();
        let members = wire.as_object_mut().unwrap();
        members.remove("published");
        members.remove("version");
        // The word for no zone.
        members["client"].as_object_mut().unwrap().remove("zone");
        let mut shown = BTreeSet::new();
        collect(&wire, &mut shown);
        let text = event.searchable();
        let searched: BTreeSet<String> = text.split_whitespace().map(str::to_owned).collect();
        assert_eq!(searched, shown);
    }
}
