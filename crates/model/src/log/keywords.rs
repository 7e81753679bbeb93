//! The `q` parameter: keywords that must all occur in an event (okta.md 8.1).

use serde_json::Value;

use super::LogEvent;

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
        let texts = event.searchable();
        let occurs = |keyword: &String| {
            let mut words = texts.iter().flat_map(|text| text.split_whitespace());
            words.any(|word| word == keyword || word.split('-').any(|part| part == keyword))
        };
        self.0.iter().all(occurs)
    }
}

impl LogEvent {
    /// The texts that keywords are looked for in, in lower case: every text of the wire form but its
    /// time, its version and what the receipt adds; and what the console calls it. What is indexed for `q`
    /// is this.
    pub fn searchable(&self) -> Vec<String> {
        let mut wire = self.to_wire();
        if let Some(members) = wire.as_object_mut() {
            members.remove("published");
            members.remove("version");
        }
        let mut texts = Vec::new();
        collect(&wire, &mut texts);
        texts.extend(self.event_type.console_message().map(str::to_lowercase));
        texts
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if text == "null" => {} // `client.zone` of no zone
        Value::String(text) => into.push(text.to_lowercase()),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, into)),
        Value::Object(members) => members.values().for_each(|member| collect(member, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
